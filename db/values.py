"""Values as queries take them and rows hold them: ids in parts, times as naive UTC, arrays as bytes."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Item = TypeVar("Item")

HASH_DIGITS: Final = 40
"""Of a hash of audio with its codec, rate and channels; older ones have the first `PACKET_DIGITS` alone."""
PACKET_DIGITS: Final = 32

IDS_AT_ONCE: Final = 500
"""In one query: databases limit its parameters."""


def in_parts(items: Sequence[Item], size: int | None = None) -> Iterator[Sequence[Item]]:
    """Return items in parts of one size; by default so many as one query may name."""
    step = size or IDS_AT_ONCE
    return (items[start : start + step] for start in range(0, len(items), step))


def same_content(one: str | None, other: str | None) -> bool:
    """Whether two hashes are of the same audio, so far as an older one tells."""
    if one is None or other is None:
        return False
    digits = min(len(one), len(other))
    return one == other or (digits == PACKET_DIGITS and one[:digits] == other[:digits])


def known_as(content_hash: str) -> list[str]:
    """Return how rows may call an audio: by its hash, or by the older part of it."""
    return list(dict.fromkeys((content_hash, content_hash[:PACKET_DIGITS])))


def utc_now() -> datetime:
    """Return the time as rows hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


def iso_utc(when: datetime) -> str:
    """Return a row's time, naive UTC, in ISO 8601 with its zone."""
    return f"{when.isoformat()}Z"


def pack(values: npt.NDArray[np.floating], dtype: str = "<f4") -> bytes:
    """Return an array's bytes as they are stored."""
    return np.ascontiguousarray(values, dtype).tobytes()


def unpack(raw: bytes, dtype: str = "<f4") -> Array:
    """Return a stored array as float32, one-dimensional."""
    return np.frombuffer(raw, dtype).astype(np.float32)


def stack(rows: Sequence[bytes]) -> Array:
    """Return stored arrays of one length as a matrix, (rows, values)."""
    return np.frombuffer(b"".join(rows), "<f4").reshape(len(rows), -1).astype(np.float32)


LONGEST_SEARCH, MOST_WORDS = 10_000, 500
"""Of characters, and of different words: SQLite refuses longer patterns, and more conditions."""


def words_of(key: str) -> list[str] | None:
    """Return the words of a search key, once each; None of one that is so long that it names no song."""
    words = list(dict.fromkeys(key.split()))
    return None if len(key) > LONGEST_SEARCH or len(words) > MOST_WORDS else words
