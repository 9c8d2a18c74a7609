"""Supysonic of Debian as a real server, started by its own programs on a folder and a port of its own."""

import os
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

USER, PASSWORD = "ann", "correct horse: battery"
STARTED_S = 120.0


def what_is_missing() -> str | None:
    """Return why no server can be started, None where one can."""
    absent = [name for name in ("supysonic-server", "supysonic-cli") if shutil.which(name) is None]
    return f"needs {' and '.join(absent)} (Debian: supysonic)" if absent else None


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Supysonic:
    """A server: its folder, its music, and the process that runs, if any."""

    folder: Path
    music: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def command(self, *words: str) -> None:
        """Run its command line."""
        done = subprocess.run(
            ["supysonic-cli", *words],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()

    @property
    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return {**kept, "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}

    def scan(self) -> None:
        """Read its music anew."""
        self.command("folder", "scan", "--foreground")

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Ask its database, or change it, while the server is stopped or idle."""
        with sqlite3.connect(self.folder / "supysonic.db", timeout=60) as database:
            found = database.execute(sql, values).fetchall()
        database.close()
        return found

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            ["supysonic-server", "-S", "waitress", "-h", "127.0.0.1", "-p", str(self.port)],
            cwd=self.folder,
            env=self._environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        deadline = time.monotonic() + STARTED_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            try:
                urllib.request.urlopen(f"{self.url}/rest/ping.view?f=json", timeout=10).close()
                return
            except urllib.error.HTTPError as error:
                error.close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("it does not answer")

    def stop(self) -> None:
        """End it by force, as a fall of power would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def serving(folder: Path, music: Path) -> Iterator[Supysonic]:
    """Serve music; skip where that cannot be done."""
    missing = what_is_missing()
    if missing is not None:
        pytest.skip(missing)
    folder.mkdir(parents=True)
    made = Supysonic(folder, music, free_port())
    (folder / "supysonic.conf").write_text(
        f"[base]\ndatabase_uri = sqlite:///{folder / 'supysonic.db'}\n"
        f"[webapp]\ncache_dir = {folder / 'cache'}\nmount_webui = off\n"
        f"[daemon]\nsocket = {folder / 'socket'}\nrun_watcher = false\n"
    )
    made.command("user", "add", USER, "-p", PASSWORD)
    made.command("folder", "add", "music", str(music))
    made.scan()
    try:
        made.start()
        yield made
    finally:
        made.stop()
