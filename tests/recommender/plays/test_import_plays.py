"""Plays from CSV, ListenBrainz and Last.fm, in every form that they have, and every kind of bad line."""

import io
import json
import os
import random
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.models import Track
from db.session import Catalog
from db.sound.features import vectors_token
from db.tracks import at_path, root_for
from recommender.errors import PlaysError
from recommender.plays.import_plays import PlaysReport, import_plays
from recommender.plays.values import parse_plays, parse_time
from tests.databases import open_catalog
from tests.db.rows import new_track

NFD, NFC = "Cafe\u0301.mp3", "Café.mp3"
# Path: artist, title, album, content.
SONGS = {
    "a/alpha.mp3": ("Ann Arbor", "Alpha", "One", "1"),
    "a/beta.mp3": ("Ann Arbor", "Beta (feat. Bob)", "One", "2"),
    "a/gamma.mp3": ("Ann Arbor", "Gamma", "One", "3"),
    "b/gamma.mp3": ("Ann Arbor", "Gamma", "Best Of", "4"),
    "b/delta.mp3": ("Café Müller", "Delta", "Two", "5"),
    "b/delta copy.flac": ("Café Müller", "Delta", "Copies", "5"),
    "b/live.mp3": ("Café Müller", "Epsilon (Live)", "Two", "6"),
    "b/epsilon.mp3": ("Café Müller", "Epsilon (Remastered 2011)", "Two", "7"),
    "c/dont.mp3": ("Dora; Emil", "Don't Stop…", "", None),
    "c/bangs.mp3": ("!!!", "???", "", None),
    f"c/{NFD}": ("", NFD, "", None),
    "c/x, y.mp3": ("", "x, y", "", None),
    "c/gone.mp3": ("Frida", "Gone", "", "9"),
}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """A catalogue of SONGS below ``music``; the file of the last one is gone."""
    made = open_catalog(tmp_path / "catalog.sqlite")
    with made.transaction() as session:
        root = root_for(session, str(tmp_path / "music"))
        for path, (artist, title, album, content) in SONGS.items():
            gone = path == "c/gone.mp3"
            values: dict[str, Any] = {"artist": artist, "title": title, "album": album}
            new_track(session, root, path, content_hash=content, missing=gone, **values)
    yield made
    made.close()


def plays(catalog: Catalog) -> dict[str, int]:
    """Return the plays of tracks that have any, by relative path."""
    with catalog.transaction() as session:
        return {t.rel_path: t.plays for t in session.query(Track) if t.plays}


def dates(catalog: Catalog) -> dict[str, datetime]:
    with catalog.transaction() as session:
        return {t.rel_path: t.last_played for t in session.query(Track) if t.last_played}


