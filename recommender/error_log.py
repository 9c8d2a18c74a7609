"""The log file of a home: what was unexpected, with its traceback, for whoever mends it."""

import logging
import os
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

FILE_NAME: Final = "deepcuts.log"
LARGEST_BYTES: Final = 2**20
KEPT_FILES: Final = 3


class _PrivateFile(RotatingFileHandler):
    """A log that its owner alone may read."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return open(descriptor, "a", encoding="utf-8", errors="backslashreplace")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Leave it to the caller that a record could not be written; logging would print a traceback."""
        raise  # noqa: PLE0704 - it is called where the error is handled


def log_path(home: Path) -> Path:
    """Return where the log of a home is."""
    return home / FILE_NAME


def note(home: Path, what: str, traceback: str) -> Path | None:
    """Append what was unexpected to a home's log.

    Parameters
    ----------
    home
        An existing directory; nothing is made where it is not there.
    what
        One line: what was being done, to which file.
    traceback
        As `traceback.format_exc` gives it.

    Returns
    -------
    path
        Of the log, or None if it could not be written: a log never stops what is logged.
    """
    path = log_path(home)
    if not home.is_dir():
        return None
    with suppress(OSError, ValueError, MemoryError):
        handler = _PrivateFile(path, maxBytes=LARGEST_BYTES, backupCount=KEPT_FILES, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(message)s"))
        try:
            record = logging.LogRecord("deepcuts", logging.ERROR, "", 0, f"{what}\n{traceback}", None, None)
            handler.handle(record)
        finally:
            handler.close()
        return path
    return None
