"""Python in a process of its own; the processes of a session that a command was started in."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent


def run_python(code: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run a program in a process of its own, and return how it ended."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def _living(pid: int) -> list[str]:
    """Return what the system says of a process, from its state on; nothing where it has ended.

    One that is ending is there until it is a zombie: only then are its files closed.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [] if fields[0] in "ZX" else fields


def group_members(group: int) -> list[int]:
    """Return the ids of the living processes of a session, ascending: the one that began it first."""
    every = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return sorted(pid for pid in every if (fields := _living(pid)) and int(fields[3]) == group)


def workers(group: int) -> list[int]:
    """Return the ids of the worker processes of a session."""
    found = []
    for pid in group_members(group):
        with suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def kill_all(group: int) -> None:
    """End all processes of a session by force."""
    for pid in group_members(group):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """Return the processes that any thread of a process has started."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # a thread that has ended meanwhile
            found += map(int, path.read_text().split())
    return found


def below(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that they have."""
    found = children(pid)
    return [*found, *(other for child in found for other in below(child))]


def alive(pids: list[int]) -> list[int]:
    """Return which processes are still running."""
    return [pid for pid in pids if _living(pid)]
