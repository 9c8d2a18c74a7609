"""The page for everybody: keys alone, narrow windows, both themes, hostile names."""

import time
from typing import Any

import pytest

from tests.recommender.service.static.browser import (
    HOSTILE,
    LOOK,
    PHONE,
    PLACES,
    WIDE,
    Site,
    kept_lists,
    note_seeks,
    player,
    settled,
    suggested,
    titles,
    until,
    visit,
    wait_for_player,
)


@pytest.mark.parametrize(("theme", "window"), [("light", WIDE), ("dark", PHONE)])
def test_all_places_are_legible_named_and_fit_their_window(
    page: Any, site: Site, theme: str, window: Any
) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size(window)
    looks: set[str] = set()
    with kept_lists(site) as named:
        for place in PLACES:
            settled(page, site, named(place))
            if place == "#track=1":  # the bar, the song that plays, and the reasons
                page.get_by_role("button", name="Why").first.click()
                page.locator(".song .play").nth(1).click()
                page.locator(".why li").first.wait_for()
            found = page.evaluate(f"{LOOK}.contrasts()")
            weak = [f"{one['what']}: {one['ratio']:.2f}" for one in found if one["ratio"] < one["least"]]
            assert (place, weak) == (place, []) and len(found) > 10
            assert (place, page.evaluate(f"{LOOK}.nameless()")) == (place, [])
            assert (place, page.evaluate(f"{LOOK}.wide()")) == (place, [])
            assert page.evaluate("document.documentElement.scrollWidth") <= window["width"]
            looks.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(looks) == 1
    page.click("#help-open")
    assert [one for one in page.evaluate(f"{LOOK}.contrasts()") if one["ratio"] < one["least"]] == []
    page.keyboard.press("Escape")
    page.set_viewport_size(WIDE)


