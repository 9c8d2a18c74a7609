"""Tags that take too much are refused before a reader takes them in, by the limit that they exceed."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import mutagen
import pytest
from mutagen import id3
from mutagen.asf import ASFUnicodeAttribute
from mutagen.id3._util import unsynch

from classifier import params
from classifier.errors import LimitError
from classifier.model import bundle
from classifier.model.inference import Trunk
from recommender.errors import TagError
from recommender.file_tags import formats
from recommender.file_tags.cover_art import embedded_picture
from recommender.file_tags.read import FileTags, read_tags
from recommender.library.workers.boundary import Failure, attempt
from recommender.library.workers.tasks import Identity, analyse_with, hash_of, identify
from tests import synth
from tests.recommender import tag_files

LONG_S = 20.0
"""A bound against what would take minutes, and far beyond what this takes."""
MOST = params.MOST_TAG_FIELDS
DEEP = params.DEEPEST_NESTING
UNPACKED = params.LARGEST_UNPACKED_BYTES


def size7(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def frame(name: bytes, body: bytes, flags: bytes = b"\0\0", version: int = 4) -> bytes:
    if version == 2:
        return name + len(body).to_bytes(3, "big") + body
    return name + (size7(len(body)) if version == 4 else len(body).to_bytes(4, "big")) + flags + body


def tag(body: bytes, version: int = 4, flags: int = 0) -> bytes:
    return b"ID3" + bytes((version, 0, flags)) + size7(len(body)) + body


def nested(depth: int, name: bytes = b"CHAP") -> bytes:
    before = b"c\0" + (bytes(16) if name == b"CHAP" else b"\0\1x\0")
    body = frame(b"TIT2", b"\3inner")
    for _ in range(depth):
        body = frame(name, before + body)
    return body


def packed(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + zlib.compress(content, 1)


TITLE = frame(b"TIT2", b"\3Whole")
BOMB = packed(b"\3" + bytes(UNPACKED + 1))
HALF = packed(b"\3" + b"a" * (UNPACKED * 2 // 3))
# A tag, and the limit that it exceeds.
TOO_MUCH: dict[str, tuple[bytes, str]] = {
    "unpacks to too much": (tag(TITLE + frame(b"TPE1", BOMB, b"\0\x09")), "unpack to more than the 16 MB"),
    "of the version before": (tag(frame(b"TPE1", BOMB, b"\0\x80", 3), 3), "unpack to more than the 16 MB"),
    "without its length": (tag(frame(b"TPE1", BOMB[4:], b"\0\x08")), "unpack to more than the 16 MB"),
    "in an unread frame": (tag(frame(b"PRIV", BOMB, b"\0\x09")), "unpack to more than the 16 MB"),
    "in two parts": (tag(frame(b"TPE1", HALF, b"\0\x09") * 2), "unpack to more than the 16 MB"),
    "within a chapter": (
        tag(frame(b"CHAP", b"c\0" + bytes(16) + frame(b"TIT2", BOMB, b"\0\x09"))),
        "unpack to more than the 16 MB",
    ),
    "damaged at its end": (tag(frame(b"TPE1", BOMB[:-4], b"\0\x09") * 2), "unpack to more than the 16 MB"),
    "fields": (tag(b"".join(frame(b"TXXX", b"\3%d\0v" % i) for i in range(MOST + 1))), "10,001 fields"),
    "fields of version 2": (tag(frame(b"TXX", b"\0a\0b", version=2) * (MOST + 1), 2), "10,001 fields"),
    "fields in a chapter": (
        tag(frame(b"CHAP", b"c\0" + bytes(16) + frame(b"TIT2", b"\3a") * MOST)),
        "10,001 fields",
    ),
    "empty fields": (tag(frame(b"TXXX", b"") * (MOST + 1)), "10,001 fields"),
    "texts of one field": (tag(frame(b"TIT2", b"\3" + b"a\0" * (MOST + 1))), "10,001 fields"),
    "wide texts": (tag(frame(b"TPE1", b"\1\xff\xfe" + b"a\0\0\0" * (MOST + 1))), "fields or more"),
    "packed texts": (tag(frame(b"TIT2", packed(b"\3" + b"a\0" * (MOST + 1)), b"\0\x09")), "10,001 fields"),
    "unsynchronised fields": (
        tag(unsynch.encode(frame(b"TXXX", b"\1\xff\xfea\0\0\0", version=3) * (MOST + 1)), 3, 0x80),
        "10,001 fields",
    ),
    "pictures": (tag(frame(b"APIC", b"\0image/png\0\3\0x") * 501), "more than the 500 pictures"),
    "chapters in chapters": (tag(nested(DEEP)), "more than 32 deep"),
    "a thousand of them": (tag(nested(1000)), "more than 32 deep"),
    "tables of contents": (tag(nested(DEEP, b"CTOC")), "more than 32 deep"),
    "copies": (
        tag(b"".join(frame(b"TXXX", b"\3%d\0v" % i) for i in range(9000)) + frame(b"PRIV", bytes(8 << 20))),
        "copies more than 32 GB",
    ),
}


def limit_of(path: Path) -> str:
    """Return what a file's tags exceed, as each of those that read them says it, soon."""
    started = perf_counter()
    with pytest.raises(LimitError) as caught:
        read_tags(path)
    said = str(caught.value)
    assert attempt(lambda: identify(str(path))) == Failure("limit", said)
    assert embedded_picture(path) is None
    with pytest.raises(TagError) as refused:
        formats.load(path)
    assert str(refused.value) == said
    assert perf_counter() - started < LONG_S
    assert "\n" not in said
    assert len(said) < 200
    return said


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return synth.write(tmp_path_factory.mktemp("audio") / "a.mp3", tag_files.samples()).read_bytes()


