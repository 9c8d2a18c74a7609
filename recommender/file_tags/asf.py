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

from classifier.regular_file import open_regular
from recommender.errors import TagError
from recommender.file_tags.stored_tags import ASF_ATTRIBUTES, Entry, StoredTags

KINDS: Final[tuple[bytes, ...]] = (
    ContentDescriptionObject.GUID,
    ExtendedContentDescriptionObject.GUID,
    MetadataObject.GUID,
    MetadataLibraryObject.GUID,
)
DESCRIPTION, EXTENDED, METADATA, LIBRARY = range(4)
"""Places among `KINDS`; the last two are within the extension of the header."""
NAMES: Final[Sequence[str]] = ContentDescriptionObject.NAMES
EXTENSION: Final[bytes] = HeaderExtensionObject.GUID
HEAD: Final = 30
"""Bytes before the first object: kind, size, number of objects, and two that are reserved."""
OBJECT: Final = struct.Struct("<16sQ")
EXTENSION_HEAD: Final = 22
"""Bytes in an extension before its objects; the last four are their size."""
DESCRIBED: Final = struct.Struct("<5H")
LISTED: Final = struct.Struct("<HHHHI")
"""Of an attribute in one of the last two: language, stream, sizes of its name, type, and size."""
TEXT, GUID = 0, 6
LONGEST: Final = 0xFFFF
DAMAGED: Final = "its header is damaged, and would not stay as it is"

Place = tuple[int, int]
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

    def entry(self, place: Place | None) -> Entry:
        """Return it as it is kept; with its place, where that is not the usual one."""
        value = base64.b64encode(self.value).decode()
        described = [self.name, self.type, self.language, self.stream, value]
        return Entry(self.name, json.dumps(described if place is None else [*described, place]).encode())


class Attributes:
    """The attributes of an ASF (WMA) file."""

    def load(self, path: Path) -> StoredTags:
        """See `formats.load`."""
        header, _ = _read(path)
        usual, entries = _Usual(), []
        for place, found in sorted(_places(header).items()):
            for attribute, _ in _parsed(place[0], found.content):
                expected = usual.place(attribute)
                usual.taken.add((place, attribute.name))
                entries.append(attribute.entry(None if place == expected else place))
        return StoredTags(ASF_ATTRIBUTES, True, tuple(entries))

    def save(self, path: Path, tags: StoredTags) -> None:
        """See `formats.save`."""
        header, size = _read(path)
        wanted: dict[Place, list[_Attribute]] = {}
        usual = _Usual()
        for entry in tags.entries:
            attribute, place = _described(entry.data)
            place = place or usual.place(attribute)
            usual.taken.add((place, attribute.name))
            wanted.setdefault(place, []).append(attribute)
        for place, found in _places(header).items():
            _replace(place[0], found, wanted.pop(place, []))
        inner = _extension(header)
        for place, attributes in wanted.items():
            made = _Object(KINDS[place[0]], _rendered(place[0], attributes, {}))
            if place[0] < METADATA:
                header.append(made)
            else:
                inner.insert(0, made)
        _drop_emptied(header, -1)
        _drop_emptied(inner, 0)
        _write(path, header, size)


class _Usual:
    """Tells where an attribute stands that says no more of it, given where those before it do."""

    def __init__(self) -> None:
        self.taken: set[tuple[Place, str]] = set()

    def place(self, attribute: _Attribute) -> Place:
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


def _described(data: bytes) -> tuple[_Attribute, Place | None]:
    name, number, language, stream, value, *places = json.loads(data)
    place = next(((int(kind), int(which)) for kind, which in places), None)
    return _Attribute(name, number, language, stream, base64.b64decode(value)), place


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
    found, place = [], 0
    while place < len(data):
        kind, size = OBJECT.unpack_from(data, place) if place + OBJECT.size <= len(data) else (b"", 0)
        if size < OBJECT.size or place + size > len(data):
            raise TagError(DAMAGED)
        made = _Object(kind, data[place + OBJECT.size : place + size])
        if kind == EXTENSION and not within:
            inner = made.content[EXTENSION_HEAD:]
            if int.from_bytes(made.content[EXTENSION_HEAD - 4 : EXTENSION_HEAD], "little") != len(inner):
                raise TagError(DAMAGED)
            made.content, made.inner = made.content[:EXTENSION_HEAD], _objects(inner, within=True)
            made.has_inner = True
        found.append(made)
        place += size
    return found


def _places(header: list[_Object]) -> dict[Place, _Object]:
    """Return the objects that hold attributes, by their places."""
    found: dict[Place, _Object] = {}
    for one in (*header, *(part for each in header for part in each.inner)):
        if one.kind in KINDS:
            kind = KINDS.index(one.kind)
            found[kind, sum(place[0] == kind for place in found)] = one
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
    """Put a header in the place of the one that is there."""
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
    place = DESCRIBED.size
    for name, size in zip(NAMES, DESCRIBED.unpack_from(content), strict=True):
        value = content[place : place + size]
        if len(value) < size:
            raise struct.error
        place += size
        if value:
            yield _Attribute(name, TEXT, None, None, value), value


def _in_list(kind: int, content: bytes) -> Iterator[tuple[_Attribute, bytes]]:
    (number,), place = struct.unpack_from("<H", content), 2
    for _ in range(number):
        start = place
        language = stream = None
        if kind == EXTENDED:
            (name_size,) = struct.unpack_from("<H", content, place)
            name, place = content[place + 2 : place + 2 + name_size], place + 2 + name_size
            type_, size = struct.unpack_from("<HH", content, place)
            place += 4
        else:
            language, stream, name_size, type_, size = LISTED.unpack_from(content, place)
            language = language if kind == LIBRARY else None
            place += LISTED.size
            name, place = content[place : place + name_size], place + name_size
        if place + size > len(content):
            raise struct.error
        value, place = content[place : place + size], place + size
        text = name.decode("utf-16-le").strip("\0")
        yield _Attribute(text, type_, language, stream, value), content[start:place]


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
