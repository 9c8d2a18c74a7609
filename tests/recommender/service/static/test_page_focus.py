"""Where the focus is after keys changed what is shown: on what was used, or on the heading, never lost."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.recommender.service.static.browser import (
    Site,
    count_of_songs,
    player,
    until,
    visit,
    wait_for_player,
)

FIRST = "Amber Morning"
TITLE = "document.activeElement.matches('main h1')"
ON = "(what) => document.activeElement.matches(what)"


def press(page: Any, what: str, key: str = "Enter") -> None:
    """Press a key on the first element of a kind, as somebody does who came there by keys."""
    page.locator(what).first.press(key)


@pytest.fixture
def playlist(site: Site) -> Iterator[str]:
    """A playlist of two songs; its place."""
    ids = [track["track_id"] for track in site.get("/api/tracks?limit=2")["tracks"]]
    made = site.send("/api/playlists", {"name": "Two", "track_ids": ids})["playlist_id"]
    yield f"#playlist={made}"
    site.delete(f"/api/playlists/{made}")


def test_filters_that_come_and_go(page: Any, site: Site) -> None:
    visit(page, site, ready=".song .chip.genre")
    row = page.locator(".song:has(.chip.genre)").first.get_attribute("data-track")
    press(page, f".song[data-track='{row}'] .chip.genre")
    page.wait_for_selector(".filters .chip")
    until(page, ON, f".song[data-track='{row}'] .chip.genre")
    press(page, ".panel > summary")
    page.locator("#unplayed").press(" ")
    until(page, "document.querySelectorAll('.filters .chip').length === 2")
    until(page, ON, "#unplayed")
    press(page, ".filters .chip")
    until(page, "document.querySelectorAll('.filters .chip').length === 1")
    until(page, ON, ".filters .chip")
    press(page, ".filters .chip")
    count_of_songs(page, site.get("/api/tracks")["total"])
    until(page, TITLE)


def test_the_queue_that_q_opens_and_closes(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    press(page, ".song .play")
    wait_for_player(page, "player.track")
    for key in ("q", "Escape"):
        page.keyboard.press("q")
        until(page, ON, "#queue .queued[aria-current]")
        page.keyboard.press(key)
        until(page, ON, "#queue-open")
        assert page.get_attribute("#queue-open", "aria-expanded") == "false"


def test_the_queue_that_is_drawn_anew_below_a_dialog(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    press(page, ".song .play")
    wait_for_player(page, "player.track")
    page.keyboard.press("q")
    press(page, "#queue [data-name=keep]")
    save = page.query_selector("#queue [data-name=keep]")
    page.wait_for_selector("#ask[open]")
    player(page, "player.next()")
    until(page, "(before) => !before.isConnected", save)
    page.keyboard.press("Escape")
    until(page, ON, "#queue [data-name=keep]")


def test_a_playlist_that_is_renamed_and_emptied(page: Any, site: Site, playlist: str) -> None:
    visit(page, site, playlist, ".song")
    page.get_by_role("button", name="Rename").press("Enter")
    page.fill("#ask-value", "Two songs")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('main h1').textContent === 'Two songs'")
    until(page, "document.activeElement.textContent === 'Rename'")
    press(page, ".take-out")
    count_of_songs(page, 1)
    until(page, ON, ".take-out")
    press(page, ".take-out")
    page.wait_for_selector("main .empty")
    until(page, TITLE)


def test_a_playlist_that_is_frozen(page: Any, site: Site) -> None:
    made = site.send("/api/playlists", {"name": "Kept", "rules": {"list": "songs", "n": 3}})["playlist_id"]
    try:
        visit(page, site, f"#playlist={made}", ".rules")
        press(page, ".rules button")
        page.wait_for_selector(".rules", state="detached")
        until(page, TITLE)
    finally:
        site.delete(f"/api/playlists/{made}")


def test_a_shortlist_that_is_renamed_and_emptied(page: Any, site: Site) -> None:
    one = site.id_of(FIRST)
    made = site.send("/api/shortlists", {"name": "One", "entries": [{"track_id": one}]})["shortlist_id"]
    try:
        visit(page, site, f"#shortlist={made}", ".entry")
        page.get_by_role("button", name="Rename").press("Enter")
        page.fill("#ask-value", "One song")
        page.keyboard.press("Enter")
        until(page, "document.querySelector('main h1').textContent === 'One song'")
        until(page, "document.activeElement.textContent === 'Rename'")
        press(page, ".take-out")
        page.wait_for_selector("main .empty")
        until(page, TITLE)
    finally:
        site.delete(f"/api/shortlists/{made}")


def test_radios_that_are_deleted_drawn_anew_and_what_is_wanted_again(page: Any, site: Site) -> None:
    one = site.id_of(FIRST)
    made = site.send("/api/radios", {"kind": "song", "seed": str(one)})["radio_id"]
    site.send(f"/api/radios/{made}/next", {"n": 3})
    site.send(f"/api/tracks/{one}/less-like", {}, "PUT")
    visit(page, site, f"#radio={made}", ".song")
    row = page.locator(".song").last.get_attribute("data-track")
    play = page.query_selector(f".song[data-track='{row}'] .play")
    play.press("Enter")
    wait_for_player(page, f"player.track?.track_id === {row}")
    until(page, "(before) => !before.isConnected", play)  # the list is drawn anew with each song
    until(page, ON, f".song[data-track='{row}'] .play")
    visit(page, site, "#radios", ".unwanted .link")
    press(page, ".unwanted .link")
    page.wait_for_selector(".unwanted .link", state="detached")
    until(page, TITLE)
    press(page, ".radios .link")
    page.wait_for_selector(".radios .link", state="detached")
    until(page, TITLE)


def test_a_mix_that_is_played(page: Any, site: Site) -> None:
    visit(page, site, "#mixes", ".mixes button")
    press(page, ".mixes button")
    wait_for_player(page, "player.track")
    until(page, ON, ".mixes button")


def test_a_song_drawn_otherwise_and_taken_whole_again(page: Any, site: Site) -> None:
    visit(page, site, f"#track={site.id_of(FIRST)}&from=5&to=25", ".pair")
    page.get_by_role("button", name="Spectrum").press("Enter")
    until(page, "document.querySelector('.switch [aria-pressed=true]').textContent === 'Spectrum'")
    until(page, "document.activeElement.textContent === 'Spectrum'")
    page.get_by_role("button", name="Whole song").press("Enter")
    until(page, "!location.hash.includes('from')")
    until(page, ON, "#from")


def test_a_walk_of_more_songs(page: Any, site: Site) -> None:
    visit(page, site, f"#path={site.id_of(FIRST)}&to={site.id_of('Cold Cellar')}", ".song")
    page.select_option("#steps", "8")
    page.focus("#steps")
    page.select_option("#steps", "5")
    until(page, "location.hash.includes('n=5')")
    count_of_songs(page, 5)
    until(page, ON, "#steps")
