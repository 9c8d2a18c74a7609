"""Scores of tracks for queries, in parts that sum up to them; and the passages that match.

The parts: `cosine`, what the plain embeddings say; `centring` and `hub`, what the hub correction adds;
`alignment`, what a passage gains when it is looked for between segment borders; `agreement`, what is
lost where several queries disagree, or `taste`, what is lost where one of several tastes counts less;
`unwanted`, what similarity to an unwanted song costs; `discovery`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array, Ints
from db.sound.features import TrackFeatures
from recommender import params
from recommender.retrieval.alignment import PassagePair, PatchSequence, align, align_all
from recommender.retrieval.index.hubness import centred, correction
from recommender.retrieval.index.scoring import agreement, best_of, passage_scores, song_scores
from recommender.retrieval.index.segment_index import PASSAGE, PLAIN, SONG, SegmentIndex
from recommender.retrieval.index.unit_vectors import unit_rows
from recommender.retrieval.query import Query

PatchesOf = Callable[[Sequence[int]], dict[int, PatchSequence]]
"""Track ids to their patches."""


@dataclass(frozen=True)
class Ranked:
    """Scores of some tracks.

    Attributes
    ----------
    positions
        (tracks,) where they are in the index.
    parts
        (tracks,) each, by name; `sound` is `cosine` and `centring` in one.
    winners
        (tracks,) number of the query that each track is scored by; None where it is by all of them.
    """

    positions: Ints
    parts: dict[str, Array]
    winners: Ints | None = None

    def chosen(self, some: Sequence[int]) -> "Ranked":
        """Return the scores of some of the tracks."""
        rows = list(some)
        parts = {name: values[rows] for name, values in self.parts.items()}
        return Ranked(self.positions[rows], parts, None if self.winners is None else self.winners[rows])

    @property
    def scores(self) -> Array:
        """Return the sums of the parts, (tracks,)."""
        return np.asarray(sum(self.parts.values()), np.float32)


def candidates(
    index: SegmentIndex, queries: Sequence[Query], effort: int, allowed: Ints, *, hub_correction: bool
) -> Ints:
    """Return the positions of tracks worth scoring: all of few, of many those with the nearest segments.

    Parameters
    ----------
    effort
        How much further than usual to look: 1, or more where too little was found.
    allowed
        Positions of the only tracks that count, ascending.
    """
    found = [np.zeros(0, np.int64)]
    for query in queries:
        kind = (PASSAGE if query.passage else SONG) if hub_correction else PLAIN
        units = index.centred(query.units)
        found.append(index.candidates(units, kind, effort, allowed))
    return found[1] if len(queries) == 1 else np.unique(np.concatenate(found))


def rank_tracks(
    index: SegmentIndex,
    queries: Sequence[Query],
    unwanted: Sequence[Query],
    positions: Ints,
    patches_of: PatchesOf,
    *,
    hub_correction: bool,
    tastes: Sequence[float] | None = None,
) -> Ranked:
    """Return the scores of tracks for queries.

    Parameters
    ----------
    index
        Of the catalogue.
    queries
        At least one; several are wanted to agree.
    unwanted
        Songs that the list should be unlike.
    positions
        Of the tracks to score, in the index.
    patches_of
        Reads the patches of the best tracks for a passage.
    hub_correction
        False for plain cosines.
    tastes
        None where the queries must agree. Otherwise each is a taste of its own and counts so much, 0..1: a
        track is scored by the one that gives it most.
    """
    sounds = _Sounds(index, positions, hub_correction=hub_correction)
    tables = [_of_query(sounds, query, patches_of) for query in queries]
    parts, winners = _agreed(tables) if tastes is None else _best_taste(tables, tastes)
    parts["unwanted"] = np.zeros(len(positions), np.float32)
    for query in unwanted:
        cost = -params.NOT_WEIGHT * np.maximum(sounds.of(query), 0)
        parts["unwanted"] = np.minimum(parts["unwanted"], cost)
    return Ranked(positions, parts, winners)


def _agreed(tables: Sequence[dict[str, Array]]) -> tuple[dict[str, Array], None]:
    """Return the parts of queries that must agree."""
    parts = {name: _mean([table[name] for table in tables]) for name in tables[0]}
    each = np.stack([sum(table.values()) for table in tables])
    return parts | {"agreement": agreement(each) - each.mean(axis=0)}, None


def _best_taste(tables: Sequence[dict[str, Array]], tastes: Sequence[float]) -> tuple[dict[str, Array], Ints]:
    """Return the parts by the query that gives each track most, and which it is."""
    each = np.stack([sum(table.values()) for table in tables])
    losses = (np.array(tastes, np.float32)[:, None] - 1) * np.maximum(each, 0)
    winners = np.argmax(each + losses, axis=0)
    rows = (winners, np.arange(each.shape[1]))
    parts = {name: np.stack([table[name] for table in tables])[rows] for name in tables[0]}
    return parts | {"taste": losses[rows]}, winners


class _Sounds:
    """Scores of some tracks for queries, by the sound alone."""

    def __init__(self, index: SegmentIndex, positions: Ints, *, hub_correction: bool) -> None:
        self.index, self.positions, self.hub_correction = index, positions, hub_correction
        # Scoring all of the tracks takes less time than copying most of their vectors.
        most = 2 * len(positions) > len(index.rows.track_ids)
        self._vectors, self._starts, rows = index.vectors_of(None if most else positions)
        self._chosen = positions if most else np.arange(len(positions))
        if not hub_correction:
            self._vectors = index.uncentred(self._vectors, rows)

    def of(self, query: Query) -> Array:
        """Return the tracks' scores for one query, hubs not corrected, (tracks,)."""
        units = self.index.centred(query.units) if self.hub_correction else query.units
        score = passage_scores if query.passage else song_scores
        return score(units, self._vectors, self._starts)[self._chosen]

    def offsets(self, query: Query) -> Array:
        """Return what the hub correction takes off, (tracks,)."""
        if not self.hub_correction:
            return np.zeros(len(self.positions), np.float32)
        rows = self.index.rows
        return np.asarray((rows.passage_offsets if query.passage else rows.song_offsets)[self.positions])


