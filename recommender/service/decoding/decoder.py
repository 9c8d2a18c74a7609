"""Lets a process of its own work on files, one at a time, and outlives it."""

import json
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar

from fastapi import HTTPException

from recommender import params
from recommender.service.decoding.process import LOG, DecoderProcess, Limits
from recommender.service.http.troubles import later
from recommender.service.log import TRACEBACK

Answer = TypeVar("Answer")

START_S: Final = 60.0


@dataclass
class _Child:
    """A process, what it was started with, and how many files it has had."""

    process: DecoderProcess
    started_for: tuple[str, str]
    files: int = 0


class Decoder:
    """A process that is given files; it is started when it is first needed, and again when it has ended.

    Parameters
    ----------
    seconds
        A file takes no longer.
    limits
        Of the process.
    target
        What the process runs; see `recommender.service.decoding.worker_process.serve_files`.
    longest_answer
        Bytes that it may answer a task with.
    """

    def __init__(
        self, seconds: float, limits: Limits, target: Callable[..., None], longest_answer: int
    ) -> None:
        self._seconds, self._limits, self._target = seconds, limits, target
        self._longest_answer = longest_answer
        self._turn = threading.Lock()
        self._child: _Child | None = None
        self._closed = False

    def ask(
        self,
        argument: str,
        task: dict[str, Any],
        read: Callable[[dict[str, Any]], Answer],
        *,
        version: str = "",
    ) -> Answer:
        """Let the process do something; return what is read of its answer.

        Parameters
        ----------
        argument, version
            What the process is to have been started with, and which version of that; one that was started
            with another is replaced.

        Raises
        ------
        HTTPException
            422 if it cannot be done, 503 if it did not get its turn, 504 if it takes too long.
        """
        if not self._turn.acquire(timeout=self._seconds):
            raise later("too much is being analysed; try again")
        try:
            if self._closed:  # while this one waited for its turn
                raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "the service is being stopped")
            answer = self._answer((argument, version), json.dumps(task).encode())
            if "error" in answer:
                self._note(task, answer)
                raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(answer["error"].get("message")))
            return read(answer)
        except (ValueError, KeyError, TypeError, AttributeError):
            self._end()
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "it cannot be decoded") from None
        finally:
            self._turn.release()

    def _note(self, task: dict[str, Any], answer: dict[str, Any]) -> None:
        """Log a fault of the decoder; replace a process that has none of its memory left."""
        if answer["error"].get("kind") == "memory":
            self._end()
        text = answer.get("traceback")
        if isinstance(text, str):
            LOG.warning("the decoder failed on %s", task.get("path"), extra={TRACEBACK: text})

    def _ready(self, wanted: tuple[str, str]) -> _Child:
        """Return a process that is waiting for files."""
        child = self._child
        worn = child is not None and (child.files >= params.ANALYSIS_FILES or child.started_for != wanted)
        if child is None or worn or not child.process.is_alive():
            self._end()
            child = self._child = self._started(wanted)
        child.files += 1
        return child

    def _started(self, wanted: tuple[str, str]) -> _Child:
        try:
            process = DecoderProcess(self._target, self._limits, wanted[0])
        except OSError:  # there is no memory, no descriptor or no process for it
            raise later("files cannot be decoded now") from None
        try:
            if process.connection.poll(START_S):
                process.connection.recv_bytes(self._longest_answer)
                return _Child(process, wanted)
            process.kill()
        except (EOFError, OSError):  # it ended
            pass
        process.close(1.0)
        raise later("files cannot be decoded now")

    def _answer(self, wanted: tuple[str, str], task: bytes, *, again: bool = True) -> dict[str, Any]:
        connection = self._ready(wanted).process.connection
        try:
            connection.send_bytes(task)
            if not connection.poll(self._seconds):
                self._end()
                said = f"it takes over {self._seconds:g} s to analyse"
                raise HTTPException(HTTPStatus.GATEWAY_TIMEOUT, said)
            answer = json.loads(connection.recv_bytes(self._longest_answer))
        except (EOFError, OSError, ValueError):
            code = self._end()
            if code == 0 and again:  # it had waited long enough, and ended, just now
                return self._answer(wanted, task, again=False)
            slow = code is not None and -code == signal.SIGXCPU
            said = "it takes too long to decode" if slow else "the decoder crashed on it"
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, said) from None
        return answer if isinstance(answer, dict) else {}

    def _end(self) -> int | None:
        """End the process if there is one, and return how it ended."""
        child, self._child = self._child, None
        return None if child is None else child.process.close(1.0)

    def close(self) -> None:
        """End the process, whatever it is doing; no other is started for those who wait."""
        self._closed = True
        child = self._child
        if child is not None:
            child.process.kill()
        with self._turn:
            self._end()
