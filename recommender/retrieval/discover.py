"""Lists that are not the neighbours of one song: deep cuts by taste, a walk between two."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Ints
from classifier.model.bundle import Bundle
from db.listening.plays import most_played, played_ids
from db.listening.radios import less_like_ids
from db.models import Track
from db.rows import rows_by_ids
from db.sound.features import has_features
from recommender import params
from recommender.errors import QueryError
from recommender.retrieval import song_path
from recommender.retrieval.filters import allowed_positions
from recommender.retrieval.find import is_there
from recommender.retrieval.heard import heard
from recommender.retrieval.index.scoring import song_scores
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.query import Query, from_track
from recommender.retrieval.request import ListRequest
from recommender.retrieval.similar import Ranking, similar


def discover(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    request: ListRequest,
    seeds: int = params.SEEDS,
    since: datetime | None = None,
) -> tuple[Ranking, list[Track]]:
    """Return songs that were never played and sound like what is played most.

    Every song is scored by the played one that gives it most. The taste for a song with p plays, of at
    most P, counts 0.8 + 0.2 · ln(1 + p) / ln(1 + P).

    Parameters
    ----------
    request
        Its filters say what counts as rarely played; if they do not, it is never played. A song of which
        another file, version or cut was played more often was.
    seeds
        So many of the songs that are played most.
    since
        Only songs played since then count as taste; None for all.

    Returns
    -------
    tuple
        The ranking, whose matches name their seed by number, and the seeds.

    Raises
    ------
    QueryError
        If no song with an analysis has been played.
    """
    played = tastes_of(session, index, bundle.trunk_id, seeds, since)
    most = request.filters.max_plays or 0
    request = replace(request, filters=replace(request.filters, max_plays=most))
    queries = [from_track(session, track, bundle) for track in played]
    known = heard(session, index, most)
    unwanted = _less_like(session, bundle)
    tastes = _tastes(played)
    return similar(session, index, bundle, queries, request, unwanted, tastes, known), played


def _less_like(session: Session, bundle: Bundle) -> list[Query]:
    """Return the analysed songs that less is wanted like, those of the last times."""
    ids = less_like_ids(session)[: params.MOST_NAMES]
    tracks = rows_by_ids(session, ids)
    analysed = (tracks[i] for i in ids if has_features(session, i, bundle.trunk_id))
    return [from_track(session, track, bundle) for track in analysed]


def _tastes(played: Sequence[Track]) -> list[float]:
    """Return how much the taste for each of the songs played most counts, 0.8..1."""
    most = np.log1p(max(track.plays for track in played))
    return [float(0.8 + 0.2 * np.log1p(track.plays) / most) for track in played]


def tastes_of(
    session: Session, index: SegmentIndex, trunk_id: str, n: int, since: datetime | None = None
) -> list[Track]:
    """Return the songs played most of those in the index that have an analysis still.

    Raises
    ------
    QueryError
        If there is none.
    """
    indexed = set(index.rows.track_ids.tolist())
    not_indexed = max(0, len(played_ids(session)) - len(indexed))
    found = most_played(session, min(n, len(indexed)) + not_indexed, since)
    played = [t for t in found if t.id in indexed and has_features(session, t.id, trunk_id)][:n]
    if not played:
        when = f"since {since:%Y-%m-%d}" if since is not None else "yet"
        raise QueryError(
            f"no song has been played {when}; bring your plays in with: deepcuts plays import FILE"
        )
    return played


@dataclass(frozen=True)
class Step:
    """A song of a walk: how much it sounds like the one before it (None for the first), −1..1."""

    track: Track
    score: float | None


def walk(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    ends: tuple[Query, Query],
    n: int,
    request: ListRequest,
) -> list[Step]:
    """Return a walk of n songs from one catalogued song to another, both included.

    Raises
    ------
    QueryError
        If an end is not in the catalogue, or both are the same.
    """
    start, end = (_position(index, query) for query in ends)
    if start == end or ends[1].track_id in ends[0].excluded:
        raise QueryError("both ends are the same song; name two different ones")
    excluded = ends[0].excluded | ends[1].excluded
    allowed = allowed_positions(session, index, bundle, request.filters, excluded)
    vectors, starts, _ = index.vectors_of(None)
    from_ends = []
    for query in ends:
        found = np.full(len(starts), -np.inf, np.float32)
        reached = song_scores(index.centred(query.units), vectors, starts)
        found[allowed] = (reached - index.rows.song_offsets)[allowed]
        from_ends.append(found)
    reach = max(params.PATH_POOL, min(n, params.PATH_LONGEST))
    positions = song_path.pool(from_ends[0], from_ends[1], reach)
    positions = _one_of_each(session, index, positions)
    positions = np.append(positions, [start, end])
    some, firsts, _ = index.vectors_of(positions)
    scores = song_path.pairwise_scores(some, firsts)
    path = song_path.walk(scores, len(positions) - 2, len(positions) - 1, n)
    rows = rows_by_ids(session, [int(index.rows.track_ids[positions[i]]) for i in path])
    steps = [None, *(float(scores[a, b]) for a, b in pairwise(path))]
    tracks = [rows[int(index.rows.track_ids[positions[i]])] for i in path]
    return [Step(track, step) for track, step in zip(tracks, steps, strict=True)]


def _position(index: SegmentIndex, query: Query) -> int:
    if query.track_id is None:
        raise QueryError(f"{query.path} is not in the catalogue; a walk goes between songs that are")
    positions = index.track_positions(np.array([query.track_id]))
    if not len(positions):
        raise QueryError(f"{query.path} is not in the index: its file is missing")
    return int(positions[0])


def _one_of_each(session: Session, index: SegmentIndex, positions: Ints) -> Ints:
    """Return the positions without those of identical copies."""
    rows = rows_by_ids(session, [int(i) for i in index.rows.track_ids[positions]])
    seen: set[str] = set()
    kept = []
    for position in positions:
        if not is_there(rows, int(index.rows.track_ids[position])):
            continue
        track = rows[int(index.rows.track_ids[position])]
        key = track.content_hash or f"track {track.id}"
        if key not in seen:
            seen.add(key)
            kept.append(position)
    return np.array(kept, np.int64)
