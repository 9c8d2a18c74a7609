"""The page's queue, the menu of a song, playlists put in order, and what a reload keeps, in a browser."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.recommender.service.static.browser import (
    Site,
    act,
    count_of_songs,
    eventually,
    listed,
    note_seeks,
    play_slowly,
    player,
    said,
    shown,
    titles,
    until,
    visit,
    wait_for_player,
)

QUEUE = "#queue .title"
NOTE_FADE = """{ window.fade = []; const note = () => {
    const { audio, spare, fading } = player;
    if (fading) fade.push([audio.volume ** 2 + spare.volume ** 2, spare.paused]); };
    player.addEventListener('track', note); setInterval(note, 100); }"""
"""Lets the page's `fade` be how loud two songs were together, and if one was silent."""
FIRST, SECOND = "Amber Morning", "Bright Harbour"


def queue_of(page: Any) -> list[str]:
    """Return the titles in the player's list."""
    found: list[str] = player(page, "player.queue.map((track) => track.title || 'eight')")
    return found


def queued(page: Any, wanted: list[str]) -> None:
    """Wait until the panel lists these, and the player has them."""
    listed(page, wanted, QUEUE)
    assert queue_of(page) == wanted


@pytest.fixture
def playing(page: Any, site: Site) -> list[str]:
    """All songs in the queue, of which the first plays, and the panel is open; their titles."""
    visit(page, site, ready=".song")
    songs = [shown(track) for track in site.get("/api/tracks?sort=artist&limit=50")["tracks"]]
    listed(page, songs)
    page.locator("main .song .play").first.click()
    wait_for_player(page, "player.audio.currentTime > 0.1")
    play_slowly(page)  # it does not come to its end before it is let
    page.click("#queue-open")
    listed(page, songs, QUEUE)
    return songs


@pytest.fixture
def playlist(site: Site) -> Iterator[dict[str, Any]]:
    """A playlist of three songs, deleted afterwards."""
    ids = [site.id_of(name) for name in (FIRST, SECOND, "Cold Cellar")]
    made = site.send("/api/playlists", {"name": "To be changed", "track_ids": ids})
    yield made
    site.delete(f"/api/playlists/{made['playlist_id']}")


def test_the_queue_is_put_in_order_with_keys_and_by_dragging(page: Any, playing: list[str]) -> None:
    page.locator("#queue .queued").nth(2).focus()
    page.keyboard.press("Alt+ArrowUp")
    moved = [playing[0], playing[2], playing[1], *playing[3:]]
    queued(page, moved)
    until(page, "(title) => document.activeElement.querySelector('.title')?.textContent === title", moved[1])
    page.keyboard.press("Alt+ArrowDown")
    queued(page, playing)
    handles = page.locator("#queue .handle")
    handles.nth(3).scroll_into_view_if_needed()
    start, end = handles.nth(3).bounding_box(), handles.nth(0).bounding_box()
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(end["x"] + 5, end["y"] + 5, steps=4)
    page.mouse.up()
    queued(page, [playing[3], *playing[:3], *playing[4:]])
    assert player(page, "player.index") == 1, "the song that plays goes on, wherever it is"
    assert player(page, "!player.audio.paused")


def test_songs_are_taken_out_of_the_queue(page: Any, playing: list[str]) -> None:
    page.locator("#queue .queued").nth(1).focus()
    page.keyboard.press("Delete")
    queued(page, [playing[0], *playing[2:]])
    page.locator("#queue .queue-item").nth(0).get_by_role("button", name="Take").click()
    queued(page, playing[2:])
    wait_for_player(page, f"player.track.title === {playing[2]!r} && player.audio.currentTime > 0.1")
    page.click("#queue >> text=Clear")
    queued(page, playing[2:3])


def test_shuffled_and_as_it_was(page: Any, playing: list[str]) -> None:
    page.click("#queue >> text=Shuffle")
    until(page, "document.querySelector('#queue [data-name=shuffle]').ariaPressed === 'true'")
    mixed = queue_of(page)
    assert mixed[0] == playing[0]
    assert sorted(mixed) == sorted(playing)
    page.click("#queue >> text=Shuffle")
    queued(page, playing)


