"""What is nobody's fault: a full disk, a catalogue that is locked, gone or damaged, too little of the system.

It is answered with a status that says so and a reason, and logged once in a while.
"""

import errno
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import HTTPException
from sqlalchemy import exc

from db.errors import CatalogBusyError, CatalogError, CatalogGoneError

LOG: Final = logging.getLogger("deepcuts.trouble")
RETRY_S: Final = 2
FULL, FEW_FILES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG), (errno.EMFILE, errno.ENFILE)
FEW_MEANS: Final = (errno.ENOMEM, errno.EAGAIN, errno.ENOBUFS)


@dataclass(frozen=True)
class Trouble:
    """How something is answered that the service cannot do just now."""

    status: HTTPStatus
    said: str

    @property
    def headers(self) -> dict[str, str]:
        """Return when to come again, where that might help."""
        return {} if self.status == HTTPStatus.INSUFFICIENT_STORAGE else {"Retry-After": str(RETRY_S)}


NO_DISK: Final = Trouble(
    HTTPStatus.INSUFFICIENT_STORAGE, "the disk is full, or lets no file be larger; nothing was changed"
)
NO_FILES: Final = Trouble(HTTPStatus.SERVICE_UNAVAILABLE, "too many files are open; try again")
NO_MEANS: Final = Trouble(
    HTTPStatus.SERVICE_UNAVAILABLE, "the system has no memory, process or thread for it now; try again"
)
BUSY: Final = Trouble(
    HTTPStatus.SERVICE_UNAVAILABLE, "the catalogue is busy, or cannot be reached; try again"
)
NO_FOLDER: Final = Trouble(
    HTTPStatus.INSUFFICIENT_STORAGE,
    "there is no room for uploads: no temporary folder takes any (TMPDIR)",
)
READ_ONLY: Final = Trouble(HTTPStatus.SERVICE_UNAVAILABLE, "it may only be read here; nothing was changed")
BAD_DISK: Final = Trouble(HTTPStatus.SERVICE_UNAVAILABLE, "the disk reports an error; nothing was changed")
UNUSABLE: Final = Trouble(HTTPStatus.SERVICE_UNAVAILABLE, "the catalogue cannot be read: see deepcuts check")

GONE: Final = Trouble(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "the catalogue was moved, replaced or deleted; nothing was changed; it is opened again when it is back",
)

OF_SQLITE: Final = (
    ("SQLITE_FULL", NO_DISK),
    ("SQLITE_IOERR_NOMEM", NO_MEANS),
    ("SQLITE_NOMEM", NO_MEANS),
    ("SQLITE_IOERR", BAD_DISK),
    ("SQLITE_BUSY", BUSY),
    ("SQLITE_LOCKED", BUSY),
    ("SQLITE_READONLY", READ_ONLY),
    ("SQLITE_CANTOPEN", UNUSABLE),
    ("SQLITE_CORRUPT", UNUSABLE),
    ("SQLITE_NOTADB", UNUSABLE),
)


def later(said: str) -> HTTPException:
    """Return the error of what cannot be done now, and may be asked for again in a moment."""
    return HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, said, {"Retry-After": str(RETRY_S)})


def trouble(error: BaseException) -> Trouble | None:
    """Return how an error is answered that is no fault of ours and none of the request; else None."""
    if isinstance(error, MemoryError) or is_threadless(error):
        return NO_MEANS
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, (CatalogError, exc.SQLAlchemyError)):
        return _of_catalogue(error)
    return None


def noted(error: BaseException) -> Trouble | None:
    """Return the same, and log it."""
    found = trouble(error)
    if found is not None:
        LOG.warning(found.said, exc_info=error)
    return found


def is_threadless(error: BaseException) -> bool:
    """Whether a thread could not be started."""
    return isinstance(error, RuntimeError) and "start new thread" in str(error)


def _of_system(error: OSError) -> Trouble | None:
    if error.errno in FULL:
        return NO_DISK
    if error.errno in FEW_FILES:
        return NO_FILES
    if error.errno in FEW_MEANS:
        return NO_MEANS
    if error.errno in (errno.EIO, errno.EROFS):
        return BAD_DISK if error.errno == errno.EIO else READ_ONLY
    return None


def _of_catalogue(error: Exception) -> Trouble | None:
    for cause in _causes(error):
        if isinstance(cause, CatalogGoneError):
            return GONE
        if isinstance(cause, MemoryError):
            return NO_MEANS
        name = getattr(getattr(cause, "orig", None), "sqlite_errorname", None)
        if name is not None:
            if name == "SQLITE_ERROR" and "no such table" in str(getattr(cause, "orig", "")):
                return UNUSABLE
            return next((found for code, found in OF_SQLITE if name.startswith(code)), None)
    if isinstance(error, (CatalogBusyError, exc.TimeoutError, exc.OperationalError, exc.InterfaceError)):
        return BUSY
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
