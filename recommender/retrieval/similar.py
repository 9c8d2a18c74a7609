"""Songs that sound like a query, best first: candidates, scores, filters, one of each recording, passages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.features import TrackFeatures, features_of
from db.models import Track
from db.patches import track_patches
from db.plays import plays_of
from db.tracks import by_ids
from recommender import params
from recommender.retrieval.alignment import Passage, Stretch
from recommender.retrieval.discovery import discovery_part
from recommender.retrieval.diversity import Cap, Caps, caps_of, choose_list
from recommender.retrieval.filters import allowed_places
from recommender.retrieval.index.exact import unit_rows
from recommender.retrieval.index.hubness import centred
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.matching import matching_passage
from recommender.retrieval.query import Query
from recommender.retrieval.ranking import Ranked, candidates, rank_tracks, with_cosines
from recommender.retrieval.request import Wishes
from recommender.retrieval.same_recordings import Recording, same_recordings

Array = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Match:
    """A track of the catalogue that sounds like the query.

    Attributes
    ----------
    similarity
        0..1, never more than that of the match before it: the score, with all below 0 as 0.
    parts
        What the score is the sum of; see `recommender.retrieval.ranking`.
    passage, query
        Which passages match, of query number `query`; None where no patches are stored.
    """

    track: Track
    similarity: float
    parts: dict[str, float]
    passage: Passage | None
    query: int

    @property
    def score(self) -> float:
        """The sum of the parts."""
        return sum(self.parts.values())


@dataclass(frozen=True)
class Ranking:
    """What was found.

    Attributes
    ----------
    recordings
        Tracks that are left out because they are other files of a query's recording, by its sound.
    shortfall
        Why there are fewer matches than asked for; None where there are not.
    """

    matches: list[Match]
    recordings: list[Track]
    shortfall: str | None


def similar(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    queries: Sequence[Query],
    wishes: Wishes,
    unwanted: Sequence[Query] = (),
    tastes: Sequence[float] | None = None,
) -> Ranking:
    """Rank the catalogue's tracks by how much they sound like the queries.

    Neither a query nor another file of the same recording is a match, and of several files of one
    recording only the best is.

    Parameters
    ----------
    session
        Of the catalogue.
    index
        Of its segments.
    bundle
        The active one, whose trunk the index is of.
    queries
        At least one.
    wishes
        What the list should be like.
    unwanted
        Songs that it should be unlike.
    tastes
        None where the queries must agree; else how much each counts as a taste of its own, 0..1.
    """
    if wishes.exclude_same_artist:
        artists = frozenset(q.artist for q in queries if q.artist)
        wishes = replace(wishes, filters=replace(wishes.filters, not_by=wishes.filters.not_by | artists))
    search = _Search(session, index, bundle, queries, unwanted, wishes, tastes)
    chosen, ranked = search.run()
    final = with_cosines(index, queries, ranked.chosen(chosen))
    matches = search.matches(final)
    return Ranking(matches, list(search.same.values()), search.shortfall(len(matches)))


class _Search:
    """One search and what it looks at."""

    def __init__(
        self,
        session: Session,
        index: SegmentIndex,
        bundle: Bundle,
        queries: Sequence[Query],
        unwanted: Sequence[Query],
        wishes: Wishes,
        tastes: Sequence[float] | None,
    ) -> None:
        self.session, self.index, self.bundle, self.wishes = session, index, bundle, wishes
        self.queries, self.unwanted, self.tastes = queries, unwanted, tastes
        self.excluded = frozenset().union(*(query.excluded for query in (*queries, *unwanted)))
        self.allowed = allowed_places(session, index, bundle, wishes.filters, self.excluded)
        self.same: dict[int, Track] = {}
        self._stretches: dict[int, Stretch] = {}

    def run(self) -> tuple[list[int], Ranked]:
        """Return which of some scored tracks are in the list, the best first, and the scores."""
        effort = 1
        while True:
            places = candidates(
                self.index, self.queries, effort, self.allowed, hub_correction=self.wishes.hub_correction
            )
            ranked = self._rank(places)
            complete = len(places) == len(self.allowed)
            chosen = self._choose(ranked, complete=complete)
            if len(chosen) >= self.wishes.n or complete:
                return chosen, ranked
            effort *= 4

    def _rank(self, places: Ints) -> Ranked:
        ranked = rank_tracks(
            self.index,
            self.queries,
            self.unwanted,
            places,
            self.stretches,
            hub_correction=self.wishes.hub_correction,
            tastes=self.tastes,
        )
        part = np.zeros(len(places), np.float32)
        if self.wishes.discover:  # without it, plays are not even looked at
            ids = [int(i) for i in self.index.rows.track_ids[places]]
            counts = plays_of(self.session, ids)
            plays = np.array([counts.get(i, 0) for i in ids], np.int64)
            part = discovery_part(ranked.scores, plays, self.wishes.discover)
        return replace(ranked, parts=ranked.parts | {"discovery": part})

    def _choose(self, ranked: Ranked, *, complete: bool) -> list[int]:
        """Choose from ever more of the best tracks, until the list is full."""
        scores, ids = ranked.scores, self.index.rows.track_ids[ranked.places]
        order = np.lexsort((ids, -scores))
        varied = self.wishes.diversity or self.tastes is not None
        pool = (
            max(params.POOL, 10 * self.wishes.n) if varied else max(params.PLAIN_POOL, 3 * self.wishes.n // 2)
        )
        while True:
            some = order[:pool]
            found = self._from_pool(
                some, scores, ids, ranked.winners, last=complete and len(some) == len(order)
            )
            if len(found) >= self.wishes.n or len(some) == len(order):
                return found
            pool *= 4

    def _from_pool(
        self, some: Ints, scores: Array, ids: Ints, winners: Ints | None, *, last: bool
    ) -> list[int]:
        """Choose from some tracks, the best first; the caps that nobody asked for yield to a full list.

        The index may be older than the catalogue: a track that has gone missing since is passed over.
        """
        rows = by_ids(self.session, [int(i) for i in ids[some]])
        some = some[[int(i) in rows and not rows[int(i)].missing for i in ids[some]]]
        tracks = [rows[int(i)] for i in ids[some]]
        places = np.searchsorted(self.index.rows.track_ids, ids[some])
        vectors = self.index.mean_vectors(places)
        recordings = self._recordings(tracks, vectors)
        kept = np.flatnonzero(recordings >= 0)
        self.same.update((tracks[i].id, tracks[i]) for i in np.flatnonzero(recordings < 0))
        wishes = self.wishes
        firm, soft = caps_of([tracks[i] for i in kept], wishes.n, wishes.per_artist, wishes.per_album)
        best = choose_list(
            scores[some][kept],
            wishes.n,
            Caps(
                [Cap(recordings[kept], 1), *firm],
                soft,
                None if winners is None else winners[some][kept],
            ),
            vectors[kept],
            wishes.diversity,
            last=last,
        )
        return [int(some[kept[i]]) for i in best]

    def _recordings(self, tracks: Sequence[Track], vectors: Array) -> Ints:
        """Number the recordings of tracks; −1 where it is a query's."""
        made = [
            Recording(t.id, t.content_hash, t.duration_s, vector, t.artist, t.title)
            for t, vector in zip(tracks, vectors, strict=True)
        ]
        whole = [self._whole(query) for query in self.queries]
        asked = [
            Recording(-number - 1, None, query.duration_s, mean, query.artist, query.title)
            for number, (query, (mean, _)) in enumerate(zip(self.queries, whole, strict=True))
        ]
        heard = {-number - 1: stretch for number, (_, stretch) in enumerate(whole)}

        def stretches(keys: Sequence[int]) -> dict[int, Stretch]:
            found = self.stretches([key for key in keys if key >= 0])
            return found | {key: heard[key] for key in keys if key < 0}

        return same_recordings(made, asked, stretches)

    def _whole(self, query: Query) -> tuple[Array, Stretch]:
        """Return the mean vector and the patches of a query's song, although a passage of it be meant."""
        if query.track_id is not None:
            places, stored = (
                self.index.track_places(np.array([query.track_id])),
                self.stretches([query.track_id]),
            )
            if len(places) and stored:
                return self.index.mean_vectors(places)[0], stored[query.track_id]
        units = centred(query.units, self.index.reference.centre)
        return np.asarray(unit_rows(units.sum(axis=0, keepdims=True))[0]), query.stretch

    def stretches(self, track_ids: Sequence[int]) -> dict[int, Stretch]:
        """Return the patches of some tracks; they are read once."""
        patch_s = self.bundle.front_end.patch_s
        new = [i for i in track_ids if i not in self._stretches]
        for track_id, p in track_patches(self.session, new, self.bundle.trunk_id, patch_s).items():
            self._stretches[track_id] = Stretch(p.starts_s, p.embeddings, patch_s)
        return {i: self._stretches[i] for i in track_ids if i in self._stretches}

    def matches(self, final: Ranked) -> list[Match]:
        """Return the matches, with the passages that fit."""
        ids = [int(i) for i in self.index.rows.track_ids[final.places]]
        rows = by_ids(self.session, ids)
        features = features_of(self.session, ids, self.bundle.trunk_id)
        self.stretches(ids)  # all in one query
        found = []
        for place, track_id in enumerate(ids):
            parts = {name: float(values[place]) for name, values in final.parts.items()}
            asked = range(len(self.queries)) if final.winners is None else [int(final.winners[place])]
            number, passage = self._passage(features.get(track_id), track_id, asked)
            found.append(
                Match(rows[track_id], similarity(float(final.scores[place])), parts, passage, number)
            )
        return found

    def _passage(
        self, features: TrackFeatures | None, track_id: int, asked: Sequence[int]
    ) -> tuple[int, Passage | None]:
        stretch = self.stretches([track_id]).get(track_id)
        if stretch is None or features is None:
            return asked[0], None
        queries = [self.queries[number] for number in asked]
        number, found = matching_passage(queries, features, stretch, self.index.reference.centre)
        return asked[number], found

    def shortfall(self, found: int) -> str | None:
        """Say why there are fewer matches than asked for."""
        if found >= self.wishes.n:
            return None
        held = len(self.allowed)
        tracks = "track" if held == 1 else "tracks"
        what = f"analysed {tracks}" if not self.wishes.filters else f"{tracks} that pass the filters"
        reason = f"the catalogue holds only {held} other {what}"
        if held > found:
            reason += "; other files of the same recording, and what a limit shuts out, are not listed"
        return reason


def similarity(score: float) -> float:
    """Return a score of −1..1 as a similarity of 0..1: unrelated (0) and opposite are both 0."""
    return min(1.0, max(0.0, score))