def _of_query(sounds: _Sounds, query: Query, patches_of: PatchesOf) -> dict[str, Array]:
    """Return one query's parts: sound, alignment, hub."""
    sound, offsets = sounds.of(query), sounds.offsets(query)
    aligned = sound.copy()
    if query.passage:
        index, positions = sounds.index, sounds.positions
        centre = index.reference.centre if sounds.hub_correction else np.zeros_like(index.reference.centre)
        order = best_of(sound + correction(sound, offsets), positions, params.ALIGNED_TRACKS)
        ids = [int(i) for i in index.rows.track_ids[positions[order]]]
        patches = patches_of(ids)
        some = [(position, patches[i]) for position, i in zip(order, ids, strict=True) if i in patches]
        pairs = align_all(query.patches, [its for _, its in some], centre)
        for (position, _), found in zip(some, pairs, strict=True):
            if found is not None:
                aligned[position] = max(aligned[position], found.score)
    return {"sound": sound, "alignment": aligned - sound, "hub": correction(aligned, offsets)}


def _mean(tables: Sequence[Array] | Array) -> Array:
    return np.asarray(np.mean(tables, axis=0, dtype=np.float32), np.float32)


def with_cosines(index: SegmentIndex, queries: Sequence[Query], ranked: Ranked) -> Ranked:
    """Return the same scores with `sound` split into `cosine` and `centring`."""
    sounds = _Sounds(index, ranked.positions, hub_correction=False)
    each = np.stack([sounds.of(query) for query in queries])
    cosines = _mean(each) if ranked.winners is None else each[ranked.winners, np.arange(each.shape[1])]
    parts = {"cosine": cosines, "centring": ranked.parts["sound"] - cosines}
    rest = {name: values for name, values in ranked.parts.items() if name != "sound"}
    return Ranked(ranked.positions, parts | rest, ranked.winners)


def worth_choosing(index: SegmentIndex, ranked: Ranked) -> Array:
    """Return the scores by which limits choose, (tracks,): less for what they show more often than others."""
    scores = ranked.scores
    return scores + correction(scores, index.rows.limit_offsets[ranked.positions])


def rarity(plays: npt.NDArray[np.int64]) -> Array:
    """Return each song's rarity, 1 for one never played, falling towards 0."""
    return np.asarray(1 / (1 + np.log1p(plays)), np.float32)


def discovery_part(scores: Array, plays: npt.NDArray[np.int64], discover: float) -> Array:
    """Return what discovery adds to scores: nothing to the never played, a loss to the often played.

    Parameters
    ----------
    scores
        (tracks,); one below 0 is left as it is.
    plays
        (tracks,).
    discover
        0..1.
    """
    return np.asarray(-discover * (1 - rarity(plays)) * np.maximum(scores, 0), np.float32)


def matching_passage(
    queries: Sequence[Query], features: TrackFeatures, patches: PatchSequence, centre: Array
) -> tuple[int, PassagePair | None]:
    """Return which query's passage matches best, and the pair of passages; None where there are none.

    A passage that was asked for is moved along the whole track. Of a song, the segment that is most like
    one of the track's is moved along that one and what lies around it.

    Parameters
    ----------
    queries
        At least one.
    features, patches
        Of the track: its segments and its patches.
    centre
        The index's.
    """
    best: tuple[int, PassagePair | None] = (0, None)
    for number, query in enumerate(queries):
        if query.passage:
            found = align(query.patches, patches, centre)
        else:
            found = _of_songs(query, features, patches, centre)
        if found is not None and (best[1] is None or found.score > best[1].score):
            best = (number, found)
    return best


def _of_songs(
    query: Query, features: TrackFeatures, patches: PatchSequence, centre: Array
) -> PassagePair | None:
    cosines = centred(query.units, centre) @ centred(unit_rows(features.embeddings), centre).T
    mine, its = divmod(int(cosines.argmax()), cosines.shape[1])
    span, start_s, around_s = query.spans[mine], features.starts_s[its], params.AROUND_S
    around = patches.within(start_s - around_s, start_s + features.durations_s[its] + around_s)
    return align(query.patches.within(span.start_s, span.end_s), around, centre)


def similarity(score: float) -> float:
    """Return a score of −1..1 as a similarity of 0..1: unrelated (0) and opposite are both 0."""
    return min(1.0, max(0.0, score))
