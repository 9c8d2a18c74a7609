"""Requests a second, latencies and memory of the service: python benchmarks/service_load.py HOME.

HOME is a catalogue's home directory; a copy of it is served. CLIENTS ask at once, each over its own
connection, for songs like a track drawn at random. --ingest FOLDER is ingested meanwhile, again and again in
halves of its files, so that tracks come while answers are given.
"""

import argparse
import http.client
import json
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import common

CLI = (sys.executable, str(common.ROOT / "cli.py"))
SAMPLES = 25


class Served:
    """The service as a process."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [*CLI, "--home", str(home), "serve", "--port", "0"], stderr=subprocess.PIPE, text=True
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
        """Return the memory of the process's own, no file's."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return round(int(fields["RssAnon"].split()[0]) / 1024, 1)

    def stop(self) -> None:
        """End it as a service manager would."""
        self.process.terminate()
        self.process.wait(30)


class Load:
    """Clients that ask until so many requests are answered."""

    def __init__(self, served: Served, ids: list[int], clients: int, requests: int) -> None:
        self.served, self.ids, self.clients, self.left = served, ids, clients, requests
        self.total = requests
        self.latencies_s: list[float] = []
        self.statuses: dict[str, int] = {}
        self.memory_mb: list[float] = [served.memory_mb()]
        self._lock = threading.Lock()

    def run(self) -> float:
        """Return the seconds that it took."""
        started = time.perf_counter()
        threads = [threading.Thread(target=self._client, args=(n,)) for n in range(self.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - started

    def _client(self, number: int) -> None:
        drawn = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=120)
        while self._take():
            path = f"/api/tracks/{drawn.choice(self.ids)}/similar"
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

    def _take(self) -> bool:
        with self._lock:
            self.left -= 1
            if self.left >= 0 and self.left % max(1, self.total // SAMPLES) == 0:
                self.memory_mb.append(self.served.memory_mb())
            return self.left >= 0

    def report(self, seconds: float) -> dict[str, Any]:
        """Return the figures."""
        ordered = sorted(self.latencies_s)

        def quantile_ms(share: float) -> float:
            return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)

        return {
            "requests": len(ordered),
            "clients": self.clients,
            "requests_per_s": round(len(ordered) / seconds, 1),
            "median_ms": round(1000 * statistics.median(ordered), 1),
            "p95_ms": quantile_ms(0.95),
            "p99_ms": quantile_ms(0.99),
            "most_ms": quantile_ms(1.0),
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
    parser = common.parser(__doc__ or "")
    parser.add_argument("home", type=Path)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--ingest", type=Path)
    parser.add_argument("--scratch", type=Path, help="Where the copy of HOME is put.")
    args = parser.parse_args()
    answer: dict[str, Any] = {"machine": common.machine()}
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch:
        home = Path(scratch) / "home"
        shutil.copytree(args.home, home)
        served = Served(home)
        try:
            answer |= measured(served, home, Path(scratch), args)
        finally:
            served.stop()
    common.report(answer, args.output)


def measured(served: Served, home: Path, scratch: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Return what the loads were like: alone, and beside an ingest."""
    ids = [track["track_id"] for track in json.loads(served.get("/api/tracks?limit=500")[1])["tracks"]]
    answer: dict[str, Any] = {"tracks": json.loads(served.get("/api/status")[1])["tracks"]}
    warm = Load(served, ids, args.clients, 500)
    warm.run()
    alone = Load(served, ids, args.clients, args.requests)
    answer["alone"] = alone.report(alone.run())
    if args.ingest is not None:
        ingests = Ingests(home, args.ingest, scratch)
        beside = Load(served, ids, args.clients, args.requests // 10)
        seconds = beside.run()
        answer["beside_an_ingest"] = beside.report(seconds) | {"ingests": ingests.finish()}
    return answer


if __name__ == "__main__":
    main()
