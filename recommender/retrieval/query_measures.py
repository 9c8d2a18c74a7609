"""What is measured of what was asked for, from what is stored of it."""

import numpy as np
from sqlalchemy.orm import Session

from classifier.measures.measure import Measures
from db.models import MEASURES, Segment, Track
from db.rows import TrackRow
from db.sound.features import TrackFeatures
from recommender.retrieval.query_file import Span


def stored_measures(row: Track | TrackRow | Segment) -> Measures:
    """Return the measures that are stored of a track or a segment, as far as there are any."""
    return Measures(**{name: getattr(row, name) for name in MEASURES})


def segment_around(session: Session, features: TrackFeatures, span: Span) -> Segment:
    """Return the segment of a track, of those that are not silent, in which most of a span lies."""
    starts_s = np.array(features.starts_s)
    ends_s = starts_s + features.durations_s
    shared_s = np.minimum(ends_s, span.end_s) - np.maximum(starts_s, span.start_s)
    return session.get_one(Segment, features.segment_ids[int(shared_s.argmax())])
