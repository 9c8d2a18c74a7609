"""deepcuts on several machines, all of them this one: PostgreSQL, Dask, two services behind nginx."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from tests.dask_cluster import Cluster
from tests.nginx import nginx
from tests.postgres import Server
from tests.processes import REPO
from tests.recommender import support
from tests.waiting import PATIENCE_S, until

GATED = """
    CREATE TABLE gate (tracks integer NOT NULL, key integer NOT NULL);
    INSERT INTO gate VALUES (0, 0);
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT count(*) FROM track WHERE analysed_hash IS NOT NULL) > (SELECT tracks FROM gate) THEN
            PERFORM pg_advisory_xact_lock(77, key) FROM gate;
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER wait AFTER INSERT ON segment FOR EACH STATEMENT EXECUTE FUNCTION wait()
"""
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 77 AND NOT granted"
OTHERS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid <> 77"


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Gate:
    """Stops an ingest at the track that is one too many, in the middle of its transaction.

    That waits for a lock of the database which is held here; each time another one, which is held before
    the track that waits may go on.
    """

    def __init__(self, url: str) -> None:
        self._url, self._key = url, 0
        self._held: Connection | None = None

    def make(self) -> None:
        """Put it into the database; whoever comes passes."""
        self._there().execute(text(GATED))
        self.open()

    def _there(self) -> Connection:
        """Return the connection that holds the lock, or a new one where the server was ended meanwhile."""
        try:
            if self._held is not None:
                self._held.scalar(text("SELECT 1"))
                return self._held
        except OperationalError:
            self._held.invalidate()
        engine = create_engine(self._url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._held = engine.connect()
        return self._held

    def at(self, tracks: int) -> None:
        """Let so many tracks be stored, and no more from now on."""
        there = self._there()
        there.execute(text(f"SELECT pg_advisory_lock(77, {self._key + 1})"))
        there.execute(text(f"UPDATE gate SET tracks = {tracks}, key = {self._key + 1}"))
        there.execute(text(f"SELECT pg_advisory_unlock(77, {self._key})"))
        self._key += 1

    def open(self) -> None:
        """Let whoever waits, or comes, pass."""
        self.at(10**9)

    def wait(self) -> None:
        """Wait until an ingest waits here."""
        until(lambda: self._there().scalar(text(WAITING)))

    def wait_for_nobody(self) -> None:
        """Wait until the server has seen that an ingest is gone, and has released its locks."""
        until(lambda: not self._there().scalar(text(OTHERS)))


@dataclass
class SeveralMachines:
    """The set-up of docs/SCALING.md: what runs, and what is done with it.

    Attributes
    ----------
    homes
        The one that ingest and train write to, and the one that follows it.
    """

    folder: Path
    server: Server
    cluster: Cluster
    music: Path
    url: str = ""
    site: str = ""
    ports: list[int] = field(default_factory=list)
    services: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.url = self.server.new_catalog_database()
        self.homes = [self.folder / "shared", self.folder / "own"]
        self.ports = [free_port(), free_port()]
        self.gate = Gate(self.url)
        for home in self.homes:
            home.mkdir()

    def command(self, number: int, *words: object) -> list[str]:
        """Return a command on a home."""
        return [*support.CLI, "--home", f"{self.homes[number]}", "--database", self.url, *map(str, words)]

    def start(self, number: int, *words: object) -> "subprocess.Popen[bytes]":
        """Start a command on a home."""
        pipe = subprocess.PIPE
        environment = support.environment()
        return subprocess.Popen(
            self.command(number, *words), stdout=pipe, stderr=pipe, env=environment, start_new_session=True
        )

    def ingest(self) -> "subprocess.Popen[bytes]":
        """Start an ingest on the cluster."""
        words = ("ingest", self.music, "--labels", "folders", "--scheduler", self.cluster.address, "--json")
        return self.start(0, *words)

    def serve(self, number: int) -> None:
        """Start a service, and wait until it answers."""
        follow = ("--follow", self.homes[0]) if number else ()
        words = ("serve", "--port", self.ports[number], "--workers", 1, *follow)
        with open(self.folder / f"serve{number}.log", "ab") as log:
            self.services[number] = subprocess.Popen(
                self.command(number, *words),
                stdout=log,
                stderr=log,
                env=support.environment(),
                start_new_session=True,
            )
        until(lambda: self.status_of(number, "/health") == 200)

    def kill_service(self, number: int) -> None:
        """End a service by force, where it runs."""
        if number in self.services:
            self.services[number].kill()
            self.services[number].wait()

    def status_of(self, number: int | None, path: str) -> int:
        """Return the status of an answer of a service, or of nginx; 0 where there is none."""
        try:
            return httpx2.get(f"{self.address(number)}{path}", timeout=PATIENCE_S).status_code
        except httpx2.TransportError:
            return 0

    def get(self, number: int | None, path: str) -> Any:
        """Return what a service, or nginx, answers."""
        answer = httpx2.get(f"{self.address(number)}{path}", timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def address(self, number: int | None) -> str:
        """Return the address of a service, or of nginx."""
        return self.site if number is None else f"http://127.0.0.1:{self.ports[number]}"

    def tracks(self) -> dict[int, list[int]]:
        """Return the ids of the segments of each track that is stored."""
        engine = create_engine(self.url, poolclass=NullPool)
        found: dict[int, list[int]] = {}
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT track_id, id FROM segment ORDER BY id"))
            for track_id, segment_id in rows:
                found.setdefault(track_id, []).append(segment_id)
        return found


@contextmanager
def one_site(machines: SeveralMachines) -> Iterator[None]:
    """Run nginx before the two services until the block ends, as deploy/nginx-several.conf has it."""
    port = free_port()
    shipped = (REPO / "deploy" / "nginx-several.conf").read_text(encoding="utf-8")
    names = ["10.0.0.11:8450", "10.0.0.12:8450", "listen 80;"]
    here = [*(f"127.0.0.1:{one}" for one in machines.ports), f"listen 127.0.0.1:{port};"]
    for name, instead in zip(names, here, strict=True):
        assert shipped.count(name) == 1, name
        shipped = shipped.replace(name, instead)
    with nginx(machines.folder, shipped):
        machines.site = f"http://127.0.0.1:{port}"
        until(lambda: machines.status_of(None, "/health") == 200)
        yield


@contextmanager
def running(folder: Path, server: Server, cluster: Cluster, music: Path) -> Iterator[SeveralMachines]:
    """Run all of it until the block ends."""
    machines = SeveralMachines(folder, server, cluster, music)
    with ExitStack() as ending:
        for number in range(2):
            ending.callback(machines.kill_service, number)
        for number in range(2):
            machines.serve(number)
        ending.enter_context(one_site(machines))
        yield machines


def ended(process: "subprocess.Popen[bytes]") -> tuple[int, str, str]:
    """Return how a command ended, what it printed and what it said."""
    out, err = process.communicate(timeout=support.TIMEOUT_S)
    return process.returncode, out.decode(), err.decode()


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a command by force, and what it has started."""
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=PATIENCE_S)
