"""The frames of an MP3 found without FFmpeg: whatever is done to a file, its hash is that of its packets."""

import hashlib
from pathlib import Path

import av
import pytest
import soundfile
from mutagen import id3

from classifier.audio.audio_hash import audio_hash
from classifier.audio.mp3_frames import LARGEST, first_packet, free_format_start
from tests import synth

KINDS = {
    "44100 stereo constant": (44_100, 2, "CONSTANT", 0.5),
    "44100 mono variable": (44_100, 1, "VARIABLE", 0.3),
    "22050 mono constant": (22_050, 1, "CONSTANT", 0.7),
    "8000 mono average": (8000, 1, "AVERAGE", 0.5),
}
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """MP3s of eight seconds, as LAME writes them: with a first frame that describes the rest."""
    folder = tmp_path_factory.mktemp("frames")
    made = {}
    for name, (rate_hz, channels, mode, level) in KINDS.items():
        path = folder / f"{name}.mp3"
        sound = synth.music_like(8.0, 1, rate_hz)[:, None].repeat(channels, axis=1)
        with soundfile.SoundFile(
            path, "w", rate_hz, channels, "MPEG_LAYER_III", compression_level=level, bitrate_mode=mode
        ) as file:
            file.write(sound)
        made[name] = path.read_bytes()
    return made


def packets_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def check(path: Path, data: bytes) -> list[bytes]:
    """Assert that a file's hash is that of its packets; return these."""
    path.write_bytes(data)
    packets = packets_of(path)
    assert (audio_hash(path) or "")[:32] == hashlib.blake2b(b"".join(packets), digest_size=16).hexdigest()
    return packets


@pytest.mark.parametrize("name", KINDS)
def test_a_plain_file_needs_no_ffmpeg(name: str, files: Files, tmp_path: Path) -> None:
    packets = check(tmp_path / "plain.mp3", files[name])
    first = first_packet(files[name])
    assert first is not None
    assert first > 0, "the description is no audio"
    assert files[name][first:] == b"".join(packets)


@pytest.mark.parametrize("name", KINDS)
def test_without_a_description_the_first_frame_is_audio(name: str, files: Files, tmp_path: Path) -> None:
    first = first_packet(files[name])
    bare = files[name][first:]
    assert first_packet(bare) == 0
    check(tmp_path / "bare.mp3", bare)


@pytest.mark.parametrize("other", KINDS)
@pytest.mark.parametrize("name", KINDS)
def test_joined_files(name: str, other: str, files: Files, tmp_path: Path) -> None:
    joined = files[name] + files[other]
    assert first_packet(joined) == first_packet(files[name])
    check(tmp_path / "joined.mp3", joined)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("edit", ["cut off", "junk behind", "junk between", "flipped", "few", "no count"])
def test_what_is_more_than_frames(edit: str, name: str, files: Files, tmp_path: Path) -> None:
    data, first = files[name], first_packet(files[name]) or 0
    info = data.index(b"Xing") if b"Xing" in data[:80] else data.index(b"Info")
    half = first + sum(map(len, packets_of_bytes(data, tmp_path)[:60]))
    edited = {
        "cut off": data[:-7],
        "junk behind": data + bytes(500),
        "junk between": data[:half] + bytes(333) + data[half:],
        "flipped": data[: half + 1] + bytes((data[half + 1] ^ 0b1000_0000,)) + data[half + 2 :],
        "few": data[:half],
        "no count": data[: info + 7] + b"\0" + data[info + 8 :],
    }[edit]
    assert first_packet(edited) is None
    check(tmp_path / "edited.mp3", edited)


def packets_of_bytes(data: bytes, folder: Path) -> list[bytes]:
    path = folder / "whole.mp3"
    path.write_bytes(data)
    return packets_of(path)


def test_nothing_and_noise_are_no_frames() -> None:
    assert first_packet(b"") is None
    assert first_packet(bytes(range(256)) * 100) is None
    assert LARGEST >= 3600 * 64_000 // 8, "an hour at 64 kbit/s is read at once"


def frame(size: int, padded: bool = False, second: int = 0xFB, third: int = 0x04) -> bytes:
    """Return a frame whose header names no bit rate, of so many bytes and one more if it is padded."""
    return bytes((0xFF, second, third | padded << 1, 0xC4)) + bytes(size - 4 + padded)


@pytest.mark.parametrize("size", [96, 384, 1045, 2880])
def test_frames_that_name_no_bit_rate(tmp_path: Path, size: int) -> None:
    run = b"".join(frame(size, padded=n % 3 == 0) for n in range(20))
    assert first_packet(run) is None
    assert free_format_start(run) == 0
    assert free_format_start(bytes(range(1, 77)) + run) == 76  # behind one that is cut off
    assert free_format_start(run[: 7 * size]) is None
    hashes = set()
    path = tmp_path / "a.mp3"
    for data in (run, run[:-1] + b"x", run.replace(b"\xff\xfb\x04\xc4", b"\xff\xfb\x04\x44")):
        path.write_bytes(data)
        hashes.add(audio_hash(path))
    assert len(hashes) == 3
    assert None not in hashes
    path.write_bytes(run)
    bare = audio_hash(path)
    tags = id3.ID3()
    tags.add(id3.TIT2(text="Title"))
    tags.save(path)
    assert path.stat().st_size > len(run)
    assert audio_hash(path) == bare


@pytest.mark.parametrize("data", [b"", b"\xff", bytes(9000), frame(384) + bytes(9000)])
def test_what_is_no_free_format(data: bytes) -> None:
    assert free_format_start(data) is None
