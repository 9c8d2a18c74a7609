"""The page that explains the REST interface: all of it, legible, and its forms ask what they say."""

import json
from typing import Any

import pytest

from tests.recommender.service.static.browser import LOOK, PHONE, WIDE, Site, until


def described(site: Site) -> list[Any]:
    """Return what every operation is called, and how it is asked."""
    paths = site.get("/openapi.json")["paths"]
    return [
        (one["operationId"], method.upper(), path)
        for path, all_ in paths.items()
        for method, one in all_.items()
    ]


def opened(page: Any, site: Site, name: str = "") -> None:
    page.goto("about:blank")
    page.goto(f"{site.url}/docs#{name}")
    page.wait_for_selector("main .operation")


def test_every_operation_is_there(page: Any, site: Site) -> None:
    page.goto(site.url)
    page.click("#help-open")
    page.click("text=The REST interface, explained, for programs")
    page.wait_for_selector("main .operation")
    shown = page.evaluate(
        """[...document.querySelectorAll('.operation')].map((one) =>
        [one.id, one.querySelector('.method').textContent, one.querySelector('.path').textContent])"""
    )
    assert sorted(map(tuple, shown)) == sorted(described(site))
    page.click("a.brand")
    page.wait_for_selector("main .song")


@pytest.mark.parametrize(("theme", "window"), [("light", PHONE), ("dark", WIDE)])
def test_all_of_it_is_legible(page: Any, site: Site, theme: str, window: Any) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size(window)
    opened(page, site)
    page.evaluate("document.querySelectorAll('.operation').forEach((one) => { one.open = true; })")
    until(page, "[...document.querySelectorAll('.operation')].every((one) => one.querySelector('.answer'))")
    found = page.evaluate(f"{LOOK}.contrasts()")
    assert [one for one in found if one["ratio"] < one["least"]] == [] and len(found) > 200
    assert page.evaluate(f"{LOOK}.nameless()") == []
    assert page.evaluate(f"{LOOK}.wide()") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= window["width"]
    page.set_viewport_size(WIDE)


def test_a_form_asks_what_its_command_says(page: Any, site: Site) -> None:
    opened(page, site, "list_tracks")
    form = page.locator("#list_tracks .trial")
    form.locator("[name=limit]").fill("2")
    form.locator("[name=sort]").fill("title")
    command = form.locator("pre").first.inner_text()
    assert command == f"curl '{site.url}/api/tracks?limit=2&sort=title'"
    form.locator("button").click()
    until(page, "document.querySelector('#list_tracks [role=status]').innerText.startsWith('200')")
    assert json.loads(form.locator(".answer-text").inner_text()) == site.get("/api/tracks?limit=2&sort=title")
    opened(page, site, "get_track")
    page.locator("#get_track [name=track_id]").fill("999")
    page.locator("#get_track .trial button").click()
    until(page, "document.querySelector('#get_track [role=status]').innerText.startsWith('404')")


def test_it_says_what_is_sent_and_answered(page: Any, site: Site) -> None:
    opened(page, site, "rate_track")
    text = page.locator("#rate_track").inner_text()
    assert "rating: integer, 1 to 5" in text and "starred: date-time" in text and "404 Not Found" in text
    opened(page, site, "get_cover")
    assert "image/png" in page.locator("#get_cover").inner_text()
    opened(page, site, "get_status")
    page.locator("#get_status code >> text=deepcuts status --json").wait_for()
    assert "``" not in page.locator("#get_status").inner_text()
