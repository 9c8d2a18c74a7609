"""Four users' days, step by step: PYTHONPATH=. python benchmarks/walks.py OUT.

Someone with a library, someone who finds music for films, an engineer with labelled folders, and someone who
just listens go through terminal and page, on a copy of the demo's catalogue. What each step is and how long
it took is printed; what was to be seen after it is a picture in the folder OUT. A step that does not come to
its end stops the walk. Needs Chromium and Playwright.
"""

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from guide_output import COLUMNS, FONTS, World
from rich.console import Console
from rich.text import Text

from tests.recommender.service.static.browser import PHONE, Site, listening, new_browser, settled, until

WINDOW = {"width": 1280, "height": 900}
REFERENCE = "Muldjord - Chaos God.ogg"


class Walk:
    """One user's way: its steps are counted, timed and drawn."""

    def __init__(self, name: str, out: Path, world: World, browser: Any) -> None:
        self._name, self._out, self.world = name, out, world
        self.page = browser.new_page()
        self.page.set_viewport_size(WINDOW)
        self.step, self.seconds = 0, 0.0
        print(f"\n{name}")

    def _done(self, what: str, began: float) -> Path:
        took = time.perf_counter() - began
        self.step += 1
        self.seconds += took
        print(f"  {self.step:2}  {took:6.1f} s  {what}")
        return self._out / f"{self._name.split(':')[0]}-{self.step:02}.png"

    def types(self, *commands: str) -> None:
        """Type commands on a terminal of 80 columns."""
        for command in commands:
            began = time.perf_counter()
            written = self.world.run(command)
            file = self._done(f"$ {command}", began)
            console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
            console.print(Text.from_ansi(f"$ {command}\n{written.rstrip()}"))
            shown = self.page.context.new_page()
            shown.set_content(FONTS.sub("", console.export_svg(title="terminal", unique_id="terminal")))
            shown.locator("svg").first.screenshot(path=file)
            shown.close()

    def does(self, what: str, act: Callable[[Any], None], seen: str) -> None:
        """Do something on the page until `seen`, a selector, is there."""
        began = time.perf_counter()
        act(self.page)
        self.page.locator(seen).first.wait_for()
        until(self.page, "!document.querySelector('main [aria-busy], main[aria-busy]')")
        file = self._done(what, began)
        self.page.wait_for_timeout(1000)  # drawings that come into sight are no part of the step
        self.page.screenshot(path=file)

    def end(self) -> None:
        """Say how many steps it was."""
        print(f"  {self.step} steps, {self.seconds:.0f} s")
        self.page.close()


def library(walk: Walk, site: Callable[[], Site]) -> None:
    """Someone with a library: what is there, what is like it, what was never played."""
    walk.types(
        "deepcuts",
        "deepcuts ingest demo/catalog",
        "deepcuts similar sjors adventure -n 5",
        "deepcuts plays import plays.csv",
        "deepcuts discover -n 5 -o deep-cuts.m3u8",
        "deepcuts tag --dry-run --overwrite --also moods",
    )
    there = site()
    walk.does("opens the page", lambda page: page.goto(there.url), "main .song")
    walk.does("types a song's name", lambda page: page.fill("#search-box", "adven"), "[role=option]")
    walk.does(
        "takes the first suggestion",
        lambda page: (page.keyboard.press("ArrowDown"), page.keyboard.press("Enter")),
        "main .pair",
    )
    walk.does("asks why", lambda page: page.get_by_role("button", name="Why").first.click(), ".why li")
    walk.does(
        "plays the passage that is alike",
        lambda page: page.locator(".song .from[data-kind=its]").first.click(),
        "#bar:not([hidden])",
    )
    walk.does("saves the list", lambda page: saved(page, "Like Adventure"), ".keep .said a")
    walk.does("goes to the deep cuts", lambda page: page.click("text=Deep cuts"), "main .song")
    walk.does("goes to the map", lambda page: page.click(".places >> text=Map"), "canvas.map")
    walk.page.set_viewport_size(PHONE)
    walk.does("takes the phone", lambda page: settled(page, there, "#deepcuts"), "main .song")


