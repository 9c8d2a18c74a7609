"""Artists, albums, songs and genres, against the same made of plain lists."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from db.browsing import browse
from db.browsing.song_albums import Key, albums_of
from db.browsing.song_genres import genres_of
from db.models import LARGEST, Root, Track
from db.playable import Album
from db.session import Catalog
from db.tracks import root_for, search_key
from tests.db.rows import new_track

NAMES = ("", "a", "A", "ä", "the x", "%", "b'")
songs = st.fixed_dictionaries(
    {
        "artist": st.sampled_from(NAMES),
        "album_artist": st.sampled_from(("", "", "a", "Various")),
        "album": st.sampled_from(("", "One", "two", "ONE")),
        "title": st.sampled_from(("song", "Lied", "a b")),
        "year": st.none() | st.integers(1960, 1963),
        "duration_s": st.none() | st.integers(1, 9).map(float),
        "mtime_ns": st.integers(0, 2**60),
        "plays": st.integers(0, 3) | st.just(LARGEST),
        "last_played": st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2020, 1, 3)),
        "file_genres": st.lists(st.sampled_from(("Rock", "rock", "Ä", "Jazz")), max_size=2),
        "missing": st.sampled_from((False, False, False, True)),
        "error_kind": st.sampled_from((None, None, None, "silent", "too_short", "not_audio")),
        "track_number": st.none() | st.integers(1, 3),
        "disc_number": st.none() | st.integers(1, 2),
        "added": st.datetimes(datetime(2020, 1, 1), datetime(2020, 1, 3)),
    }
)


def playable(song: dict[str, Any]) -> bool:
    return not song["missing"] and song["error_kind"] in (None, "silent", "too_short")


def put(catalog: Catalog, rows: Sequence[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Put songs in place of all others; return those that can be played, by id."""
    ids = {}
    with catalog.transaction() as session:
        session.execute(delete(Root))
        roots = [root_for(session, folder) for folder in ("/a", "/b")]
        for place, row in enumerate(rows):
            track = new_track(session, roots[place % 2], f"{place:03d}", search_text="", **row)
            track.search_text = search_key(track.artist, track.title)
            ids[track.id] = row | {"root_id": roots[place % 2].id, "rel_path": track.rel_path}
    return {track_id: row for track_id, row in ids.items() if playable(row)}


def on_albums(known: dict[int, dict[str, Any]]) -> dict[Key, dict[int, dict[str, Any]]]:
    """Return the songs of every album, by what the rule says that they are on."""
    groups: dict[Key, dict[int, dict[str, Any]]] = {}
    keys = albums_of([SimpleNamespace(**song) for song in known.values()])
    for (track_id, song), key in zip(known.items(), keys, strict=True):
        if key is not None:
            groups.setdefault(key, {})[track_id] = song
    return groups


def sums(some: dict[int, dict[str, Any]]) -> tuple[Any, ...]:
    """Return what is counted of an album's songs."""
    return (
        len(some),
        sum(song["duration_s"] or 0.0 for song in some.values()),
        min((song["year"] for song in some.values() if song["year"] is not None), default=None),
        max(song["mtime_ns"] for song in some.values()),
        max(some),
        sum(song["plays"] for song in some.values()),
        max((song["last_played"] for song in some.values() if song["last_played"] is not None), default=None),
        min(song["added"] for song in some.values()),
    )


def counted(one: Album) -> tuple[Any, ...]:
    """Return the same of an album that was found."""
    return astuple(one)[2:10]


def by_what_is_counted(some: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(some, key=repr)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(songs, max_size=14))
def test_groups_are_those_of_plain_lists(shared_catalog: Catalog, rows: list[dict[str, Any]]) -> None:
    known = put(shared_catalog, rows)
    groups = on_albums(known)
    loose = known.keys() - {i for some in groups.values() for i in some}
    with shared_catalog.transaction() as session:
        found = browse.albums(session)
        assert by_what_is_counted(map(counted, found)) == by_what_is_counted(map(sums, groups.values()))
        assert len({one.names for one in found}) == len(found)
        order = [(search_key(album.artist), search_key(album.name)) for album in found]
        assert order == sorted(order)
        assert [browse.album(session, one.names) for one in found] == found
        assert browse.album(session, ("a", "no such album")) is None
        of_album = {max(some): some for some in groups.values()}
        by: dict[str, set[int]] = {known[i]["album_artist"] or known[i]["artist"]: set() for i in loose}
        on = {song["artist"]: set[int]() for song in known.values()} | {name: set() for name in by}
        for one in found:
            some = of_album[one.newest_id]
            assert {track.id for track in browse.album_tracks(session, one.names)} == some.keys()
            first = some[min(some)]
            if not one.compilation:
                assert one.artist == (first["album_artist"] or first["artist"])
                assert one.names[:2] == (one.artist, first["album"])  # and more, where another has these
            assert one.name == first["album"]
            by.setdefault(one.artist, set()).add(one.newest_id)
            for name in {one.artist, *(song["artist"] for song in some.values())}:
                on.setdefault(name, set()).add(one.newest_id)
        assert browse.artists(session) == {name: len(some) for name, some in on.items()}
        assert browse.artists(session, of_albums=True) == {name: len(some) for name, some in by.items()}
        for name, some in on.items():
            mine = browse.albums_of_artist(session, name)
            assert {one.newest_id for one in mine} == some and set(mine) <= set(found)
            assert {track.id for track in browse.loose_tracks(session, name)} == {
                i
                for i in loose
                if name in (known[i]["artist"], known[i]["album_artist"] or known[i]["artist"])
            }
        assert browse.count_playable(session) == len(known)
        assert {root.id for root in browse.roots(session)} == {song["root_id"] for song in known.values()}


