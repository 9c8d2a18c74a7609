"""Keep native libraries from writing their own notes to the terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_stderr(null: int | None = None) -> Iterator[None]:
    """Send file descriptor 2 nowhere for a while; Python's exceptions are not affected.

    Parameters
    ----------
    null
        A descriptor of the null device, where it is done again and again; else one is opened.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY) if null is None else null
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        if null is None:
            os.close(nowhere)
