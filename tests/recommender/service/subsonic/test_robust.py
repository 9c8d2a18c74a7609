"""OpenSubsonic where much is asked at once, the disk is full, or the clock is wrong: what each does."""

import http.client
import io
import json
import logging
import resource
import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import av
import pytest
from PIL import Image
from sqlalchemy import exc

from db import values
from recommender import params
from recommender.service.subsonic import envelope
from tests import synth
from tests.recommender.service.conftest import Server, put_on_albums, running
from tests.recommender.service.http.test_troubles import pragma
from tests.recommender.service.subsonic.player import Player
from tests.recommender.service.subsonic.shapes import checked, error_of
from tests.recommender.support import Library
from tests.waiting import until

RATE = 44_100
SLOW = 40
AHEAD = timedelta(days=400)


@pytest.fixture(scope="module")
def crowded(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A copy of the small library with a song of two minutes, and a large picture beside all others."""
    copy = ingested.clone(tmp_path_factory.mktemp("crowd"))
    synth.write_flac(copy.music / "long.flac", synth.noise(120.0, 1, RATE), RATE, {"title": "Long"})
    Image.effect_noise((2400, 2400), 60).save(copy.music / "rock" / "cover.png")
    copy.ingest(copy.music)
    return copy


@pytest.fixture(scope="module")
def live(crowded: Library) -> Iterator[Server]:
    with running(crowded.home) as found:
        yield found


def asked(server: Server, call: str, **more: object) -> str:
    return f"{server.url}/rest/{call}?f=json&u=a&p=b&" + "&".join(f"{k}={v}" for k, v in more.items())


def seconds_of(data: bytes) -> float:
    with av.open(io.BytesIO(data)) as container:
        rate = container.streams.audio[0].rate
        return sum(frame.samples for frame in container.decode(audio=0)) / rate


def fetched(address: str) -> bytes:
    with urlopen(address, timeout=120) as answer:
        assert answer.status == 200
        return bytes(answer.read())


def pinged(server: Server) -> None:
    assert checked("ping", json.loads(fetched(asked(server, "ping")))) is None


def test_eight_covers_and_eight_transcodings_at_once(live: Server, crowded: Library) -> None:
    """All are answered, whole and right, and so is who asks something else meanwhile."""
    song, cover = crowded.row("long.flac")["id"], crowded.row("rock/alpha.mp3")["id"]
    n = params.MOST_TRANSCODED
    with ThreadPoolExecutor(2 * n) as pool:
        songs = [
            pool.submit(fetched, asked(live, "stream", id=song, format="mp3", maxBitRate=rate))
            for rate in range(96, 96 + n)
        ]
        covers = [
            pool.submit(fetched, asked(live, "getCoverArt", id=cover, size=size))
            for size in range(200, 200 + n)
        ]
        for _ in range(10):
            pinged(live)
        assert [round(seconds_of(one.result())) for one in songs] == [120] * n
        for size, one in zip(range(200, 200 + n), covers, strict=True):
            with Image.open(io.BytesIO(one.result())) as image:
                assert image.size == (size, size)


def test_forty_slow_readers(live: Server, crowded: Library) -> None:
    """They take their time, eight of them with songs that are made for them; nobody waits for them."""
    song = crowded.row("long.flac")["id"]
    address = urlsplit(live.url)
    with ExitStack() as held:
        statuses = []
        for number in range(SLOW):
            kind = "format=raw" if number % 2 else f"format=mp3&maxBitRate={128 + number}"
            slow = held.enter_context(socket.create_connection((address.hostname, address.port), 30))
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            path = f"/rest/stream?id={song}&{kind}&u=a&p=b"
            slow.sendall(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
            statuses.append(int(slow.recv(12).split()[1]))
        assert statuses[1::2] == [200] * (SLOW // 2)
        made = statuses[::2]
        assert made.count(200) == params.MOST_TRANSCODED
        assert made.count(503) == SLOW // 2 - params.MOST_TRANSCODED
        for _ in range(5):
            pinged(live)
        found = json.loads(fetched(asked(live, "search3", query="", songCount=100)))
        assert len(checked("search3", found)["song"]) > 5
        assert fetched(asked(live, "stream", id=song)) == (crowded.music / "long.flac").read_bytes()
    connection = http.client.HTTPConnection(address.netloc, timeout=60)

    def is_made() -> bool:
        connection.request("GET", f"/rest/stream?id={song}&format=mp3&maxBitRate=64&timeOffset=110&u=a&p=b")
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200

    until(is_made)  # once they are gone their work is, too
    connection.close()


@contextmanager
def files_no_larger(size: int) -> Iterator[None]:
    """Let this process write no larger file: a disk that takes no more."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def test_a_full_disk_lets_songs_be_sent_but_not_kept(mine: Player, caplog: pytest.LogCaptureFixture) -> None:
    music = mine.service.library.music
    synth.write_flac(music / "long.flac", synth.noise(60.0, 1, RATE), RATE, {"title": "Long"})
    mine.service.library.ingest(music)
    song = mine.songs()["Long"]
    folder = mine.service.state.home.cache_dir / "transcoded"
    with files_no_larger(2**16), caplog.at_level(logging.WARNING, "deepcuts.trouble"):
        answer = mine.get("stream", id=song, format="mp3")
    assert seconds_of(answer.content) == pytest.approx(60, abs=0.1)
    assert list(folder.iterdir()) == []
    assert "the disk is full" in caplog.text
    assert mine.get("stream", id=song, format="mp3").content == answer.content
    assert len(list(folder.iterdir())) == 1


def test_a_full_disk_is_said_in_the_envelope(mine: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = list(mine.songs().values()) * 900
    with pragma(mine.service, "max_page_count = 1"):
        form = {"id": ids, "current": ids[0], "f": "json"}
        answer = mine.service.client.post("/rest/savePlayQueue", data=form)
        assert (answer.status_code, "the disk is full" in error_of(answer.json())[1]) == (507, True)
    assert "playQueue" not in mine.body("getPlayQueue")["subsonic-response"]
    monkeypatch.setattr(envelope, "IN_MEMORY", 1000)
    with files_no_larger(2000):  # a long answer that has no room beside
        answer = mine.service.client.get("/rest/search3?query=&f=json")
    assert (answer.status_code, "the disk is full" in error_of(answer.json())[1]) == (507, True)
    assert mine.ask("search3", query="")["song"]


@contextmanager
def clock_ahead() -> Iterator[None]:
    class Ahead(datetime):
        @classmethod
        def now(cls, zone: Any = None) -> Any:
            return datetime.now(zone) + AHEAD

    with pytest.MonkeyPatch.context() as context:
        context.setattr(values, "datetime", Ahead)
        yield


def test_a_clock_that_is_400_days_ahead_and_right_again(mine: Player) -> None:
    """All calls are answered under it and after it; what is played now is known by the right clock alone."""
    put_on_albums(mine.service.library)
    songs = mine.songs()
    iota, zeta = songs["Iota"], songs["Zeta"]
    changes = [
        ("savePlayQueue", {"id": [iota], "current": iota}),
        ("createBookmark", {"id": iota, "position": 1}),
        ("star", {"id": iota}),
        ("scrobble", {"id": iota}),
        ("scrobble", {"id": iota, "submission": "false", "c": "wrong"}),
    ]
    with clock_ahead():
        for call, more in changes:
            mine.ask(call, **more)
        made = mine.ask("createPlaylist", name="ahead", songId=[iota])
        assert made["created"] > f"{datetime.now() + AHEAD - timedelta(days=2)}"[:10]
    for call in ("getPlayQueue", "getBookmarks", "getStarred2", "getPlaylists", "getNowPlaying"):
        mine.ask(call)
    assert mine.ask("getSong", id=iota)["played"] > f"{datetime.now() + AHEAD - timedelta(days=2)}"[:10]
    mine.ask("scrobble", id=zeta, submission="false", c="right")
    assert [one["playerName"] for one in mine.ask("getNowPlaying")["entry"]] == ["right"]
    for call, more in changes[:4]:
        mine.ask(call, **more)
    mine.ask("updatePlaylist", playlistId=made["id"], songIdToAdd=[zeta])
    assert mine.ask("getPlaylist", id=made["id"])["changed"] > made["changed"]
    assert mine.ask("getSong", id=iota)["playCount"] == 2
    assert mine.ask("getAlbumList2", type="recent")["album"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (exc.OperationalError("SELECT", {}, sqlite3.OperationalError("no such function: x")), 200),
        (exc.InvalidRequestError("a fault of ours"), 500),
        (RuntimeError("another"), 500),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_nobody_expected_is_in_the_envelope_and_in_the_log(
    mine: Player,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("db.browsing.browse.roots", fails)
    with caplog.at_level(logging.WARNING):
        for form, kind in (("json", "application/json"), ("xml", "text/xml; charset=utf-8")):
            answer = mine.get("getMusicFolders", f=form)
            assert (answer.status_code, answer.headers["Content-Type"]) == (status, kind)
            assert "failed" in answer.text
    assert any(record.exc_info and record.exc_info[1] is not None for record in caplog.records)
    assert "SELECT" not in answer.text and "a fault of ours" not in answer.text
