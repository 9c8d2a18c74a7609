"""All albums of a catalogue by one pass over its songs: their names, their songs in order, their artists.

They are kept while no track is written. While tracks are, they are read again for each state that is asked
for, but where a few songs are to name their albums: these are asked of the albums as they were.
"""

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.browsing.song_albums import (
    VARIOUS,
    VARIOUS_KEYS,
    Key,
    OnAlbum,
    albums_of,
    disc_of,
    folder_of,
    lead_artist,
    shown_album,
)
from db.kept import LENT, kept_of
from db.models import LARGEST, Track
from db.playable import Album, AlbumNames, playable
from db.tracks import search_key

ALBUMS: Final = "albums"
"""What they are kept under."""
SONGS_TRIED: Final = 3
"""So many songs of an album are looked into for its picture."""

Value = TypeVar("Value")
Pair = tuple[str, str]


@dataclass
class KnownAlbums:
    """The albums of all songs that can be played, or of those of one root; nobody may change it.

    Attributes
    ----------
    albums
        By their names, in the order of artist and name; without plays.
    tracks
        The songs of each, in their order on it; albums in the same order.
    of_song
        Each song's album, by the song's id.
    also
        The names of the album that songs of an artist and a tag are on, though it is called otherwise.
    on
        The albums of every artist: that are the artist's, or have a song of theirs.
    by
        How many albums are by an artist; of those who have a song on none, too.
    of
        The songs of every artist, ascending.
    pictured
        Songs with another picture than their album shows, each with the album's first song that has the same.
    """

    albums: dict[tuple[str, ...], Album] = field(default_factory=dict)
    tracks: dict[tuple[str, ...], list[int]] = field(default_factory=dict)
    of_song: dict[int, AlbumNames] = field(default_factory=dict)
    also: dict[Pair, tuple[str, ...]] = field(default_factory=dict)
    on: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    by: dict[str, int] = field(default_factory=dict)
    of: dict[str, list[int]] = field(default_factory=dict)
    pictured: dict[int, int] = field(default_factory=dict)


def known_albums(session: Session, root_id: int | None = None) -> KnownAlbums:
    """Return the albums of all songs that can be played; of one root, those of its songs."""
    if root_id is None and kept_of(session) is None:
        lent, still = _lent(session)
        if lent is not None and still:
            return lent
    return _kept(session, (ALBUMS, root_id), lambda: _read(session, root_id))


def places_on_albums(session: Session) -> dict[int, int]:
    """Return the place of every song on an album among all of them, albums in the order of their names."""

    def read() -> dict[int, int]:
        known = known_albums(session)
        named = sorted(known.albums.values(), key=lambda one: search_key(one.name))
        songs = (track_id for one in named for track_id in known.tracks[one.names])
        return {track_id: place for place, track_id in enumerate(songs)}

    return _kept(session, "places on albums", read)


def albums_of_songs(session: Session, songs: Sequence[Track]) -> list[AlbumNames | None]:
    """Return the album that each of some songs is on, None for one on none."""
    before = _earlier(session)
    if before is not None:
        return [_as_before(before, song) for song in songs]
    of_song = known_albums(session).of_song
    return [of_song.get(song.id) for song in songs]


def pictured_songs(session: Session) -> Mapping[int, int]:
    """Return the songs with another picture than their album shows, as `KnownAlbums.pictured`."""
    before = _earlier(session)
    return (known_albums(session) if before is None else before).pictured


def _earlier(session: Session) -> KnownAlbums | None:
    """Return the albums as they were, where those of now would have to be read for a few songs."""
    kept = kept_of(session)
    if kept is None:
        before, still = _lent(session)
        return None if still or before is None else before
    if kept.of_tracks is not None or (ALBUMS, None) in kept.of_state:
        return None
    return kept.earlier or KnownAlbums()


def _lent(session: Session) -> tuple[KnownAlbums | None, bool]:
    """Return the albums that a session which changes something was lent, and whether they are still so."""
    lend = session.info.get(LENT)
    if lend is None:
        return None, False
    before, still = lend(session)
    return (KnownAlbums(), False) if before is None else (before, still)


def _as_before(before: KnownAlbums, song: Track) -> AlbumNames | None:
    """Return a song's album as it was, if its tags are as they were; else what the song alone says."""
    found = before.of_song.get(song.id)
    if found is not None and before.also.get(_pair(song)) == found.names:
        return found
    [key] = albums_of([song])
    return None if key is None else _named(key, [song], (_pair(song),), set())


def _kept(session: Session, what: Hashable, read: Callable[[], Value]) -> Value:
    kept = kept_of(session)
    if kept is None:
        return read()
    facts = kept.of_state if kept.of_tracks is None else kept.of_tracks
    found: Value | None = facts.get(what)
    if found is None:
        found = facts[what] = kept.of_state.get(what) or read()
    return found


COLUMNS: Final = (
    Track.id,
    Track.artist,
    Track.album,
    Track.album_artist,
    Track.root_id,
    Track.rel_path,
    Track.disc_number,
    Track.track_number,
    Track.duration_s,
    Track.year,
    Track.mtime_ns,
    Track.picture_hash,
    Track.added,
)


def _read(session: Session, root_id: int | None) -> KnownAlbums:
    query = select(*COLUMNS).where(*playable(root_id)).order_by(Track.id)
    rows: Sequence[Any] = session.execute(query).all()
    whole = None if root_id is None else known_albums(session)
    named = _names_of(rows) if whole is None else [whole.of_song.get(row.id) for row in rows]
    return _gathered(rows, named)


def _names_of(rows: Sequence[Any]) -> list[AlbumNames | None]:
    """Return the album of each song, songs being in the order of their ids."""
    keys, members = albums_of(rows), dict[Key, list[Any]]()
    for row, key in zip(rows, keys, strict=True):
        if key is not None:
            members.setdefault(key, []).append(row)
    pairs = {key: tuple(dict.fromkeys(map(_pair, some))) for key, some in members.items()}
    named, taken = dict[Key, AlbumNames](), set[tuple[str, ...]]()
    for key, some in members.items():
        named[key] = _named(key, some, pairs[key], taken)
        taken.add(named[key].names)
    return [None if key is None else named[key] for key in keys]


def _named(
    key: Key, songs: Sequence[OnAlbum], pairs: Sequence[Pair], taken: set[tuple[str, ...]]
) -> AlbumNames:
    """Return what an album is called, and names of its own: its first song's tags, if no other has them."""
    first = songs[0]
    several = len(key) > 2 and len({search_key(lead_artist(song.artist)) for song in songs}) > 1
    artist = pairs[0][0]
    if several:
        tagged = {song.album_artist for song in songs} - {""}
        artist = tagged.pop() if len(tagged) == 1 else VARIOUS
    elif not first.album_artist and len({pair[0] for pair in pairs}) > 1:
        artist = lead_artist(artist)
    folder = folder_of(first.rel_path)
    names: tuple[str, ...] = (artist if several else pairs[0][0], first.album)
    if names in taken:  # then where it lies, or whom it is by, tells it from the other
        names = (*names, *(key if len(key) == 2 else (*key[:2], folder)))
    various = several or search_key(artist) in VARIOUS_KEYS
    called = shown_album(first.album) if key[0] else os.path.basename(folder) or first.album
    return AlbumNames(names, artist, called, various, frozenset(pairs))


def _pair(song: OnAlbum) -> Pair:
    return (song.album_artist or song.artist, song.album)


def _gathered(rows: Sequence[Any], named: Sequence[AlbumNames | None]) -> KnownAlbums:
    found, on = KnownAlbums(), dict[str, set[tuple[str, ...]]]()
    songs: dict[tuple[str, ...], tuple[AlbumNames, list[Any]]] = {}
    for row, one in zip(rows, named, strict=True):
        artist, whole_by = row.artist, (row.album_artist or row.artist) if one is None else one.artist
        for name in (artist,) if artist == whole_by else (artist, whole_by):
            found.of.setdefault(name, []).append(row.id)
            on.setdefault(name, set()).update(() if one is None else (one.names,))
        if one is None:
            found.by.setdefault(whole_by, 0)
        else:
            found.of_song[row.id] = one
            songs.setdefault(one.names, (one, []))[1].append(row)
    made = [_album(one, some) for one, some in songs.values()]
    made.sort(key=lambda album: (search_key(album.artist), search_key(album.name), album.newest_id))
    found.albums = {album.names: album for album in made}
    for names in found.albums:
        one, some = songs[names]
        some.sort(key=_place)
        found.tracks[one.names] = [row.id for row in some]
        found.pictured |= _pictured(some)
        found.by[one.artist] = found.by.get(one.artist, 0) + 1
        found.also |= {pair: one.names for pair in one.pairs if pair not in found.also}
    found.also |= {names: names for names in found.albums if len(names) == 2}  # whose own they are
    found.on = {name: _in_order(some, found.albums) for name, some in on.items()}
    return found


def _pictured(songs: Sequence[Any]) -> dict[int, int]:
    """Return `KnownAlbums.pictured` of an album's songs in their order."""
    first: dict[str, int] = {}
    for song in songs:
        if song.picture_hash:
            first.setdefault(song.picture_hash, song.id)
    if len(first) < 2:
        return {}
    shown = next((song.picture_hash for song in songs[:SONGS_TRIED] if song.picture_hash), None)
    own = (song for song in songs if song.picture_hash and song.picture_hash != shown)
    return {song.id: first[song.picture_hash] for song in own}


def _album(one: AlbumNames, songs: Sequence[Any]) -> Album:
    added: list[datetime] = [row.added for row in songs if row.added is not None]
    return Album(
        artist=one.artist,
        name=one.name,
        songs=len(songs),
        duration_s=float(sum(row.duration_s or 0.0 for row in songs)),
        year=min((row.year for row in songs if row.year is not None), default=None),
        changed_ns=max(row.mtime_ns for row in songs),
        newest_id=songs[-1].id,
        plays=0,
        last_played=None,
        added=min(added, default=None),
        names=one.names,
        compilation=one.compilation,
    )


def _in_order(
    some: Iterable[tuple[str, ...]], albums: Mapping[tuple[str, ...], Album]
) -> list[tuple[str, ...]]:
    """Return an artist's albums by year and name."""

    def place(names: tuple[str, ...]) -> tuple[int, str, str, int]:
        one = albums[names]
        return (one.year or 0, search_key(one.name), search_key(one.artist), one.newest_id)

    return sorted(some, key=place)


def _place(song: Any) -> tuple[int, int, str]:
    return (disc_of(song) or 1, song.track_number or LARGEST, song.rel_path)
