"""The page for everybody: keys alone, narrow windows, both themes, hostile names."""

from typing import Any

import pytest

from tests.service.browser import (
    HOSTILE,
    PHONE,
    WIDE,
    Site,
    player,
    titles,
    until,
    visit,
    wait_for_player,
)

PLACES = ("", "#track=1", "#track=1&from=5&to=25", "#search=amber", "#find=jazz", "#map", "#file", "#playlists", "#deepcuts", "#path=1&to=3")

CONTRASTS = """() => {
  const numbers = (colour) => {
    const found = colour.match(/[\\d.]+/g).map(Number);
    if (colour.startsWith('color(srgb')) return [...found.slice(0, 3).map((n) => n * 255), found[3] ?? 1];
    return [...found.slice(0, 3), found[3] ?? 1];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  const behind = (element) => {
    const chain = [];
    for (let node = element; node; node = node.parentElement) chain.unshift(numbers(getComputedStyle(node).backgroundColor));
    return chain.reduce((under, colour) => over(colour, under), [255, 255, 255]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility({ visibilityProperty: true }) || element.closest('option, .unseen')) continue;
    const style = getComputedStyle(element);
    const under = behind(element);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    found.push({ what: node.textContent.trim().slice(0, 40), ratio: ratio(over(numbers(style.color), under), under), least: large ? 3 : 4.5 });
  }
  for (const input of document.querySelectorAll('input[placeholder], input[type=search]')) {
    const under = behind(input);
    found.push({ what: 'placeholder ' + input.id, ratio: ratio(over(numbers(getComputedStyle(input, '::placeholder').color), under), under), least: 4.5 });
  }
  for (const drawn of document.querySelectorAll('.wave[d]')) {
    const under = behind(drawn.closest('div'));
    found.push({ what: 'bars', ratio: ratio(over(numbers(getComputedStyle(drawn).stroke), under), under), least: 3 });
  }
  for (const swatch of document.querySelectorAll('.swatch')) {
    const under = behind(document.querySelector('.map-box'));
    found.push({ what: 'colour of ' + swatch.parentElement.textContent, ratio: ratio(over(numbers(getComputedStyle(swatch).fill), under), under), least: 3 });
  }
  return found;
}"""


def settled(page: Any, site: Site, place: str) -> None:
    """Open a place and wait until all of it is there."""
    visit(page, site, place)
    until(page, "!document.querySelector('main [aria-busy], main[aria-busy]') && !/Listening|Laying/.test(document.querySelector('main').innerText)")
    until(page, "Boolean(document.querySelector('main .song, main .empty, main canvas, main .lists, main .drop-area'))")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_stands_out_in_both_themes(page: Any, site: Site, theme: str) -> None:
    page.emulate_media(color_scheme=theme)
    looks: set[tuple[str, str]] = set()
    for place in PLACES:
        settled(page, site, place)
        if place == "#track=1":
            page.get_by_role("button", name="Why").first.click()
            page.locator(".song .play").nth(1).click()  # the bar, and the song that plays
            page.locator(".why li").first.wait_for()
        found = page.evaluate(CONTRASTS)
        weak = [f"{place}: {one['what']}: {one['ratio']:.2f}" for one in found if one["ratio"] < one["least"]]
        assert weak == [] and len(found) > 10
        looks.add((page.evaluate("getComputedStyle(document.body).backgroundColor"), page.evaluate("getComputedStyle(document.body).color")))
    assert len(looks) == 1
    page.click("#help-open")
    assert [one for one in page.evaluate(CONTRASTS) if one["ratio"] < one["least"]] == []


def test_the_button_changes_the_theme_and_it_is_kept(page: Any, site: Site) -> None:
    page.emulate_media(color_scheme="light")
    visit(page, site)
    colour = "getComputedStyle(document.body).backgroundColor"
    seen = [page.evaluate(colour)]
    for _ in range(2):
        page.click("#theme")
        seen.append(page.evaluate(colour))
    assert seen[0] == seen[1] != seen[2]  # as the system, light, dark
    page.reload()
    assert page.evaluate(colour) == seen[2]


@pytest.mark.parametrize("place", PLACES)
def test_a_phones_window_needs_no_scrolling_sideways(page: Any, site: Site, place: str) -> None:
    page.set_viewport_size(PHONE)
    settled(page, site, place)
    if page.locator("main .play").count():
        page.locator("main .play").first.click()
        page.wait_for_selector("#bar:not([hidden])")
    wide = page.evaluate("""() => [...document.querySelectorAll('body *')].filter((node) => {
        const box = node.getBoundingClientRect();
        const inside = node.closest('.places, .unseen, .skip, svg svg, g');
        return !inside && box.width > 0 && (box.right > innerWidth + 0.5 || box.left < -0.5);
    }).map((node) => node.outerHTML.slice(0, 120))""")
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.set_viewport_size(WIDE)


def focus(page: Any) -> dict[str, Any]:
    """Return what has the focus, and whether one sees that it has."""
    found: dict[str, Any] = page.evaluate("""() => {
      const node = document.activeElement;
      const style = getComputedStyle(node);
      const name = node.getAttribute('aria-label') || node.labels?.[0]?.innerText || node.innerText || '';
      return { name: name.trim(), id: node.id, tag: node.tagName, seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 };
    }""")
    return found


