"""The tags of a file as they are stored, entry by entry and byte by byte, in every container that has any.

mutagen finds them and puts them back; what an entry holds stays as it is, whoever wrote it, so that
taking a change back leaves the very bytes that were there. What fields mean is in `fields`.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from mutagen import MutagenError
from mutagen.aac import AAC
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2File
from mutagen.asf import ASF
from mutagen.id3 import ID3FileType
from mutagen.mp4 import MP4
from mutagen.wave import WAVE

from classifier.errors import LimitError
from recommender.errors import TagError
from recommender.file_tags.open_file import UNREADABLE, KnownFrames, open_tagged, system_error
from recommender.file_tags.stored_tags import StoredTags

NO_FRAMES = KnownFrames()

T = TypeVar("T")


def load(path: Path) -> StoredTags:
    """Read what a file's tag holds.

    Raises
    ------
    TagError
        If its format holds no tags, or they cannot be kept as they are; why, in plain words.
    OSError
        If the file cannot be read.
    """
    tags: StoredTags = _with_adapter(path, lambda adapter: adapter.load(path))
    return tags


def save(path: Path, tags: StoredTags) -> None:
    """Make a file's tag hold certain entries and no others, or have no tag; the file is changed in place.

    Raises
    ------
    TagError, OSError
        As for `load`.
    """
    _with_adapter(path, lambda adapter: adapter.save(path, tags))


def _with_adapter(path: Path, action: Callable[[Any], T]) -> T:
    try:
        return action(_adapter(path))
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


def _adapter(path: Path) -> Any:
    from recommender.file_tags import asf, containers, id3, riff_chunks

    kind = type(open_tagged(path, NO_FRAMES))
    if kind is AAC:
        raise TagError("raw AAC holds no tags that are of use: put it into an .m4a")
    if issubclass(kind, WAVE):
        return riff_chunks.ChunkAndInfo(kind)
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
    if kind is type(None) or not hasattr(kind, "_mimes"):
        raise TagError("its format is not one whose tags can be written")
    return containers.Comments(kind)
