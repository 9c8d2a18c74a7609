"""Formats that few libraries hold, by value: what FFmpeg or libsndfile decodes is music like any other."""

import shutil
import struct
import subprocess
import wave
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from classifier.audio.decode import is_audio_path
from tests import synth
from tests.classifier.audio.test_decode import RATE_HZ, aligned_correlation, decode, one_shot

SECONDS = 6.0
SOURCE_HZ = 44_100
BY_FFMPEG = {
    ".mp2": ("mp2", "mp2"),
    ".mka": ("flac", "matroska"),
    ".webm": ("libopus", "webm"),
    ".weba": ("libopus", "webm"),
    ".tta": ("tta", "tta"),
    ".ac3": ("ac3", "ac3"),
    ".mp4": ("aac", "mp4"),
    ".m4b": ("aac", "ipod"),
    ".oga": ("flac", "ogg"),
}
BY_COMMAND = {".spx": ["-ar", "32000"], ".dts": ["-strict", "-2"]}
"""What PyAV's FFmpeg cannot encode, but Debian's can."""
BY_SOUNDFILE = {".au": "AU", ".caf": "CAF", ".w64": "W64", ".rf64": "RF64", ".aifc": "AIFF"}
RATES = {"libopus": 48_000}


def by_ffmpeg(path: Path, samples: synth.Samples) -> None:
    codec, container = BY_FFMPEG[path.suffix]
    rate_hz = RATES.get(codec, SOURCE_HZ)
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate_hz, layout="mono")
        stream.format = stream.codec.audio_formats[0] if stream.codec.audio_formats else "s16"
        if codec not in ("tta", "flac"):
            stream.bit_rate = 128_000
        resampler = av.AudioResampler(
            stream.format.name, "mono", rate_hz, stream.codec_context.frame_size or 4096
        )
        for start in range(0, len(samples), SOURCE_HZ):
            part = samples[start : start + SOURCE_HZ].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = SOURCE_HZ, start
            for even in resampler.resample(frame):
                file.mux(stream.encode(even))
        for even in resampler.resample(None):
            file.mux(stream.encode(even))
        file.mux(stream.encode(None))


def by_command(path: Path, samples: synth.Samples) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("there is no ffmpeg command")
    source = path.with_suffix(".wav")
    soundfile.write(source, samples, SOURCE_HZ, "PCM_16")
    command = [ffmpeg, "-loglevel", "error", "-i", str(source), *BY_COMMAND[path.suffix], str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("ext", [*BY_FFMPEG, *BY_SOUNDFILE, *BY_COMMAND])
def test_an_odd_format_is_found_and_decoded(tmp_path: Path, ext: str) -> None:
    music, path = synth.music_like(SECONDS, 3, SOURCE_HZ), tmp_path / f"song{ext}"
    if ext in BY_FFMPEG:
        by_ffmpeg(path, music)
    elif ext in BY_COMMAND:
        by_command(path, music)
    else:
        soundfile.write(path, music, SOURCE_HZ, "PCM_16", format=BY_SOUNDFILE[ext])
    assert is_audio_path(str(path))
    found, report = decode(path)
    assert len(found) / RATE_HZ == pytest.approx(SECONDS, abs=0.1)
    lossless = ext in (*BY_SOUNDFILE, ".tta", ".oga", ".mka")
    wanted = one_shot(music, SOURCE_HZ)
    assert aligned_correlation(found, wanted) > (0.9999 if lossless else 0.85)
    assert report.warnings == []


def one_bit(samples: synth.Samples) -> bytes:
    """Return a stream of single bits, eight to a byte, the first in the highest: a sigma-delta modulator."""
    level, bits = 0.0, np.zeros(len(samples), np.uint8)
    for n, sample in enumerate(samples.tolist()):
        level += sample
        bits[n] = level > 0
        level -= 1.0 if bits[n] else -1.0
    return np.packbits(bits).tobytes()


DSD_HZ = 64 * 44_100


@pytest.fixture(scope="module")
def dsd() -> bytes:
    times = np.arange(DSD_HZ // 2) / DSD_HZ
    return one_bit((0.4 * np.sin(2 * np.pi * 440 * times)).astype(np.float32))


def dsdiff(data: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return name + struct.pack(">Q", len(body)) + body + b"\0" * (len(body) % 2)

    properties = chunk(b"FS  ", struct.pack(">I", DSD_HZ)) + chunk(b"CHNL", struct.pack(">H", 1) + b"SLFT")
    properties += chunk(b"CMPR", b"DSD " + b"\x0enot compressed")
    body = b"DSD " + chunk(b"FVER", struct.pack(">I", 0x01050000))
    return chunk(b"FRM8", body + chunk(b"PROP", b"SND " + properties) + chunk(b"DSD ", data))


def dsf(data: bytes) -> bytes:
    block, n_bits = 4096, len(data) * 8
    turned = np.packbits(np.unpackbits(np.frombuffer(data, np.uint8)), bitorder="little").tobytes()
    turned += bytes(-len(turned) % block)
    form = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 1, 1, DSD_HZ, 1, n_bits, block, 0)
    body = form + struct.pack("<4sQ", b"data", 12 + len(turned)) + turned
    return struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(body), 0) + body


@pytest.mark.parametrize(("ext", "container"), [(".dff", dsdiff), (".dsf", dsf)])
def test_one_bit_recordings_are_decoded(tmp_path: Path, dsd: bytes, ext: str, container: object) -> None:
    path = tmp_path / f"song{ext}"
    path.write_bytes(container(dsd))  # type: ignore[operator]
    assert is_audio_path(str(path))
    found, _ = decode(path)
    assert len(found) / RATE_HZ == pytest.approx(0.5, abs=0.05)
    spectrum = np.abs(np.fft.rfft(found[2000:6000]))
    assert np.fft.rfftfreq(4000, 1 / RATE_HZ)[spectrum.argmax()] == pytest.approx(440, abs=5)


def test_a_wave_file_by_another_name_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "song.au"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((synth.sine(4, rate_hz=RATE_HZ) * 32767).astype("<i2").tobytes())
    assert len(decode(path)[0]) == 4 * RATE_HZ