def test_the_list_is_repeated_and_a_song_is(page: Any, playing: list[str]) -> None:
    page.click("#queue >> text=Repeat")
    page.locator("#queue .queued").last.click()
    wait_for_player(page, f"player.index === {len(playing) - 1} && player.audio.currentTime > 0.1")
    page.click("#next")
    wait_for_player(page, "player.index === 0")
    page.click("#queue >> text=Repeat")
    until(page, "document.querySelector('#queue [data-name=repeat]').textContent === 'Repeat: one song'")
    wait_for_player(page, "player.audio.currentTime > 0.1")
    player(page, "player.seek(player.duration - 0.3)")
    wait_for_player(page, "player.index === 0 && player.audio.currentTime < 5 && !player.audio.paused")


def test_the_next_song_is_there_before_this_one_ends(page: Any, playing: list[str]) -> None:
    player(page, "player.seek(player.duration - 3)")
    wait_for_player(page, "player.ready(player.queue[1])")
    sound = player(page, "(window.spare = player.spare, player.spare.src)")
    player(page, "player.audio.playbackRate = 1")
    wait_for_player(page, "player.index === 1 && player.audio.currentTime > 0.1")
    assert player(page, "player.audio === window.spare")
    assert player(page, "player.audio.src") == sound
    assert page.inner_text("#bar-title") == playing[1]


def test_songs_pass_into_each_other(page: Any, playing: list[str]) -> None:
    page.evaluate("import('./static/joined/settings.js').then((settings) => settings.set('crossfade', 4))")
    player(page, NOTE_FADE)
    player(page, "{ player.audio.playbackRate = 1; player.seek(player.duration - 6); }")
    wait_for_player(page, "player.index === 1 && fade.length > 1")
    for both in page.evaluate("fade"):
        assert both == [pytest.approx(1, abs=0.02), False]
    wait_for_player(page, "player.fading === 0 && player.spare.paused")
    assert player(page, "[player.audio.volume, player.audio.paused]") == [1, False]


def test_a_reload_goes_on_where_it_was(page: Any, site: Site, playing: list[str]) -> None:
    page.locator("#queue .queued").nth(1).click()
    wait_for_player(page, "player.audio.currentTime > 0.1")
    player(page, "player.seek(17)")
    wait_for_player(page, "player.audio.currentTime > 17.2")
    page.reload()
    page.wait_for_selector("#bar-title")
    assert page.inner_text("#bar-title") == playing[1]
    assert queue_of(page) == playing
    assert player(page, "[player.index, player.playing]") == [1, False]
    at_s = player(page, "player.time")
    assert 17 < at_s < 30
    note_seeks(page)
    page.click("#bar-play")
    wait_for_player(page, f"player.audio.currentTime > {at_s + 0.1}")
    assert page.evaluate("seeks") == [pytest.approx(at_s, abs=0.05)]


def test_what_the_browser_kept_is_not_trusted(page: Any, site: Site) -> None:
    for kept in ("{", "[]", '{"tracks": [{"track_id": "x"}], "index": 0}', '{"tracks": [], "index": 0}'):
        page.evaluate("(kept) => localStorage.setItem('deepcuts-queue', kept)", kept)
        visit(page, site, ready=".song")
        assert player(page, "player.queue.length") == 0
        page.goto(site.url + "/static/icon.svg")


def test_a_song_comes_next_or_at_the_end(page: Any, playing: list[str]) -> None:
    page.keyboard.press("Escape")
    act(page, playing[4], "Play next")
    said(page, "comes next")
    act(page, playing[5], "Add to queue")
    said(page, "is in the queue")
    assert queue_of(page) == [playing[0], playing[4], *playing[1:], playing[5]]


