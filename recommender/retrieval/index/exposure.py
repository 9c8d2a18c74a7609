"""How often limits let songs be shown, and what makes that more even.

A list holds so many songs of an artist and of an album at most. Without more, these are always the same
few: those of the artist's songs that are nearest to everybody else. So every song has an offset, high for
one that lists show often, low for one that they hide. It decides which songs a list is made of, not their
scores nor their order. Offsets are found once, when the sample of the hub correction is frozen, by asking
for the lists of that sample again and again: whoever is shown more often than others is set back a little.
They mend what limits do, no more: where limits keep hardly a song out of a list, they are next to nothing.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from classifier.arrays import Array, Ints
from recommender import params
from recommender.retrieval.index.hubness import NONE, TRACKS_AT_ONCE, Reference, correction, song_table

ROUNDS: Final = 60
STEP: Final = 0.02
"""Of an offset, in a round, for a song that is shown twice as often as others, or never."""
SMOOTHING: Final = 2.0
"""Where the sample shows a song about so often or less, chance counts for more than what it was shown."""
LIMITED_SHARE: Final = 0.05
"""Where limits keep fewer of the nearest songs out of lists, offsets are smaller in proportion."""
CANDIDATES: Final = 200
"""So many of the best tracks for a query may come into its list."""


@dataclass(frozen=True)
class Groups:
    """Who made the tracks of an index.

    Attributes
    ----------
    artists, albums
        (tracks,) a number for each; −1 for none.
    """

    artists: Ints
    albums: Ints

    @property
    def limits(self) -> Sequence[tuple[Ints, int]]:
        """Return each with how many of one the usual list has at most."""
        return ((self.artists, params.USUAL_PER_ARTIST), (self.albums, params.USUAL_PER_ALBUM))

    @property
    def limited(self) -> bool:
        """Return whether there are more tracks of one than a list may have."""
        return any(np.bincount(groups[groups >= 0], minlength=1).max() > most for groups, most in self.limits)


def limit_offsets(
    reference: Reference, vectors: Array, track_ids: Ints, starts: Ints, hub_offsets: Array, groups: Groups
) -> Array:
    """Return what is taken off a track's score where limits choose, (tracks,), within ±`LIMITED_MOST`.

    Where limits keep out less than `LIMITED_SHARE` of the nearest songs, within so much less.

    Parameters
    ----------
    reference
        The frozen sample, whose songs are asked for.
    vectors
        (segments, dimensions) centred, of length 1, of all tracks.
    track_ids, starts, hub_offsets
        (tracks,).
    groups
        Of the tracks.
    """
    few = len(reference.track_ids) < 2 or len(track_ids) > params.LIMITED_TRACKS
    if few or not groups.limited:
        return np.zeros(len(track_ids), np.float32)
    candidates, scores = _best_scores(reference, vectors, track_ids, starts, hub_offsets)
    share = _kept_out(candidates, scores, groups) / LIMITED_SHARE
    return _evened(candidates, scores, len(track_ids), groups, params.LIMITED_MOST * min(1, share))


def _kept_out(candidates: Ints, scores: Array, groups: Groups) -> float:
    """Return which share of the nearest songs limits keep out of lists, 0..1."""
    nearest = candidates[:, : params.N_RESULTS]
    listed = scores[:, : params.N_RESULTS] > -np.inf
    out = np.zeros(nearest.shape, bool)
    for owners, most in groups.limits:
        theirs = owners[nearest]
        same = (theirs[:, :, None] == theirs[:, None, :]) & (theirs >= 0)[:, :, None]
        out |= np.tril(same).sum(axis=2) > most  # with those that are nearer still
    return float(out[listed].mean()) if listed.any() else 0.0


def _best_scores(
    reference: Reference, vectors: Array, track_ids: Ints, starts: Ints, hub_offsets: Array
) -> tuple[Ints, Array]:
    """Return the best tracks of every song of the sample, and their scores, (songs, candidates) each."""
    ends = np.append(starts[1:], len(vectors))

    def of_some(first: int) -> Array:
        some = slice(first, first + TRACKS_AT_ONCE)
        theirs = vectors[starts[first] : ends[some][-1]]
        raw = song_table(reference, theirs, track_ids[some], starts[some] - starts[first])
        scores = np.asarray(raw, np.float32)
        return np.where(raw > NONE / 2, scores + correction(scores, hub_offsets[some]), -np.inf)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        table = np.concatenate(list(pool.map(of_some, range(0, len(starts), TRACKS_AT_ONCE))), axis=1)
    n = min(CANDIDATES, table.shape[1])
    order = np.argsort(-table, axis=1, kind="stable")[:, :n]
    return order, np.take_along_axis(table, order, axis=1)


def _evened(candidates: Ints, scores: Array, n_tracks: int, groups: Groups, bound: float) -> Array:
    """Return the offsets after all rounds, within ±`bound`."""
    found = np.zeros(n_tracks, np.float32)
    usual = len(candidates) * params.N_RESULTS / n_tracks
    limits = [(one[candidates], most) for one, most in groups.limits]
    for number in range(ROUNDS):
        shown = np.zeros(n_tracks, np.float32)
        for rows, columns in _chosen(scores - found[candidates], limits):
            np.add.at(shown, candidates[rows, columns], 1)
        step = STEP * np.clip((shown - usual) / (usual + SMOOTHING), -1, 1)
        found += step if number < ROUNDS // 2 else step / 2
        np.clip(found, -bound, bound, out=found)
    return found


def _chosen(worth: Array, limits: Sequence[tuple[Ints, int]]) -> Iterator[tuple[Ints, Ints]]:
    """Yield the next song of every list, by row and column of its candidates, until lists are full."""
    left = worth.copy()
    rows = np.arange(len(left))
    counts = [np.zeros((len(left), int(groups.max(initial=0)) + 1), np.int16) for groups, _ in limits]
    for _ in range(params.N_RESULTS):
        columns = left.argmax(axis=1)
        some = np.flatnonzero(left[rows, columns] > -np.inf)
        yield some, columns[some]
        left[some, columns[some]] = -np.inf
        for (groups, most), count in zip(limits, counts, strict=True):
            taken = groups[some, columns[some]]
            grouped, taken = some[taken >= 0], taken[taken >= 0]
            count[grouped, taken] += 1
            full = count[grouped, taken] >= most
            shut, group = grouped[full], taken[full]
            left[shut] = np.where(groups[shut] == group[:, None], -np.inf, left[shut])
