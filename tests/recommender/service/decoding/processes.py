"""What a process that decodes could do wrong; loaded by such processes, so quick to load."""

import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

TOO_MUCH = 2**25


def spins(connection: Any, _argument: str, limits: Any) -> None:
    from recommender.process_limits import allow_seconds

    connection.send_bytes(b"{}")
    connection.recv_bytes()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
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


def segfaults(connection: Any, *_more: Any) -> None:
    connection.send_bytes(b"{}")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.kill(os.getpid(), signal.SIGSEGV)


def lies_about_numbers(connection: Any, *_more: Any) -> None:
    connection.send_bytes(b"{}")
    times = b'"start_s": 0, "end_s": 1, "level_dbfs": -1'
    arrays = b'"tags": "AAAA", "embedding": "AADAfw==", "patches": ""'  # not a number
    connection.send_bytes(b'{"segments": [{%s, %s}], "duration_s": 1, "warnings": []}' % (times, arrays))
    connection.poll(None)


def pickles(connection: Any, *_more: Any) -> None:
    connection.send_bytes(b"{}")
    connection.send(hangs)
    connection.poll(None)


def wants_memory(connection: Any, _argument: str, limits: Any) -> None:
    import numpy as np

    from recommender.process_limits import confine
    from recommender.service.decoding.process import OPEN_FILES

    confine(limits.memory, OPEN_FILES)
    connection.send_bytes(b"{}")
    connection.recv_bytes()
    try:
        np.ones(2**28)  # 2 GiB
    except MemoryError:
        connection.send_bytes(b'{"error": {"kind": "memory", "message": "no memory"}}')
    try:
        open("/dev/shm/deepcuts-test", "wb").write(b"x")
    except OSError:
        os._exit(7)


def leaves(connection: Any, bundle: str, limits: Any) -> None:
    """End as a process does that had nothing to do for long, just as the first task comes."""
    from recommender.service.decoding.worker_process import serve_files

    flag = Path(os.environ["DEEPCUTS_TEST_LEFT"])
    if not flag.exists():
        flag.touch()
        connection.send_bytes(b"{}")
        connection.poll(None)
        os._exit(0)
    serve_files(connection, bundle, limits)


def is_never_ready(connection: Any, *_more: Any) -> None:
    connection.close()


PREPARED: list[str] = []


def prepares() -> None:
    PREPARED.append("yes")


def does(connection: Any, task: dict[str, Any]) -> None:
    """Do one of some things that a task of a split process could do, or do wrong."""
    from recommender.service.decoding.process import send_blocks

    what = task["what"]
    if what == "crash":
        os.abort()
    elif what == "memory":
        bytearray(2**40)
    elif what == "write":
        Path(task["path"]).write_bytes(b"x")
    elif what == "endless":
        send_blocks(connection, iter(lambda: str(os.getpid()).encode(), None))
    while what == "spin":
        pass
    answers = {"number": os.getpid(), "parent": os.getppid(), "prepared": "".join(PREPARED)}
    send_blocks(connection, [str(answers[what]).encode()])
