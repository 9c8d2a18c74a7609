"""Attacks by what a request asks: its path, method, ranges, parameters, and for whom it asks."""

import base64
import random
from collections.abc import Callable, Iterator
from urllib.parse import quote

from benchmarks.campaign.attack_requests import CHANGING, GUARDED, OPEN, PLAYERS_CHANGES, Attack, request
from tests.recommender.service.test_security import INJECTIONS, NUMBERS, OTHERS, PATHS

ROUTES = (
    "/api/tracks/{}",
    "/api/tracks/{}/audio",
    "/api/tracks/{}/similar",
    "/api/tracks/{}/mel.png",
    "/api/tracks/{}/waveform",
    "/api/tracks/{}/listen",
    "/api/playlists/{}",
    "/api/playlists/{}.m3u8",
    "/static/{}",
    "/rest/{}",
    "/{}",
)
PARTS = (
    *(
        "..",
        ".",
        "%2e%2e",
        "..%2f",
        "%2f",
        "%5c",
        "..\\",
        "%00",
        "%0d%0a",
        "%c0%ae",
        "%u002e",
        "%25",
        ";",
        "~",
    ),
    *(
        "~",
        "etc",
        "passwd",
        "catalog.sqlite",
        "1",
        "-1",
        "%ff",
        "con",
        "0",
        "99999999999999999999",
        "file:",
        "//",
    ),
)


def paths(rng: random.Random) -> Iterator[Attack]:
    """Yield paths that lead out of where they begin, by every route that has a part of its own."""
    while True:
        if rng.random() < 0.3:
            path = rng.choice(sorted(PATHS))
        else:
            named = "/".join(rng.choice(PARTS) for _ in range(rng.randrange(1, 8)))
            path = rng.choice(ROUTES).format(named)
        yield Attack(f"path {path}", (request(f"GET {path}"),), rng.choice((OPEN, GUARDED)))


METHODS = (
    "TRACE",
    "CONNECT",
    "PATCH",
    "BREW",
    "OPTIONS",
    "PROPFIND",
    "DELETE",
    "PUT",
    "POST",
    "HEAD",
    "get",
    "A" * 9000,
)


def methods(rng: random.Random) -> Iterator[Attack]:
    """Yield methods that routes do not have, and headers that would override them."""
    while True:
        path = rng.choice(ROUTES).format(rng.choice(("1", "ping", "index.html", "")))
        method, over = rng.choice(METHODS), rng.choice(("DELETE", "PUT", "POST"))
        made = request(
            f"{method} {path}?_method={over}", f"X-HTTP-Method-Override: {over}", "Content-Length: 0"
        )
        yield Attack(f"method {method[:9]} {path}", (made,), rng.choice((OPEN, GUARDED)))


def ranges(rng: random.Random) -> Iterator[Attack]:
    """Yield ranges of bytes: many, overlapping, reversed, endless, of other units."""
    ends = ("", "0", "1", "-1", "99", "18446744073709551616", "x", " 5", "1.5")
    while True:
        specs = [f"{rng.choice(ends)}-{rng.choice(ends)}" for _ in range(rng.choice((1, 2, 17, 2000)))]
        value = f"{rng.choice(('bytes=', 'bytes =', 'lines=', '', 'bytes'))}{','.join(specs)}"
        path = rng.choice(
            ("/api/tracks/1/audio", "/api/tracks/1/listen", "/rest/stream?id=1", "/rest/download?id=2")
        )
        since = rng.choice(("x", "", '"a"', "Thu, 99 Nov 99999 99:99:99 GMT", "(" * 5000))
        made = request(f"GET {path}", f"Range: {value}", f"If-Range: {since}", f"If-Modified-Since: {since}")
        yield Attack(f"range {value[:40]} of {path}", (made,), wait_s=5.0)


def parameters(rng: random.Random) -> Iterator[Attack]:
    """Yield parameters of REST that are out of bounds, or that another language would take for its own."""
    paths_ = ("/api/tracks", "/api/similar", "/api/path", "/api/find", "/api/search", "/api/tracks/1/similar")
    names = (
        "q",
        "id",
        "n",
        "limit",
        "offset",
        "words",
        "from",
        "to",
        "genre",
        "tag",
        "discover",
        "from_s",
        "sort",
    )
    while True:
        if rng.random() < 0.3:
            path = quote(rng.choice(sorted(OTHERS)), safe="/?=&%")
        else:
            value = quote(rng.choice((*NUMBERS, *INJECTIONS, "x" * 2000)), safe="%")
            path = (
                f"{rng.choice(paths_)}?{'&'.join([f'{rng.choice(names)}={value}'] * rng.choice((1, 2, 60)))}"
            )
        yield Attack(f"parameter {path[:60]}", (request(f"GET {path}"),), wait_s=5.0)


