"""The tags of a file as they are stored, entry by entry and byte by byte, in every container that has any.

mutagen finds them and puts them back; what an entry holds stays as it is, whoever wrote it, so that
taking a change back leaves the very bytes that were there. What fields mean is in `genre_fields`.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from mutagen import MutagenError
from mutagen.aac import AAC
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2File
from mutagen.asf import ASF
from mutagen.flac import FLAC
from mutagen.id3 import ID3FileType
from mutagen.mp4 import MP4
from mutagen.wave import WAVE

from classifier.errors import LimitError
from recommender.errors import TagError
from recommender.file_tags.content import RF64, W64
from recommender.file_tags.inherited import with_others
from recommender.file_tags.open_file import UNREADABLE, TagSystem, content_at, open_tags, system_error
from recommender.file_tags.stored_tags import APE, MP4_ATOMS, StoredTags

T = TypeVar("T")
LEADING: Final = (ID3FileType, APEv2File, AAC)
"""Kinds of files that are written whatever ID3 tags are before the audio."""


def load(path: Path) -> StoredTags:
    """Read what the tag holds that a file's format is written with, and what others beside it say.

    Raises
    ------
    TagError
        If its format holds no tags, or they cannot be kept as they are; why, in plain words.
    OSError
        If the file cannot be read.
    """
    return _with_adapter(path, lambda adapter, systems: _loaded(adapter.load(path), systems))


def _loaded(tags: StoredTags, systems: Sequence[TagSystem]) -> StoredTags:
    if tags.kind == MP4_ATOMS and not tags.present and any(s.kind == MP4_ATOMS and s.tags for s in systems):
        raise TagError("its tag is one of QuickTime, which is read, but not written")
    return with_others(tags, systems)


def save(path: Path, tags: StoredTags) -> None:
    """Make a file's tag hold certain entries and no others, or have no tag; the file is changed in place.

    Raises
    ------
    TagError, OSError
        As for `load`.
    """
    _with_adapter(path, lambda adapter, _: adapter.save(path, tags))


def _with_adapter(path: Path, action: Callable[[Any, list[TagSystem]], T]) -> T:
    try:
        systems = open_tags(path)  # first: what follows reads without any limit
        return action(_adapter(path, systems), systems)
    except LimitError as error:
        raise TagError(str(error)) from error
    except UNREADABLE as error:
        known = system_error(error)
        if known is not None:
            raise known from None
        raise TagError(f"its tags cannot be read: {_in_words(error)}") from error


def _in_words(error: Exception) -> str:
    """Return what a reader says of a damaged tag, where it says something that a person understands."""
    text = str(error)
    plain = isinstance(error, MutagenError) and text and not re.search(r"['\"<>\\]|None|Error", text)
    return text if plain else "they are damaged"


def _adapter(path: Path, systems: Sequence[TagSystem]) -> Any:
    from recommender.file_tags import asf, containers, id3, riff

    kind, chunks, fronts, start, sound = content_at(path)
    if chunks in (RF64, W64):
        raise TagError("WAV files for more than 4 GB (RF64, W64) are read, but nothing is written into them")
    if kind is None or not sound:
        raise TagError("its format is not one whose tags can be written")
    if start and not (issubclass(kind, LEADING) or (issubclass(kind, FLAC) and len(fronts) == 1)):
        raise TagError("an ID3 tag is before it, where its format has none: all is read, nothing is written")
    if issubclass(kind, AAC):  # FFmpeg shows what is behind it rather than what is in front
        items = not fronts and any(system.kind == APE for system in systems)
        return containers.Ape() if items else id3.InFront()
    if issubclass(kind, WAVE):
        return riff.ChunkAndInfo(kind)
    if issubclass(kind, AIFF):
        return id3.Chunk(kind)
    for base, adapter in (
        (ID3FileType, id3.InFront),
        (APEv2File, containers.Ape),
        (MP4, containers.Atoms),
        (ASF, asf.Attributes),
    ):
        if issubclass(kind, base):
            return adapter()
    return containers.Comments(kind)
