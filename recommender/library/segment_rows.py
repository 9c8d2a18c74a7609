"""A file's analysis to the rows that the catalogue keeps of it."""

from classifier.model.bundle import Bundle
from classifier.model.predictions import SegmentAnalysis, TrackAnalysis
from db.features import SegmentRow


def segment_rows(analysis: TrackAnalysis, bundle: Bundle) -> list[SegmentRow]:
    """Return a track's segments as rows, with the genres that the bundle's head gives them."""
    return [_row(segment, bundle) for segment in analysis.segments]


def _row(segment: SegmentAnalysis, bundle: Bundle) -> SegmentRow:
    genres = None
    if segment.tags is not None and segment.embedding is not None:
        genres = bundle.genres(segment.tags[None], segment.embedding[None])[0]
    return SegmentRow(
        start_s=segment.start_s,
        end_s=segment.end_s,
        level_dbfs=segment.level_dbfs,
        embedding=segment.embedding,
        tags=segment.tags,
        patches=segment.patches,
        genres=genres,
    )