def film(walk: Walk, site: Callable[[], Site]) -> None:
    """Someone who finds music for films: a reference, a passage, filters, a choice to hand on."""
    there = site()
    reference = walk.world.folder / "demo" / "outside" / REFERENCE
    walk.does("opens the page", lambda page: page.goto(there.url), "main .song")
    walk.does("opens Your file", lambda page: page.click(".places >> text=Your file"), ".drop-area")
    walk.does(
        "gives the reference",
        lambda page: page.set_input_files("#file-box", reference),
        ".subject .chips",
    )
    walk.does(
        "opens a song of the list",
        lambda page: page.locator("main .song").get_by_text("More like this").first.click(),
        "main .song .from[data-kind=its]",
    )
    walk.does("says which passage", lambda page: passage(page, "0:05", "0:25"), "main .song .from")
    walk.does(
        "shortlists the first song", lambda page: shortlisted(page, "Scene 12"), ".to-shortlist >> text=ed"
    )
    walk.does("opens the filters", lambda page: page.click(".panel summary"), "#filter-tempo")
    walk.does(
        "only 80 to 180 bpm", lambda page: filled(page, "#filter-tempo", "80-180"), ".filters >> text=bpm"
    )
    walk.does(
        "only with much energy",
        lambda page: filled(page, "#filter-energy", "0.5-1"),
        ".filters >> text=energy",
    )
    walk.does("says it in words", lambda page: worded(page, "calm instrumental"), "main .song")
    walk.does(
        "shortlists another",
        lambda page: page.locator(".to-shortlist").first.click(),
        ".to-shortlist >> text=ed",
    )
    walk.does(
        "goes to the shortlists", lambda page: page.click(".places >> text=Shortlists"), "main .lists a"
    )
    walk.does("opens it", lambda page: page.locator("main .lists a").first.click(), "main .entry")
    walk.types(
        f'deepcuts similar "demo/outside/{REFERENCE}" --from 0:10 --to 0:40 --energy 0.5- -n 5',
        'deepcuts find calm --voice instrumental --key "A minor" --related-keys -n 3 -o scene.csv',
    )


def engineer(walk: Walk, site: Callable[[], Site]) -> None:
    """An engineer with labelled folders: own genres, how good they are, into the files, and back."""
    walk.types(
        "deepcuts --help",
        "deepcuts ingest demo/catalog --labels folders",
        "deepcuts train",
        f'deepcuts classify "demo/outside/{REFERENCE}"',
        "deepcuts evaluate classifier",
        "deepcuts tag demo/catalog/trance --write --overwrite",
        "deepcuts tag --undo",
        "deepcuts export -o labels.csv",
        "deepcuts train --use shipped",
        "deepcuts status",
    )
    there = site()
    walk.does("reads the REST interface", lambda page: page.goto(f"{there.url}/docs"), "main .operation")
    walk.does("opens an operation", lambda page: page.click("#list_tracks summary"), "#list_tracks .trial")
    walk.does("tries it", lambda page: page.click("#list_tracks .trial button"), ".answer-text")
    walk.does("reads the guide", lambda page: page.goto(f"{there.url}/guide/own-genres"), "main h1")


def listener(walk: Walk, site: Callable[[], Site]) -> None:
    """Someone who just listens: queue, playlists, radio, mixes; by mouse and by keys, on the phone too."""
    walk.types("deepcuts plays import plays.csv", "deepcuts discover -n 6 --keep 'Deep cuts'")
    there = site()
    walk.does("opens the page", lambda page: page.goto(there.url), "main .song")
    walk.does("plays a song", lambda page: page.locator("main .play").first.click(), "#bar:not([hidden])")
    walk.does("another comes next", lambda page: acted(page, 4, "Play next"), ".acts")
    walk.does("and one behind all", lambda page: acted(page, 6, "Add to queue"), ".acts")
    walk.does("opens the queue", lambda page: page.click("#queue-open"), "#queue .queue-item")
    walk.does("moves the song down by keys", moved_down, "#queue [aria-current]")
    walk.does("takes one out by keys", lambda page: page.keyboard.press("Delete"), "#queue .queue-item")
    walk.does("saves it", queue_saved, "#queue .said a")
    walk.does("opens the playlist", lambda page: page.click("#queue .said a"), "main .take-out")
    walk.does("puts it in order by keys", ordered, "main .song")
    walk.does("takes a song out", lambda page: page.locator("main .take-out").last.click(), "main .take-out")
    walk.does("calls it otherwise", lambda page: renamed(page, "Evening"), "main h1:text('Evening')")
    walk.does(
        "starts a radio like it",
        lambda page: page.get_by_role("button", name="Radio", exact=True).click(),
        ".played .because",
    )
    walk.does("skips", lambda page: page.keyboard.press("n"), ".played .because")
    walk.does("lets it go far", lambda page: slid(page, "#radio-far", "0.9"), "#radio-far")
    walk.does("less like this", lambda page: acted(page, 0, "Less like this"), ".acts")
    walk.does("goes to the radios", lambda page: page.click(".places >> text=Radio"), ".unwanted")
    walk.does("goes to the mixes", lambda page: page.click(".places >> text=Mixes"), "main .mixes")
    walk.does(
        "opens the deep cuts that keep themselves up to date",
        lambda page: (page.click(".places >> text=Playlists"), page.click("main .lists >> text=Deep cuts")),
        "main .rules .chip",
    )
    walk.page.set_viewport_size(PHONE)
    walk.does("takes the phone", lambda page: page.click(".places >> text=Radio"), "main .radios a")
    walk.does("goes on with the radio", lambda page: page.locator("main .radios a").first.click(), ".played")


