"""Which track a song of a server is: by path, by MusicBrainz, by names and length; in doubt, none.

All of it is of values: no catalogue, no server.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Final, Literal

from recommender.connections import params
from recommender.connections.path_names import names_in_common, names_of, tells
from recommender.connections.values import RemoteSong
from recommender.song_paths import ids_in_words
from recommender.song_titles import Key, exact_key, issue_key, loose_key

How = Literal["path", "musicbrainz", "names", "doubtful", "unmatched"]

PREFERENCE: Final = {"path": 0, "musicbrainz": 1, "names": 2}
"""Of ways to match, the best first."""
ARTICLE: Final = re.compile(r"^(?:the|a|an)\s+|\s+(?:the|a|an)$")
NUMBER: Final = re.compile(r"^\W*(?:\d{1,2}[-.])?\d{1,3}(?:\s*[-._)]\s*|\s+)")


@dataclass(frozen=True)
class LocalSong:
    """A track as it is matched; `path` is below its `root`."""

    track_id: int
    path: str
    title: str = ""
    artist: str = ""
    album: str = ""
    duration_s: float | None = None
    content_hash: str | None = None
    root: str = ""

    @property
    def depths(self) -> tuple[int, int]:
        """Of how many names its path is, below its root and in all."""
        return len(names_of(self.path)), len(names_of(f"{self.root}/{self.path}"))


@dataclass(frozen=True)
class SongMatch:
    """The track that a song is, and by what; or why there is none, and those it might be."""

    how: How
    track_id: int | None = None
    reason: str = ""
    candidates: tuple[int, ...] = ()


def plain_key(artist: str, title: str) -> Key:
    """Return the issue key without articles, and with 'and' for '&' and '+'."""
    spelt = (re.sub(r"\s[&+]\s", " and ", text) for text in (artist, title))
    by, of = issue_key(*spelt)
    return ARTICLE.sub("", by), ARTICLE.sub("", of)


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
        self._songs = list(songs)
        self._ask_musicbrainz = musicbrainz
        self._by_name: dict[str, list[LocalSong]] = defaultdict(list)
        self._by_keys: list[dict[Key, list[LocalSong]]] = [defaultdict(list) for _ in KEYS]
        self._by_title: dict[str, list[LocalSong]] = defaultdict(list)
        self._by_artist: dict[str, list[LocalSong]] = defaultdict(list)
        self._by_start: dict[Key, list[LocalSong]] = defaultdict(list)
        for song in self._songs:
            self._by_name[names_of(song.path)[-1]].append(song)
            if song.title:
                by, title = plain_key(song.artist, song.title)
                self._by_title[title].append(song)
                self._by_artist[by].append(song)
                self._by_start[by, exact_key("", song.title)[1][: params.LEAST_CUT]].append(song)
                for (key_of, _), by_key in zip(KEYS, self._by_keys, strict=True):
                    by_key[key_of(song.artist, song.title)].append(song)

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
        if not remote.path:
            return None
        names = names_of(remote.path)
        alike = [
            (names_in_common(names, names_of(f"{song.root}/{song.path}")), song)
            for song in self._by_name.get(names[-1], ())
        ]
        most = max((count for count, _ in alike), default=0)
        best = [song for count, song in alike if count == most]
        whole = any(most == len(names) and most in song.depths for song in best)
        if not best or (most < 2 and not whole and not tells(names[-1])):
            return None
        fitting = [
            song
            for song in best
            if _same_length(remote, song)
            and (_may_be(remote, song) or ((whole or most >= 3) and _very_length(remote, song)))
        ]
        if most < 2 and not whole:
            fitting = [song for song in fitting if _very_length(remote, song)]
        if not fitting:
            return _doubt(best, "its path fits, but not its names or its length") if most >= 2 else None
        return _the_only(fitting, "path", "its path fits several tracks")

    def _by_recording(self, remote: RemoteSong) -> SongMatch | None:
        if not remote.musicbrainz:
            return None
        found = self._by_musicbrainz.get(remote.musicbrainz, [])
        if not found:
            return None
        fitting = [song for song in found if _same_length(remote, song)]
        if not fitting:
            return _doubt(found, "its MusicBrainz id is that of a track of another length")
        return _the_only(
            _of_album(fitting, remote), "musicbrainz", "its MusicBrainz id is that of several tracks"
        )

    def _by_words(self, remote: RemoteSong) -> SongMatch | None:
        if not remote.title or not remote.artist:
            return None
        for (key_of, careful), by_key in zip(KEYS, self._by_keys, strict=True):
            found = by_key.get(key_of(remote.artist, remote.title), [])
            if found:
                return _of_these(found, remote, careful=careful)
        return self._cut_off(remote)

    def _cut_off(self, remote: RemoteSong) -> SongMatch | None:
        """Return the track whose title was cut off in one of the two, where artist and length agree."""
        title = exact_key("", remote.title)[1]
        by = plain_key(remote.artist, "")[0]
        found = [
            song
            for song in self._by_start.get((by, title[: params.LEAST_CUT]), ())
            if _is_cut(title, exact_key("", song.title)[1])
        ]
        return _of_these(found, remote, careful=True) if found else self._nearly(remote)

    def _nearly(self, remote: RemoteSong) -> SongMatch | None:
        """Return a doubt where a track of this artist and length has nearly this title."""
        by, title = plain_key(remote.artist, remote.title)
        found = [
            song
            for song in self._by_artist.get(by, ())
            if _very_length(remote, song) and _alike(title, plain_key("", song.title)[1])
        ]
        return _doubt(found, "artist and length agree, the title nearly") if found else None

    def _by_title_alone(self, remote: RemoteSong) -> SongMatch | None:
        """Return the track of this title where one of the two names no artist, if album and length agree."""
        found = self._by_title.get(plain_key("", remote.title)[1], []) if remote.title else []
        found = [song for song in found if not (song.artist and remote.artist)]
        if not found:
            return None
        sure = [song for song in found if _very_length(remote, song) and _same_album(remote, song)]
        if not sure:
            return _doubt(found, "only the title agrees")
        return _the_only(sure, "names", "title and album fit several tracks")


def _of_these(found: list[LocalSong], remote: RemoteSong, *, careful: bool) -> SongMatch:
    """Return the one track of these names that has the length and, where that leaves several, the album."""
    fitting = [song for song in found if _same_length(remote, song)]
    if not fitting:
        return _doubt(found, "artist and title agree, but the length does not")
    if careful and not any(_lengths_known(remote, song) for song in fitting):
        return _doubt(found, "artist and title nearly agree, and no length tells")
    return _the_only(_nearest(_of_album(fitting, remote), remote), "names", "it fits several tracks")


def _of_album(songs: list[LocalSong], remote: RemoteSong) -> list[LocalSong]:
    return [song for song in songs if _same_album(remote, song)] or songs


def _same_album(remote: RemoteSong, song: LocalSong) -> bool:
    return bool(remote.album) and plain_key("", song.album) == plain_key("", remote.album)


def _nearest(songs: list[LocalSong], remote: RemoteSong) -> list[LocalSong]:
    """Return those spelt and then those as long, to the second, as it, where there are any."""
    spelt = [
        song for song in songs if exact_key(song.artist, song.title) == exact_key(remote.artist, remote.title)
    ]
    songs = spelt or songs
    return [song for song in songs if _very_length(remote, song)] or songs


def _the_only(songs: Sequence[LocalSong], how: How, several: str) -> SongMatch:
    """Return the only track, or the first of several that are the same recording; else a doubt."""
    contents = {song.content_hash for song in songs}
    if len(songs) == 1 or (len(contents) == 1 and None not in contents):
        return SongMatch(how, songs[0].track_id)
    return _doubt(songs, several)


def _doubt(songs: Sequence[LocalSong], reason: str) -> SongMatch:
    ids = tuple(song.track_id for song in songs)
    return SongMatch("doubtful", None, f"{reason}: {ids_in_words(ids)}", ids)


def _lengths_known(remote: RemoteSong, song: LocalSong) -> bool:
    return remote.duration_s is not None and song.duration_s is not None


def _same_length(remote: RemoteSong, song: LocalSong) -> bool:
    """Whether the lengths agree, as far as they are known."""
    if remote.duration_s is None or song.duration_s is None:
        return True
    longer = max(remote.duration_s, song.duration_s)
    return abs(remote.duration_s - song.duration_s) <= max(params.SAME_LENGTH_S, params.SAME_LENGTH * longer)


def _very_length(remote: RemoteSong, song: LocalSong) -> bool:
    """Whether both lengths are known, and agree to the second."""
    if remote.duration_s is None or song.duration_s is None:
        return False
    return abs(remote.duration_s - song.duration_s) <= params.VERY_LENGTH_S


def _may_be(remote: RemoteSong, song: LocalSong) -> bool:
    """Whether names do not speak against a path."""
    if not (remote.artist and song.artist and remote.title and song.title):
        return _titles_may_be(remote, song)
    one, other = plain_key(remote.artist, remote.title), plain_key(song.artist, song.title)
    return one == other or _is_cut(one[1], other[1])


def _titles_may_be(remote: RemoteSong, song: LocalSong) -> bool:
    """Whether two titles do not speak against each other; one made of the file's name says nothing."""
    titles = {plain_key("", title)[1] for title in (remote.title, song.title) if title}
    names = {
        plain_key("", stem)[1] for stem in (names_of(song.path)[-1], NUMBER.sub("", names_of(song.path)[-1]))
    }
    return len(titles - names) < 2


def _is_cut(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return params.LEAST_CUT <= len(short) < len(long) and long.startswith(short)


def _alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other).ratio() >= params.NEARLY
