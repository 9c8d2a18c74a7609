"""Songs that sound like a query, best first: candidates, scores, filters, one of each recording, passages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Array, Ints
from classifier.model.bundle import Bundle
from db.listening.plays import plays_of
from db.models import Track
from db.rows import rows_by_ids
from db.sound.features import TrackFeatures, features_of
from db.sound.patches import track_patches
from recommender import params
from recommender.retrieval.alignment import PassagePair, PatchSequence
from recommender.retrieval.diversity import Cap, Caps, caps_of, choose_list
from recommender.retrieval.filters import allowed_positions
from recommender.retrieval.heard import Heard
from recommender.retrieval.index.scoring import best_of
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.index.unit_vectors import unit_rows
from recommender.retrieval.query import Query
from recommender.retrieval.ranking import (
    Ranked,
    candidates,
    discovery_part,
    matching_passage,
    rank_tracks,
    similarity,
    with_cosines,
    worth_choosing,
)
from recommender.retrieval.request import ListRequest
from recommender.retrieval.same_recordings import Recording, same_recordings
from recommender.song_makers import album_numbers


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
        Which passages match, of query number `query`; None without patches, or where none were wanted.
    """

    track: Track
    similarity: float
    parts: dict[str, float]
    passage: PassagePair | None
    query: int

    @property
    def score(self) -> float:
        """Return the sum of the parts."""
        return sum(self.parts.values())


