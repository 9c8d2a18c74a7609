"""How soon transcoded songs begin, and how others fare meanwhile: python benchmarks/transcoding.py HOME.

HOME is a catalogue's home directory; a copy of it is served, without what it keeps of earlier requests. Each
of REPEATS songs is asked for in each format, from its beginning and from its middle: the time until its first
bytes, by median and 95th percentile. Then a ping is timed while nothing else is asked, and while so many
clients each fetch covers and transcoded songs, one after the other, that 8 of each are under way.
"""

import argparse
import http.client
import itertools
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import common
from service_load import Served

AT_ONCE = 8
FORMATS = ("mp3", "opus", "aac", "flac")
LOGIN = {"u": "benchmark", "p": "any", "c": "benchmark"}


def asked(call: str, **more: object) -> str:
    """Return the address of a call."""
    return f"/rest/{call}?{urlencode({'f': 'json', **LOGIN, **more})}"


def first_bytes_ms(served: Served, path: str) -> float:
    """Return the milliseconds until a song begins, which is then given up."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    started = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    content = answer.read(256)
    ms = 1000 * (time.perf_counter() - started)
    connection.close()
    if answer.status != 200 or not content:
        raise SystemExit(f"{path}: {answer.status} {content!r}")
    return ms


def pings(served: Served, seconds: float) -> dict[str, float]:
    """Return how long pings take, over one connection, for so many seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    found, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        connection.request("GET", asked("ping"))
        connection.getresponse().read()
        found.append(1000 * (time.perf_counter() - started))
        time.sleep(0.01)
    connection.close()
    return common.quantiles_ms(found)


class Crowd:
    """Clients that fetch one thing after the other until they are told to stop."""

    def __init__(self, served: Served, paths: list[Callable[[int], str]]) -> None:
        self._served, self._stop = served, threading.Event()
        self.statuses: dict[str, int] = {}
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._fetch, args=(path, n)) for n, path in enumerate(paths)]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _fetch(self, path: Callable[[int], str], first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._served.port, timeout=120)
        for number in itertools.count(first, AT_ONCE):
            connection.request("GET", path(number))
            answer = connection.getresponse()
            while answer.read(2**16) and not self._stop.is_set():
                pass
            with self._lock:
                key = str(answer.status)
                self.statuses[key] = self.statuses.get(key, 0) + 1
            if self._stop.is_set():
                connection.close()
                return


def measured(served: Served, args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures."""
    whole = json.loads(served.get(asked("search3", query="", songCount=args.repeats))[1])
    songs = whole["subsonic-response"]["searchResult3"]["song"]
    for _ in range(20):  # whichever process answers makes ready, as for any player that says hello
        served.get(asked("ping"))
    time.sleep(3)
    started = time.perf_counter()
    first_bytes_ms(served, asked("stream", id=songs[0]["id"], format="mp3", maxBitRate=33))
    answer: dict[str, Any] = {
        "songs": len(songs),
        "the_very_first_ms": 1000 * (time.perf_counter() - started),
    }
    for kind in FORMATS:
        for where, share in (("beginning", 0.0), ("middle", 0.5)):
            how = {"format": kind, "maxBitRate": 97}
            times = [
                first_bytes_ms(
                    served, asked("stream", id=s["id"], timeOffset=int(share * s["duration"]) or 1, **how)
                )
                for s in songs
            ]
            answer[f"first_bytes_{kind}_{where}"] = common.quantiles_ms(times)
    answer["ping_alone"] = pings(served, args.seconds)
    ids = [song["id"] for song in songs]

    def song(number: int) -> str:
        return asked("stream", id=ids[number % len(ids)], format="mp3", maxBitRate=100 + number % 200)

    def cover(number: int) -> str:
        return asked("getCoverArt", id=ids[number % len(ids)], size=100 + number % 1000)

    with Crowd(served, [song] * AT_ONCE + [cover] * AT_ONCE) as crowd:
        time.sleep(1)
        answer["ping_in_the_crowd"] = pings(served, args.seconds)
    answer["crowd_statuses"] = crowd.statuses
    return answer


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("home", type=Path)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--scratch", type=Path, help="Where the copy of HOME is put.")
    args = parser.parse_args()
    answer: dict[str, Any] = {"machine": common.machine()}
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch:
        home = Path(scratch) / "home"
        shutil.copytree(args.home, home, ignore=shutil.ignore_patterns("cache"))
        served = Served(home)
        try:
            answer |= measured(served, args)
        finally:
            served.stop()
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
