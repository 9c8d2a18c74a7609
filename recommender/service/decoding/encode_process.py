"""The processes that encode songs anew, each as fast as it is taken."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from classifier.audio.stream_encode import encoded, encoded_excerpt, load_libraries, stream_form
from recommender import params
from recommender.process_limits import allow_seconds
from recommender.service.decoding.process import send_blocks

SOON: Final = 2**17
"""Bytes that are encoded as a request is answered; the others while there is nothing else to do."""
NICE: Final = 10
PROGRESS: Final = 2**20
"""Bytes, for which a process may use the processors as long as for a file that is analysed."""


def prepare() -> None:
    """Load what every one of them needs."""
    load_libraries()


def send_encoded(connection: Connection, task: dict[str, Any]) -> None:
    """Send a file encoded anew, by the fields of an `Encode`; without a format, what it is, in JSON."""
    path = Path(task["path"])
    if task["format"] is None:
        send_blocks(connection, _described(path))
        return
    how = (task["format"], task["bit_rate"], task["start_s"], task["end_s"])
    if task["excerpt"]:
        send_blocks(connection, (encoded_excerpt(path, *one) for one in (how,)))
        return
    blocks = encoded(path, *how, most_hz=task["most_hz"], most_bits=task["most_bits"])
    send_blocks(connection, going_on(blocks))


def _described(path: Path) -> Iterator[bytes]:
    yield json.dumps(asdict(stream_form(path))).encode()


def going_on(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield blocks; give way to others once a song has begun, and allow what goes on to take its time.

    A mix of a whole night needs more seconds of the processors than a file may: it is stopped only where it
    makes no progress.
    """
    sent = 0
    for block in blocks:
        if sent < SOON <= sent + len(block):
            os.nice(NICE)
        if sent // PROGRESS < (sent + len(block)) // PROGRESS:
            allow_seconds(params.ANALYSIS_CPU_S)
        sent += len(block)
        yield block
