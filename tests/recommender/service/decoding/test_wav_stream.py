"""Songs as WAV, for what browsers cannot play."""

import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import soundfile

from recommender.service.shared import Kind
from tests import synth
from tests.processes import below
from tests.recommender.service.conftest import Server, Service, running, serving
from tests.recommender.support import Library
from tests.waiting import until

SONG = "folk/iota.flac"


@pytest.fixture(scope="module")
def whole(service: Service) -> bytes:
    answer = service.client.get(f"/api/tracks/{service.id_of(SONG)}/listen")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert int(answer.headers["content-length"]) == len(answer.content)
    return answer.content


def samples_of(content: bytes) -> Any:
    samples, rate_hz = soundfile.read(io.BytesIO(content), dtype="float32")
    assert rate_hz == 44_100
    return samples


def test_it_is_the_song(service: Service, whole: bytes) -> None:
    samples = samples_of(whole)
    expected, rate_hz = soundfile.read(service.library.music / SONG, dtype="float32")
    assert len(samples) == round(len(expected) / rate_hz * 44_100)
    assert rate_hz * 2 == 44_100
    wrong = samples[::2][1000:-1000] - expected[1000:-1000]
    assert np.sqrt(np.mean(wrong**2)) < 0.1 * np.sqrt(np.mean(expected**2))


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, None),
        ("bytes=0-43", 0, 44),
        ("bytes=10-99", 10, 100),
        ("bytes=44-45", 44, 46),
        ("bytes=2000001-2000100", 2_000_001, 2_000_101),
        ("bytes=1000000-", 1_000_000, None),
        ("bytes=-5", -5, None),
    ],
)
def test_ranges(service: Service, whole: bytes, asked: str, start: int, end: int | None) -> None:
    url = f"/api/tracks/{service.id_of(SONG)}/listen"
    answer = service.client.get(url, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, whole[start:end])
    first = start % len(whole)
    span = f"bytes {first}-{first + len(answer.content) - 1}/{len(whole)}"
    assert answer.headers["content-range"] == span


def test_formats_that_browsers_do_not_play(library: Library) -> None:
    sound = synth.music_like(5, 50)
    for ending in (".wma", ".wv", ".aiff"):
        synth.write(library.music / f"other{ending}", sound)
    library.ingest()
    with serving(library) as own:
        for ending in (".wma", ".wv", ".aiff"):
            content = own.client.get(f"/api/tracks/{own.id_of(f'other{ending}')}/listen").content
            assert len(samples_of(content)) == pytest.approx(5 * 44_100, rel=0.02)


def test_what_cannot_be_heard(own: Service) -> None:
    url = f"/api/tracks/{own.id_of('rock/beta.flac')}/listen"
    beyond = own.client.get(url, headers={"Range": "bytes=99999999-"})
    assert (beyond.status_code, beyond.headers["content-type"]) == (416, "application/problem+json")
    own.state.board.note(Kind.LISTENERS, 8)
    assert own.client.get(url).status_code == 503
    own.state.board.note(Kind.LISTENERS, 0)
    song = own.library.music / "rock/beta.flac"
    length = len(own.client.get(url).content)
    cut = song.read_bytes()[:20_000]
    song.write_bytes(cut)
    content = own.client.get(url).content
    assert len(content) == length and not any(content[-1000:])  # what is lacking is silence
    song.write_bytes(b"no audio")
    assert own.client.get(url).status_code == 422
    song.unlink()
    assert own.client.get(url).status_code == 404
    assert own.client.get("/api/tracks/999/listen").status_code == 404
    assert own.state.board.own(Kind.LISTENERS) == 0


def _decoders(server: Server) -> list[int]:
    """Return the processes that decode for a service."""
    found = []
    for pid in below(server.process.pid):
        with suppress(OSError):  # it has ended meanwhile
            if b"decoding.process" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def test_who_stops_listening_leaves_nothing_behind(library: Library) -> None:
    synth.write(library.music / "long.flac", synth.noise(60))
    library.ingest()
    with running(library.home) as server:
        track_id = library.row("long.flac")["id"]
        url = f"{server.url}/api/tracks/{track_id}/listen"
        for _ in range(6):
            with httpx2.stream("GET", url, timeout=30) as answer:
                assert answer.status_code == 200
                next(answer.iter_raw())
        until(lambda: not _decoders(server))
