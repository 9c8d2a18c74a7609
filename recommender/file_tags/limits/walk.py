"""Walks over the tags that are no ID3, each of which adds up what a reader of them would take.

What is damaged is left to the reader, which says so; but for what makes a reader go round in circles.
"""

import struct
from typing import Final

from mutagen import MutagenError
from mutagen.apev2 import _APEv2Data
from mutagen.asf._objects import (
    CodecListObject,
    ExtendedContentDescriptionObject,
    HeaderExtensionObject,
    HeaderObject,
    MetadataLibraryObject,
    MetadataObject,
)
from mutagen.mp4._atom import _CONTAINERS, _SKIP_SIZE
from mutagen.ogg import OggPage

from classifier.audio.tag_free_file import HEADER_SIZE, number_of
from classifier.errors import LimitError
from recommender.file_tags.limits.budget import MB, Budget, File

BOX: Final = 8
"""Bytes of an atom's size and name."""
META: Final = b"meta"
LARGEST_ATOM: Final = MB
"""Bytes of an atom that says what the audio is; a reader takes it in whole, and goes into it."""
DESCRIPTIONS: Final = (b"stsd", b"hdlr", b"mdhd", b"mvhd", b"chpl")
COMMENTS: Final = {b"\x03vorbis": 7, b"\x81theora": 7, b"OpusTags": 8}
"""How a packet of comments begins; in other streams it is the second one, after a header of a block."""
FLAC_COMMENTS: Final = 4
LONGEST_KEY: Final = 255
"""Bytes of an APEv2 key, as the format has it."""
OBJECT: Final = struct.Struct("<16sQ")
"""Kind and size of a part of an ASF file."""
COUNTED: Final = (ExtendedContentDescriptionObject, MetadataObject, MetadataLibraryObject)


def check_comments(content: bytes, offset: int, budget: Budget) -> None:
    """Count Vorbis comments, of which there may be fewer than they say."""
    budget.size(len(content))
    offset += 4 + int.from_bytes(content[offset : offset + 4], "little")
    said, offset = int.from_bytes(content[offset : offset + 4], "little"), offset + 4
    while said > 0 and offset + 4 <= len(content):
        budget.fields()
        offset += 4 + int.from_bytes(content[offset : offset + 4], "little")
        said -= 1


def check_ogg(file: File, budget: Budget) -> None:
    """Count the comments of the streams that begin an Ogg file."""
    packets: dict[int, list[bytes]] = {}
    size = 0
    while True:
        try:
            page = OggPage(file)
        except (MutagenError, EOFError):
            return
        parts = packets.setdefault(page.serial, [])
        for number, part in enumerate(page.packets):
            if number == 0 and page.continued and parts:
                parts[-1] += part
            else:
                parts.append(part)
            size += len(part)
            if size > LARGEST_ATOM:
                budget.size(size)
                size = 0
        whole = [kept for kept in packets.values() if len(kept) > 2 or (len(kept) == 2 and page.complete)]
        if len(whole) == len(packets):
            for kept in whole:
                start = next((n for mark, n in COMMENTS.items() if kept[1].startswith(mark)), None)
                bare = FLAC_COMMENTS if kept[0].startswith(b"\x7fFLAC") else 0
                check_comments(kept[1], bare if start is None else start, budget)
            return


def check_flac(file: File, budget: Budget) -> None:
    """Count the blocks of a FLAC file, and the comments in them."""
    head = file.read(HEADER_SIZE)
    file.seek(len(head) + number_of(head[6:]) if head[:3] == b"ID3" else 0)
    if file.read(4) != b"fLaC":
        return
    last = False
    while not last:
        head = file.read(4)
        if len(head) < 4:
            return
        last, kind, size = head[0] >= 0x80, head[0] & 0x7F, int.from_bytes(head[1:], "big")
        offset = file.tell()
        size = min(size, file.size - offset)
        budget.size(size)
        if kind == FLAC_COMMENTS:
            # A reader goes by what they say themselves, not by the size of the block.
            check_comments(file.read(min(file.size - offset, max(size, MB))), 0, budget)
        file.seek(offset + size)