def test_the_page_is_used_by_keys_alone(page: Any, site: Site) -> None:
    visit(page, site, ready=".song")
    page.keyboard.press("Tab")
    assert focus(page)["id"] == "skip"
    page.keyboard.press("Enter")
    assert focus(page)["id"] == "place"
    page.keyboard.press("/")
    assert focus(page)["id"] == "search-box"
    page.keyboard.type("amber", delay=20)
    page.wait_for_selector("#search-list [role=option]")
    page.keyboard.press("ArrowDown")
    chosen = page.get_attribute("#search-box", "aria-activedescendant")
    assert "Amber Morning" in page.inner_text(f"#{chosen}")
    page.keyboard.press("Enter")
    page.wait_for_selector("main .pair")
    assert focus(page)["tag"] == "H1"
    page.keyboard.press("Tab")
    for _ in range(60):
        now = focus(page)
        assert now["name"] and now["seen"], now
        if now["name"].startswith("Play") and page.evaluate("document.activeElement.matches('.song .play')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert focus(page)["name"] == f"Play {titles(page)[1]}"
    page.keyboard.press("Enter")
    wait_for_player(page, "player.audio.currentTime > 0.1 && !player.audio.paused")
    assert page.inner_text("#bar-title") == titles(page)[1]
    page.keyboard.press("ArrowRight")
    wait_for_player(page, "player.audio.currentTime > 5 && player.audio.currentTime < 8")
    page.keyboard.press("n")
    assert page.inner_text("#bar-title") == titles(page)[2]
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(" ")
    assert player(page, "player.audio.paused")
    page.keyboard.press("m")
    assert player(page, "player.audio.muted")
    page.keyboard.press("?")
    page.wait_for_selector("#help[open]")
    page.uncheck("#set-keys")
    page.keyboard.press("Escape")
    page.wait_for_selector("#help", state="hidden")
    page.keyboard.press("m")
    assert player(page, "player.audio.muted"), "single keys are off"


def test_the_map_is_used_by_keys(page: Any, site: Site) -> None:
    visit(page, site, "#map", ready="canvas.map")
    tracks = {track["track_id"]: track for track in site.get("/api/map")["tracks"]}
    page.focus("canvas.map")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    wait_for_player(page, "player.track")
    first = tracks[player(page, "player.track.track_id")]
    assert first["x"] > 0 and first["title"] in page.inner_text("#live")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    second = tracks[player(page, "player.track.track_id")]
    assert second["x"] < first["x"]
    page.keyboard.press("+")
    page.keyboard.press("0")


def test_sliders_move_by_arrow_keys_and_what_changed_is_told(page: Any, site: Site) -> None:
    visit(page, site, f"#track={site.id_of('Amber Morning')}", ready=".pair")
    page.focus("#diversity")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    until(page, "location.hash.includes('diversity=0.1')")
    assert focus(page)["id"] == "diversity"
    assert "songs like Amber Morning" in page.inner_text("#live")
    assert page.get_attribute("#live", "aria-live") == "polite"


def test_every_control_has_a_name(page: Any, site: Site) -> None:
    for place in PLACES:
        settled(page, site, place)
        nameless = page.evaluate("""() => [...document.querySelectorAll('button, a, input, select, canvas, [role=img]')]
            .filter((node) => node.checkVisibility() && !(node.getAttribute('aria-label') || node.labels?.[0]?.innerText || node.textContent).trim())
            .map((node) => node.outerHTML)""")
        assert nameless == []


@pytest.mark.parametrize("place", ["", "#search=img", "#map", "#track", "#deepcuts"])
def test_hostile_titles_are_only_text(page: Any, site: Site, place: str) -> None:
    hostile = site.id_of(HOSTILE)
    settled(page, site, f"#track={hostile}" if place == "#track" else place)
    if place == "#map":
        page.focus("canvas.map")
        for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown") * 5:
            page.keyboard.press(key)
            if page.locator(".tip b").inner_text() == HOSTILE:
                break
        page.keyboard.press("Enter")
    elif place != "#deepcuts":
        assert HOSTILE in page.inner_text("main")
        page.locator("main .play, main .play-song").first.click()
    page.evaluate("(id) => import('/static/player.js').then(({ player }) => fetch('/api/tracks/' + id).then((r) => r.json()).then((t) => player.play([t])))", hostile)
    until(page, "(title) => document.getElementById('bar-title')?.textContent === title", HOSTILE)
    page.click("#queue-open")
    assert HOSTILE in page.inner_text("#queue")
    page.fill("#search-box", "img")
    page.wait_for_selector("#search-list [role=option]")
    assert HOSTILE in page.inner_text("#search-list")
    assert page.evaluate("document.querySelectorAll('main img, #bar img, #queue img, #search-list img, body script, main b b').length") == 0
    assert page.evaluate("window.hacked") is None


def test_hostile_addresses_are_only_text(page: Any, site: Site) -> None:
    for place in (f"#search={HOSTILE}", f"#find={HOSTILE}", "#track=../../health", "#track=<b>", "#playlist=..%2f..", "#path=x&to=y", "#track=1&discover=9&from=z&to=-4"):
        visit(page, site, place, ready="h1, main h2")
        assert page.evaluate("window.hacked") is None
        assert page.evaluate("document.querySelectorAll('main img, main script').length") == 0
