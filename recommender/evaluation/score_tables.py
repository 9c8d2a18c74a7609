"""Everyone's neighbours: the scores that tracks of a catalogue give each other, by each correction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Array, Ints
from classifier.model.bundle import Bundle
from db.file_range import FileRange
from db.sound.patches import track_patches
from db.tracks import by_ids
from recommender.evaluation.corrections import ON_CENTRED
from recommender.evaluation.list_metrics import TrackFacts
from recommender.file_tags.snapshots import set_by_persons
from recommender.retrieval.alignment import PatchSequence
from recommender.retrieval.index.scoring import song_scores
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.query import Query
from recommender.retrieval.query_file import Span
from recommender.retrieval.query_sound import QuerySound
from recommender.retrieval.ranking import rank_tracks

Progress = Callable[[int, int], None]

PLAIN, CENTRED, RANKING = "none", "centred", "sinkhorn"
METHODS = (PLAIN, CENTRED, *ON_CENTRED, RANKING)
"""As `similar` ranks without correction; by the centred scores, and with other corrections; as it ranks."""


@dataclass(frozen=True)
class Tables:
    """Scores of the tracks as queries (rows) with each other (columns).

    Attributes
    ----------
    positions
        (tracks,) of the tracks in the index.
    scores
        (tracks, tracks) by method; 0 for a track itself and its identical copies where `similar` ranks.
    """

    positions: Ints
    scores: dict[str, Array]


def score_tables(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    at_most: int,
    seed: int,
    progress: Progress = lambda done, total: None,
) -> Tables:
    """Return the scores of all tracks, or of a random sample of a large catalogue, with each other.

    Parameters
    ----------
    at_most
        Tracks; of more, so many are drawn with the seed.
    progress
        Called with the queries done of how many.
    """
    positions = np.arange(len(index.rows.track_ids))
    if len(positions) > at_most:
        positions = np.sort(np.random.default_rng(seed).permutation(positions)[:at_most])
    vectors, starts, rows = index.vectors_of(positions)
    plain = index.uncentred(vectors, rows)
    ends = np.append(starts[1:], len(vectors))
    tables = {name: np.zeros((len(positions), len(positions)), np.float32) for name in METHODS}
    patches_of = StoredPatches(session, bundle)
    recordings = recordings_of(session, index, positions)
    for number, (position, start, end) in enumerate(zip(positions, starts, ends, strict=True)):
        query = catalogued_query(index, patches_of, int(position), plain[start:end])
        units = index.centred(query.units)
        tables[CENTRED][number] = song_scores(units, vectors, starts)
        others = np.flatnonzero(recordings != recordings[number])
        for name, corrected in ((PLAIN, False), (RANKING, True)) if len(others) else ():
            ranked = rank_tracks(index, [query], [], positions[others], patches_of, hub_correction=corrected)
            tables[name][number, others] = ranked.scores
        progress(number + 1, len(positions))
    for name, method in ON_CENTRED.items():
        tables[name] = method(tables[CENTRED].astype(np.float64)).astype(np.float32)
    return Tables(positions, tables)


def catalogued_query(
    index: SegmentIndex,
    patches_of: Callable[[Sequence[int]], dict[int, PatchSequence]],
    position: int,
    units: Array,
) -> Query:
    """Return a track of the index as a query, with what its ranking needs."""
    track_id = int(index.rows.track_ids[position])
    passage = len(units) == 1
    patches = patches_of([track_id])[track_id] if passage else PatchSequence(units[:0, 0], units[:0], 1.0)
    return Query(
        track_id=track_id,
        path="",
        source=FileRange(""),
        title="",
        artist="",
        album="",
        duration_s=None,
        units=units,
        spans=[Span(0.0, 0.0)] * len(units),
        patches=patches,
        passage=passage,
        sound=lambda: QuerySound(units[0, :0], units[0, :0], ""),
        excluded=frozenset([track_id]),
    )


class StoredPatches:
    """Reads the patches of tracks from the catalogue, and keeps the latest."""

    KEPT = 2000

    def __init__(self, session: Session, bundle: Bundle) -> None:
        self._session, self._bundle = session, bundle
        self._kept: dict[int, PatchSequence] = {}

    def __call__(self, track_ids: Sequence[int]) -> dict[int, PatchSequence]:
        """Return the patches of some tracks by id; tracks without any are left out."""
        patch_s = self._bundle.front_end.patch_s
        new = [i for i in track_ids if i not in self._kept]
        if len(self._kept) + len(new) > self.KEPT:
            self._kept.clear()
            new = list(track_ids)
        for i, p in track_patches(self._session, new, self._bundle.trunk_id, patch_s).items():
            self._kept[i] = PatchSequence(p.starts_s, p.embeddings, patch_s)
        return {i: self._kept[i] for i in track_ids if i in self._kept}


def facts_of(session: Session, index: SegmentIndex, positions: Ints) -> TrackFacts:
    """Return what the catalogue knows of tracks; genres are those that persons gave them."""
    ids = [int(i) for i in index.rows.track_ids[positions]]
    rows = by_ids(session, ids)
    tracks = [rows[i] for i in ids]
    own = set_by_persons(session, tracks)
    return TrackFacts(
        genres=[t.label or (genres[0] if genres else None) for t, genres in zip(tracks, own, strict=True)],
        artists=[t.artist or t.label_group or None for t in tracks],
        albums=[f"{t.album}\0{t.artist}" if t.album else None for t in tracks],
        plays=[t.plays for t in tracks],
        durations_s=[t.duration_s for t in tracks],
    )


def recordings_of(session: Session, index: SegmentIndex, positions: Ints) -> Ints:
    """Return a number for each track, the same for identical audio, which is no neighbour of its own."""
    rows = by_ids(session, [int(i) for i in index.rows.track_ids[positions]])
    hashes = [rows[int(i)].content_hash or f"track {i}" for i in index.rows.track_ids[positions]]
    return np.unique(hashes, return_inverse=True)[1].astype(np.int64)
