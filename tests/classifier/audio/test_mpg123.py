"""MP3s by libmpg123 beside libsndfile: the same samples, and more of what is damaged."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from classifier.audio import mpg123
from classifier.audio.decode import DecodeReport, stream_mono
from classifier.audio.mp3_frames import first_packet
from classifier.errors import UnreadableFileError
from tests import synth
from tests.classifier.audio.test_decode import RATE_HZ, Samples, aligned_correlation, decode, failing_reads

SECONDS = 8.0

needs_library = pytest.mark.skipif(
    mpg123.version() == "not installed", reason="libmpg123 is not installed (Debian: mpg123)"
)


def write(path: Path, rate_hz: int = 44_100, channels: int = 2, mode: str = "CONSTANT") -> Path:
    """An MP3 whose channels are different music, as LAME writes it: with a frame that says how long it is."""
    sound = np.stack([synth.music_like(SECONDS, seed, rate_hz) for seed in range(1, channels + 1)], axis=1)
    with soundfile.SoundFile(
        path, "w", rate_hz, channels, "MPEG_LAYER_III", compression_level=0.4, bitrate_mode=mode
    ) as file:
        file.write(sound)
    return path


def offset_of(probe: Samples, samples: Samples) -> int:
    """Where samples are most like a probe."""
    size = len(samples) + len(probe)
    across = np.fft.irfft(np.fft.rfft(samples, size) * np.conj(np.fft.rfft(probe, size)), size)
    return int(across[: len(samples) - len(probe) + 1].argmax())


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("mp3") / "stereo.mp3").read_bytes()


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What makes this machine one without libmpg123, for the rest of a test."""
    return lambda: monkeypatch.setattr(mpg123, "_library", lambda: None)


@needs_library
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", [48_000, 44_100, 22_050, 16_000, 11_025])
def test_samples_are_those_of_libsndfile(
    tmp_path: Path, without_library: Callable[[], None], rate_hz: int, channels: int, mode: str
) -> None:
    path = write(tmp_path / "music.mp3", rate_hz, channels, mode)
    found, report = decode(path)
    without_library()
    wanted, other = decode(path)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    assert np.sqrt(np.mean(wanted**2)) > 0.01
    assert report.warnings == other.warnings == []
    assert report.declared_s == other.declared_s == pytest.approx(SECONDS)


