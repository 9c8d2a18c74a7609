"""A process that decodes: it runs one function of ours, which talks to us through a connection.

It is no `multiprocessing.Process`: what that writes to stderr as it starts, or crashes, is on the service's.
What this one says is kept, as far as it is not too much, for the home's log.
"""

import importlib
import json
import logging
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing import Pipe, reduction
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple

from classifier.errors import AudioError
from recommender.process_limits import allow_seconds, confine
from recommender.service.log import TRACEBACK

LOG: Final = logging.getLogger("deepcuts.trouble")
BEGIN: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from recommender.service.decoding.process import begin; begin(*sys.argv[2:])"
)
LONGEST_SAID: Final = 2**14
"""Bytes that are kept of what a process says; more it cannot."""
NICE: Final = 5
"""The processors are others' first: a file that takes long must not make the service slow."""
KILLED: Final = (-signal.SIGKILL, -signal.SIGTERM)


class Limits(NamedTuple):
    """What a process may use: bytes more than it has, seconds of processors a file, idle seconds."""

    memory: int
    cpu_s: int
    idle_s: float


class DecoderProcess:
    """A running process.

    Parameters
    ----------
    target
        A function of a module. It is called with the process's end of the connection, with `arguments`, and
        with `limits`, which it keeps to.
    arguments
        Whatever JSON can hold.

    Raises
    ------
    OSError
        If the system lets no process be started.
    """

    def __init__(self, target: Callable[..., None], limits: Limits, *arguments: Any) -> None:
        self.connection, its = Pipe()
        self._said, says = os.pipe()
        os.set_blocking(says, False)  # a process that says more than there is room for does not wait
        os.set_blocking(self._said, False)
        told = [name_of(target), str(its.fileno()), json.dumps(arguments), json.dumps(limits)]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", BEGIN, json.dumps([path for path in sys.path if path]), *told],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=says,
                pass_fds=(its.fileno(),),
            )
        except OSError:
            os.close(self._said)
            self.connection.close()
            raise
        finally:
            its.close()
            os.close(says)

    @property
    def pid(self) -> int:
        """Return its number."""
        return self._process.pid

    @property
    def exitcode(self) -> int | None:
        """Return how it ended, a signal's number negated; None while it runs."""
        return self._process.poll()

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.exitcode is None

    def join(self, seconds: float | None = None) -> None:
        """Wait for its end, no longer than so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def close(self, patience_s: float = 0.0) -> int | None:
        """End it, if it does not within some seconds; log what it said if it crashed. Return how it ended."""
        self.connection.close()
        self.join(patience_s)
        self.kill()
        self._process.wait()
        code, said = self._process.returncode, b""
        with suppress(OSError):
            said = os.read(self._said, LONGEST_SAID)
        os.close(self._said)
        if code and said and code not in KILLED:
            text = said.decode("utf-8", "replace")
            LOG.warning("a decoder has crashed (%s)", code, extra={TRACEBACK: text})
        return code


def name_of(function: Callable[..., Any]) -> str:
    """Return what another process finds a function of a module by."""
    return f"{function.__module__}:{function.__qualname__}"


def function_of(name: str) -> Callable[..., Any]:
    """Return the function that has such a name."""
    module, _, own = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), own)
    return found


def begin(target: str, descriptor: str, arguments: str, limits: str) -> None:
    """Call a function, as this process was told to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the service, when that is ready
    if target != name_of(serve_forks):  # what it starts is to begin soon
        os.nice(NICE)
    function_of(target)(Connection(int(descriptor)), *json.loads(arguments), Limits(*json.loads(limits)))


OPEN_FILES: Final = 64
LONGEST_TRACEBACK: Final = 2**13
"""Characters."""
MEMORY: Final = {"kind": "memory", "message": "it takes too much memory to be decoded"}
FAULT: Final = {"kind": "crash", "message": "the decoder failed on it"}


def answer_all(
    connection: Connection, limits: Limits, answer: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Answer each task that comes, until the other end closes the connection, or has been silent for long.

    Raises
    ------
    EOFError, ConnectionError
        When it is closed.
    """
    connection.send_bytes(b"{}")
    while connection.poll(limits.idle_s):
        task = json.loads(connection.recv_bytes())
        allow_seconds(limits.cpu_s)
        try:
            said = answer(task)
        except AudioError as error:
            said = {"error": {"kind": error.kind, "message": str(error)}}
        except MemoryError:
            said = {"error": MEMORY}
        except Exception:  # noqa: BLE001 - whatever a decoder or a reader of tags raises is the file's failure
            said = {"error": FAULT, "traceback": traceback.format_exc()[-LONGEST_TRACEBACK:]}
        connection.send_bytes(json.dumps(said).encode("ascii"))


CONTENT, FAILED, ENDED = b".", b"!", b"$"
"""What a message with content begins with, one with an error, and the last one."""
CUT: Final = 2**17
"""Bytes of content in one message."""


def send_blocks(connection: Connection, blocks: Iterable[bytes]) -> None:
    """Send what comes, until it ends or nobody takes it any more; a file's failure is sent, too."""
    with suppress(EOFError, ConnectionError):
        try:
            for block in blocks:
                for start in range(0, len(block), CUT):
                    connection.send_bytes(CONTENT + block[start : start + CUT])
            connection.send_bytes(ENDED)
        except AudioError as error:
            connection.send_bytes(FAILED + str(error).encode("utf-8", "replace")[:CUT])


def serve_forks(connection: Connection, target_name: str, prepare_name: str, limits: Limits) -> None:
    """Start a process for each task that comes, until the other end closes the connection."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process of several threads is not to be split
    target, prepare = function_of(target_name), function_of(prepare_name)
    prepare()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    with suppress(EOFError, ConnectionError):
        while True:
            task = json.loads(connection.recv_bytes())
            handle = reduction.recv_handle(connection)
            if os.fork() == 0:
                connection.close()
                _run(target, handle, task, limits)
            os.close(handle)


def _run(target: Callable[[Connection, Any], None], handle: int, task: Any, limits: Limits) -> None:
    """Do a task in this process, and end it."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        confine(limits.memory, OPEN_FILES)
        allow_seconds(limits.cpu_s)
        target(Connection(handle), task)
        code = 0
    except BaseException:
        sys.stderr.write(traceback.format_exc())
        raise
    finally:
        os._exit(code)
