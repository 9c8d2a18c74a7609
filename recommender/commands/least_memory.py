"""Too little memory is told before anything else is loaded, by what needs next to none itself."""

import resource
import sys

LEAST = 128 * 2**20
"""Bytes of address space without which no command gets as far as to read a catalogue. With less, libraries
that are loaded end in a fault that nothing can catch, or wait for ever (both under Python 3.13)."""
NO_MEMORY = (
    "there is not enough memory; close other programs, raise the limit (ulimit -v), or use fewer --jobs"
)


def check_memory() -> None:
    """End the program with a line if it may not have as much as any command needs; help does without.

    Raises
    ------
    SystemExit
        If so.
    """
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or most >= LEAST:
        return
    if sys.argv[1:] and not {"--help", "--version"} & set(sys.argv):
        sys.exit(f"deepcuts: {NO_MEMORY}")
