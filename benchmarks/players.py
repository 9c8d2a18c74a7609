"""How long the service takes to answer what music players ask: python benchmarks/players.py HOME.

HOME is a catalogue's home directory; with --make it is made first, of so many songs that are none. A copy of
it is served: once until its index and the files beside it are made, as they are from then on, and then to be
measured. Every call is asked over one connection REPEATS times in turn with the others, after once that
is not counted; with a scrobble in every turn nothing is answered again as it was. Then the library is fetched
whole, as a player does that keeps it. At last all are asked at random MORE times, to see whether the
service's memory grows.
"""

import http.client
import json
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import common
import large_index
from service_load import Served

from recommender.home import Home
from recommender.retrieval.mapped import store

SAMPLES = 10
LONGEST_S = 600
MEAN_SEGMENTS = 1.34


class Player:
    """One connection to a service."""

    def __init__(self, served: Served) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=120)

    def get(self, call: str, **parameters: object) -> tuple[float, bytes]:
        """Return the seconds that an answer took, and the answer."""
        path = f"/rest/{call}?{urlencode({'f': 'json', 'u': 'player', 'p': 'any', **parameters})}"
        started = time.perf_counter()
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        body = response.read()
        seconds = time.perf_counter() - started
        if response.status != 200 or b'"status":"failed"' in body:
            raise SystemExit(f"{path}: {response.status} {body[:300]!r}")
        return seconds, body

    def ask(self, call: str, **parameters: object) -> Any:
        """Return what an answer says."""
        return json.loads(self.get(call, **parameters)[1])["subsonic-response"]


def calls_of(player: Player) -> dict[str, tuple[str, dict[str, object]]]:
    """Return what is asked, by what it is called in the report."""
    page = player.ask("search3", query="", songCount=500)["searchResult3"]["song"]
    player.get("savePlayQueue", id=page[0]["id"], current=page[0]["id"])
    song, other, n_genres = page[0], page[-1], player.ask("getGenres")["genres"]["genre"]
    lists = ("random", "newest", "frequent", "recent", "alphabeticalByName", "alphabeticalByArtist")
    calls: dict[str, tuple[str, dict[str, object]]] = {
        "ping": ("ping", {}),
        "getArtists": ("getArtists", {}),
        "getIndexes": ("getIndexes", {}),
        "getArtist": ("getArtist", {"id": song["artistId"]}),
        "getAlbum": ("getAlbum", {"id": song["albumId"]}),
        "getSong": ("getSong", {"id": song["id"]}),
        **{f"getAlbumList2 {kind}, 500": ("getAlbumList2", {"type": kind, "size": 500}) for kind in lists},
        "getAlbumList2 byYear, 500": (
            "getAlbumList2",
            {"type": "byYear", "fromYear": 1900, "toYear": 2100, "size": 500},
        ),
        "search3 of words": ("search3", {"query": song["title"]}),
        "search3 of all, 500 songs": ("search3", {"query": "", "songCount": 500, "songOffset": 5000}),
        "getRandomSongs, 500": ("getRandomSongs", {"size": 500}),
        "getGenres": ("getGenres", {}),
        "getCoverArt, drawn": ("getCoverArt", {"id": song["albumId"], "size": 300}),
        "getSimilarSongs of a song": ("getSimilarSongs", {"id": song["id"]}),
        "getSimilarSongs of an album": ("getSimilarSongs", {"id": song["albumId"]}),
        "getArtistInfo2": ("getArtistInfo2", {"id": song["artistId"]}),
        "getSonicSimilarTracks": ("getSonicSimilarTracks", {"id": song["id"]}),
        "findSonicPath": ("findSonicPath", {"startSongId": song["id"], "endSongId": other["id"]}),
        "scrobble": ("scrobble", {"id": song["id"]}),
        "scrobble of what begins": ("scrobble", {"id": song["id"], "submission": "false"}),
        "getNowPlaying": ("getNowPlaying", {}),
        "savePlayQueue": ("savePlayQueue", {"id": song["id"], "current": song["id"], "position": 1}),
        "getPlayQueue": ("getPlayQueue", {}),
    }
    if n_genres:
        genre = n_genres[0]["value"]
        calls["getSongsByGenre, 500"] = ("getSongsByGenre", {"genre": genre, "count": 500})
        calls["getAlbumList2 byGenre, 500"] = (
            "getAlbumList2",
            {"type": "byGenre", "genre": genre, "size": 500},
        )
    return calls


