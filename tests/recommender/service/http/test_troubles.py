"""What is nobody's fault is answered with a reason and logged in a line; what nobody foresaw, likewise."""

import errno
import logging
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, exc

from db.errors import CatalogError
from recommender import params
from recommender.service import log
from recommender.service.decoding.analysis import LIMITS, Analyser
from recommender.service.decoding.process import DecoderProcess
from recommender.service.http.troubles import trouble
from recommender.service.rest import tracks
from tests.databases import query
from tests.recommender.service.conftest import Service, at_once, settled
from tests.recommender.service.decoding import processes
from tests.recommender.service.subsonic.shapes import error_of
from tests.recommender.support import WITHOUT_PRIVILEGE, Library, deepcuts_process
from tests.waiting import until

pytestmark = pytest.mark.databases("sqlite")


def of_sqlite(name: str, said: str = "no") -> exc.OperationalError:
    """Return an error as SQLAlchemy raises it."""
    cause = sqlite3.OperationalError(said)
    cause.sqlite_errorname = name
    return exc.OperationalError("SELECT secret FROM nowhere", {"bound": "value"}, cause)


def explained(name: str) -> CatalogError:
    """Return an error as the catalogue raises it."""
    try:
        raise CatalogError("/home/somebody/catalog.sqlite is not well") from of_sqlite(name)
    except CatalogError as error:
        return error


TROUBLES: dict[str, tuple[Exception, int, str]] = {
    "a full disk": (OSError(errno.ENOSPC, "full"), 507, "disk is full"),
    "a full quota": (OSError(errno.EDQUOT, "full"), 507, "disk is full"),
    "a file that is too large": (OSError(errno.EFBIG, "large"), 507, "lets no file be larger"),
    "a full catalogue": (of_sqlite("SQLITE_FULL"), 507, "disk is full"),
    "a full catalogue, explained": (explained("SQLITE_FULL"), 507, "disk is full"),
    "a disk that fails": (of_sqlite("SQLITE_IOERR_WRITE"), 503, "the disk reports an error"),
    "a disk that fails, explained": (explained("SQLITE_IOERR_READ"), 503, "reports an error"),
    "a lock": (of_sqlite("SQLITE_BUSY"), 503, "the catalogue is busy"),
    "a lock, explained": (explained("SQLITE_LOCKED"), 503, "the catalogue is busy"),
    "a catalogue that may only be read": (of_sqlite("SQLITE_READONLY_DBMOVED"), 503, "may only be read"),
    "a catalogue that is gone": (of_sqlite("SQLITE_CANTOPEN"), 503, "cannot be read"),
    "an empty catalogue": (of_sqlite("SQLITE_ERROR", "no such table: track"), 503, "cannot be read"),
    "a damaged catalogue": (explained("SQLITE_CORRUPT"), 503, "cannot be read"),
    "another file in its place": (of_sqlite("SQLITE_NOTADB"), 503, "cannot be read"),
    "no connection": (exc.TimeoutError("pool"), 503, "the catalogue is busy"),
    "no descriptor": (OSError(errno.EMFILE, "few"), 503, "too many files are open"),
    "no descriptor of the system": (OSError(errno.ENFILE, "few"), 503, "too many files are open"),
    "no process": (BlockingIOError(errno.EAGAIN, "few"), 503, "no memory, process or thread"),
    "no memory": (MemoryError(), 503, "no memory, process or thread"),
    "no memory for SQLite": (of_sqlite("SQLITE_NOMEM"), 503, "no memory, process or thread"),
    "no thread": (RuntimeError("can't start new thread"), 503, "no memory, process or thread"),
}
SECRETS = ("SELECT", "secret", "bound", "value'", "/home/", "Traceback")


