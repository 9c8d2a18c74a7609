"""Several processes of the service: they share the work, what they count, and the limits; none stays away."""

import os
import re
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx2
import pytest

from recommender.errors import ServiceError
from recommender.service import workers
from recommender.service.shared import Board, Kind
from recommender.service.workers import Crew
from tests.processes import alive, children
from tests.recommender.service.conftest import PASSWORD, USER, Server, running, serving, stopped
from tests.recommender.support import Library, deepcuts_process
from tests.waiting import until

TWO = ("--workers", "2")


def crew_of(server: Server) -> list[int]:
    """Return the processes that answer, once there are two."""
    found: list[int] = []

    def there_are_two() -> bool:
        found[:] = children(server.process.pid)
        return len(found) == 2

    until(there_are_two)
    return found


def both_answer(server: Server) -> list[int]:
    """Return the processes that answer, once both do: then their loops have sockets of their own."""
    until(lambda: min(connections(pid) for pid in crew_of(server)) >= 3)
    return crew_of(server)


def connections(pid: int) -> int:
    """Return how many sockets a process has."""
    count = 0
    with suppress(OSError):  # it has ended meanwhile
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                count += "socket:" in os.readlink(path)
    return count


def test_connections_go_to_the_process_that_has_fewest(library: Library) -> None:
    """As long as that one is awake: a process that gets no turn for 20 ms may be passed over."""
    with running(library.home, *TWO) as server:
        crew = both_answer(server)
        before = [connections(pid) for pid in crew]
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))

        def more() -> list[int]:
            return [connections(pid) - n for pid, n in zip(crew, before, strict=True)]

        seen: list[list[int]] = []
        while len(seen) < 20 and (not seen or min(seen[-1]) < 4):
            with ExitStack() as open_ones:
                for _ in range(12):
                    open_ones.enter_context(socket.create_connection(address, 60))
                until(lambda: sum(more()) == 12)
                seen.append(more())
            until(lambda: more() == [0, 0])
        assert min(seen[-1]) >= 4, seen


def test_requests_are_counted_together_and_stay_counted(library: Library) -> None:
    def counted() -> int:
        text = httpx2.get(f"{server.url}/metrics", timeout=60).text
        found = re.findall(r'requests_total\{.*route="/api/tags".*\} ([0-9.]+)', text)
        return int(float(found[0])) if found else 0

    with running(library.home, *TWO) as server:
        crew = both_answer(server)
        for _ in range(9):
            httpx2.get(f"{server.url}/api/tags", timeout=60)
        until(lambda: counted() == 9)  # each is counted once its answer is sent
        os.kill(crew[1], signal.SIGKILL)
        until(lambda: crew[1] not in crew_of(server))
        httpx2.get(f"{server.url}/api/tags", timeout=60)
        until(lambda: counted() == 10)
        assert "deepcuts_index_tracks" in httpx2.get(f"{server.url}/metrics", timeout=60).text
        code, said = stopped(server, signal.SIGTERM)
        assert (code, said) == (-signal.SIGTERM, "worker 2 was ended by signal 9; it is started again\n")


def test_none_is_failed_where_a_process_dies_and_all_end_together(library: Library) -> None:
    with running(library.home, *TWO) as server:
        crew = both_answer(server)
        statuses: list[int] = []
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                try:
                    statuses.append(httpx2.get(f"{server.url}/api/tags", timeout=60).status_code)
                except httpx2.TransportError:
                    statuses.append(0)  # it was with the one that was killed

        asking = threading.Thread(target=ask)
        asking.start()
        os.kill(crew[0], signal.SIGKILL)
        until(lambda: len(statuses) > 20 and crew[0] not in crew_of(server))
        stop.set()
        asking.join()
        assert set(statuses) <= {200, 0} and statuses.count(0) <= 1
        again = crew_of(server)
        code, _ = stopped(server, signal.SIGINT)
        assert code == 130 and not alive(again)


def test_processes_end_where_the_one_is_gone_that_looks_after_them(library: Library) -> None:
    with running(library.home, *TWO) as server:
        crew = both_answer(server)
        server.process.kill()
        until(lambda: not alive(crew))


def test_wrong_logins_are_counted_together(library: Library, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    options = (*TWO, "--user", USER, "--password-file", str(password))
    with running(library.home, *options) as server:
        both_answer(server)
        url = f"{server.url}/api/tags"
        found = [httpx2.get(url, auth=(USER, f"guess {n}"), timeout=60).status_code for n in range(14)]
        assert found == [401] * 10 + [429] * 4
        assert httpx2.get(url, auth=(USER, PASSWORD), timeout=60).status_code == 200


def test_what_hinders_the_first_is_told_in_a_line(library: Library) -> None:
    catalogue = library.home / "catalog.sqlite"
    catalogue.write_bytes(b"no catalogue at all, and long enough to be looked at as one" * 100)
    done = deepcuts_process(library.home, "serve", "--port", "0", *TWO)
    assert done.code == 1
    assert done.err.count("\n") == 1 and "catalog.sqlite" in done.err


def test_a_process_that_cannot_begin_says_why() -> None:
    def prepare(_board: Board) -> Callable[[], None]:
        raise ServiceError("there is nothing to serve")

    with pytest.raises(ServiceError, match="there is nothing to serve"):
        Crew(prepare, Board(2)).start()


def test_no_more_are_taken_than_there_may_be_of_all() -> None:
    board = Board(2)
    assert [board.take(Kind.UPLOADS, 3) for _ in range(2)] == [True, True]
    board.number = 1
    assert [board.take(Kind.UPLOADS, 3) for _ in range(2)] == [True, False]
    board.give_back(Kind.UPLOADS)
    assert (board.total(Kind.UPLOADS), board.own(Kind.UPLOADS)) == (2, 0)
    board.clear(0)
    assert board.total(Kind.UPLOADS) == 0
    board.close()


def test_there_is_one_process_where_one_is_asked_for(library: Library) -> None:
    with running(library.home, "--workers", "1") as server:
        assert httpx2.get(f"{server.url}/health", timeout=60).status_code == 200
        assert children(server.process.pid) == []
        assert stopped(server, signal.SIGTERM) == (-signal.SIGTERM, "")


def test_what_killed_services_left_of_their_counts_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("4194999-of-the-dead", f"{os.getpid()}-alive", "no-number"):
        (tmp_path / f"deepcuts-metrics-{name}").mkdir()
    workers._sweep_counts()
    left = {path.name.removeprefix("deepcuts-metrics-") for path in tmp_path.iterdir()}
    assert left == {f"{os.getpid()}-alive", "no-number"}


def test_a_map_is_computed_by_one_process_at_a_time(library: Library) -> None:
    with serving(library) as service:
        board, folder = service.state.board, library.home / "cache" / "maps"
        board.note(Kind.MAPS, 1)  # as if another one did
        assert [service.client.get("/api/map").status_code for _ in range(3)] == [202] * 3
        assert not folder.exists()
        board.note(Kind.MAPS, 0)
        until(lambda: service.client.get("/api/map").status_code == 200, 60)
        until(lambda: board.own(Kind.MAPS) == 0)
        assert len(list(folder.iterdir())) == 1
