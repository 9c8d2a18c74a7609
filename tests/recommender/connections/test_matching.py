"""Which track a song of a server is: what is sure, and what is left in doubt."""

import unicodedata
from dataclasses import replace

import pytest

from recommender.connections.agreement import LocalSong
from recommender.connections.matching import SongMatcher
from recommender.connections.name_forms import repaired
from recommender.connections.values import RemoteSong, SongState

MBID = "0b8b5a9e-37c1-4e6e-8a5b-0d7c6f1f2a3b"


def here(track_id: int, path: str = "", **more: object) -> LocalSong:
    fields = {"title": "Hello", "artist": "Adele", "album": "25", "duration_s": 200.0} | more
    return LocalSong(track_id, path or f"a/b/{track_id}.flac", content_hash=f"{track_id:040}", **fields)  # type: ignore[arg-type]


def there(path: str = "", **more: object) -> RemoteSong:
    fields = {"title": "Hello", "artist": "Adele", "album": "25", "duration_s": 200.0} | more
    return RemoteSong("r", path, **fields)  # type: ignore[arg-type]


def found(remote: RemoteSong, *songs: LocalSong, ids: dict[int, str] | None = None) -> tuple[str, int | None]:
    match = SongMatcher(songs, lambda: ids or {}).find(remote)
    return match.how, match.track_id


PATH = "Adele/25/01 Hello.flac"


@pytest.mark.parametrize(
    "path",
    [
        PATH,
        f"/mnt/music/{PATH}",
        f"music\\{PATH}".replace("/", "\\"),
        PATH.upper(),
        PATH.replace(".flac", ".opus"),
        "25/01 Hello.mp3",
    ],
)
def test_a_path_is_known_by_its_end(path: str) -> None:
    assert found(there(path, title="", artist=""), here(1, PATH), here(2)) == ("path", 1)


def test_accents_in_two_forms_are_the_same_in_paths_and_names() -> None:
    song = here(1, "Björk/Début/Vénus.flac", title="Vénus", artist="Björk")
    for form in ("NFC", "NFD"):
        path = unicodedata.normalize(form, song.path)
        assert found(there(path, title="", artist=""), song) == ("path", 1)
        title, artist = (unicodedata.normalize(form, text) for text in (song.title, song.artist))
        assert found(there(title=title, artist=artist), song) == ("names", 1)


def test_the_longest_end_of_a_path_decides_between_albums() -> None:
    songs = [here(n, f"{by}/Hits/01 Intro.flac", title="", artist="") for n, by in ((1, "A"), (2, "B"))]
    bare = {"title": "", "artist": ""}
    assert found(there("x/B/Hits/01 Intro.flac", **bare), *songs) == ("path", 2)
    assert found(there("Hits/01 Intro.flac", **bare), *songs) == ("doubtful", None)


def test_a_path_of_another_song_is_not_believed() -> None:
    song = here(1, "B/Hits/01 Intro.flac", title="Intro", artist="B")
    assert found(there("A/Hits/01 Intro.flac", title="Intro", artist="A"), song) == ("doubtful", None)
    assert found(there("B/Hits/01 Intro.flac", title="Intro", artist="A"), song) == ("path", 1), (
        "tags corrected"
    )
    longer = there("B/Hits/01 Intro.flac", title="Intro", artist="B", duration_s=300.0)
    assert found(longer, song) == ("doubtful", None)


def test_a_whole_path_is_known_where_it_is_absolute_too() -> None:
    song = LocalSong(1, "01.flac", root="/srv/music")
    for path in ("/srv/music/01.flac", "01.flac"):
        assert found(RemoteSong("r", path), song) == ("path", 1)
    assert found(RemoteSong("r", "/srv/other/01.flac"), song)[1] is None


def test_a_number_alone_is_no_name_of_a_file() -> None:
    song = here(1, "01.mp3", title="", artist="")
    assert found(there("x/01.mp3", title="", artist=""), song) == ("unmatched", None)
    telling = here(1, "Long enough.mp3", title="", artist="")
    assert found(there("x/Long enough.mp3", title="", artist=""), telling) == ("path", 1)
    assert found(there("x/Long enough.mp3", title="", artist="", duration_s=204.0), telling)[1] is None


