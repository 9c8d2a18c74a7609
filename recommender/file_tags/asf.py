"""The attributes of ASF (WMA) files, each in the object of the header that it stands in.

There are four kinds of objects for them, and some programs, FFmpeg among them, name the artist in two. What
is not changed keeps its bytes, a header is never padded, and an object that is made stands where others put
none: last, or first in the extension of the header. So a change that is taken back leaves the file as it was.
"""

import base64
import json
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mutagen.asf._objects import (
    ContentDescriptionObject,
    ExtendedContentDescriptionObject,
    HeaderExtensionObject,
    HeaderObject,
    MetadataLibraryObject,
    MetadataObject,
)

from classifier.files import open_regular
from recommender.errors import TagError
from recommender.file_tags.limits.walk import OBJECT
from recommender.file_tags.stored_tags import ASF_ATTRIBUTES, StoredTags, TagEntry

KINDS: Final[tuple[bytes, ...]] = (
    ContentDescriptionObject.GUID,
    ExtendedContentDescriptionObject.GUID,
    MetadataObject.GUID,
    MetadataLibraryObject.GUID,
)
DESCRIPTION, EXTENDED, METADATA, LIBRARY = range(4)
"""Positions among `KINDS`; the last two are within the extension of the header."""
NAMES: Final[Sequence[str]] = ContentDescriptionObject.NAMES
EXTENSION: Final[bytes] = HeaderExtensionObject.GUID
HEAD: Final = 30
"""Bytes before the first object: kind, size, number of objects, and two that are reserved."""
EXTENSION_HEAD: Final = 22
"""Bytes in an extension before its objects; the last four are their size."""
DESCRIBED: Final = struct.Struct("<5H")
LISTED: Final = struct.Struct("<HHHHI")
"""Of an attribute in one of the last two: language, stream, sizes of its name, type, and size."""
TEXT, GUID = 0, 6
LONGEST: Final = 0xFFFF
DAMAGED: Final = "its header is damaged, and would not stay as it is"

Position = tuple[int, int]
"""A kind, and which of the objects of that kind."""


@dataclass
class _Object:
    kind: bytes
    content: bytes
    inner: list["_Object"] = field(default_factory=list)
    has_inner: bool = False
    emptied: bool = False

    def rendered(self) -> bytes:
        content = self.content
        if self.has_inner:
            body = b"".join(part.rendered() for part in self.inner)
            content = content[: EXTENSION_HEAD - 4] + len(body).to_bytes(4, "little") + body
        return OBJECT.pack(self.kind, OBJECT.size + len(content)) + content


@dataclass(frozen=True)
class _Attribute:
    """An attribute as it is stored: its name without, and its value with what ends a text."""

    name: str
    type: int
    language: int | None
    stream: int | None
    value: bytes

    def entry(self, position: Position | None) -> TagEntry:
        """Return it as it is kept; with its position, where that is not the usual one."""
        value = base64.b64encode(self.value).decode()
        described = [self.name, self.type, self.language, self.stream, value]
        return TagEntry(
            self.name, json.dumps(described if position is None else [*described, position]).encode()
        )


class Attributes:
    """The attributes of an ASF (WMA) file."""

    def load(self, path: Path) -> StoredTags:
        """See `formats.load`."""
        header, _ = _read(path)
        usual, entries = _Usual(), []
        for position, found in sorted(_positions(header).items()):
            for attribute, _ in _parsed(position[0], found.content):
                expected = usual.position(attribute)
                usual.taken.add((position, attribute.name))
                entries.append(attribute.entry(None if position == expected else position))
        return StoredTags(ASF_ATTRIBUTES, True, tuple(entries))

    def save(self, path: Path, tags: StoredTags) -> None:
        """See `formats.save`."""
        header, size = _read(path)
        wanted: dict[Position, list[_Attribute]] = {}
        usual = _Usual()
        for entry in tags.entries:
            attribute, position = _described(entry.data)
            position = position or usual.position(attribute)
            usual.taken.add((position, attribute.name))
            wanted.setdefault(position, []).append(attribute)
        for position, found in _positions(header).items():
            _replace(position[0], found, wanted.pop(position, []))
        inner = _extension(header)
        for position, attributes in wanted.items():
            made = _Object(KINDS[position[0]], _rendered(position[0], attributes, {}))
            if position[0] < METADATA:
                header.append(made)
            else:
                inner.insert(0, made)
        _drop_emptied(header, -1)
        _drop_emptied(inner, 0)
        _write(path, header, size)


class _Usual:
    """Tells where an attribute stands that says no more of it, given where those before it do."""

    def __init__(self) -> None:
        self.taken: set[tuple[Position, str]] = set()

    def position(self, attribute: _Attribute) -> Position:
        large = len(attribute.value) > LONGEST or attribute.type == GUID
        if large or attribute.language is not None:
            kind = LIBRARY
        elif attribute.stream is not None:
            kind = METADATA
        elif attribute.name in NAMES:
            kind = DESCRIPTION if attribute.type == TEXT else LIBRARY
        else:
            kind = EXTENDED
        return (kind, 0) if ((kind, 0), attribute.name) not in self.taken else (LIBRARY, 0)


def _described(data: bytes) -> tuple[_Attribute, Position | None]:
    name, number, language, stream, value, *positions = json.loads(data)
    position = next(((int(kind), int(which)) for kind, which in positions), None)
    return _Attribute(name, number, language, stream, base64.b64decode(value)), position


