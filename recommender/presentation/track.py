"""All that is known of one track, for machines."""

from typing import Any

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.models import Track
from db.sound.features import track_features
from db.sound.predictions import track_predictions
from recommender.describe import genres_and_tags, judgement, track_sound
from recommender.presentation.songs import JSON_TAGS, segment_json, tracks_json

Answer = dict[str, Any]


def track_answer(session: Session, track: Track, bundle: Bundle) -> Answer:
    """Return a track as lists have it, with its file, the bundle's judgement and its segments."""
    sound = track_sound(session, track.id, bundle)
    return {
        **tracks_json(session, [track], bundle)[0],
        "label_source": track.label_source,
        "file": _file(track),
        "judgement": judgement(sound) if sound is not None else None,
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
    features = track_features(session, track.id, bundle.trunk_id)
    stored = track_predictions(session, track.id, bundle.bundle_id)
    shown = {}
    if features is not None:
        genres = stored[1] if stored is not None else bundle.genres(features.tags, features.embeddings)
        analysed = genres_and_tags(bundle, genres, features.tags, JSON_TAGS)
        shown = dict(zip(features.segment_ids, analysed, strict=True))
    return [segment_json(segment, shown.get(segment.id)) for segment in track.segments]
