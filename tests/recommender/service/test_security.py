"""Attacks, and how each is refused.

Links that lead out of the library are in http/test_stream.py; uploads that are too large, too slow, malformed
or crash the decoder, and one too many of them, are in test_upload_receiver.py.
"""

import asyncio
import base64
import os
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx2
import numpy as np
import pytest
import soundfile

from recommender import params
from recommender.errors import ServiceError
from recommender.service.access import SUBSONIC, AccessSettings, Guard
from recommender.service.decoding.analysis import Analyser
from recommender.service.decoding.process import Limits
from recommender.service.http.auth import OPEN_PATHS, Credentials, check_binding, is_known_host
from recommender.service.http.login_throttle import WrongLogins
from tests.databases import query
from tests.recommender.service.conftest import (
    BASE,
    CREDENTIALS,
    KEY,
    PASSWORD,
    PROGRAM,
    USER,
    Server,
    Service,
    serving,
)
from tests.recommender.support import Library, write_song

CUT_OFF = 0


def exchanged(server: Server, request: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; return the status and all that comes back."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        found = b""
        with suppress(ConnectionError):  # cut off while it was sending
            connection.sendall(request)
            while block := connection.recv(65_536):
                found += block
    return int(found.split(b" ", 2)[1]) if found else CUT_OFF, found


def sent(server: Server, line: str, *headers: str, body: bytes = b"") -> tuple[int, bytes]:
    """Send a request line and headers as they are written here."""
    known = [h.split(":")[0].lower() for h in headers]
    more = [] if "host" in known else ["Host: 127.0.0.1"]
    head = "\r\n".join([f"{line} HTTP/1.1", *more, "Connection: close", *headers])
    return exchanged(server, head.encode("latin-1") + b"\r\n\r\n" + body)


PATHS = {
    "/../../../../etc/passwd": 404,
    "/..%2f..%2f..%2fetc/passwd": 404,
    "//etc/passwd": 404,
    "/static/../app.py": 404,
    "/static/%2e%2e/app.py": 404,
    "/static/..%2fapp.py": 404,
    "/static/%252e%252e%252fapp.py": 404,
    "/static/..%5capp.py": 404,
    "/static/....//app.py": 404,
    "/static/%00": 404,
    "/static/index.html%00.js": 404,
    "/static//etc/passwd": 404,
    "/static/%ff": 404,
    "/api/tracks/../../etc/passwd": 404,
    "/api/tracks/..%2f..%2fetc%2fpasswd/audio": 404,
    "/api/tracks/1%2f..%2f2/audio": 404,
    "/api/tracks/%2e%2e/audio": 422,
    "/api/tracks/1%00/audio": 422,
    "/api/tracks/1%0d%0aX-Evil:1/audio": 422,
    "/api/tracks/file:%2f%2f%2fetc%2fpasswd/audio": 404,
    "/api/tracks/%252e%252e%252fetc%252fpasswd/audio": 422,
    "/api/playlists/..%2f..%2fetc%2fpasswd": 404,
    "/api/playlists/..%5c..%5cx.m3u8": 422,
    "/api/playlists/-1": 404,
    "/api/playlists/0x10": 404,
    "/api/playlists/99999999999": 422,
    "/api/playlists/%2fetc%2fpasswd.m3u8": 404,
    "/api/tracks/": 404,
    "/rest/../api/status": 404,
    "/rest/../../etc/passwd": 404,
}


@pytest.mark.parametrize("path", PATHS)
def test_paths_lead_nowhere_else(live: Server, path: str) -> None:
    status, answer = sent(live, f"GET {path}")
    assert status == PATHS[path], answer[:300]
    assert b"root:" not in answer and b"FastAPI" not in answer
    assert b"\r\nX-Evil" not in answer


NUMBERS = (
    "0",
    "-1",
    "1.5",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "1e400",
    "0x10",
    "9" * 30,
    "2147483648",
    "%20",
    "1;2",
)


@pytest.mark.parametrize("number", NUMBERS)
def test_ids_that_are_none(service: Service, number: str) -> None:
    for path in (
        f"/api/tracks/{number}",
        f"/api/tracks/{number}/audio",
        f"/api/tracks/{number}/similar",
        f"/api/tracks/{number}/mel.png",
        f"/api/similar?id={number}",
        f"/api/similar?id=1&not={number}",
        f"/api/path?from=1&to={number}",
        f"/api/tracks/1/similar?n={number}" if number != "1;2" else "/api/tracks/1/similar?n=501",
    ):
        assert service.client.get(path).status_code == 422, path


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-0.1", "1e400", "x", "1,5", ""])
@pytest.mark.parametrize(
    "name", ["discover", "diversity", "from_s", "to_s", "duration_from_s", "duration_to_s"]
)
def test_fractions_that_are_none(service: Service, name: str, value: str) -> None:
    assert service.client.get(f"/api/tracks/1/similar?{name}={value}").status_code == 422


OTHERS = {
    "/api/tracks?limit=0": 422,
    "/api/tracks?limit=501": 422,
    "/api/tracks?offset=-1": 422,
    "/api/tracks?offset=2147483648": 422,
    "/api/tracks?offset=2147483647": 200,
    "/api/tracks?sort=(SELECT 1)": 422,
    "/api/tracks?sort=path;DROP TABLE track": 422,
    "/api/tracks?unknown=1": 422,
    "/api/tracks?q=" + "x" * 501: 422,
    "/api/tracks?" + "&".join(["genre=rock"] * 51): 422,
    "/api/similar": 422,
    "/api/similar?" + "&".join(["id=1"] * 51): 422,
    "/api/find?words=' OR 1=1 --": 422,
    "/api/find?words=%00": 422,
    "/api/tracks?genre=' OR 1=1 --": 422,
    "/api/tracks?tag=%25": 422,
    "/api/tracks/1/similar?not_played_since=2026-02-30": 422,
    "/api/tracks/1/similar?not_played_since=0000-00-00": 422,
    "/api/tracks/1/similar?not_played_since=٢٠٢٦-01-01": 422,
    "/api/tracks/1/similar?year_from=99999": 422,
    "/api/tracks/1/similar?year_from=2000&year_to=1990": 422,
    "/api/tracks/1/similar?from_s=10&to_s=5": 422,
    "/api/tracks/1/similar?max_plays=-1": 422,
    "/api/tracks/1/similar?per_artist=2147483648": 422,
    "/api/path?from=1&to=1": 404,
    "/api/path?from=1&to=2&n=1": 422,
}


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path[:60])
def test_parameters_out_of_bounds(service: Service, path: str) -> None:
    answer = service.client.get(path)
    assert answer.status_code == OTHERS[path], answer.text
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"


