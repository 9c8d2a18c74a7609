"""Albums while songs are being written, and for who changes something: as they were, and never wrong ones."""

from sqlalchemy.orm import Session

from db.browsing import albums as module
from db.browsing.albums import KnownAlbums, albums_of_songs, known_albums, pictured_songs
from db.kept import KEPT, LENT, Kept
from db.models import Track
from db.session import Catalog
from db.tracks import root_for
from tests.db.rows import new_track

VARIOUS = ("Various Artists", "Hits")


def fill(session: Session) -> list[Track]:
    root = root_for(session, "/m")
    names = (("Ann", "Hits", "a"), ("Bob", "Hits", "a"), ("Cy", "Own", "b"), ("Cy", "", "c"))
    return [
        new_track(
            session,
            root,
            f"{folder}/{n}.mp3",
            artist=artist,
            album=album,
            search_text="",
            picture_hash=str(n),
        )
        for n, (artist, album, folder) in enumerate(names)
    ]


def named(session: Session, songs: list[Track]) -> list[tuple[str, ...] | None]:
    return [None if one is None else one.names for one in albums_of_songs(session, songs)]


def test_songs_name_their_albums_as_they_were_while_others_are_written(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        songs = fill(session)
        before = known_albums(session)
        session.info[KEPT] = kept = Kept(state=1, earlier=before)
        assert named(session, songs) == [VARIOUS, VARIOUS, ("Cy", "Own"), None]
        assert pictured_songs(session) == before.pictured == {songs[1].id: songs[1].id}
        more = new_track(session, songs[0].root, "a/9.mp3", artist="Dan", album="Hits", search_text="")
        songs[2].album = "Other"
        session.flush()
        assert named(session, [songs[2], more]) == [("Cy", "Other"), ("Dan", "Hits")]
        assert known_albums(session).albums[VARIOUS].songs == 3, "of this very state"
        assert named(session, [songs[2], more]) == [("Cy", "Other"), VARIOUS]
        assert known_albums(session) is kept.of_state[module.ALBUMS, None], "which is read once"


def test_who_changes_something_is_lent_them_if_they_are_still_so(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        songs = fill(session)
        lent, still = known_albums(session), True
        session.info[LENT] = lambda _: (lent, still)
        assert known_albums(session) is lent
        assert named(session, songs[:1]) == [VARIOUS]
        still = False
        assert known_albums(session) is not lent
        songs[0].artist, songs[0].album = "Eve", "New"
        assert named(session, songs[:2]) == [("Eve", "New"), VARIOUS]
        lent = None  # nobody has asked for them yet
        assert named(session, songs[:2]) == [("Eve", "New"), ("Bob", "Hits")]
        assert isinstance(known_albums(session), KnownAlbums)


def test_an_album_that_is_named_by_its_folder_alone_keeps_its_letters(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        root = root_for(session, "/m")
        for n in (1, 2):
            path = f"Los Días (Disc {n})/{n}.mp3"
            new_track(session, root, path, artist="Ann", album=f"Disc {n}", search_text="")
        [one] = known_albums(session).albums.values()
        assert (one.name, one.songs) == ("Los Días", 2)
