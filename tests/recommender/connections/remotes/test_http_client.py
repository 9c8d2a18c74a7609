"""HTTP of connections: patient, verified, and silent about passwords."""

import http.server
import io
import json
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

import pytest

from recommender.connections import params
from recommender.connections.detect import kind_of
from recommender.connections.remotes import answers
from recommender.connections.remotes.http_client import HttpClient, Patience, checked_address, seconds_of
from recommender.connections.remotes.http_limits import SameHost
from recommender.errors import ConnectionFailedError
from tests.recommender.connections.remotes.supysonic import free_port

QUICK = Patience(timeout_s=20.0, tries=3, backoff_s=0.01)


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers as the test's function says: a status, headers and a body for a path."""

    answer: Callable[[str], tuple[int, dict[str, str], Any]]
    asked: list[str]

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append(self.path)
        status, headers, body = type(self).answer(self.path)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - as http.server has it

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(
    answer: Callable[[str], tuple[int, dict[str, str], Any]], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[str]]]:
    with served(type("Handler", (Answering,), {"answer": staticmethod(answer)}), tls) as found:
        yield found


@contextmanager
def served(answering: type[Answering], tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[str]]]:
    """Run a server; give its address, and the paths that it is asked for."""
    asked: list[str] = []
    handler = type("Handler", (answering,), {"asked": asked})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fails(act: Callable[[], object]) -> str:
    with pytest.raises(ConnectionFailedError) as error:
        act()
    said = str(error.value)
    assert "\n" not in said
    return said


def test_what_is_busy_is_asked_again_and_what_refuses_is_not() -> None:
    for first in (503, 500):
        coming = iter([(first, {}, {}), (429, {}, {}), (200, {}, {"a": 1})])
        with serving(lambda path, rest=coming: next(rest)) as (url, asked):  # type: ignore[misc]
            assert HttpClient(url, patience=QUICK).get("/x") == {"a": 1}
            assert len(asked) == 3
    for status, words in ((401, "connect again"), (404, "is the address right"), (501, "log")):
        with serving(lambda path, status=status: (status, {}, {})) as (url, asked):  # type: ignore[misc]
            assert words in fails(lambda url=url: HttpClient(url, patience=QUICK).get("/x"))  # type: ignore[misc]
            assert len(asked) == 1
    with serving(lambda path: (503, {}, {})) as (url, asked):
        assert "again later" in fails(lambda: HttpClient(url, patience=QUICK).get("/x"))
        assert len(asked) == 3


def test_what_may_not_be_done_twice_is_tried_once() -> None:
    with serving(lambda path: (503, {}, {})) as (url, asked):
        client = HttpClient(url, patience=QUICK)
        fails(lambda: client.send("/x", [("a", "b")]))
        assert len(asked) == 1
        fails(lambda: client.send("/x", [("a", "b")], again=True))
        assert len(asked) == 4


def test_redirects_stay_with_the_host() -> None:
    def answer(path: str) -> tuple[int, dict[str, str], Any]:
        leads = {"/near": "/there", "/far": "http://example.org/there", "/port": "http://127.0.0.1:1/there"}
        return (302, {"Location": leads[path]}, {}) if path in leads else (200, {}, {"path": path})

    with serving(answer) as (url, asked):
        client = HttpClient(url, patience=QUICK)
        assert client.get("/near") == {"path": "/there"}
        assert "sends on to http://example.org" in fails(lambda: client.get("/far"))
        assert "sends on to http://127.0.0.1:1" in fails(lambda: client.get("/port"))
        assert "sends on" in fails(lambda: client.send("/near", [("p", "secret")]))
        assert asked == ["/near", "/there", "/far", "/port", "/near"]


def test_nobody_there_is_said_in_one_line() -> None:
    said = fails(
        lambda: HttpClient(f"http://127.0.0.1:{free_port()}", patience=QUICK).get("/x", [("p", "pw")])
    )
    assert "is it running" in said
    assert "pw" not in said


def test_silence_is_waited_for_and_said() -> None:
    go = threading.Event()

    def answer(path: str) -> tuple[int, dict[str, str], Any]:
        go.wait(60)
        return 200, {}, {}

    with serving(answer) as (url, _):
        said = fails(lambda: HttpClient(url, patience=Patience(0.1, 1, 0.01)).get("/x"))
        go.set()
    assert "has not answered within 0.1 s" in said


def test_what_is_no_json_is_no_such_server() -> None:
    with serving(lambda path: (200, {}, b"<html>hello</html>")) as (url, _):
        assert "is the address right" in fails(lambda: HttpClient(url, patience=QUICK).get("/x"))
        assert "no server that is known" in fails(lambda: kind_of(url, QUICK))
    with serving(lambda path: (200, {}, [1, 2])) as (url, _):
        assert "no server that is known" in fails(lambda: kind_of(url, QUICK))


