"""Commands as a user runs them, with what each took and how it ended; and what a home must be afterwards."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

REPO: Final = Path(__file__).resolve().parents[2]
CLI: Final = (sys.executable, str(REPO / "cli.py"))
ALLOWED: Final = (0, 3)
NOT_PLAIN: Final = re.compile(
    r"Traceback|\bNone\b|\w(Error|Exception|Warning)\b|<class|object at 0x|\bb['\"]|Errno|\[SQL|\n"
)
"""What no sentence for people holds."""


@dataclass(frozen=True)
class Ran:
    """How a command ended: `code` is None where it was killed, `peak_mb` that of its largest process."""

    code: int | None
    out: bytes
    err: str
    seconds: float
    peak_mb: float

    def trouble(self, most_s: float, most_mb: float, allowed: tuple[int, ...] = ALLOWED) -> str | None:
        """Return which promise the command broke, or None."""
        if self.code is None:
            return f"it had not ended after {self.seconds:.0f} s"
        if "Traceback" in self.err or "Exception ignored" in self.err:
            return f"a traceback: {self.err[-600:]}"
        if self.code not in allowed:
            return f"exit code {self.code}: {self.err[-300:]}"
        if self.seconds > most_s:
            return f"it took {self.seconds:.0f} s"
        return f"it took {self.peak_mb:.0f} MB" if self.peak_mb > most_mb else None


def environment() -> dict[str, str]:
    """Return the environment of commands: without what names another home."""
    own = ("DEEPCUTS_HOME", "DEEPCUTS_DATABASE")
    return {name: value for name, value in os.environ.items() if name not in own}


def deepcuts(home: Path, *arguments: object, timeout_s: float = 600.0) -> Ran:
    """Run a command on a home."""
    words = [os.fsencode(str(word)) for word in (*CLI, "--home", home, *arguments)]
    started = perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(words, stdout=out, stderr=err, env=environment())
        late = threading.Timer(timeout_s, process.kill)
        late.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        finally:
            late.cancel()
        code = process.returncode = os.waitstatus_to_exitcode(status)
        seconds = perf_counter() - started
        out.seek(0)
        err.seek(0)
        said = err.read().decode("utf-8", "replace")
        killed = code == -9 and seconds >= timeout_s
        return Ran(None if killed else code, out.read(), said, seconds, used.ru_maxrss / 1024)


def not_plain(sentence: str | None) -> str | None:
    """Return what is wrong with a reason that is told to people, or None."""
    if not sentence or not sentence.strip():
        return "it has no reason"
    found = NOT_PLAIN.search(sentence)
    return f"its reason says {found[0]!r}: {sentence[:200]!r}" if found else None


def rows(home: Path) -> dict[str, tuple[str | None, str | None]]:
    """Return kind and message of the failure of each track, by its path in its root.

    Raises
    ------
    RuntimeError
        If the catalogue is damaged.
    """
    with closing(sqlite3.connect(f"file:{home / 'catalog.sqlite'}?mode=ro", uri=True)) as catalog:
        catalog.text_factory = os.fsdecode
        said = catalog.execute("PRAGMA integrity_check").fetchall()
        if said != [("ok",)]:
            raise RuntimeError(f"the catalogue is damaged: {said[:3]}")
        found = catalog.execute("SELECT rel_path, error_kind, error_message FROM track").fetchall()
    return {os.fsdecode(path): (kind, message) for path, kind, message in found}


def keep(path: Path, folder: Path, name: str) -> None:
    """Copy a file that broke a promise to where whoever mends it finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, folder / name)