INJECTIONS = ("' OR 1=1 --", "'; DROP TABLE track; --", '" OR ""="', "_", "\\", "%_%", "*", "\0", "$(id)",
              "${7*7}", "{{7*7}}", "<script>", "😀", "a' UNION SELECT path FROM root --")  # fmt: skip


@pytest.mark.parametrize("words", INJECTIONS)
def test_words_are_only_words(service: Service, words: str) -> None:
    for name in ("q", "artist", "album", "label"):
        answer = service.get("/api/tracks", params={name: words})
        here = {t["title"] for t in answer["tracks"] if words in f"{t['artist']} {t['title']}"}
        assert answer["total"] == len(here) or words == "\0"  # which no text of a catalogue holds
    assert service.get("/api/tracks")["total"] == 10


def test_what_is_wrong_with_a_request_is_named_in_part(service: Service) -> None:
    wrong = {"name": "x", **{f"{'k' * 900}{n}": 1 for n in range(900)}}
    answer = service.client.post("/api/playlists", json=wrong)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == params.SHOWN_ERRORS and len(answer.content) < 50_000


def test_a_form_of_too_many_fields(service: Service) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for fields, code in ((24_000, "ok"), (26_000, "failed")):
        answer = service.client.post("/rest/ping?f=json", content="id=1&" * fields, headers=form)
        text = answer.text
        assert (answer.status_code, f'"{code}"' in text or f'status="{code}"' in text) == (200, True), text


JSONS = {
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "a number that is too long": b'{"name": ' + b"9" * 5000 + b"}",
    "no number": b'{"name": NaN}',
    "half a character": b'{"name": "\\ud800", "track_ids": [99999]}',
    "no text": b"\xff\xfe{",
}


