"""Songs and lists of them for machines: what the commands' ``--json`` and the service both give."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.models import Track
from recommender.describe import named, track_probabilities
from recommender.retrieval.alignment import PassagePair
from recommender.retrieval.query import Query
from recommender.retrieval.similar import Match

JSON_TAGS = 10


def query_json(query: Query, bundle: Bundle) -> dict[str, Any]:
    """Return a query for machines."""
    spans = query.spans
    return {
        "track_id": query.track_id,
        "path": query.path,
        "title": query.title,
        "artist": query.artist,
        "passage": query.passage,
        "start_s": round(spans[0].start_s, 3),
        "end_s": round(spans[-1].end_s, 3),
        "genres": named(bundle.labels, query.genres),
        "tags": named(bundle.tag_names, query.tags, JSON_TAGS),
    }


def tracks_json(session: Session, tracks: Sequence[Track], bundle: Bundle) -> list[dict[str, Any]]:
    """Return tracks for machines."""
    probabilities = track_probabilities(session, [track.id for track in tracks], bundle)
    return [
        {
            "track_id": track.id,
            "path": track.path,
            "title": track.title,
            "artist": track.artist,
            "album": track.album,
            "year": track.year,
            "duration_s": track.duration_s,
            "plays": track.plays,
            "last_played": track.last_played.isoformat() if track.last_played else None,
            "genres": named(bundle.labels, probabilities[track.id][0]) if track.id in probabilities else [],
            "tags": named(bundle.tag_names, probabilities[track.id][1], JSON_TAGS)
            if track.id in probabilities
            else [],
        }
        for track in tracks
    ]


def ranked_json(
    session: Session, tracks: Sequence[Track], bundle: Bundle, more: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return a list's tracks for machines, each with its rank and with more that is known of it."""
    shown = tracks_json(session, tracks, bundle)
    return [
        {"rank": rank, **track, **its} for rank, (track, its) in enumerate(zip(shown, more, strict=True), 1)
    ]


def matches_json(session: Session, matches: Sequence[Match], bundle: Bundle) -> list[dict[str, Any]]:
    """Return matches for machines."""
    more = [
        {
            "similarity": round(match.similarity, 6),
            "query": match.query,
            **passage_json(match.passage),
            "score": round(match.score, 6),
            "score_parts": {name: round(value, 6) for name, value in match.parts.items()},
        }
        for match in matches
    ]
    return ranked_json(session, [match.track for match in matches], bundle, more)


def passage_json(passage: PassagePair | None) -> dict[str, float | None]:
    """Return which passages match, in seconds."""
    names = ("query_start_s", "query_end_s", "match_start_s", "match_end_s")
    return {n: round(getattr(passage, n), 2) if passage is not None else None for n in names}
