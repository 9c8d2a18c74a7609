"""What the operating system refuses, in words that say what to do."""

import errno
from typing import Final

WHAT_TO_DO: Final = {
    errno.ENOSPC: "make room there and run it again",
    errno.EDQUOT: "make room there and run it again",
    errno.EFBIG: "the limit of this shell or file system is lower than what it needs (ulimit -f)",
    errno.EIO: "its disk may be failing",
    errno.EMFILE: "raise the limit (ulimit -n), or close other programs",
    errno.ENFILE: "close other programs",
    errno.ENOMEM: "close other programs, or raise the limit (ulimit -v)",
    errno.EAGAIN: "the limit of processes or memory may be reached (ulimit -u, -v)",
    errno.EROFS: "nothing can be written there",
}


def said(error: OSError) -> str:
    """Return what the system says of a failed call."""
    return error.strerror or str(error).partition("\n")[0] or "it was refused"


def in_words(error: OSError) -> str:
    """Return what the system says of a failed call, and what may be done about it."""
    hint = WHAT_TO_DO.get(error.errno or 0)
    return f"{said(error)}; {hint}" if hint else said(error)
