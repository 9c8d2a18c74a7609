"""Pictures of the page for docs/: python -m tests.recommender.service.static.screenshots."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.recommender import support
from tests.recommender.service.static.browser import (
    PHONE,
    Site,
    listening,
    new_browser,
    on_the_map,
    player,
    settled,
    wait_for_player,
)

DOCS = support.REPO / "docs"
WIDE = {"width": 1280, "height": 960}
MOST_BYTES = 300_000
SONG = "Ireland's Coast"
FROM_S, TO_S = 12, 38
HEARD_S = 6
"""How far into its passage the song is that plays."""


@dataclass(frozen=True)
class Picture:
    """What is to be seen."""

    name: str
    place: str
    theme: str
    window: dict[str, int]
    scroll_to: str = ""


def pictures(song: int) -> list[Picture]:
    """Return what is taken."""
    passage = f"#track={song}&from={FROM_S}&to={TO_S}"
    return [
        Picture("page-light", passage, "light", WIDE),
        Picture("page-dark", f"#track={song}", "dark", WIDE, ".controls"),
        Picture("page-phone-light", passage, "light", PHONE),
        Picture("page-phone-dark", f"#track={song}", "dark", PHONE, ".list-head"),
        Picture("page-map", "#map", "light", WIDE),
    ]


def main() -> None:
    """Ingest the demo's catalogue, take the pictures, say how large they are."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        support.ingest(home, support.REPO / "demo" / "catalog", "--labels", "folders")
        with listening(home) as server, new_browser(Path(folder) / "profile") as browser:
            site = Site(server.url, home, support.REPO / "demo" / "catalog")
            for picture in pictures(site.id_of(SONG)):
                file = DOCS / f"{picture.name}.png"
                take(browser, site, picture, file)
                size = file.stat().st_size
                print(f"{file.name}: {size:,} bytes")
                if size > MOST_BYTES:
                    raise SystemExit(f"{file.name} is larger than {MOST_BYTES:,} bytes")


def take(browser: Any, site: Site, picture: Picture, file: Path) -> None:
    """Take one picture: a song plays, and stands still."""
    page = browser.new_page()
    page.set_viewport_size(picture.window)
    page.emulate_media(color_scheme=picture.theme)
    settled(page, site, picture.place)
    if picture.place == "#map":
        point_at(page, site, "Tailwind")
    else:
        match = page.locator("main .song .from[data-kind=its]").first
        match.click()
        start = float(match.get_attribute("data-at"))
        wait_for_player(page, f"player.audio.currentTime > {start}")
        player(page, f"{{ player.audio.pause(); player.audio.currentTime = {start + HEARD_S}; }}")
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur()")
        page.evaluate("scrollTo(0, 0)")
    if picture.name == "page-dark":
        page.get_by_role("button", name="Why").nth(1).click()
    if picture.scroll_to:
        page.locator(picture.scroll_to).evaluate(
            "(node) => scrollTo(0, scrollY + node.getBoundingClientRect().top - 90)"
        )
    page.wait_for_timeout(1500)  # drawings that came into sight
    page.screenshot(path=file)
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