def origins(rng: random.Random) -> Iterator[Attack]:
    """Yield changes that another site's page asks for, in browsers new and old."""
    sites = ("cross-site", "same-site", "none-such")
    from_where = (
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        "http://127.0.0.1.evil.example",
        "file://",
        "",
    )
    kinds = (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "application/json",
    )
    browser = "User-Agent: Mozilla/5.0 (X11; rv:60.0)"
    while True:
        made = [f"Content-Type: {rng.choice(kinds)}", "Referer: http://evil.example/", browser]
        told = rng.randrange(3)
        made += [f"Sec-Fetch-Site: {rng.choice(sites)}"] if told == 1 else []
        made += [f"Origin: {rng.choice(from_where)}"] if told == 2 else []
        if rng.random() < 0.5:
            line, body = rng.choice(CHANGING), b'{"name": "x"}'
        else:
            login = rng.choice(("", "&u=a&p=b", "&u=a&t=b&s=c", "&apiKey=a"))
            call = rng.choice(PLAYERS_CHANGES).replace("?", rng.choice(("?", ".view?"))) + login
            line, body = f"{rng.choice(('GET', 'POST', 'HEAD'))} /rest/{call}", b""
        sent = request(line, *made, f"Content-Length: {len(body)}", body=body)
        yield Attack(f"from {made[3:] or 'nowhere'}: {line}", (sent,), rng.choice((OPEN, GUARDED)))


def hosts(rng: random.Random) -> Iterator[Attack]:
    """Yield names that a site may have made to point here."""
    names = (
        *(
            "evil.example",
            "127.0.0.1.evil.example",
            "evil-localhost",
            "localhost.",
            "0.0.0.0",
            "127.1",
            "a b",
            "",
        ),
        *(
            "2130706433",
            "[::ffff:7f00:1]x",
            "127.0.0.1@evil.example",
            "evil.example:80",
            "localhost:x",
            "\xe9",
        ),
    )
    while True:
        host = rng.choice(names)
        line = rng.choice(("GET /api/tracks", "GET /", "GET /rest/ping", *CHANGING))
        sent = request(
            line, f"Host: {host}", "X-Requested-With: x", "X-Forwarded-Host: 127.0.0.1", host=False
        )
        yield Attack(f"host {host!r}: {line}", (sent,), refused=True)


def logins(rng: random.Random) -> Iterator[Attack]:
    """Yield guesses at credentials, on both interfaces."""
    users, words = (
        ("ann", "admin", "", "\0", "a" * 5000),
        ("", "password", "enc:zz", "x" * 5000, "'--", "None"),
    )
    while True:
        user, word = rng.choice(users), rng.choice(words)
        kind = rng.randrange(4)
        basic = base64.b64encode(f"{user}:{word}".encode()).decode()
        if kind == 0:
            sent = request("GET /api/tracks", f"Authorization: Basic {basic}")
        elif kind == 1:
            given = rng.choice(
                (f"Authorization: Bearer {word}", f"X-API-Key: {word}", "Authorization: Digest x")
            )
            sent = request(rng.choice(CHANGING), given, "Content-Length: 0")
        elif kind == 2:
            sent = request(f"GET /rest/{rng.choice(PLAYERS_CHANGES)}&u={quote(user)}&p={quote(word)}&f=json")
        else:
            sent = request(f"GET /rest/getSong?id=1&u={quote(user)}&t={quote(word)}&s=x&apiKey={quote(word)}")
        yield Attack(f"login {user[:9]!r}", (sent,), GUARDED, refused=kind < 2)


KINDS: dict[str, Callable[[random.Random], Iterator[Attack]]] = {
    "paths": paths,
    "methods": methods,
    "ranges": ranges,
    "parameters": parameters,
    "origins": origins,
    "hosts": hosts,
    "logins": logins,
}