def acted(page: Any, number: int, words: str) -> None:
    """Choose from the menu of a song of the list."""
    page.locator("main .acts").nth(number).click()
    page.get_by_role("menuitem", name=words).click()


def moved_down(page: Any) -> None:
    """Move the song that has the focus in the queue down, then go to the one before."""
    page.keyboard.press("Alt+ArrowDown")
    page.locator("#queue .queued").last.focus()


def queue_saved(page: Any) -> None:
    """Save the queue as a playlist."""
    page.locator("#queue").get_by_role("button", name="Save").click()
    page.fill("#ask-value", "From the queue")
    page.keyboard.press("Enter")


def ordered(page: Any) -> None:
    """Move the first song of a playlist behind the second."""
    page.locator("main .song .held").first.focus()
    page.keyboard.press("Alt+ArrowDown")


def renamed(page: Any, name: str) -> None:
    """Give the playlist another name."""
    page.get_by_role("button", name="Rename").click()
    page.fill("#ask-value", name)
    page.keyboard.press("Enter")


def slid(page: Any, slider: str, value: str) -> None:
    """Move a slider."""
    page.locator(slider).fill(value)


def saved(page: Any, name: str) -> None:
    """Save the list as a playlist."""
    page.get_by_role("button", name="Save as playlist").first.click()
    page.fill("#ask-value", name)
    page.keyboard.press("Enter")


def shortlisted(page: Any, name: str) -> None:
    """Put the first song into a shortlist, which is new."""
    page.locator(".to-shortlist").first.click()
    page.fill("#ask-value", name)
    page.keyboard.press("Enter")


def worded(page: Any, words: str) -> None:
    """Type words into the search field, and ask for what the sound is."""
    page.fill("#search-box", words)
    page.keyboard.press("Enter")
    until(page, "/search=|find=/.test(location.hash)")
    if "find=" not in page.url:
        page.get_by_text("In the sound").click()
        until(page, "location.hash.includes('find=')")


def filled(page: Any, box: str, value: str) -> None:
    """Fill in a field of the filters."""
    page.fill(box, value)
    page.keyboard.press("Enter")


def passage(page: Any, start: str, end: str) -> None:
    """Say from where to where, and find it."""
    page.fill("#from", start)
    page.fill("#to", end)
    page.get_by_role("button", name="Find it").click()
    until(page, "location.hash.includes('from=')")


def main() -> None:
    """Let all four go."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="Where the pictures go.")
    parser.add_argument(
        "--only", choices=["library", "film", "engineer", "listener"], help="One of the four."
    )
    given = parser.parse_args()
    out: Path = given.out
    out.mkdir(parents=True, exist_ok=True)
    for name, way in (
        ("library: someone with a library", library),
        ("film: someone who finds music for films", film),
        ("engineer: an engineer with labelled folders", engineer),
        ("listener: someone who just listens", listener),
    ):
        if given.only is not None and not name.startswith(given.only):
            continue
        with tempfile.TemporaryDirectory() as folder, new_browser(Path(folder) / "profile") as browser:
            one(name, way, Path(folder), out, browser)


def one(name: str, way: Callable[..., None], folder: Path, out: Path, browser: Any) -> None:
    """Let one go, on a copy of the catalogue of its own; the film's and the listener's are there already."""
    world = World(folder / "world")
    if way in (film, listener):
        world.run("deepcuts ingest demo/catalog")
    walk = Walk(name, out, world, browser)
    running = None

    def site() -> Site:
        nonlocal running
        running = listening(world.home)
        return Site(running.__enter__().url, world.home, world.folder / "demo" / "catalog")

    try:
        way(walk, site)
    finally:
        if running is not None:
            running.__exit__(None, None, None)
    walk.end()


if __name__ == "__main__":
    main()