def load(catalog: Catalog, path: Path, content: str | bytes, add: bool = False) -> PlaysReport:
    """Write a file and import it; hold the report to what every report must be."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    report = import_plays(catalog, path, add)
    assert report.lines == report.matched + report.now_playing + sum(r.lines for r in report.unmatched)
    return report


def reasons(report: PlaysReport) -> list[tuple[int, str]]:
    return [(item.line, item.reason) for item in report.unmatched]


def csv_in(tmp_path: Path) -> Path:
    (tmp_path / "music").mkdir(exist_ok=True)
    return tmp_path / "music" / "plays.csv"


def test_paths_relative_absolute_roundabout_and_of_files_gone(catalog: Catalog, tmp_path: Path) -> None:
    report = load(
        catalog,
        csv_in(tmp_path),
        "Path,Comment,Plays,Last Played\n"
        "a/alpha.mp3,,3,2024-02-29T12:00:00+02:00\n"
        f"{tmp_path}/music/a/beta.mp3,,4,\n"
        "x/../../music/./b//delta.mp3,loud,5,1709203598\n"
        f"c/{NFC},,6,2020-01-02\n"
        '"c/x, y.mp3",,7,\n'
        "c/gone.mp3,,8,\n",
    )
    assert (report.kind, report.lines, report.tracks, report.changed) == ("csv", 6, 6, 6)
    assert report.unmatched == []
    expected = ["a/alpha.mp3", "a/beta.mp3", "b/delta.mp3", f"c/{NFD}", "c/x, y.mp3", "c/gone.mp3"]
    assert plays(catalog) == dict(zip(expected, range(3, 9), strict=True))
    assert dates(catalog) == {
        "a/alpha.mp3": datetime(2024, 2, 29, 10),
        "b/delta.mp3": datetime(2024, 2, 29, 10, 46, 38),
        f"c/{NFD}": datetime(2020, 1, 2),
    }


def test_accents_written_both_ways_are_two_files(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.transaction() as session:
        new_track(session, root_for(session, str(tmp_path / "music")), f"c/{NFC}")
    report = load(catalog, csv_in(tmp_path), f"path,plays\nc/{NFC},1\nc/{NFD},2\n")
    assert report.unmatched == []
    assert plays(catalog) == {f"c/{NFC}": 1, f"c/{NFD}": 2}


def test_a_path_that_fits_two_ways_to_write_accents_is_ambiguous(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.transaction() as session:
        root = root_for(session, str(tmp_path / "music"))
        for name in ("é é", "e\u0301 e\u0301"):
            new_track(session, root, name)
    report = load(catalog, csv_in(tmp_path), "path,plays\né e\u0301,1\n")
    wanted = "several files differ in how accents are written: ids 14, 15"
    assert (reasons(report), plays(catalog)) == ([(2, wanted)], {})


def test_a_path_that_is_not_utf8_is_found(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.transaction() as session:
        new_track(
            session, root_for(session, str(tmp_path / "music")), os.fsdecode(b"odd \xff.mp3"), title="o"
        )
    assert load(catalog, csv_in(tmp_path), b"path,plays\nodd \xff.mp3,2\n").unmatched == []
    assert list(plays(catalog).values()) == [2]


@pytest.mark.parametrize(
    "text",
    [
        "path;PLAY_COUNT\na/alpha.mp3;3\n",
        "play count\tfile\n3\ta/alpha.mp3\n",
        "\ufeffPlayCount,File Path\r\n3.0,a/alpha.mp3\r\n",
        "\n\npath,plays\n\n,\na/alpha.mp3, +3 \n\n",
        "path,plays\na/alpha.mp3,3\na/../a/alpha.mp3,3\n",
        "path,plays,artist,title\na/alpha.mp3,3,Who,Ever\n",
    ],
)
def test_names_of_columns_and_delimiters(catalog: Catalog, tmp_path: Path, text: str) -> None:
    for encoding in ("utf-8", "utf-16"):
        assert load(catalog, csv_in(tmp_path), text.encode(encoding)).unmatched == []
        assert plays(catalog) == {"a/alpha.mp3": 3}


NUMBER = "is no whole number from 0 to 2147483647"
BAD_PATH_LINES = [
    ("nowhere.mp3,3,", "the catalogue has no track at {music}/nowhere.mp3"),
    ("a,3,", "the catalogue has no track at {music}/a"),
    (",3,", "it has no path"),
    ("  ,3,", "it has no path"),
    ("a/beta.mp3", f"plays '' {NUMBER}"),
    ("a/beta.mp3,,", f"plays '' {NUMBER}"),
    ("a/beta.mp3,-1,", f"plays '-1' {NUMBER}"),
    ("a/beta.mp3,2.5,", f"plays '2.5' {NUMBER}"),
    ("a/beta.mp3,many,", f"plays 'many' {NUMBER}"),
    ("a/beta.mp3,nan,", f"plays 'nan' {NUMBER}"),
    ("a/beta.mp3,٣,", f"plays '٣' {NUMBER}"),
    ("a/beta.mp3,2147483648,", f"plays '2147483648' {NUMBER}"),
    (f"a/beta.mp3,{'9' * 5000},", f"plays '{'9' * 199}…' {NUMBER}"),
    ("a/beta.mp3,3,yesterday", "'yesterday' is no date that can be read, or before 1970"),
    ("a/beta.mp3,3,5138-11-16", "'5138-11-16' is in the year 5138, which is still to come"),
    ("a/beta.mp3,3,99999999999", "'99999999999' is in the year 5138, which is still to come"),
    ("a/beta.mp3,3,2021-02-29", "'2021-02-29' is no date that can be read, or before 1970"),
    (
        "a/beta.mp3,3,0001-01-01T00:00:00Z",
        "'0001-01-01T00:00:00Z' is no date that can be read, or before 1970",
    ),
    ("c/x, y.mp3,3,2020-01-01", "it has 4 fields, not 3: put a text with commas in quotes"),
]


def test_every_bad_line_is_reported_and_no_other(catalog: Catalog, tmp_path: Path) -> None:
    lines = ["path,plays,last_played", "a/alpha.mp3,3,2020-01-01", *(line for line, _ in BAD_PATH_LINES)]
    report = load(catalog, csv_in(tmp_path), "\n".join([*lines, "b/delta.mp3,5,", ""]))
    wanted = [reason.format(music=tmp_path / "music") for _, reason in BAD_PATH_LINES]
    assert reasons(report) == list(enumerate(wanted, start=3))
    assert (report.lines, report.matched) == (len(lines), 2)
    assert plays(catalog) == {"a/alpha.mp3": 3, "b/delta.mp3": 5}


def test_lines_that_disagree_count_for_nothing(catalog: Catalog, tmp_path: Path) -> None:
    text = "path,plays\na/alpha.mp3,3\na/beta.mp3,1\n./a/alpha.mp3,4\n"
    report = load(catalog, csv_in(tmp_path), text)
    assert reasons(report) == [(n, "lines 2, 4 disagree about this track") for n in (2, 4)]
    assert plays(catalog) == {"a/beta.mp3": 1}


def test_a_missing_quote_names_the_lines_it_swallowed(catalog: Catalog, tmp_path: Path) -> None:
    report = load(catalog, csv_in(tmp_path), 'path,plays\na/alpha.mp3,3\n"a/beta.mp3,1\nb/delta.mp3,4\n')
    ((line, reason),) = reasons(report)
    assert line == 3
    assert reason.endswith("it runs on to line 4: is a quote missing?")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"path,rating\na.mp3,5\n", "needs a first line that names the columns path and plays, or artist"),
        (b"a.mp3,5\nb.mp3,6\n", "needs a first line that names"),
        (b"ID3\x04\0\0\0\xff\xfb\x90", "plays.csv, line 1: it has NUL characters"),
        (b'path,plays\n"' + b"x" * 200_000, "cannot be read: field larger"),
        (b"[1, 2", "is JSON that cannot be read"),
        (b'{"payload": ', "is JSON that cannot be read"),
        (b"[" * 100_000, "is JSON that lies too deep within itself"),
        (b'{"name": "x"}', "is JSON, but neither of ListenBrainz nor of Last.fm"),
        (b"PK\x05\x06" + bytes(18), "holds no listens/"),
    ],
)
def test_a_file_of_no_known_kind_changes_nothing(
    catalog: Catalog, tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(PlaysError, match=message):
        load(catalog, csv_in(tmp_path), content)
    assert plays(catalog) == {}


def test_importing_again_changes_nothing_unless_added(catalog: Catalog, tmp_path: Path) -> None:
    text = "path,plays,last_played\na/alpha.mp3,3,2020-01-01\nb/delta.mp3,0,\n"
    assert load(catalog, csv_in(tmp_path), text).changed == 1
    with catalog.transaction() as session:
        token = vectors_token(session)
    again = load(catalog, csv_in(tmp_path), text)
    assert (again.tracks, again.changed, again.lowered) == (2, 0, 0)
    assert load(catalog, csv_in(tmp_path), text, add=True).changed == 1
    assert plays(catalog) == {"a/alpha.mp3": 6}
    assert load(catalog, csv_in(tmp_path), text).lowered == 1
    assert plays(catalog) == {"a/alpha.mp3": 3}
    with catalog.transaction() as session:
        assert vectors_token(session) == token


# Histories.

START = 1_600_000_000


def listen(artist: str, title: str, at: Any = START, album: str | None = None) -> dict[str, Any]:
    """Return a listen as ListenBrainz has it."""
    song = {"artist_name": artist, "track_name": title, "release_name": album, "additional_info": {}}
    return {"listened_at": at, "track_metadata": song}


def lines_of(items: list[Any]) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


HISTORY = [
    ("Ann Arbor", "Alpha", "One", 0),
    ("ANN ARBOR", "alpha", "", 500),
    ("Ann Arbor", "Gamma", "Best Of", 1000),
    ("Ann Arbor", "Alpha", "One", 86_400),
    ("Café Müller", "Delta", "Unknown", 90_000),
    ("Nobody", "Nothing", "", 95_000),
]
COUNTED = {"a/alpha.mp3": 3, "b/gamma.mp3": 1, "b/delta.mp3": 1, "b/delta copy.flac": 1}
LAST = {"a/alpha.mp3": 86_400, "b/gamma.mp3": 1000, "b/delta.mp3": 90_000, "b/delta copy.flac": 90_000}


def scrobble(artist: str, title: str, album: str, at: int) -> dict[str, Any]:
    """Return a scrobble as Last.fm's API has it."""
    time = {"uts": str(START + at), "#text": "whenever"}
    return {"artist": {"#text": artist}, "name": title, "album": {"#text": album}, "date": time}


