"""Labels as paths of a hierarchy: ``rock/punk`` is below ``rock``."""

import unicodedata
from collections.abc import Sequence
from typing import Final

from classifier import params

SEPARATOR: Final = "/"
OTHER: Final = "other"
_BREAKING: Final = {
    "Cc": "control characters",
    "Zl": "line breaks",
    "Zp": "line breaks",
    "Cs": "bytes that are no text",
}
"""Categories of characters that no name may have, and what they are called."""


def ancestor(path: str, depth: int) -> str:
    """Return the first `depth` steps of a path: the path itself where it has no more."""
    return SEPARATOR.join(path.split(SEPARATOR)[:depth])


def ancestors(path: str) -> list[str]:
    """Return the nodes above a path, the top first."""
    return [ancestor(path, depth) for depth in range(1, path.count(SEPARATOR) + 1)]


def parent_of(path: str) -> str:
    """Return the node right above a path; the empty string above a top node."""
    return path.rpartition(SEPARATOR)[0]


def with_leaves(labels: Sequence[str]) -> dict[str, str]:
    """Return each label's name as a leaf.

    A label that is also above others ("rock" beside "rock/punk") becomes "rock/other"; songs of a label
    that already has this name then share it.
    """
    inner = {node for label in labels for node in ancestors(label)}
    leaves = {}
    for label in labels:
        leaf = label
        while leaf in inner:
            leaf += SEPARATOR + OTHER
        leaves[label] = leaf
    return leaves


def label_fault(label: str) -> str | None:
    """Return what a text has that no label may have, in words; None where nothing is wrong with it."""
    if not all(step.strip() for step in label.split(SEPARATOR)):
        return "an empty name" if SEPARATOR not in label else f"an empty name before or after a '{SEPARATOR}'"
    if len(label) > params.LONGEST_TEXT:
        return f"{len(label):,} characters, {params.LONGEST_TEXT} being the most"
    return next((_BREAKING[kind] for kind in map(unicodedata.category, label) if kind in _BREAKING), None)
