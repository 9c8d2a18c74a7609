"""Folders of music to the moments at which something in them wants to be ingested."""

import os
import platform
import threading
from collections.abc import Iterator, Sequence

from watchfiles import Change
from watchfiles._rust_notify import RustNotify  # documented for such use: `watch` begins with its first wait

from classifier.audio.decode import is_audio_path
from recommender import params
from recommender.errors import RecommenderError

NETWORK_POLL_MS = 5000


def changed_folders(
    folders: Sequence[str],
    stop: threading.Event,
    settle_s: float = params.SETTLE_S,
    rescan_s: float = params.RESCAN_S,
    *,
    poll: bool = False,
) -> Iterator[list[str]]:
    """Yield the folders that are to be ingested: at first all, then those where something changed.

    What changes while a caller is busy with one list is in the next one.

    Parameters
    ----------
    folders
        Absolute paths; one that is not there now is looked for at every rescan.
    stop
        Ends the watch within a second.
    settle_s
        A change is told once nothing more has changed for so long, so that a file that is being copied is
        not read in the middle, or once that has gone on for `params.SETTLE_MOST_S`.
    rescan_s
        All folders are yielded after so many seconds without a change: the system may have lost some, and
        tells nothing of what other machines do on a shared folder.
    poll
        Look at every file now and then, where the system tells of no changes.

    Raises
    ------
    RecommenderError
        After the first list, if the system cannot watch so many folders.
    """
    while not stop.is_set():
        places = {folder: _identity(folder) for folder in folders}
        here = [folder for folder in folders if os.path.isdir(folder)]
        # Before anything is looked at, so that nothing is missed.
        try:
            notifier = _notifier(here, poll=poll) if here else None
        except FileNotFoundError:  # gone again
            notifier = None
        except OSError as error:
            yield list(folders)
            raise RecommenderError(f"cannot watch for changes: {error}; try --poll") from error
        yield list(folders)
        if notifier is None:
            stop.wait(min(rescan_s, params.AWAY_S))
            continue
        with notifier:
            for found in _watched(notifier, here, stop, settle_s, rescan_s):
                if {folder: _identity(folder) for folder in folders} != places:
                    break  # one was mounted, or replaced: it has to be watched anew
                if found:
                    yield found


def _notifier(here: Sequence[str], *, poll: bool) -> RustNotify:
    """Have changes noted from now on."""
    # WSL tells of no change on Windows' disks.
    polls = poll or "microsoft-standard" in platform.release().lower()
    return RustNotify(list(here), False, polls, NETWORK_POLL_MS, True, True)


def _watched(
    notifier: RustNotify, here: Sequence[str], stop: threading.Event, settle_s: float, rescan_s: float
) -> Iterator[list[str]]:
    """Yield lists of changed folders, now and then an empty one; after a rescan's time all."""
    linked = {os.path.realpath(folder): folder for folder in here}
    waits_s = min(rescan_s, params.AWAY_S)
    times_ms = (int(1000 * seconds) for seconds in (params.SETTLE_MOST_S, settle_s, waits_s))
    longest, step, timeout = times_ms
    quiet_s = 0.0
    while (told := notifier.watch(longest, step, timeout, stop)) != "stop":
        if told == "signal":
            raise KeyboardInterrupt
        if told == "timeout":
            quiet_s += waits_s
            if quiet_s >= rescan_s:
                quiet_s = 0.0
            yield list(here) if quiet_s == 0 else []
        elif paths := {path for change, path in told if _is_of_music(Change(change), path)}:
            quiet_s = 0.0
            yield [f for real, f in linked.items() if any(_lies_in(path, real, f) for path in paths)]


def _lies_in(path: str, real: str, folder: str) -> bool:
    return any(path == place or path.startswith(place.rstrip(os.sep) + os.sep) for place in (real, folder))


def _is_of_music(change: Change, path: str) -> bool:
    """Whether a change may matter: to an audio file, or to a folder; never below a dot folder."""
    if os.path.basename(path).startswith("."):
        return False
    return is_audio_path(path) or change is Change.deleted or os.path.isdir(path)


def _identity(folder: str) -> tuple[int, int] | None:
    """Return what tells a folder from another at the same place; None where there is none."""
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino
