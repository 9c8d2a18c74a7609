"""The boundary around whatever is done to one file: what goes wrong there is that file's failure, no more.

Decoders and readers of tags are other people's code, given files from anywhere: what they raise cannot be
listed. All that read, hash, decode or analyse a single file do so through `attempt`; a worker, which answers
in bytes, through `packed`.
"""

import pickle
import resource
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from classifier import params as limits
from classifier.errors import (
    AudioError,
    CrashError,
    EmptyFileError,
    LimitError,
    NotAudioError,
    SilentError,
    TooShortError,
    UnexpectedError,
    UnreadableFileError,
    said,
)
from recommender import error_log
from recommender.library import params

T = TypeVar("T")

_KINDS: Final = {
    kind.kind: kind
    for kind in (
        *(CrashError, EmptyFileError, LimitError, NotAudioError),
        *(SilentError, TooShortError, UnexpectedError, UnreadableFileError),
    )
}
_NO_MEMORY: Final = ("bad_alloc", "failed to allocate memory", "cannot allocate memory")
"""How libraries say that there is no memory, where they raise something else, or give up."""


@dataclass(frozen=True)
class Failure:
    """Why a file could not be analysed.

    Attributes
    ----------
    kind
        A stable name; see `classifier.errors`.
    message
        Plain words.
    traceback
        For the log file; None where there is nothing that anyone could mend.
    """

    kind: str
    message: str
    traceback: str | None = field(default=None, compare=False, repr=False)


CRASHED: Final = Failure(CrashError.kind, "the decoder crashed on this file")
NO_MEMORY: Final = Failure(
    LimitError.kind, f"it takes more than {limits.FILE_MEMORY / 2**30:g} GB of memory to be read"
)
LITTLE_MEMORY: Final = Failure(
    UnreadableFileError.kind, "cannot be read: this process may use too little memory for it (ulimit -v)"
)
"""Not the file's fault: it is tried again by the next ingest."""
TOO_LARGE: Final = Failure(
    LimitError.kind, f"what is to be kept of it takes more than {params.LARGEST_ANSWER / 2**20:g} MB"
)
LONGEST_TRACEBACK: Final = 10_000
READING: Final = "it could not be read (the decoder failed unexpectedly)"
NOT_SHARED: Final = "not_shared"
"""Kind of a failure that is the cluster's, not the file's: it is reported, and not kept."""


def attempt(work: Callable[[], T]) -> T | Failure:
    """Return what some work on one file gives, or why it failed, whatever was raised."""
    try:
        return work()
    except AudioError as error:
        return Failure(error.kind, str(error))
    except MemoryError:
        return _no_memory()
    except OSError as error:
        return Failure("unreadable", f"cannot be read: {said(error).lower()}")
    except Exception as error:  # noqa: BLE001 - this is the boundary; the log file has it
        return unexpected(error)


def unfailed(result: T | Failure) -> T:
    """Return what `attempt` gave, or raise why there is nothing."""
    if isinstance(result, Failure):
        raise error_of(result)
    return result


def packed(work: Callable[[], object]) -> bytes:
    """Return what some work on one file gives, or why it failed, as bytes; see `unpacked`."""
    found = attempt(lambda: pickle.dumps(work(), pickle.HIGHEST_PROTOCOL))
    if isinstance(found, bytes) and len(found) > params.LARGEST_ANSWER:
        found = TOO_LARGE
    return found if isinstance(found, bytes) else pickle.dumps(found)


def answered(message: bytes) -> bytes:
    """Do a task, a pickled (function, path); return the packed result."""

    def done() -> object:
        task, path = pickle.loads(message)
        return task(path)

    return packed(done)


def unpacked(answer: bytes) -> object:
    """Return what was packed, or why it cannot be unpacked."""
    return attempt(lambda: pickle.loads(answer))


def unexpected(error: BaseException, what: str = READING) -> Failure:
    """Return the failure that an exception is which nobody foresaw."""
    told = "".join(traceback.format_exception(error))
    if says_no_memory(told.rpartition("\n  ")[2]):
        return _no_memory()
    if len(told) > LONGEST_TRACEBACK:  # of a recursion, which repeats itself
        told = f"{told[: LONGEST_TRACEBACK // 2]}\n…\n{told[-LONGEST_TRACEBACK // 2 :]}"
    return Failure(UnexpectedError.kind, what, told)


def says_no_memory(text: str) -> bool:
    """Whether a library's last words are that there is no memory."""
    return any(words in text.lower() for words in _NO_MEMORY)


def _no_memory() -> Failure:
    """Return that there was no memory: the file needs too much, or this process may have little."""
    allowed, most = resource.getrlimit(resource.RLIMIT_AS)
    return NO_MEMORY if most == resource.RLIM_INFINITY or allowed < most else LITTLE_MEMORY


def noted(home: Path | None, path: str, failure: Failure) -> Failure:
    """Write a failure that somebody might mend into the home's log, and let its message say so."""
    if home is None or failure.traceback is None:
        return failure
    log = error_log.note(home, f"{path}: {failure.message}", failure.traceback)
    if log is None:
        return failure
    return replace(failure, message=f"{failure.message}; details are in {log}", traceback=None)


def error_of(failure: Failure) -> AudioError:
    """Return a failure as the error that it was, to be raised."""
    return _KINDS.get(failure.kind, AudioError)(failure.message)
