"""ID3 tags frame by frame: in front of the audio (MP3), or in a chunk (WAV, AIFF).

mutagen writes all versions but 2.2, which old files of iTunes have; that one is written here.
"""

import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mutagen.id3 import ID3, Frames, ID3NoHeaderError, delete

from classifier.audio.tag_free_file import HEADER_SIZE, bytes_of, tag_size
from classifier.files import open_regular
from recommender.errors import TagError
from recommender.file_tags.stored_tags import ID3_2, ID3_3, ID3_4, StoredTags, TagEntry

HEADER: Final = struct.Struct(">4s4s2s")
"""Of a frame since ID3v2.3."""
SHORT_HEADER: Final = struct.Struct(">3s3s")
"""Of a frame in ID3v2.2."""
ROOM: Final = 1024
"""Bytes left free behind such a tag where it needs more than it had."""
VERSIONS: Final = {(2, 4): ID3_4, (2, 3): ID3_3, (2, 2): ID3_2}
UNSYNCHRONISED: Final = 0x02
"""Flag of a frame in ID3v2.4."""
TAIL: Final = 256
"""An ID3v1 tag is at most so near to the end of a file; mutagen would rewrite it."""


class _AsStored(dict[str, Any]):
    """Frames that mutagen is to know, but not to look into: it keeps those of unknown names as they are."""

    def __contains__(self, name: object) -> bool:
        return name in Frames


RAW: Final = _AsStored()
AS_STORED: Final[Mapping[str, Any]] = {"known_frames": RAW, "translate": False, "load_v1": False}
"""How mutagen is to read a tag."""


class InFront:
    """The tag before the audio; an ID3v1 tag behind it stays as it is."""

    def load(self, path: Path) -> StoredTags:
        """See `formats.load`."""
        try:
            return stored(ID3(path, **AS_STORED))
        except ID3NoHeaderError:
            return StoredTags(ID3_4, False, ())

    def save(self, path: Path, tags: StoredTags) -> None:
        """See `formats.save`."""
        if not tags.present:
            delete(path, delete_v1=False)
            return
        if tags.kind == ID3_2:
            data = path.read_bytes()
            old = tag_size(data[:HEADER_SIZE])
            path.write_bytes(old_tag(tags, old) + data[old:])
            return
        behind, last = _behind(path)
        raw(tags).save(path, v2_version=4 if tags.kind == ID3_4 else 3)
        with open(path, "r+b") as file:  # mutagen wrote its own ID3v1 tag over the old one
            end = tag_size(file.read(HEADER_SIZE)) + behind
            file.seek(end - len(last))
            file.write(last)
            file.truncate()


class Chunk:
    """The tag in a chunk of a WAV or AIFF file."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def load(self, path: Path) -> StoredTags:
        """See `formats.load`."""
        tags = self._kind(path, **AS_STORED).tags
        found = StoredTags(ID3_4, False, ()) if tags is None else stored(tags)
        if found.kind == ID3_2:
            raise TagError("its chunk holds an ID3v2.2 tag, which nothing writes there")
        return found

    def save(self, path: Path, tags: StoredTags) -> None:
        """See `formats.save`."""
        file = self._kind(path, **AS_STORED)
        if not tags.present:
            if file.tags is not None:
                file.tags.delete(path)
            return
        if file.tags is None:
            _make_even(path)
            file.add_tags()
        new = raw(tags)
        file.tags.unknown_frames = new.unknown_frames
        file.tags._unknown_v2_version = new._unknown_v2_version
        file.tags.save(path, v2_version=new._unknown_v2_version)


def _make_even(path: Path) -> None:
    """Add the byte that is to follow an odd last chunk, so that another can be put behind it."""
    with open(path, "ab") as file:
        file.write(bytes(file.tell() % 2))


def stored(tags: Any) -> StoredTags:
    """Return the frames of a tag that was read with `RAW`."""
    version = tags.version[:2]
    if version == (2, 2):
        parts = ((f[:3].decode("latin-1"), f[SHORT_HEADER.size :]) for f in tags.unknown_frames)
        return StoredTags(
            ID3_2, True, tuple(TagEntry(_key(name, content), content) for name, content in parts)
        )
    whole = version == (2, 4) and tags.f_unsynch
    frames = (_entry(frame, whole) for frame in tags.unknown_frames)
    return StoredTags(VERSIONS[version], True, tuple(frames))


def old_tag(tags: StoredTags, room: int) -> bytes:
    """Return an ID3v2.2 tag, of a size if that is enough."""
    frames = b"".join(
        SHORT_HEADER.pack(key[:3].encode("latin-1"), len(data).to_bytes(3, "big")) + data
        for key, data in tags.entries
    )
    needed = HEADER_SIZE + len(frames)
    size = (room if room >= needed else needed + ROOM) - HEADER_SIZE
    header = b"ID3\x02\0\0" + bytes_of(size)
    return header + frames.ljust(size, b"\0")


def _entry(frame: bytes, unsynchronised: bool) -> TagEntry:
    """Return a frame as its key and its flags and content; sizes are written in more than one way."""
    name, _, flags = HEADER.unpack(frame[: HEADER.size])
    if unsynchronised:
        flags = bytes((flags[0], flags[1] | UNSYNCHRONISED))
    return TagEntry(_key(name.decode("latin-1"), frame[HEADER.size :]), flags + frame[HEADER.size :])


def _key(name: str, content: bytes) -> str:
    """Return a frame's name; with its description, in capitals, where one name stands for many fields."""
    if name not in ("TXXX", "TXX") or not content:
        return name
    codec = ("latin-1", "utf-16", "utf-16-be", "utf-8")[content[0] & 3]
    wide = codec.startswith("utf-16")
    description, _ = split_text(content[1:], wide)
    return f"{name}:{description.decode(codec, 'replace').upper()}"


def split_text(content: bytes, wide: bool) -> tuple[bytes, bytes]:
    """Return what is before and after the first NUL character, of two bytes where they are wide."""
    step = 2 if wide else 1
    for offset in range(0, len(content) - step + 1, step):
        if content[offset : offset + step] == bytes(step):
            return content[:offset], content[offset + step :]
    return content, b""


def raw(tags: StoredTags) -> Any:
    """Return a tag with the frames, to be saved."""
    bits = 7 if tags.kind == ID3_4 else 8
    made = ID3()
    made._unknown_v2_version = 4 if tags.kind == ID3_4 else 3
    for key, data in tags.entries:
        size = bytes_of(len(data) - 2, bits)
        made.unknown_frames.append(HEADER.pack(key[:4].encode("latin-1"), size, data[:2]) + data[2:])
    return made


def _behind(path: Path) -> tuple[int, bytes]:
    """Return how many bytes follow the tag, and the last of them."""
    with open_regular(path) as file:
        behind = os.fstat(file.fileno()).st_size - tag_size(file.read(HEADER_SIZE))
        file.seek(-min(behind, TAIL), os.SEEK_END)
        return behind, file.read()