def _read(path: Path) -> tuple[list[_Object], int]:
    """Return the objects of a file's header, and its size.

    Raises
    ------
    TagError
        If it cannot be written as it is.
    """
    with open_regular(path) as file:
        head = file.read(HEAD)
        if len(head) < HEAD or head[:16] != HeaderObject.GUID:
            raise TagError(DAMAGED)
        size, number = struct.unpack_from("<QI", head, 16)
        if not HEAD <= size <= os.fstat(file.fileno()).st_size:
            raise TagError(DAMAGED)
        header = _objects(file.read(size - HEAD))
    if len(header) != number:
        raise TagError(DAMAGED)
    return header, size


def _objects(data: bytes, *, within: bool = False) -> list[_Object]:
    found, offset = [], 0
    while offset < len(data):
        kind, size = OBJECT.unpack_from(data, offset) if offset + OBJECT.size <= len(data) else (b"", 0)
        if size < OBJECT.size or offset + size > len(data):
            raise TagError(DAMAGED)
        made = _Object(kind, data[offset + OBJECT.size : offset + size])
        if kind == EXTENSION and not within:
            inner = made.content[EXTENSION_HEAD:]
            if int.from_bytes(made.content[EXTENSION_HEAD - 4 : EXTENSION_HEAD], "little") != len(inner):
                raise TagError(DAMAGED)
            made.content, made.inner = made.content[:EXTENSION_HEAD], _objects(inner, within=True)
            made.has_inner = True
        found.append(made)
        offset += size
    return found


def _positions(header: list[_Object]) -> dict[Position, _Object]:
    """Return the objects that hold attributes, by their positions."""
    found: dict[Position, _Object] = {}
    for one in (*header, *(part for each in header for part in each.inner)):
        if one.kind in KINDS:
            kind = KINDS.index(one.kind)
            found[kind, sum(position[0] == kind for position in found)] = one
    return found


def _extension(header: list[_Object]) -> list[_Object]:
    """Return the objects in the extension of a header, which every header must have."""
    for one in header:
        if one.has_inner:
            return one.inner
    raise TagError(DAMAGED)


def _drop_emptied(objects: list[_Object], where: int) -> None:
    """Take away what was made here, and holds nothing any more; others stay, holding nothing."""
    while objects and objects[where].emptied:
        del objects[where]


def _write(path: Path, header: list[_Object], old_size: int) -> None:
    """Replace the header that is there."""
    data = path.read_bytes()
    body = b"".join(one.rendered() for one in header)
    head = data[:16] + struct.pack("<QI", HEAD + len(body), len(header)) + data[28:HEAD]
    path.write_bytes(head + body + data[old_size:])


def _parsed(kind: int, content: bytes) -> list[tuple[_Attribute, bytes]]:
    """Return the attributes of an object, each with the bytes that it is stored as.

    Raises
    ------
    TagError
        If they are cut off.
    """
    try:
        return list(_in_description(content) if kind == DESCRIPTION else _in_list(kind, content))
    except (struct.error, UnicodeDecodeError) as error:
        raise TagError(DAMAGED) from error


def _in_description(content: bytes) -> Iterator[tuple[_Attribute, bytes]]:
    offset = DESCRIBED.size
    for name, size in zip(NAMES, DESCRIBED.unpack_from(content), strict=True):
        value = content[offset : offset + size]
        if len(value) < size:
            raise struct.error
        offset += size
        if value:
            yield _Attribute(name, TEXT, None, None, value), value


def _in_list(kind: int, content: bytes) -> Iterator[tuple[_Attribute, bytes]]:
    (number,), offset = struct.unpack_from("<H", content), 2
    for _ in range(number):
        start = offset
        language = stream = None
        if kind == EXTENDED:
            (name_size,) = struct.unpack_from("<H", content, offset)
            name, offset = content[offset + 2 : offset + 2 + name_size], offset + 2 + name_size
            type_, size = struct.unpack_from("<HH", content, offset)
            offset += 4
        else:
            language, stream, name_size, type_, size = LISTED.unpack_from(content, offset)
            language = language if kind == LIBRARY else None
            offset += LISTED.size
            name, offset = content[offset : offset + name_size], offset + name_size
        if offset + size > len(content):
            raise struct.error
        value, offset = content[offset : offset + size], offset + size
        text = name.decode("utf-16-le").strip("\0")
        yield _Attribute(text, type_, language, stream, value), content[start:offset]


def _replace(kind: int, one: _Object, wanted: list[_Attribute]) -> None:
    """Give an object other attributes; those that it has already keep their bytes."""
    there = _parsed(kind, one.content)
    if [attribute for attribute, _ in there] != wanted:
        one.content, one.emptied = _rendered(kind, wanted, dict(there)), not wanted


def _rendered(kind: int, attributes: Sequence[_Attribute], known: Mapping[_Attribute, bytes]) -> bytes:
    if kind == DESCRIPTION:
        values = {attribute.name: attribute.value for attribute in attributes}
        found = [values.get(name, b"") for name in NAMES]
        return DESCRIBED.pack(*map(len, found)) + b"".join(found)
    parts = [known.get(attribute) or _listed(kind, attribute) for attribute in attributes]
    return len(parts).to_bytes(2, "little") + b"".join(parts)


def _listed(kind: int, attribute: _Attribute) -> bytes:
    name, value = attribute.name.encode("utf-16-le") + b"\0\0", attribute.value
    if kind == EXTENDED:
        sizes = struct.pack("<HH", attribute.type, len(value))
        return struct.pack("<H", len(name)) + name + sizes + value
    numbers = (attribute.language or 0, attribute.stream or 0, len(name), attribute.type, len(value))
    return LISTED.pack(*numbers) + name + value
