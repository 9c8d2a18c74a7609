"""The page as a listener uses it, in a browser on a real server, compared with the service's answers."""

import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests import synth
from tests.recommender import support
from tests.recommender.service.static.browser import (
    SONGS,
    Site,
    count_of_songs,
    eventually,
    listed,
    note_seeks,
    on_the_map,
    player,
    shown,
    suggested,
    titles,
    until,
    visit,
    wait_for_player,
)

FIRST = "Amber Morning"
POINTED_AT = "(name) => document.querySelector('.tip:not([hidden]) b')?.textContent === name"
NOTE_LATENESS = """{ let before = performance.now(); window.late_ms = 0; setInterval(() => {
    const now = performance.now();
    window.late_ms = Math.max(window.late_ms, now - before - 20);
    before = now; }, 20); }"""
"""Lets the page's `late_ms` be how much later than asked for it has come to something at most."""


def test_all_songs_are_listed_by_artist_and_then_as_asked(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    listed(page, [shown(t) for t in site.get("/api/tracks?sort=artist&limit=50")["tracks"]])
    page.select_option("#order", "title")
    until(page, "location.hash.includes('sort=title')")
    wanted = [shown(t) for t in site.get("/api/tracks?sort=title&limit=50")["tracks"]]
    assert len(wanted) == len(SONGS)
    shown_titles = "[...document.querySelectorAll('main .song .title')].map((title) => title.textContent)"
    until(page, f"(wanted) => JSON.stringify({shown_titles}) === JSON.stringify(wanted)", wanted)


def test_search_suggests_finds_and_plays(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    page.fill("#search-box", "harb")
    page.wait_for_selector("#search-list [role=option]")
    assert "Bright Harbour" in page.locator("#search-list").inner_text()
    page.press("#search-box", "Enter")
    until(page, "location.hash === '#search=harb'")
    until(page, "document.querySelectorAll('main .song').length === 1")
    listed(page, ["Bright Harbour"])
    page.click("main .song .play")
    wait_for_player(page, "player.audio.currentTime > 0.2 && !player.audio.paused")
    began, before = time.monotonic(), player(page, "player.audio.currentTime")
    wait_for_player(page, f"player.audio.currentTime > {before + 0.4}")
    assert player(page, "player.audio.currentTime") - before < time.monotonic() - began + 0.35
    assert page.inner_text("#bar-title") == "Bright Harbour"
    page.click("#bar-play")
    assert player(page, "player.audio.paused")


def test_what_was_pointed_at_is_let_go_when_there_are_other_suggestions(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    page.focus("#search-box")
    page.keyboard.type("a")
    suggested(page, "search", "a")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    assert page.get_attribute("#search-box", "aria-activedescendant") == "search-list-2"
    page.keyboard.type("mber")
    suggested(page, "search", "amber")
    assert page.locator("#search-list [role=option]").count() < 3
    assert page.get_attribute("#search-box", "aria-activedescendant") is None
    page.keyboard.press("Enter")
    until(page, "location.hash === '#search=amber'")
    listed(page, ["Amber Morning"])


def test_words_of_the_sound_are_looked_for_in_the_sound(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    page.fill("#search-box", "mellow instrumental")
    page.press("#search-box", "Enter")
    until(page, "location.hash.startsWith('#find=')")
    wanted = site.get("/api/find?words=mellow+instrumental&n=50")["results"]
    assert wanted
    page.wait_for_selector("main .song")
    listed(page, [shown(track) for track in wanted])
    page.click("text=In titles and artists")
    page.wait_for_selector("text=No song is called that")


@pytest.mark.parametrize(
    ("called", "leads_to"), [(None, "find"), ("Loud", "search"), ("Loud and clear", "find")]
)
def test_what_a_song_is_called_is_no_word_of_the_sound(
    page: Any, site: Site, called: str | None, leads_to: str
) -> None:
    song = {**site.get("/api/tracks?limit=1")["tracks"][0], "title": called}
    page.route("**/api/search?*", lambda route: route.fulfill(json={"tracks": [song] if called else []}))
    visit(page, site, ready=".song")
    page.fill("#search-box", "loud")
    page.press("#search-box", "Enter")
    until(page, f"location.hash.startsWith('#{leads_to}=loud')")


@pytest.mark.parametrize("kind", ["query", "match"])
def test_passages_are_drawn_and_start_where_the_answer_says(page: Any, site: Site, kind: str) -> None:
    asked = site.get(f"/api/tracks/{site.id_of(FIRST)}")
    results = site.similar(asked["track_id"])
    visit(page, site, f"#track={asked['track_id']}", ready=".pair")
    listed(page, [shown(track) for track in results])
    note_seeks(page)
    tried = [i for i, match in enumerate(results) if match[f"{kind}_start_s"] > 1][:2]
    assert tried, "no passage of this library begins later than its song"
    for i in tried:
        match, row = results[i], page.locator("main .song").nth(i)
        start, song = match[f"{kind}_start_s"], asked if kind == "query" else match
        row.locator(f".from[data-kind={'mine' if kind == 'query' else 'its'}]").click()
        there = f"player.audio.currentSrc.endsWith('/api/tracks/{song['track_id']}/audio')"
        wait_for_player(page, f"{there} && player.audio.currentTime > {start}")
        assert page.evaluate("seeks.at(-1)") == pytest.approx(start, abs=0.02)
        _is_drawn(row, 0 if kind == "query" else 1, start, match[f"{kind}_end_s"], song["duration_s"])


def _is_drawn(row: Any, band: int, start: float, end: float, length: float) -> None:
    """The bars of the passage stand where its seconds are, of a drawing of 1,000 units."""
    row.scroll_into_view_if_needed()
    marked = row.locator(".wave.on").nth(band)
    until(marked.page, "(bars) => bars.getAttribute('d')", marked.element_handle())
    places = [float(x) for x in re.findall(r"M([\d.]+) ", marked.get_attribute("d"))]
    step = 1000 / 130
    assert min(places) == pytest.approx(1000 * start / length, abs=1.1 * step)
    assert max(places) == pytest.approx(1000 * end / length, abs=1.1 * step)


@pytest.mark.parametrize("kind", ["mine", "its"])
def test_a_passage_stops_at_its_end_and_may_be_played_on(page: Any, site: Site, kind: str) -> None:
    asked = site.get(f"/api/tracks/{site.id_of(FIRST)}")
    which = "query" if kind == "mine" else "match"
    ends = [
        (i, match[f"{which}_start_s"], match[f"{which}_end_s"])
        for i, match in enumerate(site.similar(asked["track_id"]))
        if match[f"{which}_end_s"] < (asked if kind == "mine" else match)["duration_s"] - 2
    ]
    assert ends, "every passage of this library ends with its song"
    i, start, end = ends[0]
    visit(page, site, f"#track={asked['track_id']}", ready=".pair")
    page.locator("main .song").nth(i).locator(f".from[data-kind={kind}]").click()
    wait_for_player(page, f"player.audio.currentTime > {start} && !player.audio.paused")
    player(page, NOTE_LATENESS)
    player(page, f"player.audio.currentTime = {end - 0.8}")
    wait_for_player(page, "player.audio.paused")
    late_s = page.evaluate("late_ms") / 1000
    assert end - 0.3 < player(page, "player.audio.currentTime") < end + 0.3 + late_s
    page.click("#bar-play")
    wait_for_player(page, f"player.audio.currentTime > {end + 0.4} && !player.audio.paused")
    player(page, "player.audio.pause()")


def test_the_search_field_keeps_what_is_shown(page: Any, site: Site) -> None:
    visit(page, site, "#search=amber", ready=".song")
    assert page.input_value("#search-box") == "amber"
    page.reload()
    page.wait_for_selector("main .song")
    assert page.input_value("#search-box") == "amber"
    page.click("main .song .title")
    page.wait_for_selector("main .pair")
    assert page.input_value("#search-box") == ""
    page.go_back()
    until(page, "document.querySelector('#search-box').value === 'amber'")


def test_lists_blame_no_filter_that_is_not_set(page: Any, site: Site) -> None:
    site.send(f"/api/tracks/{site.id_of(FIRST)}/plays", {})
    visit(page, site, "#deepcuts", ready=".song")
    said = page.inner_text("main .shortfall")
    assert "never played" in said and "filter" not in said.lower()
    visit(page, site, f"#track={site.id_of(FIRST)}", ready=".pair")
    assert "filter" not in page.inner_text("main .shortfall").lower()
    visit(page, site, f"#track={site.id_of(FIRST)}&year=1800", ready=".empty")
    assert "Take a filter away" in page.inner_text("main")


def test_a_file_that_is_no_music_shows_no_player(page: Any, site: Site, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Ada,")
    visit(page, site, "#file", ready=".drop-area")
    page.set_input_files("#file-box", tmp_path / "letter.txt")
    page.wait_for_selector("text=Nothing can be said of this file")
    assert page.locator(".play-song, .large, .controls, .song").count() == 0
    assert page.is_hidden("#bar")
    page.set_input_files("#file-box", site.music / "three.opus")
    page.wait_for_selector("main .pair")


def test_passages_are_framed_on_the_spectrum(page: Any, site: Site) -> None:
    asked = site.id_of(FIRST)
    match = next(m for m in site.similar(asked) if m["match_start_s"] > 1)
    visit(page, site, f"#track={asked}", ready=".pair")
    with page.expect_response(
        lambda answer: f"/api/tracks/{match['track_id']}/mel.png" in answer.url
    ) as sent:
        page.click("text=Spectrum")
        page.locator(f".song[data-track='{match['track_id']}']").scroll_into_view_if_needed()
    assert (sent.value.status, sent.value.headers["content-type"]) == (200, "image/png")
    frame = page.locator(f".song[data-track='{match['track_id']}'] .marked").nth(1)
    start, wide = (float(frame.get_attribute(name)) for name in ("x", "width"))
    length = match["duration_s"]
    assert start == pytest.approx(1000 * match["match_start_s"] / length, abs=0.5)
    assert start + wide == pytest.approx(1000 * match["match_end_s"] / length, abs=0.5)
    page.reload()
    page.locator("main .pair image").first.wait_for(state="attached")


def test_a_click_on_the_drawing_plays_the_song_under_the_pointer(page: Any, site: Site) -> None:
    asked = site.id_of(FIRST)
    match = next(m for m in site.similar(asked) if m["match_start_s"] > 1)
    visit(page, site, f"#track={asked}", ready=".pair")
    drawn = page.locator(f".song[data-track='{match['track_id']}'] .drawing")
    drawn.scroll_into_view_if_needed()
    box = drawn.bounding_box()
    middle = (match["match_start_s"] + match["match_end_s"]) / 2 / match["duration_s"]
    note_seeks(page)
    drawn.click(position={"x": middle * box["width"], "y": 0.85 * box["height"]})
    start = match["match_start_s"]
    wait_for_player(
        page, f"player.track?.track_id === {match['track_id']} && player.audio.currentTime > {start}"
    )
    assert page.evaluate("seeks") == [pytest.approx(start, abs=0.02)]
    drawn.click(position={"x": 0.004 * box["width"], "y": 0.15 * box["height"]})
    wait_for_player(page, f"player.track.track_id === {asked}")


def test_a_passage_is_chosen_by_dragging_and_by_its_times(page: Any, site: Site) -> None:
    asked = site.get(f"/api/tracks/{site.id_of(FIRST)}")
    visit(page, site, f"#track={asked['track_id']}", ready=".pair")
    box = page.locator(".large").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.25 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], y, steps=4)
    page.mouse.up()
    until(page, "location.hash.includes('from=')")
    start, end = (
        float(page.evaluate(f"new URLSearchParams(location.hash.slice(1)).get('{name}')"))
        for name in ("from", "to")
    )
    assert (start, end) == pytest.approx((0.25 * asked["duration_s"], 0.6 * asked["duration_s"]), abs=0.2)
    wanted = site.similar(asked["track_id"], from_s=start, to_s=end)
    page.wait_for_selector("text=with a passage like it")
    listed(page, [shown(track) for track in wanted])
    page.fill("#from", "0:03")
    page.fill("#to", "0:04")
    page.press("#to", "Enter")
    assert "3 s long at least" in page.inner_text(".passage")
    page.fill("#to", "0:20")
    page.press("#to", "Enter")
    until(page, "location.hash.includes('from=3.0&to=20.0')")
    page.go_back()
    until(page, f"location.hash.includes('to={end:.1f}')")
    page.click("text=Whole song")
    until(page, "!location.hash.includes('from')")


def test_a_passage_is_taken_from_where_the_song_is(page: Any, site: Site) -> None:
    asked = site.get(f"/api/tracks/{site.id_of(FIRST)}")
    visit(page, site, f"#track={asked['track_id']}", ready=".pair")
    taken = page.get_by_role("button", name="Next 30 s")
    assert not taken.is_visible()
    page.click(".play-song")
    wait_for_player(page, "player.audio.currentTime > 0.1")
    player(page, "{ player.audio.pause(); player.seek(7); }")
    taken.click()
    until(page, "location.hash.includes('from=7.0&to=37.0')")
    player(page, "player.seek(player.duration - 1)")
    taken.click()
    until(page, f"location.hash.includes('from={asked['duration_s'] - 3:.1f}&to={asked['duration_s']:.1f}')")


def test_the_slider_for_discovery_changes_the_list(page: Any, site: Site, tmp_path: Path) -> None:
    asked = site.id_of(FIRST)
    first = site.similar(asked)[0]
    counts = tmp_path / "plays.csv"
    counts.write_text(f"path,plays\n{first['path']},5000\n")
    assert support.deepcuts(site.home, "plays", "import", counts).code == 0
    plain, deep = site.similar(asked), site.similar(asked, discover=0.9)
    assert [t["track_id"] for t in plain] != [t["track_id"] for t in deep]
    visit(page, site, f"#track={asked}", ready=".pair")
    listed(page, [shown(track) for track in plain])
    page.evaluate("""() => { const slider = document.getElementById('discover'); slider.value = 0.9;
        slider.dispatchEvent(new Event('input', { bubbles: true })); }""")
    until(page, "location.hash.includes('discover=0.9')")
    until(
        page, "(n) => document.querySelector('main .song').dataset.track === String(n)", deep[0]["track_id"]
    )
    listed(page, [shown(track) for track in deep])
    page.reload()
    page.wait_for_selector("main .pair")
    listed(page, [shown(track) for track in deep])
    assert page.input_value("#discover") == "0.9"
    visit(page, site, "#deepcuts", ready=".song")
    cuts = site.get("/api/discover?n=30")["results"]
    listed(page, [shown(track) for track in cuts])
    assert page.inner_text("main .because") == f"because you play {shown(cuts[0]['because'] | first)}"


@pytest.fixture
def labelled(site: Site) -> Iterator[None]:
    """Let two songs be of a genre of the user's: what is made up is no music to the model."""
    sql = "UPDATE track SET label = ? WHERE title IN ('Cold Cellar', 'Dim Lantern')"
    support.query(site.home, sql, "slowcore")
    yield
    support.query(site.home, sql, None)


@pytest.mark.usefixtures("labelled")
@pytest.mark.parametrize("kind", ["genre", "tag"])
def test_chips_filter_and_are_taken_away(page: Any, site: Site, kind: str) -> None:
    asked = site.id_of(FIRST)
    visit(page, site, f"#track={asked}", ready=".pair")
    chip = page.locator(f"main .song .chip.{kind}").first
    chip.wait_for()
    name, its = chip.inner_text(), chip.evaluate("(node) => node.closest('.song').dataset.track")
    chip.click()
    page.wait_for_selector(".filters .chip")
    wanted = site.similar(asked, **{kind: quote(name)})
    listed(page, [shown(track) for track in wanted])
    assert int(its) in [track["track_id"] for track in wanted], "a song passes the filters that it shows"
    page.click(".filters .chip")
    page.wait_for_selector(".filters", state="detached")
    count_of_songs(page, len(SONGS) - 1)


def test_the_reasons_are_shown_when_they_are_asked_for(page: Any, site: Site) -> None:
    asked = site.id_of(FIRST)
    words = site.similar(asked, explain="true")[1]["reasons"]["words"]
    visit(page, site, f"#track={asked}", ready=".pair")
    row = page.locator("main .song").nth(1)
    row.get_by_role("button", name="Why").click()
    row.locator(".why li").first.wait_for()
    said = [text.rstrip(".").lower() for text in row.locator(".why li").all_text_contents()]
    assert said == [text.rstrip(".").lower() for text in words]


def test_a_click_on_the_map_plays_the_song_there(page: Any, site: Site) -> None:
    visit(page, site, "#map", ready="canvas.map")
    tracks = site.get("/api/map")["tracks"]
    places = on_the_map(page, tracks)
    for track in (tracks[0], tracks[-1]):
        page.mouse.move(*places[track["track_id"]])
        until(page, POINTED_AT, shown({"path": "eight.flac", **track}))
        page.mouse.click(*places[track["track_id"]])
        wait_for_player(
            page, f"player.track.track_id === {track['track_id']} && player.audio.currentTime > 0.1"
        )
    outermost = min(tracks, key=lambda track: track["x"])
    box = page.locator("canvas.map").bounding_box()
    centre = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    innermost = min(tracks, key=lambda track: math.dist(places[track["track_id"]], centre))
    for track in (outermost, innermost):  # what is under the pointer stays there as one zooms in
        x, y = places[track["track_id"]]
        page.get_by_role("button", name="Show the whole map").click()
        page.mouse.move(x, y)
        page.mouse.wheel(0, -400)
        until(page, POINTED_AT, shown({"path": "eight.flac", **track}))
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=3)
    page.mouse.up()
    page.mouse.move(x + 60, y + 40)
    until(page, POINTED_AT, shown({"path": "eight.flac", **innermost}))


def test_a_file_of_ones_own_is_compared_with_the_library(page: Any, site: Site) -> None:
    visit(page, site, "#file")
    page.set_input_files("#file-box", site.music / "three.opus")
    page.wait_for_selector("main .pair")
    assert page.inner_text("h1") == "three"
    count_of_songs(page, len(SONGS) - 1)  # the recording itself is told apart
    assert "holds this very recording" in page.inner_text("main")
    assert (
        page.get_attribute("main .results a >> text=Cold Cellar", "href")
        == f"#track={site.id_of('Cold Cellar')}"
    )
    page.click(".play-song")
    wait_for_player(page, "player.audio.currentSrc.startsWith('blob:') && player.audio.currentTime > 0.1")


def test_a_file_of_ones_own_stays_for_the_session_and_is_named(page: Any, site: Site, tmp_path: Path) -> None:
    file = synth.write_flac(tmp_path / "reference.flac", synth.music_like(20.0, 99))
    visit(page, site, "#file")
    page.set_input_files("#file-box", file)
    count_of_songs(page, len(SONGS))
    page.wait_for_selector(".subject .judged")
    said = page.inner_text(".subject .judged")
    found = titles(page)
    page.click(".brand")
    until(page, "document.querySelector('h1').textContent === 'Your songs'")
    page.click(".places [data-place=file]")
    listed(page, found)
    until(page, "Boolean(sessionStorage.getItem('deepcuts-file'))")  # it is kept
    page.reload()
    listed(page, found)
    page.wait_for_selector(".subject .judged")
    assert (page.inner_text("h1"), page.inner_text(".subject .judged")) == ("reference", said)
    other = page.context.new_page()
    other.goto(f"{site.url}/#file")
    other.wait_for_selector(".drop-area")
    other.close()


def test_a_list_is_saved_as_a_playlist_and_downloaded(page: Any, site: Site) -> None:
    for table in ("playlist_track", "playlist"):  # of others that asked the same service
        support.query(site.home, f"DELETE FROM {table}")
    asked = site.id_of(FIRST)
    visit(page, site, f"#track={asked}", ready=".pair")
    wanted = [track["track_id"] for track in site.similar(asked)]
    page.click("text=Save as playlist")
    page.fill("#ask-value", "Mornings <b>&")
    page.press("#ask-value", "Enter")
    page.click("text=Open it")
    until(page, "location.hash.startsWith('#playlist=')")
    until(page, "document.querySelector('main h1')?.innerText === 'Mornings <b>&'")
    page.wait_for_selector("main .song")
    listed = page.evaluate(
        "[...document.querySelectorAll('main .song')].map((song) => Number(song.dataset.track))"
    )
    assert listed == wanted
    with page.expect_download() as download:
        page.click("text=Download M3U8")
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    paths = [line for line in lines if not line.startswith("#")]
    assert lines[0] == "#EXTM3U" and len(paths) == len(wanted)
    assert all(Path(path).is_file() for path in paths)
    page.click("text=Rename")
    page.fill("#ask-value", "Evenings")
    page.press("#ask-value", "Enter")
    until(page, "document.querySelector('h1').textContent === 'Evenings'")
    assert [one["name"] for one in site.get("/api/playlists")["playlists"]] == ["Evenings"]
    page.click("text=Delete")
    page.click("text=Press again")
    page.wait_for_selector("text=No playlist yet")
    assert site.get("/api/playlists")["playlists"] == []


def test_a_walk_leads_from_one_song_to_another(page: Any, site: Site) -> None:
    first, last = site.id_of(FIRST), site.id_of("Dim Lantern")
    visit(page, site, f"#track={first}", ready=".pair")
    page.click("text=Walk from here")
    page.fill("#walk-box", "lantern")
    page.click("#walk-list [role=option]")
    until(page, f"location.hash === '#path={first}&to={last}'")
    answer = site.get(f"/api/path?from={first}&to={last}&n=12")
    wanted = answer["results"]
    page.wait_for_selector("text=The other way")
    listed(page, [shown(track) for track in wanted])
    assert (shown(wanted[0]), shown(wanted[-1])) == (FIRST, "Dim Lantern")
    assert page.inner_text("main .shortfall") == f"Fewer than asked for: {answer['shortfall']}."


def test_the_queue_goes_on_and_back(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    songs = titles(page)
    page.locator("main .song .play").first.click()
    for step, wanted in (("next", songs[1]), ("next", songs[2]), ("previous", songs[1])):
        page.click(f"#{step}")
        assert page.inner_text("#bar-title") == wanted
    page.click("#queue-open")
    listed(page, songs, "#queue .title")
    page.locator("#queue .queued").nth(3).click()
    assert page.inner_text("#bar-title") == songs[3]
    wait_for_player(page, "player.audio.readyState > 0")
    note_seeks(page)
    page.fill("#seek", "12")
    wait_for_player(page, "player.audio.currentTime >= 12")
    assert page.evaluate("seeks") == [12]
    page.fill("#volume", "0.4")
    assert player(page, "player.audio.volume") == pytest.approx(0.4)
    page.reload()
    page.wait_for_selector("main .song")
    now = player(page, "[player.audio.volume, player.queue.length, player.playing]")
    assert now == [pytest.approx(0.4), len(songs), False]


def test_half_a_song_is_counted_as_a_play(page: Any, site: Site) -> None:
    short = site.id_of("Grey Interlude")
    before = site.get(f"/api/tracks/{short}")["plays"]
    visit(page, site, "#search=interlude", ready=".song")
    page.click("main .song .play")
    player(page, "{ player.audio.playbackRate = 4; }")
    eventually(page, lambda: site.get(f"/api/tracks/{short}")["plays"], before + 1)


def test_a_file_is_dropped_anywhere(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    page.evaluate("""async () => {
      const sound = await (await fetch('/api/tracks/1/audio')).blob();
      const dropped = new DataTransfer();
      dropped.items.add(new File([sound], 'Dropped here.flac', { type: 'audio/flac' }));
      const how = { dataTransfer: dropped, bubbles: true, cancelable: true };
      for (const name of ['dragover', 'drop']) document.body.dispatchEvent(new DragEvent(name, how));
    }""")
    page.wait_for_selector("main .pair")
    assert page.inner_text("h1") == "Dropped here" and page.evaluate("location.hash") == "#file"
