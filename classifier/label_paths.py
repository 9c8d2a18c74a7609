"""Labels as paths of a hierarchy: ``rock/punk`` is below ``rock``."""

from collections.abc import Sequence
from typing import Final

SEPARATOR: Final = "/"
OTHER: Final = "other"


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
