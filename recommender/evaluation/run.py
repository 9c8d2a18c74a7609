"""Evaluation of a catalogue's lists by its own labels, artists, albums and plays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Array, Ints
from classifier.model.bundle import Bundle
from db.tracks import by_ids
from recommender import params
from recommender.evaluation.exposure import occurrence
from recommender.evaluation.list_metrics import (
    DiscoverPoint,
    ListFigures,
    Method,
    TrackFacts,
    choose_neighbours,
    figures,
)
from recommender.evaluation.robustness import Survival, robustness
from recommender.evaluation.score_tables import (
    RANKING,
    StoredPatches,
    Tables,
    facts_of,
    recordings_of,
    score_tables,
)
from recommender.library.file_reader import FileReader
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.query import from_analysed_file
from recommender.retrieval.ranking import discovery_part, rank_tracks

Progress = Callable[[int, int], None]

DISCOVER_STEPS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Judged:
    """Figures of one way of ranking.

    Attributes
    ----------
    method
        Its name.
    lists, top_5
        Figures of lists of k and of 5 songs; genres are judged with the artist filter where `filtered`.
    neighbours
        (tracks, k) positions in the evaluated tracks.
    """

    method: str
    lists: ListFigures
    top_5: ListFigures
    neighbours: Ints


@dataclass(frozen=True)
class Evaluated:
    """A catalogue's evaluation.

    Attributes
    ----------
    tracks, sampled_of
        How many tracks were judged, of how many.
    methods
        Without correction, with others, and as `similar` ranks (last).
    curve
        Novelty and precision by ``--discover``; empty where nothing was played or labelled.
    survivals
        How often altered copies lead to their original.
    """

    tracks: int
    sampled_of: int
    k: int
    methods: list[Judged]
    curve: list[DiscoverPoint]
    survivals: list[Survival]

    def to_json(self) -> dict[str, Any]:
        """Return all figures by name."""
        return {
            "tracks": self.tracks,
            "sampled_of": self.sampled_of,
            "k": self.k,
            "methods": [
                {"method": m.method, "top_5_genre_precision": m.top_5.genre_precision, **m.lists.to_json()}
                for m in self.methods
            ],
            "discover": [
                {
                    "discover": point.discover,
                    "novelty": round(point.novelty, 4),
                    "genre_precision": round(point.genre_precision, 4),
                }
                for point in self.curve
            ],
            "robustness": [survival.to_json() for survival in self.survivals],
        }


def evaluate_recommender(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    *,
    k: int,
    at_most: int,
    altered_songs: int,
    seed: int,
    artist_filter: bool,
    progress: Progress,
    altering: Progress,
) -> Evaluated:
    """Return how good the lists are that the tracks of a catalogue get.

    Parameters
    ----------
    k
        Length of the lists; all others where there are fewer.
    at_most
        Tracks that are judged; of more, so many are drawn with the seed.
    altered_songs
        Songs that are altered in every way and looked for again; 0 for none.
    artist_filter
        Whether genres are judged on lists without the query's artist.
    progress, altering
        Called with the queries, and the altered copies, done of how many.
    """
    tables = score_tables(session, index, bundle, at_most, seed, progress)
    k = min(k, len(tables.positions) - 1)
    facts = facts_of(session, index, tables.positions)
    recordings = recordings_of(session, index, tables.positions)
    return Evaluated(
        tracks=len(facts),
        sampled_of=len(index.rows.track_ids),
        k=k,
        methods=_methods(tables, facts, recordings, k, artist_filter=artist_filter),
        curve=_curve(tables, facts, recordings, k),
        survivals=_survivals(session, index, bundle, altered_songs, seed, altering),
    )


def _methods(
    tables: Tables, facts: TrackFacts, recordings: Ints, k: int, *, artist_filter: bool
) -> list[Judged]:
    return [
        _judge(name, scores, facts, recordings, k, artist_filter=artist_filter)
        for name, scores in tables.scores.items()
    ]


def _judge(
    name: str, scores: Array, facts: TrackFacts, recordings: Ints, k: int, *, artist_filter: bool
) -> Judged:
    queries = np.arange(len(scores))
    longest = max(k, 5)
    plain = choose_neighbours(scores, queries, longest, recordings=recordings)
    filtered = None
    if artist_filter:
        filtered = choose_neighbours(scores, queries, longest, groups=facts.artist_ids, recordings=recordings)
    return Judged(name, figures(plain, facts, k, filtered), figures(plain, facts, 5, filtered), plain[:, :k])


def _curve(tables: Tables, facts: TrackFacts, recordings: Ints, k: int) -> list[DiscoverPoint]:
    """Return novelty and precision by discover; the genres without artist filter, as users get them."""
    plays = np.asarray(facts.plays, np.int64)
    if not plays.any() or not any(facts.genres):
        return []
    points = []
    scores = tables.scores[RANKING]
    for discover in DISCOVER_STEPS:
        moved = scores + discovery_part(scores, plays[None, :], discover)
        lists = choose_neighbours(moved, np.arange(len(scores)), k, recordings=recordings)
        found = figures(lists, facts, k)
        if found.novelty is not None and found.genre_precision is not None:
            points.append(DiscoverPoint(discover, found.novelty, found.genre_precision))
    return points


def _survivals(
    session: Session, index: SegmentIndex, bundle: Bundle, songs: int, seed: int, progress: Progress
) -> list[Survival]:
    """Return how often altered copies of some songs lead to their originals."""
    if not songs:
        return []
    ids = index.rows.track_ids
    chosen = np.random.default_rng(seed).permutation(len(ids))
    rows = by_ids(session, [int(ids[i]) for i in chosen])
    present = [rows[int(ids[i])] for i in chosen if Path(rows[int(ids[i])].path).exists()]
    originals = [(t.id, Path(t.path)) for t in present[:songs]]
    with FileReader(bundle) as reader:
        return robustness(originals, _Ranks(session, index, bundle, reader), progress=progress)


class _Ranks:
    """Finds the rank of an original for an altered copy; identical copies count as the original."""

    def __init__(self, session: Session, index: SegmentIndex, bundle: Bundle, reader: FileReader) -> None:
        self._session, self._index, self._bundle, self._reader = session, index, bundle, reader
        self._patches = StoredPatches(session, bundle)
        positions = np.arange(len(index.rows.track_ids))
        self._recordings = recordings_of(session, index, positions)

    def __call__(self, copy: Path, track_id: int) -> int | None:
        query = from_analysed_file(self._reader.analyse_query(str(copy)), str(copy), self._bundle)
        positions = np.arange(len(self._index.rows.track_ids))
        ranked = rank_tracks(self._index, [query], [], positions, self._patches, hub_correction=True)
        own = int(self._index.track_positions(np.array([track_id]))[0])
        same = self._recordings == self._recordings[own]
        best = ranked.scores[same].max()
        return int((ranked.scores[~same] >= best).sum()) + 1


def draw(evaluated: Evaluated, path: Path) -> None:
    """Draw an evaluation as PNG.

    Raises
    ------
    PictureError
        If the file cannot be written.
    """
    from recommender.evaluation.plots import draw_evaluation

    methods = [
        Method(m.method, m.lists.genre_precision, occurrence(m.neighbours, evaluated.tracks))
        for m in evaluated.methods
    ]
    title = f"{evaluated.tracks} tracks, lists of {evaluated.k}"
    draw_evaluation(
        methods, evaluated.k, path, curve=evaluated.curve, survivals=evaluated.survivals, title=title
    )


def warnings_of(evaluated: Evaluated) -> Sequence[str]:
    """Return what makes the figures worth less than they look."""
    notes = []
    if evaluated.tracks < evaluated.sampled_of:
        notes.append(
            f"{evaluated.tracks} of {evaluated.sampled_of} tracks were drawn; hubs look smaller in a sample"
        )
    ranking = evaluated.methods[-1].lists
    if not ranking.genre_queries:
        notes.append("no track has a label or a genre tag: nothing can be said about genres")
    if evaluated.tracks < params.FEW_TRACKS:
        notes.append(f"with {evaluated.tracks} tracks every figure is a coarse one")
    return notes
