"""A shortlist as a table, read back as spreadsheets read it."""

import csv
import io

import pytest

from recommender.shortlists.table import plain_cell, shortlist_csv
from tests.recommender.shortlists.lists import entry, shortlist, song


def read(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig", "surrogateescape"), newline="")))


def test_every_cell() -> None:
    first = entry(song(1, title='Ü, "x"\r\ny'), note="quiet\nno voice")
    second = entry(
        song(
            2, title="", path="/music/a;b/Two.flac", tempo_bpm=None, key=None, duration_s=None, verdict=None
        ),
        query_name="",
        query_start_s=None,
        query_end_s=None,
        match_start_s=None,
        match_end_s=None,
        similarity=None,
    )
    third = entry(song(3), query_name="", query=song(9, artist=""))
    rows = read(shortlist_csv(shortlist(first, second, third)))
    assert rows[0] == {
        "number": "1",
        "title": 'Ü, "x"\r\ny',
        "artist": "Ann",
        "album": "First",
        "path": "/music/1.flac",
        "start_s": "61.5",
        "end_s": "91.5",
        "query": "Bob - Query",
        "query_start_s": "10.0",
        "query_end_s": "40.0",
        "duration_s": "200.0",
        "tempo_bpm": "120.25",
        "key": "A minor",
        "label": "rock/punk",
        "similarity": "0.875",
        "note": "quiet\nno voice",
    }
    assert (rows[1]["title"], rows[1]["path"]) == ("Two", "/music/a;b/Two.flac")
    empty = (
        "start_s",
        "end_s",
        "query",
        "query_start_s",
        "duration_s",
        "tempo_bpm",
        "key",
        "label",
        "similarity",
    )
    assert {rows[1][name] for name in empty} == {""}
    assert rows[2]["query"] == "Song 9"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@sum", "'@sum"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("  =1", "'  =1"),
        ("a=1", "a=1"),
        ("", ""),
        ("'", "'"),
    ],
)
def test_no_cell_is_a_formula(text: str, shown: str) -> None:
    assert plain_cell(text) == shown
    made = entry(
        song(1, title=text or "x", artist=text, album=text, label=text or None, verdict=""),
        note=text,
        query_name=text,
    )
    (row,) = read(shortlist_csv(shortlist(made)))
    for name in ("artist", "album", "note", "label", "query"):
        assert row[name] == shown, name


def test_a_path_that_is_no_text_keeps_its_bytes() -> None:
    content = shortlist_csv(shortlist(entry(song(1, path="/music/\udcff.flac"))))
    assert b"/music/\xff.flac" in content
