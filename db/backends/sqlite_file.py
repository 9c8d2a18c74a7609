"""The file that an SQLite catalogue is: made for its owner alone, opened by many at once, copied whole."""

import errno
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, QueuePool, create_engine, event

from db.backends.sqlite_errors import BUSY_TIMEOUT_MS, no_home
from db.errors import CatalogBusyError, CatalogError

PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700
RETRY_S: Final = 0.01
NO_SYNC: Final = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
"""How a file system says that it brings nothing to the disk on demand."""


def file_engine(path: Path, *, make: bool = True) -> Engine:
    """Return an engine for the catalogue at a path.

    Parameters
    ----------
    make
        Make the file, and its folder, where they are absent; nobody but their owner may read them. Without
        it the file is opened as it is, whatever it holds, and nothing of it is changed.

    Raises
    ------
    CatalogError
        If they are to be made and cannot be.
    """
    if make:
        _make_private(path)
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)
    event.listen(engine, "connect", _set_pragmas if make else _wait_for_others)
    return engine


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from any other that comes in its place; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


class KeptFile:
    """A catalogue's file, and those that SQLite has beside it, as long as they are the ones that were opened.

    Parameters
    ----------
    path
        Of the catalogue, to which a connection is open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = identity(path)
        self._beside = {name: identity(Path(name)) for name in (f"{path}-wal", f"{path}-shm")}

    def is_there(self) -> bool:
        """Whether the file is the one that was opened, and where it was."""
        return identity(self._path) == self._identity

    def leave(self, engine: Engine) -> None:
        """Finish what was written to the file, wherever it is, and remove what it has left in its old place.

        SQLite would take that for what is still to be written into the other file.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError, CatalogBusyError
            If others still read or write it.
        """
        # A connection that is opened now would be to the other file.
        if isinstance(engine.pool, QueuePool) and engine.pool.checkedin():
            with engine.connect() as connection:
                busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            if busy:
                raise CatalogBusyError(f"{self._path} is still being read")
        engine.dispose()
        for name, known in self._beside.items():
            if known is not None and identity(Path(name)) == known:
                with suppress(OSError):
                    os.unlink(name)


def _make_private(path: Path) -> None:
    """Make an empty file that is its owner's alone, and its folder.

    SQLite gives the files beside it the same mode. One that is there is not opened: closing it would end the
    locks that this process holds on it.
    """
    try:
        path.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        if not os.path.lexists(path):
            with suppress(FileExistsError):  # another process was quicker
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
    except OSError as error:
        raise no_home(error, str(path)) from error


def _wait_for_others(connection: Any, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}").close()


def _set_pragmas(connection: Any, record: object) -> None:
    _wait_for_others(connection, record)
    cursor = connection.cursor()
    _in_turn(lambda: cursor.execute("PRAGMA journal_mode = WAL"))
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _in_turn(run: Callable[[], object]) -> None:
    """Run what SQLite refuses at once, without waiting, while another process does the same."""
    give_up = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            run()
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > give_up:
                raise
        time.sleep(RETRY_S)


def backup_path(path: Path, revision: str) -> Path:
    """Return where the copy of a catalogue is that was made before it was brought to a revision."""
    return path.with_name(f"{path.stem}.before-{revision}{path.suffix}")


def backups(path: Path) -> list[Path]:
    """Return the copies that were made of a catalogue before it was changed, the oldest first."""
    return sorted(path.parent.glob(f"{path.stem}.before-*{path.suffix}"))


def unfinished_backups(path: Path) -> list[Path]:
    """Return the copies that are being made, or were cut off."""
    return sorted(path.parent.glob(f".{path.stem}.before-*.part*"))


def back_up(path: Path, revision: str) -> None:
    """Copy a catalogue before it is brought to a revision, unless that was done before.

    Parameters
    ----------
    path
        The caller keeps others from writing to it, with a transaction of its own.

    Raises
    ------
    CatalogError, sqlite3.Error
        If the copy cannot be made.
    """
    target = backup_path(path, revision)
    if os.path.lexists(target):
        return
    try:
        for left in unfinished_backups(path):  # nobody makes them: whoever does holds the same transaction
            left.unlink(missing_ok=True)
        part = target.with_name(f".{target.name}.part")
        try:
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
            _copy(path, part)
            _sync(part)
            os.rename(part, target)
        finally:
            for left in unfinished_backups(path):
                left.unlink(missing_ok=True)
        with suppress(OSError):  # some file systems know no such thing, and the copy is there for all
            _sync(path.parent)
    except OSError as error:
        raise _not_copied(path, error.strerror or "the system refuses") from error
    except sqlite3.Error as error:
        raise _not_copied(path, str(error)) from error


def _copy(path: Path, part: Path) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as copy:
        source.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        source.backup(copy)
        # Its own file alone is the copy: no second one with what was written last.
        copy.execute("PRAGMA journal_mode = DELETE")


def _not_copied(path: Path, said: str) -> CatalogError:
    return CatalogError(
        f"{path} is of an older version and cannot be copied before it is brought up to date: {said}; it "
        "needs as much room again beside it, and is left as it was"
    )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise
    finally:
        os.close(handle)
