"""How a process that decodes answers what it is asked; it needs nothing that takes long to load."""

import json
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final

from classifier.errors import AudioError
from recommender.process_limits import allow_seconds
from recommender.service.decoding.process import Limits

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
