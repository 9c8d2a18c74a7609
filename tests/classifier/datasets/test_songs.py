"""Songs to learn from: refusals, and which segment is typical of its song."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.datasets.songs import TrunkSong, check_songs, most_representative, representative_weights
from classifier.errors import TrainingDataError
from classifier.params import REPRESENTATIVE_WIDTH


def song(name: str, label: str) -> TrunkSong:
    return TrunkSong(name, label, None, np.zeros((1, 2), np.float32), np.zeros((1, 1), np.float32), [30.0])


def test_labels_are_in_order() -> None:
    songs = [song("1", "rock"), song("2", "jazz"), song("3", "jazz"), song("4", "rock")]
    assert check_songs(songs) == ("jazz", "rock")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "no labelled song is there"),
        (["rock", "rock"], "only 'rock' is there"),
        (["rock", "jazz", "jazz"], "only one of: rock"),
        (["rock", "folk", "jazz", "jazz"], "only one of: folk, rock"),
    ],
)
def test_what_cannot_be_learned_is_refused(labels: list[str], message: str) -> None:
    with pytest.raises(TrainingDataError, match=message):
        check_songs([song(str(n), label) for n, label in enumerate(labels)])


def test_weights_by_hand() -> None:
    """Two segments along x and one along y: cosines to the rest of the song are √½, √½ and 0."""
    embeddings = np.array([[1, 0], [5, 0], [0, 2]], np.float32)
    near, far = np.exp(np.sqrt(0.5) / REPRESENTATIVE_WIDTH), 1.0
    expected = 3 * np.array([near, near, far]) / (2 * near + far)
    np.testing.assert_allclose(representative_weights(embeddings, [30, 30, 30]), expected, rtol=1e-4)


def test_a_longer_segment_says_more_of_what_the_song_is() -> None:
    """The first segment against 30 s along x and 10 s along y: cosine 3 / √10."""
    embeddings = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    durations = [30.0, 30.0, 10.0]
    cosines = np.array([3 / np.sqrt(10), 3 / np.sqrt(10), 0])
    expected = np.exp(cosines / REPRESENTATIVE_WIDTH)
    expected *= 3 / expected.sum()
    np.testing.assert_allclose(representative_weights(embeddings, durations), expected, rtol=1e-4)


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_segments_have_no_more_typical_one(n: int) -> None:
    embeddings = np.random.default_rng(n).standard_normal((n, 5)).astype(np.float32)
    np.testing.assert_array_equal(representative_weights(embeddings, [30.0, 8.0][:n]), np.ones(n))
    assert most_representative(embeddings, [30.0, 8.0][:n]) == 0


def test_the_odd_segment_out_is_the_least_typical() -> None:
    random = np.random.default_rng(3)
    song_sound = random.standard_normal(50)
    embeddings = (song_sound + 0.2 * random.standard_normal((6, 50))).astype(np.float32)
    embeddings[4] = random.standard_normal(50)
    embeddings[2] = song_sound
    weights = representative_weights(embeddings, [30.0] * 6)
    assert weights.argmin() == 4
    assert weights[4] < 0.01
    assert most_representative(embeddings, [30.0] * 6) == 2


@given(n=st.integers(1, 8), seed=st.integers(0, 99), loudness=st.floats(0.01, 100))
def test_weights_have_mean_one_and_do_not_depend_on_the_embeddings_scale(
    n: int, seed: int, loudness: float
) -> None:
    random = np.random.default_rng(seed)
    embeddings = random.standard_normal((n, 6)).astype(np.float32)
    durations = random.uniform(5, 35, n).tolist()
    weights = representative_weights(embeddings, durations)
    assert weights.mean() == pytest.approx(1, abs=1e-4)
    assert (weights > 0).all() or n > 2  # a cosine far below the best may round to nothing
    scaled = representative_weights(embeddings * np.float32(loudness), durations)
    np.testing.assert_allclose(scaled, weights, rtol=1e-2, atol=1e-5)
    order = random.permutation(n)
    shuffled = representative_weights(embeddings[order], [durations[i] for i in order])
    np.testing.assert_allclose(shuffled, weights[order], rtol=1e-2, atol=1e-5)


def test_a_song_of_dead_embeddings_has_finite_weights() -> None:
    weights = representative_weights(np.zeros((4, 3), np.float32), [30.0] * 4)
    np.testing.assert_allclose(weights, 1)
