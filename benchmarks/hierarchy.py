"""Three levels of labels, and eleven flat ones, through train, evaluate, classify and tag.

    python benchmarks/hierarchy.py CATALOGUE

CATALOGUE is what the shared make_catalog.py renders: synthetic music, whose figures say that the whole
path works, and nothing about real music. Its labels.csv becomes family/genre/groove; the artist is the
group that no split tears apart.
"""

import csv
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import common

FAMILIES = {
    "blues": "roots",
    "country": "roots",
    "jazz": "roots",
    "rock": "guitars",
    "metal": "guitars",
    "punk": "guitars",
    "disco": "dance",
    "techno": "dance",
    "hiphop": "dance",
    "classical": "ballroom",
    "foxtrot": "ballroom",
    "pop": "songs",
    "reggae": "songs",
}
ELEVEN = 11
LEAST_SONGS = 4
SAMPLE = 12


def read_rows(catalogue: Path) -> list[dict[str, str]]:
    """Return the rows of the catalogue's labels."""
    with open(catalogue / "labels.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_labels(path: Path, catalogue: Path, labels: dict[str, str], rows: list[dict[str, str]]) -> None:
    """Write a CSV of path, label and group."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "group"))
        writer.writerows(
            (catalogue / row["path"], labels[row["path"]], row["artist"])
            for row in rows
            if row["path"] in labels
        )


def three_levels(rows: list[dict[str, str]]) -> dict[str, str]:
    """Return family/genre/groove by path, of grooves with enough songs."""
    songs = Counter((row["genre"], row["groove"]) for row in rows)
    return {
        row["path"]: f"{FAMILIES[row['genre']]}/{row['genre']}/{row['groove']}"
        for row in rows
        if songs[row["genre"], row["groove"]] >= LEAST_SONGS
    }


def through(home: Path, labels: Path, catalogue: Path, sample: list[str]) -> dict[str, Any]:
    """Train, evaluate, classify and tag; return what each said."""
    trained = common.cli(home, "train", labels, "--folds", 3)
    evaluated = common.cli(home, "evaluate", "classifier", labels, "--folds", 3)["recipes"][0]
    classified = common.cli(home, "classify", *(catalogue / path for path in sample))
    tagged = common.cli(home, "tag", catalogue / "blues")
    return {
        "labels": len(trained["labels"]),
        "songs": trained["songs"],
        "train_s": trained["seconds"],
        "levels": [
            {"labels": len(level["labels"]), "accuracy": level["accuracy"], "macro_f1": level["macro_f1"]}
            for level in evaluated["by_level"]
        ],
        "classified": [{"path": a["path"].rsplit("/", 4)[1], "label": a["label"]} for a in classified],
        "depths_of_tags": Counter(row["genre"].count("/") + 1 for row in tagged),
        "children_sum_to_parents": max(_gap(row["hierarchy"]) for row in tagged) < 1e-3,
    }


def _gap(hierarchy: list[dict[str, Any]]) -> float:
    """Return how much more the listed children of any node have than the node itself."""
    nodes = {node["name"]: node["probability"] for node in hierarchy}
    sums: Counter[str] = Counter()
    for name, p in nodes.items():
        if "/" in name:
            sums[name.rpartition("/")[0]] += p
    return max((total - nodes[parent] for parent, total in sums.items()), default=0.0)


def main() -> None:
    """Command line of this benchmark."""
    options = common.parser(str(__doc__))
    options.add_argument("catalogue", type=Path)
    args = options.parse_args()
    catalogue = args.catalogue.resolve()
    rows = read_rows(catalogue)
    eleven = sorted(FAMILIES)[:ELEVEN]
    labellings = {
        "three_levels": three_levels(rows),
        "eleven": {row["path"]: row["genre"] for row in rows if row["genre"] in eleven},
    }
    answer: dict[str, Any] = {"data": "synthetic music of make_catalog.py", "machine": common.machine()}
    with tempfile.TemporaryDirectory() as folder:
        for name, labels in labellings.items():
            path = Path(folder, f"{name}.csv")
            write_labels(path, catalogue, labels, rows)
            sample = sorted(labels)[:: max(1, len(labels) // SAMPLE)][:SAMPLE]
            answer[name] = through(Path(folder, "home"), path, catalogue, sample)
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
