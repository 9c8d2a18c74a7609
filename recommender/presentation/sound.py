"""The sound of a file, for machines."""

from typing import Any

from classifier.datasets.songs import most_representative
from classifier.model.bundle import Bundle
from classifier.model.predictions import TrackAnalysis
from recommender.describe import genres_and_tags, judgement, named, sound_of
from recommender.library.workers.boundary import Failure
from recommender.presentation.measures import measures_json
from recommender.presentation.songs import JSON_TAGS, segment_json


def classify_answer(bundle: Bundle, path: str, result: TrackAnalysis | Failure) -> dict[str, Any]:
    """Return what a file sounds like, whole and by segments; ``error`` where it could not be analysed."""
    if isinstance(result, Failure):
        return {"path": path, "error": {"kind": result.kind, "message": result.message}}
    return {"path": path, **sound_answer(bundle, result)}


def sound_answer(bundle: Bundle, analysis: TrackAnalysis) -> dict[str, Any]:
    """Return what an analysed file sounds like, whole and by segments."""
    tags, embeddings, durations = analysis.features()
    of_segments = bundle.genres(tags, embeddings)
    sound = sound_of(bundle, tags, embeddings, durations, of_segments)
    shown = iter(genres_and_tags(bundle, of_segments, tags, JSON_TAGS))
    loud = [segment for segment in analysis.segments if not segment.silent]
    preview = loud[most_representative(embeddings, durations)]
    return {
        "duration_s": round(analysis.duration_s, 3),
        **judgement(sound),
        "tags": named(bundle.tag_names, sound.tags, JSON_TAGS),
        **measures_json(analysis.measures),
        "preview": {"start_s": round(preview.start_s, 3), "end_s": round(preview.end_s, 3)},
        "warnings": analysis.warnings,
        "segments": [
            segment_json(segment, None if segment.silent else next(shown)) for segment in analysis.segments
        ],
    }
