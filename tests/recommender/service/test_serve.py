"""``deepcuts serve`` as a process: how it starts, whom it lets in, how it ends."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx2
import pytest

from tests.processes import alive, children
from tests.recommender.service.conftest import KEY, PASSWORD, USER, running, stopped
from tests.recommender.support import CLI, Library, deepcuts, environment
from tests.waiting import until


def test_it_answers_at_once_and_ends_when_told(library: Library) -> None:
    with running(library.home) as server:
        assert httpx2.get(f"{server.url}/health", timeout=60).json() == {"status": "ok"}
        song = (library.music / "rock/beta.flac").read_bytes()
        classified = httpx2.post(f"{server.url}/api/classify", files={"file": ("a.flac", song)}, timeout=60)
        assert classified.status_code == 200
        started = children(server.process.pid)
        code, said = stopped(server, signal.SIGTERM)
        assert (code, said) == (-signal.SIGTERM, "")
        assert started and not alive(started)


def test_where_it_is_as_json(library: Library) -> None:
    command = [*CLI, "--home", str(library.home), "serve", "--port", "0", "--workers", "1", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment(library.home)
    ) as process:
        assert process.stdout is not None
        try:
            said = ""
            while line := process.stdout.readline():
                said += line
                if line == "}\n":
                    break
            assert json.loads(said)["url"].startswith("http://127.0.0.1:")
        finally:
            process.terminate()


def connected(url: str) -> socket.socket:
    """Return a connection that was answered once, and waits."""
    made = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 60)
    made.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert made.recv(1000).startswith(b"HTTP/1.1 200")
    return made


def test_what_is_under_way_is_finished_first(library: Library) -> None:
    song = (library.music / "rock/beta.flac").read_bytes()
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    told = threading.Event()

    def body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.flac"\r\n\r\n' + song[:1000]
        assert told.wait(60)
        yield song[1000:] + b"\r\n--x--\r\n"

    with running(library.home) as server, httpx2.Client(base_url=server.url, timeout=60) as client:
        told.set()
        assert client.post("/api/classify", content=body(), headers=multipart).status_code == 200
        told.clear()
        found: list[int] = []  # by the same process, whose decoder has started: it has a few seconds only

        def send() -> None:
            found.append(client.post("/api/classify", content=body(), headers=multipart).status_code)

        thread = threading.Thread(target=send)
        thread.start()
        until(lambda: "deepcuts_uploads 1.0" in httpx2.get(f"{server.url}/metrics", timeout=60).text)
        with ExitStack() as idle:
            others = [idle.enter_context(connected(server.url)) for _ in range(8)]  # some of each process
            server.process.send_signal(signal.SIGINT)
            for other in others:  # who asks for nothing is sent away when the end has begun
                with suppress(ConnectionError):
                    while other.recv(1000):
                        pass
        told.set()
        thread.join()
        assert (server.process.wait(60), found) == (130, [200])


def test_a_song_that_is_cut_short_while_it_is_sent(library: Library) -> None:
    song = library.music / "rock/beta.flac"
    with song.open("ab") as file:
        file.write(bytes(2**26))  # more than what lies between the two can hold
    with running(library.home) as server:
        url = f"{server.url}/api/search?q=beta"
        track = httpx2.get(url, timeout=60).json()["tracks"][0]["track_id"]
        with httpx2.stream("GET", f"{server.url}/api/tracks/{track}/audio", timeout=60) as answer:
            os.truncate(song, 2**20)
            with pytest.raises(httpx2.RemoteProtocolError):
                answer.read()
        assert httpx2.get(f"{server.url}/health", timeout=60).status_code == 200
        _, said = stopped(server, signal.SIGTERM)
        assert ("Traceback" in said, said.count("\n")) == (False, 1), said


def test_it_dies_with_its_children(library: Library) -> None:
    with running(library.home) as server:
        song = (library.music / "rock/beta.flac").read_bytes()
        httpx2.post(f"{server.url}/api/classify", files={"file": ("a.flac", song)}, timeout=60)
        started = children(server.process.pid)
        server.process.kill()
        assert started
        until(lambda: not alive(started))


def test_credentials_from_files(library: Library, tmp_path: Path) -> None:
    password, keys = tmp_path / "password", tmp_path / "keys"
    password.write_text(f"{PASSWORD}\n")
    keys.write_text(f"{KEY}\n\nother-key-0123\n")
    options = ("--host", "127.0.0.2", "--user", USER, "--password-file", password, "--api-key-file", keys)
    with (
        running(library.home, *map(str, options)) as server,
        httpx2.Client(base_url=server.url, timeout=60) as client,
    ):
        assert client.get("/health").status_code == 200
        assert client.get("/api/tags").status_code == 401
        assert client.get("/api/tags", auth=(USER, PASSWORD)).status_code == 200
        assert client.get("/api/tags", auth=(USER, PASSWORD + " ")).status_code == 401
        for key, status in ((KEY, 200), ("other-key-0123", 200), ("", 401)):
            assert client.get("/api/tags", headers={"X-API-Key": key}).status_code == status


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "0.0.0.0"), "lets other machines in"),
        (("--host", "0.0.0.0", "--user", "ann", "--password-file", "SHORT"), "fewer than 8 characters"),
        (("--user", "ann"), "belong together"),
        (("--password-file", "EMPTY"), "holds no password"),
        (("--user", "ann", "--password-file", "BYTES"), "cannot be read"),
        (("--api-key-file", "EMPTY"), "holds no API key"),
        (("--host", "192.0.2.1", "--api-key-file", "KEYS"), "cannot be listened at"),
        (("--root-path", "/api"), "give a path such as /music"),
        (("--trusted-proxy", "proxy.example"), "give an address, or a network"),
        (("--limit-player", "box=wav"), "NAME=FORMAT:KBPS"),
        (("--host", "no.such.host.invalid", "--api-key-file", "KEYS"), "cannot be listened at"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_served(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    files = {"EMPTY": b"\n", "BYTES": b"\xff\xfe\n", "KEYS": KEY.encode(), "SHORT": b"short\n"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    words = [str(tmp_path / word) if word in files else word for word in options]
    ran = deepcuts(tmp_path / "home", "serve", "--port", "0", *words)
    assert (ran.code, said in ran.err) == (1, True), ran.err
    assert "is at http" not in ran.err


def test_no_password_on_the_command_line(tmp_path: Path) -> None:
    ran = deepcuts(tmp_path / "home", "serve", "--port", "0", "--user", USER, "--password", PASSWORD)
    assert (ran.code, "No such option" in ran.err) == (2, True), ran.err


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = deepcuts(tmp_path / "home", "serve", "--port", str(port))
    assert ran.code == 1
    assert f"127.0.0.1 port {port} cannot be listened at" in ran.err


def test_an_empty_home_is_served(tmp_path: Path) -> None:
    with running(tmp_path / "home") as server, httpx2.Client(base_url=server.url, timeout=60) as client:
        assert client.get("/api/tracks").json()["tracks"] == []
        assert client.get("/api/map").json() == {"status": "ready", "tracks": [], "regions": []}
        assert client.get("/api/genres").status_code == client.get("/api/tags").status_code == 200
        assert client.get("/api/find", params={"words": "rock"}).json()["results"] == []
        assert client.get("/api/discover").status_code == 404
        assert client.get("/api/status").json()["tracks"] == 0


def test_the_size_of_an_upload_is_an_option(library: Library) -> None:
    with running(library.home, "--max-upload-mb", "1") as server:
        files = {"file": ("a.flac", b"x" * (2**20 + 1))}
        answer = httpx2.post(f"{server.url}/api/classify", files=files, timeout=60)
        assert (answer.status_code, answer.json()["detail"]) == (413, "an upload may have 1 MB at most")


def test_what_a_player_is_sent_at_most_is_an_option(library: Library) -> None:
    song = library.row("rock/beta.flac")["id"]
    with running(library.home, "--limit-player", "Box=opus:64") as server:
        for player, kind in (("box", "audio/ogg"), ("other", "audio/flac")):
            answer = httpx2.get(f"{server.url}/rest/stream?id={song}&c={player}", timeout=60)
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)


def test_the_password_is_not_in_the_help_or_the_log(library: Library) -> None:
    assert "--password " not in deepcuts(None, "serve", "--help").out
    variables = environment(library.home, DEEPCUTS_USER=USER, DEEPCUTS_PASSWORD=PASSWORD)
    command = [*CLI, "--home", str(library.home), "serve", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | variables)
    assert process.stderr is not None
    first = process.stderr.readline()
    url = first.split(" is at ")[1].split()[0]
    assert httpx2.get(f"{url}api/tags", timeout=60).status_code == 401
    assert httpx2.get(f"{url}api/tags", auth=(USER, PASSWORD), timeout=60).status_code == 200
    process.terminate()
    rest = process.stderr.read()
    process.wait(60)
    process.stderr.close()
    assert PASSWORD not in first + rest
