"""Seconds and memory of `train` on a catalogue of 5,000 tracks whose audio is not there, index included.

    python benchmarks/train_large.py HOME

HOME is a catalogue of real features, 1,000 tracks or so; it is only read. Each track made here has six
segments of one of its tracks, with noise, and that track's label, or what the shipped bundle hears in
it. The tracks made of one are by one artist, so that no split tells a track by another made of it; the
accuracy means nothing all the same. No audio file exists: a command that needed one would fail.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import common
import numpy as np
import numpy.typing as npt
from sqlalchemy import func, select

from classifier.model import bundle as bundles
from db.models import Prediction, Root, Track
from db.session import Catalog
from db.sound.features import SegmentRow, store_segments, track_features
from db.sound.patches import track_patches
from db.tracks import present
from recommender.home import Home
from recommender.retrieval.index.store import state

Array = npt.NDArray[np.float32]

GENRES, SEGMENTS, SEGMENT_S = 10, 6, 30.0
PATCHES = 10
AT_ONCE = 200
ROUNDS = 5


@dataclass(frozen=True)
class Heard:
    """A track to make others of: (segments, 200), (segments, 50), (patches, 200)."""

    label: str
    embeddings: Array
    tags: Array
    patches: Array


def heard(home: Path) -> list[Heard]:
    """Return the tracks of the ten most frequent genres of a home."""
    bundle, catalog = bundles.load(bundles.SHIPPED), Home(home).existing_catalog()
    found = []
    with catalog.transaction() as session:
        for track in present(session):
            features = track_features(session, track.id, bundle.trunk_id)
            if features is None:
                continue
            said = bundle.genres(features.tags, features.embeddings).mean(axis=0)
            patches = track_patches(session, [track.id], bundle.trunk_id, bundle.front_end.patch_s)[track.id]
            label = track.label or bundle.labels[int(said.argmax())]
            found.append(Heard(label, features.embeddings, features.tags, patches.embeddings))
    catalog.close()
    kept = {label for label, _ in Counter(track.label for track in found).most_common(GENRES)}
    return [track for track in found if track.label in kept]


def fill(home: Home, sources: Sequence[Heard], n_tracks: int, noise_share: float) -> None:
    """Store tracks made of others into a new catalogue, without predictions or files."""
    random = np.random.default_rng(0)
    trunk_id = bundles.load(bundles.SHIPPED).trunk_id
    noise = noise_share * np.concatenate([source.embeddings for source in sources]).std(axis=0)
    catalog = home.catalog()
    for first in range(0, n_tracks, AT_ONCE):
        with catalog.transaction() as session:
            root = session.scalar(select(Root)) or Root(path="/no such folder")
            for number in range(first, min(first + AT_ONCE, n_tracks)):
                source = number % len(sources)
                track = Track(root=root, rel_path=f"{number}.mp3", size=1, mtime_ns=1, title=f"song {number}")
                track.artist, track.search_text = f"artist {source}", f"artist {source} song {number}"
                track.content_hash = track.analysed_hash = f"content {number}"
                track.label, track.label_source = sources[source].label, "csv"
                track.duration_s = SEGMENTS * SEGMENT_S
                session.add(track)
                rows = [_row(random, sources[source], place, noise) for place in range(SEGMENTS)]
                store_segments(session, track, rows, trunk_id, "none")
    catalog.close()


def _row(random: np.random.Generator, source: Heard, place: int, noise: Array) -> SegmentRow:
    chosen = random.integers(len(source.embeddings))
    patches = source.patches[random.integers(len(source.patches), size=PATCHES)]
    return SegmentRow(
        place * SEGMENT_S,
        (place + 1) * SEGMENT_S,
        -14.0,
        embedding=source.embeddings[chosen] + noise * random.standard_normal(len(noise)).astype(np.float32),
        tags=np.clip(source.tags[chosen] + 0.005 * random.standard_normal(50), 0, 1).astype(np.float32),
        patches=patches + noise * random.standard_normal(patches.shape),
        genres=None,
    )


def check(home: Home, n_tracks: int) -> dict[str, Any]:
    """Return what is there after training: predictions of the active bundle alone, a current index."""
    catalog: Catalog = home.existing_catalog()
    bundle = home.bundle()
    with catalog.transaction() as session:
        counted = session.execute(select(Prediction.bundle_id, func.count()).group_by(Prediction.bundle_id))
        predictions = dict(counted.tuples().all())
        there = any(Path(track.path).exists() for track in session.scalars(select(Track).limit(AT_ONCE)))
    answer = {"predictions": predictions, "index": state(catalog, home.index_dir, bundle.trunk_id)}
    catalog.close()
    if predictions != {bundle.bundle_id: n_tracks * SEGMENTS} or answer["index"] != "current" or there:
        raise RuntimeError(f"training left the catalogue otherwise than it should be: {answer}")
    return answer


def timed(home: Path, *arguments: object) -> tuple[Any, dict[str, float]]:
    """Run a command; return its answer, and its seconds and peak memory."""
    answer, wall, peak = common.measured_cli(home, *arguments)
    return answer, {"wall_s": round(wall, 2), "peak_mb": round(peak / 1e6)}


def commands(home: Path, genre: str) -> dict[str, Any]:
    """Return the median seconds and the memory of commands on the whole catalogue."""
    asked = {
        "status": ("status",),
        "similar": ("similar", "17"),
        "similar_discover": ("similar", "17", "--discover", "0.5"),
        "similar_genre": ("similar", "17", "--genre", genre),
        "find": ("find", "guitar"),
    }
    figures = {}
    for name, arguments in asked.items():
        rounds = [timed(home, *arguments)[1] for _ in range(ROUNDS)]
        figures[name] = {key: median(r[key] for r in rounds) for key in rounds[0]}
    return figures


def measure(source: Path, work: Path, n_tracks: int, noise: float) -> dict[str, Any]:
    """Make the catalogue, train on it twice, go back, and ask it things."""
    home = Home(work)
    for folder in (home.index_dir, home.bundles_dir, home.cache_dir):
        folder.mkdir(parents=True, exist_ok=True)
    fill(home, heard(source), n_tracks, noise)
    answer: dict[str, Any] = {"catalogue_mb": round(home.catalog_path.stat().st_size / 1e6)}
    told, answer["train"] = timed(work, "train")
    answer["trained"] = {k: told[k] for k in ("songs", "folds", "chosen", "accuracy", "segments_predicted")}
    _, answer["index_anew"] = timed(work, "similar", "17")
    answer["train_and_index_s"] = round(answer["train"]["wall_s"] + answer["index_anew"]["wall_s"], 2)
    answer["after"] = check(home, n_tracks)
    _, answer["use_shipped"] = timed(work, "train", "--use", "shipped")
    _, answer["use_trained"] = timed(work, "train", "--use", told["bundle_id"])
    check(home, n_tracks)
    answer["commands"] = commands(work, told["labels"][0])
    return answer


def main() -> None:
    """Command line of this benchmark."""
    options: argparse.ArgumentParser = common.parser(str(__doc__))
    options.add_argument("home", type=Path)
    options.add_argument("--tracks", type=int, default=5000)
    options.add_argument(
        "--noise", type=float, default=0.1, help="of a feature's standard deviation over HOME"
    )
    options.add_argument("--work", type=Path, help="make the catalogue here, and keep it")
    args = options.parse_args()
    answer: dict[str, Any] = {"machine": common.machine(), "tracks": args.tracks, "noise": args.noise}
    with tempfile.TemporaryDirectory() as folder:
        answer |= measure(args.home, args.work or Path(folder), args.tracks, args.noise)
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
