"""Folders of music to the moments at which something in them wants to be ingested."""

import os
import threading
from collections.abc import Iterator, Sequence

from watchfiles import Change, watch

from classifier.decode import is_audio_path
from recommender import params

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
    """
    while not stop.is_set():
        yield list(folders)
        here = [folder for folder in folders if os.path.isdir(folder)]
        if not here:
            stop.wait(min(rescan_s, params.AWAY_S))
            continue
        places = {folder: _identity(folder) for folder in folders}
        for found in _watched(here, stop, settle_s, rescan_s, poll=poll):
            if {folder: _identity(folder) for folder in folders} != places:
                break  # one was mounted, or replaced: it has to be watched anew
            if found:
                yield found


def _watched(
    here: Sequence[str], stop: threading.Event, settle_s: float, rescan_s: float, *, poll: bool
) -> Iterator[list[str]]:
    """Yield lists of changed folders; after a rescan's time, or where a linked folder changed, all."""
    linked = {os.path.realpath(folder): folder for folder in here}
    waits_ms = min(rescan_s, params.AWAY_S) * 1000
    quiet_s = 0.0
    for changes in watch(
        *here,
        watch_filter=_is_of_music,
        step=int(settle_s * 1000),
        debounce=int(params.SETTLE_MOST_S * 1000),
        stop_event=stop,
        rust_timeout=int(waits_ms),
        yield_on_timeout=True,
        raise_interrupt=True,
        force_polling=poll or None,
        poll_delay_ms=NETWORK_POLL_MS,
        ignore_permission_denied=True,
    ):
        paths = {path for _, path in changes}
        quiet_s = 0.0 if paths else quiet_s + waits_ms / 1000
        if quiet_s >= rescan_s:
            quiet_s = 0.0
            yield list(here)
            continue
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
