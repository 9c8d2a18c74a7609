"""Several machines on this one: an ingest by Dask into PostgreSQL, and requests through nginx.

    PYTHONPATH=. python benchmarks/scaled_out.py FOLDER [--seconds 10] [--rounds 3] [--clients 8]

What runs is what tests/scaled_out.py starts: PostgreSQL, a scheduler and two workers, two services of one
process each, one following the other's home, and nginx. Clients ask for songs like a track, each time with
other options, so that no answer is kept. Rounds alternate between two services and one, the other being
ended by force. All share the processors of this machine: that two services answer no less than one shows that
nothing is in the way, not what two machines do.
"""

import argparse
import http.client
import itertools
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import common

from tests import dask_cluster, postgres, scaled_out
from tests.scaled_out import SeveralMachines, ended
from tests.waiting import until

SETTINGS = {"listen_addresses": ""}
TICKS = os.sysconf("SC_CLK_TCK")
NUMBERS = itertools.count(1)


def cpu_s(process: "subprocess.Popen[bytes]") -> float:
    """Return the processors' seconds that a process has taken."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def asked(machines: SeveralMachines, ids: list[int], clients: int, seconds: float) -> dict[str, float]:
    """Ask through nginx for some seconds; return requests a second, and what each cost the services."""
    port = int(machines.site.rpartition(":")[2])
    counts, wrong = [0] * clients, [0] * clients
    end_s = time.monotonic() + seconds

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < end_s:
            query = next(NUMBERS)
            song = ids[query % len(ids)]
            connection.request(
                "GET", f"/api/tracks/{song}/similar?discover={query % 997 / 1000}&n={5 + query % 7}"
            )
            answer = connection.getresponse()
            answer.read()
            counts[number] += 1
            wrong[number] += answer.status != 200

    running = [one for one in machines.services.values() if one.poll() is None]
    before, started_s = sum(map(cpu_s, running)), time.monotonic()
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall_s, used_s = time.monotonic() - started_s, sum(map(cpu_s, running)) - before
    done = sum(counts)
    return {
        "per_second": done / wall_s,
        "service_cpu_ms": used_s / max(1, done) * 1000,
        "wrong": float(sum(wrong)),
    }


def measured(machines: SeveralMachines, args: argparse.Namespace) -> dict[str, Any]:
    """Ingest, then let the rounds alternate."""
    code, out, err = ended(machines.ingest())
    if code not in (0, 3):
        raise SystemExit(err)
    answer: dict[str, Any] = {"ingest": {key: json.loads(out)[key] for key in KEPT}}
    ids = sorted(machines.tracks())
    until(lambda: len(machines.get(1, f"/api/tracks/{ids[0]}/similar?n=5")["results"]) > 0)
    rounds: dict[str, list[dict[str, float]]] = {"two_services": [], "one_service": []}
    for _ in range(args.rounds):
        rounds["two_services"].append(asked(machines, ids, args.clients, args.seconds))
        machines.kill_service(1)
        rounds["one_service"].append(asked(machines, ids, args.clients, args.seconds))
        machines.serve(1)
    for name, found in rounds.items():
        answer[name] = {key: round(statistics.median(one[key] for one in found), 2) for key in found[0]}
    pairs = zip(rounds["two_services"], rounds["one_service"], strict=True)
    answer["two_over_one"] = round(statistics.median(a["per_second"] / b["per_second"] for a, b in pairs), 2)
    return answer


KEPT = ("found", "analysed", "seconds", "tracks_per_minute")


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    args: argparse.Namespace = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, postgres.running(SETTINGS) as server:
        place = Path(temporary)
        for name in ("dask", "machines"):
            (place / name).mkdir()
        with dask_cluster.running(place / "dask") as cluster:
            for _ in range(2):
                cluster.start_worker()
            with scaled_out.running(place / "machines", server, cluster, args.folder.resolve()) as machines:
                answer = {"machine": common.machine(), **measured(machines, args)}
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
