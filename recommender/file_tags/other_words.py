"""The words of formats whose tags are only read: Matroska and WebM, CAF, AU, and DSD in its two kinds."""

from collections.abc import Callable, Iterator
from typing import Final

from recommender.file_tags.chunks import LARGEST, NAME, Texts, text_of
from recommender.file_tags.content import AU, CAF, DFF, DSF, EBML
from recommender.file_tags.limits.budget import Budget, File

Word = tuple[str, str]
"""A name and a text."""
AU_HEAD: Final = 24
DSF_POINTER: Final = 20
"""Where a DSF file says where its ID3 tag begins."""
SEGMENT, INFO, TITLE, TAGS = 0x18538067, 0x1549A966, 0x7BA9, 0x1254C367
TAG, TARGETS, LEVEL, SIMPLE, TAG_NAME, TAG_TEXT = 0x7373, 0x63C0, 0x68CA, 0x67C8, 0x45A3, 0x4487
NOT_OF_THE_SONG: Final = (0x63C4, 0x63C9, 0x63C6)
"""Targets of a tag that is a chapter's, an edition's or an attachment's."""
ALBUM: Final = 50
OF_ALBUMS: Final = {"title": "album", "artist": "album_artist", "part_number": "disc"}
OF_SONGS: Final = {"part_number": "track", "date_released": "date", "date_recorded": "date"}


def other_words(file: File, form: str, budget: Budget) -> tuple[list[int], Texts]:
    """Return where the ID3 tags of a file begin, and its texts by name.

    Parameters
    ----------
    form
        Of those in `content`.

    Raises
    ------
    LimitError
        If there are more than may be read.
    """
    if form == DSF:
        file.seek(DSF_POINTER)
        offset = int.from_bytes(file.read(8), "little")
        return ([offset] if 0 < offset < file.size else []), {}
    readers: dict[str, Callable[[File], Iterator[Word]]] = {AU: _au, CAF: _caf, DFF: _dff, EBML: _matroska}
    tags: list[int] = []
    texts: Texts = {}
    for name, text in readers[form](file):
        if name == ID3_AT:
            tags.append(int(text))
        elif text:
            budget.fields()
            texts.setdefault(name.lower(), []).append(text)
    return tags, texts


ID3_AT: Final = "\0id3"
"""Name of what is no text, but an offset."""


def _au(file: File) -> Iterator[Word]:
    """Yield the lines of the annotation, which are pairs where FFmpeg or sox wrote it."""
    file.seek(NAME)
    size = int.from_bytes(file.read(NAME), "big") - AU_HEAD
    if 0 < size <= LARGEST:
        file.seek(AU_HEAD)
        for line in text_of(file.read(size)).splitlines():
            name, _, text = line.partition("=")
            yield name.strip(), text.strip()


def _caf(file: File) -> Iterator[Word]:
    """Yield the pairs of the chunk that is called info."""
    for name, offset, size in _long_chunks(file, 8):
        if name == b"info" and NAME < size <= LARGEST:
            file.seek(offset + NAME)
            words = file.read(size - NAME).split(b"\0")
            for key, value in zip(words[::2], words[1::2], strict=False):
                yield text_of(key), text_of(value)


def _dff(file: File) -> Iterator[Word]:
    """Yield where the ID3 tag is, and the artist and title that others name."""
    for name, offset, size in _long_chunks(file, 16, 2):
        if name == b"ID3 ":
            yield ID3_AT, str(offset)
        elif name == b"DIIN" and size <= LARGEST:
            file.seek(offset)
            data, start = file.read(size), 0
            while start + 12 <= len(data):
                inner, long = (
                    data[start : start + NAME],
                    int.from_bytes(data[start + NAME : start + 12], "big"),
                )
                if inner in (b"DIAR", b"DITI"):
                    yield (
                        "artist" if inner == b"DIAR" else "title",
                        text_of(data[start + 16 : start + 12 + long]),
                    )
                start += 12 + long + long % 2


def _long_chunks(file: File, offset: int, even: int = 1) -> Iterator[tuple[bytes, int, int]]:
    """Yield names, offsets and sizes of chunks that have sizes of eight bytes."""
    while offset + 12 <= file.size:
        file.seek(offset)
        head = file.read(12)
        size = int.from_bytes(head[NAME:], "big")
        yield head[:NAME], offset + 12, min(size, file.size - offset - 12)
        offset += 12 + size + -size % even


def _matroska(file: File) -> Iterator[Word]:
    """Yield the title of a Matroska file, and what its tags say, of the song and of its album."""
    for kind, offset, size in _elements(file, 0, file.size):
        if kind != SEGMENT:
            continue
        for part, start, length in _elements(file, offset, offset + size):
            if part in (INFO, TAGS) and length <= LARGEST:
                file.seek(start)
                data = file.read(length)
                yield from _of_tags(data) if part == TAGS else _of_info(data)


def _of_info(data: bytes) -> Iterator[Word]:
    return (("title", text_of(value)) for kind, value in _parts(data) if kind == TITLE)


def _of_tags(data: bytes) -> Iterator[Word]:
    for kind, tag in _parts(data):
        inner = list(_parts(tag)) if kind == TAG else []
        targets = [part for one, value in inner if one == TARGETS for part in _parts(value)]
        if any(one in NOT_OF_THE_SONG and value.strip(b"\0") for one, value in targets):
            continue
        of_album = any(one == LEVEL and int.from_bytes(value, "big") == ALBUM for one, value in targets)
        for one, value in inner:
            if one == SIMPLE:
                simple = dict(_parts(value))
                name = text_of(simple.get(TAG_NAME, b"")).lower()
                name = (
                    OF_SONGS.get(name, name)
                    if not of_album
                    else OF_ALBUMS.get(name, OF_SONGS.get(name, name))
                )
                yield name, text_of(simple.get(TAG_TEXT, b""))


def _elements(file: File, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield ids, offsets and sizes of EBML elements; one of unknown size reaches to the end."""
    while start < end:
        file.seek(start)
        found = _head(file.read(12))
        if found is None:
            return
        kind, before, size = found
        size = end - start - before if size is None else min(size, end - start - before)
        yield kind, start + before, size
        start += before + size


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield ids and contents of the elements in an EBML element."""
    start = 0
    while (found := _head(data[start : start + 12])) is not None:
        kind, before, size = found
        content = data[start + before :] if size is None else data[start + before : start + before + size]
        yield kind, content
        start += before + len(content)
        if size is not None and len(content) < size:
            return


def _head(data: bytes) -> tuple[int, int, int | None] | None:
    """Return an element's id, how many bytes id and size take, and its size, None where that is unknown."""
    n_id = 9 - data[0].bit_length() if data and data[0] else 9
    if n_id > 4 or len(data) <= n_id or not data[n_id]:
        return None
    n_size = 9 - data[n_id].bit_length()
    if len(data) < n_id + n_size:
        return None
    bits = 7 * n_size
    size = int.from_bytes(data[n_id : n_id + n_size], "big") & ((1 << bits) - 1)
    return int.from_bytes(data[:n_id], "big"), n_id + n_size, None if size == (1 << bits) - 1 else size
