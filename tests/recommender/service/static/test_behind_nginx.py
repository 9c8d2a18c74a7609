"""The service below a path of a site that nginx serves, as deploy/nginx.conf has it."""

import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import libopensonic
import pytest

from tests.nginx import NGINX, nginx
from tests.recommender.service.conftest import PROGRAM, running
from tests.recommender.service.static.browser import (
    SONGS,
    Site,
    count_of_songs,
    listed,
    player,
    shown,
    until,
    visit,
    wait_for_player,
)
from tests.recommender.service.subsonic.test_client import body
from tests.recommender.support import REPO

SITE = """server {{
        listen 127.0.0.1:{port};
        include {folder}/deepcuts.conf;
        location / {{ return 404; }}
    }}"""


@contextmanager
def below_a_site(folder: Path, upstream: str) -> Iterator[str]:
    """Run nginx before a service until the block ends; gives the address of the site."""
    shipped = (REPO / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    assert shipped.count("http://127.0.0.1:8450/") == 1
    shipped = shipped.replace("http://127.0.0.1:8450/", f"{upstream}/")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with nginx(folder, shipped, SITE.format(folder=folder, port=port)) as process:
        _await(port, process)
        yield f"http://localhost:{port}"


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until something listens at a port."""
    end = time.monotonic() + 60
    while True:
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def below(page_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page's library, at the path /music of a site."""
    if NGINX is None:
        pytest.skip("no nginx is installed (Debian: apt install nginx-light)")
    folder = tmp_path_factory.mktemp("nginx")
    with running(page_home) as server, below_a_site(folder, server.url) as url:
        yield Site(f"{url}/music", page_home, page_home.parent / "music")


@pytest.fixture
def opened(browser: Any, below: Site) -> Iterator[Any]:
    """A page; nothing that it asks for may be missing or lie beside the prefix."""
    page = browser.new_page()
    asked: list[tuple[str, int]] = []
    wrong: list[str] = []
    page.on("response", lambda answer: asked.append((answer.url, answer.status)))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    page.close()
    assert wrong == []
    assert any(url.endswith("/static/joined/main.js") for url, _ in asked)
    no_cover = re.compile(
        r".*/api/tracks/\d+/cover\?.*"
    )  # a song without a picture has none, which is no fault
    missing = [url for url, status in asked if status >= 400 and not no_cover.fullmatch(url)]
    assert missing == []
    assert [one for one in asked if not one[0].startswith((f"{below.url}/", "blob:"))] == []


def test_the_page_finds_all_its_parts(opened: Any, below: Site) -> None:
    visit(opened, below, ready=".song")
    listed(opened, [shown(t) for t in below.get("/api/tracks?sort=artist&limit=50")["tracks"]])
    track_id = below.id_of("Amber Morning")
    visit(opened, below, f"#track={track_id}", ready=".pair")
    listed(opened, [shown(track) for track in below.similar(track_id)])
    opened.click("text=Spectrum")
    drawn = "[...document.querySelectorAll('main .pair image')].length > 0"
    until(opened, drawn)
    end = time.monotonic() + 60
    while below.get("/api/map")["status"] != "ready":
        assert time.monotonic() < end
        time.sleep(0.2)
    for place, ready in (("#map", "canvas.map"), ("#playlists", "h1"), ("#find=jazz", "h1")):
        visit(opened, below, place, ready=ready)
    opened.goto(f"{below.url}/docs#get_status")
    opened.locator("#get_status .trial button").click()
    until(opened, "document.querySelector('#get_status .answer-text').innerText.includes('bundle_id')")


def test_the_player_plays_counts_and_keeps_lists(opened: Any, below: Site) -> None:
    track_id = below.id_of("Bright Harbour")
    visit(opened, below, f"#track={track_id}", ready=".pair")
    opened.click(".play-song")
    wait_for_player(opened, "player.audio.currentTime > 0.2 && !player.audio.paused")
    assert player(opened, "player.audio.currentSrc") == f"{below.url}/api/tracks/{track_id}/audio"
    player(opened, "player.audio.pause()")
    before = below.get(f"/api/tracks/{track_id}")["plays"]
    sent = f"fetch('api/tracks/{track_id}/plays', {{ method: 'POST' }}).then((answer) => answer.status)"
    assert opened.evaluate(sent) == 200, "the page is taken for the service's own"
    assert below.get(f"/api/tracks/{track_id}")["plays"] == before + 1
    opened.click("text=Save as playlist")
    opened.fill("#ask-value", "Behind a proxy")
    opened.press("#ask-value", "Enter")
    opened.click("text=Open it")
    until(opened, "document.querySelector('main h1')?.innerText === 'Behind a proxy'")


def test_a_file_is_sent_through(opened: Any, below: Site) -> None:
    visit(opened, below, "#file", ready=".drop-area")
    opened.set_input_files("#file-box", below.music / "three.opus")
    opened.wait_for_selector("main .pair")
    count_of_songs(opened, len(SONGS) - 1)


def test_programs_are_led_on_below_the_prefix(below: Site) -> None:
    with httpx2.Client(base_url=below.url.removesuffix("/music"), headers=PROGRAM, timeout=60) as client:
        seen: list[int] = []
        path = "/music/api/tracks?limit=3"
        while path:
            answer = client.get(path)
            seen += [track["track_id"] for track in answer.json()["tracks"]]
            path = answer.links.get("next", {}).get("url", "")
        assert sorted(seen) == list(range(1, len(SONGS) + 1))
        made = client.post("/music/api/playlists", json={"name": "led", "track_ids": seen[:2]})
        assert client.get(made.headers["location"]).json()["name"] == "led"
        assert client.get("/music", follow_redirects=True).url.path == "/music/"
        foreign = {"Origin": "http://evil.example"}
        assert client.post("/music/api/tracks/1/plays", headers=foreign).status_code == 403
        assert client.get("/music/openapi.json").json()["servers"] == [{"url": "/music"}]


def test_a_player_listens_through_it(below: Site) -> None:
    port = int(below.url.split(":")[2].partition("/")[0])
    made = libopensonic.Connection(
        "http://localhost", "me", "secret", port=port, server_path="music", use_get=True
    )
    try:
        assert made.ping()
        [song] = made.search3("Amber Morning").song
        with urllib.request.urlopen(f"{below.url}/api/tracks/{song.id}/audio", timeout=30) as answer:
            assert answer.read() == (below.music / "one.flac").read_bytes()
        assert body(made, made.stream(song.id)) == (below.music / "one.flac").read_bytes()
        near = made.get_similar_songs(song.id, count=3)
        assert [one.id for one in near] == [str(t["track_id"]) for t in below.similar(int(song.id))[:3]]
    finally:
        made.cleanup()
        made._loop.close()
