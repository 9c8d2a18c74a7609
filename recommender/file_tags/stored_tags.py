"""What a file's tag holds: entries, byte by byte, and the formats that they are in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

ID3_4, ID3_3, ID3_2 = ID3 = ("ID3v2.4", "ID3v2.3", "ID3v2.2")


VORBIS, APE, MP4_ATOMS, ASF_ATTRIBUTES = "Vorbis comments", "APEv2", "MP4", "ASF"


INFO_GENRE = "INFO:IGNR"
"""Key of the one entry that is not of the tag itself, but of a WAV's INFO list beside it."""


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
