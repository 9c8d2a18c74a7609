"""Temperature, what is unlike the training songs, and the verdicts that follow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from classifier import params
from classifier.model import calibration
from classifier.model.calibration import Calibration, Familiarity, MusicDetector
from classifier.training.fit_calibration import calibrate, fit_familiarity
from classifier.training.held_out import HeldOut, at_temperature, fit_temperature
from classifier.training.metrics import expected_calibration_error

Array = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]
N_LABELS = 4


def drawn(n: int, seed: int, spread: float = 2.0) -> tuple[Array64, npt.NDArray[np.int64]]:
    """Scores, and truths drawn with the probabilities that the scores say."""
    random = np.random.default_rng(seed)
    scores = spread * random.standard_normal((n, N_LABELS))
    cumulative = softmax(scores, axis=1).cumsum(axis=1)
    return scores, (random.uniform(size=(n, 1)) > cumulative).sum(axis=1)


# Temperature


@pytest.mark.parametrize("factor", [0.1, 0.7, 1.0, 3.0, 40.0])
def test_temperature_undoes_a_factor(factor: float) -> None:
    scores, truth = drawn(4000, 1)
    assert fit_temperature(scores * factor, truth) == pytest.approx(factor, rel=0.08)


def test_temperature_lowers_the_calibration_error() -> None:
    scores, truth = drawn(3000, 2)
    before = expected_calibration_error(softmax(scores * 3, axis=1), truth)
    temperature = fit_temperature(scores * 3, truth)
    after = expected_calibration_error(softmax(scores * 3 / temperature, axis=1), truth)
    assert before > 0.1
    assert after < 0.03


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.2, 5))
def test_temperature_is_the_best_of_a_grid(seed: int, factor: float) -> None:
    """By the definition: the songs' means over their segments, and one song of all labels alike."""
    random = np.random.default_rng(seed)
    scores, truth = drawn(40, seed)
    songs = np.sort(random.integers(0, 20, 40))
    songs = np.unique(songs, return_inverse=True)[1]
    seconds = random.uniform(5, 30, 40)
    n = songs.max() + 1

    def loss(temperature: float) -> float:
        p = softmax(factor * scores / temperature, axis=1)
        means = np.stack([np.average(p[songs == s], axis=0, weights=seconds[songs == s]) for s in range(n)])
        log_p = np.log(np.maximum(means, 1e-300))
        return -sum(log_p[s, truth[s]] for s in range(n)) - log_p.mean()

    found = fit_temperature(factor * scores, truth[:n], songs, seconds)
    assert loss(found) <= min(loss(t) for t in np.geomspace(0.05, 50, 60)) + 1e-3


def test_songs_all_right_give_no_vanishing_temperature() -> None:
    scores = 5 * np.eye(N_LABELS)[np.arange(40) % N_LABELS]
    temperature = fit_temperature(scores, np.arange(40) % N_LABELS)
    assert 0.9 < softmax(scores / temperature, axis=1).max() < 0.999


def test_at_temperature_is_the_softmax_of_divided_scores() -> None:
    scores, _ = drawn(50, 3)
    found = at_temperature(softmax(scores, axis=1).astype(np.float32), 2.5)
    np.testing.assert_allclose(found, softmax(scores / 2.5, axis=1), rtol=1e-3, atol=1e-6)


# Unlike the training songs


def familiar(limit: float = 2.0) -> Familiarity:
    whiten = np.array([[0.5, 0.0], [0.0, 1.0], [0.0, 0.0]], np.float32)
    return Familiarity(whiten, np.array([[0, 0], [3, 0]], np.float32), limit)


def test_distance_by_hand() -> None:
    features = np.array([[0, 0, 9], [0, 4, 9], [6, 1, 0], [-8, 3, 0]], np.float32)
    np.testing.assert_allclose(familiar().distance(features), [0, 2, 0.5, 2.5])


