"""Attacks by how a request is written: its line, its headers, and the lengths of its body."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.recommender.service.test_security import HEADERS

GUARDED = "guarded"
"""Name of the service that has credentials."""
OPEN = "open"


@dataclass(frozen=True)
class Attack:
    """Bytes that are sent to a service.

    Attributes
    ----------
    service
        Which one.
    blocks
        Sent one after the other.
    refused
        Whether only a status from 400 on, or none, will do.
    """

    what: str
    blocks: tuple[bytes, ...]
    service: str = OPEN
    refused: bool = False
    wait_s: float = 0.5


def request(line: str, *headers: str, body: bytes = b"", host: bool = True) -> bytes:
    """Return a request as it is written here."""
    known = ["Host: 127.0.0.1"] if host else []
    head = "\r\n".join([f"{line} HTTP/1.1", *known, "Connection: close", *headers])
    return head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


CHANGING = (
    "POST /api/tracks/1/plays",
    "POST /api/playlists",
    "PUT /api/playlists/1",
    "DELETE /api/playlists/1",
)
PLAYERS_CHANGES = (
    "star?id=1",
    "unstar?id=1",
    "scrobble?id=1",
    "setRating?id=1&rating=5",
    "createPlaylist?name=x&songId=1",
    "updatePlaylist?playlistId=pl-1&name=x",
    "deletePlaylist?id=pl-1",
)
LINES = (
    b"",
    b"GET",
    b"GET /",
    b"GET  /  HTTP/1.1",
    b"GET / HTTP/9.9",
    b"GET / HTTP/1.0",
    b"GET / http/1.1",
    b"get / HTTP/1.1",
    b"GET http://evil.example/ HTTP/1.1",
    b"GET * HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"CONNECT evil.example:80 HTTP/1.1",
    b"PRI * HTTP/2.0\r\n\r\nSM",
    b"GET /\x00 HTTP/1.1",
    b"GET /\xff\xfe HTTP/1.1",
    b"GET /api/tracks\tHTTP/1.1",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60),
    b"\x05\x01\x00",
    b"SSH-2.0-x",
    b"G\r\nET / HTTP/1.1",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1",
    b"A" * 200_000,
)


def request_lines(rng: random.Random) -> Iterator[Attack]:
    """Yield request lines that are none, and some with a byte changed."""
    while True:
        line = rng.choice(LINES)
        if rng.random() < 0.6 and line:
            place = rng.randrange(len(line))
            line = line[:place] + bytes([rng.randrange(256)]) + line[place + rng.randrange(2) :]
        end = rng.choice((b"\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", b"\r\n\r\n", b"\n\n", b"\r\r"))
        yield Attack(f"request line {line[:40]!r}", (line + end,), wait_s=0.1)


def headers(rng: random.Random) -> Iterator[Attack]:
    """Yield headers that are too many, too long, broken, or twice."""
    names = ("Host", "Cookie", "X-A", "Range", "Authorization", "Upgrade", "Expect", "Accept-Encoding", "TE")
    values = (
        "",
        "x" * 9000,
        "websocket",
        "100-continue",
        "\x0bx",
        "a\r\n b",
        "bytes=0-",
        "\x7f",
        "é",
        "trailers",
    )
    while True:
        kind, name = rng.randrange(5), rng.choice(names)
        if kind == 0:
            made = [f"X-{n}: {rng.random()}" for n in range(rng.choice((500, 3000, 20_000)))]
        elif kind == 1:
            made = [f"{name}: {rng.choice(values)}" for _ in range(rng.choice((1, 2, 50)))]
        elif kind == 2:
            made = [f"{name}: {'y' * rng.choice((60_000, 70_000, 500_000))}"]
        elif kind == 3:
            made = [rng.choice((": x", "X", "X : y", " X: y", "X\x00: y", "X: y\x00", "\x01: z", "X;: 1"))]
        else:
            made = list(HEADERS[rng.choice(sorted(HEADERS))][0])
        yield Attack(
            f"header {made[0][:40]!r}", (request("GET /api/tags", *made, host=kind != 4),), wait_s=0.1
        )


SIZES = (
    "-1",
    "+5",
    "0x10",
    "1e3",
    "5 5",
    "5,5",
    "5, 6",
    "99999999999999999999",
    "",
    " ",
    "٣",
    "5\t",
    "1048577",
)
CODINGS = (
    "chunked",
    "chunked, identity",
    "identity, chunked",
    "xchunked",
    "chunked\x0b",
    " chunked",
    "gzip",
    "CHUNKED",
)
SMUGGLED = b"POST /api/tracks/1/plays HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"


def lengths(rng: random.Random) -> Iterator[Attack]:
    """Yield bodies whose length is said twice, or wrongly, with another request in them."""
    while True:
        line = rng.choice((*CHANGING, "POST /api/classify", "GET /api/tracks", "POST /rest/ping"))
        made = [f"Content-Length: {rng.choice(SIZES)}" for _ in range(rng.choice((1, 1, 2)))]
        if rng.random() < 0.5:
            made += [f"Transfer-Encoding: {rng.choice(CODINGS)}" for _ in range(rng.choice((1, 2)))]
        body = rng.choice((b"", b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n")) + SMUGGLED
        refused = line in CHANGING
        yield Attack(f"lengths {made}", (request(line, *made, body=body),), refused=refused, wait_s=0.15)


CHUNKS = (
    b"ffffffffffffffffffffff\r\n",
    b"-1\r\nx\r\n",
    b"5;" + b"e" * 100_000 + b"\r\nhello\r\n",
    b"0x5\r\nhello\r\n",
    b"5 \r\nhello\r\n",
    b"5\nhello\n0\n\n",
    b"5\r\nhelloworld\r\n0\r\n\r\n",
    b"\r\n\r\n",
    b"g\r\n",
    b"0\r\nX-T: " + b"t" * 100_000 + b"\r\n\r\n",
    b"0\r\n" + b"X-T: 1\r\n" * 5000 + b"\r\n",
    b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n",
    b"FFFFFF\r\n" + b"x" * 300_000,
)


def chunks(rng: random.Random) -> Iterator[Attack]:
    """Yield chunked bodies that are broken, endless, or end in another request."""
    while True:
        body = rng.choice(CHUNKS) + rng.choice((b"", b"0\r\n\r\n", SMUGGLED))
        line = rng.choice(("POST /api/classify", "POST /rest/ping", "GET /api/tracks", *CHANGING))
        form = "Content-Type: multipart/form-data; boundary=b"
        made = request(line, "Transfer-Encoding: chunked", form, body=body)
        yield Attack(f"chunks {body[:30]!r}", (made,), refused=line in CHANGING, wait_s=0.15)


KINDS: dict[str, Callable[[random.Random], Iterator[Attack]]] = {
    "request lines": request_lines,
    "headers": headers,
    "lengths": lengths,
    "chunks": chunks,
}
