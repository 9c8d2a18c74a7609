"""ID3 tags frame by frame: in front of the audio (MP3), or in a chunk (WAV, AIFF).

mutagen writes all versions but 2.2, which old files of iTunes have; that one is written here.
"""

import io
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mutagen.id3 import ID3, Frames, ID3NoHeaderError, delete

from classifier.regular_file import open_regular
from recommender.errors import TagError
from recommender.file_tags.stored_tags import ID3_2, ID3_3, ID3_4, Entry, StoredTags

HEADER: Final = struct.Struct(">4s4s2s")
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


class InFront:
    """The tag before the audio; an ID3v1 tag behind it stays as it is."""

    def load(self, path: Path) -> StoredTags:
        """See `formats.load`."""
        try:
            return stored(ID3(path, known_frames=RAW, translate=False, load_v1=False))
        except ID3NoHeaderError:
            return StoredTags(ID3_4, False, (), tuple(_from_v1(path)))

    def save(self, path: Path, tags: StoredTags) -> None:
        """See `formats.save`."""
        if not tags.present:
            delete(path, delete_v1=False)
            return
        if tags.kind == ID3_2:
            data = path.read_bytes()
            old = _size(data[: HEADER.size])
            path.write_bytes(old_tag(tags, old) + data[old:])
            return
        behind, last = _behind(path)
        raw(tags).save(path, v2_version=4 if tags.kind == ID3_4 else 3)
        with open(path, "r+b") as file:  # mutagen wrote its own ID3v1 tag over the old one
            end = _size(file.read(HEADER.size)) + behind
            file.seek(end - len(last))
            file.write(last)
            file.truncate()


class Chunk:
    """The tag in a chunk of a WAV or AIFF file."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def load(self, path: Path) -> StoredTags:
        """See `formats.load`."""
        tags = self._kind(path, known_frames=RAW, translate=False, load_v1=False).tags
        found = StoredTags(ID3_4, False, ()) if tags is None else stored(tags)
        if found.kind == ID3_2:
            raise TagError("its chunk holds an ID3v2.2 tag, which nothing writes there")
        return found

    def save(self, path: Path, tags: StoredTags) -> None:
        """See `formats.save`."""
        file = self._kind(path, known_frames=RAW, translate=False, load_v1=False)
        if not tags.present:
            if file.tags is not None:
                file.tags.delete(path)
            return
        if file.tags is None:
            file.add_tags()
        new = raw(tags)
        file.tags.unknown_frames = new.unknown_frames
        file.tags._unknown_v2_version = new._unknown_v2_version
        file.tags.save(path, v2_version=new._unknown_v2_version)


def stored(tags: Any) -> StoredTags:
    """Return the frames of a tag that was read with `RAW`."""
    version = tags.version[:2]
    if version == (2, 2):
        parts = ((f[:3].decode("latin-1"), f[SHORT_HEADER.size :]) for f in tags.unknown_frames)
        return StoredTags(ID3_2, True, tuple(Entry(_key(name, content), content) for name, content in parts))
    whole = version == (2, 4) and tags.f_unsynch
    frames = (_entry(frame, whole) for frame in tags.unknown_frames)
    return StoredTags(VERSIONS[version], True, tuple(frames))


def old_tag(tags: StoredTags, room: int) -> bytes:
    """Return an ID3v2.2 tag, of a size if that is enough."""
    frames = b"".join(
        SHORT_HEADER.pack(key[:3].encode("latin-1"), len(data).to_bytes(3, "big")) + data
        for key, data in tags.entries
    )
    needed = 10 + len(frames)
    size = (room if room >= needed else needed + ROOM) - 10
    header = b"ID3\x02\0\0" + bytes(size >> 7 * place & 0x7F for place in (3, 2, 1, 0))
    return header + frames.ljust(size, b"\0")


def _entry(frame: bytes, unsynchronised: bool) -> Entry:
    """Return a frame as its key and its flags and content; sizes are written in more than one way."""
    name, _, flags = HEADER.unpack(frame[: HEADER.size])
    if unsynchronised:
        flags = bytes((flags[0], flags[1] | UNSYNCHRONISED))
    return Entry(_key(name.decode("latin-1"), frame[HEADER.size :]), flags + frame[HEADER.size :])


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
    for place in range(0, len(content) - step + 1, step):
        if content[place : place + step] == bytes(step):
            return content[:place], content[place + step :]
    return content, b""


def raw(tags: StoredTags) -> Any:
    """Return a tag with the frames, to be saved."""
    bits = 7 if tags.kind == ID3_4 else 8
    made = ID3()
    made._unknown_v2_version = 4 if tags.kind == ID3_4 else 3
    for key, data in tags.entries:
        size, mask = len(data) - 2, (1 << bits) - 1
        width = bytes(size >> bits * place & mask for place in (3, 2, 1, 0))
        made.unknown_frames.append(HEADER.pack(key[:4].encode("latin-1"), width, data[:2]) + data[2:])
    return made


def _from_v1(path: Path) -> Iterator[Entry]:
    """Yield what an ID3v1 tag says as frames; players look at no other tag once there is a newer one."""
    try:
        old = ID3(path)
    except ID3NoHeaderError:
        return
    file = io.BytesIO()
    old.save(file, v1=0)
    file.seek(0)
    yield from stored(ID3(file, known_frames=RAW, translate=False, load_v1=False)).entries


def _size(header: bytes) -> int:
    if header[:3] != b"ID3":
        return 0
    return 10 + sum(byte << shift for byte, shift in zip(header[6:10], (21, 14, 7, 0), strict=True))


def _behind(path: Path) -> tuple[int, bytes]:
    """Return how many bytes follow the tag, and the last of them."""
    with open_regular(path) as file:
        behind = os.fstat(file.fileno()).st_size - _size(file.read(HEADER.size))
        file.seek(-min(behind, TAIL), os.SEEK_END)
        return behind, file.read()
