"""Titles in formats whose tags are only read, as FFmpeg writes them and as the formats describe them."""

import struct
from pathlib import Path

import av
import pytest

from classifier import params
from classifier.errors import LimitError
from recommender.errors import TagError
from recommender.file_tags import formats
from recommender.file_tags.read import FileTags, read_tags
from tests.recommender import tag_files
from tests.recommender.file_tags.test_formats import GENRES, written
from tests.recommender.file_tags.test_tag_systems import OF_ID3, id3_bytes

SAID = {
    "title": "Títle",
    "artist": "Someone",
    "album": "Record",
    "genre": "Jazz",
    "date": "1999",
    "track": "7",
}
ALL = FileTags("Títle", "Someone", "Record", 1999, ["Jazz"], track_number=7)


@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [("a.mka", "matroska", "flac"), ("a.webm", "webm", "libopus"), ("a.caf", "caf", "pcm_s16be")],
)
def test_as_ffmpeg_writes_them(tmp_path: Path, name: str, container: str, codec: str) -> None:
    path = tmp_path / name
    with av.open(str(path), "w", format=container) as made:
        made.metadata.update(SAID)
        stream = made.add_stream(codec, rate=48_000, layout="mono")
        frame = av.AudioFrame(format=stream.codec_context.format.name, layout="mono", samples=960)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate = 48_000
        made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    assert read_tags(path) == ALL
    with pytest.raises(TagError, match="not one whose tags can be written"):
        formats.load(path)


def au(path: Path, note: bytes) -> Path:
    path.write_bytes(b".snd" + struct.pack(">5I", 24 + len(note), 4, 3, 8000, 1) + note + bytes(4))
    return path


def test_au(tmp_path: Path) -> None:
    lines = "\n".join(f"{name.upper()}={text}" for name, text in SAID.items()).encode() + b"\0\0"
    assert read_tags(au(tmp_path / "a.au", lines)) == ALL
    assert read_tags(au(tmp_path / "b.au", b"just a note")) == FileTags()


def element(kind: int, content: bytes) -> bytes:
    name = kind.to_bytes((kind.bit_length() + 7) // 8, "big")
    return name + (len(content) | 1 << 56).to_bytes(8, "big") + content


def simple(name: str, text: str) -> bytes:
    return element(0x67C8, element(0x45A3, name.encode()) + element(0x4487, text.encode()))


def matroska(path: Path, *tags: bytes, title: str = "") -> Path:
    info = element(0x1549A966, element(0x7BA9, title.encode()))
    body = element(0x1F43B675, bytes(100)) + element(
        0x1254C367, b"".join(element(0x7373, tag) for tag in tags)
    )
    path.write_bytes(element(0x1A45DFA3, b"") + element(0x18538067, info + body))
    return path


def level(number: int, *more: bytes) -> bytes:
    return element(0x63C0, element(0x68CA, bytes((number,))) + b"".join(more))


def test_matroska_tells_songs_from_albums(tmp_path: Path) -> None:
    album = (
        level(50) + simple("TITLE", "Record") + simple("ARTIST", "Various") + simple("DATE_RELEASED", "1999")
    )
    song = level(30) + simple("TITLE", "Títle") + simple("ARTIST", "Someone") + simple("PART_NUMBER", "7")
    chapter = level(30, element(0x63C4, b"\1")) + simple("TITLE", "Chapter")
    path = matroska(tmp_path / "a.mka", chapter, album, song + simple("GENRE", "Jazz"))
    assert read_tags(path) == FileTags(
        "Títle", "Someone", "Record", 1999, ["Jazz"], album_artist="Various", track_number=7
    )
    assert read_tags(matroska(tmp_path / "b.mka", title="Of the file")).title == "Of the file"


def test_matroska_with_too_many_tags(tmp_path: Path) -> None:
    many = simple("X", "y") * (params.MOST_TAG_FIELDS + 1)
    with pytest.raises(LimitError, match="10,001 fields"):
        read_tags(matroska(tmp_path / "a.mka", many))


@pytest.mark.parametrize("cut", range(0, 200, 3))
def test_a_matroska_file_that_is_cut_off_stops_nothing(tmp_path: Path, cut: int) -> None:
    path = matroska(tmp_path / "a.mka", simple("GENRE", "Jazz"), title="x")
    path.write_bytes(path.read_bytes()[:cut])
    assert read_tags(path).genres in ([], ["Jazz"])


def test_dsd(tmp_path: Path) -> None:
    dsf = tmp_path / "a.dsf"
    dsf.write_bytes(b"DSD " + struct.pack("<QQQ", 28, 0, 100) + bytes(72) + id3_bytes())
    assert read_tags(dsf) == OF_ID3
    dff = tmp_path / "a.dff"
    inner = b"DITI" + struct.pack(">QI", 9, 5) + b"Title\0" + b"DIAR" + struct.pack(">QI", 7, 3) + b"Who\0"
    body = (
        b"DSD " + b"PROP" + struct.pack(">Q", 3) + b"abc\0" + b"DIIN" + struct.pack(">Q", len(inner)) + inner
    )
    dff.write_bytes(b"FRM8" + struct.pack(">Q", len(body)) + body)
    assert read_tags(dff) == FileTags("Title", "Who")
    dff.write_bytes(b"FRM8" + struct.pack(">Q", 0) + b"DSD ID3 " + struct.pack(">Q", 300) + id3_bytes())
    assert read_tags(dff) == OF_ID3


@pytest.mark.parametrize("extension", [".wav", ".aiff"])
def test_an_odd_last_chunk_without_its_byte_is_written_behind(tmp_path: Path, extension: str) -> None:
    path = tag_files.make(tmp_path, f"plain{extension}")
    order = "<I" if extension == ".wav" else ">I"
    data = path.read_bytes() + b"junk" + struct.pack(order, 3) + b"odd"
    path.write_bytes(data[:4] + struct.pack(order, len(data) - 8) + data[8:])
    before = formats.load(path)
    written(path)
    assert read_tags(path).genres == GENRES
    formats.save(path, before)
    assert path.read_bytes()[8 : len(data)] == data[8:]