def check_ape(file: File, budget: Budget) -> None:
    """Count the items of an APEv2 tag."""
    tag = _APEv2Data(file).tag or b""
    budget.size(len(tag))
    offset = 0
    while offset + BOX <= len(tag):
        size, _flags = struct.unpack_from("<II", tag, offset)
        end = tag.find(b"\0", offset + BOX, offset + BOX + LONGEST_KEY + 1)
        if end < 0:
            raise MutagenError("one of its APEv2 keys has no end")
        offset = end + 1 + size
        budget.fields()


def check_asf(file: File, budget: Budget) -> None:
    """Count the objects of an ASF header, and the attributes in them."""
    try:
        size, number = HeaderObject.parse_size(file)
    except MutagenError:
        return
    for _ in range(number):
        head = file.read(OBJECT.size)
        if len(head) < OBJECT.size:
            return
        kind, size = OBJECT.unpack(head)
        if size < OBJECT.size or size - OBJECT.size > file.size:
            return
        budget.fields()
        _asf_object(kind, file.read(size - OBJECT.size), 1, budget)


def _asf_object(kind: bytes, content: bytes, depth: int, budget: Budget) -> None:
    budget.size(len(content))
    budget.nested(depth)
    if kind in {counted.GUID for counted in COUNTED}:
        budget.fields(min(int.from_bytes(content[:2], "little"), len(content) // BOX))
    elif kind == CodecListObject.GUID:
        budget.fields(min(int.from_bytes(content[16:20], "little"), len(content) // 6))
    elif kind == HeaderExtensionObject.GUID:
        offset, end = 22, 22 + int.from_bytes(content[18:22], "little")
        while offset < end and offset + OBJECT.size <= len(content):
            inner, size = OBJECT.unpack_from(content, offset)
            if size < 1:
                return
            budget.fields()
            _asf_object(inner, content[offset + OBJECT.size : offset + size], depth + 1, budget)
            offset += size


def check_mp4(file: File, budget: Budget) -> None:
    """Count the atoms of an MP4 file, how deep they lie, and what its list of items holds."""
    file.seek(0)
    while file.tell() + BOX <= file.size:
        if not _atom(file, (), budget):
            return


def _atom(file: File, above: tuple[bytes, ...], budget: Budget) -> bool:
    """Walk over an atom; return whether the file goes on behind it."""
    budget.nested(len(above))
    start = file.tell()
    head = file.read(BOX)
    if len(head) < BOX:
        return False
    length, name = int.from_bytes(head[:4], "big"), head[4:]
    if length == 1:
        length = int.from_bytes(file.read(BOX), "big")
    elif length == 0 and not above:
        length = file.size - start
    if length < BOX:
        return False
    end = start + length
    if name in _CONTAINERS:
        file.seek(0 if name == META and is_bare(file) else _SKIP_SIZE.get(name, 0), 1)
        while file.tell() < end:
            if not _atom(file, (*above, name), budget):
                return False
        return True
    if above[-1:] == (b"ilst",):
        _item(name, file.read(max(0, end - file.tell())), budget)
    elif name in DESCRIPTIONS and min(length, file.size - start) > LARGEST_ATOM:
        raise LimitError(f"its atom {name.decode()} has more than the {LARGEST_ATOM // MB} MB that are read")
    file.seek(min(end, file.size))
    return end <= file.size


def is_bare(file: File) -> bool:
    """Whether an atom of metadata whose content begins here has no version before it, as in QuickTime."""
    here = file.tell()
    head = file.read(BOX)
    file.seek(here)
    return head[4:] == b"hdlr"


def _item(name: bytes, content: bytes, budget: Budget) -> None:
    budget.size(len(content))
    budget.fields(max(1, content.count(b"data")))
    offset = 0
    while name == b"covr" and offset + BOX <= len(content):
        size = int.from_bytes(content[offset : offset + 4], "big")
        if size < BOX:
            raise MutagenError("a part of its cover has no size")
        offset += size
