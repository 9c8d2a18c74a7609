"""What a file's tag holds: entries, byte by byte, and the formats that they are in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

ID3_4, ID3_3, ID3_2 = ID3 = ("ID3v2.4", "ID3v2.3", "ID3v2.2")
VORBIS, APE, MP4_ATOMS, ASF_ATTRIBUTES = "Vorbis comments", "APEv2", "MP4", "ASF"
ID3V1, WORDS = "ID3v1", "words in chunks"
"""Kinds that are read, but never written."""
INFO_GENRE = "INFO:IGNR"
"""Key of the one entry that is not of the tag itself, but of a WAV's INFO list beside it."""


class TagEntry(NamedTuple):
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
        What a tag that says nothing of the song must hold, once it does, so that others, which it hides then,
        are not missed.
    beside
        Fields that other tags of the file say something of, and what: as pairs of a field's name and a text.
    info
        Whether a WAV has an INFO list, too, where others look for the genre; see `riff`.
    """

    kind: str
    present: bool
    entries: tuple[TagEntry, ...]
    inherited: tuple[TagEntry, ...] = ()
    info: bool = False
    beside: tuple[tuple[str, str], ...] = ()

    def of(self, key: str) -> list[bytes]:
        """Return the values of a key."""
        return [entry.data for entry in self.entries if entry.key == key]

    def said_beside(self, field: str) -> list[str]:
        """Return what other tags of the file say of a field."""
        return [text for name, text in self.beside if name == field]

    def with_entries(self, entries: Sequence[TagEntry]) -> "StoredTags":
        """Return the same tag with other entries; it is there if any are."""
        return replace(self, present=True, entries=tuple(entries), inherited=())


def touched(before: StoredTags, after: StoredTags) -> list[str]:
    """Return the keys whose values differ between two states of a tag."""
    keys = dict.fromkeys(entry.key for entry in (*before.entries, *after.entries))
    return [key for key in keys if before.of(key) != after.of(key)]


def same(one: StoredTags, other: StoredTags) -> bool:
    """Whether two tags hold the same, whatever order the format keeps keys in."""
    return (one.kind, one.present) == (other.kind, other.present) and not touched(one, other)
