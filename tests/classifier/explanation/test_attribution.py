"""Explanations: the score's gradient, the song's time line, and whether silencing bears them out."""

import importlib
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from classifier import params
from classifier.audio.excerpt import read_excerpt
from classifier.errors import BundleError, NotAudioError, PictureError
from classifier.explanation.attribution import Explainer
from classifier.explanation.explain_song import (
    band_edges,
    explain_song,
    frame_times,
    genre_index,
    probability_without,
)
from classifier.explanation.explanation import Bands, Explanation, ScoredExcerpt, decisive, silenced
from classifier.features.frontend import FrontEnd, silent_patch
from classifier.features.segments import AudioSegment
from classifier.model.bundle import TRUNK_WEIGHTS, Bundle
from classifier.model.inference import Trunk
from classifier.model.linear_head import LinearHead
from classifier.networks.recipes import recipe_of
from classifier.plotting import explanation
from tests import synth
from tests.conftest import REPO

METAL = REPO / "demo/catalog/metal/Muldjord - Internal Degeneration.mp3"
CLASSICAL = REPO / "demo/catalog/classical/John Michel - Ave Maria (Bach-Gounod).mp3"


@pytest.fixture(scope="module")
def explainer(shipped: Bundle) -> Explainer:
    return Explainer(shipped)


@pytest.fixture(scope="module")
def patches(trunk: Trunk) -> np.ndarray:
    """Three patches of one segment."""
    sound = np.concatenate([synth.music_like(4.5, 3, 16_000), synth.clicks(4.6, rate_hz=16_000)])
    return trunk.patches(AudioSegment(0.0, len(sound) / 16_000, sound))


def served(trunk: Trunk, patches: np.ndarray) -> np.ndarray:
    """Log-probabilities of a segment as ONNX Runtime and numpy give them."""
    tags, embeddings = trunk.run(patches)
    return np.log(trunk.bundle.genres(tags.mean(0, keepdims=True), embeddings.mean(0, keepdims=True))[0])


def test_the_score_is_the_one_that_is_served(trunk: Trunk, explainer: Explainer, patches: np.ndarray) -> None:
    assert len(patches) == 3
    np.testing.assert_allclose(explainer.log_probabilities(patches), served(trunk, patches), atol=2e-4)


@pytest.mark.parametrize("kind", ["embedding", "both"])
def test_the_score_of_other_heads(trunk: Trunk, patches: np.ndarray, kind: Any) -> None:
    size = {"embedding": 200, "both": 250}[kind]
    random = np.random.default_rng(0)
    head = LinearHead(kind, *(random.normal(0, 0.1, s).astype(np.float32) for s in ((size, 10), (10,))))
    other = replace(trunk.bundle, head=head)
    tags, embeddings = trunk.run(patches)
    expected = other.genres(tags.mean(0, keepdims=True), embeddings.mean(0, keepdims=True))[0]
    np.testing.assert_allclose(np.exp(Explainer(other).log_probabilities(patches)), expected, atol=1e-4)


def test_a_patch_adds_what_silencing_it_costs(
    trunk: Trunk, explainer: Explainer, patches: np.ndarray
) -> None:
    genre = int(np.argmax(served(trunk, patches)))
    effects = explainer.time_effects(patches, genre)
    assert effects.shape == patches.shape[:2]
    for index in range(len(patches)):
        without = patches.copy()
        without[index] = silent_patch(trunk.bundle.mel_filters, trunk.bundle.front_end)
        cost = served(trunk, patches)[genre] - served(trunk, without)[genre]
        assert effects[index].sum() == pytest.approx(cost, abs=2e-3)


