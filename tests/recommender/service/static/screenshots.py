"""Pictures of the page for docs/: python -m tests.recommender.service.static.screenshots.

Terminals for the guide are drawn by benchmarks/guide_output.py; `make pictures` does both.
"""

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tests.recommender import support
from tests.recommender.service.static.browser import (
    PHONE,
    Site,
    listening,
    new_browser,
    on_the_map,
    player,
    settled,
    until,
    wait_for_player,
)

DOCS = support.REPO / "docs"
GUIDE = DOCS / "guide"
WIDE = {"width": 1280, "height": 960}
READ, LONG = {"width": 1000, "height": 680}, {"width": 1000, "height": 1120}
"""As wide as the guide's pages show a picture well."""
MOST_BYTES = 150_000
COLOURS = 160
"""So many are enough for flat areas and text: a third of the bytes."""
SONG = "Ireland's Coast"
FROM_S, TO_S = 12, 38
DRAWN = """[...document.querySelectorAll("path.wave:not(.on)")].every((one) => {
  const box = one.closest("svg").getBoundingClientRect();
  return box.bottom < 0 || box.top > innerHeight || (one.getAttribute("d") || "").length > 500;
})"""
HEARD_S = 6
"""How far into its passage the song is that plays."""
PLAYED = ("Armygeddon", "Adventure", "West")


@dataclass(frozen=True)
class Picture:
    """What is to be seen: a place in a theme and a window, what is pressed first, where it begins."""

    file: Path
    place: str
    theme: str
    window: dict[str, int]
    scroll_to: str = ""
    plays: bool = False
    why: bool = False
    panel: bool = False


def pictures(song: int) -> list[Picture]:
    """Return what is taken."""
    passage = f"#track={song}&from={FROM_S}&to={TO_S}"
    return [
        Picture(DOCS / "page-light.png", passage, "light", WIDE, plays=True),
        Picture(DOCS / "page-dark.png", f"#track={song}", "dark", WIDE, ".controls", plays=True, why=True),
        Picture(DOCS / "page-phone-light.png", passage, "light", PHONE, plays=True),
        Picture(DOCS / "page-phone-dark.png", f"#track={song}", "dark", PHONE, ".list-head", plays=True),
        Picture(DOCS / "page-map.png", "#map", "light", WIDE),
        Picture(GUIDE / "song.png", f"#track={song}", "light", LONG),
        Picture(GUIDE / "songs-dark.png", "", "dark", READ),
        Picture(
            GUIDE / "words.png",
            "#find=mellow+instrumental&genre=classical&energy=-0.5",
            "light",
            READ,
            panel=True,
        ),
        Picture(GUIDE / "passage.png", passage, "light", LONG, plays=True),
        Picture(GUIDE / "shortlist.png", "#shortlist=1", "light", READ),
        Picture(GUIDE / "radio.png", "#radio=1", "light", READ),
        Picture(GUIDE / "mixes.png", "#mixes", "dark", READ),
        Picture(GUIDE / "deep-cuts.png", "#deepcuts", "light", READ),
        Picture(GUIDE / "map.png", "#map", "dark", READ),
        Picture(GUIDE / "phone.png", f"#track={song}", "light", PHONE, ".list-head", plays=True),
    ]


def main() -> None:
    """Ingest the demo's catalogue, take the pictures, say how large they are."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        support.ingest(home, support.REPO / "demo" / "catalog", "--labels", "folders")
        with listening(home) as server, new_browser(Path(folder) / "profile") as browser:
            site = Site(server.url, home, support.REPO / "demo" / "catalog")
            for times, title in enumerate(reversed(PLAYED), 1):
                for _ in range(times * 7):
                    site.send(f"/api/tracks/{site.id_of(title)}/plays", {})
            shortlist(site, site.id_of(SONG))
            radio(site, site.id_of(SONG))
            site.get("/api/map")  # laid out once, which takes its time
            for picture in pictures(site.id_of(SONG)):
                take(browser, site, picture)
                size = picture.file.stat().st_size
                print(f"{picture.file.name}: {size:,} bytes")
                if size > MOST_BYTES:
                    raise SystemExit(f"{picture.file.name} is larger than {MOST_BYTES:,} bytes")


def shortlist(site: Site, song: int) -> None:
    """Make a shortlist of songs like a song, with notes."""
    notes = ("the client's favourite", "calm enough, but a minute too long", "")
    names = ("track_id", "query_start_s", "query_end_s", "match_start_s", "match_end_s", "similarity")
    entries = [
        {"query_track_id": song, "note": note, **{name: found[name] for name in names}}
        for note, found in zip(notes, site.similar(song), strict=False)
    ]
    site.send("/api/shortlists", {"name": "Harbour at dawn, scene 12", "entries": entries})


def radio(site: Site, song: int) -> None:
    """Let a radio play some songs like a song: one was heard to its end, one was skipped."""
    made = site.send("/api/radios", {"kind": "song", "seed": str(song), "far": 0.5})["radio_id"]
    played = site.send(f"/api/radios/{made}/next", {"n": 3})["results"]
    for one, outcome in zip(played, ("finished", "skipped"), strict=False):
        site.send(f"/api/radios/{made}/songs/{one['position']}", {"outcome": outcome}, "PUT")
    site.send(f"/api/radios/{made}/next", {"n": 3})


def take(browser: Any, site: Site, picture: Picture) -> None:
    """Take one picture: where a song plays, it stands still."""
    page = browser.new_page()
    page.set_viewport_size(picture.window)
    page.emulate_media(color_scheme=picture.theme)
    page.goto(f"{site.url}/static/icon.svg")
    page.evaluate("localStorage.clear()")  # the queue of the picture before
    settled(page, site, picture.place)
    if picture.place == "#map":
        point_at(page, site, "Tailwind")
    elif picture.plays:
        match = page.locator("main .song .from[data-kind=its]").first
        match.click()
        start = float(match.get_attribute("data-at"))
        wait_for_player(page, f"player.audio.currentTime > {start}")
        player(page, f"{{ player.audio.pause(); player.audio.currentTime = {start + HEARD_S}; }}")
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur()")
        page.evaluate("scrollTo(0, 0)")
    if picture.panel:
        page.locator(".panel summary").click()
        page.wait_for_selector(".panel-fields")
    if picture.why:
        page.get_by_role("button", name="Why").nth(1).click()
        page.wait_for_selector(".why li")
    if picture.scroll_to:
        page.locator(picture.scroll_to).first.evaluate(
            "(node) => scrollTo(0, scrollY + node.getBoundingClientRect().top - 90)"
        )
    until(page, DRAWN)
    page.wait_for_timeout(500)
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(picture.file, optimize=True)
    page.close()


def point_at(page: Any, site: Site, title: str) -> None:
    """Point at a song on the map, which plays."""
    tracks = site.get("/api/map")["tracks"]
    track = next(track for track in tracks if track["title"] == title)
    page.mouse.click(*on_the_map(page, tracks)[track["track_id"]])
    wait_for_player(page, "player.audio.currentTime > 0.2")
    player(page, f"{{ player.audio.pause(); player.audio.currentTime = {HEARD_S}; }}")


if __name__ == "__main__":
    main()
