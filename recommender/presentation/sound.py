"""The sound of a file, for machines."""

from typing import Any

from classifier.datasets.songs import most_representative
from classifier.model.bundle import Array, Bundle
from classifier.model.predictions import SegmentAnalysis, TrackAnalysis
from recommender.describe import judgement, named, sound_of
from recommender.library.workers.boundary import Failure
from recommender.presentation.songs import JSON_TAGS


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
    analysed = iter(zip(of_segments, tags, strict=True))
    loud = [segment for segment in analysis.segments if not segment.silent]
    preview = loud[most_representative(embeddings, durations)]
    return {
        "duration_s": round(analysis.duration_s, 3),
        **judgement(sound, bundle),
        "tags": named(bundle.tag_names, sound.tags, JSON_TAGS),
        "preview": {"start_s": round(preview.start_s, 3), "end_s": round(preview.end_s, 3)},
        "warnings": analysis.warnings,
        "segments": [
            _segment_json(segment, bundle, None if segment.silent else next(analysed))
            for segment in analysis.segments
        ],
    }


def _segment_json(
    segment: SegmentAnalysis, bundle: Bundle, analysed: tuple[Array, Array] | None
) -> dict[str, Any]:
    return {
        "start_s": round(segment.start_s, 3),
        "end_s": round(segment.end_s, 3),
        "level_dbfs": round(segment.level_dbfs, 1),
        "silent": segment.silent,
        "genres": named(bundle.labels, analysed[0]) if analysed else [],
        "tags": named(bundle.tag_names, analysed[1], JSON_TAGS) if analysed else [],
    }
