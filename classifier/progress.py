"""A deadline that a process sets itself, and that is put off by every bit of a file that is read or decoded.

The timer is the system's, so that it ends a decoder that is caught in its own code; and it is this
process's alone, so that those who decode need not be told of it. Where none is set, nothing happens.
"""

import signal


def expect_progress(seconds: float) -> None:
    """Have the system end this process once nothing has been read or decoded for so long; 0: never."""
    # The interval is how `made_progress` knows what to wind the timer to.
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)


def made_progress() -> None:
    """Put the deadline off, where there is one: something was read or decoded."""
    _, seconds = signal.getitimer(signal.ITIMER_REAL)
    if seconds:
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
