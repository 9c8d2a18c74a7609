"""The page while a library is being taken in for the first time."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from db.ingest_progress import IngestProgress, clear_progress, note_progress
from recommender.home import Home
from tests.recommender import support
from tests.recommender.service.static.browser import SONGS, Site, listening, titles, visit, write_songs

PATIENCE_S = 90


@pytest.fixture
def empty(database: str, tmp_path: Path) -> Iterator[Site]:
    """A service of a home that nothing was ingested into yet."""
    home = Home(tmp_path / "home")
    home.catalog().close()
    home.close()
    with listening(tmp_path / "home") as server:
        yield Site(server.url, tmp_path / "home", tmp_path / "music")


def patiently(page: Any, expression: str) -> None:
    """Wait until an expression is true; the page looks every few seconds, and so does the service."""
    end = time.monotonic() + PATIENCE_S
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never came true: {expression}"
        page.wait_for_timeout(50)


def test_the_page_says_how_far_a_first_ingest_is_and_shows_its_songs_by_itself(
    browser: Any, empty: Site
) -> None:
    page = browser.new_page()
    visit(page, empty, ready=".empty")
    assert page.locator("main .panel").is_hidden()
    home = Home(empty.home)
    catalog = home.existing_catalog()
    with catalog.transaction() as session:
        note_progress(session, IngestProgress(1234, 5000))
    patiently(page, "document.querySelector('#trouble').innerText.includes('1,234 of 5,000 songs done')")
    with catalog.transaction() as session:
        clear_progress(session)
    home.close()
    songs = write_songs(empty.music)
    aside = [(songs / name).rename(empty.home / name) for name, *_ in SONGS[1:]]
    support.ingest(empty.home, songs)
    patiently(page, "document.querySelectorAll('main .song').length === 1")  # as in the midst of an ingest
    for file in aside:
        file.rename(songs / file.name)
    support.ingest(empty.home, songs)
    patiently(page, f"document.querySelectorAll('main .song').length === {len(SONGS)}")
    patiently(page, "document.querySelector('#trouble').hidden")
    assert page.inner_text("main h1") == "Your songs"
    assert len(titles(page)) == len(SONGS)
    page.close()
