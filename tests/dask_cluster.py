"""A Dask cluster of separate processes on this machine, for the test session."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recommender.library.workers.cluster_members import connect
from tests.processes import REPO

START_S = 180.0
LOCALHOST = "127.0.0.1"
# So that nothing stays for good where a test session is killed.
IDLE = ("--idle-timeout", "30 minutes")
DEATH = ("--death-timeout", "180")


@dataclass
class Cluster:
    """A running scheduler and what else was started beside it."""

    folder: Path
    address: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    scheduler: subprocess.Popen[bytes] | None = None

    def start(self, command: str, *arguments: str, packages: Path) -> subprocess.Popen[bytes]:
        """Start ``dask scheduler`` or ``dask worker`` where deepcuts is that of a folder."""
        log = open(self.folder / f"{len(self.processes)}-{command}.log", "wb")
        words = ["--host", LOCALHOST, "--no-dashboard", *arguments]
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{command}", *words],
                cwd=self.folder,  # which is on the path of `python -m`
                env=os.environ | {"PYTHONPATH": str(packages)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def start_worker(self, *more: str, packages: Path = REPO, threads: int = 1) -> subprocess.Popen[bytes]:
        """Start a worker with a nanny, which starts it again when it is killed."""
        arguments = ("--nthreads", str(threads), "--local-directory", str(self.folder), *DEATH, *more)
        return self.start("worker", self.address, *arguments, packages=packages)

    def start_scheduler(self, port: int = 0) -> None:
        """Start a scheduler that has no deepcuts; port 0 takes any that is free."""
        self.scheduler = self.start("scheduler", "--port", f"{port}", *IDLE, packages=self.folder / "without")
        log = self.folder / f"{len(self.processes) - 1}-scheduler.log"
        deadline = time.monotonic() + START_S
        while not (address := _address(log)) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.address = address

    def end_scheduler(self) -> None:
        """End the scheduler by force."""
        assert self.scheduler is not None
        self.end(self.scheduler)

    def start_scheduler_again(self) -> None:
        """Start one at the address where another was."""
        self.start_scheduler(int(self.address.rpartition(":")[2]))

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End what was started, and all of its own processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Yield a plain client, to look at the cluster."""
        with connect(self.address) as client:
            yield client

    def workers(self) -> dict[str, int]:
        """Return the process ids of the workers by their addresses."""
        with self.client() as client:
            found: dict[str, int] = client.run(os.getpid)
            return found

    def workers_of(self, started: subprocess.Popen[bytes]) -> list[str]:
        """Return the addresses of the workers below a process that was started here."""
        return [address for address, pid in self.workers().items() if os.getpgid(pid) == started.pid]

    def wait_for(self, n_workers: int) -> dict[str, int]:
        """Wait until so many workers are there."""
        with self.client() as client:
            client.wait_for_workers(n_workers, timeout=START_S)
        return self.workers()


def altered_packages(folder: Path) -> Path:
    """Write a copy of the packages, one number of which is another, and return its folder."""
    for package in ("classifier", "db", "recommender"):
        shutil.copytree(REPO / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    with open(folder / "classifier/params.py", "a", encoding="utf-8") as file:
        file.write("\nALTERED = True\n")
    return folder


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """Start a scheduler that has no deepcuts, and as yet no worker."""
    without = folder / "without"
    without.mkdir()
    for package in ("classifier", "recommender"):
        (without / f"{package}.py").write_text("raise ImportError('the scheduler has no deepcuts')\n")
    cluster = Cluster(folder)
    try:
        cluster.start_scheduler()
        yield cluster
    finally:
        for process in reversed(cluster.processes):
            cluster.end(process)


def _address(log: Path) -> str:
    """Read a scheduler's address from what it said, or return nothing where it said nothing yet."""
    words = log.read_text(encoding="utf-8", errors="replace").split()
    return next((word for word in words if word.startswith("tcp://")), "")