@dataclass(frozen=True)
class Ranking:
    """The result of a search.

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
    request: ListRequest,
    unwanted: Sequence[Query] = (),
    tastes: Sequence[float] | None = None,
    known: Heard | None = None,
) -> Ranking:
    """Return the catalogue's tracks ranked by how much they sound like the queries.

    Neither a query nor another file of the same recording is a match, and of several files of one
    recording only the best is; where filters narrow what may be one, nothing that sounds unrelated is.

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
    request
        What the list should be like.
    unwanted
        Songs that it should be unlike.
    tastes
        None where the queries must agree; else how much each counts as a taste of its own, 0..1.
    known
        Songs of which no other file or version is a match either; None for those of the queries alone.
    """
    if request.exclude_same_artist:
        artists = frozenset(q.artist for q in queries if q.artist)
        request = replace(request, filters=replace(request.filters, not_by=request.filters.not_by | artists))
    search = _Search(session, index, bundle, queries, unwanted, request, tastes, known)
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
        request: ListRequest,
        tastes: Sequence[float] | None,
        known: Heard | None,
    ) -> None:
        self.session, self.index, self.bundle, self.request = session, index, bundle, request
        self.queries, self.unwanted, self.tastes, self.known = queries, unwanted, tastes, known
        self.excluded = frozenset().union(*(query.excluded for query in (*queries, *unwanted)))
        self.allowed = allowed_positions(session, index, bundle, request.filters, self.excluded)
        self.floor = request.filters.floor
        self.same: dict[int, Track] = {}
        self._patches: dict[int, PatchSequence] = {}
        self._tracks: dict[int, Track] = {}

    def run(self) -> tuple[list[int], Ranked]:
        """Return which of some scored tracks are in the list, the best first, and the scores."""
        effort = 1
        while True:
            positions = candidates(
                self.index, self.queries, effort, self.allowed, hub_correction=self.request.hub_correction
            )
            ranked = self._rank(positions)
            complete = len(positions) == len(self.allowed)
            chosen = self._choose(ranked, complete=complete)
            if len(chosen) >= self.request.n or complete:
                return chosen, ranked
            effort *= 4

    def _rank(self, positions: Ints) -> Ranked:
        asked = (self.index, self.queries, self.unwanted, positions, self.patches_of)
        ranked = rank_tracks(*asked, hub_correction=self.request.hub_correction, tastes=self.tastes)
        part = np.zeros(len(positions), np.float32)
        if self.request.discover:  # without it, plays are not even looked at
            ids = [int(i) for i in self.index.rows.track_ids[positions]]
            counts = plays_of(self.session, ids)
            plays = np.array([counts.get(i, 0) for i in ids], np.int64)
            part = discovery_part(ranked.scores, plays, self.request.discover)
        return replace(ranked, parts=ranked.parts | {"discovery": part})

    def _choose(self, ranked: Ranked, *, complete: bool) -> list[int]:
        """Return the rows chosen from ever more of the best tracks, until the list is full."""
        scores, ids = ranked.scores, self.index.rows.track_ids[ranked.positions]
        evenly = self.request.evenly and self.tastes is None
        worth = worth_choosing(self.index, ranked) if evenly else scores
        n, varied = self.request.n, self.request.diversity or self.tastes is not None
        pool = max(params.POOL, 10 * n) if varied else max(params.PLAIN_POOL, 3 * n // 2)
        while True:
            best = best_of(worth, ids, pool)
            everything = len(best) == len(scores)
            some = best[scores[best] > self.floor]
            found = self._from_pool(some, worth, ids, ranked.winners, last=complete and everything)
            if len(found) >= n or everything:
                return sorted(found, key=lambda row: (-scores[row], ids[row]))
            pool *= 4

    def _from_pool(
        self, some: Ints, worth: Array, ids: Ints, winners: Ints | None, *, last: bool
    ) -> list[int]:
        """Return the rows chosen from some tracks; usual caps yield to a full list.

        The index may be older than the catalogue: a track that has gone missing since is passed over.
        """
        rows = rows_by_ids(self.session, [int(i) for i in ids[some]])
        self._tracks |= rows
        some = some[[int(i) in rows and not rows[int(i)].missing for i in ids[some]]]
        tracks = [rows[int(i)] for i in ids[some]]
        positions = np.searchsorted(self.index.rows.track_ids, ids[some])
        vectors = self.index.mean_vectors(positions)
        recordings = self._recordings(tracks, vectors)
        if self.known is not None:
            recordings[self.known.among(tracks, vectors, self.patches_of)] = -1
        kept = np.flatnonzero(recordings >= 0)
        self.same.update((tracks[i].id, tracks[i]) for i in np.flatnonzero(recordings < 0))
        request, songs = self.request, [tracks[i] for i in kept]
        albums = album_numbers(self.session, songs)
        firm, soft = caps_of(songs, albums, request.n, request.per_artist, request.per_album)
        best = choose_list(
            worth[some][kept],
            request.n,
            Caps(
                [Cap(recordings[kept], 1), *firm],
                soft,
                None if winners is None else winners[some][kept],
            ),
            vectors[kept],
            request.diversity,
            last=last,
        )
        return [int(some[kept[i]]) for i in best]

    def _recordings(self, tracks: Sequence[Track], vectors: Array) -> Ints:
        """Return a number for the recording of each track; −1 where it is a query's."""
        made = [
            Recording(t.id, t.content_hash, t.duration_s, vector, t.artist, t.title)
            for t, vector in zip(tracks, vectors, strict=True)
        ]
        whole = [self._whole(query) for query in self.queries]
        asked = [
            Recording(-number - 1, None, query.duration_s, mean, query.artist, query.title)
            for number, (query, (mean, _)) in enumerate(zip(self.queries, whole, strict=True))
        ]
        of_queries = {-number - 1: patches for number, (_, patches) in enumerate(whole)}

        def patches_of(keys: Sequence[int]) -> dict[int, PatchSequence]:
            return self.patches_of([k for k in keys if k >= 0]) | {k: of_queries[k] for k in keys if k < 0}

        return same_recordings(made, asked, patches_of)

    def _whole(self, query: Query) -> tuple[Array, PatchSequence]:
        """Return the mean vector and the patches of a query's song, although a passage of it be meant."""
        if query.track_id is not None:
            positions = self.index.track_positions(np.array([query.track_id]))
            stored = self.patches_of([query.track_id])
            if len(positions) and stored:
                return self.index.mean_vectors(positions)[0], stored[query.track_id]
        units = self.index.centred(query.units)
        return np.asarray(unit_rows(units.sum(axis=0, keepdims=True))[0]), query.patches

    def patches_of(self, track_ids: Sequence[int]) -> dict[int, PatchSequence]:
        """Return the patches of some tracks; they are read once."""
        patch_s = self.bundle.front_end.patch_s
        new = [i for i in track_ids if i not in self._patches]
        for track_id, p in track_patches(self.session, new, self.bundle.trunk_id, patch_s).items():
            self._patches[track_id] = PatchSequence(p.starts_s, p.embeddings, patch_s)
        return {i: self._patches[i] for i in track_ids if i in self._patches}

    def matches(self, final: Ranked) -> list[Match]:
        """Return the matches, with the passages that fit."""
        ids = [int(i) for i in self.index.rows.track_ids[final.positions]]
        shown = ids if self.request.passages else []
        features = features_of(self.session, shown, self.bundle.trunk_id)
        self.patches_of(shown)  # all in one query
        found = []
        for position, track_id in enumerate(ids):
            parts = {name: float(values[position]) for name, values in final.parts.items()}
            asked = range(len(self.queries)) if final.winners is None else [int(final.winners[position])]
            number, passage = self._passage(features.get(track_id), track_id, asked)
            alike = similarity(float(final.scores[position]))
            found.append(Match(self._tracks[track_id], alike, parts, passage, number))
        return found

    def _passage(
        self, features: TrackFeatures | None, track_id: int, asked: Sequence[int]
    ) -> tuple[int, PassagePair | None]:
        patches = self.patches_of([track_id]).get(track_id) if features is not None else None
        if patches is None or features is None:
            return asked[0], None
        queries = [self.queries[number] for number in asked]
        number, found = matching_passage(queries, features, patches, self.index.reference.centre)
        return asked[number], found

    def shortfall(self, found: int) -> str | None:
        """Return why there are fewer matches than asked for; None where there are not."""
        if found >= self.request.n:
            return None
        held, filters = len(self.allowed), self.request.filters
        passing = filters.passing("track" if held == 1 else "tracks")
        reason = f"the catalogue holds {f'only {held}' if held else 'no'} other {passing}"
        if held > found:
            unrelated = "what sounds unrelated, " if filters.narrow else ""
            reason += (
                f"; {unrelated}other files of the same recording, and what a limit shuts out, are not listed"
            )
        return reason
