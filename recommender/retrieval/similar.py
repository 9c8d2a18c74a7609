"""Songs that sound like a query, best first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from db.models import Track
from db.tracks import by_ids
from recommender import params
from recommender.retrieval.index import SegmentIndex
from recommender.retrieval.query import Query
from recommender.retrieval.scoring import track_scores

Array = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Match:
    """A track of the catalogue that sounds like the query.

    Attributes
    ----------
    similarity
        0..1.
    """

    track: Track
    similarity: float


@dataclass(frozen=True)
class Ranking:
    """What was found.

    Attributes
    ----------
    shortfall
        Why there are fewer matches than asked for; None where there are not.
    """

    matches: list[Match]
    shortfall: str | None


def similar(session: Session, index: SegmentIndex, queries: Sequence[Query], n: int) -> Ranking:
    """Rank the catalogue's tracks by how much they sound like the queries.

    The nearest segments of each query segment name the candidate tracks; these are scored exactly
    on all their segments (`retrieval.scoring`), several queries by their mean score. Neither a
    query nor an identical copy of one is a match, and of identical copies only the first is.

    Parameters
    ----------
    session
        Of the catalogue.
    index
        Of its segments.
    queries
        At least one.
    n
        How many matches are wanted.
    """
    excluded = frozenset().union(*(query.excluded for query in queries))
    reach = params.FIRST_NEIGHBOURS
    while True:
        candidates = _candidates(index, queries, reach, excluded)
        matches = _best(session, index, queries, candidates, n)
        if len(matches) >= n or reach >= len(index):
            break
        reach *= 4
    return Ranking(matches, _shortfall(len(matches), n))


def _shortfall(found: int, n: int) -> str | None:
    if found >= n:
        return None
    return f"the catalogue holds only {found} other analysed track{'' if found == 1 else 's'}"


def _candidates(index: SegmentIndex, queries: Sequence[Query], reach: int, excluded: frozenset[int]) -> Ids:
    """Return the ids of the tracks that own the nearest segments, ascending."""
    if not len(index):
        return np.zeros(0, np.int64)
    _, segment_ids = index.search(np.concatenate([q.embeddings for q in queries]), reach)
    places = np.searchsorted(index.segment_ids, np.unique(segment_ids))
    tracks = np.unique(index.track_ids[places])
    return tracks[~np.isin(tracks, list(excluded))]


def _best(
    session: Session, index: SegmentIndex, queries: Sequence[Query], candidates: Ids, n: int
) -> list[Match]:
    """Score candidate tracks and return the best n, identical copies counted once."""
    if not candidates.size:
        return []
    segment_ids, owners = index.segments_of(candidates)
    tracks, starts = np.unique(owners, return_index=True)
    vectors = index.vectors_of(segment_ids)
    scores = np.mean([track_scores(q.embeddings, vectors, starts) for q in queries], axis=0)
    order = np.lexsort((tracks, -scores))
    matches: list[Match] = []
    heard: set[str] = set()
    for start in range(0, len(order), 4 * n):
        some = order[start : start + 4 * n]
        rows = by_ids(session, [int(i) for i in tracks[some]])
        for place in some:
            track = rows.get(int(tracks[place]))
            if track is None or track.content_hash in heard:
                continue
            heard.add(track.content_hash or f"track {track.id}")
            matches.append(Match(track, similarity(float(scores[place]))))
            if len(matches) == n:
                return matches
    return matches


def similarity(score: float) -> float:
    """Return a score of −1..1 as a similarity of 0..1: unrelated (0) and opposite are both 0."""
    return min(1.0, max(0.0, score))
