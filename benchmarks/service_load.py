"""Requests a second, latencies and memory of the service: python benchmarks/service_load.py HOME.

HOME is a catalogue's home directory (`benchmarks/players.py --make` makes one of songs that are none); a copy
of it is served. CLIENTS ask at once, each over its own connection, for songs like a track: for each one once
(cold), then for few of them again and again (warm). --ingest FOLDER is ingested meanwhile, again and again in
halves of its files, so that tracks come while answers are given. --checkout DIR serves with another version.
The memory is that of all processes of the service, of their own (what they share counts once, files do not).
"""

import argparse
import http.client
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import common

CLI = (sys.executable, str(common.ROOT / "cli.py"))
SAMPLES = 25
FIRST, FEW = 100, 500
SETTLE_S = 20.0


class Served:
    """The service as a process."""

    def __init__(self, home: Path, checkout: Path = common.ROOT) -> None:
        command = [sys.executable, str(checkout / "cli.py"), "--home", str(home), "serve", "--port", "0"]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(checkout)}
        )
        stderr = self.process.stderr
        said = stderr.readline() if stderr is not None else ""
        found = re.search(r":(\d+)/", said)
        if found is None:
            raise SystemExit(f"the service did not start: {said}")
        self.port = int(found[1])
        threading.Thread(target=self.process.communicate, daemon=True).start()
        self._await()

    def _await(self) -> None:
        for _ in range(600):
            try:
                if self.get("/health")[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the service did not start")

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def memory_mb(self) -> float:
        """Return the memory of the service's own, in all its processes, no file's."""
        return round(sum(map(_own_kb, common.family(self.process.pid))) / 1024, 1)

    def stop(self) -> None:
        """End it as a service manager would."""
        self.process.terminate()
        self.process.wait(30)


def _own_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended meanwhile
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:"))


class Load:
    """Clients that ask for songs like each of some tracks, in turn."""

    def __init__(self, served: Served, ids: Iterable[int], clients: int, requests: int) -> None:
        self.served, self.ids, self.clients = served, iter(ids), clients
        self.left = self.total = requests
        self.latencies_s: list[float] = []
        self.statuses: dict[str, int] = {}
        self.memory_mb: list[float] = [served.memory_mb()]
        self._lock = threading.Lock()

    def run(self) -> float:
        """Return the seconds that it took."""
        started = time.perf_counter()
        threads = [threading.Thread(target=self._client) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - started

    def _client(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=120)
        while (track_id := self._take()) is not None:
            path = f"/api/tracks/{track_id}/similar"
            started = time.perf_counter()
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                whole = json.loads(response.read())
                status = (
                    str(response.status) if whole.get("results") else f"{response.status} without results"
                )
            except OSError as error:
                status = type(error).__name__
                connection.close()
            with self._lock:
                self.latencies_s.append(time.perf_counter() - started)
                self.statuses[status] = self.statuses.get(status, 0) + 1

    def _take(self) -> int | None:
        with self._lock:
            self.left -= 1
            if self.left >= 0 and self.left % max(1, self.total // SAMPLES) == 0:
                self.memory_mb.append(self.served.memory_mb())
            return next(self.ids) if self.left >= 0 else None

    def report(self, seconds: float) -> dict[str, Any]:
        """Return the figures."""
        ms = [1000 * one for one in self.latencies_s]
        return {
            "requests": len(ms),
            "clients": self.clients,
            "requests_per_s": round(len(ms) / seconds, 1),
            **common.quantiles_ms(ms),
            "p99_ms": round(common.quantile(ms, 0.99), 1),
            "statuses": self.statuses,
            "memory_mb": self.memory_mb,
        }


class Ingests:
    """Ingests the halves of a folder in turn, until it is told to stop."""

    def __init__(self, home: Path, folder: Path, scratch: Path) -> None:
        self.home, self.music = home, scratch / "new"
        self.files = sorted(p for p in folder.iterdir() if p.is_file())
        self.runs: list[dict[str, int]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for number, half in enumerate((self.files[::2], self.files[1::2])):
            place = self.music / str(number)
            place.mkdir(parents=True)
            for file in half:
                (place / file.name).symlink_to(file)
            command = [*CLI, "--home", str(self.home), "ingest", str(place), "--jobs", "1", "--json"]
            done = subprocess.run(command, capture_output=True, check=False)
            said = json.loads(done.stdout)
            kept = {name: said[name] for name in ("found", "analysed")}
            self.runs.append({"exit": done.returncode, "failed": len(said["failed"]), **kept})
            if self._stop.is_set():
                return

    def finish(self) -> list[dict[str, int]]:
        """Return what each ingest did."""
        self._stop.set()
        self._thread.join()
        return self.runs


def main() -> None:
    """Run it."""
    parser = parser_of_served(__doc__ or "")
    parser.add_argument("--requests", type=int, default=50_000, help="Warm ones.")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--ingest", type=Path)
    args = parser.parse_args()
    answer: dict[str, Any] = {"machine": common.machine()}
    with served_copy(args) as (served, home):
        answer |= measured(served, home, home.parent, args)
    common.report(answer, args.output)


def parser_of_served(doc: str) -> argparse.ArgumentParser:
    """Return a parser of what is told to every benchmark that serves a copy of a home; see `served_copy`."""
    parser = common.parser(doc)
    parser.add_argument("home", type=Path)
    parser.add_argument("--checkout", type=Path, default=common.ROOT)
    parser.add_argument("--scratch", type=Path, help="Where the copy of HOME is put.")
    return parser


@contextmanager
def served_copy(args: argparse.Namespace) -> Iterator[tuple[Served, Path]]:
    """Serve a copy of HOME until the block ends; it is in a folder of its own, which goes then."""
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch:
        home = Path(scratch) / "home"
        shutil.copytree(args.home, home)
        served = Served(home, args.checkout.resolve())
        try:
            yield served, home
        finally:
            served.stop()


def measured(served: Served, home: Path, scratch: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Return what the loads were like: alone, and beside an ingest."""
    ids = all_ids(served)
    random.Random(0).shuffle(ids)
    answer: dict[str, Any] = {"tracks": len(ids), "first_list_ms": first_list_ms(served)}
    Load(served, ids[:FIRST], args.clients, FIRST).run()
    time.sleep(SETTLE_S)  # what a service makes beside its catalogue, it has made
    cold = Load(served, ids[FIRST:], args.clients, len(ids) - FIRST)
    answer["cold"] = cold.report(cold.run())
    warm = Load(served, itertools.cycle(ids[-FEW:]), args.clients, args.requests)
    answer["warm"] = warm.report(warm.run())
    if args.ingest is not None:
        ingests = Ingests(home, args.ingest, scratch)
        beside = Load(served, itertools.cycle(ids), args.clients, args.requests // 10)
        seconds = beside.run()
        answer["beside_an_ingest"] = beside.report(seconds) | {"ingests": ingests.finish()}
    return answer


def all_ids(served: Served) -> list[int]:
    """Return the ids of all tracks."""
    found: list[int] = []
    path: str | None = "/api/tracks?limit=500&sort=id"
    while path is not None:
        page = json.loads(served.get(path)[1])
        found += [track["track_id"] for track in page["tracks"]]
        following = page["next_offset"]
        path = None if following is None else f"/api/tracks?limit=500&sort=id&offset={following}"
    return found


def first_list_ms(served: Served) -> float:
    """Return how long the list takes that the page shows first."""
    started = time.perf_counter()
    served.get("/api/tracks")
    return round(1000 * (time.perf_counter() - started), 1)


if __name__ == "__main__":
    main()
