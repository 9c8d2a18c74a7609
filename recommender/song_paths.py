"""Which track a path in a table means, however the path is written: plays, labels and imports ask here.

Tables come from other programs and other machines: with backslashes, as ``file://`` addresses, in another
case or another form of Unicode, in the encoding of old Windows programs, below another drive or mount.
"""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:  # workers import this, and no database
    from db.listening.plays import KnownSong

LISTED_IDS: Final = 5
DRIVE: Final = re.compile(r"/?[A-Za-z]:(?=[/\\])")
ADDRESS: Final = re.compile("file:(?://([^/]*))?(.*)", re.IGNORECASE | re.DOTALL)
OLD_WINDOWS: Final = "cp1252"


@dataclass(frozen=True)
class Found:
    """The tracks meant, or why there are none."""

    track_ids: tuple[int, ...] = ()
    reason: str = ""


class PathFinder:
    """Finds the track that a path means.

    A path counts as it is written before its other spellings, and a whole path before its end: one of
    another machine is found by the part that lies below the library's root, of two names at least.
    """

    def __init__(self, songs: "Iterable[KnownSong]") -> None:
        self._exact: dict[str, int] = {}
        self._composed: dict[str, list[int]] = defaultdict(list)
        self._folded: dict[str, list[int]] = defaultdict(list)
        self._below_root: dict[str, list[int]] = defaultdict(list)
        for song in songs:
            self._exact[song.path] = song.track_id
            self._composed[_composed(song.path)].append(song.track_id)
            self._folded[folded(song.path)].append(song.track_id)
            self._below_root[folded(song.rel_path)].append(song.track_id)

    def find(self, path: str, folder: str = "") -> Found:
        """Return the track that a path means.

        Parameters
        ----------
        path
            As it is written.
        folder
            What a relative one is relative to: where the table lies.
        """
        spellings = [os.path.normpath(os.path.join(folder, one)) for one in _spellings(path)]
        for spelling in spellings:
            if spelling in self._exact:
                return Found((self._exact[spelling],))
        for spelling in spellings:
            if found := self._composed.get(_composed(spelling)):
                return _the_only(found, "several files differ in how accents are written")
        for spelling in spellings:
            if found := self._folded.get(folded(spelling)):
                return _the_only(found, "several files differ in their capitals")
        for below in (below for one in _spellings(path) for below in _ends(one)):
            if found := self._below_root.get(folded(below)):
                return _the_only(found, "it fits several files below different roots")
        return Found(reason=f"the catalogue has no track at {spellings[0]}")


def _the_only(found: list[int], several: str) -> Found:
    return Found(tuple(found)) if len(found) == 1 else Found(reason=f"{several}: {ids_in_words(found)}")


def _spellings(path: str) -> Iterator[str]:
    """Yield what a path may be meant as: at first as it is."""
    yield path
    if address := ADDRESS.fullmatch(path):
        host = address[1] if address[1] not in (None, "", "localhost") else ""
        path = os.fsdecode(unquote_to_bytes(os.fsencode(address[2])))
        path = f"//{host}{path}" if host else path
        yield DRIVE.sub("", path)
    raw = os.fsencode(path) if not path.isascii() else b""
    if raw and _is_no_utf8(raw):
        path = raw.decode(OLD_WINDOWS, "replace")
        yield path
    if "\\" in path:
        path = path.replace("\\", "/")
        yield path
    if DRIVE.match(path):
        yield DRIVE.sub("", path)


def _is_no_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return True
    return False


def _ends(path: str) -> Iterator[str]:
    """Yield the ends of a path that may be all of it below a library's root, the longest first.

    Of an absolute one they have two names at least: a file name alone says too little.
    """
    names = [name for name in path.split("/") if name not in ("", ".")]
    if ".." in names:
        return
    is_relative = not path.startswith("/")
    for start in range(1 if is_relative else max(0, len(names) - 1)):
        yield "/".join(names[start:])


def _composed(path: str) -> str:
    return unicodedata.normalize("NFC", path)


def folded(path: str) -> str:
    """Return what paths have in common that differ in capitals or in how accents are written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def ids_in_words(ids: Iterable[int]) -> str:
    """Return some ids of tracks for a sentence."""
    listed = [str(track_id) for track_id in islice(ids, LISTED_IDS + 1)]
    more = ", …" if len(listed) > LISTED_IDS else ""
    return f"ids {', '.join(listed[:LISTED_IDS])}{more}"
