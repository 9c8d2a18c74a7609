"""A browser on the page: Debian's Chromium without a window, a small library, and a real server."""

import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import synth
from tests.recommender.service.conftest import Server, running

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
PATIENCE_MS = 40_000
LOOK = (Path(__file__).parent / "look.js").read_text(encoding="utf-8")
"""Functions to ask a page with."""
PLACES = (
    "",
    "#track=1",
    "#track=1&from=5&to=25",
    "#search=amber",
    "#find=jazz",
    "#map",
    "#map&colour=plays",
    "#file",
    "#playlists",
    "#shortlists",
    "#deepcuts",
    "#mixes",
    "#radios",
    "#path=1&to=3",
    "#like=1&like=2",
    "#playlist=1",
    "#shortlist=1",
    "#radio=1",
)

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

    def send(self, path: str, content: Any, method: str = "POST") -> Any:
        """Send JSON to the service, without the page; return its answer, if it has one."""
        headers = {"Content-Type": "application/json", "X-Requested-With": "tests"}
        asked = urllib.request.Request(self.url + path, json.dumps(content).encode(), headers, method=method)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def delete(self, path: str) -> None:
        """Delete something, without the page."""
        asked = urllib.request.Request(
            self.url + path, headers={"X-Requested-With": "tests"}, method="DELETE"
        )
        urllib.request.urlopen(asked, timeout=30).close()

    def text(self, path: str) -> str:
        """Return the service's own answer as text."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            found: str = answer.read().decode()
        return found

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
def listening(home: Path, *options: str) -> Iterator[Server]:
    """Run a server until the block ends; it is ready when this begins."""
    with running(home, *options) as server:
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{server.url}/health", timeout=5).close()
                break
            except (OSError, HTTPException):
                assert time.monotonic() < until
                time.sleep(0.05)
        yield server


@contextmanager
def new_browser(profile: Path) -> Iterator[Any]:
    """Open a browser of a new and empty profile."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with sync_api.sync_playwright() as started:
        context = started.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            args=list(ARGUMENTS),
            viewport=WIDE,
            accept_downloads=True,
        )
        context.set_default_timeout(PATIENCE_MS)
        yield context
        context.close()


@contextmanager
def watched(browser: Any, site: Site, expected: Sequence[str] = ()) -> Iterator[Any]:
    """Open a page with all settings as they are at first, and see that no script of it failed.

    A refusal of the service, and a service that is not there, are for each test to look at;
    what else the console may say of failures is ``expected``.
    """
    opened = browser.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.goto(site.url + "/static/icon.svg")
    opened.evaluate("localStorage.clear()")
    yield opened
    opened.close()
    expected = ("the server responded with a status of 4", "net::ERR_CONNECTION_REFUSED", *expected)
    assert [text for text in wrong if not any(part in text for part in expected)] == []


def visit(page: Any, site: Site, at: str = "", ready: str = "h1") -> None:
    """Open a place of the page, and wait until it is there."""
    if ready == "canvas.map":
        laid_out(site)
    page.goto("about:blank")
    page.goto(f"{site.url}/{at}")
    page.wait_for_selector(f"main {ready}")
    if ready == "canvas.map":
        until(page, "document.querySelector('canvas.map').width > 300")  # it knows by then how large it is


def laid_out(site: Site) -> list[Any]:
    """Return the songs on the map, once the service has laid it out: the first time takes it a while."""
    end = time.monotonic() + 6 * PATIENCE_MS / 1000
    while True:
        answer = site.get("/api/map")
        if answer["status"] == "ready":
            found: list[Any] = answer["tracks"]
            return found
        assert time.monotonic() < end
        time.sleep(0.1)


def settled(page: Any, site: Site, place: str) -> None:
    """Open a place and wait until all of it is there."""
    if place.startswith("#map"):
        laid_out(site)
    visit(page, site, place)
    waiting = "document.querySelector('main [aria-busy], main[aria-busy]')"
    until(page, f"!{waiting} && !/Listening|Laying/.test(document.querySelector('main').innerText)")
    ready = "main .song, main .empty, main .entry, main canvas, main .lists, main .mixes, main .drop-area"
    until(page, f"Boolean(document.querySelector('{ready}'))")
    if place.startswith("#map"):
        until(page, "document.querySelector('canvas.map').width > 300")


@contextmanager
def kept_lists(site: Site) -> Iterator[Callable[[str], str]]:
    """Have a playlist, a shortlist and a radio until the block ends; give what names their places.

    It says "#playlist=1", "#shortlist=1" and "#radio=1" with the ids that they have.
    """
    ids = [track["track_id"] for track in site.get("/api/tracks?limit=50")["tracks"]]
    radio = site.send("/api/radios", {"kind": "song", "seed": str(ids[0])})["radio_id"]
    site.send(f"/api/radios/{radio}/next", {"n": 3})
    made = {
        "playlist": site.send("/api/playlists", {"name": "Looked at", "track_ids": ids})["playlist_id"],
        "shortlist": site.send("/api/shortlists", {"name": "Looked at", "entries": [{"track_id": ids[0]}]})[
            "shortlist_id"
        ],
        "radio": radio,
    }
    places = {f"#{kind}=1": f"#{kind}={number}" for kind, number in made.items()}
    try:
        yield lambda place: places.get(place, place)
    finally:
        for kind, number in made.items():
            site.delete(f"/api/{kind}s/{number}")


