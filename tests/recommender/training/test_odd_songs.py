"""Odd sets of songs to train on: a classifier whose numbers can be used, or a line on what is wrong."""

import warnings

import numpy as np
import pytest

from classifier import params
from classifier.datasets.folds import folds_of
from classifier.datasets.songs import TrunkSong, check_songs
from classifier.errors import TrainingDataError
from classifier.networks.recipes import recipe_of
from classifier.training.cross_validation import Split, held_out, last_tested
from classifier.training.held_out import HeldOut, at_temperature, fit_temperature
from recommender.training.train import Trained, TrainingPlan, train_classifier
from tests.recommender.training.odd_songs import SIZE, Maker, odd_sets, plain

ODD = dict(odd_sets())
REFUSED = {
    "no song": "training needs songs of at least two genres; no labelled song is there",
    "one song": "only 'a' is there",
    "one label": "only 'a' is there",
    "a song a label": "only one of: a, b, c",
    "a song of one label": "only one of: b",
    "two labels of one artist each": "by two artists, .*none has",
    "three labels of one artist each": "by two artists, .*none has",
    "all songs of one artist": "by two artists, .*none has",
    "two artists, one of them in one label": "by two artists, .*only 'a' has",
    "one testable label of two": "by two artists, .*only 'a' has",
    "one testable label of three": "by two artists, .*only 'a' has",
    "labels that cannot be told apart": r"no better than by chance \(44% of 18 right\)",
    "labels that are swapped from artist to artist": "no better than by chance",
    "features all equal": r"no better than by chance \(33% of 18 right\)",
    "features all zero": "no better than by chance",
    "values of 1e-30": "no better than by chance",
    "songs of hundreds of segments": "no better than by chance",
    "one song with NaN": "/music/a/00003.mp3 are no finite numbers",
    "all songs with NaN": "no finite numbers",
    "a label with infinity": "no finite numbers",
    "labels with control characters": "control characters",
    "labels that are not text": "bytes that are no text",
    "labels with empty steps": "an empty name before or after a '/'",
    "labels of thousands of characters": "5,000 characters, 200 being the most",
    "an empty label": "an empty name",
}


