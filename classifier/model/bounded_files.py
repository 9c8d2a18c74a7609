"""Reading what anyone may have made: regular files of bounded size, and arrays that are what they claim.

Nothing is allocated because a file says so: what a header claims is compared with the bytes that are there.
"""

import hashlib
import io
import json
import math
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from classifier import params
from classifier.arrays import Array
from classifier.errors import BundleError

CHUNK: Final = 2**20
# Opened so, a pipe or a device keeps nobody waiting; elsewhere than on Unix there is no such flag.
_AT_ONCE: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_END: Final = struct.Struct("<4s4H2LH")
"""The end of a zip archive: where its directory is, how many members it has, how long its comment is."""
_STORED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SUFFIX: Final = ".npy"
_LONGEST_HEADER: Final = 512
_HEADER: Final = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)(?P<text>\{'descr': '(?P<kind>[^']{1,8})', "
    rb"'fortran_order': (?P<by_columns>True|False), 'shape': \((?P<shape>[0-9, ]{0,99})\), \} *\n)",
    re.DOTALL,
)
"""What numpy writes before an array's numbers; it is Python's syntax, and not left to its parser."""


def open_regular(path: Path, *, links: bool = True) -> BinaryIO:
    """Open a file for reading if it is a regular one.

    Parameters
    ----------
    links
        Whether it may be a link to one.

    Raises
    ------
    BundleError
        If it is missing, a link that may not be, a folder, a pipe, a device, or cannot be read.
    """
    try:
        found = os.stat(path, follow_symlinks=links)
        if stat.S_ISREG(found.st_mode):
            descriptor = os.open(path, os.O_RDONLY | _AT_ONCE | (0 if links else _NO_LINK))
            if stat.S_ISREG(os.fstat(descriptor).st_mode):  # it may have been replaced meanwhile
                return open(descriptor, "rb")
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        raise BundleError(f"{path.name} is missing") from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{path.name} cannot be read: {_reason(error)}") from error
    what = "a link" if stat.S_ISLNK(found.st_mode) else "no regular file"
    raise BundleError(f"{path.name} is {what}")


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def read_regular(path: Path, most: int, *, links: bool = True) -> bytes:
    """Return the bytes of a regular file.

    Raises
    ------
    BundleError
        As of `open_regular`; or if it has more than `most` bytes.
    """
    try:
        with open_regular(path, links=links) as file:
            return b"".join(blocks_of(file, most, path.name))
    except OSError as error:
        raise BundleError(f"{path.name} cannot be read: {_reason(error)}") from error


