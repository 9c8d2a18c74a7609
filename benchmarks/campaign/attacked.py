"""A running ``serve`` that is attacked, and what is looked at after each attack."""

import hashlib
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import REPO

START_S = 60.0
MOST_GROWTH = 400 * 2**20
"""Bytes of memory that the service may have more than before the first attack."""
MOST_LOG = 2**16
"""Bytes that it may have written to stderr."""
HONEST = (503, 504, 507)
"""Statuses from 500 on that it may answer with, each with a reason."""
LEAKS = (b"Traceback", b"sqlalchemy", b"SELECT ", b"INSERT ", b'File "')
STATUS = re.compile(rb"(?:\A|\n)HTTP/1\.[01] (\d{3})")
TABLES = ("track", "root", "segment", "playlist", "playlist_track", "favourite", "setting")


@dataclass
class Attacked:
    """A service, and how it is.

    Attributes
    ----------
    worst_s
        Longest that an answer to a ping took, since this was last set.
    unanswered
        Whether a ping was not answered well.
    """

    home: Path
    process: "subprocess.Popen[bytes]"
    port: int
    log: Path
    worst_s: float = 0.0
    unanswered: str = ""
    _memory: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._pinger = threading.Thread(target=self._ping_on, daemon=True)
        self.ping("/api/tracks")
        self._memory = self.memory()
        self._pinger.start()

    def memory(self) -> int:
        """Return the bytes of memory that its processes have together, pages that are shared once."""
        pids, found = [self.process.pid], 0
        for pid in pids:
            with suppress(OSError, ValueError):
                for children in Path(f"/proc/{pid}/task").glob("*/children"):
                    pids += map(int, children.read_text().split())
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                found += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        return found

    def rows(self) -> str:
        """Return what the rows of its catalogue amount to."""
        found = hashlib.sha256()
        with closing(
            sqlite3.connect(f"file:{self.home}/catalog.sqlite?mode=ro", uri=True, timeout=20)
        ) as read:
            for table in TABLES:
                found.update(repr(read.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()).encode())
        return found.hexdigest()

    def exchange(self, *blocks: bytes, wait_s: float = 0.5, pause_s: float = 0.0) -> bytes:
        """Send some bytes; return what comes back until it is closed, or nothing comes for long."""
        found = b""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            connection.settimeout(max(wait_s, 5.0))
            with suppress(OSError):  # closed while it is sent: what was answered is still read
                for block in blocks:
                    connection.sendall(block)
                    time.sleep(pause_s)
            connection.settimeout(wait_s)
            with suppress(OSError):
                while len(found) < 2**24 and (block := connection.recv(2**18)):
                    found += block
        return found

    def ping(self, path: str = "/rest/ping?f=json") -> None:
        """Ask something harmless, as somebody else does; note how long it takes."""
        began = time.monotonic()
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        found = self.exchange(request, wait_s=20.0)
        self.worst_s = max(self.worst_s, time.monotonic() - began)
        if not found.startswith((b"HTTP/1.1 200", b"HTTP/1.1 401")):
            self.unanswered = f"a ping was answered with {found[:60]!r}"

    def _ping_on(self) -> None:
        while not self._stop.wait(0.1):
            self.ping()

    def stop(self) -> int:
        """Tell it to stop; return its exit code."""
        self._stop.set()
        self._pinger.join(30)
        self.process.terminate()
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()

    def trouble(self, slowest_s: float) -> str | None:
        """Return what is wrong with it since this was last asked."""
        worst_s, self.worst_s = self.worst_s, 0.0
        unanswered, self.unanswered = self.unanswered, ""
        said = self.log.read_bytes()
        if self.process.poll() is not None:
            return f"the service has ended: {self.process.returncode}, {said[-300:]!r}"
        if b"Traceback" in said:
            return f"a traceback: {said[-300:]!r}"
        if len(said) > MOST_LOG:
            return f"{len(said)} bytes of log"
        if unanswered or worst_s > slowest_s:
            return unanswered or f"a ping took {worst_s:.1f} s"
        grown = self.memory() - self._memory
        return f"{grown >> 20} MB of memory more" if grown > MOST_GROWTH else None


def trouble_of(answer: bytes, sent: bytes = b"") -> str | None:
    """Return what is wrong with an answer, or several, whatever was asked.

    Parameters
    ----------
    sent
        What was sent: an answer may repeat it.
    """
    statuses = [int(status) for status in STATUS.findall(answer)]
    for status in statuses:
        reasons = (b'"detail"', b"<error ", b'"error"')
        if status >= 500 and (status not in HONEST or not any(reason in answer for reason in reasons)):
            return f"status {status}: {answer[-300:]!r}"
    if not statuses or max(statuses) < 400:
        return None
    leaks = [leak for leak in LEAKS if leak in answer and leak not in sent]
    return f"it says {leaks[0]!r}: {answer[-300:]!r}" if leaks else None


@contextmanager
def attacked(home: Path, log: Path, *options: str, prefix: Sequence[str] = ()) -> Iterator[Attacked]:
    """Run ``serve`` on a home, with its stderr in a file."""
    command = [
        *prefix,
        sys.executable,
        str(REPO / "cli.py"),
        "--home",
        str(home),
        "serve",
        "--port",
        "0",
        *options,
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stderr=out, stdout=out, env=dict(os.environ), cwd=REPO)
    found, until = None, time.monotonic() + START_S
    while found is None and time.monotonic() < until and process.poll() is None:
        time.sleep(0.1)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text())
    if found is None:
        process.kill()
        raise RuntimeError(f"the service did not start: {log.read_text()}")
    service = Attacked(home, process, int(found[1]), log)
    try:
        yield service
    finally:
        service.stop()
