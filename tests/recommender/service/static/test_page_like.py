"""Songs like several, like a playlist's, and unlike others."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.recommender.service.static.browser import (
    PHONE,
    Site,
    listed,
    shown,
    suggested,
    until,
    visit,
)

FIRST, SECOND, THIRD = "Amber Morning", "Bright Harbour", "Cold Cellar"


def names(found: list[Any]) -> list[str]:
    return [shown(track) for track in found]


def choose(page: Any, box: str, text: str) -> None:
    """Type words of a title, and take what is suggested, by the keyboard."""
    page.locator(f"#{box}-box").focus()
    page.keyboard.type(text)
    suggested(page, box, text)
    page.wait_for_selector(f"#{box}-list li >> text={text}")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")


@pytest.mark.parametrize("window", [None, PHONE], ids=["wide", "phone"])
def test_like_these_and_unlike_that_by_keyboard(page: Any, site: Site, window: dict[str, int] | None) -> None:
    if window is not None:
        page.set_viewport_size(window)
    one, two, three = (site.id_of(title) for title in (FIRST, SECOND, THIRD))
    visit(page, site, f"#track={one}&not_artist=gil", ready=".pair")
    page.locator("summary >> text=Like this and another song").press("Enter")
    choose(page, "like", SECOND)
    wanted = site.get(f"/api/similar?n=20&id={one}&id={two}&not_artist=gil")["results"]
    listed(page, names(wanted))
    until(page, f"document.querySelector('main h1').innerText === '{FIRST} and {SECOND}'")
    choose(page, "unlike", THIRD)
    unlike = site.get(f"/api/similar?n=20&id={one}&id={two}&not={three}&not_artist=gil")["results"]
    page.wait_for_selector(f"main .subject .chip >> text=unlike {THIRD}")
    listed(page, names(unlike))
    page.reload()
    page.wait_for_selector("main .song")
    listed(page, names(unlike))
    page.locator(f"role=button[name='Leave out: unlike {THIRD}']").press("Enter")
    listed(page, names(wanted))
    page.locator(f"role=button[name='Leave out: like {FIRST}']").press("Enter")
    listed(page, names(site.get(f"/api/similar?n=20&id={two}&not_artist=gil")["results"]))
    page.locator("role=button[name='Remove the filter not by gil']").press("Enter")
    listed(page, names(site.get(f"/api/similar?n=20&id={two}")["results"]))


@pytest.fixture
def mix(site: Site) -> Iterator[int]:
    ids = [site.id_of(title) for title in (FIRST, THIRD)]
    made = site.send("/api/playlists", {"name": "Mix", "track_ids": ids})["playlist_id"]
    yield made
    site.delete(f"/api/playlists/{made}")


def test_where_no_song_is_left_the_page_says_why(page: Any, site: Site) -> None:
    ids = [track["track_id"] for track in site.get("/api/tracks?limit=50")["tracks"]]
    made = site.send("/api/playlists", {"name": "All", "track_ids": ids})["playlist_id"]
    try:
        visit(page, site, f"#likelist={made}", ready=".shortfall")
        assert page.inner_text("main .empty") == "No song is like that"
        assert page.inner_text("main .shortfall") == "The catalogue holds no other analysed tracks."
    finally:
        site.delete(f"/api/playlists/{made}")


def test_songs_like_those_of_a_playlist(page: Any, site: Site, mix: int) -> None:
    visit(page, site, f"#playlist={mix}", ready=".song")
    page.click("text=Songs like these")
    until(page, f"location.hash === '#likelist={mix}'")
    wanted = site.get(f"/api/similar?n=20&playlist={mix}")["results"]
    assert FIRST not in names(wanted)
    listed(page, names(wanted))
    assert page.inner_text("main .eyebrow") == "Songs that sound like any of 2 songs in"
    row = page.locator("main .song").first
    row.get_by_role("button", name="Why").click()
    row.locator(".why li").first.wait_for()
    choose(page, "unlike", SECOND)
    two = site.id_of(SECOND)
    listed(page, names(site.get(f"/api/similar?n=20&playlist={mix}&not={two}")["results"]))
