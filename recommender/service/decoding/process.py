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
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple

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
        called = f"{target.__module__}:{target.__qualname__}"
        told = [called, str(its.fileno()), json.dumps(arguments), json.dumps(limits)]
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


def begin(target: str, place: str, arguments: str, limits: str) -> None:
    """Call a function, as this process was told to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the service, when that is ready
    os.nice(NICE)
    module, _, name = target.partition(":")
    function = getattr(importlib.import_module(module), name)
    function(Connection(int(place)), *json.loads(arguments), Limits(*json.loads(limits)))
