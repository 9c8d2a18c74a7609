"""Mixes on the page: shown with their songs, played, and saved as playlists."""

from typing import Any

from tests.recommender.service.static.browser import (
    Site,
    count_of_songs,
    listed,
    shown,
    until,
    visit,
    wait_for_player,
)


def test_a_mix_is_shown_played_and_saved(page: Any, site: Site) -> None:
    visit(page, site, "#mixes", ready=".mixes li")
    mixes = site.get("/api/mixes")["mixes"]
    listed(page, [mix["name"] for mix in mixes], "main .mixes .title")
    first = site.get(f"/api/mixes/{mixes[0]['mix_id']}")["tracks"]
    page.get_by_role("button", name=f"Play {mixes[0]['name']}").first.click()
    wait_for_player(page, f"player.track && player.track.track_id === {first[0]['track_id']}")
    page.locator(".mixes .title").first.click()
    count_of_songs(page, len(first))
    listed(page, [shown(track) for track in first])
    page.get_by_role("button", name="Save as its playlist").click()
    until(page, "Boolean(document.querySelector('main .said a'))")
    saved = site.get("/api/mixes")["mixes"][0]["playlist_id"]
    found = site.get(f"/api/playlists/{saved}")
    assert [t["track_id"] for t in found["tracks"]] == [t["track_id"] for t in first]
    site.delete(f"/api/playlists/{saved}")
