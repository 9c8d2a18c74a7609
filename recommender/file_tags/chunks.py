"""The chunks of WAV (also RF64 and W64) and AIFF files, and the words in them that are no ID3 tag."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from recommender.file_tags.content import FORM, RF64, W64
from recommender.file_tags.limits.budget import Budget, File

LARGEST: Final = 1 << 20
"""Bytes of a chunk that can be one of words; a larger one is damaged, or holds something else."""
NAME: Final = 4
"""Bytes of a name; as many hold a size."""
UNKNOWN_SIZE: Final = 0xFFFF_FFFF
GUID: Final = 16
"""Bytes of a name in W64, whose first four say what others call the chunk."""
SUMMARY: Final = b"\xbc\x94\x5f\x92\x5a\x52\xd2\x11\x86\xdc\x00\xc0\x4f\x8e\xdb\x8a"
"""Name of W64's own list of words."""
ID3: Final = b"id3"
BEXT_DATE: Final = 320
"""Where in the chunk of broadcasters the date of the recording stands."""
AIFF_TEXTS: Final = {b"name": "name", b"auth": "auth", b"(c) ": "(c)", b"anno": "anno"}

Texts = dict[str, list[str]]


class Chunk(NamedTuple):
    """A chunk: its name, in lower case, where its content begins, and how many bytes of that there are."""

    name: bytes
    offset: int
    size: int


def chunks(file: File, form: str) -> Iterator[Chunk]:
    """Yield the chunks of a file, as far as they can be followed.

    Parameters
    ----------
    form
        Of those in `content`.
    """
    if form == W64:
        yield from _wide(file)
        return
    order: str = "big" if form == FORM else "little"
    offset, large = 12, 0
    while offset + 2 * NAME <= file.size:
        file.seek(offset)
        head = file.read(2 * NAME)
        name, size = head[:NAME], int.from_bytes(head[NAME:], order)  # type: ignore[arg-type]
        offset += 2 * NAME
        if not all(0x20 <= byte < 0x7F for byte in name):
            return
        if form == RF64 and name == b"ds64":
            large = int.from_bytes(file.read(2 * NAME + 2 * NAME)[2 * NAME :], "little")
        if name == b"data" and size == UNKNOWN_SIZE:
            size = large or file.size - offset
        yield Chunk(name.lower(), offset, min(size, file.size - offset))
        offset += size + size % 2


def _wide(file: File) -> Iterator[Chunk]:
    offset = 2 * GUID + 8
    while offset + GUID + 8 <= file.size:
        file.seek(offset)
        head = file.read(GUID + 8)
        size = int.from_bytes(head[GUID:], "little")
        if size < GUID + 8:
            return
        start = offset + GUID + 8
        name = SUMMARY if head[:GUID] == SUMMARY else head[:NAME].lower()
        yield Chunk(name, start, min(size - GUID - 8, file.size - start))
        offset += size + -size % 8


def words(file: File, form: str, budget: Budget) -> tuple[list[int], Texts]:
    """Return where the ID3 tags in a file's chunks begin, and the texts of other chunks by name.

    Raises
    ------
    LimitError
        If there are more than may be read.
    """
    tags: list[int] = []
    texts: Texts = {}
    for chunk in chunks(file, form):
        if chunk.name.rstrip(b" ") == ID3:
            tags.append(chunk.offset)
        elif chunk.size <= LARGEST:
            for name, text in _texts(file, form, chunk):
                if text:
                    budget.fields()
                    texts.setdefault(name, []).append(text)
    return tags, texts


def _texts(file: File, form: str, chunk: Chunk) -> Iterator[tuple[str, str]]:
    """Yield the texts of a chunk with their names."""
    file.seek(chunk.offset)
    if form == FORM:
        name = AIFF_TEXTS.get(chunk.name)
        if name is not None:
            yield name, text_of(file.read(chunk.size))
    elif chunk.name == b"list" and chunk.size > NAME and file.read(NAME) == b"INFO":
        yield from _listed(file.read(chunk.size - NAME))
    elif chunk.name == b"bext":
        yield "bext", text_of(file.read(chunk.size)[BEXT_DATE : BEXT_DATE + 10])
    elif chunk.name == SUMMARY:
        data = file.read(chunk.size)
        for name, value in _items(data[NAME:]):
            yield name, value.decode("utf-16-le", "replace").partition("\0")[0]


def _listed(data: bytes) -> Iterator[tuple[str, str]]:
    return ((name, text_of(value)) for name, value in _items(data, 2))


def _items(data: bytes, even: int = 1) -> Iterator[tuple[str, bytes]]:
    """Yield the entries of a list, as far as they are whole."""
    offset = 0
    while offset + 2 * NAME <= len(data):
        size = int.from_bytes(data[offset + NAME : offset + 2 * NAME], "little")
        name, start = data[offset : offset + NAME].decode("latin-1").lower(), offset + 2 * NAME
        if start + size > len(data):
            return
        yield name, data[start : start + size]
        offset = start + size + -size % even


def text_of(data: bytes) -> str:
    """Return a text that ends with a NUL, if with anything: in UTF-8, or else Windows-1252.

    The formats name no encoding; FFmpeg takes it for UTF-8.
    """
    content = data.partition(b"\0")[0]
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
