"""Errors that nothing expected: one line for whoever runs the command, the traceback for the home's log."""

import errno
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from recommender.commands.least_memory import NO_MEMORY
from recommender.params import TRACEBACK_VARIABLE

LONGEST: Final = 200
"""Characters of what an unexpected error says that are shown."""
OF_MEMORY: Final = (
    *("bad_alloc", "bad allocation", "allocate memory"),
    *("without setting an exception", "without exception set"),
)
"""What libraries, and Python itself, say in other errors where memory was not to be had."""
OURS: Final = "deepcuts"


WhichHome = Callable[[], Path | None]
"""Returns the home whose log is written; it is asked when there is something to write."""


def what_happened(error: BaseException, home: WhichHome) -> str:
    """Return one line on an error that is no typed one; its traceback goes to the home's log.

    Parameters
    ----------
    home
        Whose log it is; None where that is not known yet.
    """
    try:
        return _line_on(error, home())
    except (ImportError, MemoryError, OSError):  # not even what would tell it can be loaded
        return NO_MEMORY


def _line_on(error: BaseException, home: Path | None) -> str:
    if os.environ.get(TRACEBACK_VARIABLE):
        _print(*traceback.format_exception(error))
    log = _noted(error, home)
    if isinstance(error, MemoryError) or any(words in str(error) for words in OF_MEMORY):
        return NO_MEMORY
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, ImportError):
        return _of_import(error)
    said = _first_line(error)
    details = f"details are in {log}" if log else f"to see details, run it with {TRACEBACK_VARIABLE}=1"
    return f"something unexpected went wrong ({type(error).__name__}{said and ': '}{said}); {details}"


def _of_system(error: OSError) -> str:
    from classifier.errors import in_words

    if error.errno == errno.EPIPE:
        return "the output was cut short: what read it has stopped"
    name = next((os.fsdecode(n) for n in (error.filename2, error.filename) if isinstance(n, str | bytes)), "")
    if not name and isinstance(error, FileNotFoundError) and not _has_folder():
        return "the folder that it was started in is gone; change to another one"
    return f"{name}: {in_words(error).lower()}" if name else in_words(error).lower()


def _has_folder() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _of_import(error: ImportError) -> str:
    """Name the library; numpy, for one, says pages about what may be wrong."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    if any(isinstance(cause, MemoryError) for cause in causes):
        return NO_MEMORY
    what = f"the library {error.name}" if error.name else "a library"
    return f"{what} cannot be loaded ({_first_line(causes[-1])}): too little memory, or not installed whole"


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0] if lines else ""
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"


def _noted(error: BaseException, home: Path | None) -> Path | None:
    if home is None:
        return None
    with suppress(ImportError, MemoryError):
        from recommender.error_log import note

        return note(home, "not expected", "".join(traceback.format_exception(error)))
    return None


def _print(*lines: str) -> None:
    with suppress(OSError, ValueError):
        print(*lines, sep="", end="", file=sys.stderr)


def keep_quiet(home: WhichHome, *, only_again: bool = False) -> None:
    """Send to a home's log what Python would print by itself: errors in threads, and of objects that end.

    Where a program has hooks of its own, such as a test runner, they stay.

    Parameters
    ----------
    only_again
        Only if this was done before, now that it is known which home it is.
    """
    if _can_be_set(threading.excepthook, threading.__excepthook__, only_again):
        threading.excepthook = partial(_in_thread, home)
    if _can_be_set(sys.unraisablehook, sys.__unraisablehook__, only_again):
        sys.unraisablehook = partial(_in_thread, home)
    if _can_be_set(sys.excepthook, sys.__excepthook__, only_again):
        sys.excepthook = partial(_at_last, home)


def _can_be_set(hook: Any, default: Any, only_again: bool) -> bool:
    own = isinstance(hook, partial) and hook.func in (_in_thread, _at_last)
    return own or (hook is default and not only_again)


def _in_thread(home: WhichHome, raised: Any) -> None:
    if raised.exc_value is not None:
        what_happened(raised.exc_value, home)


def _at_last(home: WhichHome, _kind: Any, error: BaseException, _trace: Any) -> None:
    _print(f"{OURS}: {what_happened(error, home)}\n")


def open_standard_streams() -> None:
    """See to it that standard input, output and error are there, so that no other file takes their numbers.

    What is written to an output that was closed fails, as it should; remarks go nowhere.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        with suppress(OSError):
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, flags)
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            with suppress(OSError):
                stream = open(number, "w", encoding="utf-8", closefd=False)
                setattr(sys, name, stream)
        with suppress(AttributeError, OSError, ValueError):
            if stream.encoding.lower() not in ("utf-8", "utf8"):
                stream.reconfigure(errors="backslashreplace")


@contextmanager
def printing() -> Iterator[None]:
    """Name the output in what is raised when it cannot take what is printed; the rest of it is dropped.

    Raises
    ------
    OSError
        If it cannot.
    """
    try:
        yield
    except OSError as error:
        give_up(sys.stdout)
        if error.errno == errno.EPIPE or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, "the output") from error


def flush_output() -> None:
    """Write out what was printed.

    Raises
    ------
    OSError
        If the output cannot take it.
    """
    with printing():
        sys.stdout.flush()


def give_up(stream: IO[Any]) -> None:
    """Let a stream that takes nothing lead nowhere: Python would try again at its end, and complain."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
