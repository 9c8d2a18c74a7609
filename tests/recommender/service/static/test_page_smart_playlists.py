"""Playlists that keep themselves up to date on the page, and radios like a list."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.recommender.service.static.browser import (
    Site,
    act,
    count_of_songs,
    listed,
    player,
    titles,
    until,
    visit,
    wait_for_player,
)


@pytest.fixture(autouse=True)
def nothing_left(site: Site) -> Iterator[None]:
    """Take away the playlists, shortlists and radios that other tests left, and leave none."""
    clear(site)
    yield
    clear(site)


def clear(site: Site) -> None:
    """Delete all playlists, shortlists and radios."""
    for kind, name in (("playlists", "playlist"), ("shortlists", "shortlist"), ("radios", "radio")):
        for one in site.get(f"/api/{kind}")[kind]:
            site.delete(f"/api/{kind}/{one[f'{name}_id']}")


def saved(page: Any, name: str, *, kept: bool) -> None:
    """Save the list that is shown, and open it."""
    page.get_by_role("button", name="Save as playlist").first.click()
    page.fill("#ask-value", name)
    if kept:
        page.check("#ask-keep")
    page.press("#ask-value", "Enter")
    page.click(".keep .said a")
    until(page, "location.hash.startsWith('#playlist=')")


def test_a_list_is_kept_filled_anew_and_frozen(page: Any, site: Site) -> None:
    visit(page, site, "#unplayed=1&sort=title", ready=".song")
    before = titles(page)
    assert len(before) > 3
    saved(page, "Never played", kept=True)
    until(page, "document.querySelectorAll('.rules .chip').length === 3")  # the same songs
    listed(page, before)
    [made] = site.get("/api/playlists")["playlists"]
    assert made["rules"] == {"list": "songs", "n": 10000, "max_plays": 0, "sort": "title"}
    chips = page.locator(".rules .chip").all_text_contents()
    assert chips == ["all songs", "never played", "by title"]
    assert page.locator(".handle, .take-out").count() == 0
    first = site.get(f"/api/playlists/{made['playlist_id']}")["tracks"][0]
    site.send(f"/api/tracks/{first['track_id']}/plays", {})
    page.reload()
    count_of_songs(page, len(before) - 1)
    assert titles(page) == before[1:]
    page.get_by_role("button", name="Freeze").click()
    page.wait_for_selector(".handle")
    until(page, "!document.querySelector('.rules')")
    assert site.get(f"/api/playlists/{made['playlist_id']}")["rules"] is None


def test_without_the_tick_it_is_an_ordinary_one_and_only_that_takes_songs(page: Any, site: Site) -> None:
    visit(page, site, "#track=1", ready=".pair")
    until(page, "document.querySelectorAll('main .song').length > 2")
    saved(page, "By hand", kept=False)
    page.wait_for_selector(".take-out")
    visit(page, site, "#track=1", ready=".pair")
    saved(page, "Kept", kept=True)
    page.wait_for_selector(".rules")
    kept = {one["name"]: one["rules"] for one in site.get("/api/playlists")["playlists"]}
    assert kept == {"By hand": None, "Kept": {"list": "similar", "n": 20, "like": [1]}}
    visit(page, site, "#playlists", ready=".lists")
    assert page.locator(".lists li", has_text="Kept").text_content().endswith("keeps itself up to date")
    visit(page, site, ready=".song")
    act(page, "Dim Lantern", "Add to playlist…")
    until(page, "document.querySelectorAll('.menu .menu-item').length === 2")
    assert page.locator(".menu .menu-item").all_text_contents() == ["New playlist…", "By hand"]


@pytest.mark.parametrize("kind", ["playlist", "shortlist"])
def test_a_radio_plays_songs_like_a_list(page: Any, site: Site, kind: str) -> None:
    tracks = site.similar(site.id_of("Amber Morning"))[:2]
    ids = [one["track_id"] for one in tracks]
    if kind == "playlist":
        made = site.send("/api/playlists", {"name": "Mix", "track_ids": ids})
    else:
        made = site.send("/api/shortlists", {"name": "Mix", "entries": [{"track_id": i} for i in ids]})
    visit(page, site, f"#{kind}={made[f'{kind}_id']}", ready=".song")
    page.get_by_role("button", name="Radio", exact=True).click()
    until(page, "location.hash.startsWith('#radio=')")
    wait_for_player(page, "player.track?.radio_id && player.audio.currentTime > 0.1")
    [radio] = site.get("/api/radios")["radios"]
    assert (radio["kind"], radio["seed"], radio["name"]) == (kind, str(made[f"{kind}_id"]), "Mix")
    played = site.get(f"/api/radios/{radio['radio_id']}")["played"]
    assert player(page, "player.track.track_id") == played[0]["track_id"]
    assert player(page, "player.queue.length") >= len(ids)


def test_a_queue_becomes_a_playlist_that_is_opened_in_its_place(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    page.locator("main .play").first.click()
    wait_for_player(page, "player.track")
    page.click("#queue-open")
    page.locator("#queue").get_by_role("button", name="Save").click()
    assert page.locator("#ask-offer").is_hidden()  # a queue is no list that could be made anew
    page.fill("#ask-value", "From the queue")
    page.press("#ask-value", "Enter")
    page.click("#queue .said a")
    until(page, "location.hash.startsWith('#playlist=') && document.querySelector('#queue').hidden")
    assert page.get_attribute("#queue-open", "aria-expanded") == "false"
    listed(page, player(page, "player.queue.map((track) => track.title || 'eight')"))
