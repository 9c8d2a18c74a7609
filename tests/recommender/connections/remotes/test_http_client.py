"""HTTP of connections: patient, verified, and silent about passwords."""

import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from recommender.connections.detect import kind_of
from recommender.connections.remotes.http_client import HttpClient, Patience, checked_address
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
    asked: list[str] = []
    handler = type("Handler", (Answering,), {"answer": staticmethod(answer), "asked": asked})
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
    answers = iter([(503, {}, {}), (429, {}, {}), (200, {}, {"a": 1})])
    with serving(lambda path: next(answers)) as (url, asked):
        assert HttpClient(url, patience=QUICK).get("/x") == {"a": 1}
        assert len(asked) == 3
    for status, words in ((401, "connect again"), (404, "is the address right"), (500, "log")):
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
    "url", ["", "nas", "ftp://nas", "http://", "http://a b", "http://ann:pw@nas", "http://nas:99999"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    assert "pw" not in fails(lambda: checked_address(url))


def test_an_address_may_have_a_path() -> None:
    assert checked_address("https://nas:4533/music/") == "https://nas:4533/music"
