"""OpenSubsonic: songs encoded anew for players, decoded again and compared with what they were."""

import io
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import av
import numpy as np
import pytest

from db.models import Track
from recommender import params
from recommender.service.access import AccessSettings
from recommender.service.subsonic.sound.stream_plan import StreamRequest
from tests import synth
from tests.recommender.service.conftest import running, serving
from tests.recommender.service.subsonic.player import Player
from tests.recommender.service.subsonic.shapes import checked, error_of
from tests.recommender.support import Library
from tests.waiting import until

RATE = 44_100
SECONDS = 24
CLIENT = {
    "name": "box",
    "platform": "test",
    "directPlayProfiles": [{"containers": ["mp3"], "audioCodecs": ["mp3"], "protocols": ["http"]}],
    "transcodingProfiles": [{"container": "mp3", "audioCodec": "mp3", "protocol": "http"}],
}


def note_hz(second: int) -> float:
    return 220.0 + 55.0 * (second % 12)


@pytest.fixture(scope="module")
def tune(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """A player of a library in which one song is 24 notes of a second each."""
    copy = ingested.clone(tmp_path_factory.mktemp("tune"))
    notes = np.concatenate([synth.sine(1.0, note_hz(second), RATE) for second in range(SECONDS)])
    synth.write_flac(copy.music / "tune.flac", notes, RATE, {"title": "Tune", "artist": "Ann"})
    copy.ingest(copy.music)
    with serving(copy, AccessSettings(player_limits={"small": StreamRequest("mp3", 64)})) as service:
        yield Player(service)


def song_id(player: Player) -> str:
    return player.songs()["Tune"]


def decoded(data: bytes) -> tuple[int, np.ndarray]:
    """Return the rate and the samples of encoded audio; what fills it up is no audio, and passed over."""
    found = []
    with av.open(io.BytesIO(data)) as container:
        rate = container.streams.audio[0].rate
        to_float = av.AudioResampler("flt", "mono")
        for packet in container.demux(audio=0):
            with suppress(av.error.InvalidDataError):
                found += [even.to_ndarray()[0] for one in packet.decode() for even in to_float.resample(one)]
    return rate, np.concatenate(found)


def check_notes(data: bytes, start_s: float) -> None:
    """Check that encoded audio is the tune from a moment on."""
    rate, samples = decoded(data)
    assert len(samples) / rate == pytest.approx(SECONDS - start_s, abs=0.1)
    for second in range(int(np.ceil(start_s)), SECONDS):
        first = round((second + 0.3 - start_s) * rate)
        part = samples[first : first + rate // 2]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert np.argmax(spectrum) * rate / len(part) == pytest.approx(note_hz(second), abs=3)


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("mp3", "audio/mpeg"), ("opus", "audio/ogg"), ("aac", "audio/aac")],
)
@pytest.mark.parametrize("offset", [0, 7, 15])
def test_a_song_in_another_format_from_a_moment_on(
    tune: Player, kind: str, media_type: str, offset: int
) -> None:
    answer = tune.get("stream", id=song_id(tune), format=kind, timeOffset=offset)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)
    check_notes(answer.content, offset)


def test_a_file_that_fits_is_sent_as_it_is(tune: Player) -> None:
    content = (tune.service.library.music / "tune.flac").read_bytes()
    for asked in ({}, {"format": "flac"}, {"format": "raw", "maxBitRate": 64}, {"maxBitRate": 5000}):
        assert tune.get("stream", id=song_id(tune), **asked).content == content
    assert tune.get("download", id=song_id(tune), format="mp3").content == content


def test_a_bit_rate_that_must_not_be_exceeded(tune: Player) -> None:
    answer = tune.get("stream", id=song_id(tune), maxBitRate=64)
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert len(answer.content) * 8 / SECONDS / 1000 == pytest.approx(64, rel=0.02)


def test_what_is_set_for_a_player(tune: Player) -> None:
    limited = tune.get("stream", id=song_id(tune), c="Small")
    assert limited.headers["Content-Type"] == "audio/mpeg"
    assert len(limited.content) * 8 / SECONDS / 1000 == pytest.approx(64, rel=0.02)
    lower = tune.get("stream", id=song_id(tune), c="small", maxBitRate=48)
    assert len(lower.content) * 8 / SECONDS / 1000 == pytest.approx(48, rel=0.02)
    raw = tune.get("stream", id=song_id(tune), c="small", format="raw")
    assert raw.headers["Content-Type"] == "audio/flac"


