"""From files to tags and embeddings: against the parts computed on their own."""

from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import NotAudioError, SilentError, TooShortError
from classifier.features.segments import AudioSegment
from classifier.model.bundle import SHIPPED
from classifier.model.inference import Trunk
from classifier.model.predictions import SegmentAnalysis, TrackAnalysis, song_mean
from tests import synth
from tests.processes import run_python

RATE_HZ = 16_000


def independent_patches(samples: np.ndarray) -> np.ndarray:
    """Patches of one segment by librosa: scaled to RMS 0.2, every 187 frames, the rest at the end."""
    samples = samples * (0.2 / np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
    power = librosa.feature.melspectrogram(
        y=samples.astype(np.float32), sr=RATE_HZ, n_fft=512, hop_length=256, n_mels=96
    )
    mel = np.log10(10_000 * power + 1).T.astype(np.float32)
    starts = list(range(0, len(mel) - 186, 187))
    if len(mel) - 187 * len(starts) >= 1.5 * RATE_HZ / 256:
        starts.append(len(mel) - 187)
    return np.stack([mel[start : start + 187] for start in starts])


def write_float(path: Path, samples: np.ndarray) -> Path:
    """WAV at the trunk's rate without rounding: nothing between the samples and the trunk."""
    soundfile.write(path, samples, RATE_HZ, subtype="FLOAT")
    return path


def test_file_is_the_mean_of_its_patches(trunk: Trunk, tmp_path: Path) -> None:
    samples = synth.music_like(41.7, 4, RATE_HZ)
    found = trunk.analyse_file(write_float(tmp_path / "song.wav", samples))
    assert [(s.start_s, s.end_s) for s in found.segments] == [(0.0, 30.0), (30.0, 41.7)]
    assert found.duration_s == pytest.approx(41.7)
    assert found.warnings == []
    for segment, part in zip(found.segments, (samples[: 30 * RATE_HZ], samples[30 * RATE_HZ :]), strict=True):
        tags, embeddings = trunk.run(independent_patches(part))
        np.testing.assert_allclose(segment.patches, embeddings.astype(np.float16), rtol=0, atol=2e-3)
        np.testing.assert_allclose(segment.embedding, embeddings.mean(axis=0), rtol=0, atol=1e-4)
        np.testing.assert_allclose(segment.tags, tags.mean(axis=0), rtol=0, atol=1e-5)
        level_dbfs = 10 * np.log10(np.mean(part.astype(np.float64) ** 2))
        assert segment.level_dbfs == pytest.approx(level_dbfs, abs=1e-3)
        assert segment.duration_s == pytest.approx(len(part) / RATE_HZ)
    assert [len(s.patches) for s in found.segments] == [10, 4]


def test_different_music_has_different_embeddings(trunk: Trunk, tmp_path: Path) -> None:
    """That the values above are not a constant."""
    first, second = (
        trunk.analyse_file(write_float(tmp_path / f"{seed}.wav", synth.music_like(4, seed, RATE_HZ)))
        for seed in (1, 2)
    )
    assert np.abs(first.segments[0].embedding - second.segments[0].embedding).max() > 0.1


@pytest.mark.parametrize(("seconds", "n_patches"), [(3.0, 1), (4.0, 1), (4.6, 2), (6.0, 2), (34.9, 12)])
def test_number_of_patches(trunk: Trunk, tmp_path: Path, seconds: float, n_patches: int) -> None:
    samples = synth.music_like(seconds, 1, RATE_HZ)
    (segment,) = trunk.analyse_file(write_float(tmp_path / "song.wav", samples)).segments
    assert segment.patches.shape == (n_patches, 200)
    assert segment.end_s == pytest.approx(seconds)


def test_silent_segments_have_no_features(trunk: Trunk, tmp_path: Path) -> None:
    loud, hush = synth.music_like(30, 1, RATE_HZ), synth.noise(30, 1, RATE_HZ, rms=10 ** (-65 / 20))
    found = trunk.analyse_file(write_float(tmp_path / "song.wav", np.concatenate([hush, loud, hush])))
    assert [s.silent for s in found.segments] == [True, False, True]
    for segment in (found.segments[0], found.segments[2]):
        assert (segment.tags, segment.embedding, segment.patches) == (None, None, None)
        assert segment.level_dbfs == pytest.approx(-65, abs=0.1)
    tags, embeddings, durations_s = found.features()
    np.testing.assert_array_equal(tags, found.segments[1].tags[None])
    np.testing.assert_array_equal(embeddings, found.segments[1].embedding[None])
    assert durations_s == [30.0]


@pytest.mark.parametrize("rms", [0.0, 0.0005])
def test_silence_throughout_is_an_error(trunk: Trunk, tmp_path: Path, rms: float) -> None:
    path = write_float(tmp_path / "hush.wav", synth.noise(40, 1, RATE_HZ, rms))
    with pytest.raises(SilentError, match="silent"):
        trunk.analyse_file(path)


def test_short_file_is_an_error(trunk: Trunk, tmp_path: Path) -> None:
    path = write_float(tmp_path / "jingle.wav", synth.music_like(2.9, 1, RATE_HZ))
    with pytest.raises(TooShortError, match=r"2\.9 s"):
        trunk.analyse_file(path)


def test_no_audio_is_an_error(trunk: Trunk, tmp_path: Path) -> None:
    (tmp_path / "letter.mp3").write_text("Dear listener,\n" * 99)
    with pytest.raises(NotAudioError):
        trunk.analyse_file(tmp_path / "letter.mp3")


def test_warnings_of_the_decoder_arrive(trunk: Trunk, tmp_path: Path) -> None:
    path = synth.write_wav(tmp_path / "whole.wav", synth.music_like(12, 1))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    found = trunk.analyse_file(path)
    assert found.duration_s == pytest.approx(6, abs=0.01)
    assert [warning.split(":")[0] for warning in found.warnings] == ["cut short"]


def test_lossless_formats_agree_and_lossy_ones_nearly(trunk: Trunk, tmp_path: Path) -> None:
    music = np.round(synth.music_like(9, 4) * 32_767).astype(np.int16)
    wav, flac, mp3 = (
        trunk.analyse_file(synth.write(tmp_path / f"song{ext}", music)).segments[0].embedding
        for ext in (".wav", ".flac", ".mp3")
    )
    np.testing.assert_array_equal(wav, flac)
    assert wav @ mp3 / np.linalg.norm(wav) / np.linalg.norm(mp3) > 0.95


def test_stage_times_are_all_there(trunk: Trunk, tmp_path: Path) -> None:
    found = trunk.analyse_file(write_float(tmp_path / "song.wav", synth.music_like(4, 1, RATE_HZ)))
    assert set(found.stage_s) == {"decode", "mel", "network"}
    assert all(seconds > 0 for seconds in found.stage_s.values())


def test_batches_do_not_matter(trunk: Trunk) -> None:
    samples = synth.music_like(30, 6, RATE_HZ)
    patches = trunk.patches(AudioSegment(0.0, 30.0, samples))
    together = trunk.run(patches)
    for k, patch in enumerate(patches):
        for whole, alone in zip(together, trunk.run(patch[None]), strict=True):
            np.testing.assert_allclose(whole[k], alone[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("n", [0, 1, 5, 6, 13])
def test_few_patches_are_read_at_a_time_and_all_come_back_in_order(
    trunk: Trunk, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    sizes: list[int] = []
    plain = trunk._run
    monkeypatch.setattr(trunk, "_run", lambda patches: (sizes.append(len(patches)), plain(patches))[1])
    patches = np.random.default_rng(2).uniform(0, 4, (n, 187, 96)).astype(np.float32)
    tags, embeddings = trunk.run(patches)
    assert (tags.shape, embeddings.shape) == ((n, 50), (n, 200))
    assert sum(sizes) == n and max(sizes) <= 5
    for k in range(n):
        alone = plain(patches[k : k + 1])
        np.testing.assert_allclose(tags[k], alone[0][0], rtol=0, atol=1e-6)
        np.testing.assert_allclose(embeddings[k], alone[1][0], rtol=0, atol=1e-5)


@given(
    st.lists(
        st.tuples(st.floats(0.1, 40), st.floats(-5, 5), st.floats(-5, 5)),
        min_size=1,
        max_size=8,
    )
)
def test_song_mean_is_weighted_by_duration(rows: list[tuple[float, float, float]]) -> None:
    durations_s = [row[0] for row in rows]
    values = np.array([row[1:] for row in rows], np.float32)
    found = song_mean(values, durations_s)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.average(values, axis=0, weights=durations_s), rtol=0, atol=1e-5)


def test_song_mean_by_hand() -> None:
    values = np.array([[1.0, 0.0], [4.0, 3.0]], np.float32)
    np.testing.assert_allclose(song_mean(values, [30.0, 15.0]), [2.0, 1.0])


def test_features_keep_the_order_of_the_segments() -> None:
    def segment(start_s: float, value: float | None) -> SegmentAnalysis:
        if value is None:
            return SegmentAnalysis(start_s, start_s + 30, -70.0, None, None, None)
        vector = np.full(200, value, np.float32)
        return SegmentAnalysis(start_s, start_s + 30, -10.0, vector[:50], vector, vector[None])

    track = TrackAnalysis(105.0, [segment(0, 1.0), segment(30, None), segment(60, 3.0)], [])
    tags, embeddings, durations_s = track.features()
    assert tags[:, 0].tolist() == [1.0, 3.0]
    assert embeddings[:, 0].tolist() == [1.0, 3.0]
    assert durations_s == [30, 30]


SERVE = """
import sys
from pathlib import Path
from classifier.model import bundle, inference
from classifier.audio.audio_hash import audio_hash
trunk = inference.Trunk(bundle.load(Path(sys.argv[1])), threads=1)
for path in map(Path, sys.argv[2:]):
    trunk.analyse_file(path)
    audio_hash(path)
print(sorted({name.split(".")[0] for name in sys.modules}))
"""


def test_serving_imports_no_heavy_library(tmp_path: Path) -> None:
    """By both decoders, with resampling and hashing."""
    music = synth.music_like(4, 1)
    paths = [synth.write(tmp_path / f"song{ext}", music) for ext in (".mp3", ".m4a")]
    done = run_python(SERVE, SHIPPED, *paths)
    assert done.returncode == 0, done.stderr
    assert "'onnxruntime'" in done.stdout
    for heavy in ("tensorflow", "keras", "librosa", "scipy", "numba", "sklearn", "sqlalchemy", "faiss"):
        assert f"'{heavy}'" not in done.stdout


def test_silent_patches_inside_a_segment_do_not_count(trunk: Trunk, tmp_path: Path) -> None:
    patch_n = 187 * 256
    samples = synth.music_like(10 * patch_n / RATE_HZ, 4, RATE_HZ)
    samples[3 * patch_n : 7 * patch_n] = 0
    found = trunk.analyse_file(write_float(tmp_path / "gap.wav", samples)).segments[0]
    loud = np.concatenate([samples[: 3 * patch_n], samples[7 * patch_n :]])
    wanted = samples * np.float32(0.2 / np.sqrt(np.mean(loud**2)))
    mel = np.log10(
        10_000 * librosa.feature.melspectrogram(y=wanted, sr=RATE_HZ, n_fft=512, hop_length=256, n_mels=96)
        + 1
    ).T.astype(np.float32)
    heard = [0, 1, 2, 7, 8, 9]
    tags, embeddings = trunk.run(np.stack([mel[187 * n : 187 * (n + 1)] for n in heard]))
    assert found.embedding is not None
    assert found.patches is not None
    np.testing.assert_allclose(found.embedding, embeddings.mean(axis=0), rtol=0, atol=1e-4)
    np.testing.assert_allclose(found.tags, tags.mean(axis=0), rtol=0, atol=1e-5)
    assert np.flatnonzero(found.patches.any(axis=1)).tolist() == heard


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_constant_is_silent_throughout(trunk: Trunk, tmp_path: Path, subtype: str) -> None:
    soundfile.write(tmp_path / "flat.wav", np.full((8 * 44_100, 2), 0.9), 44_100, subtype=subtype)
    with pytest.raises(SilentError):
        trunk.analyse_file(tmp_path / "flat.wav")


@pytest.mark.shared
def test_cases_of_the_signal(trunk: Trunk, shared: Path) -> None:
    """A constant of 0.1 changes nothing, and of opposite channels one is heard."""
    cases = shared / "data/cases"
    plain, offset = (
        song_mean(*trunk.analyse_file(cases / name).features()[1:])
        for name in ("quiet.flac", "quiet_dc_0.1.flac")
    )
    assert plain @ offset / np.linalg.norm(plain) / np.linalg.norm(offset) > 0.99
    found = trunk.analyse_file(cases / "antiphase.flac")
    assert found.warnings == ["its channels cancel each other; the stronger one was taken"]
    assert found.segments[0].level_dbfs == pytest.approx(-16, abs=2)
