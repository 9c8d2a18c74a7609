"""Songs and lists of them for machines: what the commands' ``--json`` and the service both give."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from classifier.model.predictions import SegmentAnalysis
from db.browsing.song_albums import shown_album
from db.models import Segment, Track
from db.values import iso_utc
from recommender.describe import genres_and_tags, named_of_tracks
from recommender.presentation.measures import measures_json
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
        **measures_json(query.measures),
        "verdict": query.verdict,
        **genres_and_tags(bundle, query.genres[None], query.tags[None], JSON_TAGS)[0],
    }


def tracks_json(session: Session, tracks: Sequence[Track], bundle: Bundle) -> list[dict[str, Any]]:
    """Return tracks for machines."""
    known = named_of_tracks(session, [track.id for track in tracks], bundle, JSON_TAGS)
    return [
        {
            "track_id": track.id,
            "path": track.path,
            "title": track.title,
            "artist": track.artist,
            "album": shown_album(track.album),
            "year": track.year,
            "duration_s": track.duration_s,
            "plays": track.plays,
            "last_played": iso_utc(track.last_played) if track.last_played else None,
            "label": track.label,
            **range_json(track),
            **measures_json(track),
            **known.get(track.id, {"verdict": None, "genres": [], "tags": []}),
        }
        for track in tracks
    ]


def range_json(track: Track) -> dict[str, Any]:
    """Return which part of a file a track is, for machines; nothing where it is all of it."""
    source = track.file_range
    if source.whole:
        return {}
    end_s = source.end_s
    if end_s is None and track.duration_s is not None:
        end_s = source.start_s + track.duration_s
    shown = None if end_s is None else round(end_s, 3)
    return {"range": {"file": source.path, "start_s": round(source.start_s, 3), "end_s": shown}}


def segment_json(segment: Segment | SegmentAnalysis, shown: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a segment for machines, with its genres and tags where it was analysed."""
    return {
        "start_s": round(segment.start_s, 3),
        "end_s": round(segment.end_s, 3),
        "level_dbfs": round(segment.level_dbfs, 1),
        "silent": segment.silent,
        **measures_json(segment if isinstance(segment, Segment) else segment.measures),
        **(shown or {"genres": [], "tags": []}),
    }


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
