"""Lets another process analyse what was uploaded, one file at a time, and outlives it."""

import json
import multiprocessing
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, TypeVar

from fastapi import HTTPException

from classifier.bundle import Bundle
from classifier.overview import Overview
from recommender import params
from recommender.retrieval.query import HeardFile, Span
from recommender.service.decoding.child import Limits, serve_files, unpacked, unpacked_overview
from recommender.service.problems import RETRY_S

Answer = TypeVar("Answer")

START_S = 60.0
LONGEST_ANSWER = 2**28
LIMITS = Limits(params.HEAR_MEMORY, params.HEAR_CPU_S, params.HEAR_IDLE_S)


@dataclass
class _Child:
    """A process, the bundle that it works with, and how many files it has had."""

    process: SpawnProcess
    connection: Connection
    bundle_id: str
    files: int = 0


class Hearing:
    """A process that analyses files; it is started when it is first needed, and again when it has ended.

    Parameters
    ----------
    seconds
        A file takes no longer.
    limits
        Of the process.
    target
        What the process runs; see `recommender.service.decoding.child.serve_files`.
    """

    def __init__(
        self,
        seconds: float = params.HEAR_S,
        limits: Limits = LIMITS,
        target: Callable[[Connection, str, Limits], None] = serve_files,
    ) -> None:
        self._seconds, self._limits, self._target = seconds, limits, target
        self._turn = threading.Lock()
        self._child: _Child | None = None
        self._closed = False

    def hear(self, path: Path, bundle: Bundle, span: Span | None = None) -> tuple[HeardFile, str | None]:
        """Analyse a file, or a stretch of it; return what it is, and the hash of its content.

        Raises
        ------
        HTTPException
            422 if it cannot be decoded, 503 if it did not get its turn, 504 if it takes too long.
        """
        task = {"path": str(path), "span": None if span is None else [span.start_s, span.end_s]}
        return self._asked(bundle, task, partial(unpacked, n_tags=len(bundle.tag_names)))

    def overview(self, path: Path, bundle: Bundle, length_s: float | None) -> Overview:
        """Return how a file looks; only of a process that runs `serve_overviews`.

        Raises
        ------
        HTTPException
            As of `hear`.
        """
        return self._asked(bundle, {"path": str(path), "length_s": length_s}, unpacked_overview)

    def _asked(
        self, bundle: Bundle, task: dict[str, Any], read: Callable[[dict[str, Any]], Answer]
    ) -> Answer:
        if not self._turn.acquire(timeout=self._seconds):
            said = "too much is being analysed; try again"
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, said, {"Retry-After": str(RETRY_S)})
        try:
            if self._closed:  # while this one waited for its turn
                raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "the service is being stopped")
            answer = self._answer(bundle, json.dumps(task).encode())
            if "error" in answer:
                if answer["error"].get("kind") == "memory":
                    self._end()
                raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(answer["error"].get("message")))
            return read(answer)
        except (ValueError, KeyError, TypeError, AttributeError):
            self._end()
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "it cannot be decoded") from None
        finally:
            self._turn.release()

    def _ready(self, bundle: Bundle) -> _Child:
        """Return a process that is waiting for files, for this bundle."""
        child = self._child
        worn = child is not None and (child.files >= params.HEAR_FILES or child.bundle_id != bundle.bundle_id)
        if child is None or worn or not child.process.is_alive():
            self._end()
            child = self._child = self._started(bundle)
        child.files += 1
        return child

    def _started(self, bundle: Bundle) -> _Child:
        spawn = multiprocessing.get_context("spawn")
        ours, its = spawn.Pipe()
        process = spawn.Process(
            target=self._target, args=(its, str(bundle.path), self._limits), name="upload", daemon=True
        )
        try:
            process.start()
            its.close()
            if ours.poll(START_S):
                ours.recv_bytes(LONGEST_ANSWER)
                return _Child(process, ours, bundle.bundle_id)
            process.kill()
        except (EOFError, OSError):  # it ended, or there is no memory for it
            its.close()
        ours.close()
        said = "uploads cannot be analysed now"
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, said, {"Retry-After": str(RETRY_S)})

    def _answer(self, bundle: Bundle, task: bytes, *, again: bool = True) -> dict[str, Any]:
        child = self._ready(bundle)
        try:
            child.connection.send_bytes(task)
            if not child.connection.poll(self._seconds):
                self._end()
                raise HTTPException(
                    HTTPStatus.GATEWAY_TIMEOUT, f"it takes over {self._seconds:g} s to analyse"
                )
            answer = json.loads(child.connection.recv_bytes(LONGEST_ANSWER))
        except (EOFError, OSError, ValueError):
            code = self._end()
            if code == 0 and again:  # it had waited long enough, and ended, just now
                return self._answer(bundle, task, again=False)
            slow = code is not None and -code == signal.SIGXCPU
            said = "it takes too long to decode" if slow else "the decoder crashed on it"
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, said) from None
        return answer if isinstance(answer, dict) else {}

    def _end(self) -> int | None:
        """End the process if there is one, and return how it ended."""
        child, self._child = self._child, None
        if child is None:
            return None
        child.connection.close()
        child.process.join(1.0)
        child.process.kill()
        child.process.join()
        return child.process.exitcode

    def close(self) -> None:
        """End the process, whatever it is doing; no other is started for those who wait."""
        self._closed = True
        child = self._child
        if child is not None:
            child.process.kill()
        with self._turn:
            self._end()