def blocks_of(file: BinaryIO, most: int, name: str) -> Iterator[bytes]:
    """Yield a file's content.

    Raises
    ------
    BundleError
        If it has more than `most` bytes, before anything is read; or if it comes to have more meanwhile.
    """
    left = most if os.fstat(file.fileno()).st_size <= most else -1
    while left >= 0 and (block := file.read(CHUNK)):
        left -= len(block)
        if left >= 0:
            yield block
    if left < 0:
        raise BundleError(f"{name} has more than {in_words(most)}, the most that is read of it")


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a regular file's bytes, in hex.

    Raises
    ------
    BundleError
        As of `open_regular`; or if it is larger than any file of a bundle may be.
    """
    state = hashlib.sha256()
    try:
        with open_regular(path) as file:
            for block in blocks_of(file, params.LARGEST_BUNDLE_FILE, path.name):
                state.update(block)
    except OSError as error:
        raise BundleError(f"{path.name} cannot be read: {_reason(error)}") from error
    return state.hexdigest()


def in_words(size: int) -> str:
    """Return a number of bytes in words: ``16 MiB``."""
    return f"{size / 2**20:,.0f} MiB"


def parsed(content: bytes, name: str) -> dict[str, Any]:
    """Return the JSON object that some bytes spell out, of bounded nesting and finite numbers.

    Raises
    ------
    BundleError
        If they do not.
    """
    try:
        described = json.loads(content.decode("utf-8"), parse_constant=_no_number)
    except RecursionError as error:
        raise BundleError(_too_deep(name)) from error
    except ValueError as error:
        raise BundleError(f"{name} is not JSON") from error
    if not isinstance(described, dict):
        raise BundleError(f"{name} is not a JSON object")
    _check_nesting(described, name)
    return described


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _too_deep(name: str) -> str:
    return f"{name} is nested deeper than {params.DEEPEST_NESTING} levels, the most that are read"


def _check_nesting(described: object, name: str) -> None:
    level = [described]
    for _ in range(params.DEEPEST_NESTING):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, dict | list)]
        if not level:
            return
    raise BundleError(_too_deep(name))


def _inside(outer: object) -> Any:
    return outer.values() if isinstance(outer, dict) else outer


def read_arrays(path: Path) -> dict[str, Array]:
    """Return the arrays of an .npz file by name.

    Raises
    ------
    BundleError
        As of `open_regular` and `arrays_of`.
    """
    return arrays_of(read_regular(path, params.LARGEST_BUNDLE_FILE), path.name)


def arrays_of(content: bytes, name: str) -> dict[str, Array]:
    """Return the arrays that the bytes of an .npz file hold, by name: float32 and finite, all of them.

    Parameters
    ----------
    name
        Of the file, for the text of an error.

    Raises
    ------
    BundleError
        If it is no such file, claims what it does not hold, or would unpack to more than a bundle's
        files may have.
    """
    _check_directory(content, name)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            _check_members(members, name)
            return {m.filename.removesuffix(_SUFFIX): _array(archive, m, name) for m in members}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        RuntimeError,
        ValueError,
        struct.error,
        OSError,
    ) as error:
        raise BundleError(f"{name} is damaged, or no file of arrays") from error


def _check_directory(content: bytes, name: str) -> None:
    """Look at the end of an archive before a list of its members is made: it may be one of millions."""
    if len(content) < _END.size or content[-_END.size :][:4] != b"PK\5\6":
        raise BundleError(f"{name} is damaged, or no file of arrays")
    *_, members, size, _, _ = _END.unpack(content[-_END.size :])
    if members > params.MOST_ARRAYS or size > params.MOST_ARRAYS * params.LONGEST_TEXT:
        raise BundleError(f"{name} holds more than {params.MOST_ARRAYS:,} arrays, the most that are read")
    if content[-_END.size - 20 :][:4] == b"PK\6\7":
        raise BundleError(f"{name} is an archive for files larger than any of a bundle")


def _check_members(members: list[zipfile.ZipInfo], name: str) -> None:
    if len({member.filename for member in members}) != len(members):
        raise BundleError(f"{name} holds two arrays of one name")
    if any(m.compress_type not in _STORED or not m.filename.endswith(_SUFFIX) for m in members):
        raise BundleError(f"{name} holds something other than arrays")
    if sum(member.file_size for member in members) > params.LARGEST_BUNDLE_FILE:
        most = in_words(params.LARGEST_BUNDLE_FILE)
        raise BundleError(f"{name} would unpack to more than {most}, the most that is read of it")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Array:
    """Return one array; no more is unpacked than the member has by the sum that was checked."""
    with archive.open(member) as file:
        raw = file.read(member.file_size)
    inside = f"{name}: {member.filename.removesuffix(_SUFFIX)}"
    header = _HEADER.match(raw, 0, _LONGEST_HEADER)
    if header is None or int.from_bytes(header["length"], "little") != len(header["text"]):
        raise BundleError(f"{inside} is no array that is read here")
    if header["kind"] == b"|O":
        raise BundleError(f"{inside} holds pickled objects, which are never loaded (allow_pickle=False)")
    if header["kind"] != b"<f4":
        raise BundleError(f"{inside} is not of 32-bit floating-point numbers")
    shape = tuple(int(size) for size in header["shape"].split(b",") if size.strip())
    if len(shape) > params.MOST_DIMENSIONS or math.prod(shape) * 4 != len(raw) - header.end():
        raise BundleError(f"{inside} does not hold as many numbers as it claims")
    flat = np.frombuffer(raw, np.float32, offset=header.end())
    if not np.isfinite(flat).all():
        raise BundleError(f"{inside} holds values that are not finite numbers")
    return flat.reshape(shape, order="F" if header["by_columns"] == b"True" else "C").copy(order="K")
