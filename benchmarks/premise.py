"""The study's premise, that finer genres make better recommendations, put to the test.

    python benchmarks/premise.py HOME [--truth labels.csv:groove] [--trained-on TAGGRAMS.npz]

HOME is a labelled catalogue. To the score that `similar` ranks by, w times the affinity of two songs'
genres is added (Bhattacharyya's, the sum of the roots of the products): of no genres, of the bundle's
labels, of the leaves of its fine taxonomy, of the tags themselves. Judged by the catalogue's labels, among
the five nearest, the query's artist left out; and by a finer truth, a column of a CSV with a path column.
With --trained-on, only songs that the shipped head did not train on are queries and candidates.
"""

import csv
from pathlib import Path
from typing import Any

import common
import numpy as np
import numpy.typing as npt

from classifier.model.bundle import Bundle
from db.sound.predictions import song_predictions
from db.tracks import by_ids
from recommender.evaluation.list_metrics import choose_neighbours, numbered
from recommender.evaluation.relevance import precision
from recommender.evaluation.score_tables import RANKING, facts_of, recordings_of, score_tables
from recommender.home import Home
from recommender.retrieval.index.store import open_index

Array = npt.NDArray[np.float32]
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


def leaves(bundle: Bundle, genres: Array, tags: Array) -> Array:
    """Return the probabilities of the taxonomy's leaves, (tracks, leaves)."""
    nodes = bundle.taxonomy.node_columns(genres, tags)
    names = [n for n in nodes if not any(other.startswith(n + "/") for other in nodes)]
    return np.stack([nodes[name] for name in names], axis=1).astype(np.float32)


def affinity(probabilities: Array) -> Array:
    """Return the affinity of songs with each other, (tracks, tracks) in 0..1."""
    roots = np.sqrt(np.maximum(probabilities, 0) / np.maximum(probabilities.sum(axis=1, keepdims=True), 1e-9))
    return np.asarray(roots @ roots.T, np.float32)


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("home", type=Path)
    parser.add_argument("--truth", help="FILE.csv:COLUMN")
    parser.add_argument("--trained-on", type=Path)
    args = parser.parse_args()
    home = Home(args.home)
    catalog, bundle = home.existing_catalog(), home.bundle()
    index, _ = open_index(catalog, home.index_dir, bundle.trunk_id)
    with catalog.transaction() as session:
        tables = score_tables(session, index, bundle, 3000, 0)
        facts = facts_of(session, index, tables.positions)
        recordings = recordings_of(session, index, tables.positions)
        ids = index.rows.track_ids[tables.positions]
        genres = song_predictions(session, bundle.bundle_id, ids, len(bundle.labels))
        rows = by_ids(session, [int(i) for i in ids])
        paths = [rows[int(i)].path for i in ids]
    tags = index.rows.tags[tables.positions]
    truths = {"label": numbered(facts.genres)}
    if args.truth:
        truths["finer"] = numbered(finer(args.truth, paths))
    kept = np.ones(len(paths), bool)
    if args.trained_on is not None:
        with np.load(args.trained_on, allow_pickle=False) as data:
            seen = set(data["track"].tolist())
        kept = np.array([f"{Path(p).parent.name}/{Path(p).stem}" not in seen for p in paths])
    scores = tables.scores[RANKING][np.ix_(kept, kept)]
    terms = {
        f"{len(bundle.labels)} genres": genres,
        "taxonomy's leaves": leaves(bundle, genres, tags),
        f"{tags.shape[1]} tags": tags,
    }
    answer: dict[str, Any] = {"machine": common.machine(), "songs": int(kept.sum()), "terms": {}}
    for name, probabilities in terms.items():
        alike = affinity(probabilities)[np.ix_(kept, kept)]
        answer["terms"][name] = {}
        for weight in WEIGHTS:
            nearest = choose_neighbours(
                scores + weight * alike,
                np.arange(kept.sum()),
                5,
                groups=facts.artist_ids[kept],
                recordings=recordings[kept],
            )
            answer["terms"][name][str(weight)] = {
                of: round(precision(nearest, truth[kept])[1] or 0.0, 4) for of, truth in truths.items()
            }
    common.report(answer, args.output)


def finer(source: str, paths: list[str]) -> list[str | None]:
    """Return a column of a CSV for tracks."""
    file, _, column = source.rpartition(":")
    with open(file, newline="", encoding="utf-8") as opened:
        table = {str((Path(file).parent / r["path"]).resolve()): r[column] for r in csv.DictReader(opened)}
    return [table.get(str(Path(path).resolve())) for path in paths]


if __name__ == "__main__":
    main()
