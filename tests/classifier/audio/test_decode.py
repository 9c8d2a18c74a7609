"""Decoding: every format by value, its errors and warnings, and its memory."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from classifier.audio import ffmpeg
from classifier.audio.decode import DecodeReport, is_audio_path, stream_mono, whole_mono
from classifier.audio.excerpt import read_excerpt
from classifier.audio.tag_free_file import UntaggedFile
from classifier.errors import EmptyFileError, NotAudioError, UnreadableFileError
from tests import synth
from tests.processes import run_python

RATE_HZ = 16_000
SECONDS = 12.0

Samples = npt.NDArray[np.float32]


def decode(path: Path, rate_hz: int = RATE_HZ) -> tuple[Samples, DecodeReport]:
    report = DecodeReport()
    blocks = [np.zeros(0, np.float32), *stream_mono(path, rate_hz, report)]
    return np.concatenate(blocks), report


def one_shot(samples: Samples, rate_hz: int) -> Samples:
    return soxr.resample(samples, rate_hz, RATE_HZ, quality="HQ")


def aligned_correlation(found: Samples, wanted: Samples) -> float:
    """Correlation at the best alignment: encoders and decoders add or take some milliseconds."""
    size = 1 << (len(found) + len(wanted)).bit_length()
    across = np.fft.irfft(np.fft.rfft(found, size) * np.conj(np.fft.rfft(wanted, size)), size)
    lag = int(across.argmax())
    lag = lag - size if lag > size // 2 else lag
    found, wanted = found[max(0, lag) :], wanted[max(0, -lag) :]
    n = min(len(found), len(wanted))
    return float(np.corrcoef(found[:n], wanted[:n])[0, 1])


@pytest.fixture(scope="module")
def music() -> Samples:
    return synth.music_like(SECONDS, 1)


@pytest.fixture(scope="module")
def files(music: Samples, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same music in every format."""
    folder = tmp_path_factory.mktemp("formats")
    return {ext: synth.write(folder / f"music{ext}", music) for ext in synth.EXTENSIONS}


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("ext", synth.EXTENSIONS)
def test_every_format(files: dict[str, Path], music: Samples, tmp_path: Path, ext: str, upper: bool) -> None:
    path = files[ext]
    if upper:
        path = Path(shutil.copy(path, tmp_path / f"MUSIC{ext.upper()}"))
    found, report = decode(path)
    assert found.dtype == np.float32
    assert is_audio_path(path.name)
    wanted = one_shot(music, synth.RATE_HZ)
    if ext in synth.LOSSLESS:
        assert len(found) == len(wanted)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)  # 16 bits
    else:
        assert abs(len(found) - len(wanted)) < 0.1 * RATE_HZ
        assert aligned_correlation(found, wanted) > 0.95
    assert report.warnings == []
    assert report.decoded_s == pytest.approx(SECONDS, abs=0.1)
    if ext != ".aac":  # raw AAC declares no length
        assert report.declared_s == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("name", ["a.txt", "cover.jpg", "mp3", "list.m3u8", "a.mp3.part", ".flac.bak", ""])
def test_other_files_are_not_audio_by_name(name: str) -> None:
    assert not is_audio_path(name)


@pytest.mark.parametrize("ext", [".wav", ".flac", ".wv"])
def test_stereo_is_averaged(tmp_path: Path, ext: str) -> None:
    left, right = synth.music_like(4, 1, RATE_HZ), synth.music_like(4, 2, RATE_HZ)
    path = synth.write(tmp_path / f"stereo{ext}", np.stack([left, right], axis=1), RATE_HZ)
    np.testing.assert_allclose(decode(path)[0], (left + right) / 2, rtol=0, atol=1e-4)


@pytest.mark.parametrize("ext", [".wav", ".m4a", ".mp3", ".ogg", ".opus", ".wma"])
def test_opposite_channels_do_not_cancel(tmp_path: Path, ext: str) -> None:
    left = synth.music_like(6, 4)
    path = synth.write(tmp_path / f"stereo{ext}", np.stack([left, -0.9 * left], axis=1))
    found, report = decode(path)
    assert aligned_correlation(found, one_shot(left, synth.RATE_HZ)) > 0.95
    assert report.warnings == ["its channels cancel each other; the stronger one was taken"]


