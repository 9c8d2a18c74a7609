"""A browser on a server on the page's library, one for all tests of the page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.recommender import support
from tests.recommender.hearing import takes_all_for_music
from tests.recommender.service.static.browser import (
    CHROMIUM,
    Site,
    listening,
    new_browser,
    watched,
    write_songs,
)


@pytest.fixture(scope="package")
def page_home(database: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home that the page's library was ingested into; the folder beside it is the library."""
    folder = tmp_path_factory.mktemp("page")
    music = write_songs(folder / "music")
    takes_all_for_music(folder / "home")
    assert len(support.ingest(folder / "home", music)["failed"]) == 0
    return folder / "home"


@pytest.fixture(scope="package")
def site(page_home: Path) -> Iterator[Site]:
    """The service on that library."""
    with listening(page_home) as server:
        yield Site(server.url, page_home, page_home.parent / "music")


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser; what needs it is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt install chromium)")
    with new_browser(tmp_path_factory.mktemp("profile")) as context:
        yield context


@pytest.fixture
def page(browser: Any, site: Site) -> Iterator[Any]:
    """A page with all settings as they are at first; no script may fail, nor break its policy."""
    with watched(browser, site) as opened:
        yield opened


@pytest.fixture
def left_page(browser: Any, site: Site) -> Iterator[Any]:
    """The same for a test that takes the service away: what was on its way then may be cut off."""
    with watched(browser, site, expected=("net::ERR_CONNECTION_RESET", "net::ERR_EMPTY_RESPONSE")) as opened:
        yield opened
