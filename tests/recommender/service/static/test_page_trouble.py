"""What the page says where something is missing, wrong, late or gone."""

from pathlib import Path
from typing import Any

import pytest

from tests.recommender.service.static.browser import (
    Site,
    kept_lists,
    listening,
    note_seeks,
    player,
    titles,
    until,
    visit,
    wait_for_player,
)


def test_a_song_of_a_format_that_the_browser_does_not_know_is_decoded_for_it(page: Any, site: Site) -> None:
    asked = site.id_of("Amber Morning")
    page.route(
        f"**/api/tracks/{asked}/audio",
        lambda route: route.fulfill(body="x" * 999, content_type="audio/x-ape"),
    )
    visit(page, site, f"#track={asked}&from=12&to=20", ready=".song")
    page.locator("#play-passage, main .play-song").first.click()
    wait_for_player(page, "player.audio.currentSrc.endsWith('/listen') && player.audio.currentTime > 0.3")
    assert page.inner_text("#bar-title") == "Amber Morning"
    note_seeks(page)
    player(page, "player.seek(30)")
    wait_for_player(page, "player.audio.currentTime > 30.2")
    assert page.evaluate("seeks") == [pytest.approx(30, abs=0.1)]


def test_a_song_that_cannot_be_played_is_told_and_left_out(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    listed = titles(page)
    gone = page.locator("main .song").first.get_attribute("data-track")
    for what in ("audio", "listen"):
        page.route(f"**/api/tracks/{gone}/{what}", lambda route: route.fulfill(status=404, body="gone"))
    page.locator("main .song .play").first.click()
    until(page, "(next) => document.getElementById('bar-title')?.textContent === next", listed[1])
    assert "cannot be played" in page.inner_text("#live")
    wait_for_player(page, "player.audio.currentTime > 0.1")


def test_without_a_sound_output_the_song_waits(page: Any, site: Site) -> None:
    """As Firefox says it, by the element's error; no song is blamed, left out, or decoded for nothing."""
    visit(page, site, ready=".song")
    decoded = []
    page.on(
        "request", lambda request: decoded.append(request.url) if request.url.endswith("/listen") else None
    )
    first = titles(page)[0]
    page.locator("main .song .play").first.click()
    wait_for_player(page, "player.audio.currentTime > 0.3")
    player(
        page,
        """(() => {
            const error = { code: 3, message: "OnMediaSinkAudioError" };
            Object.defineProperty(player.audio, "error", { value: error, configurable: true });
            player.audio.dispatchEvent(new Event("error"));
            delete player.audio.error;
        })()""",
    )
    until(page, "document.getElementById('live').textContent.startsWith('The browser finds no sound output')")
    assert page.inner_text("#said").endswith(
        "connect one, and press play again."
    )  # whole, in the narrowest bar
    assert page.inner_text("#bar-title") == first
    assert not player(page, "player.playing")
    assert player(page, "player.time") > 0.3
    page.keyboard.press("Space")
    wait_for_player(page, "player.playing && player.audio.currentTime > 0.4")
    assert (page.inner_text("#bar-title"), decoded) == (first, [])


def test_an_empty_catalogue_says_what_to_do(page: Any, browser: Any, tmp_path: Path) -> None:
    with listening(tmp_path / "home") as server:
        for place in ("", "#map"):
            page.goto("about:blank")
            page.goto(f"{server.url}/{place}")
            page.wait_for_selector("text=deepcuts ingest")
            assert "Nothing here yet" in page.inner_text("main")
        for place in ("#find=jazz", "#search=jazz"):
            page.goto("about:blank")
            page.goto(f"{server.url}/{place}")
            page.wait_for_selector("main >> text=deepcuts ingest")
            assert page.inner_text("main h1") == "“jazz”"
            assert not page.locator("main .panel, main .keep").locator("visible=true").count()
        page.goto("about:blank")  # what it still asks for is not cut off as the service ends


@pytest.mark.parametrize("kind", ["playlist", "shortlist"])
def test_a_list_without_a_song_offers_nothing_to_keep(page: Any, site: Site, kind: str) -> None:
    offered = page.locator("main .keep, main .files, main .head .row :text-is('Radio')").locator(
        "visible=true"
    )
    with kept_lists(site) as named:
        visit(page, site, named(f"#{kind}=1"), ready=".song")
        assert offered.count() > 1
        while page.locator("main .song").count():
            left = page.locator("main .song").count() - 1
            page.locator("main .song .take-out").first.click()
            until(page, f"document.querySelectorAll('main .song').length === {left}")
        page.wait_for_selector("main .empty")
        assert offered.count() == 0
    visit(page, site, "#tempo=900-999", ready=".empty")
    assert page.locator("main .keep").count() == 0


def test_what_is_not_there_and_a_service_that_is_gone_are_told(left_page: Any, page_home: Path) -> None:
    page = left_page
    with listening(page_home) as server:
        page.goto(f"{server.url}/#track=99999")
        page.wait_for_selector("text=Not here")
        assert "no track has the id 99999" in page.inner_text("main").lower()
        page.goto(f"{server.url}/#deepcuts")
        page.wait_for_selector("h1")
    page.evaluate("location.hash = '#playlists'")
    page.wait_for_selector("main >> text=Is “deepcuts serve” still running?")
    assert page.inner_text("main h1") == "The service does not answer"


def test_an_index_that_is_behind_is_told(page: Any, site: Site) -> None:
    status = site.get("/api/status")
    behind = {**status, "index": "stale"}
    page.route("**/api/status", lambda route: route.fulfill(status=200, json=behind))
    visit(page, site, ready=".song")
    page.wait_for_selector("#trouble:not([hidden])")
    assert "New songs are being taken in" in page.inner_text("#trouble")
    page.unroute("**/api/status")
    visit(page, site, ready=".song")
    assert status["index"] == "current" and not page.is_visible("#trouble")


def test_a_map_that_is_being_laid_out_is_waited_for(page: Any, site: Site) -> None:
    asked: list[str] = []

    def first_waits(route: Any) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=202, json={"status": "computing"})
        else:
            route.continue_()

    page.route("**/api/map/columns", first_waits)
    visit(page, site, "#map", ready="canvas.map")
    assert len(asked) >= 2  # the service may have been laying it out itself


def test_a_file_that_is_no_music_is_told(page: Any, site: Site, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.mp3"
    wrong.write_bytes(b"this is no music" * 1000)
    visit(page, site, "#file")
    page.set_input_files("#file-box", wrong)
    page.wait_for_selector("text=Nothing can be said of this file")
    assert len(page.inner_text("main p >> nth=0")) > 10