@pytest.mark.parametrize("ext", [".wav", ".wv", ".flac"])
@pytest.mark.parametrize("offset", [0.02, 0.4])
def test_opposite_channels_with_an_offset_do_not_cancel_either(
    tmp_path: Path, ext: str, offset: float
) -> None:
    left = 0.4 * synth.music_like(6, 4)
    path = synth.write(tmp_path / f"stereo{ext}", np.stack([left, -0.9 * left], axis=1) + np.float32(offset))
    found, report = decode(path)
    assert aligned_correlation(found, one_shot(left, synth.RATE_HZ)) > 0.95
    assert report.warnings == ["its channels cancel each other; the stronger one was taken"]


@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_channels_with_an_offset_and_silence_before_are_averaged(tmp_path: Path, offset: float) -> None:
    sound = np.stack([0.5 * synth.music_like(6, seed) for seed in (4, 5)], axis=1)
    sound[: 2 * synth.RATE_HZ] = 0
    path = synth.write(tmp_path / "stereo.wav", sound + np.float32(offset))
    found, report = decode(path)
    assert report.warnings == []
    assert aligned_correlation(found - offset, one_shot(sound.mean(axis=1), synth.RATE_HZ)) > 0.99


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000, 96_000])
def test_streamed_resampling_is_soxrs_one_shot(tmp_path: Path, rate_hz: int) -> None:
    """Over five blocks, so that block borders would show."""
    samples = synth.noise(25, 3, rate_hz, 0.2)
    soundfile.write(tmp_path / "noise.wav", samples, rate_hz, subtype="FLOAT")
    found, _ = decode(tmp_path / "noise.wav")
    wanted = one_shot(samples, rate_hz)
    assert len(found) == len(wanted)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def test_samples_at_the_rate_wanted_are_left_alone(tmp_path: Path) -> None:
    samples = synth.noise(21, 3, RATE_HZ, 0.2)
    soundfile.write(tmp_path / "noise.wav", samples, RATE_HZ, subtype="FLOAT")
    np.testing.assert_array_equal(decode(tmp_path / "noise.wav")[0], samples)


@pytest.mark.parametrize("ext", [".flac", ".mp3", ".m4a", ".opus"])
def test_blocks_are_bounded(tmp_path: Path, ext: str) -> None:
    path = synth.write(tmp_path / f"long{ext}", np.tile(synth.music_like(15, 1, 11_025), 3), 11_025)
    lengths = [len(block) for block in stream_mono(path, RATE_HZ, DecodeReport())]
    assert max(lengths) <= 6 * RATE_HZ
    assert sum(lengths) == pytest.approx(45 * RATE_HZ, abs=0.2 * RATE_HZ)


@pytest.mark.parametrize("n_channels", [6, 8])
def test_many_channels(tmp_path: Path, n_channels: int) -> None:
    sound = np.stack([synth.noise(4, seed, RATE_HZ) for seed in range(n_channels)], axis=1)
    soundfile.write(tmp_path / "many.wav", sound, RATE_HZ, subtype="FLOAT")
    np.testing.assert_allclose(decode(tmp_path / "many.wav")[0], sound.mean(axis=1), rtol=0, atol=1e-6)


# Errors


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no such file"):
        decode(tmp_path / "nothing.mp3")


def test_directory(tmp_path: Path) -> None:
    (tmp_path / "folder.mp3").mkdir()
    with pytest.raises(UnreadableFileError, match="is a directory"):
        decode(tmp_path / "folder.mp3")


@pytest.mark.parametrize("ext", [".mp3", ".m4a"])
def test_empty_file(tmp_path: Path, ext: str) -> None:
    (tmp_path / f"empty{ext}").touch()
    with pytest.raises(EmptyFileError, match="empty"):
        decode(tmp_path / f"empty{ext}")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up root's right to read anything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_unreadable_file(music: Samples) -> None:
    # pytest's own folders are closed to others: the file itself must be what cannot be read.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        path = synth.write_wav(folder / "closed.wav", music)
        path.chmod(0o644)
        with as_nobody():
            assert len(decode(path)[0]) == SECONDS * RATE_HZ
        path.chmod(0)
        with as_nobody(), pytest.raises(UnreadableFileError, match="permission denied"):
            decode(path)


