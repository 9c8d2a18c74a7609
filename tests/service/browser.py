"""A browser on the page: Debian's Chromium without a window, a small library made for it, and a real server."""

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import synth
from tests.recommender import support
from tests.service.conftest import Server, running

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
PATIENCE_MS = 10_000

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
SONGS: tuple[tuple[str, int, float, str, str], ...] = (
    ("one.flac", 1, 42.0, "Amber Morning", "Ada"),
    ("two.wav", 2, 38.0, "Bright Harbour", "Ben"),
    ("three.opus", 3, 45.0, "Cold Cellar", "Cleo"),
    ("four.ogg", 4, 40.0, "Dim Lantern", "Dov"),
    ("five.flac", 5, 36.0, HOSTILE, '"><b>Eve</b>'),
    ("six.flac", 6, 41.0, "Falling Slate", "Ada"),
    ("seven.flac", 7, 8.0, "Grey Interlude", "Gil"),
    ("eight.flac", 8, 39.0, "", ""),
)
"""File, seed of its sound, seconds, title, artist."""


def write_songs(folder: Path) -> Path:
    """Write the library; the second half of "Bright Harbour" is the first half of "Amber Morning"."""
    folder.mkdir(parents=True)
    for name, seed, seconds, title, artist in SONGS:
        sound = synth.music_like(seconds, seed)
        if name == "two.wav":
            half = len(sound) // 2
            sound = np.concatenate([sound[:half], synth.music_like(seconds, 1)[:half]])
        tags = {"title": title, "artist": artist} if title else None
        synth.write(folder / name, sound, tags=tags)
    return folder


@dataclass(frozen=True)
class Site:
    """A running service with its library."""

    url: str
    home: Path
    music: Path

    def get(self, path: str) -> Any:
        """Return the service's own answer, asked without the page."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def id_of(self, title: str) -> int:
        """Return the id of a song."""
        tracks = self.get("/api/tracks?limit=50")["tracks"]
        found: int = next(track["track_id"] for track in tracks if track["title"] == title)
        return found

    def similar(self, track_id: int, **more: Any) -> list[Any]:
        """Return the songs like a track."""
        said = "".join(f"&{name}={value}" for name, value in more.items())
        found: list[Any] = self.get(f"/api/tracks/{track_id}/similar?n=20{said}")["results"]
        return found


@contextmanager
def listening(home: Path) -> Iterator[Server]:
    """Run a server until the block ends; it is ready when this begins."""
    with running(home) as server:
        until = time.monotonic() + 20
        while True:
            try:
                urllib.request.urlopen(f"{server.url}/health", timeout=5).close()
                break
            except urllib.error.URLError:
                assert time.monotonic() < until
                time.sleep(0.05)
        yield server


@pytest.fixture(scope="session")
def page_home(database: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home that the page's library was ingested into; the folder beside it is the library."""
    folder = tmp_path_factory.mktemp("page")
    music = write_songs(folder / "music")
    assert len(support.ingest(folder / "home", music)["failed"]) == 0
    return folder / "home"


@pytest.fixture(scope="module")
def site(page_home: Path) -> Iterator[Site]:
    """The service on that library."""
    with listening(page_home) as server:
        yield Site(server.url, page_home, page_home.parent / "music")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser of a new and empty profile; what needs it is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt install chromium)")
    with playwright.sync_playwright() as started:
        context = started.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=CHROMIUM,
            args=list(ARGUMENTS),
            viewport=WIDE,
            accept_downloads=True,
        )
        context.set_default_timeout(PATIENCE_MS)
        yield context
        context.close()


@pytest.fixture
def page(browser: Any, site: Site) -> Iterator[Any]:
    """A page with all settings as they are at first; no script on it may fail, nor break the page's policy."""
    opened = browser.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.goto(site.url + "/static/icon.svg")
    opened.evaluate("localStorage.clear()")
    yield opened
    opened.close()
    expected = ("the server responded with a status of 4", "net::ERR_CONNECTION_REFUSED")
    assert [text for text in wrong if not any(part in text for part in expected)] == []


def visit(page: Any, site: Site, at: str = "", ready: str = "h1") -> None:
    """Open a place of the page, and wait until it is there."""
    page.goto("about:blank")
    page.goto(f"{site.url}/{at}")
    page.wait_for_selector(f"main {ready}")


def player(page: Any, expression: str) -> Any:
    """Return what an expression of the page's `player` is."""
    return page.evaluate(f"import('/static/player.js').then(({{ player }}) => {expression})")


def until(page: Any, expression: str, arg: Any = None) -> None:
    """Wait until an expression, or a function of `arg`, is true: the page's policy lets Playwright's own way not."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(expression, arg):
        assert time.monotonic() < end, f"never came true: {expression}"
        page.wait_for_timeout(25)


def wait_for_player(page: Any, condition: str) -> None:
    """Wait until a condition on the page's `player` holds."""
    until(page, f"import('/static/player.js').then(({{ player }}) => Boolean({condition}))")


def titles(page: Any, within: str = "main .song .title") -> list[str]:
    """Return the titles that are listed."""
    found: list[str] = page.locator(within).all_text_contents()
    return found


def shown(track: Any) -> str:
    """Return what a song is to be called."""
    name: str = track["title"] or Path(track["path"]).stem
    return name
