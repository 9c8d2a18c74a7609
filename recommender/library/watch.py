"""Folders of music to the moments at which something in them wants to be ingested."""

import os
import platform
import threading
from collections.abc import Iterator, Mapping, Sequence

from watchfiles import Change
from watchfiles._rust_notify import RustNotify  # documented for such use: `watch` begins with its first wait

from classifier.audio.decode import is_audio_path
from db.tracks import is_within
from recommender import params
from recommender.errors import RecommenderError
from recommender.library.ignore_rules import IGNORE_FILE, NO_MEDIA
from recommender.library.sheet_parts import CUE

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
    folders, stop, settle_s, rescan_s
        Absolute paths, those that are not there being looked for at every rescan; see `_watched`.
    poll
        Look at every file now and then, where the system tells of no changes.

    Raises
    ------
    RecommenderError
        After the first list, if the system cannot watch so many folders.
    """
    while not stop.is_set():
        identities = {folder: _identity(folder) for folder in folders}
        here = [folder for folder in folders if os.path.isdir(folder)]
        try:  # before anything is looked at, so that nothing is missed
            notifier = _notifier(here, poll=poll)
        except OSError as error:
            yield list(folders)
            raise RecommenderError(f"cannot watch for changes: {error}; try --poll") from error
        yield list(folders)
        if notifier is None:
            stop.wait(min(rescan_s, params.AWAY_S))
            continue
        with notifier:
            yield from _watched(notifier, here, identities, stop, settle_s, rescan_s)


def _notifier(here: Sequence[str], *, poll: bool) -> RustNotify | None:
    """Have changes noted from now on; return None where there is nothing to watch."""
    # WSL tells of no change on Windows' disks.
    polls = poll or "microsoft-standard" in platform.release().lower()
    try:
        return RustNotify(list(here), False, polls, NETWORK_POLL_MS, True, True) if here else None
    except FileNotFoundError:  # gone again
        return None


def _watched(
    notifier: RustNotify,
    here: Sequence[str],
    identities: Mapping[str, tuple[int, int] | None],
    stop: threading.Event,
    settle_s: float,
    rescan_s: float,
) -> Iterator[list[str]]:
    """Yield lists of changed folders, after a rescan's time all, until a folder is another one.

    Parameters
    ----------
    identities, stop
        What tells each folder: one that was replaced has to be watched anew. What ends the watch.
    settle_s
        A change is told once nothing more has changed for so long, so that a file that is being copied is
        not read in the middle, or once that has gone on for `params.SETTLE_MOST_S`.
    rescan_s
        All folders are yielded after so many seconds without a change: the system may have lost some, and
        tells nothing of what other machines do on a shared folder.
    """
    linked = {os.path.realpath(folder): folder for folder in here}
    waits_s, quiet_s = min(rescan_s, params.AWAY_S), 0.0
    longest, step, timeout = (int(1000 * seconds) for seconds in (params.SETTLE_MOST_S, settle_s, waits_s))
    while (told := notifier.watch(longest, step, timeout, stop)) != "stop":
        if told == "signal":
            raise KeyboardInterrupt
        if told == "timeout":
            quiet_s += waits_s
            found = list(here) if quiet_s >= rescan_s else []
        else:
            paths = {path for change, path in told if _is_of_music(Change(change), path)}
            found = [
                f for real, f in linked.items() if any(is_within(p, real) or is_within(p, f) for p in paths)
            ]
        if any(_identity(folder) != before for folder, before in identities.items()):
            return
        if found:
            quiet_s = 0.0
            yield found


def _is_of_music(change: Change, path: str) -> bool:
    """Whether a change may matter: to an audio file, or to a folder; never below a dot folder."""
    if os.path.basename(path).startswith("."):
        return os.path.basename(path) in (IGNORE_FILE, NO_MEDIA)
    if path.lower().endswith(CUE):
        return True
    return is_audio_path(path) or change is Change.deleted or os.path.isdir(path)


def _identity(folder: str) -> tuple[int, int] | None:
    """Return what tells a folder from another at the same path; None where there is none."""
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino
