"""Find the tracks that a line of plays means by artist, title and album."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from db.listening.plays import KnownSong
from db.tracks import search_key
from recommender.song_paths import Found, ids_in_words
from recommender.song_titles import Key, exact_key, issue_key, loose_key

KEYS: tuple[Callable[[str, str], Key], ...] = (exact_key, loose_key, issue_key)
"""What is compared first, then, and last."""


class SongFinder:
    """Finds the tracks that artist, title and album mean; present ones before those that are gone."""

    def __init__(self, songs: Iterable[KnownSong]) -> None:
        self._by_key: list[dict[Key, _Songs]] = [defaultdict(_Songs) for _ in KEYS]
        self._artists: set[str] = set()
        for song in songs:
            for by_key, key_of in zip(self._by_key, KEYS, strict=True):
                key = key_of(song.artist, song.title)
                by_key[key].add(song)
                self._artists.add(key[0])

    def find(self, artist: str, title: str, album: str) -> Found:
        """Return the track; several where they are one recording, with the same content hash."""
        for by_key, key_of in zip(self._by_key, KEYS, strict=True):
            songs = by_key.get(key_of(artist, title))
            if songs is not None:
                return songs.choose(album)
        known = any(key_of(artist, title)[0] in self._artists for key_of in KEYS)
        what = "title of this artist" if known else "artist"
        return Found(reason=f"the catalogue has no such {what}")


class _Songs:
    """The tracks of one artist and title, by whether they are gone and by album."""

    def __init__(self) -> None:
        self._here: dict[bool, list[KnownSong]] = defaultdict(list)
        self._albums: dict[tuple[bool, str], list[KnownSong]] = defaultdict(list)
        self._chosen: dict[str | None, Found] = {}

    def add(self, song: KnownSong) -> None:
        self._here[song.missing].append(song)
        self._albums[song.missing, search_key(song.album)].append(song)

    def choose(self, album: str) -> Found:
        """Return those of an album, or all where none is of it; what was chosen once is kept."""
        missing = False not in self._here
        key = search_key(album) if album else None
        if key is None or (missing, key) not in self._albums:
            key = None
        if key not in self._chosen:
            self._chosen[key] = _found(self._here[missing] if key is None else self._albums[missing, key])
        return self._chosen[key]


def _found(songs: list[KnownSong]) -> Found:
    ids = tuple(song.track_id for song in songs)
    contents = {song.content_hash for song in songs}
    if len(songs) == 1 or (len(contents) == 1 and None not in contents):
        return Found(ids)
    return Found(reason=f"it fits several tracks, and no album tells which: {ids_in_words(ids)}")
