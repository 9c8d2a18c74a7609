"""The panel of filters, their chips, and what the address keeps of them."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.recommender.service.static.browser import (
    PHONE,
    Site,
    count_of_songs,
    listed,
    shown,
    until,
    visit,
)

FIRST = "Amber Morning"


def open_panel(page: Any) -> None:
    """By the keyboard."""
    page.locator(".panel > summary").focus()
    if page.evaluate("!document.querySelector('.panel').open"):
        page.keyboard.press("Enter")
    until(page, "document.querySelector('.panel').open")


def names(found: list[Any]) -> list[str]:
    return [shown(track) for track in found]


@pytest.mark.parametrize("window", [None, PHONE], ids=["wide", "phone"])
def test_filters_are_set_by_keyboard_kept_in_the_address_and_taken_away(
    page: Any, site: Site, window: dict[str, int] | None
) -> None:
    if window is not None:
        page.set_viewport_size(window)
    asked = site.id_of(FIRST)
    visit(page, site, f"#track={asked}", ready=".pair")
    open_panel(page)
    page.locator("#filter-length").focus()
    page.keyboard.type("0:20-0:41")
    page.keyboard.press("Tab")
    page.wait_for_selector(".filters >> text=0:20-0:41 long")
    page.locator("#filter-not_artist").focus()
    page.keyboard.type("ben")
    page.keyboard.press("Enter")
    page.wait_for_selector(".filters >> text=not by ben")
    wanted = site.similar(asked, duration_from_s=20, duration_to_s=41, not_artist="ben")
    assert 0 < len(wanted) < len(site.similar(asked))
    listed(page, names(wanted))
    assert "length=0%3A20-0%3A41" in page.evaluate("location.hash")
    page.reload()
    page.wait_for_selector("main .pair")
    listed(page, names(wanted))
    assert page.locator("#filter-length").input_value() == "0:20-0:41"
    page.locator("role=button[name='Remove the filter not by ben']").press("Enter")
    listed(page, names(site.similar(asked, duration_from_s=20, duration_to_s=41)))
    page.locator("role=button[name='Remove the filter 0:20-0:41 long']").press("Enter")
    page.wait_for_selector(".filters", state="detached")
    listed(page, names(site.similar(asked)))
    until(page, "document.querySelector('#filter-length').value === ''")


CASES: dict[str, tuple[str, str]] = {
    "voice": ("voice=instrumental", "voice=instrumental"),
    "length": ("length=-0%3A40", "duration_to_s=40"),
    "tempo": ("tempo=60-100", "tempo_from=60&tempo_to=100"),
    "key": ("key=A+minor&key=C&related=1", "key=A+minor&key=C&related_keys=true"),
    "energy": ("energy=0.2-0.9", "energy_from=0.2&energy_to=0.9"),
    "never played": ("unplayed=1", "unplayed=true"),
    "left out": ("not_artist=ada&not_album=none", "not_artist=ada&not_album=none"),
    "together": ("not_artist=ada&length=0%3A10-", "not_artist=ada&duration_from_s=10"),
}


@pytest.mark.parametrize("case", CASES)
def test_every_list_is_the_services_under_the_same_filters(page: Any, site: Site, case: str) -> None:
    said, asked = CASES[case]
    first = site.id_of(FIRST)
    lists = {
        f"#{said}": f"/api/tracks?sort=artist&limit=50&{asked}",
        f"#search=a&{said}": f"/api/tracks?q=a&sort=artist&limit=100&{asked}",
        f"#find=instrumental&{said}": f"/api/find?words=instrumental&n=50&{asked}",
        f"#track={first}&{said}": f"/api/tracks/{first}/similar?n=20&{asked}",
    }
    for place, path in lists.items():
        answer = site.get(path)
        visit(page, site, place)
        page.wait_for_selector("main .filters")
        listed(page, names(answer.get("results", answer.get("tracks"))))


def test_genres_and_moods_are_chosen_from_what_there_is(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    open_panel(page)
    moods = [tag for tag in site.get("/api/tags")["tags"] if tag["facet"] == "mood" and tag["tracks"]]
    assert moods
    until(page, f"document.querySelectorAll('#filter-mood option').length === {len(moods) + 1}")
    page.select_option("#filter-mood", moods[0]["name"])
    count_of_songs(page, moods[0]["tracks"])
    page.wait_for_selector(f".filters >> text={moods[0]['name']}")
    assert page.locator("#filter-mood").input_value() == ""


def test_the_panel_shows_what_is_set_and_lets_it_go(page: Any, site: Site) -> None:
    """Where several may be set, too: by their names, with a way back to any."""
    visit(page, site, "#genre=rock/indie&genre=jazz&key=C&not_artist=Nobody&not_album=None", ready=".filters")
    open_panel(page)
    shown_of = "((name) => document.querySelector(`#filter-${name}`).selectedOptions[0].textContent)"
    until(page, "document.querySelectorAll('#filter-genre option').length > 2")
    assert page.evaluate(f"['genre', 'mood', 'key'].map({shown_of})") == ["rock/indie, jazz", "any", "C"]
    assert page.get_attribute("#filter-not_artist", "placeholder") == "Nobody and …"
    assert page.get_attribute("#filter-not_album", "placeholder") == "None and …"
    page.select_option("#filter-key", "A minor")
    until(page, f"{shown_of}('key') === 'C, A minor'")
    page.select_option("#filter-genre", label="any")
    until(page, f"{shown_of}('genre') === 'any'")
    assert page.evaluate("location.hash") == "#key=C&key=A+minor&not_artist=Nobody&not_album=None"
    assert page.locator("#filter-genre option", has_text="any").count() == 1
    page.select_option("#filter-key", label="any")
    until(page, "location.hash === '#not_artist=Nobody&not_album=None'")
    assert page.evaluate(f"{shown_of}('key')") == "any"


def test_keys_that_pass_by_keys_take_the_one_they_stop_at(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    open_panel(page)
    page.focus("#filter-key")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    until(page, "document.querySelector('#filter-key').value === 'D major'")
    assert page.evaluate("location.hash") == ""
    page.keyboard.press("Enter")
    until(page, "location.hash === '#key=D+major'")
    assert page.evaluate("document.activeElement.id") == "filter-key"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    until(page, "location.hash === ''")  # any


def test_a_range_that_cannot_be_read_is_told_and_not_asked(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    open_panel(page)
    page.fill("#filter-tempo", "fast")
    page.press("#filter-tempo", "Tab")
    until(page, "document.querySelector('#filter-tempo').validationMessage.startsWith('Write 120, 90-130')")
    assert "tempo" not in page.evaluate("location.hash")
    page.fill("#filter-tempo", "130-90")
    page.press("#filter-tempo", "Tab")
    until(page, "document.querySelector('#filter-tempo:invalid') !== null")
    page.fill("#filter-tempo", "20 - 250 bpm")
    page.press("#filter-tempo", "Tab")
    page.wait_for_selector(".filters .chip")
    until(page, "document.querySelector('#filter-tempo:invalid') === null")


def test_a_songs_tempo_and_key_are_chips_where_they_are_sure_and_filter(page: Any, site: Site) -> None:
    tracks = site.get("/api/tracks?sort=artist&limit=50")["tracks"]
    visit(page, site, ready=".song")
    listed(page, names(tracks))
    for kind, least, words in (("tempo", 0.4, "bpm"), ("key", 0.4, "m")):
        sure = [one for one in tracks if (one[f"{kind}_confidence"] or 0) >= least]
        assert page.locator(f".song .chip.{kind}").count() == len(sure)
        if not sure:
            continue
        visit(page, site, ready=".song")
        chip = page.locator(f".song .chip.{kind}").first
        name = chip.inner_text()
        assert words in name
        chip.click()
        page.wait_for_selector(".filters .chip")
        bpm = name.split()[0]
        asked = f"tempo_from={bpm}&tempo_to={bpm}" if kind == "tempo" else f"key={quote(name)}"
        wanted = site.get(f"/api/tracks?sort=artist&limit=50&{asked}")["tracks"]
        listed(page, names(wanted))
        assert sure[0]["track_id"] in [one["track_id"] for one in wanted]
        visit(page, site, ready=".song")


def test_no_empty_list_blames_filters_that_are_not_set(page: Any, site: Site) -> None:
    visit(page, site, "#search=zzz", ready=".empty")
    assert "filter" not in page.inner_text("main .empty").lower()
    visit(page, site, "#search=a&year=1800", ready=".empty")
    assert "Take one of the filters away" in page.inner_text("main .empty")
    visit(page, site, "#year=1800", ready=".empty")
    assert "Take one of the filters away" in page.inner_text("main .empty")


def test_words_that_are_filters_and_words_that_mean_nothing(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    page.fill("#search-box", "female vocals 20-250 bpm")
    page.press("#search-box", "Enter")
    until(page, "location.hash.startsWith('#find=')")
    wanted = site.get("/api/find?words=female+vocals+20-250+bpm&n=50")
    page.wait_for_selector("main .meant")
    listed(page, names(wanted["results"]))
    assert page.inner_text("main .meant") == "Songs that are female vocalists, 20-250 bpm."
    visit(page, site, "#find=Mellow&key=A+minor", ready=".meant")
    assert page.inner_text("main .meant") == "Songs that are mellow."
    visit(page, site, "#find=instrumental+zither", ready=".meant")
    (fits, *_) = site.get("/api/find?words=instrumental&n=50")["results"]
    assert page.locator("main .song .alike").first.inner_text().split() == ["fits", f"{fits['score']:.2f}"]
    said = page.inner_text("main .meant")
    assert said.startswith(
        "Songs that are instrumental. Not searched for: 'zither' is no tag, genre or label"
    )
    assert page.inner_text("main").count("zither") == 2  # the heading, and once more


def test_a_file_of_ones_own_takes_all_filters(page: Any, site: Site) -> None:
    visit(page, site, "#file&not_artist=ada&length=0%3A20-", ready=".drop-area")
    page.set_input_files("#file-box", str(site.music / "two.wav"))
    page.wait_for_selector("main .filters")
    asked = site.id_of("Bright Harbour")
    listed(page, names(site.similar(asked, not_artist="ada", duration_from_s=20)))
    open_panel(page)
    page.fill("#filter-tempo", "20-250")
    page.press("#filter-tempo", "Enter")
    page.wait_for_selector(".filters >> text=20-250 bpm")
    wanted = site.similar(asked, not_artist="ada", duration_from_s=20, tempo_from=20, tempo_to=250)
    listed(page, names(wanted))
