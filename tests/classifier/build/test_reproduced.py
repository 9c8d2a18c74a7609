"""What is shipped is what the build makes of the data at hand, to the last digit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier.build.detector_sounds import DetectorSounds, detector_of, detector_sounds, limit_of
from classifier.build.labelled_songs import Labelled, fit_of
from classifier.build.pools import MUSIC, OTHERS, VOICED, read_pools
from classifier.build.train_shipped import last_layer, read_labelled, shared_music
from classifier.model.bundle import Bundle
from classifier.training.genre_head import fit_genre_head

SMALL = 1e-6
OF_MACHINES = 2e-5
"""The clips are heard anew, by kernels that differ between processors; in float16, values differ by a bit."""


@pytest.fixture(scope="module")
def labelled(shared: Path, shipped: Bundle) -> Labelled:
    return read_labelled(shared / "data", last_layer(shipped.path))


@pytest.fixture(scope="module")
def sounds(shared: Path, shipped: Bundle, labelled: Labelled) -> DetectorSounds:
    layer = last_layer(shipped.path)
    return detector_sounds(read_pools(), shared_music(shared / "data"), labelled, layer.log_odds)


@pytest.mark.shared
def test_the_head(labelled: Labelled, shipped: Bundle) -> None:
    chosen = shipped.training["chosen"]
    fit = replace(
        fit_of(shipped.tag_names),
        penalty=chosen["penalty"],
        free_penalty=chosen["penalty of genres without tags"],
    )
    head = last_layer(shipped.path).head(fit_genre_head(labelled.songs, fit))
    np.testing.assert_allclose(head.kernel, shipped.head.kernel, rtol=SMALL, atol=SMALL)
    np.testing.assert_allclose(head.bias, shipped.head.bias, rtol=SMALL, atol=SMALL)


@pytest.mark.shared
def test_the_detector(sounds: DetectorSounds, shipped: Bundle) -> None:
    assert shipped.calibration is not None
    made, found = shipped.calibration.detector, detector_of(sounds)
    assert made is not None
    np.testing.assert_allclose(found.linear, made.linear, rtol=SMALL, atol=OF_MACHINES)
    np.testing.assert_allclose(found.square, made.square, rtol=SMALL, atol=OF_MACHINES)
    assert found.offset == pytest.approx(made.offset, rel=OF_MACHINES)


@pytest.mark.shared
def test_what_it_learns_from(sounds: DetectorSounds) -> None:
    """Music with a voice over it is music, where the voice dominates it is not."""
    pools, music = read_pools(), sounds.music
    assert set(sounds.songs) == {*MUSIC, VOICED, "emotify", "gtzan60"}
    for name in (*MUSIC, VOICED):
        np.testing.assert_array_equal(music.embeddings[sounds.songs[name]], pools[name].means)
        assert (np.diff(music.folds[sounds.songs[name]]) >= 0).all()
    assert (music.groups[sounds.songs[VOICED]] == 1).all()
    assert music.weights()[music.groups == 1].sum() == pytest.approx(0.15)
    assert sounds.others.weights()[sounds.sets["talk"]].sum() == pytest.approx(1 / len(OTHERS))


def test_the_limit_leaves_one_song_in_a_hundred_of_every_set() -> None:
    scores = np.concatenate([np.arange(200.0) - 199 + 7, np.arange(100.0) - 99 + 3, [50.0]])
    songs = {"a": np.arange(200), "b": np.arange(200, 300), VOICED: np.array([300])}
    limit = limit_of(scores, songs)
    assert limit == 5.0
    assert [(scores[songs[name]] > limit).sum() for name in "ab"] == [2, 0]
    assert limit_of(scores - 1000, songs) == 0.0
