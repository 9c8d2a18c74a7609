"""Albums as people see them."""

import pytest

from db.browsing.song_albums import Key, albums_of, disc_of, folder_of, is_album, shown_album, without_disc
from db.models import Root, Track


def song(
    album: str,
    rel_path: str = "a/x.mp3",
    album_artist: str = "",
    artist: str = "",
    root: int = 1,
    number: int | None = None,
    disc: int | None = None,
) -> Track:
    return Track(
        root=Root(path="/m"),
        root_id=root,
        album=album,
        album_artist=album_artist,
        artist=artist,
        rel_path=rel_path,
        track_number=number,
        disc_number=disc,
    )


def albums(*songs: Track) -> set[Key | None]:
    return set(albums_of(songs))


@pytest.mark.parametrize(
    ("name", "bare", "disc"),
    [
        ("The Wall (Disc 1)", "The Wall", 1),
        ("The Wall [CD2]", "The Wall", 2),
        ("The Wall - Disk 2", "The Wall", 2),
        ("The Wall, CD 1 of 2", "The Wall", 1),
        ("The Wall (disc two: the rest)", "The Wall", 2),
        ("The Wall CD1/2", "The Wall", 1),
        ("CD 12", "CD 12", 12),
        ("Disco 3", "Disco 3", None),
        ("Discovery", "Discovery", None),
        ("ABCD 12", "ABCD 12", None),
        ("Volume 2", "Volume 2", None),
        (" Live  (2001)", "Live  (2001)", None),
    ],
)
def test_discs_are_left_out_of_names(name: str, bare: str, disc: int | None) -> None:
    assert shown_album(name) == bare
    assert without_disc(name) == ("" if name == "CD 12" else " ".join(bare.lower().split()))
    assert disc_of(song(name)) == disc


@pytest.mark.parametrize(
    ("path", "folder", "disc"),
    [
        ("a/The Wall/CD1/x.mp3", "a/The Wall", 1),
        ("a/The Wall/Disc 2 - More/x.mp3", "a/The Wall", 2),
        ("a/The Wall (CD 2)/x.mp3", "a/The Wall", 2),
        ("a/The Wall/x.mp3", "a/The Wall", None),
        ("x.mp3", "", None),
        ("CD1/x.mp3", "", 1),
    ],
)
def test_discs_are_left_out_of_folders(path: str, folder: str, disc: int | None) -> None:
    assert folder_of(path) == folder
    assert disc_of(song("", path)) == disc
    assert disc_of(song("", path, disc=7)) == 7


@pytest.mark.parametrize("name", ["", "  ", "Unknown Album", "[unknown]", "<Unknown>", "None", "-"])
def test_the_unknown_album_is_none(name: str) -> None:
    assert not is_album(name) and shown_album(name) == ""
    assert albums(song(name, album_artist="Ann")) == {None}


def test_a_compilation_is_one_album() -> None:
    assert len(albums(*(song("Hits", f"hits/{n}.mp3", artist=n) for n in ("Ann", "Bob", "Cy")))) == 1
    assert len(albums(*(song("Hits", f"{n}/x.mp3", "Various Artists", n) for n in ("Ann", "Bob", "Cy")))) == 1


def test_an_artists_album_is_one_wherever_it_lies() -> None:
    lying = albums(song("Hits", "a/x.mp3", artist="Ann"), song("HITS", "b/x.mp3", artist="Ann feat. Bob"))
    tagged = albums(song("Hits", "a/x.mp3", artist="ann"), song("Hits", "b/x.mp3", "Ann", "Bob"))
    assert lying == tagged == {("hits", "ann")}


def test_discs_are_one_album() -> None:
    tagged = albums(*(song(f"Hits (Disc {n})", f"hits{n}/x.mp3", "Ann") for n in (1, 2)))
    in_folders = albums(*(song("Hits", f"hits/CD{n}/x.mp3", artist=f"Ann {n}") for n in (1, 2)))
    both = albums(*(song(f"Hits CD{n}", f"hits CD{n}/x.mp3") for n in (1, 2)))
    named_so = albums(*(song(f"CD{n}", f"hits/CD{n}/x.mp3", "Ann") for n in (1, 2)))
    beside = albums(
        *(
            song("Hits", f"{folder}/x.mp3", artist=folder)
            for folder in ("Les Été", "les ete (Disc 2)", "Les Été CD3")
        )
    )
    assert len(tagged) == len(in_folders) == len(both) == len(named_so) == len(beside) == 1


def test_albums_of_one_name_are_several() -> None:
    found = albums(
        song("Greatest Hits", "a/x.mp3", "Ann"),
        song("Greatest Hits", "a/x.mp3", "Bob"),
        song("Greatest Hits", "a/x.mp3"),
        song("Greatest Hits", "b/x.mp3"),
        song("Greatest Hits", "b/x.mp3", root=2),
    )
    assert len(found) == 5


def test_albums_of_one_name_in_a_folder_of_everything_are_of_each_artist() -> None:
    of_each = [
        song("Hits", f"all/{who}{n}.mp3", artist=who, number=n) for who in ("Ann", "Bob") for n in (1, 2, 3)
    ]
    assert albums(*of_each) == {("hits", "ann"), ("hits", "bob")}
    numbered_through = [
        song("Hits", f"all/{n}.mp3", artist=("Ann", "Bob")[n % 2], number=n) for n in range(1, 7)
    ]
    assert len(albums(*numbered_through)) == 1
    twice = [song("Hits", f"all/{n}.mp3", artist=f"Ann {n}", number=n % 4) for n in range(8)]
    assert len(albums(*twice)) == 1, "two discs without a word of it"