@pytest.mark.parametrize("name", TOO_MUCH)
def test_an_id3_tag_that_takes_too_much(tmp_path: Path, audio: bytes, name: str) -> None:
    data, said = TOO_MUCH[name]
    path = tmp_path / "song.mp3"
    path.write_bytes(data + audio)
    assert said in limit_of(path)


@pytest.mark.parametrize("ending", [".wav", ".aiff"])
def test_the_same_in_a_chunk(tmp_path: Path, ending: str) -> None:
    path = tag_files.make(tmp_path, f"plain{ending}")
    data, order = path.read_bytes(), "<I" if ending == ".wav" else ">I"
    chunk = TOO_MUCH["unpacks to too much"][0]
    chunk = b"ID3 " + struct.pack(order, len(chunk)) + chunk + bytes(len(chunk) % 2)
    path.write_bytes(data[:4] + struct.pack(order, len(data) - 8 + len(chunk)) + data[8:] + chunk)
    assert "unpack to more than the 16 MB" in limit_of(path)


def test_what_is_within_the_limits_is_read(tmp_path: Path, audio: bytes) -> None:
    path = tmp_path / "song.mp3"
    fields = b"".join(frame(b"TXXX", b"\3%d\0v" % i) for i in range(5000))
    chapters = frame(b"CHAP", b"c\0" + bytes(16) + TITLE + frame(b"APIC", b"\0image/png\0\3\0x"))
    artist = frame(b"TPE1", packed(b"\3Some\0Body"), b"\0\x09")
    picture = frame(b"APIC", b"\0image/png\0\3\0" + bytes(range(256)) * 4000)
    path.write_bytes(tag(fields + nested(DEEP - 1) + chapters * 50 + TITLE + artist + picture) + audio)
    tags = read_tags(path)
    assert (tags.title, tags.artist) == ("Whole", "Some; Body")
    assert isinstance(identify(str(path)), Identity)
    assert embedded_picture(path) == bytes(range(256)) * 4000
    assert len(formats.load(path).entries) == 5000 + 1 + 50 + 3


def test_sizes_as_itunes_once_wrote_them(tmp_path: Path, audio: bytes) -> None:
    path = tmp_path / "song.mp3"
    picture = b"APIC" + struct.pack(">I", 70_000 + 13) + b"\0\0" + b"\0image/png\0\3\0" + bytes(70_000)
    path.write_bytes(tag(picture + TITLE) + audio)
    assert read_tags(path).title == id3.ID3(path)["TIT2"] == "Whole"
    path.write_bytes(tag(picture + frame(b"TXXX", b"\3a\0b") * (MOST + 1)) + audio)
    assert "fields or more" in limit_of(path)


def test_a_tag_larger_than_may_be(tmp_path: Path, audio: bytes) -> None:
    path = tmp_path / "song.mp3"
    size = params.LARGEST_TAG_BYTES + 1
    with open(path, "wb") as file:
        file.write(tag(b"")[:6] + size7(size))
        file.seek(10 + size)  # a hole: nothing is written, and nothing may be read
        file.write(audio)
    assert limit_of(path) == "its tags have 64 MB or more; at most 64 MB are read"
    path.write_bytes(tag(b"")[:6] + size7(size) + TITLE + audio)  # which claims to be, and is not
    assert isinstance(identify(str(path)), Identity)


