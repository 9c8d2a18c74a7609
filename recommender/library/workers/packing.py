"""What a worker says of a file, as bytes: whatever it is, it reaches whoever asked, or is a failure."""

import pickle
from collections.abc import Callable
from typing import Final

from recommender import params
from recommender.library.workers.boundary import Failure, attempt

TOO_LARGE: Final = Failure(
    "limit", f"what is to be kept of it takes more than {params.LARGEST_ANSWER / 2**20:g} MB"
)


def packed(work: Callable[[], object]) -> bytes:
    """Return what some work on one file gives, or why it failed, pickled; see `unpacked`."""
    found = attempt(lambda: pickle.dumps(attempt(work), pickle.HIGHEST_PROTOCOL))
    if isinstance(found, bytes) and len(found) > params.LARGEST_ANSWER:
        found = TOO_LARGE
    return found if isinstance(found, bytes) else pickle.dumps(found)


def unpacked(answer: bytes) -> object:
    """Return what was packed, or why it cannot be unpacked."""
    return attempt(lambda: pickle.loads(answer))
