"""Labelled files to what networks learn from."""

from pathlib import Path

import numpy as np
import pytest

from classifier.audio.decode import DecodeReport, stream_mono
from classifier.datasets.dataset import (
    LabelledFile,
    content_key,
    patches_key,
    patches_of,
    spectral_song,
    with_leaf_labels,
)
from classifier.errors import NotAudioError, SilentError, TooShortError
from classifier.features.frontend import FrontEnd, mel_filters, segment_patches
from classifier.networks.recipes import recipe_of
from tests import synth

RATE_HZ = 8_000
FRONT_END = FrontEnd(rate_hz=RATE_HZ, n_fft=256, hop_length=200, n_mels=24, patch_frames=120, min_rest_s=1.5)
"""Patches of 3 s, so that the tests are quick."""


def arrays_of(path: Path, front_end: FrontEnd = FRONT_END) -> dict[str, np.ndarray]:
    return patches_of(path, front_end, mel_filters(front_end))


def test_patches_are_those_of_each_segment(tmp_path: Path) -> None:
    """By way of the decoder and the front end alone: 67 s are segments of 30, 30 and 7 s."""
    path = synth.write(tmp_path / "a.wav", synth.music_like(67, 3, RATE_HZ), RATE_HZ)
    samples = np.concatenate(list(stream_mono(path, RATE_HZ, DecodeReport())))
    found = arrays_of(path)
    np.testing.assert_allclose(found["durations_s"], [30, 30, 7])
    assert found["segments"].tolist() == [0] * 10 + [1] * 10 + [2] * 2
    assert found["patches"].shape == (22, 120, 24)
    assert found["patches"].dtype == np.float16
    parts = [samples[: 30 * RATE_HZ], samples[30 * RATE_HZ : 60 * RATE_HZ], samples[60 * RATE_HZ :]]
    expected = np.concatenate(
        [segment_patches(p, float(np.sqrt(np.mean(p**2))), mel_filters(FRONT_END), FRONT_END) for p in parts]
    )
    np.testing.assert_allclose(found["patches"], expected, rtol=2e-3, atol=2e-3)


def test_the_study_gets_one_picture_a_segment(tmp_path: Path) -> None:
    path = synth.write(tmp_path / "a.wav", synth.music_like(36, 3))
    front_end = recipe_of("cnn+mfcc").front_end
    found = arrays_of(path, front_end)
    assert found["patches"].shape == (2, 1290, 40)
    assert found["segments"].tolist() == [0, 1]
    np.testing.assert_allclose(found["durations_s"], [30, 6], atol=1e-3)
    assert (found["patches"].min(), found["patches"].max()) == (0, 1)


def test_silent_segments_are_left_out_and_the_others_counted_on(tmp_path: Path) -> None:
    sound = synth.music_like(30, 3, RATE_HZ)
    silence = np.zeros(30 * RATE_HZ, np.float32)
    path = synth.write(tmp_path / "a.wav", np.concatenate([sound, silence, sound[: 12 * RATE_HZ]]), RATE_HZ)
    found = arrays_of(path)
    np.testing.assert_allclose(found["durations_s"], [30, 12])
    assert found["segments"].tolist() == [0] * 10 + [1] * 4
    np.testing.assert_allclose(found["patches"][10], found["patches"][0], atol=0.05)


def test_a_rest_shorter_than_a_patch_is_left_out_without_padding(tmp_path: Path) -> None:
    front_end = FrontEnd(rate_hz=RATE_HZ, n_fft=256, hop_length=200, n_mels=24, patch_frames=400)
    path = synth.write(tmp_path / "a.wav", synth.music_like(36, 3, RATE_HZ), RATE_HZ)
    assert arrays_of(path, front_end)["durations_s"].tolist() == [30]


@pytest.mark.parametrize(
    ("seconds", "silent", "error", "message"),
    [
        (31, True, SilentError, "silent throughout"),
        (2, False, TooShortError, "too short: 2.0 s, at least 3 s are needed"),
        (4, False, TooShortError, "too short: no segment has the 10.0 s of one input"),
    ],
)
def test_files_that_give_nothing(
    tmp_path: Path, seconds: float, silent: bool, error: type[Exception], message: str
) -> None:
    samples = synth.music_like(seconds, 3, RATE_HZ) * np.float32(0 if silent else 1)
    path = synth.write(tmp_path / "a.wav", samples, RATE_HZ)
    front_end = FrontEnd(rate_hz=RATE_HZ, n_fft=256, hop_length=200, n_mels=24, patch_frames=400)
    with pytest.raises(error, match=message):
        arrays_of(path, front_end)


def test_not_audio(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_text("words")
    with pytest.raises(NotAudioError):
        arrays_of(path)


def test_content_is_the_audios_and_not_its_tags(tmp_path: Path) -> None:
    samples = synth.music_like(4, 3)
    plain = synth.write(tmp_path / "a.flac", samples)
    tagged = synth.write(tmp_path / "b.flac", samples, tags={"title": "Another", "artist": "Ann"})
    other = synth.write(tmp_path / "c.flac", synth.music_like(4, 4))
    assert content_key(plain) == content_key(tagged) != content_key(other)
    for number in (1, 2):
        (tmp_path / f"{number}.wav").write_text(f"not audio {number}")
    assert content_key(tmp_path / "1.wav") != content_key(tmp_path / "2.wav")


def test_patches_keys_depend_on_content_and_front_end() -> None:
    keys = [
        patches_key("a", FrontEnd()),
        patches_key("b", FrontEnd()),
        patches_key("a", FrontEnd(n_mels=64)),
        patches_key("a", FrontEnd(scale="db")),
    ]
    assert len(set(keys)) == 4
    assert patches_key("a", FrontEnd()) == keys[0]


def file(label: str) -> LabelledFile:
    return LabelledFile(f"{label}.mp3", label, None, label)


def test_labels_become_leaves() -> None:
    files = [file(label) for label in ("rock/punk", "rock", "jazz", "rock/punk/oi")]
    assert [f.label for f in with_leaf_labels(files)] == [
        "rock/punk/other",
        "rock/other",
        "jazz",
        "rock/punk/oi",
    ]
    assert [f.path for f in with_leaf_labels(files)] == [f.path for f in files]


def test_a_song_is_its_file_and_the_cached_arrays(tmp_path: Path) -> None:
    arrays = {
        "patches": np.zeros((3, 4, 2), np.float16),
        "segments": np.array([0, 0, 1]),
        "durations_s": np.array([30.0, 6.5]),
    }
    song = spectral_song(LabelledFile("a.mp3", "rock", "Ann", "x"), arrays)
    assert (song.name, song.label, song.group) == ("a.mp3", "rock", "Ann")
    assert song.patches is arrays["patches"]
    assert song.segments is arrays["segments"]
    assert list(song.durations_s) == [30.0, 6.5]
    assert song.segment_weights is None
