"""The picture of a song: the one in its file, or the one that lies beside it."""

import base64
import binascii
import os
import stat
import struct
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import mutagen
from mutagen.flac import Picture

from classifier.errors import LimitError
from recommender.file_tags.open_file import UNREADABLE, KnownFrames, TagSystem, open_tags

NAMES: Final = ("cover", "folder", "front", "album", "albumart")
ENDINGS: Final = (".jpg", ".jpeg", ".png", ".webp")
LARGEST: Final = 32 * 2**20
"""Bytes of a picture that is read."""
FRAMES: Final = KnownFrames("APIC", "PIC")
FRONT: Final = 3
"""Of the kinds of pictures that ID3 defines, the front cover."""


def embedded_picture(path: Path) -> bytes | None:
    """Return the front cover in a file's tags, or else the first picture there, as it was put there."""
    try:
        found = [picture for system in open_tags(path, FRAMES) for picture in _pictures(system)]
    except (*UNREADABLE, LimitError):
        return None
    fronts = [data for kind, data in found if kind == FRONT]
    every = [*fronts, *(data for _, data in found)]
    return next((bytes(data) for data in every if 0 < len(data) <= LARGEST), None)


def picture_hash(path: Path) -> str:
    """Return a hash of that picture, the same for the same bytes; empty where there is none."""
    data = embedded_picture(path)
    return "" if data is None else blake2b(data, digest_size=16).hexdigest()


def _pictures(system: TagSystem) -> Iterator[tuple[int, bytes]]:
    """Yield (kind, bytes) of the pictures in any of the formats that mutagen reads."""
    for picture in system.pictures:
        yield picture.type, picture.data
    tags = system.tags
    # Lists of pairs look through all of themselves for each key.
    pairs: Any = ((k, [v]) for k, v in tags) if isinstance(tags, list) else tags.items()
    for name, value in pairs:
        key = str(name).lower()
        if key.partition(":")[0] in ("apic", "pic") and hasattr(value, "data"):  # ID3
            yield value.type, value.data
        elif key == "covr":  # MP4
            yield from ((FRONT, data) for data in value)
        elif key == "metadata_block_picture":  # Ogg
            yield from map(_of_ogg, value)
        elif key == "wm/picture":
            yield from (_of_asf(one.value) for one in value)
        elif key.startswith("cover art") and isinstance(getattr(value, "value", None), bytes):  # APE
            yield FRONT if "front" in key else 0, value.value.partition(b"\0")[2]


def _of_ogg(text: str) -> tuple[int, bytes]:
    try:
        picture = Picture(base64.b64decode(text))
    except (binascii.Error, mutagen.MutagenError, struct.error):
        return 0, b""
    return picture.type, picture.data


def _of_asf(value: bytes) -> tuple[int, bytes]:
    """Return a picture of a WMA: a byte for its kind, four for its size, two texts in UTF-16, its bytes."""
    kind, size = struct.unpack_from("<BI", value)
    return kind, value[len(value) - size :] if size < len(value) else b""


def picture_beside(path: str, root: str) -> bytes | None:
    """Return the picture of a song's folder.

    No link is followed: neither is the picture itself one, nor does it lie outside the root.

    Parameters
    ----------
    path, root
        Absolute paths of the song, and of the library folder that it is in.
    """
    for beside in files_beside(path):
        data = _read(beside, os.path.realpath(root))
        if data:
            return data
    return None


def files_beside(path: str) -> list[str]:
    """Return the files of a song's folder that are called as pictures of songs are, the likeliest first."""
    folder = os.path.dirname(path)
    try:
        found = {name.lower(): name for name in sorted(os.listdir(folder), reverse=True)}
    except OSError:
        return []
    names = (stem + ending for stem in NAMES for ending in ENDINGS)
    return [os.path.join(folder, found[name]) for name in names if name in found]


def _read(path: str, real_root: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    inside = os.path.realpath(path).startswith(real_root.rstrip(os.sep) + os.sep)
    if not inside or not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with open(descriptor, "rb") as file:
        data = file.read(LARGEST + 1)
    return data if 0 < len(data) <= LARGEST else None
