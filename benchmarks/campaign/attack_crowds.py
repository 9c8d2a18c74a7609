"""Attacks by many connections at once: silent, slow, half-open, taking nothing, or simply many."""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from benchmarks.campaign.attack_requests import request
from benchmarks.campaign.attacked import Attacked, trouble_of

CONNECTIONS = 200
DRIP_S = 0.1


@dataclass(frozen=True)
class Crowd:
    """Connections that are opened at once and held for a while.

    Attributes
    ----------
    first, drip
        What each sends at first, and then now and then.
    half_closed
        Whether each says at once that it sends no more.
    """

    what: str
    first: bytes
    drip: bytes = b""
    half_closed: bool = False
    receive_bytes: int = 4096


HEAD = b"GET /api/tracks/1/audio HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = b"POST /api/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Requested-With: x\r\nContent-Length: 900000\r\n"
KIND = b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
FORM = KIND + b"--b\r\nContent-Disposition: form-data; name=file\r\n\r\n"
CHUNKED = b"POST /%s HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
CROWDS = (
    Crowd("silent", b""),
    Crowd("half a request line", b"GET /api"),
    Crowd("headers in drops", HEAD, b"X-A: b\r\n"),
    Crowd("a byte at a time", b"GET /", b"a"),
    Crowd("bodies in drops", POST % b"playlists" + b"Content-Type: application/json\r\n\r\n{", b" "),
    Crowd("uploads in drops", POST % b"classify" + FORM, b"x"),
    Crowd("chunks in drops", CHUNKED % b"rest/ping" + b"\r\n", b"1\r\nx\r\n"),
    Crowd("kept alive", b"GET /rest/ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
    Crowd("answers not taken", (HEAD + b"\r\n") * 20),
    Crowd("half-closed", b"", half_closed=True),
    Crowd("half-closed in a body", POST % b"playlists" + b"\r\n{", half_closed=True),
    Crowd("TLS hellos", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)),
    Crowd("waiting to go on", POST % b"classify" + b"Expect: 100-continue\r\n\r\n"),
    Crowd("tiny chunks", CHUNKED % b"api/classify" + KIND, b"1\r\nx\r\n" * 2000),
    Crowd("pipelined", b"GET /rest/ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 200),
)


def crowds(_rng: random.Random) -> Iterator[Crowd]:
    """Yield crowds, one after the other."""
    while True:
        yield from CROWDS


def hold(service: Attacked, crowd: Crowd, seconds: float) -> str | None:
    """Hold a crowd for so long; return what was wrong: the log may not grow by more than a line."""
    logged = service.log.stat().st_size
    with ExitStack() as held:
        made = [held.enter_context(socket.socket()) for _ in range(CONNECTIONS)]
        for one in made:
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, crowd.receive_bytes)
                one.settimeout(2.0)
                one.connect(("127.0.0.1", service.port))
                one.setblocking(False)
                one.send(crowd.first)
                if crowd.half_closed:
                    one.shutdown(socket.SHUT_WR)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for one in made if crowd.drip else ():
                with suppress(OSError):
                    one.send(crowd.drip)
            time.sleep(DRIP_S)
            service.ping("/api/tracks")
    grown = service.log.stat().st_size - logged
    return f"{grown} bytes of log for a crowd" if grown > 500 else None


RUSHES = (
    "/api/tracks",
    "/rest/ping",
    "/",
    "/api/tracks/1/similar",
    "/rest/getCoverArt?id=1",
    "/api/tracks/1/audio",
    "/api/tracks/1/waveform",
    "/rest/search3?query=",
)


def rushes(_rng: random.Random) -> Iterator[str]:
    """Yield what many ask at once."""
    while True:
        yield from RUSHES


def rush(service: Attacked, path: str, askers: int = 100) -> str | None:
    """Ask the same of a service from many connections at once; each is to be answered."""
    answers: list[bytes] = []

    def ask() -> None:
        answers.append(service.exchange(request(f"GET {path}"), wait_s=30.0))

    threads = [threading.Thread(target=ask) for _ in range(askers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wrong = [answer for answer in answers if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 503"))]
    if wrong:
        return f"{len(wrong)} of {askers} were not answered: {wrong[0][:80]!r}"
    return next(filter(None, map(trouble_of, answers)), None)


KINDS: dict[str, Callable[[random.Random], Iterator[Crowd | str]]] = {"crowds": crowds, "rushes": rushes}
