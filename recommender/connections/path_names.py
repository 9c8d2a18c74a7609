"""Names of paths as matching compares them."""

import os
import unicodedata
from collections.abc import Sequence

from recommender.connections import params
from recommender.song_paths import folded


def names_of(path: str) -> list[str]:
    """Return the names of a path as they are compared: of a file without its ending."""
    stem = os.path.splitext(folded(path).replace("\\", "/"))[0]
    return [unicodedata.normalize("NFC", name) for name in stem.split("/") if name not in ("", ".")] or [""]


def tells(name: str) -> bool:
    """Return whether the name of a file by itself may tell a song: '01' does not."""
    return sum(letter.isalpha() for letter in name) >= params.TELLING_NAME


def names_in_common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return in how many names, counted from their ends, two paths agree."""
    count = 0
    for name, same in zip(reversed(one), reversed(other), strict=False):
        if name != same:
            break
        count += 1
    return count
