"""Songs chosen on the map: within a lasso, along a line, by keys; and kept as a playlist."""

from typing import Any

import pytest

from tests.recommender.service.static.browser import PHONE, WIDE, Site, laid_out, on_the_map, until, visit

CHOSEN = "document.querySelector('.picked:not([hidden]) b')?.textContent"
ASKED = "document.querySelector('#ask').open && document.querySelector('#ask-value').value"


def opened(page: Any, site: Site, mode: str) -> dict[int, tuple[float, float]]:
    """Open the map to draw on it, and return where the songs are."""
    tracks = laid_out(site)
    visit(page, site, "#map", ready="canvas.map")
    page.get_by_role("button", name=mode, exact=True).click()
    until(page, "document.querySelector('canvas.map').width > 300")
    page.locator("canvas.map").scroll_into_view_if_needed()
    return on_the_map(page, tracks)


def draw(page: Any, corners: list[tuple[float, float]]) -> None:
    page.mouse.move(*corners[0])
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


@pytest.mark.parametrize("window", [WIDE, PHONE], ids=["wide", "phone"])
def test_what_a_lasso_goes_round_becomes_a_playlist(page: Any, site: Site, window: Any) -> None:
    page.set_viewport_size(window)
    places = opened(page, site, "Lasso")
    box = page.locator("canvas.map").bounding_box()
    left, right = box["x"] + 16, box["x"] + box["width"] / 2
    top, bottom = box["y"] + 16, box["y"] + box["height"] - 16  # its corners are round
    inside = {i for i, (x, _) in places.items() if x < right}
    draw(page, [(left, top), (right, top), (right, bottom), (left, bottom)])
    until(page, f"({CHOSEN} || '').startsWith('{len(inside)} song')")
    before = {one["playlist_id"] for one in site.get("/api/playlists")["playlists"]}
    page.get_by_role("button", name="Save as playlist").click()
    page.locator("#ask-value").fill("From the map")
    page.locator("#ask .main").click()
    until(page, "Boolean(document.querySelector('.picked .said a'))")
    (made,) = {one["playlist_id"] for one in site.get("/api/playlists")["playlists"]} - before
    assert {track["track_id"] for track in site.get(f"/api/playlists/{made}")["tracks"]} == inside
    site.delete(f"/api/playlists/{made}")
    page.get_by_role("button", name="Let go").click()
    until(page, "document.querySelector('.picked').hidden")


def test_a_line_and_keys_choose_too(page: Any, site: Site) -> None:
    places = opened(page, site, "Line")
    draw(page, list(places.values())[:2])
    until(page, f"Number.parseInt({CHOSEN}, 10) >= 2")
    page.locator("canvas.map").focus()
    page.keyboard.press("ArrowRight")
    until(page, "!document.querySelector('.tip').hidden")
    page.keyboard.press("l")
    until(page, f"{CHOSEN} === '{len(places)} songs chosen'")
    page.keyboard.press("b")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("b")
    page.get_by_role("button", name="Save as playlist").click()
    until(page, f"({ASKED} || '').startsWith('From ')")
    page.locator("#ask-no").click()


def test_escape_ends_the_drawing_then_lets_go_what_is_chosen(page: Any, site: Site) -> None:
    opened(page, site, "Line")
    page.locator("canvas.map").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("l")
    until(page, "!document.querySelector('.picked').hidden")
    pressed = "document.querySelectorAll('.map-tools [aria-pressed=true]').length"
    page.get_by_role("button", name="Line").press("Escape")
    assert page.evaluate(pressed) == 0
    assert not page.evaluate("document.querySelector('.picked').hidden")
    page.get_by_role("button", name="Play them").press("Escape")
    assert page.evaluate("document.querySelector('.picked').hidden")
    assert page.evaluate("document.activeElement.matches('canvas.map')")
