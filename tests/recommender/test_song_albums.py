"""Albums as people see them."""

import pytest

from db.models import Root, Track
from recommender.song_albums import album_key, folder_of, is_album, without_disc


def song(
    album: str, rel_path: str = "a/x.mp3", album_artist: str = "", artist: str = "", root: int = 1
) -> Track:
    return Track(
        root=Root(path="/m"),
        root_id=root,
        album=album,
        album_artist=album_artist,
        artist=artist,
        rel_path=rel_path,
    )


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("The Wall (Disc 1)", "the wall"),
        ("The Wall [CD2]", "the wall"),
        ("The Wall - Disk 2", "the wall"),
        ("The Wall, CD 1 of 2", "the wall"),
        ("The Wall (disc two: the rest)", "the wall"),
        ("The Wall CD1/2", "the wall"),
        ("CD 1", ""),
        ("Disco 3", "disco 3"),
        ("Discovery", "discovery"),
        ("ABCD 12", "abcd 12"),
        ("Volume 2", "volume 2"),
        ("Live (2001)", "live (2001)"),
    ],
)
def test_discs_are_left_out_of_names(name: str, bare: str) -> None:
    assert without_disc(name) == bare


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("a/The Wall/CD1/x.mp3", "a/The Wall"),
        ("a/The Wall/Disc 2 - More/x.mp3", "a/The Wall"),
        ("a/The Wall (CD 2)/x.mp3", "a/the wall"),
        ("a/The Wall/x.mp3", "a/The Wall"),
        ("x.mp3", ""),
        ("CD1/x.mp3", ""),
    ],
)
def test_discs_are_left_out_of_folders(path: str, folder: str) -> None:
    assert folder_of(path) == folder


@pytest.mark.parametrize("name", ["", "  ", "Unknown Album", "[unknown]", "<Unknown>", "None", "-"])
def test_the_unknown_album_is_none(name: str) -> None:
    assert not is_album(name)
    assert album_key(song(name, album_artist="Ann")) is None


def test_a_compilation_is_one_album() -> None:
    by_folder = {album_key(song("Hits", f"hits/{n}.mp3", artist=n)) for n in ("Ann", "Bob", "Cy")}
    by_artist = {album_key(song("Hits", f"{n}/x.mp3", "Various Artists", n)) for n in ("Ann", "Bob", "Cy")}
    assert len(by_folder) == len(by_artist) == 1


def test_discs_are_one_album() -> None:
    tagged = {album_key(song(f"Hits (Disc {n})", f"hits{n}/x.mp3", "Ann")) for n in (1, 2)}
    in_folders = {album_key(song("Hits", f"hits/CD{n}/x.mp3")) for n in (1, 2)}
    both = {album_key(song(f"Hits CD{n}", f"hits CD{n}/x.mp3")) for n in (1, 2)}
    named_so = {album_key(song(f"CD{n}", f"hits/CD{n}/x.mp3", "Ann")) for n in (1, 2)}
    assert len(tagged) == len(in_folders) == len(both) == len(named_so) == 1


def test_albums_of_one_name_are_several() -> None:
    found = {
        album_key(song("Greatest Hits", "a/x.mp3", "Ann")),
        album_key(song("Greatest Hits", "a/x.mp3", "Bob")),
        album_key(song("Greatest Hits", "a/x.mp3")),
        album_key(song("Greatest Hits", "b/x.mp3")),
        album_key(song("Greatest Hits", "b/x.mp3", root=2)),
    }
    assert len(found) == 5
