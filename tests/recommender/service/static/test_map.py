"""The map's drawing: colours, names, what is found under a pixel, painting with and without WebGL."""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from recommender.map.colours import play_classes, tempo_classes
from tests.recommender.service.static.browser import (
    Site,
    eventually,
    laid_out,
    on_the_map,
    until,
    visit,
)

LOSE = """document.querySelector("canvas.points").getContext("webgl2")
  .getExtension("WEBGL_lose_context").loseContext()"""
IN_SOFTWARE = """const [context, canvas] = [WebGL2RenderingContext.prototype, HTMLCanvasElement.prototype];
const [ask, make] = [context.getParameter, canvas.getContext];
context.getParameter = function (name) {
  const found = ask.call(this, name);
  return typeof found === "string" ? "made up" : found;
};
canvas.getContext = function (kind, said) {
  return make.call(this, kind, { ...said, failIfMajorPerformanceCaveat: false });
};"""
"""Lets the page use the WebGL that there is, whatever draws it."""
COUNTED = """() => {
  globalThis.cleared = 0;
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    globalThis.cleared += this.canvas.matches("canvas.map") ? 1 : 0;
    return clear.apply(this, box);
  };
}"""
"""Counts how often the map's words and rings are drawn."""
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
ASK = (Path(__file__).parent / "ask_map.js").read_text(encoding="utf-8")
"""Functions to ask the map's modules with."""


def legend(page: Any) -> dict[str, int]:
    """Return what the legend says, and of how many songs."""
    said = page.locator(".legend:not(.areas) .chip").evaluate_all(
        "(chips) => chips.map((chip) => [chip.childNodes[1].textContent, chip.lastChild.textContent])"
    )
    return {name.replace("–", "-"): int(count.replace(",", "")) for name, count in said}


def test_colours_are_chosen_by_hand_and_key_and_stay_in_the_address(page: Any, site: Site) -> None:
    tracks = laid_out(site)
    visit(page, site, "#map", ready="canvas.map")
    page.select_option("#map-colour", "tempo")
    until(page, "location.hash === '#map&colour=tempo'")
    classes = tempo_classes([track["tempo_bpm"] for track in tracks])
    assert legend(page) == Counter(classes.names[number] for number in classes.of)
    page.focus("canvas.map")
    page.keyboard.press("c")
    until(page, "location.hash === '#map&colour=plays' && document.activeElement.matches('canvas.map')")
    classes = play_classes([track["plays"] for track in tracks])
    assert legend(page) == Counter(classes.names[number] for number in classes.of)
    page.reload()
    until(page, "document.querySelector('#map-colour')?.value === 'plays'")
    page.keyboard.press("Tab")
    page.focus("canvas.map")
    page.keyboard.press("c")
    until(page, "location.hash === '#map' && document.querySelector('#map-colour').value === 'label'")
    assert sum(legend(page).values()) == len(tracks)
    page.go_back()  # colours are no steps on the way back
    until(page, "!location.hash.startsWith('#map')")


def test_areas_lead_there_by_a_press(page: Any, site: Site) -> None:
    laid_out(site)
    regions = [region for region in site.get("/api/map")["regions"] if region["level"] == 0]
    visit(page, site, "#map", ready="canvas.map")
    chips = page.locator(".areas .chip")
    assert chips.count() == len(regions) > 0
    chips.first.focus()
    page.keyboard.press("Enter")
    until(page, f"document.querySelector('#live').textContent.startsWith({regions[0]['name']!r})")


def test_points_are_found_as_if_all_were_asked(page: Any, site: Site) -> None:
    page.goto(f"{site.url}/docs")
    assert page.evaluate(f"{ASK}.nearest()") == []


def test_no_name_lies_on_another_or_leaves_the_map(page: Any, site: Site) -> None:
    page.goto(f"{site.url}/docs")
    for seen in page.evaluate(f"{ASK}.names()"):
        boxes = [box for _, box in seen["placed"]]
        assert len(boxes) > (2 if seen["zoom"] < 3 else -1)
        for number, (left, top, right, bottom) in enumerate(boxes):
            assert left >= 0 and top >= 0 and right <= seen["width"] and bottom <= seen["height"]
            for other in boxes[:number]:
                apart = left >= other[2] or right <= other[0] or top >= other[3] or bottom <= other[1]
                assert apart, (seen, other)
        if seen["zoom"] == 1:
            assert seen["placed"][0][0] == 0 and all(number < 9 for number, _ in seen["placed"])