def test_a_recording_of_musicbrainz_is_known_whatever_it_is_called() -> None:
    remote = there(title="Something else", musicbrainz=MBID)
    assert found(remote, here(1), here(2), ids={2: MBID}) == ("musicbrainz", 2)
    assert found(remote, here(1), here(2, duration_s=100.0), ids={2: MBID}) == ("doubtful", None)
    assert found(remote, here(1), here(2), ids={1: MBID, 2: MBID}) == ("doubtful", None)


def test_files_are_not_asked_for_ids_where_paths_tell() -> None:
    def asked() -> dict[int, str]:
        raise AssertionError

    match = SongMatcher([here(1, PATH)], asked).find(there(PATH, musicbrainz=MBID))
    assert match.track_id == 1


@pytest.mark.parametrize(
    ("title", "artist"),
    [
        ("HELLO", "adele"),
        ("Hello!", "Adele."),
        ("Hello (feat. Somebody)", "Adele"),
        ("Hello", "Adele feat. Somebody"),
        ("Hello", "Adele; Somebody"),
        ("Hello (2016 Remaster)", "Adele"),
        ("  Hello ", "The Adele"),
        ("Hello", "Adele, The"),
    ],
)
def test_names_written_otherwise_are_the_same(title: str, artist: str) -> None:
    assert found(there(title=title, artist=artist, album=""), here(1), here(2, title="Other")) == ("names", 1)


def test_and_is_written_in_two_ways() -> None:
    song = here(1, title="Bonnie & Clyde", artist="A and B")
    assert found(there(title="Bonnie and Clyde", artist="A & B"), song) == ("names", 1)


def test_one_title_of_two_artists_is_two_songs() -> None:
    songs = here(1, artist="Adele"), here(2, artist="Lionel Richie")
    assert found(there(artist="Lionel Richie"), *songs) == ("names", 2)
    assert found(there(artist="Somebody"), *songs) == ("unmatched", None)


def test_a_remaster_is_not_its_original_where_both_are_there() -> None:
    songs = here(1), here(2, title="Hello (2016 Remaster)")
    assert found(there(), *songs) == ("names", 1)
    assert found(there(title="Hello (2016 Remaster)"), *songs) == ("names", 2)


@pytest.mark.parametrize("version", ["live", "acoustic", "demo", "Radio Edit", "Remix"])
def test_another_version_is_another_song(version: str) -> None:
    assert found(there(title=f"Hello ({version})"), here(1))[1] is None


def test_another_length_is_a_doubt() -> None:
    assert found(there(duration_s=203.0), here(1)) == ("names", 1)
    assert found(there(duration_s=240.0), here(1)) == ("doubtful", None)
    assert found(there(duration_s=None), here(1)) == ("names", 1)
    assert found(there(title="Hello (Remastered)", duration_s=None), here(1)) == ("doubtful", None)


def test_albums_tell_tracks_of_one_name_apart_else_they_are_a_doubt() -> None:
    songs = here(1, album="25"), here(2, album="Live at home")
    assert found(there(album="live at home"), *songs) == ("names", 2)
    assert found(there(album=""), *songs) == ("doubtful", None)
    copies = [LocalSong(n, f"{n}.flac", "Hello", "Adele", "25", 200.0, "same") for n in (3, 4)]
    assert found(there(), *copies) == ("names", 3), "copies of one recording"


def test_a_title_that_was_cut_off_is_known_by_its_beginning() -> None:
    whole = "A title that is a good deal longer than old tags allow"
    song = here(1, title=whole)
    assert found(there(title=whole[:30]), song) == ("names", 1)
    assert found(there(title=whole[:20]), song)[1] is None
    assert found(there(title=whole[:30], artist="Somebody"), song)[1] is None


def test_a_title_that_is_nearly_the_same_is_a_doubt_without_album_and_length() -> None:
    song = here(1, title="Yesterday once more")
    assert found(there(title="Yesteday once more"), song) == ("names", 1)
    assert found(there(title="Yesteday once more", album="Other"), song) == ("doubtful", None)
    assert found(there(title="Yesteday once more", album=""), song) == ("doubtful", None)
    assert found(there(title="Yesteday once more", duration_s=203.0), song) == ("unmatched", None)
    assert found(there(title="Yesteday once more", duration_s=None), song)[1] is None


