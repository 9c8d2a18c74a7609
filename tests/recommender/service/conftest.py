"""A service on the small library: in this process for most tests, as a real server for some."""

import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from recommender.service.access import AccessSettings
from recommender.service.app import create_app
from recommender.service.http.auth import Credentials
from recommender.service.state import State
from tests import databases
from tests.recommender import support
from tests.recommender.support import CLI, Library
from tests.waiting import until

BASE = "http://127.0.0.1"
PROGRAM = {"X-Requested-With": "tests"}
"""By which a program that changes something tells that it is no other site's page."""
USER, PASSWORD, KEY = "ann", "correct horse battery", "key-0123456789abcdef"
CREDENTIALS = Credentials(USER, PASSWORD, (KEY,))


@dataclass
class Service:
    """A service in this process, and the library that it serves.

    `client` asks as a program does; an error within the service is an answer, not an exception.
    """

    client: TestClient
    library: Library
    state: State

    def get(self, path: str, status: int = 200, **more: Any) -> Any:
        """Return the JSON of an answer, which must have this status."""
        answer = self.client.get(path, **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    def id_of(self, name: str) -> int:
        """Return the id of the track at a path relative to the library."""
        found: int = self.library.row(name)["id"]
        return found


@contextmanager
def serving(library: Library, settings: AccessSettings | None = None) -> Iterator[Service]:
    """Serve a library in this process."""
    state = State(databases.home_at(library.home))
    app = create_app(state, settings or AccessSettings())
    with TestClient(app, base_url=BASE, raise_server_exceptions=False, headers=PROGRAM) as client:
        yield Service(client, library, state)


def settled(service: Service) -> None:
    """Wait until a service has made, and taken up, what it keeps beside its catalogue."""
    until(lambda: service.state._files.arrays is not None)


@dataclass(frozen=True)
class Server:
    """A running ``deepcuts serve``."""

    url: str
    process: "subprocess.Popen[str]"


@contextmanager
def running(home: Path, *options: str, prefix: Sequence[str] = (), **more: str) -> Iterator[Server]:
    """Run ``deepcuts serve`` on a free port until the block ends, with `prefix` before it."""
    command = [*prefix, *CLI, "--home", str(home), "serve", "--port", "0", *options]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=support.environment(home, **more)
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"http://\S+:\d+", line)
        assert found, line + process.stderr.read()
        yield Server(found[0], process)
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()
            process.stderr.close()


def stopped(server: Server, sign: int, timeout_s: float = 60.0) -> tuple[int, str]:
    """Send a signal; return the exit code and what else was said."""
    server.process.send_signal(sign)
    code = server.process.wait(timeout_s)
    assert server.process.stderr is not None
    return code, server.process.stderr.read()


@contextmanager
def at_once(task: Callable[[Any], object], numbers: Iterable[Any]) -> Iterator[list[threading.Thread]]:
    """Do something for each of some numbers at the same time; all are to be done a minute after the block."""
    threads = [threading.Thread(target=task, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    yield threads
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


@pytest.fixture(scope="session")
def service(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service without credentials on the small library, only to be read."""
    copy = ingested.clone(tmp_path_factory.mktemp("service"))
    put_on_albums(copy)
    with serving(copy) as found:
        yield found


def put_on_albums(library: Library) -> None:
    """Put the songs of every artist on an album."""
    databases.query(
        library.home, "UPDATE track SET album = 'Songs', album_artist = artist WHERE artist != ''"
    )


@pytest.fixture
def own(library: Library) -> Iterator[Service]:
    """A service on a copy of the library, to be changed."""
    with serving(library) as found:
        yield found


@pytest.fixture(scope="session")
def live(service: Service) -> Iterator[Server]:
    """A running server on the same library."""
    with running(service.library.home) as found:
        yield found


Serve = Callable[..., Any]
__all__ = [
    "CREDENTIALS",
    "KEY",
    "PASSWORD",
    "USER",
    "Server",
    "Service",
    "at_once",
    "os",
    "put_on_albums",
    "running",
    "serving",
    "settled",
    "stopped",
]