@pytest.mark.parametrize("ext", [*synth.EXTENSIONS, ".ape", ".mp4"])
@pytest.mark.parametrize("content", ["text", "random", "zeros"])
def test_not_audio(tmp_path: Path, ext: str, content: str) -> None:
    data = {
        "text": b"Not a song but a letter about one.\n" * 300,
        "random": np.random.default_rng(5).bytes(50_000),
        "zeros": bytes(50_000),
    }[content]
    path = tmp_path / f"letter{ext}"
    path.write_bytes(data)
    with pytest.raises(NotAudioError, match="not audio"):
        decode(path)


def test_picture_is_not_audio(tmp_path: Path) -> None:
    """A container that FFmpeg reads but that has no audio stream."""
    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 64
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(NotAudioError):
        decode(tmp_path / "film.mp4")


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:12\n#EXT-X-VERSION:3\n#EXTINF:12.0,\n{}\n#EXT-X-ENDLIST\n",
    "m3u": "#EXTM3U\n{}\n",
    "ffconcat": "ffconcat version 1.0\nfile '{}'\n",
    "pls": "[playlist]\nFile1={}\n",
}


@pytest.mark.parametrize("ext", [".mp3", ".m4a", ".aac", ".wav"])
@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("absolute", [False, True])
def test_playlist_dressed_up_as_audio_opens_no_other_file(
    tmp_path: Path, music: Samples, kind: str, ext: str, absolute: bool
) -> None:
    other = synth.write_flac(tmp_path / "secret.flac", music)
    path = tmp_path / f"song{ext}"
    path.write_text(PLAYLISTS[kind].format(other if absolute else other.name))
    if kind == "ffconcat" and not absolute:  # FFmpeg itself would be deceived
        with av.open(str(path)) as container:
            assert container.streams.audio[0].rate == synth.RATE_HZ
    with pytest.raises(NotAudioError):
        decode(path)


@pytest.mark.parametrize(
    ("content", "ext"),
    [(".flac", ".mp3"), (".m4a", ".mp3"), (".wav", ".m4a"), (".flac", ".opus"), (".wma", ".wav")],
)
def test_misnamed_audio_is_decoded(
    files: dict[str, Path], music: Samples, tmp_path: Path, content: str, ext: str
) -> None:
    path = Path(shutil.copy(files[content], tmp_path / f"misnamed{ext}"))
    found, report = decode(path)
    assert aligned_correlation(found, one_shot(music, synth.RATE_HZ)) > 0.95
    assert report.warnings == []


# Damage


