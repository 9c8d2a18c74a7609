"""A process that opens catalogues in children, which end themselves at a given step, or open one all at once.

It reads tasks as lines of JSON and answers each with a line. It has loaded what an opening needs, so that a
child costs no more than a fork; and it runs no threads, which a fork would not take along.
"""

import json
import os
import signal
import sqlite3
import sqlite3.dbapi2
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CHILD_S = 120.0
FILE_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.chmod", "os.link", "os.rmdir", "open")
"""What Python tells of files, each before it is done; their first argument is a path."""


class Nursery:
    """The process, while it runs."""

    def __enter__(self) -> "Nursery":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.campaign.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with self._process as process:
            if process.stdin is not None:
                process.stdin.close()

    def _ask(self, **task: Any) -> Any:
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process has no pipes")
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def steps(self, address: str) -> int:
        """Open a catalogue, and return at how many steps that could have been ended."""
        answer = self._ask(address=address, die_at=0)
        if answer["end"] != "done":
            raise RuntimeError(answer["end"])
        return int(answer["steps"])

    def open(self, address: str, die_at: int) -> str:
        """Open a catalogue in a process that kills itself at a step; return how it ended: ``killed``."""
        return str(self._ask(address=address, die_at=die_at)["end"])

    def crowd(self, address: str, processes: int) -> list[str]:
        """Let processes open a catalogue at once, and write to it; return how each ended: ``done``."""
        return [str(end) for end in self._ask(address=address, processes=processes)["ends"]]


def _count_steps(die_at: int) -> list[int]:
    """End this process at a step: an SQL statement of any connection, or what is done with a file."""
    from sqlalchemy import Engine, event

    steps = [0]

    def step(*_args: object) -> None:
        steps[0] += 1
        if steps[0] == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    connect = sqlite3.connect

    def traced(*args: Any, **named: Any) -> sqlite3.Connection:
        connection = connect(*args, **named)
        connection.set_trace_callback(step)  # before each statement, the driver's own among them
        return connection

    def heard(name: str, args: tuple[Any, ...]) -> None:
        path = args[0] if name in FILE_EVENTS and isinstance(args[0], str | bytes | os.PathLike) else ""
        if Path(os.fsdecode(path)).name.lstrip(".").startswith("catalog."):
            step()

    sqlite3.connect = sqlite3.dbapi2.connect = traced
    sys.addaudithook(heard)
    for moment in ("after_cursor_execute", "commit"):  # of a server
        event.listen(Engine, moment, lambda connection, *_: connection.dialect.name != "sqlite" and step())
    return steps


def _child(work: Callable[[], str]) -> tuple[int, int]:
    """Fork a process that does some work, and return its id and what it will write its answer to."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    answer, code = "", 1
    try:
        answer, code = work(), 0
    except BaseException:  # noqa: BLE001  whatever it is, the parent tells it
        answer = traceback.format_exc()
    finally:
        os.write(write, answer.encode()[-4000:])
        os._exit(code)


def _end(pid: int, read: int) -> tuple[str, str]:
    """Wait for a child; return how it ended, and what it answered."""
    give_up = time.monotonic() + CHILD_S
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > give_up:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return "it hangs", ""
        time.sleep(0.001)
    _, status = os.waitpid(pid, 0)
    with open(read, "rb") as pipe:
        answer = pipe.read().decode()
    if os.WIFSIGNALED(status):
        return "killed" if os.WTERMSIG(status) == signal.SIGKILL else f"signal {os.WTERMSIG(status)}", ""
    return ("done", answer) if os.WEXITSTATUS(status) == 0 else (f"failed: {answer}", "")


def _open(address: str, die_at: int) -> dict[str, Any]:
    from benchmarks.campaign.catalogues import Place

    def work() -> str:
        steps = _count_steps(die_at)
        Place(address).open().close()
        return str(steps[0])

    end, answer = _end(*_child(work))
    return {"end": end, "steps": int(answer or 0)}


def _crowd(address: str, processes: int) -> dict[str, Any]:
    from benchmarks.campaign.catalogues import Place
    from db.models import Setting

    gate, opened = os.pipe()

    def work(number: int) -> str:
        os.close(opened)
        os.read(gate, 1)  # returns for all of them when the parent closes its end
        catalog = Place(address).open()
        with catalog.transaction() as session:
            session.add(Setting(name=f"process {number}", value="was here"))
        catalog.close()
        return ""

    children = [_child(lambda number=number: work(number)) for number in range(processes)]
    os.close(gate)
    os.close(opened)
    return {"ends": [_end(*child)[0] for child in children]}


def main() -> None:
    """Do the tasks of standard input."""
    from alembic import autogenerate, command, script  # noqa: F401  loaded once for all children

    import db.schema.differences  # noqa: F401
    from benchmarks.campaign.catalogues import Place  # noqa: F401

    for line in sys.stdin:
        task = json.loads(line)
        many = "processes" in task
        answer = _crowd(**task) if many else _open(**task)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