@pytest.mark.parametrize("kind", ["mp3", "opus", "aac"])
def test_an_estimated_length_is_what_is_sent(tune: Player, kind: str) -> None:
    asked = {"id": song_id(tune), "format": kind, "estimateContentLength": "true", "timeOffset": 2}
    answer = tune.get("stream", **asked)
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    check_notes(answer.content, 2)
    head = tune.service.client.head("/rest/stream", params=asked)
    assert head.headers["Content-Length"] == answer.headers["Content-Length"]


def test_what_was_sent_whole_is_kept_and_has_ranges(tune: Player) -> None:
    folder = tune.service.state.home.cache_dir / "transcoded"
    asked = {"id": song_id(tune), "format": "mp3", "maxBitRate": 96}
    before = set(folder.iterdir()) if folder.exists() else set()
    first = tune.get("stream", **asked)
    assert first.headers["Accept-Ranges"] == "none"
    [kept] = set(folder.iterdir()) - before
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (first.content, 0o600)
    again = tune.get("stream", **asked)
    assert (again.content, again.headers["Accept-Ranges"]) == (first.content, "bytes")
    part = tune.service.client.get("/rest/stream", params=asked, headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, first.content[1000:2000])
    for more in ({"timeOffset": 3}, {"maxBitRate": 97}):
        tune.get("stream", **{**asked, **more})
    assert len(set(folder.iterdir()) - before) == 2  # what begins later is not kept


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"format": "flv"}, 0),
        ({"format": "mp3", "timeOffset": SECONDS + 1}, 0),
        ({"format": "mp3", "timeOffset": "soon"}, 0),
        ({"format": "mp3", "id": "4711"}, 70),
        ({"format": "mp3", "id": "al-4711"}, 70),
    ],
    ids=str,
)
def test_what_cannot_be_made_is_said(tune: Player, asked: dict[str, Any], code: int) -> None:
    assert tune.fail("stream", **{"id": song_id(tune), **asked}) == code


def test_a_file_that_is_gone_or_no_audio(mine: Player) -> None:
    ids = mine.songs()
    (mine.service.library.music / "rock/beta.flac").write_bytes(b"no audio any more" * 100)
    answer = mine.get("stream", id=ids["Beta Motion"], format="mp3", f="json")
    assert answer.status_code == 422
    assert error_of(answer.json())[0] == 0
    (mine.service.library.music / "rock/beta.flac").unlink()
    assert mine.fail("stream", id=ids["Beta Motion"], format="mp3") == 70


def decision(player: Player, client: dict[str, Any], **asked: Any) -> Any:
    query = {"mediaId": song_id(player), "mediaType": "song", "f": "json", **asked}
    answer = player.service.client.post("/rest/getTranscodeDecision", params=query, json=client)
    return answer.json()


def test_a_player_is_told_what_is_made_and_gets_it(tune: Player) -> None:
    client = {**CLIENT, "maxTranscodingAudioBitrate": 96_000}
    found = checked("getTranscodeDecision", decision(tune, client))
    assert (found["canDirectPlay"], found["canTranscode"]) == (False, True)
    assert found["transcodeReason"] == ["ContainerNotSupported"]
    source = {name: found["sourceStream"][name] for name in ("codec", "audioSamplerate", "audioChannels")}
    assert source == {"codec": "flac", "audioSamplerate": RATE, "audioChannels": 1}
    assert (found["transcodeStream"]["codec"], found["transcodeStream"]["audioBitrate"]) == ("mp3", 96_000)
    asked = {"mediaId": song_id(tune), "mediaType": "song", "transcodeParams": found["transcodeParams"]}
    answer = tune.get("getTranscodeStream", **asked, offset=5)
    assert answer.headers["Content-Type"] == "audio/mpeg"
    check_notes(answer.content, 5)


def test_a_player_that_can_play_the_file(tune: Player) -> None:
    profile = {"containers": ["flac"], "audioCodecs": ["flac"], "protocols": []}
    found = checked("getTranscodeDecision", decision(tune, {**CLIENT, "directPlayProfiles": [profile]}))
    assert (found["canDirectPlay"], found["canTranscode"]) == (True, False)


def test_decisions_that_cannot_be_made(tune: Player) -> None:
    assert error_of(decision(tune, {"directPlayProfiles": "none"}))[0] == 0
    assert error_of(decision(tune, CLIENT, mediaType="podcast"))[0] == 70
    assert error_of(decision(tune, CLIENT, mediaId="4711"))[0] == 70
    assert tune.fail("getTranscodeDecision", mediaId=song_id(tune), mediaType="song") == 10
    stream = {"mediaId": song_id(tune), "mediaType": "song", "f": "json"}
    client = tune.service.client
    for params_, status in (("flac-0-0", 400), ("wav-0-0-0", 400), ("mp3-x-0-0", 400)):
        answer = client.get("/rest/getTranscodeStream", params={**stream, "transcodeParams": params_})
        assert (answer.status_code, error_of(answer.json())[0]) == (status, 0)
    unknown = {**stream, "mediaId": "4711", "transcodeParams": "mp3-128000-0-0"}
    answer = client.get("/rest/getTranscodeStream", params=unknown)
    assert (answer.status_code, error_of(answer.json())[0]) == (404, 70)