def comments(pairs: int, said: int | None = None) -> bytes:
    listed = b"".join(len(pair).to_bytes(4, "little") + pair for pair in (b"X%d=y" % i for i in range(pairs)))
    return bytes(4) + (pairs if said is None else said).to_bytes(4, "little") + listed


def with_block(data: bytes, kind: int, body: bytes, number: int = 1) -> bytes:
    """Put blocks of metadata behind the first one of a FLAC file, instead of other comments."""
    offset, kept = 42, []
    while True:
        head, size = data[offset], int.from_bytes(data[offset + 1 : offset + 4], "big")
        kept.append(data[offset : offset + 4 + size])
        offset += 4 + size
        if head >= 0x80:
            break
    others = b"".join(block for block in kept if block[0] & 0x7F != 4) or b"\x81\0\0\0"
    return (
        data[:42] + (bytes((kind,)) + len(body).to_bytes(3, "big") + body) * number + others + data[offset:]
    )


def test_comments(tmp_path: Path) -> None:
    path = tag_files.make(tmp_path, "plain.flac")
    data = path.read_bytes()
    path.write_bytes(with_block(data, 4, comments(MOST + 1)))
    assert "10,001 fields" in limit_of(path)
    path.write_bytes(with_block(data, 4, comments(MOST)))
    assert isinstance(identify(str(path)), Identity)
    assert len(formats.load(path).entries) == MOST
    path.write_bytes(with_block(data, 4, comments(3, said=2**32 - 1)))
    assert isinstance(identify(str(path)), Identity)
    assert read_tags(path) == FileTags()


@pytest.mark.parametrize("name", ["plain.ogg", "plain.opus", "flac in ogg.oga"])
def test_comments_in_ogg(tmp_path: Path, name: str) -> None:
    path = tag_files.make(tmp_path, name)
    file = mutagen.File(path)
    file.tags.extend((f"X{i}", "y") for i in range(MOST - len(file.tags)))
    file.save()
    assert len(formats.load(path).entries) == MOST
    file.tags.append(("X", "y"))
    file.save()
    assert "10,001 fields" in limit_of(path)


def ape_tag(items: bytes, said: int) -> bytes:
    return items + b"APETAGEX" + struct.pack("<IIII", 2000, len(items) + 32, said, 0) + bytes(8)


def test_items(tmp_path: Path) -> None:
    path = tag_files.make(tmp_path, "plain.ape")
    data = path.read_bytes()
    item = struct.pack("<II", 2, 0) + b"%05d\0ab"
    path.write_bytes(data + ape_tag(b"".join(item % i for i in range(MOST + 1)), MOST + 1))
    assert "10,001 fields" in limit_of(path)
    path.write_bytes(data + ape_tag(struct.pack("<II", 2, 0) + b"Title\0ab", 2**31))
    assert read_tags(path).title == "ab"
    path.write_bytes(data + ape_tag(struct.pack("<II", 2, 0) + b"k" * 5_000_000, 1))
    started = perf_counter()
    assert read_tags(path) == FileTags()
    assert perf_counter() - started < LONG_S


def atom(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, name) + content


def behind_first(data: bytes, what: bytes) -> bytes:
    offset = int.from_bytes(data[:4], "big")
    return data[:offset] + what + data[offset:]


@pytest.mark.parametrize("name", [b"moov", b"udta", b"trak", b"meta", b"moof"])
def test_atoms_within_atoms(tmp_path: Path, name: bytes) -> None:
    path = tag_files.make(tmp_path, "tagged.m4a")
    data = path.read_bytes()
    skipped = bytes(4) if name == b"meta" else b""
    for depth in (20, DEEP + 2, 3000):
        inner = b""
        for _ in range(depth):
            inner = atom(name, skipped + inner)
        path.write_bytes(behind_first(data, inner) if name != b"moov" else data + inner)
        if depth < DEEP:
            assert read_tags(path).title == tag_files.TITLE
        else:
            assert "more than 32 deep" in limit_of(path)


