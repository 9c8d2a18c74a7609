"""What a file may claim, and be: within each limit it is read, just beyond it is refused, in plain words."""

import errno
import os
import resource
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from classifier import params
from classifier.audio.decode import DecodeReport, stream_mono
from classifier.audio.excerpt import MOST_SAMPLES, open_frames, read_excerpt
from classifier.audio.ffmpeg import check_memory, longest_frame, open_ffmpeg
from classifier.audio.limits import block_frames, check_form, within_length
from classifier.audio.transcode import Recoding, recode
from classifier.errors import LimitError, TooShortError, UnreadableFileError
from classifier.features.waveform import overview
from classifier.model.inference import Trunk

RATE_HZ = 16_000
LOWEST, HIGHEST = params.LOWEST_RATE_HZ, params.HIGHEST_RATE_HZ
TOO_LOW = "it claims a sampling rate under 1,000 Hz, the lowest that is read"
TOO_HIGH = "it claims a sampling rate over 3,072,000 Hz, the highest that is read"


def write_wav(path: Path, rate_hz: int, channels: int = 1, frames: int = 24_000) -> Path:
    """Write noise of 16 bits a sample behind a header that claims what it is told to."""
    content = np.random.default_rng(1).integers(-9000, 9000, frames * channels).astype("<i2").tobytes()
    form = struct.pack(
        "<HHIIHH", 1, channels, rate_hz, min(2**32 - 1, rate_hz * 2 * channels), 2 * channels, 16
    )
    head = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(content))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(head) + len(content)) + head + content)
    return path


def write_aiff(path: Path, rate_hz: int, channels: int = 1, frames: int = 24_000) -> Path:
    content = np.random.default_rng(1).integers(-9000, 9000, frames * channels).astype(">i2").tobytes()
    bits = rate_hz.bit_length()
    rate = struct.pack(">HQ", 16383 + bits - 1 if bits else 0, rate_hz << (64 - bits) if bits else 0)
    form = struct.pack(">hIh", channels, frames, 16) + rate
    head = b"AIFFCOMM" + struct.pack(">I", 18) + form + b"SSND" + struct.pack(">III", len(content) + 8, 0, 0)
    path.write_bytes(b"FORM" + struct.pack(">I", len(head) + len(content)) + head + content)
    return path


def decoded(path: Path) -> int:
    return sum(map(len, stream_mono(path, RATE_HZ, DecodeReport())))


def through_ffmpeg(path: Path) -> int:
    rate_hz, blocks = open_ffmpeg(path, DecodeReport())
    return sum(map(len, within_length(blocks, rate_hz)))


def frames_of(path: Path) -> int:
    return sum(map(len, open_frames(path)[2]))


def drawn(path: Path, trunk: Trunk) -> int:
    return len(overview(path, trunk.bundle.mel_filters, trunk.bundle.front_end).peaks)


def recoded(path: Path, _trunk: Trunk) -> float:
    return recode(path, path.with_suffix(".flac"), Recoding(other_rate_hz=(22_050,)))


READERS: dict[str, Callable[[Path, Trunk], float]] = {
    "stream": lambda path, _trunk: decoded(path),
    "ffmpeg": lambda path, _trunk: through_ffmpeg(path),
    "frames": lambda path, _trunk: frames_of(path),
    "overview": drawn,
    "recode": recoded,
    "analysis": lambda path, trunk: trunk.analyse_file(path).duration_s,
}
"""Every way in which a file's samples are read."""


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Allow this process no more than 500 MB beside what it has."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 500 * 2**20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("rate_hz", "channels", "reason"),
    [
        (1, 1, TOO_LOW),
        (LOWEST - 1, 1, TOO_LOW),
        (HIGHEST + 1, 1, TOO_HIGH),
        (10**9, 1, TOO_HIGH),
        (44_100, params.MOST_CHANNELS + 1, "it claims 65 channels; at most 64 are read"),
        (44_100, 255, "it claims 255 channels; at most 64 are read"),
    ],
)
@pytest.mark.usefixtures("little_memory")
def test_what_claims_too_much_is_refused_before_anything_is_made_of_it(
    tmp_path: Path, trunk: Trunk, reader: str, rate_hz: int, channels: int, reason: str
) -> None:
    path = write_wav(tmp_path / "song.wav", rate_hz, channels)
    started = time.process_time()
    with pytest.raises(LimitError) as raised:
        READERS[reader](path, trunk)
    assert str(raised.value) == reason
    assert time.process_time() - started < 5.0