def train(songs: list[TrunkSong], **more: object) -> Trained:
    """Train, whatever is warned of being an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return train_classifier(songs, TrainingPlan(recipe_of("musicnn"), **more))


def check(trained: Trained, songs: list[TrunkSong]) -> None:
    """Check that a classifier can be used: its probabilities are some, its calibration is one."""
    calibration = trained.calibration
    assert params.TEMPERATURES[0] * 1.1 < calibration.temperature < params.MEANINGLESS_TEMPERATURE
    assert 0 < calibration.least_confidence <= 1
    assert np.isfinite(trained.head.kernel).all()
    for song in songs:
        p = trained.head.probabilities(song.tags, song.embeddings, calibration.temperature)
        assert np.isfinite(p).all()
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
        features = trained.head.features(song.tags, song.embeddings)
        assert np.isfinite(calibration.judge(features, p, song.durations_s).distance or 0.0)


@pytest.mark.parametrize("what", ODD)
def test_a_classifier_or_one_line(what: str) -> None:
    songs = ODD[what]
    if what not in REFUSED:
        check(train(songs), songs)
        return
    with pytest.raises(TrainingDataError, match=REFUSED[what]) as raised:
        train(songs)
    assert "None" not in str(raised.value)


def test_with_sounds_that_are_not_music() -> None:
    songs = ODD["artists known of some"]
    sounds = 3 * np.random.default_rng(1).standard_normal((30, SIZE)).astype(np.float32)
    check(train(songs, not_music=sounds), songs)


def test_that_they_are_odd_sets() -> None:
    assert set(REFUSED) < set(ODD)
    assert len(ODD) > 40


# A label of one artist


def one_artist_more(seed: int = 0) -> list[TrunkSong]:
    """Return five genres of four artists, and a sixth of one: what once was called 17 % everything."""
    return (
        ODD["five testable labels of six"]
        if seed == 0
        else dict(odd_sets(seed))["five testable labels of six"]
    )


@pytest.mark.parametrize("seed", range(2))
def test_a_label_of_one_artist_leaves_the_others_as_sure_as_without_it(seed: int) -> None:
    songs = one_artist_more(seed)
    rest = [song for song in songs if song.label != "f"]
    whole, without = train(songs), train(rest)
    for trained, held in ((whole, songs), (without, rest)):
        sure = [
            trained.head.probabilities(s.tags, s.embeddings, trained.calibration.temperature).max()
            for s in held
        ]
        assert np.median(sure) > 0.5
    assert whole.calibration.temperature == pytest.approx(without.calibration.temperature, rel=0.6)
    assert whole.choices["temperature"] < 30
    assert "20 songs held out in 4 folds (6 more could not be tested)" in whole.calibration.data
    (note,) = whole.notes
    assert (
        note.startswith("all songs of 'f' are by one artist")
        and "the calibration rests on the others" in note
    )


def test_a_label_that_was_not_learned_does_not_move_the_temperature() -> None:
    """As minus infinity: with any finite score, the imagined song makes all probabilities alike."""
    scores = np.random.default_rng(0).normal(0, 4, (300, 3))
    truth = np.array([np.random.default_rng(n).choice(3, p=_softmax(s / 2)) for n, s in enumerate(scores)])
    absent = np.full((300, 1), -np.inf)
    alone = fit_temperature(scores, truth)
    assert alone == pytest.approx(2, rel=0.3)
    assert fit_temperature(np.hstack([scores, absent]), truth) == pytest.approx(alone, rel=0.01)


def _softmax(scores: np.ndarray) -> np.ndarray:
    odds = np.exp(scores - scores.max())
    return odds / odds.sum()


def uniform(songs: list[TrunkSong], *, favour: int | None = None) -> object:
    """Return a fit whose classifier, as a network does, gives every label some probability."""

    def predict(song: TrunkSong) -> np.ndarray:
        p = np.full((len(song.embeddings), 3), 0.25, np.float32)
        p[:, 0 if favour is None else favour] = 0.5
        return p

    return lambda _inside, _folder: predict


def test_what_a_network_says_of_a_label_that_it_never_saw_is_no_test() -> None:
    songs = Maker(0).songs(a=[1, 2, 3], b=[4, 5, 6], c=[7, 7, 7])
    folds = folds_of(songs, 3)
    said = held_out(songs, Split(("a", "b", "c"), folds, [0, 1, 2]), uniform(songs, favour=2))
    assert said.tested().tolist() == [song.label != "c" for song in songs]
    for row, song in enumerate(songs):
        if song.label == "c":  # missed, though the network says 0.5
            np.testing.assert_allclose(said.segments[row], [[0.5, 0.5, 0.0]] * 2)
        else:
            np.testing.assert_allclose(said.segments[row], [[0.25, 0.25, 0.5]] * 2)
    assert said.songs().accuracy == 0.0
    assert said.temperature == said.of(said.tested()).temperature


def test_whoever_learned_one_label_alone_tests_nothing() -> None:
    songs = Maker(0).songs(a=[1, 2], b=[3, 3])
    said = held_out(songs, Split(("a", "b"), np.array([0, 1, 1, 1]), [0, 1]), _always_a)
    assert said.tested().tolist() == [True, False, False, False]
    np.testing.assert_allclose(
        said.segments[1], [[0.0, 1.0]] * 2
    )  # it could say nothing else: that is no hit


def _always_a(_inside: object, _folder: object) -> object:
    return lambda song: np.tile(np.array([[1.0, 0.0]], np.float32), (len(song.embeddings), 1))


def test_impossible_labels_stay_impossible_at_any_temperature() -> None:
    p = np.array([[0.0, 0.9, 0.1]], np.float32)
    hot = at_temperature(p, 500.0, np.array([False, True, True]))
    assert hot[0, 0] == 0
    assert hot.sum() == pytest.approx(1)
    assert at_temperature(p, 500.0)[0, 0] > 0.2  # a probability that is only very small comes back


def test_a_probability_of_nothing_for_the_truth_is_a_test_all_the_same() -> None:
    """The worst that can be said of a song is not left out of the calibration."""
    learned = np.ones((4, 2), bool)
    segments = [np.array([[0.0, 1.0]], np.float32)] * 2 + [np.array([[0.2, 0.8]], np.float32)] * 2
    said = HeldOut(
        ("a", "b"), tuple("wxyz"), np.array([0, 1, 1, 1]), np.arange(4), segments, [[1.0]] * 4, [], learned
    )
    assert said.tested().all()
    assert said.temperature > 2 * said.of(np.array([False, True, True, True])).temperature


# Folds


@pytest.mark.parametrize("n_folds", [2, 7, 10**6, 10**12])
def test_as_many_folds_as_there_can_be(n_folds: int) -> None:
    songs = plain(n=3)
    assert len(np.unique(folds_of(songs, n_folds))) <= min(n_folds, 9)
    assert train(songs, n_folds=n_folds).folds <= 9


def test_the_fold_that_is_held_out_alone_can_be_tested() -> None:
    songs = Maker(0).songs(a=[1, 2], b=[3, 4], c=[5, 5])
    labels = [song.label for song in songs]
    assert last_tested(songs, np.array([0, 1, 0, 1, 2, 2])) == 1
    assert labels == ["a", "a", "b", "b", "c", "c"]
    with pytest.raises(TrainingDataError, match="unevenly spread"):
        last_tested(songs[:4], np.array([0, 0, 1, 1]))


def test_more_labels_than_a_bundle_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "MOST_LABELS", 3)
    assert check_songs(plain()) == ("a", "b", "c")
    with pytest.raises(TrainingDataError, match="there are 4 genres; at most 3 can be learned"):
        check_songs(plain(labels="abcd"))
