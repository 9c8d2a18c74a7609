"""Why a catalogue in a file cannot be used: what SQLite says, as one line that says what to do."""

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, ProgrammingError

from db.errors import CatalogBusyError, CatalogError

BUSY_TIMEOUT_MS: Final = 30_000

HARDLY_ROOM: Final = 2**20
"""Bytes: a disk with fewer left is why SQLite could not write, whatever it calls that."""
KEPT: Final = "what was stored is kept"
OUT_OF_MEMORY: Final = f"there is not enough memory for this; {KEPT}"


def explained(error: DBAPIError, name: str) -> CatalogError | None:
    """Return what SQLite's error means to a user, or None where it is a fault of ours, or of the rows.

    Parameters
    ----------
    error
        As SQLAlchemy raises it.
    name
        Path of the catalogue.
    """
    if isinstance(error, (IntegrityError, ProgrammingError)) or not isinstance(error, DatabaseError):
        return None
    said, code = " ".join(str(error.orig).split()), getattr(error.orig, "sqlite_errorname", "")
    if code == "SQLITE_ERROR":  # a statement that does not fit the tables
        return _missing_table(said, name)
    for codes, explain in EXPLANATIONS:
        if code.startswith(codes):
            return explain(name)
    what = f"cannot be used: {said}" if code else "holds what cannot be read"
    return CatalogError(f"{name} {what}; see: deepcuts check")


def no_home(error: OSError, name: str) -> CatalogError:
    """Return what it means that the system makes no file, or no folder, for a catalogue."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _is_filled(name)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return _read_only(name)
    return CatalogError(f"{name} cannot be made: {error.strerror or 'the system refuses'}")


def _is_filled(name: str) -> CatalogError:
    return CatalogError(f"the disk that holds {name} is full; free some space and do the same again: {KEPT}")


def _busy(name: str) -> CatalogError:
    seconds = BUSY_TIMEOUT_MS // 1000
    return CatalogBusyError(
        f"another program has kept {name} locked for {seconds} s; wait until it is done, or stop it, and do "
        f"the same again: {KEPT}"
    )


def _no_memory(_name: str) -> CatalogError:
    return CatalogError(OUT_OF_MEMORY)


def _read_only(name: str) -> CatalogError:
    return CatalogError(f"{name} may only be read; SQLite needs to write into it, and into its folder")


def _not_read_or_written(name: str) -> CatalogError:
    if _is_full(Path(name).parent):
        return _is_filled(name)
    return CatalogError(
        f"{name} could not be read or written: its disk reports an error, or may take no more; see to the "
        f"disk, then: deepcuts check"
    )


def _not_opened(name: str) -> CatalogError:
    folder = Path(name).parent
    if Path(name).is_dir():
        return CatalogError(f"{name} is not a catalogue that can be read: it is a folder")
    if _no_more_files():
        return CatalogError(
            f"{name} cannot be opened: this process may open no more files (ulimit -n); {KEPT}"
        )
    if _is_full(folder):
        return _is_filled(name)
    if not os.access(folder, os.W_OK | os.X_OK):
        return _read_only(name)
    return CatalogError(
        f"{name} is not a catalogue that can be read: the system does not open it; see who may read it"
    )


def _damaged(name: str) -> CatalogError:
    return CatalogError(
        f"{name} is not a catalogue that can be read, or is damaged; what can be done says: deepcuts check"
    )


def _missing_table(said: str, name: str) -> CatalogError | None:
    if not said.startswith("no such table"):
        return None
    return CatalogError(f"{name} lacks what a catalogue holds ({said}); see: deepcuts check")


def _is_full(folder: Path) -> bool:
    """Whether a disk has no room for anything, or for no more files."""
    with suppress(OSError):
        counted = os.statvfs(folder)
        no_names = counted.f_files > 0 and counted.f_favail == 0
        return no_names or shutil.disk_usage(folder).free < HARDLY_ROOM
    return False


def _no_more_files() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False


EXPLANATIONS: Final[tuple[tuple[tuple[str, ...], Callable[[str], CatalogError]], ...]] = (
    (("SQLITE_FULL",), _is_filled),
    (("SQLITE_NOMEM", "SQLITE_IOERR_NOMEM"), _no_memory),
    (("SQLITE_IOERR",), _not_read_or_written),
    (("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"), _busy),
    (("SQLITE_READONLY", "SQLITE_PERM"), _read_only),
    (("SQLITE_CANTOPEN",), _not_opened),
    (("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT"), _damaged),
)
"""By what SQLite's names for errors begin with, the first that fits."""
