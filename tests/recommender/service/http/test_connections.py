"""Connections that are awaited too long are closed, and make room for others; those that move are not."""

import asyncio
import resource
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx2
import pytest
import uvicorn

from recommender import params
from recommender.errors import ServiceError
from recommender.service.http import listener
from recommender.service.http.listener import most_connections
from recommender.service.server import _Server, bound_socket
from recommender.service.shared import Board, Kind
from tests.recommender.service.conftest import at_once, running
from tests.recommender.support import Library

HEAD = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
BLOCK = bytes(2**16)
LONG_S = 60.0
"""What never takes so long unless it hangs, or idle connections are waited for, on however slow a machine."""


BLOCKED, GO_ON = threading.Event(), threading.Event()
"""The server's only thread does nothing else; it may go on."""


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer at once, slowly, without an end, or with what was sent."""
    if scope["type"] == "lifespan":
        for name in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{name}.complete"})
        return
    if scope["path"] == "/block":
        BLOCKED.set()
        GO_ON.wait(LONG_S)
    if scope["path"] == "/work":
        await asyncio.sleep(1.5)
    size = 0
    if scope["method"] == "POST":
        more = True
        while more:
            message = await receive()
            size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(200 if scope["path"] == "/endless" else 0):
        await send({"type": "http.response.body", "body": BLOCK, "more_body": True})
    await send({"type": "http.response.body", "body": str(size).encode()})


@contextmanager
def served(most: int, board: Board | None = None) -> Iterator[int]:
    """Give the port of a server that takes so many connections; how many it has is on the board."""
    bound = bound_socket("127.0.0.1", 0)
    port: int = bound.getsockname()[1]
    config: Any = uvicorn.Config(app, http="h11", ws="none", log_config=None, timeout_graceful_shutdown=3)
    server = _Server(config, most, board or Board())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(LONG_S)
        assert not thread.is_alive()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "REQUEST_S", 1.0)
    monkeypatch.setattr(params, "STALLED_READER_S", 1.0)
    monkeypatch.setattr(listener, "LOOK_S", 0.1)


def connected(port: int, sent: bytes = b"", receive_bytes: int | None = None) -> socket.socket:
    """Return a connection on which something was sent."""
    made = socket.socket()
    if receive_bytes is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    made.settimeout(LONG_S)
    made.connect(("127.0.0.1", port))
    made.sendall(sent)
    return made


def ended(made: socket.socket, drip: bytes = b"", every_s: float = 0.1, most_s: float = LONG_S) -> bool:
    """Send something now and then until the other end has closed, or for so long; return whether it has."""
    began = time.monotonic()
    made.settimeout(every_s)
    with suppress(ConnectionError):
        while time.monotonic() - began < most_s:
            if drip:
                made.sendall(drip)
            with suppress(TimeoutError):
                if not made.recv(65_536):
                    return True
        return False
    return True


SILENT: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "half a request line": (b"GET /", b""),
    "a header at a time": (b"GET / HTTP/1.1\r\n", b"X-A: b\r\n"),
    "a byte at a time": (b"GET /", b"a"),
    "an answered request and half another": (HEAD % b"" + b"GET /", b"x"),
    "the body of a request that is answered": (
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n",
        b"x",
    ),
}


@pytest.mark.parametrize("how", SILENT)
def test_who_sends_no_request_is_closed(how: str) -> None:
    first, drip = SILENT[how]
    with served(8) as port:
        began = time.monotonic()
        with connected(port, first) as made:
            assert ended(made, drip)
            assert time.monotonic() - began > 0.9 * params.REQUEST_S, "it had no time"


def test_a_connection_that_is_kept_alive_is_closed_when_nothing_comes() -> None:
    with served(8) as port:
        began = time.monotonic()
        with connected(port, HEAD % b"") as made:
            assert made.recv(1000).startswith(b"HTTP/1.1 200")
            assert ended(made)
            assert time.monotonic() - began > 0.9 * params.REQUEST_S, "it had no time"


def test_a_reader_that_takes_nothing_is_closed_and_a_slow_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "STALLED_READER_S", 2.5)
    board = Board()
    with (
        served(8, board) as port,
        connected(port, HEAD % b"endless", 4096) as stalled,
        connected(port, HEAD % b"endless", 4096) as slow,
    ):
        until, most = time.monotonic() + LONG_S, 0
        while most < 2 or board.own(Kind.CONNECTIONS) == 2:  # the other is closed
            assert time.monotonic() < until
            most = max(most, board.own(Kind.CONNECTIONS))
            assert slow.recv(30_000)
            time.sleep(0.05)
        found = 0
        with suppress(ConnectionError):
            while block := stalled.recv(2**16):
                found += len(block)
        assert found < 200 * len(BLOCK)  # it was broken off
        received = len(slow.recv(2**16))
        while block := slow.recv(2**16):
            received += len(block)
            if block.endswith(b"\r\n0\r\n\r\n"):
                break
        assert received > 2**20


def test_work_and_a_body_that_comes_are_not_idle() -> None:
    with served(8) as port, connected(port, HEAD % b"work") as working:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
        with connected(port, head) as sending:
            for _ in range(20):
                sending.sendall(bytes(5000))
                time.sleep(0.1)
            found = b""
            while b"\r\n100000" not in found:
                found += (more := sending.recv(1000))
                assert more, found
        assert working.recv(1000).startswith(b"HTTP/1.1 200")


BROKEN = (
    b"POST /%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n",
    b"GET /%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    b"GET /%s HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx\x00\x00 nothing\r\n\r\n",
)


@pytest.mark.parametrize("path", [b"", b"work", b"endless"])
@pytest.mark.parametrize("request_", BROKEN)
def test_a_request_that_turns_out_to_be_none_is_no_fault(
    path: bytes, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether it is being answered already, or is about to be."""
    with served(8) as port, connected(port, request_ % path) as made:
        found = b""
        with suppress(ConnectionError):
            while block := made.recv(2**16):
                found += block
        assert found.startswith((b"HTTP/1.1 400", b"HTTP/1.1 200"))
    assert {record.getMessage() for record in caplog.records} <= {"Invalid HTTP request received."}


