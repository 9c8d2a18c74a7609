"""What a process that decodes could do wrong; loaded by such processes, so quick to load."""

import os
import resource
import time
from typing import Any

TOO_MUCH = 2**25


def spins(connection: Any, _argument: str, limits: Any) -> None:
    from recommender.process_limits import allow_seconds

    connection.send_bytes(b"{}")
    connection.recv_bytes()
    allow_seconds(limits.cpu_s)
    while True:
        pass


def hangs(connection: Any, *_more: Any) -> None:
    connection.send_bytes(b"{}")
    time.sleep(1000)


def lies(connection: Any, *_more: Any) -> None:
    connection.send_bytes(b"{}")
    connection.recv_bytes()
    connection.send_bytes(b'{"kind": "text/html", "picture": "PHNjcmlwdD4="}')
    connection.poll(None)


def says_too_much(connection: Any, *_more: Any) -> None:
    connection.send_bytes(b"{}")
    connection.recv_bytes()
    connection.send_bytes(b"[" + b"1," * (TOO_MUCH // 2) + b"1]")
    connection.poll(None)


def crashes(connection: Any, *_more: Any) -> None:
    connection.send_bytes(b"{}")
    connection.recv_bytes()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.abort()


def breaks(_connection: Any, *_more: Any) -> None:
    raise ImportError("there is no memory\nfor a library")


def talks(connection: Any, *_more: Any) -> None:
    os.write(2, b"x" * 2**16)
    connection.send_bytes(b"{}")
    for _ in range(10):
        os.write(2, b"too much to be kept")
