"""A service that is ended by force while songs are counted as played and playlists are made."""

import http.client
import json
import re
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from benchmarks.campaign.places import SONGS, Place
from tests.processes import kill_all
from tests.recommender.support import CLI, environment

WRITERS = 3
LISTED = (1, 3, 5, 1)
HEADERS = {"Content-Type": "application/json", "X-Requested-With": "campaign"}


@dataclass
class Written:
    """What one writer was told is written, and what it asked for last."""

    plays: Counter[int] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)
    asked: str | int | None = None
    refused: str | None = None


def attempt(place: Place, share: float, trouble: Callable[[], str | None]) -> str | None:
    """Write through a service until it is ended, after `share` of a second; say what was lost, or None."""
    before = place.rows()
    process = subprocess.Popen(
        [*CLI, "--home", str(place.home), "serve", "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(place.home),
        start_new_session=True,
    )
    try:
        first = process.stderr.readline() if process.stderr else ""
        found = re.search(r"http://([^:]+):(\d+)", first)
        if found is None:
            return f"the service does not start: {first}"
        written = [Written() for _ in range(WRITERS)]
        threads = [
            threading.Thread(target=_write, args=((found[1], int(found[2])), number, one))
            for number, one in enumerate(written)
        ]
        for thread in threads:
            thread.start()
        time.sleep(share)
    finally:
        kill_all(process.pid)
        process.communicate()
    for thread in threads:
        thread.join()
    return trouble() or _lost(place, before, written)


def _write(address: tuple[str, int], number: int, written: Written) -> None:
    """Count plays and make playlists, until nobody answers any more."""
    connection = http.client.HTTPConnection(*address, timeout=60)
    turn = 0
    try:
        while written.refused is None:
            turn += 1
            written.asked = f"list {number} {turn}" if turn % 2 else 1 + (turn // 2 + number) % len(SONGS)
            if isinstance(written.asked, str):
                body = json.dumps({"name": written.asked, "track_ids": LISTED})
                connection.request("POST", "/api/playlists", body, HEADERS)
            else:
                connection.request("POST", f"/api/tracks/{written.asked}/plays", "", HEADERS)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status not in (200, 201):
                written.refused = f"{answer.status}: {said[:200]!r}"
            elif isinstance(written.asked, str):
                written.names.append(written.asked)
            else:
                written.plays[written.asked] += 1
    except (OSError, http.client.HTTPException):
        return
    finally:
        connection.close()


def _lost(place: Place, before: dict[str, object], written: list[Written]) -> str | None:
    """Say what was answered and is not there, or is there and was not asked for."""
    for one in written:
        if one.refused is not None:
            return f"a change was refused with {one.refused}"
    with closing(sqlite3.connect(place.home / "catalog.sqlite")) as catalog:
        plays = dict(catalog.execute("SELECT id, plays FROM track"))
        lists: dict[str, list[int]] = {}
        held = "SELECT name, track_id FROM playlist LEFT JOIN playlist_track ON playlist_id = id"
        for name, track_id in catalog.execute(f"{held} ORDER BY position"):
            lists.setdefault(name, []).append(track_id)
    for track_id, n_plays in plays.items():
        least = sum(one.plays[track_id] for one in written)
        if not least <= n_plays <= least + sum(one.asked == track_id for one in written):
            return f"track {track_id} has {n_plays} plays, of {least} that were counted"
    named = {name for one in written for name in one.names}
    if not named <= lists.keys() <= named | {one.asked for one in written}:
        return f"playlists were lost or made up: {named ^ lists.keys()}"
    odd = {name: ids for name, ids in lists.items() if tuple(ids) != LISTED}
    after = place.rows()
    if odd or after["segments"] != before["segments"] or after["writes"] != before["writes"]:
        return f"rows are not as they were: {list(odd.items())[:3]}"
    return None
