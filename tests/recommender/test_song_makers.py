"""The albums of a few songs, as the whole catalogue tells them."""

from db.models import Root
from db.session import Catalog
from recommender.song_makers import album_numbers
from tests.db.rows import new_track

FOLDERS = ("a/1.mp3", "b/1.mp3")


def test_albums_in_two_folders_are_one_unless_others_are_on_them(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        root = Root(path="/music")
        songs = [new_track(session, root, path, artist="Ann", album="Hits") for path in FOLDERS]
        assert album_numbers(session, songs).tolist() == [0, 0]
        for path in ("a/2.mp3", "b/2.mp3"):
            new_track(session, root, path, artist="Bob", album="hits")
        assert album_numbers(session, songs).tolist() == [0, 1]


def test_songs_of_several_artists_in_a_folder_are_of_each_if_the_catalogue_says_so(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        root = Root(path="/music")
        two = [new_track(session, root, f"x/{a}.mp3", artist=a, album="Best of") for a in ("Ann", "Bob")]
        assert album_numbers(session, two).tolist() == [0, 0]
        for song in two:
            song.track_number = 1
            for number in range(2, 6):
                path = f"x/{song.artist} {number}.mp3"
                new_track(session, root, path, artist=song.artist, album="Best of", track_number=number)
        assert album_numbers(session, two).tolist() == [0, 1]


def test_a_song_on_no_album_has_no_number(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        root = Root(path="/music")
        songs = [new_track(session, root, f"x/{a}.mp3", artist=a, album="") for a in ("Ann", "Bob")]
        assert album_numbers(session, songs).tolist() == [-1, -1]
