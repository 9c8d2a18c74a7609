"""What a catalogue's lists are worth, with and without hub correction; whether `discover` finds a taste.

    python benchmarks/lists.py WORK FOLDER... [--labels folders] [--taste 10] [--robustness 20] [--plays CSV]

WORK is an empty folder for the catalogue. The figures are those of `evaluate recommender`. With --taste, for
each label in turn a third of its songs, ten at most, get 10 to 50 plays and nothing else any: how many of the
first N deep cuts are of that label, against the share of it among the songs never played. Last, the
play counts are dealt out anew at random, and all lists compared.
"""

import csv
import random
import sqlite3
from collections import defaultdict
from pathlib import Path
from typing import Any

import common
import numpy as np

PERMUTATIONS = 3
COMPARED = 10


def tracks_of(home: Path) -> list[tuple[int, str, str | None]]:
    """Return id, absolute path and label of every track, by path, so that a seed draws the same songs."""
    with sqlite3.connect(home / "catalog.sqlite") as database:
        rows = database.execute(
            "SELECT track.id, root.path, rel_path, label FROM track JOIN root ON root.id = root_id"
        ).fetchall()
    found = [(i, str(Path(root.decode()) / path.decode()), label) for i, root, path, label in rows]
    return sorted(found, key=lambda track: track[1])


def set_plays(home: Path, plays: dict[str, int], work: Path) -> None:
    """Give every track its plays, through the command; those not named get none."""
    table = work / "plays.csv"
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "plays"])
        writer.writerows([path, plays.get(path, 0)] for _, path, _ in tracks_of(home))
    common.cli(home, "plays", "import", table)


def taste(home: Path, work: Path, n: int, seed: int) -> dict[str, Any]:
    """Plant a taste for each label in turn and see what `discover` returns."""
    rng = random.Random(seed)
    by_label: dict[str, list[str]] = defaultdict(list)
    tracks = tracks_of(home)
    for _, path, label in tracks:
        if label:
            by_label[label].append(path)
    rows = {}
    for label, paths in sorted(by_label.items()):
        played = rng.sample(paths, max(1, min(10, len(paths) // 3)))
        set_plays(home, {path: rng.randrange(10, 51) for path in played}, work)
        found = common.cli(home, "discover", "-n", n)["results"]
        own = [r["path"] in set(paths) for r in found]
        unplayed = all(r["plays"] == 0 for r in found)
        left = len(paths) - len(played)
        rows[label] = {
            "played": len(played),
            "left": left,
            "precision": round(sum(own) / len(own), 4),
            "best_possible": round(min(1.0, left / n), 4),
            "chance": round(left / (len(tracks) - len(played)), 4),
            "all_never_played": unplayed,
        }
    mean = {k: round(float(np.mean([r[k] for r in rows.values()])), 4) for k in ("precision", "chance")}
    return {"n": n, **mean, "by_label": rows}


def permuted(home: Path, work: Path, seed: int) -> dict[str, Any]:
    """Compare the lists of some songs under several ways to deal out play counts."""
    rng = random.Random(seed)
    tracks = tracks_of(home)
    queries = rng.sample([i for i, _, _ in tracks], min(COMPARED, len(tracks)))
    seen: dict[int, set[str]] = defaultdict(set)
    for _ in range(PERMUTATIONS):
        set_plays(home, {path: int(rng.paretovariate(0.6)) - 1 for _, path, _ in tracks}, work)
        for query in queries:
            results = common.cli(home, "similar", query, "-n", 20)["results"]
            for result in results:
                del result["plays"], result["last_played"]
            seen[query].add(repr(results))
    same = sum(len(lists) == 1 for lists in seen.values())
    return {"songs": len(queries), "permutations": PERMUTATIONS, "lists_byte_identical": same}


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("work", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--labels", default="none")
    parser.add_argument("--taste", type=int, default=0, metavar="N")
    parser.add_argument("--robustness", type=int, default=0, metavar="SONGS")
    parser.add_argument("--plays", type=Path, help="a CSV of play counts, for the curve of --discover")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    home = args.work / "home"
    args.work.mkdir(parents=True, exist_ok=True)
    common.cli(home, "ingest", *args.folders, "--labels", args.labels)
    answer: dict[str, Any] = {"machine": common.machine(), "folders": [f.name for f in args.folders]}
    if args.plays is not None:
        common.cli(home, "plays", "import", args.plays)
    unfiltered = common.cli(
        home, "evaluate", "recommender", "--robustness", args.robustness, "--no-artist-filter"
    )
    filtered = common.cli(home, "evaluate", "recommender", "--robustness", 0)
    answer["lists"] = unfiltered
    answer["artist_filtered"] = {
        m["method"]: {k: m[k] for k in ("top_5_genre_precision", "genre_precision", "genre_ndcg")}
        for m in filtered["methods"]
    }
    if args.taste:
        answer["taste"] = taste(home, args.work, args.taste, args.seed)
    answer["permuted_plays"] = permuted(home, args.work, args.seed)
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
