"""axe-core, which knows the rules for accessible pages, on every place, in both themes and two widths."""

from collections.abc import Callable
from importlib import resources
from typing import Any

import pytest

from recommender.service.http.guide import CONTENTS, PAGES
from tests.recommender.service.static.browser import (
    PHONE,
    PLACES,
    WIDE,
    Site,
    kept_lists,
    settled,
    until,
    visit,
    wait_for_player,
    watched,
)

pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
TELL = """async () => {
  const on = { enabled: true };
  const rules = { "label-content-name-mismatch": on, "focus-order-semantics": on };
  const found = await axe.run(document, { resultTypes: ["violations"], rules });
  return found.violations.flatMap((rule) => rule.nodes.map((node) =>
    `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary.split("\\n")[1]}`));
}"""
THEMES = ("light", "dark")
STILL = """Promise.all(document.getAnimations()
  .filter((one) => one.effect.getTiming().iterations !== Infinity)
  .map((one) => one.finished.catch(() => null))).then(() => 0)"""
"""All that moves for a while has come to its end."""


def violations(page: Any) -> list[str]:
    """Return each element that breaks a rule, with the rule."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE)
    page.evaluate(STILL)
    found: list[str] = page.evaluate(TELL)
    return found


@pytest.fixture(scope="module", params=[WIDE, PHONE], ids=["wide", "phone"])
def broken(request: pytest.FixtureRequest, browser: Any, site: Site) -> dict[str, dict[str, list[str]]]:
    """What breaks a rule at a width, by theme and place; each place is opened once, and looked at in both."""
    wrong: dict[str, dict[str, list[str]]] = {theme: {} for theme in THEMES}
    with watched(browser, site) as page, kept_lists(site) as named:
        page.set_viewport_size(request.param)
        for number, place in enumerate(PLACES):
            look(page, wrong, number, place, lambda name: settled(page, site, named(name)))
        for number, name in enumerate(ACTS):
            look(page, wrong, number, name, lambda name: ACTS[name](page, site))
        page.set_viewport_size(WIDE)
    return wrong


def look(
    page: Any, wrong: dict[str, dict[str, list[str]]], number: int, name: str, open_: Callable[[str], None]
) -> None:
    """Open a place in one theme, the even ones in light, note what breaks a rule; then in the other."""
    first, second = THEMES if number % 2 == 0 else reversed(THEMES)
    page.emulate_media(color_scheme=first)
    open_(name)
    for theme in (first, second):
        page.emulate_media(color_scheme=theme)
        until(page, f"matchMedia('(prefers-color-scheme: {theme})').matches")
        if found := violations(page):
            wrong[theme][name] = found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_place_breaks_a_rule(broken: dict[str, dict[str, list[str]]], theme: str) -> None:
    assert broken[theme] == {}


def bar_and_reasons(page: Any, site: Site) -> None:
    """Let a song play, open the queue and the reasons of another."""
    settled(page, site, "#track=1")
    page.get_by_role("button", name="Why").first.click()
    page.locator(".song .play").nth(1).click()
    page.locator(".why li").first.wait_for()
    wait_for_player(page, "player.track")
    page.click("#queue-open")
    page.wait_for_selector("#queue:not([hidden])")


def suggestions(page: Any, site: Site) -> None:
    """Type into the search box."""
    visit(page, site, ready=".song")
    page.fill("#search-box", "amber")
    page.wait_for_selector("#search-list [role=option]")


def help_(page: Any, site: Site) -> None:
    """Open the help."""
    visit(page, site, ready=".song")
    page.click("#help-open")
    page.wait_for_selector("#help[open]")


ACTS = {"bar and reasons": bar_and_reasons, "suggestions": suggestions, "help": help_}


@pytest.mark.parametrize(("theme", "window"), [("light", WIDE), ("dark", PHONE)], ids=["wide", "phone"])
def test_the_page_of_the_rest_interface_breaks_no_rule(
    page: Any, site: Site, theme: str, window: Any
) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size(window)
    page.goto(f"{site.url}/docs#list_tracks")
    page.wait_for_selector("#list_tracks .answer")
    until(page, "!document.getElementById('state')?.innerText.startsWith('Reading')")
    found = violations(page)
    page.set_viewport_size(WIDE)
    assert found == []


@pytest.mark.parametrize(("theme", "window"), [("dark", WIDE), ("light", PHONE)], ids=["wide", "phone"])
def test_the_guide_breaks_no_rule_and_fits(page: Any, site: Site, theme: str, window: Any) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size(window)
    wrong = {}
    for name in sorted(PAGES):
        page.goto(f"{site.url}/guide/{name}" if name != CONTENTS else f"{site.url}/guide")
        page.wait_for_selector("main h1")
        if found := violations(page):
            wrong[name] = found
        assert page.evaluate("document.documentElement.scrollWidth") <= window["width"], name
    page.set_viewport_size(WIDE)
    assert wrong == {}


def test_what_breaks_a_rule_is_found(page: Any, site: Site) -> None:
    """That the engine sees anything: a button without a name, a picture without a text."""
    visit(page, site, ready=".song")
    page.evaluate("document.querySelector('#help-open').removeAttribute('aria-label')")
    page.evaluate("document.querySelector('#help-open').removeAttribute('title')")
    page.evaluate("document.querySelector('#help-open').replaceChildren()")
    page.evaluate("document.querySelector('main').append(document.createElement('select'))")
    found = {one.split(":")[0] for one in violations(page)}
    assert found == {"button-name", "select-name"}


@pytest.mark.parametrize(("theme", "window"), [("light", WIDE), ("dark", PHONE)], ids=["wide", "phone"])
def test_a_shortlist_breaks_no_rule(page: Any, site: Site, theme: str, window: Any) -> None:
    passages = {"query_start_s": 0, "query_end_s": 30, "match_start_s": 5, "match_end_s": 35}
    found = {"track_id": 1, "query_track_id": 2, **passages, "similarity": 0.9, "note": "no voice"}
    made = site.send("/api/shortlists", {"name": "Dinner scene", "entries": [found, {"track_id": 3}]})
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size(window)
    try:
        visit(page, site, f"#shortlist={made['shortlist_id']}", ".entry")
        until(page, "document.querySelectorAll('.entry').length === 2")
        assert violations(page) == []
    finally:
        site.delete(f"/api/shortlists/{made['shortlist_id']}")
        page.set_viewport_size(WIDE)


@pytest.mark.parametrize(("theme", "window"), [("dark", WIDE), ("light", PHONE)], ids=["wide", "phone"])
def test_a_kept_playlist_its_dialog_and_a_radio_break_no_rule(
    page: Any, site: Site, theme: str, window: Any
) -> None:
    rules = {"list": "songs", "n": 5, "unplayed": True, "not_artist": ["Ben"]}
    playlist = site.send("/api/playlists", {"name": "Kept", "rules": rules})["playlist_id"]
    radio = site.send("/api/radios", {"kind": "song", "seed": "1"})["radio_id"]
    site.send(f"/api/radios/{radio}/next", {"n": 3})
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size(window)
    wrong = {}
    try:
        for place, ready in {f"#playlist={playlist}": ".rules .chip", f"#radio={radio}": ".because"}.items():
            visit(page, site, place, ready)
            wrong[place] = violations(page)
        visit(page, site, "#unplayed=1", ".song")
        page.get_by_role("button", name="Save as playlist").first.click()
        page.wait_for_selector("#ask[open] #ask-keep")
        wrong["dialog"] = violations(page)
    finally:
        site.delete(f"/api/playlists/{playlist}")
        site.delete(f"/api/radios/{radio}")
        page.set_viewport_size(WIDE)
    assert not any(wrong.values()), wrong
