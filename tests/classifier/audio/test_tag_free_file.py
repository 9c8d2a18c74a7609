"""A file without the tags around its audio reads like a file that never had any."""

import io
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier.audio.audio_hash import audio_hash
from classifier.audio.ffmpeg import open_ffmpeg
from classifier.audio.report import DecodeReport
from classifier.audio.tag_free_file import UntaggedFile
from classifier.errors import NotAudioError
from tests import synth

AUDIO = bytes(range(256)) * 4


def id3v2(size: int, footer: bool = False) -> bytes:
    header = b"ID3\x04\x00" + (b"\x10" if footer else b"\x00")
    header += bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return header + bytes(size) + (b"3DI" + header[3:] if footer else b"")


def apev2(size: int, header: bool) -> bytes:
    """`size` bytes of items; the footer counts them and itself, not the header."""
    flags = (1 << 31 if header else 0).to_bytes(4, "little")
    frame = b"APETAGEX" + (2000).to_bytes(4, "little") + (size + 32).to_bytes(4, "little")
    frame += (1).to_bytes(4, "little") + flags + bytes(8)
    return (frame if header else b"") + bytes(size) + frame


ID3V1 = b"TAG" + bytes(125)
BEFORE = {"": b"", "id3v2": id3v2(5000), "two id3v2": id3v2(300) + id3v2(20, footer=True)}
BEHIND = {
    "": b"",
    "id3v1": ID3V1,
    "ape": apev2(700, header=True),
    "ape whose mark is where that of id3v1 is": apev2(128 + 3 - 64, header=True),
    "ape without header": apev2(700, header=False),
    "ape and id3v1": apev2(700, header=True) + ID3V1,
}


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("behind", BEHIND)
def test_audio_alone_is_read(tmp_path: Path, before: str, behind: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(BEFORE[before] + AUDIO + BEHIND[behind])
    with UntaggedFile(path) as file:
        assert file.read() == AUDIO


STEPS = st.lists(
    st.tuples(st.just("read"), st.integers(0, 2000))
    | st.tuples(st.just("set"), st.integers(0, 1024))
    | st.tuples(st.just("end"), st.integers(-1024, 0))
    | st.tuples(st.just("set"), st.sampled_from([1025, 5000, 2**40, 2**62])),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS)
def test_any_steps_read_what_a_file_of_the_audio_alone_would(
    tmp_path: Path, steps: list[tuple[str, int]]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(BEFORE["id3v2"] + AUDIO + BEHIND["ape and id3v1"])
    plain = io.BytesIO(AUDIO)
    with UntaggedFile(path) as file:
        for kind, number in steps:
            if kind == "read":
                assert file.read(number) == plain.read(number)
            else:
                whence = os.SEEK_SET if kind == "set" else os.SEEK_END
                assert file.seek(number, whence) == plain.seek(number, whence)
            assert file.tell() == plain.tell()


@pytest.mark.parametrize("data", [b"", b"ID3", b"TAG", ID3V1, id3v2(9), b"APETAGEX" * 4, AUDIO[:50]])
def test_small_and_tag_only_files_are_harmless(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with UntaggedFile(path) as file:
        assert file.read() in (b"", data)


def test_tag_that_claims_more_than_the_file_has(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(id3v2(100_000)[:2000])
    with UntaggedFile(path) as file:
        assert file.read() == b""
    path.write_bytes(AUDIO + apev2(100_000, header=False)[-32:])
    with UntaggedFile(path) as file:
        assert file.read()[: len(AUDIO)] == AUDIO


def test_an_offset_before_the_start_is_the_start(tmp_path: Path) -> None:
    """As FFmpeg asks for the last byte of what has none, and damaged files for anything."""
    path = tmp_path / "file"
    path.write_bytes(BEFORE["id3v2"] + AUDIO + BEHIND["ape"])
    with UntaggedFile(path) as file:
        file.seek(7)
        for offset, whence in ((-8, os.SEEK_CUR), (-1, os.SEEK_SET), (-1025, os.SEEK_END), (-(2**63), 1)):
            assert file.seek(offset, whence) == file.tell() == 0
            assert file.read(7) == AUDIO[:7]
    path.write_bytes(BEFORE["id3v2"])
    with UntaggedFile(path) as file:
        assert file.seek(-1, os.SEEK_END) == 0
        assert file.read() == b""
        assert file.seek(2**63 - 1) == 2**63 - 1
        assert file.read() == b""


def test_a_damaged_file_is_neither_an_error_of_the_system_nor_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Sizes that lead beyond all files make a demuxer ask for offsets that no system knows."""
    path = synth.write(tmp_path / "file.wma", synth.tone(1.0))
    data = path.read_bytes()
    for offset in (16, 46, 46 + int.from_bytes(data[46:54], "little")):
        for size in (2**49, 2**62, 2**63 - 1):
            path.write_bytes(
                BEFORE["id3v2"] + data[:offset] + size.to_bytes(8, "little") + data[offset + 8 :]
            )
            audio_hash(path)
            with suppress(NotAudioError):
                for _ in open_ffmpeg(path, DecodeReport())[1]:
                    pass
    path.write_bytes(BEFORE["id3v2"])
    assert audio_hash(path) is None
    assert capfd.readouterr() == ("", "")