def test_names_lie_beside_the_songs_of_a_small_library(page: Any, site: Site) -> None:
    page.goto(f"{site.url}/docs")
    for seen in page.evaluate(f"{ASK}.beside()"):
        assert len(seen["boxes"]) == 3
        for left, top, right, bottom in seen["boxes"]:
            for others in seen["circles"]:
                apart = left >= others[2] or right <= others[0] or top >= others[3] or bottom <= others[1]
                assert apart, (left, top, right, bottom, others)


def test_many_songs_are_painted_without_webgl(page: Any, site: Site) -> None:
    page.goto(f"{site.url}/docs")
    told, known, unknown, track, shades, layers = page.evaluate(f"{ASK}.many()")
    assert told["null"]["missing"] < 0.02 * 4000, "but for those that stick out of the window"
    assert told["null"]["pale"] == 0 and told["2"]["pale"] > 0.5 * 4000
    assert (known, unknown) == (4, -1)
    assert track == {"track_id": 9, "title": "t4", "artist": "n", "genre": "n"}
    assert shades == ["--map-0", "--map-1", "--map-rest"] and layers == [2, 1, 0]


def test_what_is_painted_without_webgl_is_as_if_all_songs_were_asked(page: Any, site: Site) -> None:
    page.goto(f"{site.url}/docs")
    told = page.evaluate(f"{ASK}.asIfAll()")
    assert {seen["squares"] for seen in told} == {True, False}, "both ways to paint"
    for seen in told:
        assert seen["apart"] <= (0 if seen["squares"] else 2) and seen["painted"] > 1000, seen
        assert not seen["again"], "a frame in which nothing moved is not painted"
        assert seen["looked"] < 9000 * min(1, 3 / seen["zoom"] ** 2) or seen["zoom"] == 1, seen


def test_a_pointer_that_stays_on_a_song_costs_no_frame(page: Any, site: Site) -> None:
    tracks = laid_out(site)
    visit(page, site, "#map", ready="canvas.map")
    places = on_the_map(page, tracks)
    x, y = next(iter(places.values()))
    page.mouse.move(x, y)
    until(page, "!document.querySelector('.tip').hidden")
    page.evaluate(COUNTED)
    said = page.inner_text(".tip")
    page.mouse.move(x + 1, y)
    page.mouse.move(x, y)
    page.evaluate(TWO_FRAMES)
    assert (page.evaluate("globalThis.cleared"), page.inner_text(".tip")) == (0, said)
    page.focus("canvas.map")
    page.keyboard.press("+")
    until(page, "globalThis.cleared > 0")


def colours_of(page: Any, places: dict[int, tuple[float, float]]) -> dict[int, tuple[int, ...]]:
    """Return the colour in the middle of each song, as one sees it."""
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        pixels = shot.convert("RGB")
        return {i: pixels.getpixel((round(x), round(y))) for i, (x, y) in places.items()}


def test_webgl_paints_what_is_painted_without_it_when_it_is_lost(page: Any, site: Site) -> None:
    tracks = laid_out(site)
    page.add_init_script(IN_SOFTWARE)
    visit(page, site, "#map", ready=".map-box[data-painter]")
    if page.get_attribute(".map-box", "data-painter") != "webgl":
        pytest.skip("this Chromium has no WebGL, not even in software")
    places = on_the_map(page, tracks)
    by_webgl = painted(page, places)
    assert len(set(by_webgl.values())) > 1 or len({track["genre"] for track in tracks}) == 1
    page.evaluate(LOSE)
    until(page, "document.querySelector('.map-box').dataset.painter === 'canvas'")
    without = painted(page, places)
    for i in places:  # names lie on songs in both
        assert max(abs(a - b) for a, b in zip(by_webgl[i], without[i], strict=True)) < 40
    page.select_option("#map-colour", "plays")
    until(page, "location.hash.endsWith('colour=plays')")
    if {track["plays"] for track in tracks} != {0}:
        eventually(page, lambda: painted(page, places) != without, True)


def painted(page: Any, places: dict[int, tuple[float, float]]) -> dict[int, tuple[int, ...]]:
    """Return the colours of songs, once there are any."""
    until(page, "document.querySelector('canvas.points').width > 300")
    background = page.evaluate("getComputedStyle(document.querySelector('.map-box')).backgroundColor")
    paper = tuple(int(part) for part in background.removeprefix("rgb(").rstrip(")").split(","))
    for _ in range(400):
        found = colours_of(page, places)
        if all(colour != paper for colour in found.values()):
            return found
        page.wait_for_timeout(50)
    raise AssertionError(f"songs are not painted: {found}")
