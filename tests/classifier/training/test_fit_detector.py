"""What tells sounds that are not music: on made-up embeddings."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from classifier.model.calibration import MusicDetector
from classifier.training.fit_detector import PENALTY, Sounds, fit_detector, held_out_scores


def sounds(n: int, spread: float, seed: int, folds: int = 4) -> Sounds:
    random = np.random.default_rng(seed)
    x = random.normal(0, spread, (n, 5)).astype(np.float32)
    return Sounds(x, np.zeros(n, np.int64), np.arange(n) % folds, (1.0,))


def test_the_score_by_hand() -> None:
    detector = MusicDetector(np.array([1, -2], np.float32), np.array([0.5, 0], np.float32), -1.0)
    assert detector.score(np.array([[2, 1], [0, 0]], np.float32)).tolist() == [2 - 2 + 0.5 * 4 - 1, -1]


def test_sounds_that_lie_around_the_music_are_told_by_the_squares() -> None:
    music, others = sounds(200, 1.0, 0), sounds(150, 3.0, 1)
    detector = fit_detector(music, others)
    assert (detector.score(sounds(300, 1.0, 2).embeddings) > 0).mean() < 0.1
    assert (detector.score(sounds(300, 3.0, 3).embeddings) > 0).mean() > 0.85


def test_it_is_penalised_logistic_regression_on_values_and_squares() -> None:
    music, others = sounds(60, 1.0, 0), sounds(40, 2.0, 1)
    x = np.concatenate([music.embeddings, others.embeddings]).astype(np.float64)
    x = np.concatenate([x, x**2], axis=1)
    z = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-6)
    weights = np.repeat([1000 / 60, 1000 / 40], [60, 40])
    model = LogisticRegression(C=1 / PENALTY, tol=1e-9, max_iter=5000).fit(
        z, np.repeat([0, 1], [60, 40]), sample_weight=weights
    )
    detector = fit_detector(music, others, limit=0.7)
    np.testing.assert_allclose(
        detector.score(music.embeddings), model.decision_function(z[:60]) - 0.7, rtol=1e-3, atol=1e-3
    )


def test_groups_have_their_shares_however_many_sounds_they_have() -> None:
    groups = np.array([0, 0, 0, 0, 1])
    several = Sounds(np.zeros((5, 2), np.float32), groups, np.zeros(5, np.int64), (3.0, 1.0))
    assert several.weights() == pytest.approx(np.array([0.75 / 4] * 4 + [0.25]))
    assert several.of(groups == 0).weights() == pytest.approx(np.full(4, 0.25))


def test_held_out_scores_are_of_detectors_that_did_not_know_the_fold() -> None:
    music, others = sounds(80, 1.0, 0), sounds(60, 2.5, 1, folds=3)
    of_music, of_others = held_out_scores(music, others)
    fold = others.folds == 1
    apart = fit_detector(music, others.of(~fold))
    np.testing.assert_allclose(of_others[fold], apart.score(others.embeddings[fold]), rtol=1e-5)
    fold = music.folds == 2
    np.testing.assert_allclose(
        of_music[fold], fit_detector(music.of(~fold), others).score(music.embeddings[fold]), rtol=1e-5
    )


def test_what_is_in_no_fold_is_never_held_out() -> None:
    music, others = sounds(80, 1.0, 0), sounds(60, 2.5, 1)
    none = Sounds(others.embeddings, others.groups, np.full(60, -1), others.shares)
    _, scores = held_out_scores(music, none)
    np.testing.assert_allclose(scores, fit_detector(music, none).score(others.embeddings), rtol=1e-5)