def test_atoms(tmp_path: Path) -> None:
    path = tag_files.make(tmp_path, "tagged.m4a")
    data = path.read_bytes()

    def with_items(items: bytes) -> None:
        """Put another list of items before the file's own."""
        offset = data.index(b"moov") + 4
        udta = atom(b"udta", atom(b"meta", bytes(4) + atom(b"ilst", items)))
        moov = struct.pack(">I", int.from_bytes(data[offset - 8 : offset - 4], "big") + len(udta))
        path.write_bytes(data[: offset - 8] + moov + b"moov" + udta + data[offset:])

    value = atom(b"data", struct.pack(">II", 1, 0) + b"x")
    with_items(atom(b"\xa9nam", value) * (MOST + 1))
    assert "10,001 fields" in limit_of(path)
    with_items(atom(b"\xa9nam", value * (MOST + 1)))
    assert "10,001 fields" in limit_of(path)
    with_items(atom(b"covr", struct.pack(">I4s", 0, b"name") + bytes(8)))  # on which a reader never ends
    assert isinstance(identify(str(path)), Identity)
    assert embedded_picture(path) is None
    offset = data.index(b"stsd") - 4
    claimed = struct.pack(">I", 2 << 20)
    path.write_bytes(data[:offset] + claimed + data[offset + 4 :] + bytes(3 << 20))
    assert limit_of(path) == "its atom stsd has more than the 1 MB that are read"


def test_attributes(tmp_path: Path) -> None:
    path = tag_files.make(tmp_path, "tagged.wma")
    file = mutagen.File(path)
    file.tags.extend((f"X{i}", ASFUnicodeAttribute("y")) for i in range(MOST + 1))
    file.save()
    assert "fields or more" in limit_of(path)


def test_objects_within_objects(tmp_path: Path) -> None:
    path = tag_files.make(tmp_path, "tagged.wma")
    data = path.read_bytes()
    kind, inner = bytes.fromhex("b503bf5f2ea9cf118ee300c00c205365"), b""
    for _ in range(DEEP + 1):
        inner = kind + struct.pack("<Q", 46 + len(inner)) + bytes(18) + struct.pack("<I", len(inner)) + inner
    size, number = struct.unpack_from("<QI", data, 16)
    path.write_bytes(
        data[:16] + struct.pack("<QI", size + len(inner), number + 1) + data[28:30] + inner + data[30:]
    )
    assert "more than 32 deep" in limit_of(path)


def in_chunks(data: bytes, number: int, order: str = "<I") -> bytes:
    chunks = b"junk\0\0\0\0" * number
    return data[:4] + struct.pack(order, len(data) - 8 + len(chunks)) + data[8:12] + chunks + data[12:]


# How so many parts that hold nothing are put into a file.
PARTS: dict[str, Callable[[bytes, int], bytes]] = {
    "info.wav": in_chunks,
    "tagged.aiff": lambda data, number: in_chunks(data, number, ">I"),
    "tagged.flac": lambda data, number: with_block(data, 1, b"", number),
    "tagged.m4a": lambda data, number: behind_first(data, atom(b"free", b"") * number),
}


@pytest.mark.parametrize("name", PARTS)
def test_more_parts_than_tags_are_looked_for_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(params, "MOST_TAG_READS", 5000)
    path = tag_files.make(tmp_path, name)
    data = path.read_bytes()
    path.write_bytes(PARTS[name](data, 1000))
    assert isinstance(identify(str(path)), Identity)
    assert read_tags(path).title == ("" if name == "tagged.flac" else tag_files.TITLE)
    path.write_bytes(PARTS[name](data, 6000))
    assert "5,000 atoms, chunks, blocks or pages" in limit_of(path)


@pytest.mark.parametrize("name", ["tagged.mp3", "v2.2.mp3", "tagged.flac", "tagged.ogg", "tagged.m4a"])
@pytest.mark.parametrize("cut", [9, 30, 200, 1000])
def test_a_file_that_is_cut_off_is_no_error_of_its_tags(tmp_path: Path, name: str, cut: int) -> None:
    path = tag_files.make(tmp_path, name)
    os.truncate(path, cut)
    assert isinstance(identify(str(path)), Identity)
    assert embedded_picture(path) is None


def test_no_demuxer_is_given_what_exceeds_a_limit(tmp_path: Path) -> None:
    """FFmpeg looks through all comments for each: an hour for a million of them."""
    path = tag_files.make(tmp_path, "plain.flac")
    path.write_bytes(with_block(path.read_bytes(), 4, comments(300_000)))
    trunk = Trunk(bundle.load(bundle.SHIPPED))
    started = perf_counter()
    failed = attempt(lambda: analyse_with(trunk, str(path)))
    assert isinstance(failed, Failure)
    assert (failed.kind, failed.message) == ("limit", limit_of(path))
    assert isinstance(attempt(lambda: hash_of(str(path))), Failure)
    assert perf_counter() - started < LONG_S
