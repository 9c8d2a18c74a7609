"""What plays take off a score: the formula that is stated, by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from recommender.retrieval.ranking import discovery_part, rarity

plays_of_songs = hnp.arrays(np.int64, 12, elements=st.integers(0, 10**9))
scores_of_songs = hnp.arrays(np.float32, 12, elements=st.floats(-1, 1, width=32))


def test_rarity_is_as_stated() -> None:
    found = rarity(np.array([0, 1, 100], np.int64))
    assert_allclose(found, [1, 0.59, 0.18], atol=5e-3)
    assert_allclose(found, [1 / (1 + math.log(1 + plays)) for plays in (0, 1, 100)], atol=1e-6)


@given(scores=scores_of_songs, plays=plays_of_songs, discover=st.floats(0, 1))
def test_the_score_is_multiplied_as_stated(scores: np.ndarray, plays: np.ndarray, discover: float) -> None:
    part = discovery_part(scores, plays, discover)
    for score, count, added in zip(scores.tolist(), plays.tolist(), part.tolist(), strict=True):
        factor = 1 - discover * (1 - 1 / (1 + math.log(1 + count)))
        expected = score * factor if score > 0 else score
        assert_allclose(score + added, expected, atol=1e-6)
        assert added <= 0
        if count == 0 or score <= 0:
            assert added == 0


@given(scores=scores_of_songs, plays=plays_of_songs)
def test_without_discover_nothing_is_added(scores: np.ndarray, plays: np.ndarray) -> None:
    assert_array_equal(discovery_part(scores, plays, 0.0), np.zeros(12))


@pytest.mark.parametrize("discover", [0.2, 1.0])
def test_of_equals_the_more_often_played_falls_further(discover: float) -> None:
    part = discovery_part(np.full(5, 0.6, np.float32), np.array([0, 1, 5, 50, 5000]), discover)
    assert (np.diff(part) < 0).all()
