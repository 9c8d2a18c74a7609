"""All that is known of one track, for machines."""

from typing import Any

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.features import features_of
from db.models import Segment, Track
from db.predictions import track_predictions
from recommender.describe import judgement, named, track_sound
from recommender.presentation.songs import JSON_TAGS, tracks_json

Answer = dict[str, Any]


def track_answer(session: Session, track: Track, bundle: Bundle) -> Answer:
    """Return a track as lists have it, with its file, the bundle's judgement and its segments."""
    sound = track_sound(session, track.id, bundle)
    return {
        **tracks_json(session, [track], bundle)[0],
        "label": track.label,
        "label_source": track.label_source,
        "file": _file(track),
        "judgement": judgement(sound, bundle) if sound is not None else None,
        "segments": _segments(session, track, bundle),
    }


def _file(track: Track) -> Answer:
    return {
        "root": track.root.path,
        "size_bytes": track.size,
        "modified_s": round(track.mtime_ns / 1e9, 3),
        "genres": list(track.file_genres),
        "content_hash": track.content_hash,
        "warning": track.warning,
        "error": {"kind": track.error_kind, "message": track.error_message} if track.error_kind else None,
    }


def _segments(session: Session, track: Track, bundle: Bundle) -> list[Answer]:
    features = features_of(session, [track.id], bundle.trunk_id).get(track.id)
    stored = track_predictions(session, track.id, bundle.bundle_id)
    analysed: dict[int, Answer] = {}
    if features is not None:
        genres = stored[1] if stored is not None else bundle.genres(features.tags, features.embeddings)
        analysed = {
            i: {"genres": named(bundle.labels, g), "tags": named(bundle.tag_names, t, JSON_TAGS)}
            for i, g, t in zip(features.segment_ids, genres, features.tags, strict=True)
        }
    return [_segment(segment) | analysed.get(segment.id, {}) for segment in track.segments]


def _segment(segment: Segment) -> Answer:
    return {
        "start_s": round(segment.start_s, 3),
        "end_s": round(segment.end_s, 3),
        "level_dbfs": round(segment.level_dbfs, 1),
        "silent": segment.silent,
        "genres": [],
        "tags": [],
    }
