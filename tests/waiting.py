"""Waiting for the very thing that a test wants, however busy the machine."""

import time
from collections.abc import Callable

PATIENCE_S = 180.0
"""After which nothing is waited for any more: what takes so long will not come."""


def until(true: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait until something is true."""
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.01)
