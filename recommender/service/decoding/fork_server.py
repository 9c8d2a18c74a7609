"""A process that has loaded what decoding needs, and splits itself for each file, which so begins at once.

Each file has a process of its own, which ends with it, with a crash, or when nobody takes what it makes.
"""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe, reduction
from multiprocessing.connection import Connection
from typing import Any

from recommender.service.decoding.process import DecoderProcess, Limits, name_of, serve_forks
from recommender.service.http.troubles import later


class ForkServer:
    """A process that starts others; it is started when it is first needed, and again where it has ended.

    Parameters
    ----------
    target
        A function of a module, called in each of them with the connection to whoever started it, and with
        what it is to do.
    prepare
        A function of a module, called once, which loads what they need.
    limits
        Of each of them.
    """

    def __init__(
        self,
        target: Callable[[Connection, dict[str, Any]], None],
        prepare: Callable[[], None],
        limits: Limits,
    ) -> None:
        self._called = [name_of(target), name_of(prepare)]
        self._limits = limits
        self._lock = threading.Lock()
        self._process: DecoderProcess | None = None
        self._closed = False

    def warm(self) -> None:
        """Start the process that waits, if it does not run; it is no matter if that fails."""
        if self._process is None and self._lock.acquire(blocking=False):
            try:
                with suppress(OSError):
                    self._ready()
            finally:
                self._lock.release()

    def start(self, task: dict[str, Any]) -> Connection:
        """Let a process do something; return the connection to it.

        Raises
        ------
        HTTPException
            503 if none can be started.
        """
        try:
            ours, its = Pipe()
        except OSError:
            raise later("files cannot be decoded now") from None
        try:
            with self._lock:
                self._hand_over(json.dumps(task).encode(), its)
        except OSError:
            ours.close()
            raise later("files cannot be decoded now") from None
        finally:
            its.close()
        return ours

    def _hand_over(self, task: bytes, its: Connection) -> None:
        for last in (False, True):
            process = self._ready()
            try:
                process.connection.send_bytes(task)
                reduction.send_handle(process.connection, its.fileno(), process.pid)
                return
            except OSError:
                self._end()
                if last:
                    raise

    def _ready(self) -> DecoderProcess:
        if self._process is not None and self._process.is_alive():
            return self._process
        self._end()
        if self._closed:
            raise OSError("the service is being stopped")
        self._process = DecoderProcess(serve_forks, self._limits, *self._called)
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def close(self) -> None:
        """End it; those that it started end as nobody takes what they make."""
        self._closed = True
        with self._lock:
            self._end()
