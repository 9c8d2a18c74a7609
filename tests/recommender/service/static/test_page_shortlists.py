"""Shortlists on the page: filled from lists, kept over a reload, in order, heard side by side, handed on."""

import csv
import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.recommender.service.static.browser import (
    Site,
    count_of_songs,
    eventually,
    listed,
    player,
    said,
    titles,
    until,
    visit,
    wait_for_player,
)


@pytest.fixture
def clean(site: Site) -> Iterator[None]:
    """No shortlist is there before, nor after."""

    def drop() -> None:
        for one in site.get("/api/shortlists")["shortlists"]:
            site.delete(f"/api/shortlists/{one['shortlist_id']}")

    drop()
    yield
    drop()


def made(site: Site, *more: dict[str, Any]) -> Any:
    """Make a shortlist of the first songs like "Amber Morning", as its list puts them in."""
    query = site.id_of("Amber Morning")
    names = ("query_start_s", "query_end_s", "match_start_s", "match_end_s", "similarity")
    entries = [
        {"track_id": one["track_id"], "query_track_id": query, **{name: one[name] for name in names}}
        for one in site.similar(query)[:3]
    ]
    return site.send("/api/shortlists", {"name": "Dinner scene", "entries": [*entries, *more]})


def kept(site: Site, shortlist_id: int) -> Any:
    return site.get(f"/api/shortlists/{shortlist_id}")


def entries_until(page: Any, site: Site, shortlist_id: int, wanted: Any, what: Any) -> None:
    """Wait until the catalogue has of each entry what is wanted."""
    eventually(page, lambda: [what(one) for one in kept(site, shortlist_id)["entries"]], wanted)


@pytest.mark.usefixtures("clean")
def test_songs_are_put_in_by_a_button_a_key_and_the_menu(page: Any, site: Site) -> None:
    query = site.id_of("Amber Morning")
    found = site.similar(query)
    visit(page, site, f"#track={query}", ".song")
    page.locator(".song .to-shortlist").nth(0).click()
    page.fill("#ask-value", "Dinner scene")
    page.click("#ask .main")
    until(page, "document.querySelector('.song .to-shortlist').textContent === 'Shortlisted'")
    page.locator(".song .play").nth(1).focus()
    page.keyboard.press("l")
    until(page, "document.querySelectorAll('.song .to-shortlist')[1].textContent === 'Shortlisted'")
    page.locator(".song .acts").nth(2).click()
    page.get_by_role("menuitem", name="Add to shortlist…").click()
    page.get_by_role("menuitem", name="Dinner scene").click()
    (one,) = site.get("/api/shortlists")["shortlists"]
    entries_until(
        page, site, one["shortlist_id"], [f["track_id"] for f in found[:3]], lambda e: e["track"]["track_id"]
    )
    for entry, track in zip(kept(site, one["shortlist_id"])["entries"], found, strict=False):
        assert entry["query"]["track_id"] == query
        for name in ("query_start_s", "query_end_s", "match_start_s", "match_end_s", "similarity"):
            assert entry[name] == pytest.approx(track[name])
    page.click(".places [data-place=shortlists]")
    page.get_by_role("link", name="Dinner scene").click()
    listed(page, [f["title"] or Path(f["path"]).stem for f in found[:3]])


@pytest.mark.usefixtures("clean")
def test_order_and_notes_are_kept_over_a_reload(page: Any, site: Site) -> None:
    one = made(site)
    ids = [entry["entry_id"] for entry in one["entries"]]
    visit(page, site, f"#shortlist={one['shortlist_id']}", ".entry")
    before = titles(page)
    page.locator(".note").nth(1).fill("no voice\nquiet end")
    page.locator(".note").nth(1).blur()
    entries_until(page, site, one["shortlist_id"], ["", "no voice\nquiet end", ""], lambda e: e["note"])
    page.locator(".song .play").nth(0).focus()
    page.keyboard.press("Alt+ArrowDown")
    listed(page, [before[1], before[0], before[2]])
    entries_until(page, site, one["shortlist_id"], [ids[1], ids[0], ids[2]], lambda e: e["entry_id"])
    start = page.locator(".handle").nth(2).bounding_box()
    end = page.locator(".song").nth(0).bounding_box()
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(end["x"] + 5, end["y"] + 20, steps=4)
    page.mouse.up()
    listed(page, [before[2], before[1], before[0]])
    entries_until(page, site, one["shortlist_id"], [ids[2], ids[1], ids[0]], lambda e: e["entry_id"])
    page.reload()
    listed(page, [before[2], before[1], before[0]])
    until(page, "document.querySelectorAll('.note')[1].value === 'no voice\\nquiet end'")
    page.locator(".take-out").nth(1).click()
    listed(page, [before[2], before[0]])
    entries_until(page, site, one["shortlist_id"], [ids[2], ids[0]], lambda e: e["entry_id"])