@pytest.mark.parametrize("body", JSONS.values(), ids=JSONS)
def test_json_that_is_none_or_too_deep(service: Service, body: bytes) -> None:
    kind = {"Content-Type": "application/json"}
    answer = service.client.post("/api/playlists", content=body, headers=kind)
    assert answer.status_code in (400, 404, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_comes_in_drops_is_given_up(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often one comes."""
    monkeypatch.setattr(params, "BODY_S", 0.3)

    async def drip() -> Any:
        for _ in range(100):
            await asyncio.sleep(0.05)
            yield b" "

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(own.client.app)  # type: ignore[arg-type]
        async with httpx2.AsyncClient(transport=transport, base_url=BASE, headers=PROGRAM) as client:
            kind = {"Content-Type": "application/json"}
            return await client.post("/api/playlists", content=drip(), headers=kind)

    answer = asyncio.run(asyncio.wait_for(ask(), 20))
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")


def test_requests_that_are_too_long(live: Server) -> None:
    assert sent(live, f"GET /api/tracks?q={'x' * 300_000}")[0] in (CUT_OFF, 400, 414, 431)
    assert sent(live, "GET /health", f"X-Long: {'x' * 300_000}")[0] in (CUT_OFF, 400, 431)
    assert sent(live, f"GET /api/tracks?q={'x' * 30_000}")[0] == 422


HEADERS: dict[str, tuple[tuple[str, ...], int]] = {
    "another host": (("Host: evil.example",), 421),
    "a host that begins like ours": (("Host: 127.0.0.1.evil.example",), 421),
    "a host with a user": (("Host: 127.0.0.1@evil.example",), 421),
    "a host that ends like ours": (("Host: evil-localhost",), 421),
    "an empty host": (("Host: ",), 421),
    "two hosts": (("Host: 127.0.0.1", "Host: evil.example"), 400),
    "localhost": (("Host: localhost:8450",), 200),
    "the loopback of IPv6": (("Host: [::1]:8450",), 200),
    "a forwarded host": (("X-Forwarded-Host: evil.example",), 421),
    "a host that a forwarded one is to hide": (("Host: evil.example", "X-Forwarded-Host: 127.0.0.1"), 421),
    "a forwarded address": (("X-Forwarded-For: 8.8.8.8", "Forwarded: for=8.8.8.8"), 200),
    "another site": (("Sec-Fetch-Site: cross-site",), 403),
    "another port of the same site": (("Sec-Fetch-Site: same-site",), 403),
    "a link on another site": (("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"), 403),
    "the own page": (("Sec-Fetch-Site: same-origin",), 200),
    "a person": (("Sec-Fetch-Site: none",), 200),
    "a broken header": (("X-Evil\x00: 1",), 400),
    "a header without a name": ((": 1",), 400),
    "two lengths": (("Content-Length: 1", "Content-Length: 2"), 400),
    "a length and chunks": (("Content-Length: 3", "Transfer-Encoding: chunked"), 400),
    "a negative length": (("Content-Length: -1",), 400),
}


@pytest.mark.parametrize("attack", HEADERS)
def test_headers(live: Server, attack: str) -> None:
    headers, status = HEADERS[attack]
    found, answer = sent(
        live, "GET /api/tags", *headers, body=b"0\r\n\r\n" if "chunked" in headers[-1] else b""
    )
    assert found == status, answer[:300]
    assert b"access-control-allow" not in answer.lower()
    assert b"evil.example" not in answer


def test_the_page_may_be_linked_to_but_not_framed(live: Server) -> None:
    status, answer = sent(live, "GET /", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")
    assert status == 200
    lower = answer.lower()
    assert b"x-frame-options: deny" in lower and b"frame-ancestors 'none'" in lower
    assert sent(live, "POST /", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")[0] == 403


CHANGES = (
    "POST /api/tracks/1/plays",
    "POST /api/playlists",
    "PUT /api/playlists/1",
    "DELETE /api/playlists/1",
)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil"]
)
def test_old_browsers_name_the_site_that_changes_something(live: Server, change: str, origin: str) -> None:
    port = live.url.rpartition(":")[2]
    assert sent(live, change, f"Host: 127.0.0.1:{port}", f"Origin: {origin}")[0] == 403
    own = sent(live, change, f"Host: 127.0.0.1:{port}", f"Origin: {live.url}", "Content-Length: 0")[0]
    assert own in (200, 404, 422)


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_method_cannot_be_overridden(own: Service, header: str) -> None:
    url = own.client.post("/api/playlists", json={"name": "kept"}).headers["location"]
    assert own.client.get(f"{url}", headers={header: "DELETE"}).json()["name"] == "kept"
    assert own.client.post(url, headers={header: "DELETE"}).status_code == 405
    assert own.client.post(f"{url}?_method=DELETE").status_code == 405
    assert own.get(url)["name"] == "kept"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PATCH", "BREW", "OPTIONS"])
def test_other_methods(service: Service, method: str) -> None:
    answer = service.client.request(method, "/api/tracks")
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert "GET" in answer.headers["allow"]


def test_a_files_name_cannot_add_headers(library: Library) -> None:
    name = 'a"\r\nX-Evil: 1\r\n\r\n<script>.flac'
    os.rename(write_song(library.music / "evil.flac", 5), library.music / name.replace("/", "_"))
    raw = os.fsencode(library.music) + b"/bytes-\xff\xfe.flac"
    os.rename(write_song(library.music / "raw.flac", 6), raw)
    library.ingest()
    with serving(library) as service:
        found = {t["path"]: t["track_id"] for t in service.get("/api/tracks?limit=50")["tracks"]}
        for path, track_id in found.items():
            answer = service.client.get(f"/api/tracks/{track_id}/audio?download=1")
            assert answer.status_code == 200 and "x-evil" not in answer.headers
            shown = answer.headers["content-disposition"]
            assert not re.search(r"[\r\n\x00-\x1f\x7f]", shown)
            assert shown.endswith(quote(os.fsencode(os.path.basename(path)), safe=""))
        assert os.fsdecode(raw) in found


def test_a_decoder_bomb(own: Service, tmp_path: Any) -> None:
    """Half an hour at 96 kHz in a few kilobytes: more than the seconds that a file is given here."""
    bomb = tmp_path / "bomb.flac"
    with soundfile.SoundFile(bomb, "w", 96_000, 1) as file:
        for _ in range(30):
            file.write(np.zeros(96_000 * 60, np.int16))
    assert bomb.stat().st_size < 2**20
    own.client.app.state.uploads.analyser = Analyser(30, Limits(2**30, 1, 60.0))  # type: ignore[attr-defined]
    answer = own.client.post("/api/classify", files={"file": bomb.read_bytes()})
    assert answer.status_code == 422
    assert answer.json()["detail"] in ("it takes too long to decode", "silent throughout")
    assert own.get("/health") == {"status": "ok"}


# Credentials.


@pytest.fixture(scope="module")
def guarded(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    copy = ingested.clone(tmp_path_factory.mktemp("guarded"))
    with serving(copy, AccessSettings(CREDENTIALS)) as found:
        yield found


def routes(app: Any) -> Iterator[tuple[str, str]]:
    """Yield the method and path of every route, those of included routers too."""
    for route in app.routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from routes(inner)
        else:
            for method in route.methods:
                yield method, re.sub(r"\{.*?\}", "1", route.path)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


WRONG: dict[str, dict[str, str]] = {
    "none": {},
    "another password": {"Authorization": basic(USER, PASSWORD + "x")},
    "part of the password": {"Authorization": basic(USER, PASSWORD[:-1])},
    "no password": {"Authorization": basic(USER, "")},
    "another user": {"Authorization": basic("root", PASSWORD)},
    "no user": {"Authorization": basic("", PASSWORD)},
    "no colon": {"Authorization": "Basic " + base64.b64encode(b"annonly").decode()},
    "no base64": {"Authorization": "Basic %%%%"},
    "no text": {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()},
    "nothing after the scheme": {"Authorization": "Basic"},
    "another scheme": {"Authorization": "Digest username=ann"},
    "the password as a token": {"Authorization": f"Bearer {PASSWORD}"},
    "another token": {"Authorization": f"Bearer {KEY}x"},
    "an empty token": {"Authorization": "Bearer "},
    "another key": {"X-API-Key": KEY[:-1]},
    "an empty key": {"X-API-Key": ""},
    "a wrong key beside a right password": {"X-API-Key": "x", "Authorization": basic(USER, PASSWORD)},
    "the key in the address": {},
}
RIGHT: dict[str, dict[str, str]] = {
    "password": {"Authorization": basic(USER, PASSWORD)},
    "scheme in capitals": {"Authorization": basic(USER, PASSWORD).replace("Basic", "BASIC")},
    "token": {"Authorization": f"Bearer {KEY}"},
    "key": {"X-API-Key": KEY},
}


@pytest.mark.parametrize("how", WRONG)
def test_every_route_refuses_wrong_credentials(
    guarded: Service, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(params, "WRONG_LOGINS", 10**6)
    asked = 0
    for method, path in {*routes(guarded.client.app), ("GET", "/nothing"), ("GET", "/api")}:
        if path in OPEN_PATHS or path.startswith(SUBSONIC):
            continue
        address = f"{path}?api_key={KEY}&apiKey={KEY}" if how == "the key in the address" else path
        answer = guarded.client.request(method, address, headers=WRONG[how])
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith('Basic realm="deepcuts"')
        asked += 1
    assert asked > 30


@pytest.mark.parametrize("how", RIGHT)
def test_right_credentials_open_every_route(guarded: Service, how: str) -> None:
    for method, path in routes(guarded.client.app):
        if not path.startswith(SUBSONIC) and method in ("GET", "HEAD"):
            answer = guarded.client.request(method, path, headers=RIGHT[how])
            assert answer.status_code not in (401, 403, 421), (method, path)


def test_what_is_open_says_little(guarded: Service) -> None:
    assert guarded.get("/health") == {"status": "ok"}
    assert {path for _, path in routes(guarded.client.app)} >= OPEN_PATHS == {"/health"}


def test_wrong_logins_are_logged_and_braked(ingested: Library, caplog: pytest.LogCaptureFixture) -> None:
    wrong = {"Authorization": basic("eve\nwrong login from 8.8.8.8", "a guess")}
    with serving(ingested, AccessSettings(CREDENTIALS)) as service:
        client = service.client
        assert client.get("/api/tags").status_code == 401  # as browsers begin: no login at all
        assert not caplog.messages
        for _ in range(5):
            assert client.get("/api/tags", headers=wrong).status_code == 401
            said = client.get("/rest/ping?f=json&u=eve&p=a%20guess").json()
            assert said["subsonic-response"]["error"]["code"] == 40
        rest, subsonic = (f"wrong login from testclient ({name})" for name in ("REST", "OpenSubsonic"))
        assert caplog.messages == [rest, subsonic] * 5
        braked = client.get("/api/tags", headers=wrong)
        assert (braked.status_code, braked.headers["content-type"]) == (429, "application/problem+json")
        assert 0 < int(braked.headers["retry-after"]) <= 60
        for path, code in (("ping?apiKey=guess", 44), (f"star?id=1&u={USER}&p=guess", 40)):
            braked = client.get(f"/rest/{path}&f=json")
            assert (braked.status_code, braked.headers["content-type"]) == (429, "application/json")
            assert 0 < int(braked.headers["retry-after"]) <= 60
            error = braked.json()["subsonic-response"]["error"]
            assert error["code"] == code and error["message"].startswith(
                "too many wrong logins; try again in"
            )
        assert client.get("/rest/ping?f=json").json()["subsonic-response"]["error"]["code"] == 10
        assert len(caplog.messages) == 10
        for right in RIGHT.values():
            assert client.get("/api/tags", headers=right).status_code == 200
        assert client.get("/api/tags").status_code == 401
        assert client.get(f"/rest/ping?f=json&apiKey={KEY}").json()["subsonic-response"]["status"] == "ok"


def test_a_brake_lasts_a_minute_for_one_address_and_remembers_only_some(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = [100.0]
    wrong = WrongLogins(lambda: clock[0])

    def tried(address: str) -> int:
        return wrong.note({"client": (address, 1)}, "REST")

    assert [tried("192.0.2.1") for _ in range(12)] == [0] * 10 + [60, 60]
    assert tried("192.0.2.2") == 0
    clock[0] += 59.5
    assert tried("192.0.2.1") == 1
    clock[0] += 0.5
    assert [tried("192.0.2.1") for _ in range(11)] == [0] * 10 + [60]
    for n in range(10_000):
        tried(f"2001:db8::{n:x}")
    assert len(wrong) == params.WRONG_ADDRESSES
    assert tried("192.0.2.1") == 0  # forgotten
    assert wrong.note({"client": None}, "REST") == 0
    tried("x" * 10_000)
    assert max(map(len, caplog.messages)) < 100


def test_a_brake_is_for_one_user_too_wherever_the_guesses_come_from() -> None:
    clock = [100.0]
    wrong = WrongLogins(lambda: clock[0])

    def tried(number: int, user: str) -> int:
        return wrong.note({"client": (f"192.0.2.{number}", 1)}, "REST", user)

    assert [tried(n, "ann") for n in range(12)] == [0] * 10 + [60, 60]
    assert tried(12, "bob") == 0
    clock[0] += 60
    assert tried(13, "ann") == 0
    for n in range(5000):
        wrong.note({"client": (f"2001:db8::{n:x}", 1)}, "REST", f"user {n}")
    assert len(wrong) == params.WRONG_ADDRESSES


def test_guesses_at_one_user_from_many_addresses_are_braked_on_both_interfaces(ingested: Library) -> None:
    with serving(ingested, AccessSettings(CREDENTIALS)) as service:
        wrong = service.client.app.state.wrong_logins  # type: ignore[attr-defined]
        for n in range(10):
            wrong.note({"client": (f"192.0.2.{n}", 1)}, "REST", USER)
        refused = service.client.get("/api/tags", headers={"Authorization": basic(USER, "guess")})
        assert refused.status_code == 429
        assert service.client.get(f"/rest/ping?f=json&u={USER}&p=guess").status_code == 429
        assert service.client.get("/rest/ping?f=json&u=bob&p=guess").status_code == 200
        assert service.client.get("/api/tags", headers=RIGHT["password"]).status_code == 200


def test_the_description_says_what_opens_the_service(guarded: Service) -> None:
    """A request made of each scheme as OpenAPI defines it opens what is not open to all."""
    described = guarded.client.get("/openapi.json", headers=RIGHT["key"]).json()
    schemes = described["components"]["securitySchemes"]
    secrets = {"basic": basic(USER, PASSWORD), "bearer": f"Bearer {KEY}"}
    ways = [
        {"Authorization": secrets[one["scheme"]]} if one["type"] == "http" else {one["name"]: KEY}
        for one in schemes.values()
        if one["type"] == "http" or one["in"] == "header"
    ]
    assert len(ways) == len(schemes) == len({str(way) for way in ways}) == 3
    for way in ways:
        assert guarded.client.get("/api/tags", headers=way).status_code == 200
    assert described["security"] == [*({name: []} for name in schemes), {}]
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation.get("security") == ([] if path == "/health" else None), path


def test_right_credentials_do_not_serve_another_site(guarded: Service) -> None:
    for site in ("cross-site", "same-site"):
        headers = {**RIGHT["password"], "Sec-Fetch-Site": site}
        assert guarded.client.get("/api/tracks", headers=headers).status_code == 403
        assert guarded.client.post("/api/tracks/1/plays", headers=headers).status_code == 403
    assert query(guarded.library.home, "SELECT sum(plays) FROM track")[0][0] == 0


def test_a_password_may_be_in_any_letters() -> None:
    secret = Credentials("zoë", "pässwörd:☃", ("schlüssel",))
    assert secret.opens({"authorization": basic("zoë", "pässwörd:☃")})
    assert secret.opens({"x-api-key": "schlüssel".encode().decode("latin-1")})
    assert not secret.opens({"authorization": basic("zoë", "pässwörd")})
    assert not Credentials(None, None, ("k",)).opens({"authorization": basic("None", "None")})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", "127.0.0.1.example.org", ""])
def test_other_machines_need_credentials(host: str) -> None:
    with pytest.raises(ServiceError):
        check_binding(host, Credentials())
    with pytest.raises(ServiceError):
        check_binding(host, Credentials("ann", "short"))
    check_binding(host, CREDENTIALS)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    check_binding(host, Credentials())
    assert is_known_host(f"[{host}]:80" if ":" in host else f"{host}:80", ())


@pytest.mark.parametrize(
    "header",
    ["", ":", ":80", "localhost:x", "localhost:80:80", "localhost.", "[::1", "::1", "[::1]x", "[fe80::1]",
     "a b", "localhost/x", "evil@localhost", "127.1", "0.0.0.0", "2130706433"],
)  # fmt: skip
def test_hosts_that_are_not_ours(header: str) -> None:
    assert not is_known_host(header, ("music.example",))
    assert is_known_host("Music.Example:8450", ("music.example",))


@pytest.mark.parametrize("started", [False, True])
def test_what_is_under_way_when_the_service_stops_is_no_fault(started: bool) -> None:
    sent: list[Any] = []

    async def slow(_scope: Any, _receive: Any, send: Any) -> None:
        if started:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(60)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def stop_meanwhile() -> None:
        headers = [(b"host", b"localhost")]
        scope = {"type": "http", "method": "GET", "path": "/api/tracks", "headers": headers}
        task = asyncio.create_task(Guard(slow, AccessSettings(), WrongLogins())(scope, receive, send))
        await asyncio.sleep(0.05)
        task.cancel()
        await task

    asyncio.run(stop_meanwhile())
    assert [m["status"] for m in sent if m["type"] == "http.response.start"] == [200 if started else 503]
