"""A track's segments, made."""

import numpy as np
import pytest

from db.sound.features import SegmentRow
from tests.db.rows import segment_row


@pytest.fixture
def rows() -> list[SegmentRow]:
    """Three segments, the second one silent, given out of order."""
    random = np.random.default_rng(1)
    return [
        segment_row(random, 60.0, 72.5),
        segment_row(random, 0.0, 30.0),
        segment_row(random, 30.0, 60.0, silent=True),
    ]
