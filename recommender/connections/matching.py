"""Which track a song of a server is: by path, by MusicBrainz, by names and length; in doubt, none.

All of it is of values: no catalogue, no server.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal, TypeVar

from recommender.connections import params
from recommender.connections.agreement import (
    LocalSong,
    alike,
    is_cut,
    lengths_known,
    may_be,
    same_album,
    same_length,
    very_length,
)
from recommender.connections.name_forms import (
    artist_named,
    artists_alike,
    plain_key,
    readings,
    repaired,
    titles_alike,
)
from recommender.connections.path_names import WAYS, are_anyones, names_in_common, spellings, tells
from recommender.connections.values import RemoteSong
from recommender.song_paths import ids_in_words
from recommender.song_titles import Key, exact_key, issue_key, loose_key

Song = TypeVar("Song", LocalSong, RemoteSong)
How = Literal["path", "musicbrainz", "names", "doubtful", "unmatched"]

PREFERENCE: Final = {"path": 0, "musicbrainz": 1, "names": 2}
"""Of ways to match, the best first."""


@dataclass(frozen=True)
class SongMatch:
    """The track that a song is, and by what; or why there is none, and those it might be."""

    how: How
    track_id: int | None = None
    reason: str = ""
    candidates: tuple[int, ...] = ()


KEYS: Final[tuple[tuple[Callable[[str, str], Key], bool], ...]] = (
    (exact_key, False),
    (loose_key, False),
    (issue_key, True),
    (plain_key, True),
)
"""What is compared first, then, and last; and whether lengths must then be known to agree."""


class SongMatcher:
    """Finds the tracks that songs of a server are.

    Parameters
    ----------
    songs
        The tracks that are present.
    musicbrainz
        Returns the ids of recordings by track id, as they stand in the files; it is asked only if need be.
    """

    def __init__(self, songs: Iterable[LocalSong], musicbrainz: Callable[[], dict[int, str]] = dict) -> None:
        self._songs = [_as_meant(song) for song in songs]
        self._ask_musicbrainz = musicbrainz
        self._by_name: list[dict[str, list[LocalSong]]] = [defaultdict(list) for _ in WAYS]
        self._by_keys: list[dict[Key, list[LocalSong]]] = [defaultdict(list) for _ in KEYS]
        self._by_title: dict[str, list[LocalSong]] = defaultdict(list)
        self._by_artist: dict[str, list[tuple[float, LocalSong]]] = defaultdict(list)
        self._by_start: dict[Key, list[LocalSong]] = defaultdict(list)
        self._by_reading: dict[Key, list[LocalSong]] = defaultdict(list)
        self._by_album: dict[str, list[LocalSong]] = defaultdict(list)
        for song in self._songs:
            for way, by_name in zip(WAYS, self._by_name, strict=True):
                by_name[way(song.path)[-1]].append(song)
            if song.title:
                by, title = plain_key(song.artist, song.title)
                self._by_title[title].append(song)
                if song.duration_s is not None:
                    self._by_artist[by].append((song.duration_s, song))
                self._by_album[plain_key("", song.album)[1]].append(song)
                for reading in readings(song.artist, song.title):
                    self._by_reading[plain_key(*reading)].append(song)
                self._by_start[by, exact_key("", song.title)[1][: params.LEAST_CUT]].append(song)
                for (key_of, _), by_key in zip(KEYS, self._by_keys, strict=True):
                    by_key[key_of(song.artist, song.title)].append(song)

        for of_artist in self._by_artist.values():
            of_artist.sort(key=_length_of)

    @cached_property
    def _by_musicbrainz(self) -> dict[str, list[LocalSong]]:
        ids = self._ask_musicbrainz()
        found: dict[str, list[LocalSong]] = defaultdict(list)
        for song in self._songs:
            if song.track_id in ids:
                found[ids[song.track_id]].append(song)
        return found

    def find(self, remote: RemoteSong) -> SongMatch:
        """Return the track that a song is."""
        remote = _as_meant(remote)
        doubts: list[SongMatch] = []
        for step in (self._by_path, self._by_recording, self._by_words, self._by_title_alone):
            found = step(remote)
            if found is not None and found.track_id is not None:
                return found
            doubts += [found] if found is not None else []
        if doubts:
            return doubts[0]
        return SongMatch("unmatched", reason="the catalogue has no such song")

    def _by_path(self, remote: RemoteSong) -> SongMatch | None:
        """Return the track whose path ends most like the song's: in two names at least, or wholly."""
        doubt = None
        for path in spellings(remote.path):
            for way, by_name in zip(WAYS, self._by_name, strict=True):
                names = way(path)
                found = self._ends_with(names, way, by_name.get(names[-1], ()), remote)
                if found is not None and found.track_id is not None:
                    return found
                doubt = doubt or found
        return doubt

    @staticmethod
    def _ends_with(
        names: Sequence[str],
        way: Callable[[str], list[str]],
        named: Iterable[LocalSong],
        remote: RemoteSong,
    ) -> SongMatch | None:
        """Return which of the tracks whose files have this name it is, if its folders say so."""
        alike = [(names_in_common(names, way(f"{song.root}/{song.path}")), song) for song in named]
        most = max((count for count, _ in alike), default=0)
        best = [song for count, song in alike if count == most]
        whole = any(most == len(names) and most in song.depths for song in best)
        if not best or (most < 2 and not whole and not tells(names[-1])):
            return None
        if not whole and are_anyones(names[-most:]):
            return None
        fitting = [
            song
            for song in best
            if same_length(remote, song)
            and (may_be(remote, song) or ((whole or most >= 3) and very_length(remote, song)))
        ]
        if most < 2 and not whole:
            fitting = [song for song in fitting if very_length(remote, song)]
        if not fitting:
            return _doubt(best, "its path fits, but not its names or its length") if most >= 2 else None
        return _the_only(fitting, "path", "its path fits several tracks")

    def _by_recording(self, remote: RemoteSong) -> SongMatch | None:
        if not remote.musicbrainz:
            return None
        found = self._by_musicbrainz.get(remote.musicbrainz, [])
        if not found:
            return None
        fitting = [song for song in found if same_length(remote, song)]
        if not fitting:
            return _doubt(found, "its MusicBrainz id is that of a track of another length")
        return _the_only(
            _of_album(fitting, remote), "musicbrainz", "its MusicBrainz id is that of several tracks"
        )

    def _by_words(self, remote: RemoteSong) -> SongMatch | None:
        if not remote.title:
            return None
        for (key_of, careful), by_key in zip(KEYS, self._by_keys, strict=True):
            found = by_key.get(key_of(remote.artist, remote.title), []) if remote.artist else []
            if found:
                return _of_these(found, remote, careful=careful)
        ways = (self._cut_off, self._read_otherwise, self._on_album, self._nearly)
        return next((match for way in ways if (match := way(remote)) is not None), None)

    def _read_otherwise(self, remote: RemoteSong) -> SongMatch | None:
        """Return the track that it is if the number, or artist, before a title is taken for that."""
        keys = [plain_key(*one) for one in readings(remote.artist, remote.title)]
        found = [song for key in keys for song in self._by_keys[-1].get(key, ())]
        found += self._by_reading.get(plain_key(remote.artist, remote.title), [])
        sure = [song for song in found if very_length(remote, song)]
        if sure:
            return _the_only(_of_album(sure, remote), "names", "it fits several tracks")
        return (
            _doubt(found, "it fits with what stands before the title, but no length tells") if found else None
        )

    def _on_album(self, remote: RemoteSong) -> SongMatch | None:
        """Return the track of this album and length of which one name is the same, and the other alike."""
        by, title = plain_key(remote.artist, remote.title)
        album = plain_key("", remote.album)[1]
        sure = []
        for song in self._by_album.get(album, ()) if album and by else ():
            its, name = plain_key(song.artist, song.title)
            same = (its == by and titles_alike(title, name)) or (name == title and artists_alike(by, its))
            if same and very_length(remote, song):
                sure.append(song)
        return _the_only(sure, "names", "album and length fit several tracks") if sure else None

    def _cut_off(self, remote: RemoteSong) -> SongMatch | None:
        """Return the track whose title was cut off in one of the two, where artist and length agree."""
        title = exact_key("", remote.title)[1]
        by = plain_key(remote.artist, "")[0]
        found = [
            song
            for song in self._by_start.get((by, title[: params.LEAST_CUT]), ())
            if is_cut(title, exact_key("", song.title)[1])
        ]
        return _of_these(found, remote, careful=True) if found else None

    def _nearly(self, remote: RemoteSong) -> SongMatch | None:
        """Return a doubt where a track of this artist and length has nearly this title."""
        by, title = plain_key(remote.artist, remote.title)
        found = [
            song
            for song in (self._as_long(by, remote.duration_s) if by else ())
            if alike(title, plain_key("", song.title)[1])
        ]
        return _doubt(found, "artist and length agree, the title nearly") if found else None

    def _as_long(self, by: str, seconds: float | None) -> list[LocalSong]:
        """Return the tracks of an artist that are so long, to the second; one artist may have all tracks."""
        songs = self._by_artist.get(by, []) if seconds is not None else []
        first = bisect_left(songs, (seconds or 0.0) - params.VERY_LENGTH_S, key=_length_of)
        last = bisect_right(songs, (seconds or 0.0) + params.VERY_LENGTH_S, key=_length_of)
        return [song for _, song in songs[first:last]]

    def _by_title_alone(self, remote: RemoteSong) -> SongMatch | None:
        """Return the track of this title where one of the two names no artist, if album and length agree."""
        found = self._by_title.get(plain_key("", remote.title)[1], []) if remote.title else []
        found = [song for song in found if not (song.artist and remote.artist)]
        if not found:
            return None
        sure = [song for song in found if very_length(remote, song) and same_album(remote, song)]
        if not sure:
            return _doubt(found, "only the title agrees")
        return _the_only(sure, "names", "title and album fit several tracks")