def test_a_certificate_of_nobody_known_is_refused(tmp_path: Path) -> None:
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=nas"),
            *("-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")),
        ],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("needs openssl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    with serving(lambda path: (200, {}, {}), context) as (url, asked):
        assert "certificate" in fails(lambda: HttpClient(url, patience=QUICK).get("/x"))
        assert asked == []


@pytest.mark.parametrize(
    "url",
    [
        *("", "nas", "ftp://nas", "http://", "http://a b", "http://ann:pw@nas", "http://nas:99999"),
        *("http://nas..lan", f"http://{'a' * 64}.lan"),
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    assert "pw" not in fails(lambda: checked_address(url))


def test_an_address_may_have_a_path() -> None:
    assert checked_address("https://nas:4533/music/") == "https://nas:4533/music"


def test_who_asks_to_be_left_alone_is_for_so_long_but_not_for_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    coming = iter([(429, {"Retry-After": "7"}, {}), (200, {}, {"a": 1})])
    with serving(lambda path: next(coming)) as (url, _):
        assert HttpClient(url, patience=QUICK).get("/x") == {"a": 1}
    assert waited == [7.0]
    with serving(lambda path: (503, {"Retry-After": "7200"}, {})) as (url, asked):
        assert "left alone for 7200 s" in fails(lambda: HttpClient(url, patience=QUICK).get("/x"))
        assert (len(asked), waited) == (1, [7.0])


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, 0.0),
        (" 3 ", 3.0),
        ("soon", 0.0),
        ("-4", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", 0.0),
    ],
)
def test_how_long_is_to_be_waited_is_read(said: str | None, seconds: float) -> None:
    assert seconds_of(said) == seconds


def test_a_date_to_wait_for_is_read() -> None:
    assert 3500 < seconds_of(format_datetime(datetime.now(UTC) + timedelta(hours=1))) <= 3600


WHOLE = json.dumps({"a": ["b"] * 100}).encode()


@pytest.mark.parametrize("told", ["1000", None])
def test_an_answer_that_is_cut_off_is_asked_for_again(told: str | None) -> None:
    """With the length that was to come, and without."""
    coming = iter([WHOLE[:-30], WHOLE])
    with raw(lambda: next(coming), told) as (url, asked):
        assert HttpClient(url, patience=QUICK).get("/x") == json.loads(WHOLE)
        assert len(asked) == 2
    with raw(lambda: WHOLE[:-30], told) as (url, asked):
        assert "cuts its answer off" in fails(lambda: HttpClient(url, patience=QUICK).get("/x"))
        assert len(asked) == 3


@contextmanager
def raw(answer: Callable[[], bytes], length: str | None) -> Iterator[tuple[str, list[str]]]:
    """Serve answers of a length that is told wrong, unless they are whole; None tells none."""

    class Raw(Answering):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            self.asked.append(self.path)
            content = answer()
            self.send_response(200)
            if length is not None:
                self.send_header("Content-Length", str(len(content)) if content == WHOLE else length)
            self.end_headers()
            self.wfile.write(content)

    with served(Raw) as found:
        yield found


def test_an_answer_that_trickles_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "WHOLE_ANSWER", 0.02)

    class Trickling(Answering):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(b" ")
                    self.wfile.flush()

    with served(Trickling) as (url, _):
        said = fails(lambda: HttpClient(url, patience=QUICK).get("/x"))
    assert "has not answered whole within 0.4 s" in said


@pytest.mark.parametrize(
    ("content", "headers", "expected"),
    [
        ('{"a": "Björk"}'.encode(), {}, "Björk"),
        ('{"a": "Björk"}'.encode("utf-8-sig"), {}, "Björk"),
        ('{"a": "Björk"}'.encode("utf-16"), {}, "Björk"),
        ('{"a": "Björk"}'.encode("latin-1"), {}, "Björk"),
        ('{"a": "Łódź"}'.encode("iso8859-2"), {"Content-Type": "text/json; charset=iso8859-2"}, "Łódź"),
        ('{"a": "Björk"}'.encode("latin-1"), {"Content-Type": "text/json; charset=none"}, "Björk"),
    ],
)
def test_answers_are_read_however_they_are_encoded(
    content: bytes, headers: dict[str, str], expected: str
) -> None:
    with serving(lambda path: (200, headers, content)) as (url, _):
        assert HttpClient(url, patience=QUICK).get("/x") == {"a": expected}


def test_a_key_that_no_request_can_hold_is_said_and_not_shown() -> None:
    for key in ("new\nline", "Ключ"):
        client = HttpClient(f"http://127.0.0.1:{free_port()}", {"X-Key": key}, QUICK)
        said = fails(lambda client=client: client.get("/x"))  # type: ignore[misc]
        assert "cannot be asked" in said
        assert key not in said


def test_the_usual_port_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    handler, request = SameHost("http://nas"), urllib.request.Request("http://nas/x")
    led = handler.redirect_request(request, io.BytesIO(), 302, "", HTTPMessage(), "http://nas:80/y")
    assert led is not None
    assert led.full_url == "http://nas:80/y"


@pytest.mark.parametrize("value", ["\ud83d", "a\0b", "\udce9"])
def test_texts_are_such_as_a_catalogue_keeps(value: str) -> None:
    assert "\0" not in answers.text(value)
    answers.text(value).encode()
