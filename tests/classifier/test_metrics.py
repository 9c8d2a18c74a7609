"""Figures by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from classifier.metrics import confusion, label_scores

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)
NAMES = ("blues", "jazz", "pop", "rock")


def test_by_hand() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1, 2])
    predicted = np.array([0, 0, 0, 1, 1, 0, 1])
    assert confusion(truth, predicted, 4).tolist() == [[3, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    blues, jazz, pop, rock = label_scores(truth, predicted, NAMES)
    assert (blues.label, blues.songs) == ("blues", 4)
    assert (blues.precision, blues.recall, blues.f1) == pytest.approx((3 / 4, 3 / 4, 3 / 4))
    assert (jazz.precision, jazz.recall, jazz.f1) == pytest.approx((1 / 3, 1 / 2, 2 / 5))
    assert (pop.songs, pop.precision, pop.recall, pop.f1) == (1, 0, 0, 0)
    assert (rock.songs, rock.precision, rock.recall, rock.f1) == (0, 0, 0, 0)


@given(PAIRS)
def test_as_scikit_learn_has_it(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(pairs).T
    np.testing.assert_array_equal(
        confusion(truth, predicted, 4), confusion_matrix(truth, predicted, labels=range(4))
    )
    found = label_scores(truth, predicted, NAMES)
    wanted = precision_recall_fscore_support(truth, predicted, labels=range(4), zero_division=0)
    for values, name in zip(wanted, ("precision", "recall", "f1", "songs"), strict=True):
        np.testing.assert_allclose([getattr(score, name) for score in found], values, rtol=0, atol=1e-12)
    assert tuple(score.label for score in found) == NAMES