def _length_of(one: tuple[float, LocalSong]) -> float:
    return one[0]


def _as_meant(song: Song) -> Song:
    """Return a song with its names as they were meant: none of nobody, none that was read wrong."""
    path, title, album = map(repaired, (song.path, song.title, song.album))
    return replace(song, path=path, title=title, artist=artist_named(repaired(song.artist)), album=album)


def _of_these(found: list[LocalSong], remote: RemoteSong, *, careful: bool) -> SongMatch:
    """Return the one track of these names that has the length and, where that leaves several, the album."""
    fitting = [song for song in found if same_length(remote, song)]
    if not fitting:
        return _doubt(found, "artist and title agree, but the length does not")
    if careful and not any(lengths_known(remote, song) for song in fitting):
        return _doubt(found, "artist and title nearly agree, and no length tells")
    return _the_only(_nearest(_of_album(fitting, remote), remote), "names", "it fits several tracks")


def _of_album(songs: list[LocalSong], remote: RemoteSong) -> list[LocalSong]:
    return [song for song in songs if same_album(remote, song)] or songs


def _nearest(songs: list[LocalSong], remote: RemoteSong) -> list[LocalSong]:
    """Return those spelt and then those as long, to the second, as it, where there are any."""
    spelt = [
        song for song in songs if exact_key(song.artist, song.title) == exact_key(remote.artist, remote.title)
    ]
    songs = spelt or songs
    return [song for song in songs if very_length(remote, song)] or songs


def _the_only(songs: Sequence[LocalSong], how: How, several: str) -> SongMatch:
    """Return the only track, or the first of several that are the same recording; else a doubt."""
    contents = {song.content_hash for song in songs}
    if len(songs) == 1 or (len(contents) == 1 and None not in contents):
        return SongMatch(how, songs[0].track_id)
    return _doubt(songs, several)


def _doubt(songs: Sequence[LocalSong], reason: str) -> SongMatch:
    ids = tuple(song.track_id for song in songs)
    return SongMatch("doubtful", None, f"{reason}: {ids_in_words(ids)}", ids)
