"""Uploads: what they answer, and that nothing that is sent can stop the service or stay behind."""

import asyncio
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import httpx2
import mutagen
import numpy as np
import pytest

from recommender.service.decoding.analysis import Analyser
from recommender.service.decoding.process import Limits
from recommender.service.shared import Kind
from tests import synth
from tests.databases import query as sql
from tests.recommender.service.conftest import BASE, Service
from tests.recommender.service.decoding import processes
from tests.recommender.service.rest.test_endpoints import SIMILAR


@pytest.fixture(autouse=True)
def _nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("song") / "Über uns.flac"
    return synth.write(path, synth.music_like(35, 77), tags={"title": "Sent", "artist": "Zoë"})


def send(service: Service, path: str, content: bytes, name: str = "song.flac", **asked: Any) -> Any:
    return service.client.post(path, files={"file": (name, content)}, params=asked)


def test_classify_is_the_commands(service: Service, song: Path) -> None:
    answer = send(service, "/api/classify", song.read_bytes(), song.name)
    assert answer.status_code == 200, answer.text
    expected = service.library.run("classify", song, "--json").json[0]
    assert answer.json() == {**expected, "path": "Über uns.flac"}


@pytest.mark.parametrize("case", ["plain", "options", "passage", "explained"])
def test_similar_to_a_file_is_the_commands(service: Service, song: Path, case: str) -> None:
    asked, options = SIMILAR[case]
    answer = send(service, "/api/similar", song.read_bytes(), song.name, **asked)
    assert answer.status_code == 200, answer.text
    expected = service.library.similar(song, *options)
    for query in (expected["query"], *expected["queries"]):
        query["path"] = song.name
    assert answer.json() == expected


def test_a_song_of_the_catalogue_is_known_by_its_sound(service: Service) -> None:
    content = (service.library.music / "rock/beta.flac").read_bytes()
    answer = send(service, "/api/similar", content, "renamed.bin").json()
    assert answer["query"]["track_id"] == service.id_of("rock/beta.flac")