@pytest.mark.parametrize("chosen", [[True, True, True], [False, True, False]])
def test_bands_add_up_to_the_score_above_silence(
    trunk: Trunk, explainer: Explainer, patches: np.ndarray, chosen: list[bool]
) -> None:
    genre = int(np.argmax(served(trunk, patches)))
    effects = explainer.band_effects(patches, genre, np.array(chosen))
    without = patches.copy()
    without[chosen] = silent_patch(trunk.bundle.mel_filters, trunk.bundle.front_end)
    cost = served(trunk, patches)[genre] - served(trunk, without)[genre]
    assert effects.shape == patches[chosen].shape
    assert effects.sum() == pytest.approx(cost, abs=2e-3)
    assert not effects[patches[chosen] == without[chosen]].any()


def test_gradients_alone_find_most_of_the_score(
    trunk: Trunk, explainer: Explainer, patches: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shared out in proportion is a small rest, where the steps are fine."""
    monkeypatch.setattr("classifier.explanation.attribution._completed", lambda part, change: part)
    monkeypatch.setattr(params, "EXPLAIN_TIME_STEPS", 60)
    scores = served(trunk, patches)
    genre = int(np.argmax(scores))
    effects = explainer.time_effects(patches, genre).sum(axis=1)
    for index in range(len(patches)):
        without = patches.copy()
        without[index] = 0
        assert effects[index] == pytest.approx(scores[genre] - served(trunk, without)[genre], abs=0.03)


def test_silence_adds_nothing(explainer: Explainer, patches: np.ndarray) -> None:
    half = patches.copy()
    half[1] = 0
    effects = explainer.time_effects(half, 0)
    np.testing.assert_allclose(effects[1], 0, atol=1e-6)
    assert np.abs(effects[0]).max() > 1e-3


def test_frames_lie_where_they_are_in_the_song() -> None:
    front_end = FrontEnd()
    segment = AudioSegment(30.0, 40.0, np.zeros(160_000, np.float32))
    times = frame_times(segment, front_end)
    # 626 frames: three patches of 187, and 65 frames more, which are fewer than 1.5 s.
    assert times.shape == (3, 187)
    np.testing.assert_allclose(times[:, 0], 30 + np.array([0, 187, 374]) * 0.016)
    segment = replace(segment, samples=np.zeros(170_000, np.float32))
    # 665 frames: a fourth patch is aligned to the end.
    np.testing.assert_allclose(frame_times(segment, front_end)[3, [0, -1]], 30 + np.array([478, 664]) * 0.016)


def test_bands_join_where_they_meet() -> None:
    edges = band_edges(FrontEnd())
    assert edges.shape == (96, 2)
    assert (edges[0, 0], edges[-1, 1]) == (0, pytest.approx(8000))
    np.testing.assert_array_equal(edges[1:, 0], edges[:-1, 1])
    assert (np.diff(edges, axis=1) > 0).all()
    # Every filter peaks inside its own band.
    from librosa.filters import mel

    bin_hz = 16_000 / 65_536
    peaks = mel(sr=16_000, n_fft=65_536, n_mels=96).argmax(axis=1) * bin_hz
    assert ((edges[:, 0] < peaks + bin_hz) & (peaks - bin_hz < edges[:, 1])).all()
    grouped = Bands(edges, np.arange(96.0)).grouped(40)
    np.testing.assert_array_equal(grouped.effects, [780, 2380, 1400])
    np.testing.assert_array_equal(grouped.edges_hz[:, 0], edges[[0, 40, 80], 0])


def test_decisive_by_hand() -> None:
    curve = np.array([0, 1, 3, 0, 0, -2, 2, 2, 0.5])
    found = decisive(curve, 0.5, 4.3, 1.0, 3)
    assert found == [ScoredExcerpt(0.5, 1.5, 4.0), ScoredExcerpt(3.0, 4.0, 4.0)]
    assert decisive(-np.ones(4), 0.25, 1.0, 9.0, 3) == [ScoredExcerpt(0.0, 1.0, -4.0)]


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=40), st.integers(1, 10), st.integers(1, 4))
def test_decisive_excerpts_are_apart_and_the_first_is_the_best(
    values: list[float], width: int, at_most: int
) -> None:
    curve = np.array(values)
    found = decisive(curve, 1.0, len(curve), float(width), at_most)
    width = min(width, len(curve))
    best = max(curve[i : i + width].sum() for i in range(len(curve) - width + 1))
    assert found[0].effect == pytest.approx(best, abs=1e-9)
    times = sorted((s.start_s, s.end_s) for s in found)
    assert all(end <= start for (_, end), (start, _) in pairwise(times))
    assert 1 <= len(found) <= at_most
    for excerpt in found:
        assert excerpt.effect == pytest.approx(
            curve[int(excerpt.start_s) : int(excerpt.end_s)].sum(), abs=1e-9
        )


def test_silenced_is_silent_inside_and_untouched_outside() -> None:
    samples = np.ones(1000, np.float32)
    out = silenced(samples, 100, 3.0, 5.0)
    assert not out[300:501].any()
    np.testing.assert_array_equal(out[:299], 1)
    np.testing.assert_array_equal(out[501:], 1)
    faded = silenced(np.ones(10_000, np.float32), 1000, 3.0, 5.0)
    np.testing.assert_allclose(faded[2990:3001], np.linspace(1, 0, 11), atol=1e-4)


def test_the_rest_keeps_its_level(trunk: Trunk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames far from the silence reach the network as they were, unless the level is restored."""
    segment = AudioSegment(30.0, 39.0, synth.music_like(9.0, 5, 16_000))
    passed: list[np.ndarray] = []
    run = trunk.run
    monkeypatch.setattr(trunk, "run", lambda patches: passed.append(patches) or run(patches))
    cut = [ScoredExcerpt(33.0, 36.0, 0.0)]
    before = trunk.patches(segment)
    kept = probability_without(trunk, segment, cut, 3)
    restored = probability_without(trunk, segment, cut, 3, keep_level=False)
    np.testing.assert_array_equal(passed[0][0, :-2], before[0, :-2])
    assert not passed[0][1, 5:-5].any()
    assert (passed[1][0, :-2] > before[0, :-2]).mean() > 0.9
    assert kept != restored
    tags, embeddings = run(passed[0])
    genres = trunk.bundle.genres(tags.mean(0, keepdims=True), embeddings.mean(0, keepdims=True))
    assert kept == pytest.approx(genres[0, 3], abs=1e-6)


@pytest.fixture(scope="module")
def spliced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Metal for 50 s with six seconds of a cello at 40 s, in the second segment; stereo."""
    song = at_synth_rate(METAL)[: 50 * synth.RATE_HZ]
    song[40 * synth.RATE_HZ : 46 * synth.RATE_HZ] = at_synth_rate(CLASSICAL)[: 6 * synth.RATE_HZ]
    path = tmp_path_factory.mktemp("spliced") / "song.flac"
    return synth.write(path, np.stack([song, 0.5 * song], axis=1))


def at_synth_rate(path: Path) -> np.ndarray:
    from classifier.audio.decode import DecodeReport, stream_mono

    return np.concatenate(list(stream_mono(path, synth.RATE_HZ, DecodeReport())))


TOLD: list[tuple[int, int]] = []


@pytest.fixture(scope="module")
def found(trunk: Trunk, explainer: Explainer, spliced: Path) -> Explanation:
    """Why that song is a little classical."""
    genre = genre_index(trunk.bundle, "CLASSICAL")
    analysis = trunk.analyse_file(spliced)
    return explain_song(trunk, explainer, spliced, analysis, genre, 4.0, lambda *told: TOLD.append(told))


def test_the_one_excerpt_of_cello_is_found_in_song_time(
    trunk: Trunk, found: Explanation, spliced: Path
) -> None:
    first = found.passages[0]
    assert first.start_s >= 39.0
    assert first.end_s <= 47.0
    assert first.end_s - first.start_s == pytest.approx(4.0)
    assert first.probability_without < 0.6 * found.probability
    assert found.genre == "classical"
    assert TOLD == [(1, 2), (2, 2)]
    assert len(found.curve) == 200
    whole = trunk.analyse_file(spliced)
    tags, embeddings, seconds = whole.features()
    mean = np.average(trunk.bundle.genres(tags, embeddings), axis=0, weights=seconds)
    assert found.probability == pytest.approx(mean[genre_index(trunk.bundle, "classical")], abs=1e-5)
    # The cello is softer: in the picture, too, it lies where it is in the song.
    loudness = found.picture.mel.mean(axis=1)
    times = np.arange(len(loudness)) * found.picture.column_s
    assert times[-1] == pytest.approx(50, abs=0.1)
    cello = loudness[(times > 40.1) & (times < 45.9)]
    assert cello.max() < np.median(loudness[(times > 31) & (times < 39.9)])


def test_a_silent_segment_adds_nothing(trunk: Trunk, explainer: Explainer, tmp_path: Path) -> None:
    sound = np.concatenate([np.zeros(30 * synth.RATE_HZ, np.float32), synth.music_like(8, 2)])
    path = synth.write(tmp_path / "a.flac", sound)
    found = explain_song(trunk, explainer, path, trunk.analyse_file(path))
    assert not found.curve[:120].any()
    assert found.curve[120:].any()
    assert (found.passages[0].start_s + found.passages[0].end_s) / 2 >= 30
    assert not found.picture.mel[: int(29 / found.picture.column_s)].any()


def test_unknown_genre_lists_the_labels(shipped: Bundle) -> None:
    with pytest.raises(BundleError, match=r"no genre 'polka'; the bundle knows: ambient, blues, classical"):
        genre_index(shipped, "polka")


@pytest.mark.parametrize("arch", ["cnn", "vgg16", "cnn-mel"])
def test_other_networks_are_explained_from_activations_with_a_time_axis(
    tmp_path: Path, shipped: Bundle, arch: str
) -> None:
    """What lies behind the activations must give the embedding of the network itself."""
    from classifier.explanation.attribution import network_of
    from classifier.networks.architectures import build

    recipe = recipe_of(arch)
    front_end = replace(recipe.front_end, patch_frames=96, n_mels=48)
    network = build(replace(recipe, front_end=front_end, image=(32, 64)), 3, seed=0)
    np.savez(tmp_path / TRUNK_WEIGHTS, **network.trunk_weights())
    bundle = replace(shipped, path=tmp_path, architecture=network.architecture, front_end=front_end)
    patches = np.random.default_rng(0).uniform(size=(2, 96, 48)).astype(np.float32)
    activations, embedding = network_of(bundle)(patches)
    np.testing.assert_allclose(embedding, network.trunk.predict_on_batch(patches), atol=1e-5)
    # Silence after the first half leaves the first steps as they are, but for the convolutions' reach.
    other = patches.copy()
    other[:, 48:] = 0
    changed = np.abs(network_of(bundle)(other)[0] - activations)
    by_step = changed.reshape(*changed.shape[:2], -1).max(axis=(0, 2))
    assert by_step[-1] > 0
    assert by_step[0] < 1e-6 or arch == "vgg16"


def test_a_network_without_a_time_line_is_refused(shipped: Bundle) -> None:
    with pytest.raises(BundleError, match="perceptron has no time line that could be explained"):
        Explainer(replace(shipped, architecture={"name": "perceptron"}))
    with pytest.raises(BundleError, match="mfcc has no bands"):
        band_edges(FrontEnd(feature="mfcc"))


def test_the_picture_is_drawn_and_small(found: Explanation, tmp_path: Path) -> None:
    explanation.draw_explanation(found, tmp_path / "a.png", "song")
    assert 10_000 < (tmp_path / "a.png").stat().st_size < 200_000
    figure = explanation.explanation_figure(found, "song")
    figure.canvas.draw()
    curve, _, mel, bands = figure.axes
    assert curve.get_xlim() == mel.get_xlim() == (0, 50)
    assert "0:40" in [label.get_text() for label in mel.get_xticklabels()]
    assert [label.get_text() for label in mel.get_yticklabels()][-2:] == ["4k", "8k"]
    # 1 kHz lies in the band whose edges hold it.
    height = mel.get_yticks()[2]
    low, high = found.bands.edges_hz[int(height)]
    assert low <= 1000 <= high
    assert len(bands.patches) == 12
    with pytest.raises(PictureError):
        explanation.draw_explanation(found, tmp_path / "nowhere" / "a.png", "song")


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_an_excerpt_is_the_file_s_own_samples(tmp_path: Path, subtype: str) -> None:
    frames = np.stack([synth.noise(25, 1, 44_100), synth.noise(25, 2, 44_100)], axis=1)
    soundfile.write(tmp_path / "a.wav", frames, 44_100, subtype)
    excerpt = read_excerpt(tmp_path / "a.wav", 9.0, 21.5)
    (tmp_path / "b.wav").write_bytes(excerpt.to_wav())
    original, rate_hz = soundfile.read(tmp_path / "a.wav", dtype="int32")
    cut, cut_rate_hz = soundfile.read(tmp_path / "b.wav", dtype="int32")
    assert rate_hz == cut_rate_hz == 44_100
    assert soundfile.info(tmp_path / "b.wav").subtype == subtype
    np.testing.assert_array_equal(cut, original[9 * 44_100 : round(21.5 * 44_100)])


@pytest.mark.parametrize("extension", [".mp3", ".ogg", ".m4a", ".opus"])
def test_an_excerpt_of_any_format_keeps_rate_and_channels(tmp_path: Path, extension: str) -> None:
    tone = np.concatenate([synth.sine(3, 440, 44_100), synth.sine(3, 880, 44_100, 0.25)])
    path = synth.write(tmp_path / f"a{extension}", np.stack([tone, 0.5 * tone], axis=1), 44_100)
    excerpt = read_excerpt(path, 3.5, 4.5)
    assert excerpt.rate_hz == (48_000 if extension == ".opus" else 44_100)
    assert excerpt.samples.shape == (excerpt.rate_hz, 2)
    spectrum = np.abs(np.fft.rfft(excerpt.samples[:, 0]))
    assert spectrum.argmax() == 880
    left, right = np.sqrt((excerpt.samples**2).mean(axis=0))
    assert left == pytest.approx(0.25 / np.sqrt(2), rel=0.1)
    assert right == pytest.approx(left / 2, rel=0.1)


def test_an_excerpt_of_no_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("not audio")
    with pytest.raises(NotAudioError):
        read_excerpt(tmp_path / "a.wav", 0, 1)


@pytest.mark.shared
def test_silencing_decisive_seconds_costs_more_than_random_ones(
    shared: Path, trunk: Trunk, explainer: Explainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the 60 clips, three seconds each, against four random positions of the same length."""
    monkeypatch.syspath_prepend(REPO / "benchmarks")
    faithfulness = importlib.import_module("faithfulness")
    sys.modules.pop("common", None)
    top, random = [], []
    clips = sorted((shared / "data/gtzan60").glob("*/*.flac"))
    for number, path in enumerate(clips):
        clip = faithfulness.Clip(trunk, path)
        effects = explainer.time_effects(clip.patches, clip.genre)
        top.append(clip.drop(clip.decisive(faithfulness.per_step(effects, clip.segment, trunk), 3.0)))
        positions = (np.arange(4) + np.random.default_rng(number).uniform(size=4)) / 4
        random.append(np.mean([clip.drop(clip.random(3.0, share)) for share in positions]))
    found = faithfulness.against(np.array(top), np.array(random))
    assert len(clips) == 60
    assert found["mean_drop"] > 1.4 * found["mean_drop_random"]
    assert found["share_above_random"] >= 0.75
    assert found["wilcoxon_p"] < 1e-4