@pytest.mark.parametrize(
    ("title", "other"),
    [
        ("Moonlight Serenade", "Moonlght Serenade"),
        ("Moonlight Serenade", "omonlight Serenade"),
        ("Moonlight Serenade", "MoonlightSerenade"),
        ("Moonlight Serenade", "Moonlight Serenadee"),
        ("Sonata Pt. 2", "Sonata, Part II"),
        ("Sonata Vol. 3", "Sonata Volume III"),
    ],
)
def test_a_slip_is_forgiven_where_album_and_length_agree(title: str, other: str) -> None:
    assert found(there(title=other), here(1, title=title), here(2, title="Another")) == ("names", 1)


@pytest.mark.parametrize(
    ("title", "other"),
    [
        ("Untitled A", "Untitled B"),
        ("Movement 1", "Movement 11"),
        ("Symphony Part I", "Symphony Part II"),
        ("Theme One More", "Theme On More"),
        ("Mourning Glory", "Morning Story"),
        ("Night Music", "Light Music"),
        ("Intro", "Inro"),
        ("Never Street Pt. 1, Pt. 1", "Never Street Pt. 1, Pt."),
        ("Hello There (Live)", "Hello There (Liv)"),
    ],
)
def test_what_may_be_another_song_is_none(title: str, other: str) -> None:
    assert found(there(title=other), here(1, title=title))[1] is None


def test_of_two_titles_that_are_nearly_it_none_is_taken() -> None:
    songs = here(1, title="Moonlight Serenade"), here(2, title="Moonlights Serenade")
    assert found(there(title="Moonligh Serenade"), *songs[:1]) == ("names", 1)
    near = here(1, title="Moonlight Serenade"), here(2, title="Moonlight Serenades")
    assert found(there(title="Moonlight Srenade"), *near) == ("names", 1)
    assert found(there(title="Moonligt Serenade"), near[0], here(3, title="Moonlit Serenade"))[1] is None


@pytest.mark.parametrize(
    "artist",
    [
        *(
            "J. Coltrane",
            "Coltrane, John",
            "John Coltrane / Guest Person",
            "Jhon Coltrane",
            "Guest, John Coltrane",
        ),
        *("Coltrane", "The John Coltrane"),
    ],
)
def test_an_artist_may_be_written_in_many_ways_where_all_else_agrees(artist: str) -> None:
    song = here(1, artist="John Coltrane")
    assert found(there(artist=artist), song) == ("names", 1)
    assert found(there(artist="Alice Coltrane"), song)[1] is None
    assert found(there(artist="J."), song)[1] is None


@pytest.mark.parametrize(
    ("artist", "title"),
    [
        ("Adele", "03 - Hello"),
        ("Adele", "3. Hello"),
        ("Adele", "Adele - Hello"),
        ("", "Adele - Hello"),
        ("Various Artists", "01 Adele – Hello"),
        ("Unknown Artist", "Adele - 01 - Hello"),
    ],
)
def test_what_stands_before_a_title_is_read(artist: str, title: str) -> None:
    remote = there(artist=artist, title=title, album="")
    assert found(remote, here(1), here(2, title="Other")) == ("names", 1)
    written_here = here(1, artist=artist, title=title)
    assert found(there(album=""), written_here, here(2, title="Other")) == ("names", 1)
    assert found(replace(remote, duration_s=202.5), here(1)) == ("doubtful", None)
    assert found(replace(remote, duration_s=None), here(1)) == ("doubtful", None)


def test_numbers_of_movements_are_no_numbers_of_tracks() -> None:
    assert found(there(title="2. Allegro"), here(1, title="1. Allegro"))[1] is None


def test_various_artists_are_nobody() -> None:
    assert found(there(artist="Various Artists"), here(1)) == ("names", 1)
    assert found(there(artist="Various Artists", album="Best of"), here(1)) == ("doubtful", None)


def test_letters_that_are_others_elsewhere_are_the_same() -> None:
    song = here(1, title="Søndag i Łódź", artist="Æ & Œ")
    assert found(there(title="Sondag i Lodz", artist="AE and OE"), song) == ("names", 1)


def test_a_remaster_of_a_live_version_is_that() -> None:
    song = here(1, title="Hello - Live at Leeds")
    assert found(there(title="Hello - Live at Leeds (Remastered)"), song) == ("names", 1)


def test_a_title_is_not_cut_off_before_a_version_or_a_movement() -> None:
    whole = "A title that is as long as those"
    assert found(there(title=f"{whole} (Live)"), here(1, title=whole))[1] is None
    movement = "Symphony No. 5 in C Minor, Op. 67: I"
    assert found(there(title=f"{movement}I. Andante"), here(1, title=movement))[1] is None