def test_a_song_of_the_catalogue_is_not_analysed(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    track_id, path = own.id_of("rock/beta.flac"), own.library.music / "rock/beta.flac"
    other = own.library.music.parent / "other tags.flac"
    other.write_bytes(path.read_bytes())
    tagged = mutagen.File(other)
    tagged["title"] = "Called otherwise"
    tagged.save()
    analysed: list[Path] = []
    analyser = own.client.app.state.uploads.analyser  # type: ignore[attr-defined]
    really = analyser.analyse
    monkeypatch.setattr(analyser, "analyse", lambda file, *more: analysed.append(file) or really(file, *more))
    asked = own.get(f"/api/tracks/{track_id}/similar?n=3")
    assert send(own, "/api/similar", other.read_bytes(), other.name, n=3).json() == asked
    part = {"from_s": 1, "to_s": 4.5, "n": 3}
    assert send(own, "/api/similar", other.read_bytes(), other.name, **part).json() == own.get(
        f"/api/tracks/{track_id}/similar", params=part
    )
    assert analysed == []
    sql(own.library.home, "UPDATE track SET missing = ? WHERE id = ?", True, track_id)
    fresh = send(own, "/api/similar", path.read_bytes(), path.name, n=3).json()
    assert len(analysed) == 1 and fresh["query"]["track_id"] is None
    assert track_id not in {song["track_id"] for song in fresh["results"]}


MALFORMED = {
    "empty": (b"", "song.mp3"),
    "text": (b"this is no sound at all" * 100, "song.mp3"),
    "html": (b"<html><script>alert(1)</script>", "song.html"),
    "noise": (np.random.default_rng(0).bytes(50_000), "song.flac"),
    "only a header": (b"fLaC\x00\x00\x00\x22", "song.flac"),
    "riff of lies": (b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\xff\xff\xff\xff\xff\xff", "a.wav"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_not_audio_is_refused(service: Service, what: str) -> None:
    answer = send(service, "/api/classify", *MALFORMED[what])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_cut_and_silent_audio(service: Service, song: Path) -> None:
    content = song.read_bytes()
    assert send(service, "/api/classify", content[: len(content) // 2]).json()["warnings"]
    quiet = synth.write(song.parent / "quiet.wav", np.zeros(100_000, np.float32))
    assert "silent" in send(service, "/api/classify", quiet.read_bytes(), "q.wav").json()["detail"]


@pytest.mark.parametrize("declared", [True, False])
def test_an_upload_may_not_be_too_large(own: Service, declared: bool) -> None:
    own.client.app.state.uploads.max_bytes = 100_000  # type: ignore[attr-defined]
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.mp3"\r\n\r\n'
    body = head + b"x" * 200_000 + b"\r\n--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}

    def blocks() -> Any:
        yield from (body[i : i + 1000] for i in range(0, len(body), 1000))

    answer = own.client.post("/api/classify", content=body if declared else blocks(), headers=kind)
    assert answer.status_code == 413, answer.text
    assert "0.0953674 MB at most" in answer.json()["detail"]
    just = head + b"x" * 100_001 + b"\r\n--b--\r\n"
    assert own.client.post("/api/classify", content=just, headers=kind).status_code == 413


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        (None, b"", 415),
        ("audio/mpeg", b"abc", 415),
        ("multipart/form-data", b"", 422),
        ("multipart/form-data; boundary=" + "b" * 300, b"", 422),
        ("multipart/form-data; boundary=b", b"", 422),
        ("multipart/form-data; boundary=b", b"no form", 422),
        ("multipart/form-data; boundary=b", b"--b--\r\n", 422),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n--b--\r\n',
            422,
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\ncut',
            422,
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n' * 2 + b"--b--\r\n",
            422,
        ),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"x-y: z\r\n" * 10_000, 422),
        ("multipart/form-data; boundary=b", b"--b\r\nx: " + b"z" * 5000 + b"\r\n\r\n\r\n--b--\r\n", 422),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"n" * 5000 + b": z\r\n\r\n\r\n--b--\r\n", 422),
    ],
)
def test_a_form_that_is_none_is_refused(service: Service, kind: str | None, body: bytes, status: int) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = service.client.post("/api/classify", content=body, headers=headers)
    assert answer.status_code == status, answer.text


def test_a_form_of_endless_parts_or_headers_is_given_up(service: Service) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    part = b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n"
    for start, more, said in (
        (b"", part, "more than 32 parts"),
        (b"--b\r\n", b"X-A: b\r\n", "header"),
        (b"--b\r\nX: ", b"y" * 1000, "header"),
    ):
        answer = service.client.post("/api/classify", content=start + more * 1000, headers=kind)
        assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text
    whole = part * 31 + b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n'
    answer = service.client.post("/api/classify", content=whole, headers=kind)
    assert answer.status_code == 422 and "parts" not in answer.json()["detail"]


@pytest.mark.parametrize(
    "name", ["../../../etc/cron.d/x.mp3", "/etc/passwd", "..\\..\\x.flac", "a\0b.mp3", "x" * 3000, ".."]
)
def test_a_files_name_is_never_a_path(service: Service, song: Path, name: str) -> None:
    shown = send(service, "/api/classify", song.read_bytes(), name).json()["path"]
    assert "/" not in shown and "\\" not in shown and len(shown) <= 255