def clusters(n: int, seed: int, size: int = 6) -> tuple[Array, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Songs of three labels round their centres, features of unlike scales and related; five folds."""
    random = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    mix = np.random.default_rng(0).standard_normal((size, size)) * 2.0 ** np.arange(-2, size - 2)
    centres = 4 * np.random.default_rng(1).standard_normal((3, size))
    songs = (centres[truth] + random.standard_normal((n, size))) @ mix
    return songs.astype(np.float32), truth, np.arange(n) * 5 // n


def test_distance_is_mahalanobis() -> None:
    songs, truth, folds = clusters(600, 0)
    found, _ = fit_familiarity(songs, truth, folds)
    assert found is not None
    x = songs.astype(np.float64)
    x = x / x.std(axis=0)
    centres = np.stack([x[truth == k].mean(axis=0) for k in range(3)])
    covariance = (x - centres[truth]).T @ (x - centres[truth]) / len(x)
    s = params.HEAD_SHRINKAGE
    inverse = np.linalg.inv((1 - s) * covariance + s * np.trace(covariance) / 6 * np.eye(6))
    wanted = [min((row - c) @ inverse @ (row - c) for c in centres) ** 0.5 for row in x[:20]]
    np.testing.assert_allclose(found.distance(songs[:20]) * found.limit, wanted, rtol=1e-2)


def test_limit_holds_for_new_songs_of_the_same_kinds_and_not_for_others() -> None:
    songs, truth, folds = clusters(300, 1)
    found, how = fit_familiarity(songs, truth, folds)
    assert found is not None
    new, _, _ = clusters(3000, 2)
    assert 0.005 < (found.distance(new) > 1).mean() < 0.06
    far = new + 8 * songs.std(axis=0)
    assert (found.distance(far.astype(np.float32)) > 1).mean() > 0.95
    assert "97" in how


def test_known_other_sounds_move_the_limit_within_its_bounds() -> None:
    songs, truth, folds = clusters(300, 3)
    random = np.random.default_rng(4)
    near = songs[:80] * random.uniform(0.9, 1.1, (80, 1)).astype(np.float32)
    far = songs[:80] + 20 * songs.std(axis=0)
    tight, _ = fit_familiarity(songs, truth, folds, near)
    loose, how = fit_familiarity(songs, truth, folds, far.astype(np.float32))
    assert tight is not None
    assert loose is not None
    assert tight.direction is not None  # hardly any of them lies far away
    assert loose.direction is None
    assert "99.0%" in how
    assert "100% of 80" in how


def test_direction_tells_other_sounds_that_are_not_far() -> None:
    """Forty songs in 30 dimensions: how far is far cannot be known, but the other sounds are known."""
    random = np.random.default_rng(5)
    truth = np.arange(40) % 2
    songs = random.standard_normal((40, 30)) + 3 * truth[:, None] * np.eye(30)[0]
    sounds = random.standard_normal((160, 30)) + 5 * np.eye(30)[1]
    found, how = fit_familiarity(
        songs.astype(np.float32), truth, np.arange(40) // 8, sounds[:80].astype(np.float32)
    )
    assert found is not None
    assert found.direction is not None
    assert "a direction" in how
    assert (found.not_music(sounds[80:].astype(np.float32)) > 0).mean() > 0.8
    new = random.standard_normal((400, 30)).astype(np.float32)
    assert (found.not_music(new) > 0).mean() < 0.08


def test_one_group_gives_no_distance() -> None:
    songs, truth, _ = clusters(30, 6)
    found, how = fit_familiarity(songs, truth, np.zeros(30, np.int64))
    assert found is None
    assert "no song" in how


# Verdicts


def test_judge_says_why() -> None:
    judge = Calibration(1.0, 0.5, "by hand", familiar()).judge
    sure, unsure = np.array([[0.9, 0.1]], np.float32), np.array([[0.45, 0.45]], np.float32)
    near, far = np.zeros((1, 3), np.float32), np.array([[0, 5, 0]], np.float32)
    assert not judge(near, sure, [30.0]).unknown
    assert judge(near, unsure, [30.0]).reason == calibration.WEAK
    assert judge(far, sure, [30.0]).reason == calibration.UNLIKE
    assert judge(far, sure, [30.0]).distance == 2.5


def test_judge_weighs_segments_by_their_seconds() -> None:
    judge = Calibration(1.0, 0.0, "by hand", familiar()).judge
    features = np.array([[0, 0, 0], [0, 8, 0]], np.float32)
    probabilities = np.array([[1, 0], [0, 1]], np.float32)
    long_near = judge(features, probabilities, [30.0, 10.0])
    assert (long_near.distance, long_near.confidence, long_near.unknown) == (1.0, 0.75, False)
    assert judge(features, probabilities, [10.0, 30.0]).distance == 3.0


def test_what_is_not_music_comes_before_what_is_unlike() -> None:
    both = Familiarity(
        familiar().whiten, familiar().centres, 2.0, np.array([0, 1, 0], np.float32), offset=-3.0
    )
    judge = Calibration(1.0, 0.0, "by hand", both).judge
    sure = np.array([[0.9, 0.1]], np.float32)
    assert judge(np.array([[0, 3.5, 0]], np.float32), sure, [1.0]).reason == calibration.NOT_MUSIC
    assert judge(np.array([[0, 2.5, 0]], np.float32), sure, [1.0]).reason == calibration.UNLIKE


@pytest.mark.parametrize("direction", [None, np.array([0, 1, 0], np.float32)])
@pytest.mark.parametrize("whole", [True, False])
def test_parts_make_the_same_calibration(direction: Array | None, whole: bool) -> None:
    one = Familiarity(familiar().whiten, familiar().centres, 2.0, direction, offset=0.25)
    made = Calibration(
        1.5, 0.3, "by hand", one if whole else None, np.ones((2, 3), np.float32) if whole else None
    )
    again = Calibration.from_parts(made.describe(), made.to_arrays())
    assert again.describe() == made.describe()
    assert again.to_arrays().keys() == made.to_arrays().keys()
    for name, value in made.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], value)


@pytest.mark.parametrize(("what", "name"), [("limit", "centres"), ("not_music_offset", "not_music_linear")])
def test_arrays_without_what_goes_with_them_are_refused(what: str, name: str) -> None:
    detector = MusicDetector(np.ones(3, np.float32), np.ones(3, np.float32), 0.5)
    made = Calibration(1.5, 0.3, "by hand", familiar(), None, detector)
    assert Calibration.from_parts(made.describe(), made.to_arrays()).describe() == made.describe()
    with pytest.raises(ValueError, match=f"has {name}, but not what goes with it"):
        Calibration.from_parts({**made.describe(), what: None}, made.to_arrays())


# Calibrating on songs held out


@dataclass(frozen=True)
class Case:
    said: HeldOut
    features: Sequence[Array]


def case(n: int, seed: int, factor: float = 3.0) -> Case:
    """Songs of two segments, whose classifier is too sure of itself by a factor."""
    scores, truth = drawn(n, seed)
    probabilities = softmax(factor * scores, axis=1).astype(np.float32)
    features, _, folds = clusters(n, seed)
    said = HeldOut(
        labels=("a", "b", "c", "d"),
        names=tuple(f"{i:03d}" for i in range(n)),
        truth=truth,
        folds=folds,
        segments=[np.repeat(p[None], 2, axis=0) for p in probabilities],
        durations_s=[[30.0, 10.0]] * n,
        fit_s=[0.0],
    )
    return Case(said, [np.repeat(f[None], 2, axis=0) for f in features])


def test_calibrate_finds_the_temperature_and_what_is_weak() -> None:
    made = case(800, 7)
    found = calibrate(made.said, made.features)
    assert found.temperature == pytest.approx(3.0, rel=0.15)
    verdicts = [
        found.judge(f, at_temperature(p, found.temperature), s)
        for f, p, s in zip(made.features, made.said.segments, made.said.durations_s, strict=True)
    ]
    assert sum(v.reason == calibration.WEAK for v in verdicts) == pytest.approx(8, abs=2)
    assert "800 songs held out in 5 folds" in found.data


def test_a_label_that_could_not_be_learned_has_no_say_in_the_temperature() -> None:
    made = case(400, 8)
    spoiled = list(made.said.segments)
    for i in range(40):
        truth = made.said.truth[i]
        p = np.delete(spoiled[i], truth, axis=1)
        spoiled[i] = np.insert(p / p.sum(axis=1, keepdims=True), truth, 0, axis=1)
    said = HeldOut(**{**vars(made.said), "segments": spoiled})
    rest = HeldOut(
        **{
            **vars(made.said),
            "segments": made.said.segments[40:],
            "truth": made.said.truth[40:],
            "durations_s": made.said.durations_s[40:],
        }
    )
    assert said.temperature == pytest.approx(rest.temperature, rel=1e-6)


def test_without_features_there_is_no_distance() -> None:
    found = calibrate(case(100, 9).said, None)
    assert found.familiarity is None
    assert (
        found.judge(np.zeros((1, 6), np.float32), np.array([[0.97, 0.01, 0.01, 0.01]]), [1.0]).distance
        is None
    )


def test_a_flat_dimension_does_not_set_the_limit() -> None:
    songs, truth, folds = clusters(60, 0)
    flat = np.zeros((60, 1), np.float32)
    flat[7] = 1e-3  # one song of one fold alone departs from it
    found, _ = fit_familiarity(np.hstack([songs, flat]), truth, folds)
    plain, _ = fit_familiarity(songs, truth, folds)
    assert found is not None and plain is not None
    assert found.limit == pytest.approx(plain.limit, rel=0.1)


def test_weak_is_no_more_than_what_the_classifier_itself_can_say() -> None:
    made = case(100, 9)
    timid = [np.full((2, 4), 0.25, np.float32) for _ in range(100)]
    assert calibrate(made.said, made.features, own=timid).least_confidence == pytest.approx(0.25)
