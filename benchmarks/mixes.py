"""How pure and how stable mixes are on a labelled library, and what a large one costs.

    python benchmarks/mixes.py library HOME
    python benchmarks/mixes.py large [--tracks 100000]

`library` groups the tracks of HOME, without its labels, and holds the groups to these: purity is the share of
tracks that have the label which most of their group have. A tenth of the tracks, drawn ten times, is taken
away, and added again, as it is from one day to the next (from the earlier groups), and with nothing known of
the earlier ones; the adjusted Rand index is over the tracks that both groupings have. `large` makes up tracks
round 2,000 styles, and groups, names and fills them, in a home below a temporary folder.
"""

import resource
import tempfile
import time
from argparse import Namespace
from collections import Counter
from pathlib import Path
from typing import Any

import common
import numpy as np
from large_index import Library
from sklearn.metrics import adjusted_rand_score

from classifier.model import bundle as bundles
from db.listening.mixes import all_mixes
from db.models import Feature, Prediction, Segment, Track
from db.session import open_catalog
from db.tracks import by_ids, root_for
from db.values import utc_now
from recommender.clusters.grouping import Groups, find_groups
from recommender.home import Home
from recommender.mixes.make import keep_mixes
from recommender.retrieval.index.store import open_index
from recommender.retrieval.index.unit_vectors import track_means, unit_rows

DRAWS = 10
ARTIST_TRACKS = 12


def purity(labels: list[str], groups: Groups) -> float:
    """Return the share of tracks with the label that most of their group have."""
    most = 0
    for group in range(len(groups.centres)):
        most += Counter(labels[i] for i in groups.members(group)).most_common(1)[0][1]
    return most / len(labels)


def library(options: Namespace) -> dict[str, Any]:
    """Measure a labelled home."""
    home = Home(options.home)
    with home.existing_catalog().transaction() as session:
        ids, vectors = track_means(session, home.bundle().trunk_id, lambda rows: unit_rows(rows.embeddings))
        tracks = by_ids(session, ids.tolist())
        labels = [tracks[int(i)].label or "" for i in ids]
    whole = find_groups(vectors)
    figures: dict[str, list[float]] = {name: [] for name in ("removed", "added", "removed_cold")}
    for draw in range(DRAWS):
        kept = np.sort(np.random.default_rng(draw).permutation(len(ids))[: round(0.9 * len(ids))])
        after = find_groups(vectors[kept], whole.centres, whole.of)
        figures["removed"].append(adjusted_rand_score(whole.owner[kept], after.owner))
        cold = find_groups(vectors[kept])
        figures["removed_cold"].append(adjusted_rand_score(whole.owner[kept], cold.owner))
        grown = find_groups(vectors, cold.centres, cold.of)
        figures["added"].append(adjusted_rand_score(cold.owner, grown.owner[kept]))
    return {
        "tracks": len(ids),
        "labels": len(set(labels)),
        "groups": len(whole.centres),
        "purity": round(purity(labels, whole), 3),
        "adjusted_rand": {
            name: {"mean": round(float(np.mean(values)), 3), "least": round(min(values), 3)}
            for name, values in figures.items()
        },
    }


def large(options: Namespace) -> dict[str, Any]:
    """Measure a synthetic home of one segment a track."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        fill(home, options.tracks)
        bundle, catalog = home.bundle(), home.existing_catalog()
        index, _ = open_index(catalog, home.index_dir, bundle.trunk_id)
        before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found = {}
        for name in ("first", "again"):
            wall, cpu = time.perf_counter(), time.process_time()
            keep_mixes(catalog, index, bundle, utc_now(), again=True)
            found[f"{name}_wall_s"] = round(time.perf_counter() - wall, 1)
            found[f"{name}_cpu_s"] = round(time.process_time() - cpu, 1)
        with catalog.transaction() as session:
            found["mixes"] = len(all_mixes(session))
        home.close()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found | {"before_mb": round(before_mb), "peak_mb": round(peak_mb), "tracks": options.tracks}


def fill(home: Home, n_tracks: int) -> None:
    """Store the tracks: embeddings, tags and genres drawn at random round styles."""
    shipped = bundles.load(bundles.SHIPPED)
    made = Library(round(n_tracks * 20 / 3))
    made.counts[:] = 1
    random = np.random.default_rng(7)
    catalog = open_catalog(home.catalog_path)
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        session.flush()
        root_id = root.id
    for tracks in made.blocks():
        embeddings = made.embeddings(tracks)
        with catalog.transaction() as session:
            store(session, shipped, tracks, embeddings, root_id, random)
    catalog.close()


def store(session: Any, shipped: Any, tracks: Any, embeddings: Any, root_id: int, random: Any) -> None:
    """Store some tracks, one segment each, by plain inserts."""
    ids = [int(i) + 1 for i in tracks]
    tags = random.beta(0.3, 4, (len(ids), len(shipped.tag_names))).astype("<f4")
    genres = random.dirichlet(np.full(len(shipped.labels), 0.3), len(ids)).astype("<f4")
    common_columns = {"root_id": root_id, "size": 1, "mtime_ns": 1, "duration_s": 30.0, "tempo_bpm": 110.0}
    session.execute(
        Track.__table__.insert(),
        [
            {
                **common_columns,
                "id": i,
                "rel_path": f"{i}.mp3",
                "title": f"Song {i}",
                "artist": f"Artist {i // ARTIST_TRACKS}",
                "content_hash": f"{i:040x}",
                "analysed_hash": f"{i:040x}",
            }
            for i in ids
        ],
    )
    segments = [
        {"id": i, "track_id": i, "start_s": 0.0, "end_s": 30.0, "level_dbfs": -14.0, "silent": False}
        for i in ids
    ]
    session.execute(Segment.__table__.insert(), segments)
    features = [
        {
            "segment_id": i,
            "trunk_id": shipped.trunk_id,
            "embedding": e.astype("<f4").tobytes(),
            "tags": t.tobytes(),
            "patches": np.tile(e.astype("<f2"), (2, 1)).tobytes(),
        }
        for i, e, t in zip(ids, embeddings, tags, strict=True)
    ]
    session.execute(Feature.__table__.insert(), features)
    predictions = [
        {"segment_id": i, "bundle_id": shipped.bundle_id, "genres": g.tobytes()}
        for i, g in zip(ids, genres, strict=True)
    ]
    session.execute(Prediction.__table__.insert(), predictions)


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__.splitlines()[0])
    parts = parser.add_subparsers(required=True)
    one = parts.add_parser("library")
    one.add_argument("home", type=Path)
    one.set_defaults(run=library)
    other = parts.add_parser("large")
    other.add_argument("--tracks", type=int, default=100_000)
    other.set_defaults(run=large)
    options = parser.parse_args()
    common.report({**options.run(options), "machine": common.machine()}, options.output)


if __name__ == "__main__":
    main()
