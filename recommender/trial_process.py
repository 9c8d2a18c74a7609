"""A process of its own for what nobody knows: networks from elsewhere are looked at and run there first.

It may use little memory and time, open few files, write none, and crash; what it finds comes back as JSON.
"""

import json
import os
import signal
from typing import TYPE_CHECKING, Any, Final

from classifier import params
from classifier.audio.quiet import quiet_stderr
from classifier.errors import BundleError, in_words
from recommender.errors import RecommenderError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

OPEN_FILES: Final = 64
START_S: Final = 60.0
GRACE_S: Final = 10.0
LONGEST_ANSWER: Final = 2**16
ENDED: Final = (-signal.SIGKILL, -signal.SIGXCPU, -signal.SIGALRM)
"""How a process ends that has used up what it may."""
TOO_MUCH_MEMORY: Final = f"its network takes more than {params.TRIAL_MEMORY // 2**30} GiB of memory"
TOO_LONG: Final = f"its network takes more than {params.TRIAL_CPU_S} s for a few patches, or too much memory"


def in_trial(task: str, *arguments: object) -> Any:
    """Do something with a network from elsewhere in a process of its own, and return what comes of it.

    Parameters
    ----------
    task
        One of those of `_task`.
    arguments
        For it; what can be pickled.

    Raises
    ------
    BundleError
        If anything is not as it should be; the text says what.
    RecommenderError
        If no process can be started.
    """
    import multiprocessing

    spawn = multiprocessing.get_context("spawn")
    ours, its = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_trial, args=(its, task, *arguments), name="bundle trial", daemon=True)
    try:
        with quiet_stderr():  # which it inherits: what fails before it is ready is said here
            process.start()
        its.close()
        if _answer(ours, START_S) is None:
            raise RecommenderError("the process that tries the bundle cannot be started; too little memory?")
        said = _answer(ours, params.TRIAL_S)
        if said is None:
            process.join(GRACE_S)  # the pipe may have been closed a little before the process ended
    except OSError as error:
        raise RecommenderError(f"no process can be started to try the bundle: {in_words(error)}") from error
    finally:
        if process.pid is not None:
            process.kill()
            process.join()
        ours.close()
    if said is None:
        said = {"fault": TOO_LONG if process.exitcode in ENDED else "its network crashes what runs it"}
    if "fault" in said:
        raise BundleError(str(said["fault"]))
    return said.get("found")


def _answer(connection: "Connection", seconds: float) -> dict[str, Any] | None:
    """Return what a trial says next: that it is ready, then what it found; None where it ended instead."""
    if not connection.poll(seconds):
        return {"fault": TOO_LONG}
    try:
        said = json.loads(connection.recv_bytes(LONGEST_ANSWER))
    except (EOFError, OSError, ValueError):
        return None
    return said if isinstance(said, dict) else None


def _trial(connection: "Connection", task: str, *arguments: object) -> None:
    """Do a task, and send what came of it; runs in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # libraries that are about to fail write notes
        os.dup2(null, descriptor)
    do = _task(task)
    from recommender.process_limits import allow_seconds, confine

    confine(params.TRIAL_MEMORY, OPEN_FILES)
    allow_seconds(params.TRIAL_CPU_S)
    signal.alarm(int(params.TRIAL_S))
    connection.send_bytes(b"{}")
    try:
        said = {"found": do(*arguments)}
    except BundleError as error:
        said = {"fault": str(error)}
    except MemoryError:
        said = {"fault": TOO_MUCH_MEMORY}
    connection.send_bytes(json.dumps(said).encode())


def _task(name: str) -> Any:
    """Return the function that does a task; it imports ONNX before memory is limited."""
    if name == "bundle":
        from classifier.networks.bundle_trial import try_bundle

        return try_bundle
    from classifier.networks.onnx_file import ends_of_file

    return ends_of_file
