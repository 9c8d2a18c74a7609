"""Connections in the catalogue: made, counted, forgotten, on every database."""

from db.connections import (
    ConnectionSong,
    SongThere,
    add_connection,
    connections,
    counts_of,
    get_connection,
    keep_songs,
    known_songs_of,
    note_playlist,
    remote_ids,
    remove_connection,
    songs_there,
    written_playlists,
)
from db.models import Root, Track
from db.session import Catalog

PREFERENCE = {"path": 0, "names": 1}


def song(remote_id: str, track_id: int | None, how: str) -> ConnectionSong:
    return ConnectionSong(
        connection="nas", remote_id=remote_id, track_id=track_id, described="d" * 32, how=how, plays=2**40
    )


def filled(catalog: Catalog) -> int:
    with catalog.transaction() as session:
        track = Track(root=Root(path="/music"), rel_path="x.mp3", size=1, mtime_ns=1)
        session.add(track)
        session.flush()
        add_connection(session, "nas", "subsonic", "http://nas")
        songs = [song("b", track.id, "names"), song("a", track.id, "path"), song("c", None, "doubtful")]
        keep_songs(session, "nas", songs, [])
        note_playlist(session, "nas", "p1", "Évening", "w" * 32)
        return track.id


def test_a_track_is_known_by_the_song_that_was_matched_best(catalog: Catalog) -> None:
    track_id = filled(catalog)
    with catalog.transaction() as session:
        assert remote_ids(session, "nas", PREFERENCE) == {track_id: "a"}
        assert counts_of(session) == {"nas": {"path": 1, "names": 1, "doubtful": 1}}
        assert known_songs_of(session, "nas")["b"].plays == 2**40
        keep_songs(session, "nas", [], ["a", "c"])
        assert remote_ids(session, "nas", PREFERENCE) == {track_id: "b"}


def test_a_playlist_is_noted_once(catalog: Catalog) -> None:
    filled(catalog)
    with catalog.transaction() as session:
        note_playlist(session, "nas", "p1", "Évening", "v" * 32)
        [found] = written_playlists(session, "nas").values()
        assert (found.name, found.written) == ("Évening", "v" * 32)


def test_a_new_address_keeps_what_was_matched_and_a_new_kind_does_not(catalog: Catalog) -> None:
    filled(catalog)
    with catalog.transaction() as session:
        add_connection(session, "nas", "subsonic", "https://nas")
        assert [(one.name, one.url) for one in connections(session)] == [("nas", "https://nas")]
        assert len(known_songs_of(session, "nas")) == 3
    with catalog.transaction() as session:
        add_connection(session, "nas", "mpd", "mpd://nas")
        assert counts_of(session) == {}


def test_what_is_forgotten_leaves_the_track_and_a_track_that_goes_leaves_the_song(catalog: Catalog) -> None:
    track_id = filled(catalog)
    with catalog.transaction() as session:
        session.delete(session.get(Track, track_id))
    with catalog.transaction() as session:
        assert known_songs_of(session, "nas")["a"].track_id is None
        found = get_connection(session, "nas")
        assert found is not None
        remove_connection(session, found)
    with catalog.transaction() as session:
        assert (known_songs_of(session, "nas"), written_playlists(session, "nas")) == ({}, {})


def test_songs_are_found_by_their_ids_and_their_artists(catalog: Catalog) -> None:
    track_id = filled(catalog)
    with catalog.transaction() as session:
        add_connection(session, "other", "jellyfin", "http://other")
        session.add(
            ConnectionSong(
                connection="other",
                remote_id="a",
                track_id=track_id,
                described="",
                how="path",
                artist_id="évening",
            )
        )
    other = SongThere("other", "a", track_id, "path", "évening")
    with catalog.transaction() as session:
        known = [SongThere("nas", name, track_id, how, None) for name, how in (("a", "path"), ("b", "names"))]
        assert songs_there(session, "nas") == known
        assert songs_there(session, remote_id="a") == [known[0], other]
        assert songs_there(session, artist_id="évening") == songs_there(session, "other") == [other]
        assert songs_there(session, "nas", artist_id="évening") == []
