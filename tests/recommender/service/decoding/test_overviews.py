"""Waveforms and log-mels over HTTP."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from recommender.service.decoding.analysis import Analyser
from tests.recommender.service.conftest import Service
from tests.recommender.service.decoding import processes

SONG = "folk/iota.flac"


@pytest.fixture(scope="module")
def url(service: Service) -> str:
    return f"/api/tracks/{service.id_of(SONG)}"


def kept(service: Service) -> list[Path]:
    return sorted((service.library.home / "cache" / "pictures").glob("*"))


def test_the_waveform_is_that_of_the_samples(service: Service, url: str) -> None:
    answer = service.get(f"{url}/waveform", params={"points": 90})
    samples, rate_hz = soundfile.read(service.library.music / SONG)
    assert answer["duration_s"] == pytest.approx(len(samples) / rate_hz, abs=0.01)
    assert (answer["start_s"], answer["end_s"]) == (0, answer["duration_s"])
    peaks = np.array(answer["peaks"])
    assert len(peaks) == 90
    expected = [np.abs(part).max() for part in np.array_split(samples, 90)]
    # Resampled to 16 kHz, and columns that do not end where these parts do.
    assert np.abs(peaks - expected).mean() < 0.05
    part = service.get(f"{url}/waveform", params={"start_s": 12, "end_s": 24, "points": 4096})
    assert part["start_s"] == pytest.approx(12, abs=0.2) and part["end_s"] == pytest.approx(24, abs=0.2)
    assert len(part["peaks"]) == pytest.approx(12 / 0.1, abs=8)
    assert max(part["peaks"]) == pytest.approx(np.abs(samples[12 * rate_hz : 24 * rate_hz]).max(), abs=0.1)


def test_the_picture(service: Service, url: str) -> None:
    answer = service.client.get(f"{url}/mel.png", params={"width": 300, "height": 64})
    assert answer.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(answer.content))
    assert (image.size, image.mode) == ((300, 64), "P")
    levels = np.asarray(image)
    assert levels.max() > 200 and levels.std() > 15
    half = service.client.get(
        f"{url}/mel.png", params={"width": 150, "height": 64, "start_s": 0, "end_s": 18}
    )
    left = np.asarray(Image.open(io.BytesIO(half.content)))
    assert np.corrcoef(left.ravel(), levels[:, :150].ravel())[0, 1] > 0.95
    high, low = levels[:32].mean(), levels[32:].mean()
    assert low > high  # notes lie low


def test_it_is_decoded_once_for_all_who_ask(own: Service) -> None:
    own.client.app.state.overviews.analyser._end()  # type: ignore[attr-defined]
    ids = [own.id_of("rock/beta.flac"), own.id_of("rock/alpha.mp3")]
    paths = [f"/api/tracks/{i}/{what}" for i in ids for what in ("waveform", "mel.png", "waveform?points=9")]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(own.client.get, paths))
    assert {answer.status_code for answer in answers} == {200}
    analyser = own.client.app.state.overviews.analyser  # type: ignore[attr-defined]
    assert analyser._child.files == 2
    assert len(kept(own)) == 2
    again = own.client.get(paths[0], headers={"If-None-Match": answers[0].headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = own.client.get(paths[2], headers={"If-None-Match": answers[0].headers["etag"]})
    assert other.status_code == 200
    damaged = kept(own)[0]
    damaged.write_bytes(b"x")
    assert {own.client.get(path).status_code for path in paths} == {200}
    assert damaged.stat().st_size > 100


def test_what_is_kept_is_bounded(own: Service) -> None:
    own.client.app.state.overviews._files._room = 20_000  # type: ignore[attr-defined]
    for track in own.get("/api/tracks")["tracks"]:
        assert own.client.get(f"/api/tracks/{track['track_id']}/waveform").status_code == 200
    found = kept(own)
    assert 0 < len(found) < 10
    assert sum(path.stat().st_size for path in found) <= 20_000


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"width": 0}, 422),
        ({"width": 10**9}, 422),
        ({"start_s": 5, "end_s": 5}, 422),
        ({"start_s": "nan"}, 422),
        ({"start_s": 10**5}, 200),
        ({"end_s": 1e-9}, 200),
    ],
    ids=str,
)
def test_bounds(service: Service, url: str, asked: dict[str, float], status: int) -> None:
    assert service.client.get(f"{url}/mel.png", params=asked).status_code == status


def test_a_file_that_is_gone_or_no_audio(own: Service) -> None:
    (own.library.music / "rock/beta.flac").unlink()
    (own.library.music / "rock/alpha.mp3").write_bytes(b"no audio any more")
    assert own.client.get(f"/api/tracks/{own.id_of('rock/beta.flac')}/waveform").status_code == 404
    answer = own.client.get(f"/api/tracks/{own.id_of('rock/alpha.mp3')}/mel.png")
    assert (answer.status_code, answer.json()["detail"]) == (422, "not audio, or too damaged to be decoded")
    assert own.client.get("/api/tracks/999/waveform").status_code == 404


def test_a_decoder_that_crashes_does_not_end_the_service(own: Service) -> None:
    own.client.app.state.overviews.analyser = Analyser(30.0, target=processes.segfaults)  # type: ignore[attr-defined]
    answer = own.client.get(f"/api/tracks/{own.id_of('rock/beta.flac')}/waveform")
    assert (answer.status_code, answer.json()["detail"]) == (422, "the decoder crashed on it")
    assert own.get("/health") == {"status": "ok"}