def test_uploads_at_once_are_few(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    own.state.board.note(Kind.UPLOADS, 4)
    answer = send(own, "/api/classify", b"x")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    own.state.board.note(Kind.UPLOADS, 3)
    assert send(own, "/api/classify", b"x").status_code == 422
    assert own.state.board.own(Kind.UPLOADS) == 3


# What can become of the process that decodes.


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [
        (processes.segfaults, 422, "crashed"),
        (processes.spins, 422, "too long"),
        (processes.hangs, 504, "analyse"),
        (processes.lies_about_numbers, 422, "cannot be decoded"),
        (processes.pickles, 422, "crashed"),
        (processes.wants_memory, 422, "no memory"),
    ],
)
def test_whatever_the_decoder_does_the_service_lives(
    own: Service, target: Any, status: int, said: str
) -> None:
    uploads = own.client.app.state.uploads  # type: ignore[attr-defined]
    seconds = 0.5 if target is processes.hangs else 120.0
    uploads.analyser = Analyser(seconds, Limits(2**29, 1, 60.0), target)
    answer = send(own, "/api/classify", b"x")
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert uploads.analyser._child is None or target is processes.wants_memory
    assert own.get("/health") == {"status": "ok"}
    assert uploads.under_way == 0


def test_a_process_that_ends_for_want_of_work_costs_nobody_anything(
    own: Service, song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPCUTS_TEST_LEFT", str(tmp_path / "left"))
    uploads = own.client.app.state.uploads  # type: ignore[attr-defined]
    uploads.analyser = Analyser(30.0, Limits(2**31, 60, 0.3), processes.leaves)
    assert send(own, "/api/classify", song.read_bytes()).status_code == 200
    child = uploads.analyser._child
    child.process.join(10)
    assert child.process.exitcode == 0
    assert send(own, "/api/classify", song.read_bytes()).status_code == 200
    assert uploads.analyser._child is not child


def test_a_process_that_does_not_start(own: Service) -> None:
    uploads = own.client.app.state.uploads  # type: ignore[attr-defined]
    uploads.analyser = Analyser(30.0, target=processes.is_never_ready)
    answer = send(own, "/api/classify", b"x")
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


def test_once_closed_no_process_is_started(own: Service, song: Path) -> None:
    analyser = own.client.app.state.uploads.analyser  # type: ignore[attr-defined]
    analyser.close()
    answer = send(own, "/api/classify", song.read_bytes())
    assert (answer.status_code, answer.json()["detail"]) == (503, "the service is being stopped")
    assert analyser._child is None


def test_after_a_crash_the_next_file_is_analysed(own: Service, song: Path) -> None:
    analyser = own.client.app.state.uploads.analyser  # type: ignore[attr-defined]
    assert send(own, "/api/classify", song.read_bytes()).status_code == 200
    child = analyser._child
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.join()
    assert send(own, "/api/classify", song.read_bytes()).status_code == 200
    assert analyser._child.process.pid != child.process.pid


def test_the_process_is_confined(own: Service, song: Path) -> None:
    analyser = own.client.app.state.uploads.analyser  # type: ignore[attr-defined]
    assert send(own, "/api/classify", song.read_bytes()).status_code == 200
    pid = analyser._child.process.pid
    limits = {
        line[:26].strip(): line[26:].split()[:2]
        for line in Path(f"/proc/{pid}/limits").read_text().splitlines()
    }
    assert limits["Max file size"] == ["0", "0"]
    assert limits["Max open files"] == ["64", "64"]
    assert limits["Max core file size"] == ["0", "0"]
    assert int(limits["Max address space"][0]) < 16 * 2**30
    assert int(limits["Max cpu time"][0]) < 400
    own.client.app.state.uploads.analyser.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("limit", ["idle_s", "whole_s"])
def test_a_slow_upload_is_given_up(own: Service, limit: str) -> None:
    uploads = own.client.app.state.uploads  # type: ignore[attr-defined]
    setattr(uploads, limit, 0.3)

    async def drip() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
        for _ in range(100):
            await asyncio.sleep(10.0 if limit == "idle_s" else 0.05)
            yield b"x"

    async def ask() -> httpx2.Response:
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        transport = httpx2.ASGITransport(own.client.app)  # type: ignore[arg-type]
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
            return await client.post("/api/classify", content=drip(), headers=kind)

    answer = asyncio.run(ask())
    assert answer.status_code == 408
    assert answer.headers["connection"] == "close"
    assert uploads.under_way == 0
