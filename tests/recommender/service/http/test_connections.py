"""Connections that are awaited too long are closed, and make room for others; those that move are not."""

import asyncio
import resource
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
from recommender.service.shared import Board
from tests.recommender.service.conftest import at_once, running
from tests.recommender.support import Library

HEAD = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
BLOCK = bytes(2**16)
PROMPT_S = 4.0
"""A second is what is promised; a machine that tests share may be slow for others' reasons."""


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer at once, slowly, without an end, or with what was sent."""
    if scope["type"] == "lifespan":
        for name in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{name}.complete"})
        return
    if scope["path"] == "/block":
        time.sleep(0.6)
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
def served(most: int) -> Iterator[int]:
    """Give the port of a server that takes so many connections."""
    bound = bound_socket("127.0.0.1", 0)
    port: int = bound.getsockname()[1]
    config: Any = uvicorn.Config(app, http="h11", ws="none", log_config=None, timeout_graceful_shutdown=3)
    server = _Server(config, most, Board())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(20)
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
    made.settimeout(20)
    made.connect(("127.0.0.1", port))
    made.sendall(sent)
    return made


def ended_s(made: socket.socket, drip: bytes = b"", every_s: float = 0.1, most_s: float = 6.0) -> float:
    """Send something now and then until the other end has closed; return after how long it had."""
    began = time.monotonic()
    made.settimeout(every_s)
    with suppress(ConnectionError):
        while time.monotonic() - began < most_s:
            if drip:
                made.sendall(drip)
            with suppress(TimeoutError):
                if not made.recv(65_536):
                    break
    return time.monotonic() - began


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
    with served(8) as port, connected(port, first) as made:
        assert 0.5 < ended_s(made, drip) < 4


def test_a_connection_that_is_kept_alive_is_closed_when_nothing_comes() -> None:
    with served(8) as port, connected(port, HEAD % b"") as made:
        assert made.recv(1000).startswith(b"HTTP/1.1 200")
        assert 0.5 < ended_s(made) < 4


def test_a_reader_that_takes_nothing_is_closed_and_a_slow_one_is_not() -> None:
    with (
        served(8) as port,
        connected(port, HEAD % b"endless", 4096) as stalled,
        connected(port, HEAD % b"endless", 4096) as slow,
    ):
        until = time.monotonic() + 3
        while time.monotonic() < until:
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
            assert b"\r\n100000" in sending.recv(1000) + sending.recv(1000)
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
    monkeypatch.setattr(params, "REQUEST_S", 60.0)
    monkeypatch.setattr(params, "STALLED_READER_S", 60.0)
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
            began = time.monotonic()
            with connected(port, HEAD % b"") as asked:
                assert asked.recv(1000).startswith(b"HTTP/1.1 200")
            assert time.monotonic() - began < PROMPT_S


def test_many_who_ask_at_once_are_all_answered() -> None:
    """None of them is taken for idle because its request is still on the way."""
    answers: list[bytes] = []

    def ask(port: int) -> None:
        with connected(port, HEAD % b"") as made:
            answers.append(made.recv(15))

    with served(8) as port, at_once(ask, [port] * 100):
        pass
    assert answers == [b"HTTP/1.1 200 OK"] * 100


def test_who_has_sent_a_request_that_is_not_read_yet_is_not_idle() -> None:
    """While the service was busy somebody else came first, and then the request."""
    with served(2) as port, connected(port) as one, connected(port) as blocking:
        time.sleep(0.3)
        blocking.sendall(HEAD % b"block")
        time.sleep(0.2)
        with connected(port, HEAD % b"") as other:
            one.sendall(HEAD % b"")
            for made in (one, other, blocking):
                assert made.recv(1000).startswith(b"HTTP/1.1 200")


def test_what_works_is_not_broken_off_for_others() -> None:
    with served(2) as port, connected(port, HEAD % b"work") as one, connected(port, HEAD % b"work") as other:
        time.sleep(0.3)
        with connected(port, HEAD % b"") as late:
            assert late.recv(1000).startswith(b"HTTP/1.1 200")
        assert one.recv(1000).startswith(b"HTTP/1.1 200") and other.recv(1000).startswith(b"HTTP/1.1 200")


def test_the_address_with_most_idle_connections_makes_room_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "REQUEST_S", 60.0)
    with served(8) as port, ExitStack() as held:
        one = socket.socket()
        held.enter_context(one)
        one.bind(("127.0.0.7", 0))
        one.connect(("127.0.0.1", port))
        time.sleep(0.2)
        idle = [held.enter_context(connected(port)) for _ in range(30)]
        time.sleep(0.3)
        one.settimeout(5)
        one.sendall(HEAD % b"")
        assert one.recv(1000).startswith(b"HTTP/1.1 200")
        assert any(ended_s(made, most_s=0.2) < 0.2 for made in idle)


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


def test_two_hundred_idle_connections_and_few_descriptors(library: Library) -> None:
    """The real service: all else goes on, within a second each, and nothing is logged."""
    prefix = ("prlimit", "--nofile=128:128")
    with running(library.home, prefix=prefix) as server, ExitStack() as held:
        port = int(server.url.rpartition(":")[2])
        with httpx2.Client(base_url=server.url, timeout=20) as client:
            assert client.get("/health").status_code == 200
        idle = [held.enter_context(connected(port)) for _ in range(200)]
        song = library.row("rock/beta.flac")["id"]
        for path in ("/health", "/api/tracks", "/rest/ping", f"/api/tracks/{song}/audio", "/") * 3:
            began = time.monotonic()
            assert httpx2.get(f"{server.url}{path}", timeout=20).status_code == 200
            assert time.monotonic() - began < PROMPT_S, path
        assert len(idle) == 200
        server.process.terminate()
        assert server.process.stderr is not None
        assert server.process.stderr.read() == ""