def test_a_song_is_starred_and_rated(page: Any, site: Site) -> None:
    asked = site.id_of(SECOND)
    visit(page, site, ready=".song")
    act(page, SECOND, "Star")
    said(page, "is starred")
    assert site.get(f"/api/tracks/{asked}")["starred"]
    act(page, SECOND, "Take the star away")
    said(page, "has no star")
    assert site.get(f"/api/tracks/{asked}")["starred"] is None
    row = page.locator("main .song", has=page.locator(f".title:text-is('{SECOND}')"))
    for rating, told in ((4, "has 4 of 5"), (None, "is not rated")):
        row.locator(".acts").click()
        menu = page.locator(".menu")
        menu.get_by_role("menuitem", name="Star", exact=True).wait_for()
        if rating is None:
            menu.locator("[aria-checked=true]").wait_for()
        menu.get_by_role("menuitemradio", name="4 stars of 5").click()
        said(page, told)
        assert site.get(f"/api/tracks/{asked}")["rating"] == rating


def test_the_menu_is_gone_through_with_keys(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    button = page.locator("main .song .acts").first
    button.focus()
    page.keyboard.press("Enter")
    until(page, "document.activeElement.textContent === 'Play next'")
    page.keyboard.press("ArrowDown")
    until(page, "document.activeElement.textContent === 'Add to queue'")
    page.keyboard.press("End")
    until(page, "document.activeElement.ariaLabel === '5 stars of 5'")
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('.menu') && document.activeElement.matches('.acts')")


def test_a_song_is_added_to_a_playlist(page: Any, site: Site, playlist: dict[str, Any]) -> None:
    visit(page, site, ready=".song")
    for told in ("is in To be changed", "is in To be changed already"):
        act(page, "Dim Lantern", "Add to playlist…")
        page.locator(".menu").get_by_role("menuitem", name="To be changed", exact=True).click()
        said(page, told)
    at = f"/api/playlists/{playlist['playlist_id']}"
    assert [shown(t) for t in site.get(at)["tracks"]] == [FIRST, SECOND, "Cold Cellar", "Dim Lantern"]


def test_a_playlist_is_put_in_order_and_songs_are_taken_out(
    page: Any, site: Site, playlist: dict[str, Any]
) -> None:
    at = f"/api/playlists/{playlist['playlist_id']}"
    visit(page, site, f"#playlist={playlist['playlist_id']}", ready=".song")
    page.locator("main .song .play").nth(2).focus()
    page.keyboard.press("Alt+ArrowUp")
    listed(page, [FIRST, "Cold Cellar", SECOND])
    eventually(page, lambda: [shown(t) for t in site.get(at)["tracks"]], [FIRST, "Cold Cellar", SECOND])
    page.reload()
    listed(page, [FIRST, "Cold Cellar", SECOND])
    start, end = (page.locator("main .handle").nth(n).bounding_box() for n in (0, 2))
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(end["x"] + 5, end["y"] + 8, steps=4)
    page.mouse.up()
    listed(page, ["Cold Cellar", SECOND, FIRST])
    eventually(page, lambda: [shown(t) for t in site.get(at)["tracks"]], ["Cold Cellar", SECOND, FIRST])
    page.locator("main .take-out").nth(1).click()
    listed(page, ["Cold Cellar", FIRST])
    said(page, "is out of the playlist")
    assert [shown(track) for track in site.get(at)["tracks"]] == ["Cold Cellar", FIRST]


def test_what_cannot_be_stored_is_undone(page: Any, site: Site, playlist: dict[str, Any]) -> None:
    visit(page, site, f"#playlist={playlist['playlist_id']}", ready=".song")
    before = titles(page)
    refused = '{"title": "Full", "detail": "the disk is full", "status": 507}'
    page.route(
        "**/api/playlists/*",
        lambda route: route.fulfill(status=422, content_type="application/json", body=refused),
    )
    page.locator("main .take-out").first.click()
    said(page, "The disk is full.")
    listed(page, before)
    count_of_songs(page, 3)
