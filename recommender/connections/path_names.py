"""Names of paths as matching compares them."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Final
from urllib.parse import unquote

from db.tracks import search_key
from recommender.connections import params
from recommender.song_paths import folded
from recommender.song_titles import is_letter

ADDRESS: Final = "file:"
ANYONES: Final = re.compile(
    r"[0-9]*(?:(?:cd|dis[ck]|side|audiotrack|track|titel|piste|traccia|pista|vol(?:ume)?|unknown(?:album|artist)?"
    r"|variousartists|music|musik)[0-9]*[a-d]?)?"
)
"""Names, without what is no letter or digit, that say nothing of what they name."""


def spellings(path: str) -> Iterator[str]:
    """Yield what a path may be meant as: as it is, and as an address of a file."""
    if path:
        yield path
    if "%" in path or path.startswith(ADDRESS):
        yield unquote(path.removeprefix(ADDRESS))


def names_of(path: str) -> list[str]:
    """Return the names of a path as they are compared: of a file without its ending."""
    stem = os.path.splitext(folded(path.replace("\\", "/")))[0]
    return [unicodedata.normalize("NFC", name) for name in stem.split("/") if name not in ("", ".")] or [""]


def bare_names_of(path: str) -> list[str]:
    """Return the same without what some systems do not write: accents, punctuation, blanks at an end."""
    return ["".join(filter(is_letter, search_key(name))) or name for name in names_of(path)]


WAYS: Final[tuple[Callable[[str], list[str]], ...]] = (names_of, bare_names_of)
"""How names are compared first, and then."""


def are_anyones(names: Sequence[str]) -> bool:
    """Return whether names are such as files and folders of any album have: 'CD 1', 'Track 01'."""
    return all(ANYONES.fullmatch("".join(filter(str.isalnum, name))) for name in names)


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
