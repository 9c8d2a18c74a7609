"""The REST interface against its own description: python benchmarks/service_schema.py HOME [--examples 20].

HOME is a catalogue's home directory; a copy of it is served. schemathesis makes up requests, good and bad,
for every operation, and checks the answers: no status of 500 and above, none that is not described, shapes
and headers as described, bad requests refused, other methods refused. A request that fits the description
may still be refused for what it means (a passage that ends before it begins, a genre that there is not,
bytes that are no audio), so 422 counts as an answer to those;
tests/recommender/service/rest/test_schema.py looks closer.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import common
from service_load import Served

CONFIG = (
    "[checks.positive_data_acceptance]\nexpected-statuses = ['2xx', '3xx', 401, 403, 404, 409, 422, 503]\n"
)


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("home", type=Path)
    parser.add_argument("--examples", type=int, default=20, help="for each operation, beside fixed ones")
    parser.add_argument("--seconds", type=int, default=300, help="at most")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        shutil.copytree(args.home, home)
        served = Served(home)
        try:
            found = asked(served, Path(scratch), args.examples, args.seconds, args.seed)
            answer = {"machine": common.machine() | common.versions("schemathesis", "fastapi"), **found}
        finally:
            served.stop()
    common.report(answer, args.output)
    raise SystemExit(1 if answer["failures"] or answer["server_errors"] else 0)


def asked(served: Served, scratch: Path, examples: int, seconds: int, seed: int) -> dict[str, Any]:
    """Run schemathesis; return what it counted, and what the service counted."""
    (scratch / "schemathesis.toml").write_text(CONFIG)
    command = [
        *(
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            "schemathesis.toml",
            "--no-color",
            "run",
        ),
        f"http://127.0.0.1:{served.port}/openapi.json",
        *("--header", "X-Requested-With: schemathesis"),
        *("--checks", "all", "--phases", "coverage,fuzzing", "--continue-on-failure"),
        *("--max-examples", str(examples), "--max-time", str(seconds), "--seed", str(seed)),
        *("--request-timeout", "60"),  # a busy machine is no fault of the service
    ]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    generated = re.search(r"(\d+) generated", done.stdout)
    if generated is None:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    statuses = counted(served.get("/metrics")[1].decode())
    failures = re.findall(r"^_+ (.*?) _+$|^- (ST\d+ .*)$", done.stdout, re.MULTILINE)
    return {
        "operations": len(re.findall(r'"operationId"', served.get("/openapi.json")[1].decode())),
        "cases": int(generated[1]),
        "requests": sum(statuses.values()),
        "statuses": statuses,
        "server_errors": sum(n for status, n in statuses.items() if status in ("500", "502")),
        "failures": [operation or failure for operation, failure in failures],
        "in_words": done.stdout[-4000:] if failures else "",
        "said": done.stdout.strip().splitlines()[-1].strip("= "),
        "health": json.loads(served.get("/health")[1])["status"],
    }


def counted(metrics: str) -> dict[str, int]:
    """Return how many requests the service answered with each status."""
    found: Counter[str] = Counter()
    for status, n in re.findall(
        r'^deepcuts_requests_total\{.*status="(\d+)"\} ([\d.e+]+)', metrics, re.MULTILINE
    ):
        found[status] += round(float(n))
    return dict(sorted(found.items()))


if __name__ == "__main__":
    main()
