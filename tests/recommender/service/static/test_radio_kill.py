"""A kill of the service in the middle of a radio, and a reload of the page, lose nothing."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.recommender.connections.remotes.supysonic import free_port
from tests.recommender.service.conftest import Server
from tests.recommender.service.static.browser import (
    Site,
    eventually,
    listening,
    play_slowly,
    player,
    radio_started,
    wait_for_player,
)
from tests.recommender.support import Library


def kill(server: Server) -> None:
    """Kill the service and the processes that answer, all at once."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for one in (pid, *map(int, children)):
        os.kill(one, signal.SIGKILL)
    server.process.wait()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that may complain of connections that were cut."""
    opened = browser.new_page()
    yield opened
    opened.close()


def test_a_radio_goes_on_where_it_was(page: Any, page_home: Path, tmp_path: Path) -> None:
    library = Library(page_home.parent / "music", page_home).clone(tmp_path)
    port = free_port()
    with listening(library.home, "--port", str(port)) as server:
        site = Site(server.url, library.home, library.music)
        radio_id = radio_started(page, site)
        page.click("#next")
        wait_for_player(page, "player.index === 1 && player.audio.currentTime > 0.1")
        play_slowly(page)  # it does not come to its end while there is no service
        eventually(page, lambda: site.get(f"/api/radios/{radio_id}")["played"][0]["outcome"], "skipped")
        queue = player(page, "player.queue.map((track) => [track.track_id, track.position])")
        kill(server)
    with listening(library.home, "--port", str(port)) as server:
        assert server.url == site.url
        page.reload()
        page.wait_for_selector("#bar-title")
        assert player(page, "player.track.radio_id") == radio_id
        assert player(page, "player.queue.map((track) => [track.track_id, track.position])") == queue
        assert player(page, "player.index") == 1
        player(page, f"player.at({len(queue) - 1})")
        wait_for_player(page, f"player.queue.length > {len(queue)}")
        played = site.get(f"/api/radios/{radio_id}")["played"]
        assert [song["position"] for song in played] == list(range(len(played)))
        assert played[0]["outcome"] == "skipped"
        assert [[song["track_id"], song["position"]] for song in played][: len(queue)] == queue
        seven = [song["track_id"] for song in played][:7]  # all that there are beside the one it is like
        assert len(set(seven)) == 7
