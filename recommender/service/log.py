"""What the service says while it runs: a line each on stderr, tracebacks in the home's log."""

import logging
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Final

from recommender import error_log

LOG: Final = logging.getLogger("deepcuts")
TRACEBACK: Final = "traceback"
"""Name of what a record may hold: a traceback of another process."""
QUIET_S: Final = 60.0
"""What a client can bring about at will is said once in so long."""
AS_OFTEN: Final = "deepcuts"
"""The one logger whose records are all written: each wrong login is one."""
MOST_KINDS: Final = 1000
TOLD: Final = ("python_multipart",)
"""Loggers of what the client is told, and nobody else needs to know."""


class ServiceLog(logging.StreamHandler[Any]):
    """Writes a record as one line; its traceback goes to the home's log.

    Parameters
    ----------
    home
        The home's directory.
    """

    def __init__(self, home: Path) -> None:
        super().__init__()
        self._home = home
        self._said_s: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless the same was said only just now."""
        if record.name != AS_OFTEN and self._was_said(_kind(record)):
            return
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's line."""
        message, known = record.getMessage(), record.__dict__.get(TRACEBACK)
        if "Traceback (most" in message:  # there are those who put it there
            message, known = message.strip().rpartition("\n")[2], message
        said = " ".join(message.split())
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            known = "".join(traceback.format_exception(error))
            said = f"{said} ({type(error).__name__})"
        if known and (path := error_log.note(self._home, said, known)):
            said = f"{said}; see {path}"
        return said

    def _was_said(self, template: str) -> bool:
        now = time.monotonic()
        if now - self._said_s.get(template, -QUIET_S) < QUIET_S:
            return True
        if len(self._said_s) > MOST_KINDS:
            self._said_s.clear()
        self._said_s[template] = now
        return False


def _kind(record: logging.LogRecord) -> str:
    """Return what records have in common that say the same: the words, and where the error came from."""
    error = record.exc_info[1] if record.exc_info else None
    last = traceback.extract_tb(error.__traceback__)[-1:] if error is not None else []
    return f"{record.name} {record.msg} {type(error).__name__} {[(one.filename, one.lineno) for one in last]}"


def set_up(home: Path) -> None:
    """Let all that goes wrong in this process be said in lines, whoever notices it."""
    root = logging.getLogger()
    root.handlers = [ServiceLog(home)]
    root.setLevel(logging.WARNING)
    for name in TOLD:
        logging.getLogger(name).setLevel(logging.CRITICAL)

    def of_thread(failed: threading.ExceptHookArgs) -> None:
        name = failed.thread.name if failed.thread else "a thread"
        if failed.exc_value is not None:
            LOG.error("%s has failed", name, exc_info=failed.exc_value)

    def unraisable(failed: Any) -> None:
        LOG.error("%s", failed.err_msg or "a fault while tidying up", exc_info=failed.exc_value)

    threading.excepthook, sys.unraisablehook = of_thread, unraisable