def cut_in_half(path: Path, folder: Path) -> Path:
    data = path.read_bytes()
    half = folder / f"half{path.suffix}"
    half.write_bytes(data[: len(data) // 2])
    return half


@pytest.fixture(scope="module")
def long_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """40 s: long enough that half of them is more than a block."""
    folder = tmp_path_factory.mktemp("long")
    music = np.tile(synth.music_like(10, 2, 11_025), 4)
    formats = (".mp3", ".flac", ".wav", ".aiff", ".wv", ".ogg", ".opus", ".m4a", ".aac", ".wma")
    return {ext: synth.write(folder / f"long{ext}", music, 11_025) for ext in formats}


@pytest.mark.parametrize("ext", [".mp3", ".flac", ".wav", ".aiff", ".wv"])
def test_half_a_file_is_decoded_with_a_warning(long_files: dict[str, Path], tmp_path: Path, ext: str) -> None:
    whole, _ = decode(long_files[ext])
    path = cut_in_half(long_files[ext], tmp_path)
    half, report = decode(path)
    assert 9 * RATE_HZ < len(half) < 21 * RATE_HZ
    # The resampler's last samples know of no sequel.
    np.testing.assert_allclose(half[:-5000], whole[: len(half) - 5000], rtol=0, atol=1e-4)
    assert [warning.split(":")[0] for warning in report.warnings] == ["cut short"]
    assert f"{report.decoded_s:.1f} s of the 40.0 s declared" in report.warnings[0]
    assert report.decoded_s == pytest.approx(len(half) / RATE_HZ, abs=0.01)
    excerpt = read_excerpt(path, 0, 40)
    assert len(excerpt.samples) / excerpt.rate_hz == pytest.approx(report.decoded_s, abs=0.1)


@pytest.mark.parametrize("ext", [".ogg", ".opus", ".aac", ".wma"])
def test_half_a_stream_without_a_declared_length_is_decoded(
    long_files: dict[str, Path], tmp_path: Path, ext: str
) -> None:
    half, _ = decode(cut_in_half(long_files[ext], tmp_path))
    assert 15 * RATE_HZ < len(half) < 25 * RATE_HZ


def test_half_an_m4a_has_lost_its_index(long_files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(NotAudioError, match="too damaged"):
        decode(cut_in_half(long_files[".m4a"], tmp_path))


@pytest.mark.parametrize("ext", [".mp3", ".flac", ".wv"])
def test_audio_right_before_damage_is_kept(files: dict[str, Path], tmp_path: Path, ext: str) -> None:
    """Damage after 6 s of 12 costs what comes after it, not the block of five seconds it falls in."""
    half, report = decode(cut_in_half(files[ext], tmp_path))
    assert report.warnings
    assert len(half) > 3 * RATE_HZ


@pytest.mark.parametrize("ext", synth.EXTENSIONS)
def test_damaged_middle_raises_nothing_and_says_nothing_on_the_terminal(
    files: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str], ext: str
) -> None:
    data = bytearray(files[ext].read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    path = tmp_path / f"damaged{ext}"
    path.write_bytes(data)
    found, _ = decode(path)
    assert np.isfinite(found).all()
    assert len(found) <= (SECONDS + 0.1) * RATE_HZ
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, -50.0])
def test_samples_that_are_not_numbers(tmp_path: Path, bad: float) -> None:
    samples = synth.music_like(5, 1, RATE_HZ)
    wanted = samples.copy()
    samples[1000:1010], wanted[1000:1010] = bad, np.nan_to_num(np.sign(bad))
    soundfile.write(tmp_path / "bad.wav", samples, RATE_HZ, subtype="FLOAT")
    found, report = decode(tmp_path / "bad.wav")
    np.testing.assert_array_equal(found, wanted)
    assert len(report.warnings) == 1
    assert "not numbers" in report.warnings[0]


def test_wav_whose_header_holds_no_size_is_not_called_cut_short(tmp_path: Path, music: Samples) -> None:
    """What a program that writes to a pipe leaves."""
    path = synth.write_wav(tmp_path / "piped.wav", music)
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    assert data[36:40] == b"data"
    path.write_bytes(data)
    found, report = decode(path)
    assert len(found) == SECONDS * RATE_HZ
    assert report.warnings == []


# Each in a process of its own: a crash must not take the other tests along.
DECODE = """
import sys
from pathlib import Path
import numpy as np
from classifier.audio.decode import DecodeReport, stream_mono
from classifier.errors import AudioError
try:
    samples = np.concatenate([np.zeros(0), *stream_mono(Path(sys.argv[1]), 16000, DecodeReport())])
    print(len(samples), float(np.sqrt(np.mean(samples**2))))
except AudioError as error:
    print(error.kind)
"""


def test_eight_channels_of_wavpack_do_not_crash(tmp_path: Path) -> None:
    """7.1 sound, which FFmpeg decodes as eight planes."""
    path = tmp_path / "surround.wv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("wavpack", rate=RATE_HZ, layout="7.1")
        stream.format = "fltp"
        sound = synth.noise(4, 0, RATE_HZ)
        frame = av.AudioFrame.from_ndarray(np.repeat(sound, 8)[None], format="flt", layout="7.1")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        resampler = av.AudioResampler(format="fltp", layout="7.1", rate=RATE_HZ, frame_size=4000)
        for even in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(even))
        container.mux(stream.encode(None))
    done = run_python(DECODE, path)
    assert done.returncode == 0, done.stderr
    length, rms = done.stdout.split()
    assert int(length) == 4 * RATE_HZ
    assert float(rms) == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize("ext", [".aac", ".mp3"])
def test_random_bytes_that_look_like_46_channels_do_not_crash(tmp_path: Path, ext: str) -> None:
    path = tmp_path / f"random{ext}"
    path.write_bytes(np.random.default_rng(11).bytes(1_000_000))
    done = run_python(DECODE, path)
    assert done.returncode == 0, done.stderr


