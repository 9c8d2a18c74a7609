"""A hierarchy of labels: paths such as ``rock/punk``; children's probabilities sum to their parent's."""

from typing import Final

SEPARATOR: Final = "/"


def ancestor(path: str, depth: int) -> str:
    """Return the first `depth` steps of a path: the path itself where it has no more."""
    return SEPARATOR.join(path.split(SEPARATOR)[:depth])
