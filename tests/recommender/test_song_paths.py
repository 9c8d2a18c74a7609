"""Which track a path in a table means, however other programs and machines write it."""

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.listening.plays import KnownSong
from recommender.song_paths import PathFinder
from tests.recommender.support import Library

ROOT = "/music"
BELOW = (
    "Rock/Ann/One.mp3",
    "Rock/Bob/One.mp3",
    "Café/été.flac",
    "single.ogg",
    "Jazz/100% #1?.mp3",
    "Jazz/Größe.mp3",
    "a/CASE.mp3",
    "b/Case.mp3",
    "b/case.mp3",
)


def song(number: int, below: str, root: str = ROOT) -> KnownSong:
    return KnownSong(number, os.path.join(root, below), below, "", "", "", None, missing=False)


FINDER = PathFinder([song(number, below) for number, below in enumerate(BELOW)])


def found(path: str, folder: str = "/tables") -> list[str]:
    return [BELOW[i] for i in FINDER.find(path, folder).track_ids]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/music/Rock/Ann/One.mp3", "Rock/Ann/One.mp3"),
        ("../music/Rock/Ann/One.mp3", "Rock/Ann/One.mp3"),
        ("/music/Cafe\u0301/e\u0301te\u0301.flac", "Café/été.flac"),
        ("/MUSIC/rock/ANN/one.MP3", "Rock/Ann/One.mp3"),
        (r"C:\Users\me\Music\Rock\Ann\One.mp3", "Rock/Ann/One.mp3"),
        (r"c:\music\rock\bob\one.mp3", "Rock/Bob/One.mp3"),
        (r"\\nas\share\Café\été.flac", "Café/été.flac"),
        (r"Rock\Bob\One.mp3", "Rock/Bob/One.mp3"),
        ("C:/music/Rock/Ann/One.mp3", "Rock/Ann/One.mp3"),
        ("/Volumes/Other Disk/Rock/Bob/One.mp3", "Rock/Bob/One.mp3"),
        ("file:///music/Rock/Ann/One.mp3", "Rock/Ann/One.mp3"),
        ("file://localhost/music/Jazz/100%25%20%231%3F.mp3", "Jazz/100% #1?.mp3"),
        ("file:///C:/Users/me/Music/Caf%C3%A9/%C3%A9t%C3%A9.flac", "Café/été.flac"),
        ("file://nas/share/Rock/Bob/One.mp3", "Rock/Bob/One.mp3"),
        ("single.ogg", "single.ogg"),
        ("/music/Jazz/Gr\udcf6\udcdfe.mp3", "Jazz/Größe.mp3"),
        ("/music/b/Case.mp3", "b/Case.mp3"),
    ],
)
def test_a_path_is_understood(path: str, wanted: str) -> None:
    assert found(path) == [wanted]


@pytest.mark.parametrize(
    "path",
    [
        *(
            r"nothing\matches.mp3",
            "One.mp3",
            r"C:\One.mp3",
            "/elsewhere/single.ogg",
            "/elsewhere/One.mp3",
            "",
        ),
        *("file:", "file:///", "C:", "\\", "/music", "Rock/../Ann/One.mp3", "Ann/One.mp3/", "file://[/a/b"),
    ],
)
def test_what_fits_nothing_is_said(path: str) -> None:
    answer = FINDER.find(path, "/tables")
    assert answer.track_ids == ()
    assert answer.reason.startswith("the catalogue has no track at ")


def test_what_fits_several_is_said() -> None:
    assert FINDER.find("/music/b/CASE.mp3").reason == "several files differ in their capitals: ids 7, 8"
    both = PathFinder([song(1, "Rock/x.mp3", "/one"), song(2, "Rock/x.mp3", "/two")])
    assert both.find("D:\\Rock\\x.mp3").reason == "it fits several files below different roots: ids 1, 2"
    assert both.find("/two/Rock/x.mp3").track_ids == (2,)


@given(st.text(min_size=1, max_size=20).filter(lambda name: "/" not in name and "\0" not in name))
def test_any_address_of_a_file_finds_it(name: str) -> None:
    finder = PathFinder([song(1, f"x/{name}"), song(2, "y/other")])
    if name not in (".", ".."):
        assert finder.find("file://" + quote(f"{ROOT}/x/{name}")).track_ids == (1,)


@given(st.text(max_size=30))
def test_any_text_is_answered(text: str) -> None:
    FINDER.find(text, "/tables")


def test_labels_of_a_table_from_another_machine(library: Library, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    rows = (r"D:\Musik\rock\alpha.mp3,steel", "JAZZ/delta.wav,blue", r"nothing\matches.mp3,jazz")
    table.write_text("\n".join(("path,label", *rows)), encoding="utf-16")
    report = library.ingest(library.music, "--labels", table, code=3)
    assert [(row["line"], row["path"]) for row in report["unmatched"]] == [(4, r"nothing\matches.mp3")]
    assert library.row("rock/alpha.mp3")["label"] == "steel"
    assert library.row("jazz/delta.wav")["label"] == "blue"
    ran = library.run("ingest", library.music, "--labels", table)
    assert ran.code == 3
    assert r"Line 4 of the labels fits no file: nothing\matches.mp3" in ran.err
    again = library.run("import", table, "--json")
    assert [row["line"] for row in again.json["unmatched"]] == [4]