@pytest.mark.parametrize(
    "path",
    [
        "file:///music/Ad%C3%A8le/25%20%26%20more/01%20What%3F%20%27Hello%27.flac",
        "music/Ad%C3%A8le/25%20%26%20more/01%20What%3F%20%27Hello%27.flac",
        "C:\\Music\\Adèle\\25 & more\\01 What_ 'Hello'.mp3",
        "/m/Adele./25 _ more./01 What_ _Hello_.flac",
        "/m/Adèle/25 & more/01. What - ‘Hello’.ogg",
        "/m/Adéle/25 & more /01  What? 'Hello' .flac",
    ],
)
def test_names_of_files_are_known_as_other_systems_write_them(path: str) -> None:
    song = here(1, "Adèle/25 & more/01 What? 'Hello'.flac")
    other = here(2, "Adèle/25 & more/02 What? 'Hello'.flac")
    assert found(there(path, title="", artist=""), song, other) == ("path", 1)


def test_names_that_are_the_same_without_marks_are_a_doubt_and_as_they_are_none() -> None:
    songs = [
        here(n, f"a/b/{name}.flac", title="", artist="") for n, name in ((1, "Re-do it"), (2, "Redo it!"))
    ]
    bare = {"title": "", "artist": ""}
    assert found(there("a/b/Re-do it.flac", **bare), *songs) == ("path", 1)
    assert found(there("a/b/redo it.flac", **bare), *songs) == ("doubtful", None)


def test_without_an_artist_the_album_and_the_length_must_agree() -> None:
    songs = here(1), here(2, artist="Lionel Richie", album="Can't Slow Down")
    assert found(there(artist=""), *songs) == ("names", 1)
    assert found(there(artist="", album=""), *songs) == ("doubtful", None)
    assert found(there(artist="", duration_s=None), *songs) == ("doubtful", None)


def test_nothing_is_made_of_nothing() -> None:
    assert found(RemoteSong("r"), here(1), LocalSong(2, "")) == ("unmatched", None)


def test_what_names_a_song_is_what_is_matched_anew_not_its_state() -> None:
    played = RemoteSong("r", title="Hello", state=SongState(plays=3))
    assert played.described == RemoteSong("s", title="Hello").described
    assert played.described != RemoteSong("r", title="Hello", duration_s=1.0).described


def test_vowel_signs_make_other_names_of_files() -> None:
    song = here(1, "a/b/01 राम.flac", title="", artist="")
    assert found(there("a/b/01 राम.mp3", title="", artist=""), song) == ("path", 1)
    assert found(there("a/b/01 रोम.mp3", title="", artist=""), song)[1] is None


@pytest.mark.parametrize("written", ["BjÃ¶rk", "Ã\x81sgeir", "ÐšÐ¸Ð½Ð¾"])
def test_what_was_read_in_a_wrong_encoding_is_read_again(written: str) -> None:
    meant = {"B": "Björk", "Ã": "Ásgeir", "Ð": "Кино"}[written[0]]
    for one, other in ((meant, written), (written, meant)):
        song = here(1, f"{one}/25/01 Hello.flac", artist=one)
        assert found(there(artist=other), song) == ("names", 1)
        assert found(there(f"{other}/25/01 Hello.flac", title="", artist=""), song) == ("path", 1)


@pytest.mark.parametrize("text", ["Björk", "Ã", "naïve Ærø", "Кино", "€uro", "♥", ""])
def test_what_was_read_right_stays(text: str) -> None:
    assert repaired(text) == text


@pytest.mark.parametrize(
    "end",
    ["CD1/01.flac", "Disc 2/Track 07.mp3", "Unknown Album/01 Track 1.wma", "Side B/02.flac", "2/03.mp3"],
)
def test_names_that_any_album_may_have_tell_nothing(end: str) -> None:
    bare = {"title": "", "artist": ""}
    song = here(1, f"Somebody/Record/{end}", **bare)
    assert found(there(f"Somebody Else/Other/{end}", **bare), song)[1] is None
    assert found(there(f"x/Somebody/Record/{end}", **bare), song) == ("path", 1)
    assert found(there(end, **bare), here(1, end, **bare)) == ("path", 1)