@settings(max_examples=10, deadline=None)
@given(rows=st.lists(songs, max_size=14))
def test_albums_of_a_root_are_those_of_all_with_its_songs(
    shared_catalog: Catalog, rows: list[dict[str, Any]]
) -> None:
    known = put(shared_catalog, rows)
    groups = on_albums(known)
    with shared_catalog.transaction() as session:
        names = {one.names for one in browse.albums(session)}
        for root in session.query(Root):
            mine = {i for i, song in known.items() if song["root_id"] == root.id}
            some = [{i: song for i, song in group.items() if i in mine} for group in groups.values()]
            found = browse.albums(session, root.id)
            assert by_what_is_counted(map(counted, found)) == by_what_is_counted(
                map(sums, filter(None, some))
            )
            assert {one.names for one in found} <= names
            assert browse.playable_ids(session, root.id) == sorted(mine)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(songs, max_size=14), track_id=st.integers(-1, 20))
def test_songs_are_those_of_plain_lists(
    shared_catalog: Catalog, rows: list[dict[str, Any]], track_id: int
) -> None:
    known = put(shared_catalog, rows)
    with shared_catalog.transaction() as session:
        groups = {max(some): some for some in on_albums(known).values()}
        for album in browse.albums(session):
            mine = groups[album.newest_id]
            places = {
                i: (song["disc_number"] or 1, song["track_number"] or 99, song["rel_path"])
                for i, song in mine.items()
            }
            tracks = browse.album_tracks(session, album.names)
            assert [track.id for track in tracks] == sorted(mine, key=places.__getitem__)
        for name in NAMES:
            on = {
                track.id
                for one in browse.albums(session)
                if one.artist == name
                for track in browse.album_tracks(session, one.names)
            }
            loose = {track.id for track in browse.loose_tracks(session, name)}
            mine = {i: song for i, song in known.items() if song["artist"] == name or i in on | loose}
            expected = sorted(mine, key=lambda i: (-mine[i]["plays"], i))
            assert [track.id for track in browse.artist_tracks(session, name, 5)] == expected[:5]
        assert [(one.track_id, list(one.genres)) for one in genres_of(session)] == [
            (i, song["file_genres"]) for i, song in sorted(known.items())
        ]
        some = [i for i, song in known.items() if song["year"] is not None and 1961 <= song["year"] <= 1962]
        assert browse.playable_ids(session, None, 1961, 1962) == sorted(some)
        found = browse.playable_track(session, track_id)
        assert (found.id if found else None) == (track_id if track_id in known else None)
        asked = [*reversed(known), *known, 10**6]
        assert [track.id for track in browse.playable_tracks(session, asked)] == asked[:-1]
        assert all(browse.is_playable(track) == (track.id in known) for track in session.query(Track))


@settings(max_examples=15, deadline=None)
@given(
    rows=st.lists(songs, max_size=14),
    words=st.sampled_from(("", "A", "lied", "a song", "the", "%", "b'", "_")),
    offset=st.integers(0, 5),
)
def test_search_is_that_of_plain_lists(
    shared_catalog: Catalog, rows: list[dict[str, Any]], words: str, offset: int
) -> None:
    known = put(shared_catalog, rows)
    keys = {i: search_key(song["artist"], song["title"]) for i, song in known.items()}
    expected = sorted(i for i, key in keys.items() if all(word in key for word in search_key(words).split()))
    with shared_catalog.transaction() as session:
        whole = browse.search_ids(session, words, 0, 100)
        assert sorted(whole) == expected
        assert words.strip() or whole == expected
        assert browse.search_ids(session, words, offset, 4) == whole[offset : offset + 4]


def test_what_the_words_name_comes_first(catalog: Catalog) -> None:
    titles = ["A Blue Moon", "Outblued", "Blue", "Bluer", "Tangled up in Blue", "One", "Two", "Three", "BLUE"]
    artists = {"One": "Blue", "Two": "Blue Note", "Three": "Blues Brothers"}
    rows = [{"title": title, "artist": artists.get(title, "X")} for title in titles]
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        for n, row in enumerate(rows):
            key = search_key(row["artist"], row["title"])
            new_track(session, root, str(n), search_text=key, album="Blue" if n == 0 else "", **row)
        found = [
            row.title
            for i in browse.search_ids(session, "blue", 0, 99)
            for row in [session.get_one(Track, i)]
        ]
    assert found == [
        *("Blue", "BLUE"),  # titles
        "One",  # by an artist of that name
        "A Blue Moon",  # of an album of that name
        "Bluer",
        *("Two", "Three"),
        "Tangled up in Blue",
        "Outblued",
    ]


@pytest.mark.parametrize("track_id", [0, -1, LARGEST + 1, 2**70])
def test_no_song_of_an_id(catalog: Catalog, track_id: int) -> None:
    with catalog.transaction() as session:
        assert browse.playable_track(session, track_id) is None
