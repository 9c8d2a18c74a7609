"""Answers of searches of the catalogue, for machines: songs like others, deep cuts, words, a walk."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from recommender import params
from recommender.presentation.songs import matches_json, query_json, ranked_json, tracks_json
from recommender.retrieval.discover import discover, walk
from recommender.retrieval.find import find
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.query import Query
from recommender.retrieval.request import ListRequest
from recommender.retrieval.similar import Match, similar

Answer = dict[str, Any]


def similar_answer(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    queries: Sequence[Query],
    request: ListRequest,
    unwanted: Sequence[Query] = (),
    *,
    any_of: bool = False,
) -> tuple[Answer, list[Match]]:
    """Return songs that sound like the queries, best first, and the matches that the answer is of.

    With `any_of` each query is a taste of its own, as a playlist's songs are, else they must agree.
    """
    tastes = [1.0] * len(queries) if any_of and len(queries) > 1 else None
    ranking = similar(session, index, bundle, queries, request, unwanted, tastes)
    asked = [query_json(query, bundle) for query in queries]
    answer = {
        "query": asked[0],
        "queries": asked,
        "unwanted": [query_json(query, bundle) for query in unwanted],
        "trunk_id": bundle.trunk_id,
        "results": matches_json(session, ranking.matches, bundle),
        "same_recording": [{"track_id": t.id, "path": t.path} for t in ranking.recordings],
        "shortfall": ranking.shortfall,
    }
    return answer, ranking.matches


def discover_answer(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    request: ListRequest,
    seeds: int = params.SEEDS,
    since: datetime | None = None,
) -> Answer:
    """Return songs never played that sound like what is played most, each with the song it is listed for.

    Raises
    ------
    QueryError
        If no song with an analysis has been played.
    """
    ranking, played = discover(session, index, bundle, request, seeds, since)
    return {
        "seeds": tracks_json(session, played, bundle),
        "trunk_id": bundle.trunk_id,
        "results": [
            {**match, "because": _because(played[match["query"]])}
            for match in matches_json(session, ranking.matches, bundle)
        ],
        "shortfall": ranking.shortfall,
    }


def _because(seed: Any) -> Answer:
    return {"track_id": seed.id, "title": seed.title, "artist": seed.artist, "plays": seed.plays}


def find_answer(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    words: str,
    request: ListRequest,
    unwanted: str = "",
) -> Answer:
    """Return songs that fit some words.

    Raises
    ------
    FilterError
        If no word is any that is known.
    """
    found = find(session, index, bundle, words, request, unwanted)
    more = [
        {
            "score": round(one.score, 6),
            "strengths": {name: round(value, 4) for name, value in one.strengths.items()},
        }
        for one in found.matches
    ]
    n = len(found.matches)
    fit = f"only {n} fit{'s' if n == 1 else ''}" if n else "no song fits"
    short = f"{fit} the words, the filters and the limits"
    return {
        "terms": [{"name": term.name, "wanted": term.wanted} for term in found.terms],
        "filters": found.said.words(),
        "not_searched": list(found.unknown),
        "results": ranked_json(session, [one.track for one in found.matches], bundle, more),
        "shortfall": short if len(found.matches) < request.n else None,
    }


def path_answer(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    ends: tuple[Query, Query],
    n: int,
    request: ListRequest,
) -> Answer:
    """Return a walk of `n` songs from one to another, both included."""
    steps = walk(session, index, bundle, ends, n, request)
    more = [
        {"step": None if step.score is None else round(min(1.0, max(0.0, step.score)), 6)} for step in steps
    ]
    short = f"only {len(steps)} songs are on the way, both ends included" if len(steps) < n else None
    return {
        "trunk_id": bundle.trunk_id,
        "results": ranked_json(session, [step.track for step in steps], bundle, more),
        "shortfall": short,
    }