@pytest.mark.parametrize("rate_hz", [0, 1, LOWEST - 1, HIGHEST + 1])
def test_aiff_files_are_held_to_the_same(tmp_path: Path, rate_hz: int) -> None:
    path = write_aiff(tmp_path / "song.aiff", rate_hz)
    for read in (decoded, frames_of):
        with pytest.raises(LimitError, match=TOO_HIGH if rate_hz > HIGHEST else TOO_LOW):
            read(path)


@pytest.mark.parametrize(
    ("rate_hz", "channels", "seconds"),
    [(LOWEST, 1, 24.0), (HIGHEST, 1, 0.25), (44_100, params.MOST_CHANNELS, 1.0), (HIGHEST, 64, 0.05)],
)
@pytest.mark.usefixtures("little_memory")
def test_what_claims_just_so_much_is_read(
    tmp_path: Path, rate_hz: int, channels: int, seconds: float
) -> None:
    frames = round(rate_hz * seconds)
    path = write_wav(tmp_path / "song.wav", rate_hz, channels, frames)
    assert abs(decoded(path) - seconds * RATE_HZ) <= 2
    assert through_ffmpeg(path) == frames
    assert frames_of(path) == frames


def test_blocks_are_a_second_long_and_never_large() -> None:
    assert block_frames(44_100, 2) == 44_100
    assert block_frames(192_000, 8) == 192_000
    assert block_frames(HIGHEST, 64) * 64 == params.MOST_BLOCK_SAMPLES
    assert block_frames(1, 1) == 1
    check_form(LOWEST, params.MOST_CHANNELS)
    check_form(HIGHEST, 1)


def test_frames_that_would_become_too_long_are_left_out() -> None:
    """As they would where the stream claims a high rate, and its frames a low one."""
    av = pytest.importorskip("av")
    frame = av.AudioFrame(format="flt", layout="stereo", samples=4096)
    frame.sample_rate = LOWEST
    assert longest_frame(frame, 48_000) > 4096
    assert longest_frame(frame, HIGHEST) == 2**26 * LOWEST // (2 * HIGHEST)
    for rate_hz in (LOWEST - 1, HIGHEST + 1):
        frame.sample_rate = rate_hz
        with pytest.raises(ValueError, match="it claims"):
            longest_frame(frame, 48_000)


def test_no_memory_is_no_damage() -> None:
    check_memory(ValueError("a frame that is too long"))
    with pytest.raises(MemoryError):
        check_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))


def test_what_is_longer_than_any_file_may_be_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(params, "LONGEST_AUDIO_S", 3.0)
    within = write_wav(tmp_path / "within.wav", 8000, 1, 24_000)
    beyond = write_wav(tmp_path / "beyond.wav", 8000, 1, 24_001)
    for read in (decoded, frames_of):
        assert read(within) > 0
        with pytest.raises(LimitError, match=r"it is longer than 0\.000833333 hours, the most that is read"):
            read(beyond)


def test_a_claim_of_a_length_is_not_believed(tmp_path: Path) -> None:
    """A hundred hours by its header; three seconds are there."""
    path = write_wav(tmp_path / "song.wav", 8000, 1, 24_000)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = struct.pack("<I", 0x7000_0000)
    path.write_bytes(content)
    report = DecodeReport()
    assert sum(map(len, stream_mono(path, RATE_HZ, report))) == 3 * RATE_HZ
    assert "cut short" in report.warnings[0]


def test_a_clip_that_would_not_fit_is_refused(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "song.wav", HIGHEST, 64, 1000)
    seconds = MOST_SAMPLES / 64 / HIGHEST
    assert len(read_excerpt(path, 0.0, seconds).samples) == 1000
    with pytest.raises(LimitError, match="the clip is too large: 2,097,153 samples of 64 channels"):
        read_excerpt(path, 0.0, seconds + 1 / HIGHEST)


def test_pipes_and_devices_are_refused_at_once(tmp_path: Path, trunk: Trunk) -> None:
    os.mkfifo(tmp_path / "song.wav")
    for path in (tmp_path / "song.wav", Path("/dev/zero")):
        for reader in set(READERS) - {"ffmpeg"}:
            with pytest.raises(UnreadableFileError, match="it is no file, but a pipe or a device"):
                READERS[reader](path, trunk)
    with pytest.raises(UnreadableFileError, match="is a directory"):
        decoded(tmp_path)


def test_a_rate_that_is_just_read_is_too_short_for_analysis_rather_than_long(
    tmp_path: Path, trunk: Trunk
) -> None:
    with pytest.raises(TooShortError):
        trunk.analyse_file(write_wav(tmp_path / "song.wav", HIGHEST, 2, 100_000))
