"""A PostgreSQL server of the test session's own, on a socket in a temporary folder."""

import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from db.models import Base
from db.schema.upgrade import HEAD_REVISION
from db.session import open_server_catalog

START_S = 120.0
ACCOUNT, GROUP = "nobody", "nogroup"
"""PostgreSQL refuses to run as root, as which these tests may run."""
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "timezone": "Asia/Kolkata",  # times must come back as they were, whatever the server's zone
}
# Text sorted as a dictionary has it, unlike SQLite.
LOCALE = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
PASSWORD = "the right one"
"""Of the user ``guarded``; the others need none."""
ACCESS = "local all guarded scram-sha-256\nlocal all all trust\n"


@functools.cache
def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    named = shutil.which("initdb")
    return found[-1].parent if found else Path(named).parent if named else None


def what_is_missing() -> str | None:
    """Say why no server can be started here, or None."""
    if programs() is None:
        return "PostgreSQL is not installed (Debian: postgresql)"
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed (pip install 'deepcuts[postgres]')"
    return None if shutil.which("setpriv") else "setpriv is not installed (Debian: util-linux)"


@dataclass
class Server:
    """A running server: the folder of its socket and its log, and what starts it."""

    folder: Path
    command: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._numbers = count()
        self._template: str | None = None
        self._reused: str | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; what a killed one left may take a moment to end."""
        deadline = time.monotonic() + START_S
        while not self._answers(deadline):
            assert time.monotonic() < deadline, (self.folder / "log").read_text()

    def _answers(self, deadline: float) -> bool:
        """Start a process; return whether it answers rather than ends."""
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.folder)
        while self._process.poll() is None:
            try:
                self.execute("SELECT 1")
                return True
            except OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)
        return False

    def end(self, number: int = signal.SIGQUIT) -> None:
        """End it by a signal."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(START_S)

    def url(self, database: str, user: str = "deepcuts") -> str:
        """Return the address of a database."""
        return f"postgresql+psycopg://{user}@/{database}?host={self.folder}"

    def execute(self, *statements: str) -> None:
        """Run SQL as the server's owner."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def ask(self, question: str) -> Any:
        """Return the one value that a query of the server's owner answers."""
        engine = create_engine(self.url("postgres"), poolclass=NullPool)
        with engine.connect() as connection:
            return connection.scalar(text(question))

    def new_database(self, options: str = "") -> str:
        """Make an empty database and return its address."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def new_catalog_database(self) -> str:
        """Make a database with an empty catalogue, quickly, and return its address."""
        if self._template is None:
            made = self.new_database()
            open_server_catalog(made).close()
            self._template = make_url(made).database
        return self.new_database(f"TEMPLATE {self._template}")

    def emptied_catalog_database(self) -> str:
        """Return the address of an empty catalogue, the last caller's own emptied: that is quicker."""
        if self._reused is not None and not self._emptied(self._reused):
            self._reused = None
        self._reused = self._reused or self.new_catalog_database()
        return self._reused

    def _emptied(self, url: str) -> bool:
        tables = ", ".join(Base.metadata.tables)
        engine = create_engine(url, poolclass=NullPool)
        try:
            with engine.begin() as connection:
                connection.execute(text("SET lock_timeout = '60s'"))
                connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
                connection.execute(text("UPDATE alembic_version SET version_num = :h"), {"h": HEAD_REVISION})
        except ProgrammingError:  # a test took its tables away
            return False
        return True


def _as_account(*command: str | Path, dies_with_us: bool = False) -> list[str]:
    """Return a command for an account that PostgreSQL accepts."""
    account = ["--reuid", ACCOUNT, "--regid", GROUP, "--clear-groups"] if os.geteuid() == 0 else []
    end = ["--pdeathsig", "QUIT"] if dies_with_us else []
    return ["setpriv", *account, *end, *map(str, command)]


@contextmanager
def running(chosen: Mapping[str, str] = SETTINGS) -> Iterator[Server]:
    """Start a server with some settings, and stop it at the end; it also ends with this process."""
    bin_dir = programs()
    assert bin_dir is not None
    folder = Path(tempfile.mkdtemp(prefix="deepcuts-postgresql-"))
    if os.geteuid() == 0:
        shutil.chown(folder, ACCOUNT)
        folder.chmod(0o755)  # commands that may not override permissions reach its socket too
    data = folder / "data"
    try:
        subprocess.run(
            _as_account(bin_dir / "initdb", "-D", data, "-U", "deepcuts", "-E", "UTF8", "--no-sync", *LOCALE),
            check=True,
            capture_output=True,
            cwd=folder,
        )
        (data / "pg_hba.conf").write_text(ACCESS)
        settings = [f"--{name}={value}" for name, value in chosen.items()]
        begins = _as_account(bin_dir / "postgres", "-D", data, "-k", folder, *settings, dies_with_us=True)
        server = Server(folder, begins)
        server.start()
        try:
            server.execute(f"CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
            yield server
        finally:
            server.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
