"""Radio on the page: started from a song's menu or a seed, it goes on without end and learns."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.recommender.service.static.browser import (
    Site,
    act,
    eventually,
    player,
    radio_started,
    said,
    until,
    visit,
    wait_for_player,
)

FIRST = "Amber Morning"


@pytest.fixture(autouse=True)
def no_radios(site: Site) -> Iterator[None]:
    """Take away the radios that others left, and what less is wanted like, and leave none."""
    clear(site)
    yield
    clear(site)


def clear(site: Site) -> None:
    """Delete all radios, and what less is wanted like."""
    for radio in site.get("/api/radios")["radios"]:
        site.delete(f"/api/radios/{radio['radio_id']}")
    for track in site.get("/api/less-like")["tracks"]:
        site.delete(f"/api/tracks/{track['track_id']}/less-like")


def the_radio(site: Site) -> dict[str, Any]:
    """Return the one radio that there is, with what it played."""
    (found,) = site.get("/api/radios")["radios"]
    played: dict[str, Any] = site.get(f"/api/radios/{found['radio_id']}")
    return played


def test_a_radio_goes_on_before_its_songs_are_at_an_end(page: Any, site: Site) -> None:
    radio_id = radio_started(page, site)
    before = player(page, "player.queue.length")
    player(page, f"player.at({before - 1})")
    wait_for_player(page, f"player.queue.length > {before}")
    played = the_radio(site)
    assert (played["radio_id"], played["kind"]) == (radio_id, "song")
    queue = player(page, "player.queue.map((track) => [track.track_id, track.position])")
    assert queue == [[track["track_id"], track["position"]] for track in played["played"]][: len(queue)]
    until(page, "document.querySelectorAll('.played .song .because').length > 0")
    assert all(track["reason"] for track in played["played"])


def test_it_learns_what_is_skipped_and_what_is_heard_to_its_end(page: Any, site: Site) -> None:
    radio_started(page, site)
    page.click("#next")
    wait_for_player(page, "player.index === 1 && player.audio.currentTime > 0.1")
    player(page, "(player.heard = 0.9 * player.track.duration_s, player.seek(player.duration - 0.4))")
    wait_for_player(page, "player.index === 2 && player.audio.currentTime > 0.1")
    until(page, "Boolean(document.querySelector('.played'))")
    outcomes = ["skipped", "finished"]
    eventually(page, lambda: [song["outcome"] for song in the_radio(site)["played"][:2]], outcomes)


def test_it_goes_on_after_a_reload(page: Any, site: Site) -> None:
    radio_id = radio_started(page, site)
    page.reload()
    page.wait_for_selector("#bar-title")
    assert player(page, "player.track.radio_id") == radio_id
    before = player(page, "player.queue.length")
    player(page, f"player.at({before - 1})")
    wait_for_player(page, f"player.queue.length > {before}")


def test_how_far_it_goes_is_kept(page: Any, site: Site) -> None:
    radio_started(page, site)
    page.wait_for_selector(".played .song")  # all of it is there
    page.evaluate("""() => { const slider = document.getElementById('radio-far'); slider.value = 0.9;
        slider.dispatchEvent(new Event('input', { bubbles: true })); }""")
    said(page, "How far: 0.9")
    assert the_radio(site)["far"] == pytest.approx(0.9)
    page.reload()
    page.wait_for_selector("#radio-far")
    assert page.input_value("#radio-far") == "0.9"


def test_one_is_started_by_an_artist_and_deleted(page: Any, site: Site) -> None:
    visit(page, site, "#radios", ready=".radio-start")
    page.select_option("#radio-kind", "artist")
    page.fill("#radio-seed", "Nobody at all")
    page.press("#radio-seed", "Enter")
    until(page, "document.querySelector('.radio-start .said').textContent !== ''")
    page.fill("#radio-seed", "Ada")
    page.press("#radio-seed", "Enter")
    until(page, "location.hash.startsWith('#radio=')")
    wait_for_player(page, "player.audio.currentTime > 0.1")
    assert (the_radio(site)["kind"], the_radio(site)["seed"]) == ("artist", "Ada")
    visit(page, site, "#radios", ready=".radios")
    page.click(".radios button")
    page.wait_for_selector("text=No radio yet")
    assert site.get("/api/radios")["radios"] == []


def test_less_is_wanted_like_a_song_and_no_longer(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    act(page, FIRST, "Less like this")
    said(page, "play less like Amber Morning")
    assert [track["title"] for track in site.get("/api/less-like")["tracks"]] == [FIRST]
    visit(page, site, "#radios", ready=".unwanted")
    page.click(".unwanted button")
    said(page, "Undone")
    assert site.get("/api/less-like")["tracks"] == []