def children_of(process: int) -> set[int]:
    """Return all processes below one."""
    found, parents = set(), {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    below = {process}
    while more := {pid for pid, parent in parents.items() if parent in below} - found:
        found |= more
        below = more
    return found


@pytest.fixture(scope="module")
def long_tune(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, str]]:
    """Return the address of a running service, its number, and the id of a song of ten minutes."""
    copy = ingested.clone(tmp_path_factory.mktemp("long"))
    synth.write_flac(copy.music / "long.flac", synth.noise(600.0, 1, RATE), RATE, {"title": "Long"})
    copy.ingest(copy.music)
    with running(copy.home) as server:
        yield server.url, server.process.pid, str(copy.row("long.flac")["id"])


def test_a_player_that_stops_stops_the_work(long_tune: tuple[str, int, str]) -> None:
    url, pid, song = long_tune
    with urlopen(f"{url}/rest/stream?id={song}&format=mp3&u=a&p=b") as answer:
        assert len(answer.read(1000)) == 1000
        working = children_of(pid)
        assert len(working) >= 2
    until(lambda: len(children_of(pid)) < len(working))


def test_so_many_at_once_and_a_clear_answer_to_more(long_tune: tuple[str, int, str]) -> None:
    """Eight songs begin; the ninth player is told why it waits, and all others are answered meanwhile."""
    url, _, song = long_tune
    address = f"{url}/rest/stream?id={song}&format=mp3&u=a&p=b&f=json"
    begun = [urlopen(address) for _ in range(params.MOST_TRANSCODED)]
    try:
        assert all(len(one.read(500)) == 500 for one in begun)
        from urllib.error import HTTPError

        with pytest.raises(HTTPError) as refused:
            urlopen(address)
        assert (refused.value.code, refused.value.headers["Retry-After"]) == (503, "2")
        code, said = error_of(json.loads(refused.value.read()))
        assert code == 0
        assert said.startswith("8 songs are being transcoded")
        with urlopen(f"{url}/rest/ping?u=a&p=b&f=json") as answer:
            assert checked("ping", json.loads(answer.read())) is None
    finally:
        for one in begun:
            one.close()

    def again() -> bool:
        try:
            with urlopen(address) as answer:
                return len(answer.read(100)) == 100
        except OSError:
            return False

    until(again)


def test_a_part_of_a_file_is_a_song_of_its_own(mine: Player) -> None:
    """Of a tune of 24 notes, those from the 5th to the 10th."""
    library = mine.service.library
    notes = np.concatenate([synth.sine(1.0, note_hz(second), RATE) for second in range(SECONDS)])
    synth.write_flac(library.music / "tune.flac", notes, RATE, {"title": "Tune", "artist": "Ann"})
    library.ingest(library.music)
    with mine.service.state.catalog.transaction() as session:
        track = session.get_one(Track, library.row("tune.flac")["id"])
        track.rel_path, track.range_start_s, track.range_end_s = "tune.flac#02", 4.0, 10.0
        track.duration_s = 6.0
    song = str(library.row("tune.flac#02")["id"])
    for asked, kind in (
        ({}, "audio/flac"),
        ({"format": "raw"}, "audio/flac"),
        ({"format": "mp3"}, "audio/mpeg"),
    ):
        for offset in (0, 2):
            answer = mine.get("stream", id=song, timeOffset=offset, **asked)
            assert answer.headers["Content-Type"] == kind
            rate, samples = decoded(answer.content)
            assert len(samples) / rate == pytest.approx(6 - offset, abs=0.1)
            part = samples[round(0.3 * rate) : round(0.8 * rate)]
            spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
            assert np.argmax(spectrum) * rate / len(part) == pytest.approx(note_hz(4 + offset), abs=3)
    assert len(decoded(mine.get("download", id=song).content)[1]) == pytest.approx(6 * RATE, abs=1)
    assert mine.get("getCoverArt", id=song).status_code == 200


def test_a_player_that_says_hello_makes_ready(mine: Player) -> None:
    forks = mine.service.client.app.state.transcoder._forks  # type: ignore[attr-defined]
    assert forks._process is None
    mine.ask("ping")
    until(lambda: forks._process is not None and forks._process.is_alive())
    before = forks._process.pid
    mine.get("stream", id=mine.songs()["Iota"], format="mp3")
    assert forks._process.pid == before