@pytest.mark.usefixtures("clean")
def test_one_key_goes_between_both_passages(page: Any, site: Site) -> None:
    one = made(site)
    first, second = one["entries"][:2]
    visit(page, site, f"#shortlist={one['shortlist_id']}", ".entry")
    page.locator(".song .play").nth(0).focus()
    page.keyboard.press("x")
    wait_for_player(page, f"player.track?.track_id === {first['track']['track_id']}")
    assert player(page, "player.stopAt") == first["match_end_s"]
    page.keyboard.press("x")
    wait_for_player(page, f"player.track?.track_id === {first['query']['track_id']}")
    assert player(page, "player.stopAt") == first["query_end_s"]
    until(page, "document.querySelector('.side-a').getAttribute('aria-pressed') === 'true'")
    page.keyboard.press("x")
    wait_for_player(page, f"player.track?.track_id === {first['track']['track_id']}")
    page.locator(".hold").nth(1).click()  # now the second song is A for the first
    page.locator(".side-a").nth(0).click()
    wait_for_player(page, f"player.track?.track_id === {second['track']['track_id']}")
    assert player(page, "player.stopAt") == second["match_end_s"]


@pytest.mark.usefixtures("clean")
def test_a_song_that_is_on_the_shortlist_is_not_put_in_again(page: Any, site: Site) -> None:
    query = site.id_of("Amber Morning")
    one = site.send("/api/shortlists", {"name": "Dinner scene"})
    visit(page, site, f"#track={query}", ".song")
    button = page.locator(".song .to-shortlist").first
    button.press("Enter")
    said(page, "is on the shortlist Dinner scene")
    for key in ("Enter", "l"):
        page.evaluate("document.getElementById('live').textContent = ''")
        button.press(key)
        said(page, "is on the shortlist Dinner scene already")
    assert len(kept(site, one["shortlist_id"])["entries"]) == 1


@pytest.mark.usefixtures("clean")
def test_a_whole_list_is_put_in_by_a_button_and_by_keys_and_nothing_twice(page: Any, site: Site) -> None:
    query = site.id_of("Amber Morning")
    found = site.similar(query)
    site.send("/api/shortlists", {"name": "Dinner scene", "entries": [{"track_id": found[1]["track_id"]}]})
    (one,) = site.get("/api/shortlists")["shortlists"]
    visit(page, site, f"#track={query}", ".song")
    page.get_by_role("button", name="Shortlist all").click()
    rest = [found[1]["track_id"], *(f["track_id"] for f in found if f is not found[1])]
    entries_until(page, site, one["shortlist_id"], rest, lambda e: e["track"]["track_id"])
    said = f"{len(found) - 1} songs more on the shortlist Dinner scene; 1 was on it already"
    until(page, f"document.getElementById('said').innerText === '{said}'")
    entry = kept(site, one["shortlist_id"])["entries"][1]
    assert (entry["query"]["track_id"], entry["match_start_s"]) == (query, found[0]["match_start_s"])
    visit(page, site, "", ".song")
    page.keyboard.press("Shift+L")  # the library's page: what is not on it yet
    until(page, "document.getElementById('said').innerText.includes('more on the shortlist')")
    now = [e["track"]["track_id"] for e in kept(site, one["shortlist_id"])["entries"]]
    assert now[: len(rest)] == rest and sorted(now) == sorted(range(1, 9))
    page.keyboard.press("Shift+L")
    until(page, "document.getElementById('said').innerText.startsWith('All of it is on')")
    visit(page, site, f"#shortlist={one['shortlist_id']}", ".entry")
    assert page.get_by_role("button", name="Shortlist all").count() == 0


@pytest.mark.usefixtures("clean")
def test_a_list_made_anew_still_says_what_was_shortlisted(page: Any, site: Site) -> None:
    """Filters make the list anew; taken out of the shortlist, a song can be put into it again."""
    site.send("/api/shortlists", {"name": "Dinner scene"})
    (one,) = site.get("/api/shortlists")["shortlists"]
    place = f"#track={site.id_of('Amber Morning')}"
    first = "document.querySelector('main .song .to-shortlist')?.textContent"
    visit(page, site, place, ".song")
    n = page.locator("main .song").count()
    page.locator(".song .to-shortlist").first.click()
    until(page, f"{first} === 'Shortlisted'")
    page.evaluate(f"location.hash = '{place}&length=0:01-'")
    page.wait_for_selector("main .filters .chip")
    until(page, f"{first} === 'Shortlisted'")
    page.get_by_role("button", name="Shortlist all").click()
    buttons = "[...document.querySelectorAll('main .to-shortlist')]"
    until(page, f"{buttons}.every((one) => one.textContent === 'Shortlisted')")
    assert len(kept(site, one["shortlist_id"])["entries"]) == n
    page.evaluate(f"location.hash = '#shortlist={one['shortlist_id']}'")
    page.wait_for_selector("main .take-out")
    page.locator("main .take-out").first.click()
    until(page, f"document.querySelectorAll('main .take-out').length === {n - 1}")
    page.evaluate(f"location.hash = '{place}'")
    page.wait_for_selector("main .song .from")
    until(page, f"{first} === 'Shortlist'")


