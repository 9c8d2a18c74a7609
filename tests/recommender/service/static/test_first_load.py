"""What the browser fetches before the first list stands: little, and packed."""

from typing import Any

import pytest

from recommender.service.http.joined_modules import EXPORT
from recommender.service.http.static_page import MODULES
from tests.recommender.service.static.browser import Site, until

MOST_BYTES = 120 * 1024
FETCHED = """["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind)).map((one) => ({
  name: one.name, bytes: one.transferSize, packed: one.encodedBodySize, whole: one.decodedBodySize,
  from_ms: one.startTime }))"""
NOTE_OTHERS = """{ let held; Object.defineProperty(globalThis, 'ahead', { get: () => held, set: (made) => {
    const others = made.others;
    held = { ...made, others: () => { window.others_ms = performance.now(); others(); } };
  } }); }"""
"""Lets the page's `others_ms` be when it begins to load what only other places need."""


@pytest.mark.parametrize("place", ["", "#track=1", "#map", "docs"])
def test_the_first_load_is_small(page: Any, site: Site, place: str) -> None:
    page.add_init_script(NOTE_OTHERS)
    page.goto("about:blank")
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    page.goto(f"{site.url}/{place}")
    page.locator("main .song, main canvas, main .operation").first.wait_for()
    last = "docs_trial.js" if place == "docs" else "api/status"
    until(page, f"({FETCHED}).some((one) => one.name.endsWith('{last}'))")
    every = page.evaluate(f"({FETCHED}).filter((one) => !(one.from_ms >= window.others_ms))")
    asked = [one["name"] for one in every if "/api/" in one["name"]]
    once = place in ("", "#track=1")  # a map that is being laid out is asked for again and again
    assert not once or len(set(asked)) == len(asked), (
        "what is asked ahead of the modules is asked again by them"
    )
    fetched = {one["name"]: one for one in every}
    names = [name.rsplit("/", 1)[-1] for name in fetched]
    assert {"style.css", "theme.js"} < set(names) or {"page.css", "before.js"} < set(names), names
    assert len([name for name in fetched if "/static/" in name]) <= (9 if place == "docs" else 6), names
    for name, one in fetched.items():
        if "/static/" in name and one["whole"] > 1024:
            assert one["packed"] < 0.7 * one["whole"], f"{name} is not packed"
    total = sum(one["bytes"] for one in fetched.values())
    assert 20_000 < total <= MOST_BYTES, fetched


EXPORTS = """async (names) => Promise.all(names.map(async (name) => {
  const { modules } = await import("./static/joined/main.js");
  const [whole, alone] = [await import(`./static/joined/${name}`), await import(`./static/${name}`)];
  const kinds = (some) => Object.keys(some).sort().map((one) => [one, typeof some[one]]);
  const once = Object.keys(alone).every((one) => whole[one] === modules[name][one]);
  return { name, once, joined: kinds(whole), alone: kinds(alone) };
}))"""
THOUSANDS = """(numbers) => import('./static/joined/dom.js').then(({ thousands }) =>
  numbers.map((n) => [thousands(n), n.toLocaleString('en-GB')]))"""


def test_joined_modules_export_what_they_do_alone(page: Any, site: Site) -> None:
    page.goto(f"{site.url}/")
    page.locator("main .song").first.wait_for()
    names = [name for name in MODULES if EXPORT.search(MODULES[name]) and not name.startswith("docs")]
    assert len(names) > 40
    for found in page.evaluate(EXPORTS, names):
        assert found["alone"] and found["joined"] == found["alone"] and found["once"], found


def test_thousands_are_written_as_the_browser_would(page: Any, site: Site) -> None:
    page.goto(f"{site.url}/")
    numbers = [0, 7, 999, 1000, 10_000, 123_456, 1_000_000, 1_234_567]
    found = page.evaluate(THOUSANDS, numbers)
    assert found[4][0] == "10,000"
    assert all(ours == browsers for ours, browsers in found), found
