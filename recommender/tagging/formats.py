"""The tags of a file as they are stored, entry by entry and byte by byte, in every container that has any.

mutagen finds them and puts them back; what an entry holds stays as it is, whoever wrote it, so that
taking a change back leaves the very bytes that were there. What fields mean is in `fields`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

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
from recommender.library.tag_open import UNREADABLE, KnownFrames, open_tagged, system_error

ID3_4, ID3_3, ID3_2 = ID3 = ("ID3v2.4", "ID3v2.3", "ID3v2.2")
VORBIS, APE, MP4_ATOMS, ASF_ATTRIBUTES = "Vorbis comments", "APEv2", "MP4", "ASF"
INFO_GENRE = "INFO:IGNR"
"""Key of the one entry that is not of the tag itself, but of a WAV's INFO list beside it."""
NO_FRAMES = KnownFrames()

T = TypeVar("T")


class Entry(NamedTuple):
    """One stored value: the key of its field in the words of the format, and all of its bytes."""

    key: str
    data: bytes


@dataclass(frozen=True)
class StoredTags:
    """What a file's tag holds.

    Attributes
    ----------
    kind
        The format: `ID3_4`, `ID3_3`, `ID3_2`, `VORBIS`, `APE`, `MP4_ATOMS` or `ASF_ATTRIBUTES`.
    present
        Whether there is a tag at all, be it an empty one.
    entries
        In the file's order, where the format keeps one.
    inherited
        What a tag that is made anew must hold so that an ID3v1 tag, which it hides, is not missed.
    info
        Whether a WAV has an INFO list, too, where others look for the genre; see `formats_riff`.
    """

    kind: str
    present: bool
    entries: tuple[Entry, ...]
    inherited: tuple[Entry, ...] = ()
    info: bool = False

    def of(self, key: str) -> list[bytes]:
        """Return the values of a key."""
        return [entry.data for entry in self.entries if entry.key == key]

    def with_entries(self, entries: Sequence[Entry]) -> "StoredTags":
        """Return the same tag with other entries; it is there if any are."""
        return replace(self, present=True, entries=tuple(entries), inherited=())


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
    from recommender.tagging import formats_asf, formats_id3, formats_other, formats_riff

    kind = type(open_tagged(path, NO_FRAMES))
    if kind is AAC:
        raise TagError("raw AAC holds no tags that are of use: put it into an .m4a")
    if issubclass(kind, WAVE):
        return formats_riff.ChunkAndInfo(kind)
    if issubclass(kind, AIFF):
        return formats_id3.Chunk(kind)
    for base, adapter in (
        (ID3FileType, formats_id3.InFront),
        (APEv2File, formats_other.Ape),
        (MP4, formats_other.Atoms),
        (ASF, formats_asf.Attributes),
    ):
        if issubclass(kind, base):
            return adapter()
    if kind is type(None) or not hasattr(kind, "_mimes"):
        raise TagError("its format is not one whose tags can be written")
    return formats_other.Comments(kind)