def test_aac_that_changes_its_rate_keeps_its_pitch(tmp_path: Path) -> None:
    """Two recordings of a 400 Hz tone joined into one file, as `cat` does."""
    rates_hz = (44_100, 22_050)
    parts = [synth.encode(tmp_path / f"{r}.aac", synth.sine(10, 400, r), r) for r in rates_hz]
    path = tmp_path / "joined.aac"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    found, _ = decode(path)
    for part in (found[: 4 * RATE_HZ], found[-4 * RATE_HZ :]):
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert spectrum.argmax() / 4 == pytest.approx(400, abs=1)


PEAK_MEMORY = """
import resource, sys
from pathlib import Path
from classifier.audio.decode import DecodeReport, stream_mono
from classifier.features.segments import iter_segments
n = 0
for path in sys.argv[1:]:
    for segment in iter_segments(stream_mono(Path(path), 16000, DecodeReport()), 16000):
        n += len(segment.samples)
    print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize("ext", [".flac", ".wv"])
def test_memory_does_not_grow_with_the_length(tmp_path: Path, ext: str) -> None:
    """One file by libsndfile's way and one by FFmpeg's; whole, 40 minutes would take 150 MB."""
    minute = np.tile(synth.music_like(15, 1, 8000), 4)
    short = synth.write(tmp_path / f"short{ext}", np.tile(minute, 5), 8000)
    long = synth.write(tmp_path / f"long{ext}", np.tile(minute, 40), 8000)
    done = run_python(PEAK_MEMORY, short, long)
    assert done.returncode == 0, done.stderr
    (short_n, short_kb), (both_n, both_kb) = (map(int, line.split()) for line in done.stdout.splitlines())
    assert short_n == 5 * 60 * RATE_HZ
    assert both_n == 45 * 60 * RATE_HZ
    assert both_kb - short_kb < 20_000


def failing_reads(monkeypatch: pytest.MonkeyPatch, decoder: ModuleType, whole_reads: int) -> None:
    """Let the disk fail after so many reads of what a decoder is given."""
    reads = iter(range(10_000))

    class Failing(UntaggedFile):
        def read(self, size: int = -1) -> bytes:
            if next(reads) >= whole_reads:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    monkeypatch.setattr(decoder, "UntaggedFile", Failing)


def test_where_the_disk_fails_what_was_decoded_is_not_taken_for_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = synth.write(tmp_path / "music.m4a", synth.music_like(20, 1))
    whole = np.concatenate(list(whole_mono(path, RATE_HZ, DecodeReport())))
    reads = 0

    class Counting(UntaggedFile):
        def read(self, size: int = -1) -> bytes:
            nonlocal reads
            reads += 1
            return super().read(size)

    monkeypatch.setattr(ffmpeg, "UntaggedFile", Counting)
    assert len(np.concatenate(list(whole_mono(path, RATE_HZ, DecodeReport())))) == len(whole)
    failing_reads(monkeypatch, ffmpeg, reads - 2)
    report, blocks = DecodeReport(), []
    with pytest.raises(UnreadableFileError, match="to its end"):
        blocks.extend(whole_mono(path, RATE_HZ, report))
    assert report.disk_failed
    failing_reads(monkeypatch, ffmpeg, reads - 2)
    assert len(np.concatenate(list(stream_mono(path, RATE_HZ, DecodeReport())))) < len(whole)


def test_damage_is_not_the_disks(tmp_path: Path) -> None:
    path = synth.write(tmp_path / "music.flac", synth.music_like(20, 1))
    path.write_bytes(path.read_bytes()[:-20_000])
    report = DecodeReport()
    assert list(whole_mono(path, RATE_HZ, report))
    assert report.warnings
    assert not report.disk_failed


def test_a_stream_that_begins_in_the_middle_of_a_file_ends_nothing() -> None:
    """PyAV raises for a packet of a stream that was not there at first, and reads on if asked."""

    class Container:
        """Three packets, before the last of which there is one of an unknown stream."""

        left = ("one", "two", None, "three")
        streams = SimpleNamespace(audio=["the stream"])

        def demux(self, stream: str) -> Iterator[str]:
            assert stream == "the stream"
            while self.left:
                packet, *self.left = self.left
                if packet is None:
                    raise IndexError("list index out of range")
                yield packet

    passed_over: list[None] = []
    packets = ffmpeg.packets_of(Container(), lambda: passed_over.append(None))
    assert list(packets) == ["one", "two", "three"]
    assert len(passed_over) == 1
