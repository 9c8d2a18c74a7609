"""Energy, and confidence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.measures.confidence import logistic
from classifier.measures.energy import GROWTH, LOUDNESS_LUFS, UPPER_SHARE, energy_of, upper_share

VALUES = st.floats(-100, 100)


@given(VALUES, VALUES, VALUES)
def test_energy_lies_between_0_and_1_and_grows_with_each_part(
    lufs: float, grows: float, upper: float
) -> None:
    found = energy_of(lufs, grows, upper)
    assert 0 <= found.value <= 1
    assert 0 <= found.confidence <= 1
    for more in (
        energy_of(lufs + 5, grows, upper),
        energy_of(lufs, grows + 0.1, upper),
        energy_of(lufs, grows, upper + 0.1),
    ):
        assert more.value >= found.value


def test_energy_is_sure_where_its_parts_agree() -> None:
    top = energy_of(LOUDNESS_LUFS[1], GROWTH[1], UPPER_SHARE[1])
    split = energy_of(LOUDNESS_LUFS[0], GROWTH[1], UPPER_SHARE[1])
    assert (top.value, top.confidence) == (pytest.approx(1), pytest.approx(1))
    assert (split.value, split.confidence) == (pytest.approx(0.6), pytest.approx(0))


def test_upper_share_is_relative_to_all_bands() -> None:
    mel = np.zeros((10, 8), np.float32)
    assert upper_share(mel) == 0
    mel[:, :4] = 1
    assert upper_share(mel) == 0
    mel[:, 4:] = 1
    assert upper_share(mel) == pytest.approx(1)
    mel[:, 4:] = 3
    assert upper_share(mel) == pytest.approx(1.5)


def test_logistic_of_nothing_is_its_offset() -> None:
    assert logistic((0.0, 5.0), (0.0,)) == 0.5
    assert logistic((1.0, 2.0), (0.5,)) == pytest.approx(1 / (1 + np.exp(-2)))
    assert logistic((0.0, 1.0), (1e6,)) == pytest.approx(1)