def zipped(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


def history(form: str) -> bytes:
    """Return HISTORY in one of the forms that histories have."""
    listens = [listen(artist, title, START + at, album) for artist, title, album, at in HISTORY]
    scrobbles = [scrobble(*each) for each in HISTORY]
    utc = [(datetime(1970, 1, 1) + timedelta(seconds=START + each[3])) for each in HISTORY]
    playing = scrobble("Ann Arbor", "Alpha", "", 0) | {"@attr": {"nowplaying": "true"}}
    del playing["date"]
    forms = {
        "zip": lambda: zipped(
            {
                "listens/2020/9.jsonl": lines_of(listens[:4]),
                "listens/2020/10.jsonl": lines_of(listens[4:]),
                "feedback.jsonl": lines_of(listens),
                "user.json": "{}",
            }
        ),
        "json lines": lambda: lines_of(listens),
        "json": lambda: json.dumps(listens),
        "json, indented": lambda: json.dumps(listens, indent=1),
        "api": lambda: json.dumps({"payload": {"count": 6, "listens": listens}}),
        "api pages": lambda: json.dumps([{"payload": {"listens": [each]}} for each in listens], indent=1),
        "last.fm api": lambda: json.dumps({"recenttracks": {"track": [playing, *scrobbles], "@attr": {}}}),
        "last.fm pages": lambda: json.dumps([{"recenttracks": {"track": each}} for each in scrobbles]),
        "last.fm lists": lambda: json.dumps([scrobbles[:2], scrobbles[2:]]),
        "lastfmstats": lambda: json.dumps(
            {
                "username": "x",
                "scrobbles": [
                    {"track": title, "artist": artist, "album": album, "date": (START + at) * 1000}
                    for artist, title, album, at in HISTORY
                ],
            }
        ),
        "csv": lambda: "".join(
            f"{artist},{album},{title},{when:%d %b %Y %H:%M}\n"
            for (artist, title, album, _), when in zip(HISTORY, utc, strict=True)
        ),
        "csv with names": lambda: (
            "uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\n"
            + "".join(
                f'"{START + at}","{when:%d %b %Y, %H:%M}","{artist}","m","{album}","","{title}",""\n'
                for (artist, title, album, at), when in zip(HISTORY, utc, strict=True)
            )
        ),
        "csv of lastfmstats": lambda: (
            "Artist;Album;AlbumId;Track;Date#someone\n"
            + "".join(f'{a};{b};;{t};"{(START + at) * 1000}"\n' for a, t, b, at in HISTORY)
        ),
    }
    made = forms[form]()
    return made if isinstance(made, bytes) else made.encode()


FORMS = {
    "zip": "zip",
    "json lines": "json lines",
    **dict.fromkeys(("json", "json, indented", "api", "api pages"), "json"),
    **dict.fromkeys(("last.fm api", "last.fm pages", "last.fm lists", "lastfmstats"), "json"),
    **dict.fromkeys(("csv", "csv with names", "csv of lastfmstats"), "csv"),
}


@pytest.mark.parametrize("form", FORMS)
def test_histories_in_every_form(catalog: Catalog, tmp_path: Path, form: str) -> None:
    report = load(catalog, tmp_path / "history", history(form))
    assert (report.kind, report.matched, report.now_playing) == (FORMS[form], 5, int(form == "last.fm api"))
    ((line, reason),) = reasons(report)
    assert reason == "the catalogue has no such artist"
    header = form in ("csv with names", "csv of lastfmstats", "last.fm api")
    assert line == (2 if form == "zip" else len(HISTORY) + header)
    assert report.unmatched[0].part == ("listens/2020/10.jsonl" if form == "zip" else "")
    assert report.unmatched[0].text == "Nobody - Nothing"
    assert plays(catalog) == COUNTED
    start = datetime(2020, 9, 13, 12, 26, 40)
    expected = {path: start + timedelta(seconds=at) for path, at in LAST.items()}
    if form == "csv":  # to the minute
        expected = {path: when.replace(second=0) for path, when in expected.items()}
    assert dates(catalog) == expected
    assert load(catalog, tmp_path / "history", history(form)).changed == 0


@pytest.mark.parametrize(
    ("artist", "title", "album", "tracks"),
    [
        ("cafe muller", "DELTA", "Two", ["b/delta.mp3"]),
        ("cafe muller", "Delta", "Elsewhere", ["b/delta.mp3", "b/delta copy.flac"]),
        ("Ann Arbor", "Gamma", "best of", ["b/gamma.mp3"]),
        ("Ann Arbor feat. Carl", "Alpha", "", ["a/alpha.mp3"]),
        ("Ann Arbor", "Alpha (ft. Carl)", "", ["a/alpha.mp3"]),
        ("Ann Arbor", "Alpha [Featuring Carl & Co]", "", ["a/alpha.mp3"]),
        ("Ann Arbor", "Beta", "", ["a/beta.mp3"]),
        ("Ann Arbor", "Beta ft. Bob", "", ["a/beta.mp3"]),
        ("Ann Arbor", "Alpha (Remastered 2011)", "", ["a/alpha.mp3"]),
        ("Ann Arbor", "Alpha - 2009 Digital Remaster", "", ["a/alpha.mp3"]),
        ("Ann Arbor", "Alpha (Mono) [2009 Remaster]", "", ["a/alpha.mp3"]),
        ("Ann Arbor", "Alpha (feat. Carl) - Remastered", "", ["a/alpha.mp3"]),
        ("Café Müller", "Epsilon", "", ["b/epsilon.mp3"]),
        ("Café Müller", "Epsilon (Live)", "", ["b/live.mp3"]),
        ("Dora", "Don’t Stop", "", ["c/dont.mp3"]),
        ("Dora; Emil", "Dont stop...", "", ["c/dont.mp3"]),
        ("!!!", "???", "", ["c/bangs.mp3"]),
        ("Frida", "Gone", "", ["c/gone.mp3"]),
        ("Ann Arbor", "Alpha (Live)", "", "the catalogue has no such title of this artist"),
        ("Ann Arbor", "Alpha (Live, Remastered 2011)", "", "the catalogue has no such title of this artist"),
        ("Ann Arbor", "Alpha (Carl Remix)", "", "the catalogue has no such title of this artist"),
        ("Ann", "Alpha", "", "the catalogue has no such artist"),
        ("!!", "??", "", "the catalogue has no such artist"),
        ("Ann Arbor", "Gamma", "", "it fits several tracks, and no album tells which: ids 3, 4"),
        ("Ann Arbor", "Gamma", "Three", "it fits several tracks, and no album tells which: ids 3, 4"),
    ],
)
def test_which_track_a_listen_means(
    catalog: Catalog, tmp_path: Path, artist: str, title: str, album: str, tracks: list[str] | str
) -> None:
    report = load(catalog, tmp_path / "x", lines_of([listen(artist, title, START, album)] * 2))
    if isinstance(tracks, str):
        assert [(r.line, r.lines, r.reason) for r in report.unmatched] == [(1, 2, tracks)]
        assert plays(catalog) == {}
    else:
        assert report.unmatched == []
        assert plays(catalog) == dict.fromkeys(tracks, 2)


def test_an_exact_match_is_preferred_to_a_tolerant_one(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.transaction() as session:
        root = root_for(session, str(tmp_path / "music"))
        for name in ("Epsilon", "Alpha (Remastered 2011)"):
            artist = "Café Müller" if name == "Epsilon" else "Ann Arbor"
            new_track(session, root, name, artist=artist, title=name)
    said = [("Café Müller", "Epsilon"), ("Ann Arbor", "Alpha"), ("Ann Arbor", "Alpha (remastered 2011)")]
    load(catalog, tmp_path / "x", lines_of([listen(*each) for each in said]))
    assert plays(catalog) == {"Epsilon": 1, "a/alpha.mp3": 1, "Alpha (Remastered 2011)": 1}


def test_a_present_track_is_preferred_to_one_that_is_gone(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.transaction() as session:
        root = root_for(session, str(tmp_path / "music"))
        new_track(session, root, "back.mp3", artist="Frida", title="Gone")
    load(catalog, tmp_path / "x", lines_of([listen("Frida", "Gone")]))
    assert plays(catalog) == {"back.mp3": 1}


def test_files_that_could_not_be_hashed_are_not_taken_for_one(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.transaction() as session:
        root = root_for(session, str(tmp_path / "music"))
        for name in "xy":
            new_track(session, root, name, artist="Gus", title="Hum", content_hash=None)
    report = load(catalog, tmp_path / "x", lines_of([listen("Gus", "Hum")]))
    assert [item.reason[:8] for item in report.unmatched] == ["it fits "]
    assert plays(catalog) == {}


def test_spellings_of_a_song_are_summed(catalog: Catalog, tmp_path: Path) -> None:
    titles = ["Alpha", "alpha", "Alpha (feat. X)", "Alpha - Remastered"]
    report = load(
        catalog, tmp_path / "x", lines_of([listen("Ann Arbor", t, START + n) for n, t in enumerate(titles)])
    )
    assert (report.matched, report.tracks, plays(catalog)) == (4, 1, {"a/alpha.mp3": 4})
    assert dates(catalog) == {"a/alpha.mp3": datetime(2020, 9, 13, 12, 26, 43)}


def test_songs_with_their_counts(catalog: Catalog, tmp_path: Path) -> None:
    text = "artist,title,plays\nAnn Arbor,Alpha,12\nCafé Müller,Delta,0\nAnn Arbor,Beta,x\nNo,One,3\n"
    report = load(catalog, csv_in(tmp_path), text)
    assert reasons(report) == [(4, f"plays 'x' {NUMBER}"), (5, "the catalogue has no such artist")]
    assert plays(catalog) == {"a/alpha.mp3": 12}


BAD_LISTENS: list[tuple[Any, str]] = [
    (listen("", "Alpha"), "it has no artist"),
    (listen("Ann Arbor", "  "), "it has no title"),
    (listen("Ann Arbor", "Alpha", "soon"), "'soon' is no date that can be read, or before 1970"),
    (listen("Ann Arbor", "Alpha", None), "'' is no date that can be read, or before 1970"),
    (listen("Ann Arbor", "Alpha", -5), "'-5' is no date that can be read, or before 1970"),
    (listen("Ann Arbor", "Alpha", True), "'' is no date that can be read, or before 1970"),
    (listen("Ann Arbor", "Alpha", float("inf")), "'inf' is no date that can be read, or before 1970"),
    (listen("Ann Arbor", "Alpha", 10**30), f"'{10**30}' is no date that can be read, or before 1970"),
    (listen("Ann \ud800", "Alpha"), "the catalogue has no such artist"),
    ({"listened_at": START, "track_metadata": None}, "it has no artist"),
    ({"artist": ["Ann Arbor"], "name": "Alpha"}, "it has no artist"),
    ({"artist": {"#text": "Ann Arbor"}, "name": "Alpha"}, "'' is no date that can be read, or before 1970"),
    ({"unknown": 1}, "it is no listen"),
    (17, "it is no listen"),
    (None, "it is no listen"),
]


@pytest.mark.parametrize("form", ["json", "json lines", "zip"])
def test_every_bad_listen_is_reported(catalog: Catalog, tmp_path: Path, form: str) -> None:
    items = [listen("Ann Arbor", "Alpha"), *(item for item, _ in BAD_LISTENS)]
    wanted = list(enumerate((reason for _, reason in BAD_LISTENS), start=2))
    text = lines_of(items)
    if form != "json":
        text += "{broken\n\n" + lines_of([listen("Ann Arbor", "Alpha")])
        wanted.append((len(items) + 1, "it is not JSON"))
    content = {
        "json": json.dumps(items).encode(),
        "json lines": text.encode(),
        "zip": zipped({"listens.jsonl": text}),
    }[form]
    report = load(catalog, tmp_path / "x", content)
    assert report.kind == form
    assert reasons(report) == wanted
    assert plays(catalog) == {"a/alpha.mp3": 1 if form == "json" else 2}


def test_bad_lines_of_a_scrobble_csv(catalog: Catalog, tmp_path: Path) -> None:
    report = load(
        catalog,
        tmp_path / "x.csv",
        "Ann Arbor,One,Alpha,31 Dec 2020 12:34\n,One,Alpha,31 Dec 2020 12:34\n"
        "Ann Arbor,One,,31 Dec 2020 12:34\n"
        "Ann Arbor,One,Alpha,31 Foo 2020 12:34\nAnn Arbor,One,Alpha\n",
    )
    date = "is no date that can be read, or before 1970"
    wanted = ["it has no artist", "it has no title", f"'31 Foo 2020 12:34' {date}", f"'' {date}"]
    assert reasons(report) == list(enumerate(wanted, start=2))
    assert dates(catalog) == {"a/alpha.mp3": datetime(2020, 12, 31, 12, 34)}


@pytest.mark.parametrize("broken", ["cut", "flipped"])
def test_a_damaged_zip_changes_nothing(catalog: Catalog, tmp_path: Path, broken: str) -> None:
    text = lines_of([listen("Ann Arbor", "Alpha", START + n) for n in range(300)])
    content = bytearray(zipped({"listens/2020/1.jsonl": text}))
    if broken == "flipped":
        content[200] ^= 0xFF
    else:
        del content[100:150]
    with pytest.raises(PlaysError, match="cannot be read"):
        load(catalog, tmp_path / "x.zip", bytes(content))
    assert plays(catalog) == {}


def test_listens_are_added(catalog: Catalog, tmp_path: Path) -> None:
    load(catalog, tmp_path / "x", history("json"))
    earlier = lines_of([listen("Ann Arbor", "Alpha", START - 10**8)])
    report = load(catalog, tmp_path / "x", earlier, add=True)
    assert (report.changed, report.lowered) == (1, 0)
    assert plays(catalog) == COUNTED | {"a/alpha.mp3": 4}
    assert dates(catalog)["a/alpha.mp3"] == datetime(2020, 9, 14, 12, 26, 40)
    report = load(catalog, tmp_path / "x", earlier)
    assert (report.changed, report.lowered) == (1, 1)
    assert plays(catalog) == COUNTED | {"a/alpha.mp3": 1}
    assert dates(catalog)["a/alpha.mp3"] == datetime(1970, 1, 1) + timedelta(seconds=START - 10**8)


# The catalogue does not depend on the order of lines.

LISTENED = [(artist, title, album) for artist, title, album, _ in SONGS.values() if artist]
SPELLINGS = [*LISTENED, ("ann arbor", "ALPHA", ""), ("Dora", "Don’t stop", "x"), ("No", "One", "")]
some_listens = st.lists(
    st.tuples(st.sampled_from(SPELLINGS), st.integers(START, START + 10**6)), min_size=1, max_size=40
)
some_lines = st.lists(
    st.tuples(
        st.sampled_from([*SONGS, "a/../a/alpha.mp3", "no.mp3", ""]), st.sampled_from(["0", "3", "4", "x"])
    ),
    min_size=1,
    max_size=25,
)
RELAXED = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def reset(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        for track in session.query(Track):
            track.plays, track.last_played = 0, None


@RELAXED
@given(listens=some_listens, seed=st.integers())
def test_shuffled_listens_give_the_same_catalogue(
    catalog: Catalog, tmp_path: Path, listens: list[tuple[tuple[str, str, str], int]], seed: int
) -> None:
    reset(catalog)
    items = [listen(artist, title, at, album) for (artist, title, album), at in listens]
    first = load(catalog, tmp_path / "x", lines_of(items))
    before = plays(catalog), dates(catalog)
    counted = Counter(song for song, _ in listens)
    assert before[0].get("b/live.mp3", 0) == counted["Café Müller", "Epsilon (Live)", "Two"]
    both = counted["Ann Arbor", "Alpha", "One"] + counted["ann arbor", "ALPHA", ""]
    assert before[0].get("a/alpha.mp3", 0) == both
    reset(catalog)
    random.Random(seed).shuffle(items)
    second = load(catalog, tmp_path / "x", lines_of(items))
    assert (plays(catalog), dates(catalog)) == before
    assert {(r.text, r.reason, r.lines) for r in first.unmatched} == {
        (r.text, r.reason, r.lines) for r in second.unmatched
    }


@RELAXED
@given(lines=some_lines, seed=st.integers())
def test_shuffled_lines_of_paths_give_the_same_catalogue(
    catalog: Catalog, tmp_path: Path, lines: list[tuple[str, str]], seed: int
) -> None:
    reset(catalog)
    rows = [f'"{path}",{count}\n' for path, count in lines]
    first = load(catalog, csv_in(tmp_path), "path,plays\n" + "".join(rows))
    before = plays(catalog)
    assert first.lines == len(rows)
    reset(catalog)
    random.Random(seed).shuffle(rows)
    second = load(catalog, csv_in(tmp_path), "path,plays\n" + "".join(rows))
    assert plays(catalog) == before
    assert sorted(r.text for r in first.unmatched) == sorted(r.text for r in second.unmatched)


# Numbers and times.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-12-31", datetime(2020, 12, 31)),
        ("20201231", datetime(2020, 12, 31)),
        ("2020-12-31 12:34:56", datetime(2020, 12, 31, 12, 34, 56)),
        ("2020-12-31T12:34:56Z", datetime(2020, 12, 31, 12, 34, 56)),
        ("2020-12-31T12:34:56.789-05:30", datetime(2020, 12, 31, 18, 4, 56, 789_000)),
        (" 2020-12-31 12:34 UTC ", datetime(2020, 12, 31, 12, 34)),
        ("31 Dec 2020 12:34", datetime(2020, 12, 31, 12, 34)),
        ("31 Dec 2020, 12:34", datetime(2020, 12, 31, 12, 34)),
        ("1609418096", datetime(2020, 12, 31, 12, 34, 56)),
        ("1609418096.0", datetime(2020, 12, 31, 12, 34, 56)),
        ("1609418096000", datetime(2020, 12, 31, 12, 34, 56)),
        ("132538916960000000", datetime(2020, 12, 31, 12, 34, 56)),
        ("0", None),
        ("0.0", None),
        ("01 Jan 1970, 00:00", None),
    ],
)
def test_times(text: str, expected: datetime | None) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "x", "2020", "1234", "-1609418096", "1969-12-31", "12/31/2020", "20201231123456", "9" * 18, "9" * 40,
     "9999-12-31T23:59:59-23:00", "0001-01-01", "0001-01-01T00:00+10:00", "2020-13-01", "٢٠٢٠-١٢-٣١"],
)  # fmt: skip
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="no date"):
        parse_time(text)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_not(text: str) -> None:
    try:
        when = parse_time(text)
    except ValueError as error:
        assert "no date" in str(error)
    else:
        assert when is None or (when.tzinfo is None and when > datetime(1970, 1, 1))


@given(st.datetimes(datetime(1973, 4, 1), datetime(2200, 1, 1), timezones=st.timezones()))
def test_every_way_to_write_a_time_means_the_same(when: datetime) -> None:
    when = when.replace(microsecond=0)
    seconds = round(when.timestamp())
    utc = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    filetime = (seconds + 11_644_473_600) * 10**7
    for text in (when.isoformat(), str(seconds), str(seconds * 1000), str(filetime), utc.isoformat(" ")):
        assert parse_time(text) == utc


def test_plays_are_whole_numbers() -> None:
    assert [parse_plays(text) for text in ("0", " 12 ", "+3", "4.00", "007", "2147483647")] == [
        0, 12, 3, 4, 7, 2**31 - 1,
    ]  # fmt: skip


def test_paths_are_kept_as_the_catalogue_has_them(catalog: Catalog, tmp_path: Path) -> None:
    """That the accents of the test's own paths differ."""
    assert NFC != NFD and unicodedata.normalize("NFC", NFD) == NFC
    with catalog.transaction() as session:
        assert at_path(session, str(tmp_path / "music" / "c" / NFC)) is None