@pytest.mark.parametrize(("size", "pieces", "status"), [(1, 250, 400), (1, 150, 200), (300, 1200, 200)])
def test_a_body_of_ever_so_many_pieces_is_refused(size: int, pieces: int, status: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    chunk = b"%x\r\n%s\r\n" % (size, bytes(size))
    with served(8) as port, connected(port, head + chunk * pieces + b"0\r\n\r\n") as made:
        found = b""
        with suppress(ConnectionError):
            while block := made.recv(2**16):
                found += block
    assert found.startswith(b"HTTP/1.1 %d" % status)
    assert status != 200 or found.endswith(b"\r\n%d\r\n0\r\n\r\n" % (size * pieces))


IDLE: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "kept alive": (HEAD % b"", b""),
    "a body in drops": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "a reader that takes nothing": (HEAD % b"endless", b""),
    "all of them": (b"", b""),
}


@pytest.mark.parametrize("how", IDLE)
def test_who_is_awaited_makes_room(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With four times as many idle connections as are taken, each of others' requests is answered at once."""
    monkeypatch.setattr(params, "REQUEST_S", 10 * LONG_S)
    monkeypatch.setattr(params, "STALLED_READER_S", 10 * LONG_S)
    kinds = [how] if how != "all of them" else [kind for kind in IDLE if kind != how]
    with served(8) as port, ExitStack() as held:
        idle = [
            (held.enter_context(connected(port, IDLE[k][0], 4096)), IDLE[k][1])
            for k in kinds * (32 // len(kinds))
        ]
        time.sleep(0.3)
        for _ in range(10):
            for made, drip in idle:
                with suppress(ConnectionError):
                    made.sendall(drip)
            with connected(port, HEAD % b"") as asked:
                assert asked.recv(1000).startswith(b"HTTP/1.1 200")  # else its time is up first


def test_many_who_ask_at_once_are_all_answered() -> None:
    """None of them is taken for idle because its request is still on the way."""
    answers: list[bytes] = []

    def ask(port: int) -> None:
        with connected(port, HEAD % b"") as made:
            answers.append(made.recv(15))

    with served(8) as port, at_once(ask, [port] * 100):
        pass
    assert answers == [b"HTTP/1.1 200 OK"] * 100


def test_who_has_sent_a_request_that_is_not_read_yet_is_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the service was busy somebody else came first, and then the request."""
    monkeypatch.setattr(params, "REQUEST_S", 10 * LONG_S)
    for event in (BLOCKED, GO_ON):
        event.clear()
    with served(2) as port, connected(port) as one, connected(port) as blocking:
        time.sleep(0.3)  # from then on both could be closed for others
        blocking.sendall(HEAD % b"block")
        assert BLOCKED.wait(LONG_S)
        with connected(port, HEAD % b"") as other:
            one.sendall(HEAD % b"")
            GO_ON.set()
            for made in (one, other, blocking):
                assert made.recv(1000).startswith(b"HTTP/1.1 200")


def test_what_works_is_not_broken_off_for_others() -> None:
    with served(2) as port, connected(port, HEAD % b"work") as one, connected(port, HEAD % b"work") as other:
        time.sleep(0.3)
        with connected(port, HEAD % b"") as late:
            assert late.recv(1000).startswith(b"HTTP/1.1 200")
        assert one.recv(1000).startswith(b"HTTP/1.1 200") and other.recv(1000).startswith(b"HTTP/1.1 200")


def test_the_address_with_most_idle_connections_makes_room_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "REQUEST_S", 10 * LONG_S)
    with served(8) as port, ExitStack() as held:
        one = socket.socket()
        held.enter_context(one)
        one.bind(("127.0.0.7", 0))
        one.connect(("127.0.0.1", port))
        time.sleep(0.2)
        idle = [held.enter_context(connected(port)) for _ in range(30)]
        closed, _, _ = select.select(idle, [], [], LONG_S)
        assert closed and all(map(ended, closed))
        one.settimeout(LONG_S)
        one.sendall(HEAD % b"")
        assert one.recv(1000).startswith(b"HTTP/1.1 200")


def test_as_many_connections_as_there_may_be_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def allowed(files: int) -> int:
        monkeypatch.setattr(resource, "getrlimit", lambda _kind: (files, files))
        return most_connections()

    assert (allowed(80), allowed(128), allowed(1024)) == (8, 32, 480)
    assert allowed(10**6) == allowed(resource.RLIM_INFINITY) == params.MOST_CONNECTIONS
    with pytest.raises(
        ServiceError, match=r"only 79 files may be open here \(ulimit -n\); the service needs 80"
    ):
        allowed(79)


def answered_s(url: str) -> float:
    """Return how long it takes to be answered."""
    began = time.monotonic()
    assert httpx2.get(url, timeout=LONG_S).status_code == 200
    return time.monotonic() - began


def test_two_hundred_idle_connections_and_few_descriptors(library: Library) -> None:
    """The real service: all else goes on as without them, but for a little, and nothing is logged."""
    prefix = ("prlimit", "--nofile=128:128")
    song = library.row("rock/beta.flac")["id"]
    paths = ("/health", "/api/tracks", "/rest/ping", f"/api/tracks/{song}/audio", "/") * 3
    with running(library.home, prefix=prefix) as server, ExitStack() as held:
        port = int(server.url.rpartition(":")[2])
        alone_s = max(answered_s(f"{server.url}{path}") for path in paths)
        idle = [held.enter_context(connected(port)) for _ in range(200)]
        for path in paths:
            assert answered_s(f"{server.url}{path}") < 2 + 5 * alone_s, path
        assert len(idle) == 200
        server.process.terminate()
        assert server.process.stderr is not None
        assert server.process.stderr.read() == ""