@needs_library
def test_it_is_libmpg123_that_decodes(mp3: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the tests here would compare libsndfile with itself."""
    (tmp_path / "music.mp3").write_bytes(mp3)
    monkeypatch.setattr("classifier.audio.openers.open_ffmpeg", None)
    assert len(decode(tmp_path / "music.mp3")[0]) == SECONDS * RATE_HZ


@needs_library
def test_blocks_are_not_overwritten(tmp_path: Path) -> None:
    """At the rate wanted nothing is resampled, and a block is handed on as it is."""
    path = write(tmp_path / "music.mp3", RATE_HZ)
    kept = list(stream_mono(path, RATE_HZ, DecodeReport()))
    copied = [block.copy() for block in stream_mono(path, RATE_HZ, DecodeReport())]
    assert len(kept) > 3
    for block, copy in zip(kept, copied, strict=True):
        np.testing.assert_array_equal(block, copy)


@needs_library
@pytest.mark.parametrize("damage", [b"\0", b"\xaa", b"\x5a\xff"])
def test_what_follows_damage_is_decoded(mp3: bytes, tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "music.mp3"
    path.write_bytes(mp3)
    whole, _ = decode(path, 44_100)
    middle = len(mp3) // 2
    path.write_bytes(mp3[:middle] + damage * (20_000 // len(damage)) + mp3[middle + 20_000 :])
    found, report = decode(path, 44_100)
    assert 0.5 * SECONDS < len(found) / 44_100 < SECONDS
    assert len(report.warnings) == 1
    probe = whole[6 * 44_100 : 7 * 44_100]
    offset = offset_of(probe, found)
    np.testing.assert_allclose(found[offset : offset + len(probe)], probe, rtol=0, atol=1e-4)


@needs_library
def test_many_frames_of_another_rate_are_resampled(mp3: bytes, tmp_path: Path) -> None:
    other = write(tmp_path / "other.mp3", 48_000).read_bytes()
    start = first_packet(mp3)
    assert start
    path = tmp_path / "joined.mp3"
    for first in (mp3, mp3[start:]):  # whether a length is declared, which the first is enough for, or none
        path.write_bytes(first + other + mp3[start:])
        found, report = decode(path)
        assert len(found) == pytest.approx(3 * SECONDS * RATE_HZ, abs=0.3 * RATE_HZ)
        assert report.warnings == []
        parts = [found[start : start + 4 * RATE_HZ] for start in (2 * RATE_HZ, 10 * RATE_HZ, 18 * RATE_HZ)]
        assert aligned_correlation(parts[0], parts[1]) > 0.9
        assert aligned_correlation(parts[0], parts[2]) > 0.9


@needs_library
def test_a_frame_by_chance_behind_the_audio_is_no_damage(mp3: bytes, tmp_path: Path) -> None:
    other = write(tmp_path / "other.mp3", 48_000).read_bytes()
    path = tmp_path / "music.mp3"
    path.write_bytes(mp3 + other[: len(other) // 20])
    assert decode(path)[1].warnings == []


@pytest.mark.parametrize("library", [pytest.param(True, marks=needs_library), False])
@pytest.mark.parametrize("junk", [b"\0" * 30_000, b"APETAGEX" + bytes(24), b"\xff\xfb\x90" + b"\x11" * 3000])
def test_what_follows_the_audio_is_no_damage(
    mp3: bytes, tmp_path: Path, without_library: Callable[[], None], library: bool, junk: bytes
) -> None:
    if not library:
        without_library()
    path = tmp_path / "music.mp3"
    path.write_bytes(mp3 + junk)
    found, report = decode(path)
    assert len(found) == pytest.approx(SECONDS * RATE_HZ, abs=0.1 * RATE_HZ)
    assert report.warnings == []


@pytest.mark.parametrize("library", [pytest.param(True, marks=needs_library), False])
@pytest.mark.parametrize("kbit_number", [5, 9, 14])
def test_a_length_that_only_ffmpeg_reads_is_no_length(
    mp3: bytes, tmp_path: Path, without_library: Callable[[], None], library: bool, kbit_number: int
) -> None:
    """Fraunhofer's header; by the bit rate of its frame others guess half of the length, or twice."""
    start, frame = first_packet(mp3), bytes((0xFF, 0xFB, kbit_number << 4, 0x44)) + bytes(32) + b"VBRI"
    assert start
    size = 144 * (64, 128, 320)[(5, 9, 14).index(kbit_number)] * 1000 // 44_100
    path = tmp_path / "music.mp3"
    path.write_bytes(frame + bytes(size - len(frame)) + mp3[start:])
    if not library:
        without_library()
    found, report = decode(path)
    assert len(found) == pytest.approx(SECONDS * RATE_HZ, abs=0.2 * RATE_HZ)
    assert report.warnings == []


@pytest.mark.parametrize("library", [pytest.param(True, marks=needs_library), False])
def test_a_file_that_does_not_say_how_long_it_is_is_read_to_its_end(
    tmp_path: Path, without_library: Callable[[], None], library: bool
) -> None:
    """A length guessed from the bit rate of the first frames is several times off where the rate varies."""
    path = write(tmp_path / "music.mp3", mode="VARIABLE")
    quiet = tmp_path / "quiet.mp3"
    soundfile.write(quiet, np.zeros((4 * 44_100, 2), np.float32), 44_100, bitrate_mode="VARIABLE")
    loud, still = path.read_bytes(), quiet.read_bytes()
    path.write_bytes(loud[first_packet(loud) :] + still[first_packet(still) :])
    if not library:
        without_library()
    found, report = decode(path)
    assert len(found) == pytest.approx((SECONDS + 4) * RATE_HZ, abs=0.2 * RATE_HZ)
    assert report.declared_s is None
    assert report.warnings == []


@needs_library
@pytest.mark.parametrize("whole_reads", [0, mpg123.PROBES + 2, mpg123.PROBES + 3])
def test_a_disk_that_fails_ends_the_file(
    mp3: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_reads: int
) -> None:
    """While it is opened that is an error, later it is damage: what was read before is kept."""
    path = tmp_path / "music.mp3"
    path.write_bytes(mp3)
    failing_reads(monkeypatch, mpg123, whole_reads)
    before = len(os.listdir("/proc/self/fd"))
    if whole_reads == 0:
        with pytest.raises(UnreadableFileError, match="input/output error"):
            decode(path)
    else:
        found, report = decode(path)
        assert 0.5 < len(found) / RATE_HZ < SECONDS
        assert "cut short" in report.warnings[0]
        assert report.damaged
    assert len(os.listdir("/proc/self/fd")) == before


@needs_library
def test_nothing_stays_open(mp3: bytes, tmp_path: Path) -> None:
    path = tmp_path / "music.mp3"
    path.write_bytes(mp3)
    before = len(os.listdir("/proc/self/fd"))
    decode(path)
    blocks = stream_mono(path, RATE_HZ, DecodeReport())
    next(blocks)
    assert len(os.listdir("/proc/self/fd")) > before
    blocks.close()  # type: ignore[attr-defined]
    assert len(os.listdir("/proc/self/fd")) == before
