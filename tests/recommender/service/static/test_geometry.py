"""Where things lie, in every browser that is here: no word on another, none cut off, none broken."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.databases import query
from tests.recommender.service.static.browser import LOOK, Site, listening, until
from tests.recommender.service.static.firefox import FIREFOX, new_firefox
from tests.recommender.support import Library

KINDS = ["overlaps", "clipped", "wide"]
LONG = (
    "A Very Long Title That Goes On and On About Everything That Was Ever Played in a Small Room on a Sunday "
    "Afternoon (Live, Remastered 2011, Deluxe Edition)"
)
UNBROKEN = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
PLACES = {
    "": ".song",
    "#track=1": ".pair",
    "#track=1&from=5&to=25": ".pair",
    "#like=2&like=3&like=1&unlike=4&key=C&key=Am&related=1&tempo=40-": ".more-songs",
    "#likelist=1&unlike=2": ".song, .empty",
    "#voice=sung&tempo=40-200&energy=0-1&not_artist=Nobody+at+all&not_album=Nothing": ".song",
    f"#track=2&not_artist={UNBROKEN}&tempo=40-": ".pair",
    "#search=a": ".song",
    "#search=zzz": ".empty",
    "#find=instrumental": ".song",
    "#map": "canvas",
    "#map&colour=tempo": "canvas",
    "#file": ".drop-area",
    "#mixes": ".mixes",
    "#radios": ".radio-start",
    "#radio=1": ".song",
    "#playlists": ".lists",
    "#playlist=1": ".song",
    "#playlist=2": ".rules .chip",
    "#shortlists": ".lists",
    "#shortlist=1": ".entry",
    "#deepcuts": ".song",
    "#path=1&to=3": ".song",
    "#track=999": "h1",
    "docs#get_status": ".answer",
}
WINDOWS = (
    (1280, "dark"),
    (320, "dark"),
    (390, "light"),
    (768, "light"),
    (1024, "dark"),
    (1440, "light"),
    (1920, "dark"),
)
"""Widths in pixels with a theme each; the place is opened at the first."""


@pytest.fixture(scope="module")
def crowded(page_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page's library with long names, plays, and a playlist."""
    library = Library(page_home.parent / "music", page_home).clone(tmp_path_factory.mktemp("crowded"))
    rename = "UPDATE track SET title = ?, artist = ?, album = ? WHERE id = ?"
    query(library.home, rename, LONG, f"The {LONG}", LONG, 2)
    query(library.home, rename, UNBROKEN, UNBROKEN[::-1], "", 3)
    played = "UPDATE track SET plays = ?, last_played = ? WHERE id IN (1, 4)"
    query(library.home, played, 12, "2026-01-01 00:00:00.000000")
    with listening(library.home) as server:
        site = Site(server.url, library.home, library.music)
        site.send("/api/playlists", {"name": LONG, "track_ids": list(range(1, 9))})
        rules = {"list": "songs", "n": 9, "not_artist": [UNBROKEN, LONG], "year_to": 2090}
        site.send(
            "/api/playlists", {"name": f"Z {LONG}", "rules": {**rules, "year_to": None, "not_album": [LONG]}}
        )
        passages = {"query_start_s": 0, "query_end_s": 30, "match_start_s": 5, "match_end_s": 35}
        found = [{"track_id": i, "query_track_id": 2, **passages, "similarity": 0.9} for i in (1, 2, 3, 4)]
        radio = site.send("/api/radios", {"kind": "song", "seed": "1"})
        site.send(f"/api/radios/{radio['radio_id']}/next", {"n": 4})
        whole = [{"track_id": 5}, {"track_id": 6, "query_name": UNBROKEN, "note": f"{LONG}\n{UNBROKEN}"}]
        site.send("/api/shortlists", {"name": LONG, "entries": [*found, *whole]})
        yield site


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def window(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A page of each browser; skipped where it is not installed."""
    if request.param == "chromium":
        page = request.getfixturevalue("browser").new_page()
        yield page
        page.close()
        return
    if FIREFOX is None:
        pytest.skip("no Firefox is installed (Debian: apt install firefox-esr)")
    with new_firefox(tmp_path_factory.mktemp("firefox")) as page:
        yield page


def ready(page: Any, site: Site, place: str, theme: str) -> None:
    """Open a place in a theme, and wait until all of it is there."""
    what = PLACES[place]
    page.goto("about:blank")
    page.goto(f"{site.url}/static/icon.svg")
    page.evaluate(f"localStorage.setItem('deepcuts', JSON.stringify({{ theme: '{theme}' }}))")
    playlists = [one["playlist_id"] for one in site.get("/api/playlists")["playlists"]]
    first, kept = playlists[0], playlists[-1]  # others may have had the first ids
    shortlist = site.get("/api/shortlists")["shortlists"][0]["shortlist_id"]
    named = {"playlist=1": first, "playlist=2": kept, "likelist=1": first, "shortlist=1": shortlist}
    named["radio=1"] = site.get("/api/radios")["radios"][0]["radio_id"]
    place = re.sub(
        r"\b(playlist|likelist|shortlist|radio)=\d", lambda found: f"{found[1]}={named[found[0]]}", place
    )
    page.goto(f"{site.url}/{place}")
    until(page, f"Boolean(document.querySelector('main {what}'))")
    until(page, "!document.querySelector('main [aria-busy], main[aria-busy], main .chips:empty')")


def resize(page: Any, width: int) -> None:
    """Give the window a width."""
    page.set_viewport_size({"width": width, "height": 860})
    until(page, f"innerWidth === {width}")


def test_nothing_overlaps_or_is_cut_off(window: Any, crowded: Site) -> None:
    wrong = {}
    for place in PLACES:
        resize(window, WINDOWS[0][0])
        ready(window, crowded, place, WINDOWS[0][1])
        if place == "#track=1":  # the bar, and the reasons
            window.evaluate("document.querySelector('.song .play').click()")
            window.evaluate("document.querySelector('.song-links button').click()")
            until(
                window, "Boolean(document.querySelector('.why li')) && !document.querySelector('#bar').hidden"
            )
        window.evaluate("document.querySelectorAll('.panel').forEach((one) => { one.open = true; })")
        for width, theme in WINDOWS:
            resize(window, width)
            window.evaluate(f"void (document.documentElement.dataset.theme = '{theme}')")
            if found := window.evaluate(f"((look) => {KINDS}.flatMap((kind) => look[kind]()))({LOOK})"):
                wrong[f"{place} at {width}"] = found
    assert wrong == {}


OPENED = {
    "a song's menu": ("", "document.querySelector('.acts').click()", ".menu"),
    "the playlists in it": (
        "",
        "document.querySelector('.acts').click(); document.querySelectorAll('.menu-item')[2].click()",
        ".menu-item:nth-child(3)",
    ),
    "suggestions": (
        "",
        "Object.assign(document.querySelector('#search-box'), { value: 'a' }).focus();"
        "document.querySelector('#search-box').dispatchEvent(new Event('input'))",
        "#search-list [role=option]",
    ),
    "the queue": (
        "",
        "document.querySelector('.song .play').click(); document.querySelector('#queue-open').click()",
        "#queue:not([hidden]) .queued",
    ),
    "a dialog": ("", "document.querySelector('.keep button').click()", "#ask[open]"),
    "help": ("", "document.querySelector('#help-open').click()", "#help[open]"),
    "what is told": ("", "document.querySelector('.to-shortlist').click()", "#said:not([hidden])"),
    "filters that are set": (
        f"#genre=jazz&genre=rock/indie&key=C&not_artist={UNBROKEN}",
        "document.querySelector('.panel').open = true",
        ".panel[open] .filter",
    ),
}
"""What opens over a place: the place, what opens it, and what is there then."""
SETTLED = """void document.getAnimations()
  .filter((one) => one.effect.getTiming().iterations !== Infinity).forEach((one) => one.finish())"""
"""Colours that are on their way to another theme's are there at once."""


@pytest.mark.parametrize("what", OPENED)
def test_nothing_that_opens_overlaps_or_is_cut_off(window: Any, crowded: Site, what: str) -> None:
    place, act, opened = OPENED[what]
    wrong = {}
    for width, theme in ((320, "dark"), (1280, "light")):
        resize(window, width)
        window.goto("about:blank")
        window.goto(f"{crowded.url}/{place}")
        until(window, "Boolean(document.querySelector('main .song, main .empty'))")
        window.evaluate(f"void (document.documentElement.dataset.theme = '{theme}')")
        window.evaluate(f"(() => {{ {act}; return 0; }})()")
        until(window, f"Boolean(document.querySelector('{opened}'))")
        window.evaluate(SETTLED)
        kinds = ("overlaps", "clipped", "wide")
        found = [said for kind in kinds for said in window.evaluate(f"{LOOK}.{kind}()")]
        contrasts = window.evaluate(f"{LOOK}.contrasts()")
        found += [f"weak: {one['what']}" for one in contrasts if one["ratio"] < one["least"]]
        if found:
            wrong[width] = found
    assert wrong == {}


def test_long_names_take_two_lines_and_are_read_whole_at_the_pointer(window: Any, crowded: Site) -> None:
    name = "document.querySelector('.song[data-track=\"2\"] .title')"
    for width in (320, 1280):
        resize(window, width)
        ready(window, crowded, "", "light")
        window.evaluate(f"{name}.dispatchEvent(new Event('pointerover', {{ bubbles: true }}))")
        lines = f"{name}.clientHeight / parseFloat(getComputedStyle({name}).lineHeight)"
        assert round(window.evaluate(lines)) == 2, width
        assert window.evaluate(f"{name}.title") == LONG
        short = "document.querySelector('.song[data-track=\"4\"] .title')"
        window.evaluate(f"{short}.dispatchEvent(new Event('pointerover', {{ bubbles: true }}))")
        assert window.evaluate(f"{short}.title") == ""


def test_a_long_heading_takes_four_lines_and_is_unfolded_by_a_click(window: Any, crowded: Site) -> None:
    resize(window, 320)
    window.goto("about:blank")
    window.goto(f"{crowded.url}/#track=2")
    until(window, "Boolean(document.querySelector('main .pair'))")
    for what, begin in (("main h1", LONG), (".facts", "The A Very")):
        one = f"document.querySelector('{what}')"
        lines = f"Math.round({one}.clientHeight / parseFloat(getComputedStyle({one}).lineHeight))"
        assert window.evaluate(lines) == 4
        window.evaluate(f"void {one}.dispatchEvent(new Event('pointerover', {{ bubbles: true }}))")
        assert window.evaluate(f"{one}.title").startswith(begin)
        window.evaluate(f"void {one}.click()")
        assert window.evaluate(lines) > 4
        assert window.evaluate(f"{one}.scrollHeight - {one}.clientHeight") <= 2


def test_how_alike_songs_are_is_shown_at_every_width(window: Any, crowded: Site) -> None:
    for place in ("#like=2&like=3", "#deepcuts", "#track=1"):
        window.goto("about:blank")
        window.goto(f"{crowded.url}/{place}")
        until(window, "Boolean(document.querySelector('main .song'))")
        for width in (320, 390, 1280):
            resize(window, width)
            seen = "[...document.querySelectorAll('.song .alike')].filter((one) => one.checkVisibility())"
            songs = window.evaluate("document.querySelectorAll('.song').length")
            assert window.evaluate(f"{seen}.length") == songs > 0, (place, width)


def style(page: Any, what: str, **changed: str) -> None:
    """Give all elements of a kind another style."""
    every = f"[...document.querySelectorAll('{what}')]"
    page.evaluate(f"{every}.forEach((one) => {{ Object.assign(one.style, {json.dumps(changed)}); }})")


def test_what_lies_wrong_is_found(window: Any, crowded: Site) -> None:
    """That the looks above see anything: three faults are made, and are told."""
    window.set_viewport_size({"width": 1280, "height": 860})
    ready(window, crowded, "#deepcuts", "light")
    assert window.evaluate(f"{LOOK}.overlaps()") == []
    style(window, ".alike", transform="translateX(-6rem)")
    assert any("Shortlist" in said and "bar-of" in said for said in window.evaluate(f"{LOOK}.overlaps()"))
    ready(window, crowded, "#deepcuts", "light")
    style(window, ".alike > :last-child", width="1ch", whiteSpace="normal")
    assert any(said.startswith("broken: 0.") for said in window.evaluate(f"{LOOK}.clipped()"))
    ready(window, crowded, "#deepcuts", "light")
    style(window, "h1", overflow="hidden", width="3rem", whiteSpace="nowrap")
    assert any(said.startswith("cut: ") for said in window.evaluate(f"{LOOK}.clipped()"))
