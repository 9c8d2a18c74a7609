"""From a ranking to a list: at most so many of one artist and album, and not all of one kind.

Diversity is by maximal marginal relevance (Carbonell and Goldstein 1998): each next song is the one
with the best (1 − λ) · score − λ · its similarity to the nearest song chosen already.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from classifier.arrays import Array, Ints
from db.models import Track
from db.tracks import search_key
from recommender import params
from recommender.song_makers import numbered
from recommender.song_titles import song_named


@dataclass(frozen=True)
class Cap:
    """At most so many tracks of one group.

    Attributes
    ----------
    groups
        (tracks,) group of each track; −1 for none, which is never capped.
    at_most
        0 for no limit.
    """

    groups: Ints
    at_most: int

    def of(self, positions: Ints) -> "Cap":
        """Return the cap for some of the tracks."""
        return Cap(self.groups[positions], self.at_most)


@dataclass(frozen=True)
class Caps:
    """All caps of a list.

    Attributes
    ----------
    firm, soft
        Never exceeded; and not exceeded unless the list would be short.
    tastes
        (tracks,) which of several tastes each track is listed for; None where there are none. No taste has
        more than a third of the list, unless what would come instead scores less than half.
    """

    firm: Sequence[Cap]
    soft: Sequence[Cap]
    tastes: Ints | None = None


def choose(
    scores: Array, n: int, caps: Sequence[Cap], vectors: Array | None = None, diversity: float = 0.0
) -> list[int]:
    """Return the positions of at most n chosen tracks.

    Parameters
    ----------
    scores
        (tracks,) the best first; they are only compared.
    caps
        None of them is exceeded.
    vectors
        (tracks, dimensions) of length 1; needed only with diversity.
    diversity
        λ, 0..1: 0 is the ranking itself.

    Returns
    -------
    list
        Positions in `scores`, ascending: the list is the best first, however it was chosen.
    """
    left = np.ones(len(scores), bool)
    counts: list[dict[int, int]] = [{} for _ in caps]
    nearest = np.full(len(scores), 0.0, np.float32)
    chosen: list[int] = []
    while len(chosen) < n and left.any():
        worth = scores if not diversity or not chosen else (1 - diversity) * scores - diversity * nearest
        position = int(np.flatnonzero(left)[np.argmax(worth[left])])
        left[position] = False
        for cap, count in zip(caps, counts, strict=True):
            group = int(cap.groups[position])
            count[group] = count.get(group, 0) + 1
            if cap.at_most > 0 and group >= 0 and count[group] == cap.at_most:
                left[cap.groups == group] = False  # at once: there may be thousands of them
        chosen.append(position)
        if diversity and vectors is not None:
            similarity = vectors @ vectors[position]
            nearest = similarity if len(chosen) == 1 else np.maximum(nearest, similarity)
    return sorted(chosen)


def choose_list(
    scores: Array, n: int, caps: Caps, vectors: Array, diversity: float = 0.0, *, last: bool = True
) -> list[int]:
    """Return the positions of at most n chosen tracks; caps that nobody asked for yield to a full list.

    Parameters
    ----------
    scores, n, vectors, diversity
        As of `choose`.
    last
        Whether there are no more tracks than these: only then do soft caps yield.
    """
    found = choose(scores, n, [*caps.firm, *caps.soft], vectors, diversity)
    if caps.tastes is not None and len(found) == n:
        worth = np.flatnonzero(scores >= params.WORTH_A_TASTE * scores[found[-1]])
        third = Cap(caps.tastes, -(-n // 3))
        some = [cap.of(worth) for cap in (*caps.firm, *caps.soft, third)]
        mixed = choose(scores[worth], n, some, vectors[worth], diversity)
        return [int(worth[i]) for i in mixed] if len(mixed) == n else found
    if len(found) < n and last and caps.soft:
        return choose(scores, n, caps.firm, vectors, diversity)
    return found


def caps_of(
    tracks: Sequence[Track], albums: Ints, n: int, per_artist: int | None, per_album: int | None
) -> tuple[list[Cap], list[Cap]]:
    """Return the caps that were asked for, and the usual ones in place of those that were not.

    Of the versions of one song, as their tags name it, one is usual.

    Parameters
    ----------
    tracks
        In the order of the scores.
    albums
        (tracks,) a number for each, −1 for none.
    n
        Length of the list: the usual caps are three and two tenths of it, but 3 and 2 at least.
    per_artist, per_album
        0 for no limit; None for the usual one.
    """
    artists = numbered([search_key(t.artist) for t in tracks])
    firm: list[Cap] = []
    soft = [Cap(numbered([song_named(t.artist, t.title) for t in tracks]), 1)]
    for groups, asked, usual in (
        (artists, per_artist, _usual(params.USUAL_PER_ARTIST, n)),
        (albums, per_album, _usual(params.USUAL_PER_ALBUM, n)),
    ):
        (soft if asked is None else firm).append(Cap(groups, usual if asked is None else asked))
    return firm, soft


def _usual(of_ten: int, n: int) -> int:
    """Return the usual limit of a list of n songs: so many of ten, but as many of a shorter one."""
    return max(of_ten, -(-of_ten * n // params.N_RESULTS))
