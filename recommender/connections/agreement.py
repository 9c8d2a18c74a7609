"""A track, and in what a song of a server agrees with it: length, album, names."""

from dataclasses import dataclass
from difflib import SequenceMatcher

from recommender.connections import params
from recommender.connections.name_forms import NUMBER, plain_key
from recommender.connections.path_names import names_of
from recommender.connections.values import RemoteSong


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


def lengths_known(remote: RemoteSong, song: LocalSong) -> bool:
    """Whether both lengths are known."""
    return remote.duration_s is not None and song.duration_s is not None


def same_length(remote: RemoteSong, song: LocalSong) -> bool:
    """Whether the lengths agree, as far as they are known."""
    if remote.duration_s is None or song.duration_s is None:
        return True
    longer = max(remote.duration_s, song.duration_s)
    return abs(remote.duration_s - song.duration_s) <= max(params.SAME_LENGTH_S, params.SAME_LENGTH * longer)


def very_length(remote: RemoteSong, song: LocalSong) -> bool:
    """Whether both lengths are known, and agree to the second."""
    if remote.duration_s is None or song.duration_s is None:
        return False
    return abs(remote.duration_s - song.duration_s) <= params.VERY_LENGTH_S


def same_album(remote: RemoteSong, song: LocalSong) -> bool:
    """Whether both name an album, and the same."""
    return bool(remote.album) and plain_key("", song.album) == plain_key("", remote.album)


def may_be(remote: RemoteSong, song: LocalSong) -> bool:
    """Whether names do not speak against a path."""
    if not (remote.artist and song.artist and remote.title and song.title):
        return titles_may_be(remote, song)
    one, other = plain_key(remote.artist, remote.title), plain_key(song.artist, song.title)
    return one == other or is_cut(one[1], other[1])


def titles_may_be(remote: RemoteSong, song: LocalSong) -> bool:
    """Whether two titles do not speak against each other; one made of the file's name says nothing."""
    titles = {plain_key("", title)[1] for title in (remote.title, song.title) if title}
    names = {
        plain_key("", stem)[1] for stem in (names_of(song.path)[-1], NUMBER.sub("", names_of(song.path)[-1]))
    }
    return len(titles - names) < 2


def is_cut(one: str, other: str) -> bool:
    """Whether one title is the other, cut off as old tags do it, and not before the remark of a version."""
    short, long = sorted((one, other), key=len)
    cut = params.LEAST_CUT <= len(short) <= params.MOST_CUT and len(short) < len(long)
    return cut and long.startswith(short) and long[len(short) :].lstrip()[:1] not in tuple("([-")


def alike(one: str, other: str) -> bool:
    """Whether most of two titles is the same."""
    pair = SequenceMatcher(None, one, other)
    ratios = (pair.real_quick_ratio, pair.quick_ratio, pair.ratio)  # each no less than the next, and quicker
    return all(ratio() >= params.NEARLY for ratio in ratios)