def player(page: Any, expression: str) -> Any:
    """Return what an expression of the page's `player` is."""
    return page.evaluate(f"import('./static/joined/player.js').then(({{ player }}) => {expression})")


def until(page: Any, expression: str, arg: Any = None) -> None:
    """Wait until an expression, or a function of `arg`, is true.

    Playwright's own way evaluates strings within the page, which the page's policy forbids.
    """
    end = time.monotonic() + PATIENCE_MS / 1000
    more = () if arg is None else (arg,)
    while not page.evaluate(expression, *more):
        assert time.monotonic() < end, f"never came true: {expression}"
        page.wait_for_timeout(25)


def wait_for_player(page: Any, condition: str) -> None:
    """Wait until a condition on the page's `player` holds."""
    until(page, f"import('./static/joined/player.js').then(({{ player }}) => Boolean({condition}))")


def note_seeks(page: Any) -> None:
    """Let the page's `seeks` be the seconds that the player goes to from now on."""
    noted = "audio.addEventListener('seeking', () => seeks.push(audio.currentTime))"
    player(page, f"{{ window.seeks = []; for (const audio of [player.audio, player.spare]) {noted}; }}")


def play_slowly(page: Any) -> None:
    """Let songs last ten times as long, the one that plays and those that come."""
    for_both = "for (const audio of [player.audio, player.spare])"
    player(page, f"{{ {for_both} audio.defaultPlaybackRate = audio.playbackRate = 0.1; }}")


def act(page: Any, title: str, words: str) -> None:
    """Choose what the menu of a song of the list offers."""
    row = page.locator("main .song", has=page.locator(f".title:text-is('{title}')"))
    row.locator(".acts").click()
    page.locator(".menu").get_by_role("menuitem", name=words, exact=True).click()


def said(page: Any, words: str) -> None:
    """Wait until something is said to who does not see."""
    until(page, "(words) => document.getElementById('live').textContent.includes(words)", words)


def radio_started(page: Any, site: Site) -> int:
    """Start a radio from the menu of "Amber Morning"; return its id once it plays."""
    visit(page, site, ready=".song")
    act(page, "Amber Morning", "Start a radio")
    until(page, "location.hash.startsWith('#radio=')")
    wait_for_player(page, "player.track?.radio_id && player.audio.currentTime > 0.1")
    found: int = player(page, "player.track.radio_id")
    return found


def suggested(page: Any, box: str, text: str) -> None:
    """Wait until a field's suggestions are those for a text, not those for the beginning of it."""
    until(page, f"(text) => document.getElementById('{box}-list').dataset.of === text", text)


def eventually(page: Any, get: Callable[[], Any], wanted: Any) -> None:
    """Wait until something, as of the service's state, is what is wanted."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while get() != wanted and time.monotonic() < end:
        page.wait_for_timeout(25)
    assert get() == wanted


def titles(page: Any, within: str = "main .song .title") -> list[str]:
    """Return the titles that are listed."""
    found: list[str] = page.locator(within).all_text_contents()
    return found


def listed(page: Any, wanted: list[str], within: str = "main .song .title") -> None:
    """Wait until just these titles are listed, in this order: that of the place before may be there."""
    eventually(page, lambda: titles(page, within), wanted)


def count_of_songs(page: Any, wanted: int) -> None:
    """Wait until so many songs are listed."""
    until(page, f"document.querySelectorAll('main .song .title').length === {wanted}")


def shown(track: Any) -> str:
    """Return what a song is to be called."""
    name: str = track["title"] or Path(track["path"]).stem
    return name


def on_the_map(page: Any, tracks: list[Any]) -> dict[int, tuple[float, float]]:
    """Return where each track is: the whole map fills its box but for 28 pixels at each edge."""
    box = page.locator("canvas.map").bounding_box()
    places: dict[int, list[float]] = {track["track_id"]: [] for track in tracks}
    for axis, start, length, sign in (("x", box["x"], box["width"], 1), ("y", box["y"], box["height"], -1)):
        values = [track[axis] for track in tracks]
        middle, half = (max(values) + min(values)) / 2, (max(values) - min(values)) / 2
        for track in tracks:
            share = sign * (track[axis] - middle) / half
            places[track["track_id"]].append(start + length / 2 + share * (length / 2 - 28))
    return {track_id: (x, y) for track_id, (x, y) in places.items()}