@pytest.mark.parametrize("what", TROUBLES)
def test_troubles_are_answered_with_a_reason(
    service: Service, what: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    error, status, said = TROUBLES[what]

    def fails(*_given: Any) -> Any:
        raise error

    monkeypatch.setattr(tracks, "present_track", fails)
    monkeypatch.setattr("db.browsing.browse.playable_track", fails)
    answer = service.client.get("/api/tracks/1")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert said in answer.json()["detail"]
    assert ("retry-after" in answer.headers) == (status == 503)
    player = service.client.get("/rest/getSong?id=1&f=json")
    assert (player.status_code, player.headers["content-type"]) == (status, "application/json")
    code, message = error_of(player.json())
    assert (code, said in message) == (0, True)
    assert service.client.get("/rest/getSong?id=1").text.startswith("<?xml")
    for text in (answer.text, player.text, *caplog.messages):
        assert not [secret for secret in SECRETS if secret in text], text
    assert {record.name for record in caplog.records} == {"deepcuts.trouble"}
    assert all("\n" not in message for message in caplog.messages)


def test_a_fault_of_ours_is_none_of_them() -> None:
    integrity = exc.IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE"))
    for error in (ValueError("x"), RuntimeError("x"), OSError(errno.ENOENT, "x"), integrity, KeyError("x")):
        assert trouble(error) is None


# The real thing, on a catalogue of its own.


@contextmanager
def pragma(service: Service, words: str) -> Iterator[None]:
    """Let every connection of a service begin with a pragma."""
    engine = service.state.catalog.engine

    def begin(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA {words}").close()

    engine.dispose()
    event.listen(engine, "connect", begin)
    try:
        yield
    finally:
        event.remove(engine, "connect", begin)
        engine.dispose()


def test_a_catalogue_that_takes_no_more(own: Service) -> None:
    ids = [own.id_of("rock/alpha.mp3")] * 9000
    before = query(own.library.home, "SELECT count(*) FROM playlist_track")
    with pragma(own, "max_page_count = 1"):
        answer = own.client.post("/api/playlists", json={"name": "long", "track_ids": ids})
        assert (answer.status_code, "the disk is full" in answer.json()["detail"]) == (507, True)
        songs = "&".join(f"songId={one}" for one in ids[:4000])
        player = own.client.post("/rest/createPlaylist?f=json&name=x", content=songs, headers={
            "Content-Type": "application/x-www-form-urlencoded"})  # fmt: skip
        assert (player.status_code, "the disk is full" in error_of(player.json())[1]) == (507, True)
        assert own.client.get("/api/tracks").status_code == 200
    assert query(own.library.home, "SELECT count(*) FROM playlist_track") == before
    assert own.client.post("/api/playlists", json={"name": "long", "track_ids": ids}).status_code == 201


def test_a_catalogue_that_is_locked(own: Service) -> None:
    with (
        pragma(own, "busy_timeout = 100"),
        closing(sqlite3.connect(own.library.home / "catalog.sqlite")) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        answer = own.client.post("/api/tracks/1/plays")
        assert (answer.status_code, answer.json()["detail"].startswith("the catalogue is busy")) == (
            503,
            True,
        )
        player = own.client.get("/rest/scrobble?id=1&f=json")
        assert (player.status_code, "busy" in error_of(player.json())[1]) == (503, True)
        assert own.client.get("/api/tracks/1").status_code == 200
        other.rollback()
        assert own.client.post("/api/tracks/1/plays").json()["plays"] == 1


def test_those_who_read_have_connections_left_while_many_wait_to_write(
    own: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(params, "WRITE_WAIT_S", 0.5)
    answers: list[tuple[str, int]] = []

    def write(number: int) -> None:
        how, path = ("GET", "/rest/star?id=1&f=json") if number % 2 else ("POST", "/api/tracks/1/plays")
        answers.append((how, own.client.request(how, path).status_code))

    place, their_turn = own.library.home / "catalog.sqlite", params.WRITERS
    with pragma(own, "busy_timeout = 60000"), closing(sqlite3.connect(place)) as other:
        other.execute("BEGIN IMMEDIATE")
        with at_once(write, range(40)):
            for refused in (0, 40 - their_turn):  # while all of them wait, and those whose turn it is
                until(lambda refused=refused: len(answers) >= refused)  # type: ignore[misc]
                assert own.client.get("/api/tracks/1").status_code == 200
                assert own.client.get("/rest/ping?f=json").status_code == 200
            assert [status for _, status in answers] == [503] * (40 - their_turn)
            other.rollback()
    assert sorted(status for _, status in answers) == [200] * their_turn + [503] * (40 - their_turn)
    assert own.client.post("/api/tracks/1/plays").json()["plays"] == 1 + answers.count(("POST", 200))


@pytest.mark.parametrize("content", [None, b"no database at all" * 1000], ids=["gone", "another file"])
def test_a_catalogue_that_cannot_be_read(own: Service, content: bytes | None) -> None:
    place = own.library.home / "catalog.sqlite"
    own.state.catalog.engine.dispose()
    for file in own.library.home.glob("catalog.sqlite*"):
        file.unlink()
    if content is not None:
        place.write_bytes(content)
    for path in ("/api/tracks", "/api/tracks/1", "/health"):
        answer = own.client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert str(own.library.home) not in answer.text and "SELECT" not in answer.text
    player = own.client.get("/rest/getArtists?f=json")
    assert (player.status_code, error_of(player.json())[0]) == (503, 0)


def test_a_file_that_cannot_be_opened_for_want_of_descriptors(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def few(path: Any, *more: Any, **how: Any) -> int:
        if str(path).endswith(".flac") or os.fsencode(path).endswith(b".flac"):
            raise OSError(errno.EMFILE, "Too many open files")
        return real(path, *more, **how)

    monkeypatch.setattr(os, "open", few)
    song = service.id_of("rock/beta.flac")
    assert service.client.get(f"/api/tracks/{song}/audio").status_code == 503
    assert service.client.get(f"/rest/stream?id={song}").status_code == 503


def test_uploads_that_there_is_no_room_for(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = own.library.home / "nowhere"
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(nowhere)])
    answer = own.client.post("/api/classify", files={"file": b"x"})
    assert (answer.status_code, answer.headers["content-type"]) == (507, "application/problem+json")
    assert "TMPDIR" in answer.json()["detail"]
    monkeypatch.setattr(tempfile, "tempdir", str(own.library.home))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, hard))
    try:
        answer = own.client.post("/api/classify", files={"file": bytes(2**18)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (answer.status_code, "no file be larger" in answer.json()["detail"]) == (507, True)
    assert not list(own.library.home.glob("deepcuts-upload-*"))


def test_a_disk_that_fails_while_a_song_is_sent_breaks_the_answer_off(
    own: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_given: Any) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pread", fails)
    answer = own.client.get(f"/api/tracks/{own.id_of('rock/beta.flac')}/audio")
    assert answer.content == b"" and int(answer.headers["content-length"]) > 0
    assert caplog.messages == ["the disk reports an error; nothing was changed"]


# Processes that do not start, or crash.


def open_files() -> int:
    """Return how many files this process has open, but for catalogues, which come and go with connections."""
    places = []
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            places.append(os.readlink(path))
    return sum("catalog.sqlite" not in place for place in places)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_no_process_can_be_started(own: Service, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fails(*_given: Any, **_more: Any) -> Any:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(subprocess, "Popen", fails)
    settled(own)
    files = open_files()
    answers = [own.client.post("/api/classify", files={"file": b"x"})]
    answers += [own.client.get(f"/api/tracks/1/{name}") for name in ("listen", "waveform", "mel.png")]
    for answer in answers:
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    player = own.client.get("/rest/getCoverArt?id=1&f=json")
    assert (player.status_code, error_of(player.json())[0]) == (503, 0)
    assert open_files() <= files  # fewer where a process before has ended meanwhile


def test_what_a_process_says_as_it_dies_is_not_on_our_stderr(
    own: Service, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    own.client.app.state.uploads.analyser = Analyser(30.0, target=processes.breaks)  # type: ignore[attr-defined]
    answer = own.client.post("/api/classify", files={"file": b"x"})
    assert (answer.status_code, answer.json()["detail"]) == (503, "files cannot be decoded now")
    assert "Traceback" not in capfd.readouterr().err
    [record] = [record for record in caplog.records if log.TRACEBACK in record.__dict__]
    assert record.getMessage() == "a decoder has crashed (1)"
    assert "there is no memory" in record.__dict__[log.TRACEBACK]


def test_a_process_that_says_too_much_does_not_wait() -> None:
    process = DecoderProcess(processes.talks, LIMITS)
    assert process.connection.poll(30)
    process.join(30)
    assert process.exitcode not in (None, 0)  # a write that there was no room for
    process.close()


# What is written where.


def written(home: Path, record: logging.LogRecord) -> str:
    return log.ServiceLog(home).format(record)


def test_a_traceback_is_in_the_homes_log_and_a_line_on_stderr(tmp_path: Path) -> None:
    try:
        raise ZeroDivisionError("of a fault\nof ours")
    except ZeroDivisionError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord(
        "uvicorn.error", logging.ERROR, "", 0, "Exception in ASGI application\n", None, info
    )
    said = written(tmp_path, record)
    assert said == f"Exception in ASGI application (ZeroDivisionError); see {tmp_path}/deepcuts.log"
    kept = (tmp_path / "deepcuts.log").read_text()
    assert "Traceback (most recent call last)" in kept and "of a fault\nof ours" in kept
    text = "Traceback (most recent call last):\n  File x\nValueError: it was put there"
    said = written(tmp_path, logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, text, None, None))
    assert said.startswith("ValueError: it was put there; see ")


def test_what_clients_bring_about_is_said_now_and_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handler, mute = log.ServiceLog(tmp_path), logging.ERROR
    handler.setStream(sys.stderr)
    for name, often in (("uvicorn.error", 1), ("deepcuts.trouble", 1), ("deepcuts", 50)):
        for n in range(50):
            handler.handle(logging.LogRecord(name, mute, "", 0, "a bad request of %s", (n,), None))
        assert capsys.readouterr().err.count("a bad request") == often


def test_threads_that_fail_say_so_in_a_line(tmp_path: Path) -> None:
    code = (
        "import logging, sys, threading\nfrom pathlib import Path\nfrom recommender.service import log\n"
        "log.set_up(Path(sys.argv[1]))\n"
        "thread = threading.Thread(target=lambda: 1 / 0, name='map')\nthread.start(); thread.join()\n"
        "logging.getLogger('asyncio').error('Task failed', exc_info=ValueError('x'))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    at = f"see {tmp_path}/deepcuts.log"
    assert ran.stderr == f"map has failed (ZeroDivisionError); {at}\nTask failed (ValueError); {at}\n"
    assert (tmp_path / "deepcuts.log").read_text().count("Traceback") == 1  # the other had none


# How it does not start.


def lines(home: Path, *options: str, prefix: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    ran = deepcuts_process(home, "serve", "--port", "0", *options, prefix=prefix)
    return ran.code, ran.err.splitlines()


def test_it_does_not_start_with_too_few_files(library: Library) -> None:
    code, said = lines(library.home, prefix=("prlimit", "--nofile=70:70"))
    assert (code, said) == (1, ["deepcuts: only 70 files may be open here (ulimit -n); the service needs 80"])


def test_it_does_not_start_in_a_home_that_may_only_be_read(library: Library) -> None:
    for path in (library.home, *library.home.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        code, said = lines(library.home, prefix=WITHOUT_PRIVILEGE)
    finally:
        library.home.chmod(0o700)
    assert (code, len(said)) == (1, 1)
    assert "may only be read" in said[0] or "cannot be" in said[0]


@pytest.mark.parametrize("megabytes", [100, 150])
def test_it_does_not_start_with_too_little_memory(library: Library, megabytes: int) -> None:
    code, said = lines(library.home, prefix=("prlimit", f"--as={megabytes << 20}"))
    assert (code, len(said)) == (1, 1), said
    assert said[0].startswith("deepcuts: ")


def test_it_does_not_start_at_an_address_that_is_none(library: Library) -> None:
    for host in ("x" * 70 + ".example", "a..b"):
        code, said = lines(library.home, "--host", host, "--api-key-file", __file__)
        assert (code, len(said)) == (1, 1), said