def settle(home: Path) -> None:
    """Serve a home until what is made of a catalogue that is served is there."""
    served = Served(home)
    try:
        for _ in range(LONGEST_S):
            if store.read_sidecar(Home(home).arrays_dir) is not None:
                return
            time.sleep(1)
        raise SystemExit(f"the service made nothing beside the catalogue in {LONGEST_S} s")
    finally:
        served.stop()


def timed(served: Served, player: Player, repeats: int) -> dict[str, dict[str, float]]:
    """Return median, 95th percentile, longest time, mean of processors' time and size of every call."""
    calls = calls_of(player)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    sizes, cpu_s = {}, dict.fromkeys(calls, 0.0)
    for name, (call, parameters) in calls.items():
        sizes[name] = len(player.get(call, **parameters)[1])
    for _ in range(repeats):
        for name, (call, parameters) in calls.items():
            before = common.running_cpu_s(served.process.pid)
            seconds[name].append(player.get(call, **parameters)[0])
            cpu_s[name] += common.running_cpu_s(served.process.pid) - before
    return {
        name: {
            **common.quantiles_ms(1000 * one for one in some),
            "cpu_ms": round(1000 * cpu_s[name] / repeats, 1),
            "kb": round(sizes[name] / 1024, 1),
        }
        for name, some in seconds.items()
    }


def synced(player: Player) -> dict[str, dict[str, float]]:
    """Return seconds and megabytes of a whole library: in one answer, and in pages of 10,000 songs."""
    found: dict[str, dict[str, float]] = {}
    every = {"query": "", "artistCount": 10**6, "albumCount": 10**6, "songCount": 10**6}
    seconds, body = player.get("search3", **every)
    found["in one answer"] = {"seconds": round(seconds, 2), "mb": round(len(body) / 2**20, 1)}
    seconds, size, first = 0.0, 0, 0
    while True:
        page = {"query": "", "songCount": 10_000, "songOffset": first, "albumCount": 0, "artistCount": 0}
        took, body = player.get("search3", **page)
        seconds, size, first = seconds + took, size + len(body), first + 10_000
        if len(json.loads(body)["subsonic-response"]["searchResult3"]["song"]) < 10_000:
            break
    found["in pages of 10,000"] = {"seconds": round(seconds, 2), "mb": round(size / 2**20, 1)}
    return found


def memory_mb(served: Served, player: Player, more: int) -> list[float]:
    """Return the service's memory while calls are asked at random."""
    calls, drawn = list(calls_of(player).values()), random.Random(0)
    found = [served.memory_mb()]
    for number in range(1, more + 1):
        call, parameters = drawn.choice(calls)
        player.get(call, **parameters)
        if number % max(1, more // SAMPLES) == 0:
            found.append(served.memory_mb())
    return found


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("home", type=Path)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--more", type=int, default=3000)
    parser.add_argument("--make", type=int, help="Make HOME first, of so many songs of a segment or two.")
    parser.add_argument("--scratch", type=Path, help="Where the copy of HOME is put.")
    args = parser.parse_args()
    answer: dict[str, Any] = {"machine": common.machine()}
    if args.make:
        large_index.MEAN_SEGMENTS = MEAN_SEGMENTS
        args.home.mkdir(parents=True)
        large_index.fill(large_index.Library(round(args.make * MEAN_SEGMENTS)), args.home)
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch:
        home = Path(scratch) / "home"
        shutil.copytree(args.home, home)
        settle(home)
        served = Served(home)
        try:
            player = Player(served)
            answer["songs"] = player.ask("getScanStatus")["scanStatus"]["count"]
            answer["calls"] = timed(served, player, args.repeats)
            answer["whole_sync"] = synced(player)
            answer["memory_mb"] = memory_mb(served, player, args.more)
        finally:
            served.stop()
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