@pytest.mark.usefixtures("clean")
def test_a_song_is_heard_beside_the_file_that_it_was_found_by(page: Any, site: Site, tmp_path: Path) -> None:
    site.send("/api/shortlists", {"name": "Dinner scene"})
    (one,) = site.get("/api/shortlists")["shortlists"]
    file = tmp_path / "a reference.opus"
    shutil.copy(site.music / "three.opus", file)
    visit(page, site, "#file", ".drop-area")
    page.set_input_files("#file-box", file)
    page.locator(".song .to-shortlist").first.click()
    until(page, "document.querySelector('.song .to-shortlist').textContent === 'Shortlisted'")
    (entry,) = kept(site, one["shortlist_id"])["entries"]
    assert (entry["query_name"], entry["query"]) == ("a reference", None)
    page.goto(f"{site.url}/#shortlist={one['shortlist_id']}")
    until(page, "Boolean(sessionStorage.getItem('deepcuts-file'))")  # it is kept
    page.reload()  # the tab has the file still
    page.locator(".side-a").click()
    wait_for_player(page, "player.playing && player.audio.currentSrc.startsWith('blob:')")
    assert player(page, "player.stopAt") == entry["query_end_s"]
    page.keyboard.press("x")
    wait_for_player(page, f"player.track?.track_id === {entry['track']['track_id']}")
    page.evaluate("sessionStorage.clear()")  # as in another tab
    page.reload()
    page.wait_for_selector(".give")
    assert page.locator(".side-a").is_hidden()
    page.set_input_files(".give input", site.music / "one.flac")
    until(page, "document.getElementById('said').innerText === 'That is one, not a reference'")
    page.set_input_files(".give input", file)
    page.locator(".side-a").click()
    wait_for_player(page, "player.playing && player.track.title === 'a reference'")
    assert page.locator(".give").is_hidden()


@pytest.mark.usefixtures("clean")
def test_a_passage_is_heard_over_and_over(page: Any, site: Site) -> None:
    one = made(site)
    first = one["entries"][0]
    visit(page, site, f"#shortlist={one['shortlist_id']}", ".entry")
    page.check("#loop")
    page.locator(".side-b").nth(0).click()
    wait_for_player(page, "player.playing && player.audio.currentTime > 0")
    begin, end = first["match_start_s"], first["match_end_s"]
    assert player(page, "[player.loopFrom, player.stopAt]") == [begin, end]
    player(page, f"void (player.audio.currentTime = {end - 1})")
    wait_for_player(page, f"player.playing && player.audio.currentTime < {end - 1.5}")
    wait_for_player(page, f"player.playing && player.audio.currentTime >= {begin}")
    page.uncheck("#loop")
    assert player(page, "player.loopFrom") is None
    player(page, f"void (player.audio.currentTime = {end - 1})")
    wait_for_player(page, f"!player.playing && player.audio.currentTime > {end - 1.5}")


@pytest.mark.usefixtures("clean")
def test_it_is_handed_on_as_files(page: Any, site: Site) -> None:
    one = made(site)
    visit(page, site, f"#shortlist={one['shortlist_id']}", ".entry")

    def downloaded(name: str) -> bytes:
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        return Path(download.value.path()).read_bytes()

    rows = list(csv.DictReader(io.StringIO(downloaded("CSV").decode("utf-8-sig"))))
    assert [row["path"] for row in rows] == [entry["track"]["path"] for entry in one["entries"]]
    with zipfile.ZipFile(io.BytesIO(downloaded("Excerpts, MP3"))) as archive:
        assert len(archive.namelist()) == 3 and archive.testzip() is None
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Print", exact=True).click()
    sheet = opened.value
    until(sheet, "document.querySelectorAll('tbody tr').length === 3")
    until(sheet, "getComputedStyle(document.querySelector('table')).borderCollapse === 'collapse'")
    sheet.emulate_media(media="print")
    until(sheet, "getComputedStyle(document.querySelector('#print')).display === 'none'")
    sheet.close()


@pytest.mark.usefixtures("clean")
def test_an_m3u8_has_paths_or_addresses_as_is_chosen(page: Any, site: Site) -> None:
    one = made(site)
    at = f"/api/shortlists/{one['shortlist_id']}.m3u8"
    visit(page, site, f"#shortlist={one['shortlist_id']}", ".entry")
    for paths in ("absolute", "relative", "addresses"):
        page.select_option("select.naming", paths)
        with page.expect_download() as download:
            page.click("text=Download M3U8")
        content = Path(download.value.path()).read_text()
        lines = [line for line in content.splitlines() if not line.startswith("#")]
        assert lines == [line for line in site.text(f"{at}?paths={paths}").splitlines() if line[0] != "#"]
        begins = {"absolute": str(site.music), "relative": "", "addresses": f"{site.url}/api/tracks/"}
        assert all(line.startswith(begins[paths]) for line in lines)
    visit(page, site, "#deepcuts", "h1")
    visit(page, site, "", ".song")
    count_of_songs(page, 8)
    assert page.locator("select.naming").input_value() == "addresses"