def test_the_head_fits_every_width(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    for width in (320, 600, 960, 1000, 1150, 1160, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 860})
        until(page, f"innerWidth === {width}")
        said = "document.querySelector('.brand span')"
        assert page.evaluate(f"{said}.getBoundingClientRect().height") < 40, (
            f"the name is cut in two at {width}"
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size(WIDE)


def test_the_button_changes_the_theme_and_it_is_kept(page: Any, site: Site) -> None:
    page.emulate_media(color_scheme="light")
    visit(page, site)
    colour = "getComputedStyle(document.body).backgroundColor"
    seen = [page.evaluate(colour)]
    for _ in range(2):
        page.click("#theme")
        seen.append(page.evaluate(colour))
    assert seen[0] == seen[1] != seen[2]  # as the system, light, dark
    page.reload()
    assert page.evaluate(colour) == seen[2]
    page.click("#theme")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(colour) == seen[2], "the switch and the system give the same"


def focus(page: Any) -> dict[str, Any]:
    """Return what has the focus, and whether one sees that it has."""
    found: dict[str, Any] = page.evaluate(f"{LOOK}.focus()")
    return found


def test_the_page_is_used_by_keys_alone(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    page.keyboard.press("Tab")
    assert focus(page)["id"] == "skip"
    page.keyboard.press("Enter")
    assert focus(page)["id"] == "place"
    page.keyboard.press("/")
    assert focus(page)["id"] == "search-box"
    page.keyboard.type("amber", delay=20)
    suggested(page, "search", "amber")
    page.wait_for_selector("#search-list [role=option]")
    page.keyboard.press("ArrowDown")
    chosen = page.get_attribute("#search-box", "aria-activedescendant")
    assert "Amber Morning" in page.inner_text(f"#{chosen}")
    page.keyboard.press("Enter")
    page.wait_for_selector("main .pair")
    assert focus(page)["tag"] == "H1"
    page.keyboard.press("Tab")
    for _ in range(60):
        now = focus(page)
        assert now["name"] and now["seen"], now
        if now["name"].startswith("Play") and page.evaluate("document.activeElement.matches('.song .play')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert focus(page)["name"] == f"Play {titles(page)[1]}"
    page.keyboard.press("Enter")
    wait_for_player(page, "player.audio.currentTime > 0.1 && !player.audio.paused")
    assert page.inner_text("#bar-title") == titles(page)[1]
    note_seeks(page)
    began, before = time.monotonic(), player(page, "player.audio.currentTime")
    page.keyboard.press("ArrowRight")
    wait_for_player(page, "player.audio.currentTime > 5")
    assert len(page.evaluate("seeks")) == 1
    assert 5 < page.evaluate("seeks[0]") - before < 5.5 + time.monotonic() - began
    page.keyboard.press("n")
    assert page.inner_text("#bar-title") == titles(page)[2]
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(" ")
    assert player(page, "player.audio.paused")
    page.keyboard.press("m")
    assert player(page, "player.audio.muted")
    page.keyboard.press("?")
    page.wait_for_selector("#help[open]")
    page.uncheck("#set-keys")
    page.keyboard.press("Escape")
    page.wait_for_selector("#help", state="hidden")
    page.keyboard.press("m")
    assert player(page, "player.audio.muted"), "single keys are off"


def test_the_map_is_used_by_keys(page: Any, site: Site) -> None:
    visit(page, site, "#map", ready="canvas.map")
    tracks = {track["track_id"]: track for track in site.get("/api/map")["tracks"]}
    page.focus("canvas.map")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    wait_for_player(page, "player.track")
    first = tracks[player(page, "player.track.track_id")]
    assert first["x"] > 0 and first["title"] in page.inner_text("#live")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    second = tracks[player(page, "player.track.track_id")]
    assert second["x"] < first["x"]
    page.keyboard.press("+")
    page.keyboard.press("0")


def test_sliders_move_by_arrow_keys_and_what_changed_is_told(page: Any, site: Site) -> None:
    visit(page, site, f"#track={site.id_of('Amber Morning')}", ready=".pair")
    page.focus("#diversity")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    until(page, "location.hash.includes('diversity=0.1')")
    assert focus(page)["id"] == "diversity"
    assert "songs like Amber Morning" in page.inner_text("#live")
    assert page.get_attribute("#live", "aria-live") == "polite"


@pytest.mark.parametrize("place", ["", "#search=img", "#map", "#track", "#deepcuts"])
def test_hostile_titles_are_only_text(page: Any, site: Site, place: str) -> None:
    hostile = site.id_of(HOSTILE)
    settled(page, site, f"#track={hostile}" if place == "#track" else place)
    if place == "#map":
        page.focus("canvas.map")
        for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown") * 5:
            page.keyboard.press(key)
            if page.locator(".tip:not([hidden]) b").inner_text() == HOSTILE:
                break
        page.keyboard.press("Enter")
    elif place != "#deepcuts":
        assert HOSTILE in page.inner_text("main")
        page.locator("main .play, main .play-song").first.click()
    track = site.get(f"/api/tracks/{hostile}")
    play = "(it) => import('./static/joined/player.js').then(({ player }) => player.play([it]))"
    page.evaluate(play, track)
    until(page, "(title) => document.getElementById('bar-title')?.textContent === title", HOSTILE)
    page.click("#queue-open")
    assert HOSTILE in page.inner_text("#queue")
    page.fill("#search-box", "img")
    page.wait_for_selector("#search-list [role=option]")
    assert HOSTILE in page.inner_text("#search-list")
    parts = ("main", "#bar", "#queue", "#search-list")
    made = [f"{part} {name}" for part in parts for name in ("img:not(.cover)", "script")]
    assert page.locator(", ".join(made)).count() == 0
    assert page.evaluate("window.hacked") is None


def test_hostile_addresses_are_only_text(page: Any, site: Site) -> None:
    for place in (
        f"#search={HOSTILE}",
        f"#find={HOSTILE}",
        "#track=../../health",
        "#track=<b>",
        "#playlist=..%2f..",
        "#path=x&to=y",
        "#track=1&discover=9&from=z&to=-4",
    ):
        visit(page, site, place, ready="h1, main h2")
        assert page.evaluate("window.hacked") is None
        assert page.evaluate("document.querySelectorAll('main img, main script').length") == 0
