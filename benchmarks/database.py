"""A catalogue in SQLite against one on PostgreSQL: rows of a track stored, an ingest, `similar`.

    PYTHONPATH=. python benchmarks/database.py

It starts a server of its own, as the tests do, but one that writes to disk as a server should, on a
socket of this machine: a network adds its round trips. The rounds alternate; the medians are shown.
"""

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import common
import numpy as np
from sqlalchemy import select, text

from classifier.model import bundle as bundles
from db.models import Root, Track
from db.session import Catalog, open_server_catalog
from db.sound.features import SegmentRow, store_segments
from recommender.home import Home
from tests import postgres, synth

STORED, FILES, FILE_S = 1000, 60, 10.0
SEGMENTS, PATCHES = 6, 10
SETTINGS = {"listen_addresses": ""}
ROUNDS_INGEST, ROUNDS_SIMILAR = 3, 9


class Place:
    """A home and where its catalogue is: `url` is None for a file in it."""

    def __init__(self, folder: Path, server: postgres.Server | None) -> None:
        self.folder = folder
        self.url = None if server is None else server.new_database()
        self.home = Home(folder, self.url)

    def run(self, *arguments: object) -> float:
        """Run a command and return its seconds."""
        place = [] if self.url is None else ["--database", self.url]
        started = perf_counter()
        common.cli(self.folder, *place, *arguments)
        return perf_counter() - started


def row(random: np.random.Generator, place: int) -> SegmentRow:
    """Return a segment of 30 s with random features about a common mean."""
    patches = (random.standard_normal((PATCHES, 200)) + 1).astype(np.float32)
    tags, genres = random.uniform(0, 0.3, 50), random.dirichlet(np.ones(10))
    return SegmentRow(
        30.0 * place,
        30.0 * (place + 1),
        -14.0,
        embedding=patches.mean(axis=0),
        tags=tags.astype(np.float32),
        patches=patches,
        genres=genres.astype(np.float32),
    )


def store(catalog: Catalog, random: np.random.Generator, number: int) -> float:
    """Store a track in a transaction of its own and return its seconds."""
    rows = [row(random, place) for place in range(SEGMENTS)]
    bundle = bundles.load(bundles.SHIPPED)
    started = perf_counter()
    with catalog.transaction() as session:
        root = session.scalar(select(Root)) or Root(path="/music")
        track = Track(root=root, rel_path=f"{number}.mp3", size=1, mtime_ns=1, title=f"song {number}")
        track.artist, track.search_text = f"artist {number}", f"artist {number} song {number}"
        track.content_hash = track.analysed_hash = f"content {number}"
        track.duration_s = SEGMENTS * 30.0
        session.add(track)
        session.flush()
        store_segments(session, track, rows, bundle.trunk_id, bundle.bundle_id)
    return perf_counter() - started


def stored(places: dict[str, Place]) -> dict[str, Any]:
    """Store 1,000 tracks in each place, in turns, and return milliseconds a track."""
    random = np.random.default_rng(0)
    seconds: dict[str, list[float]] = {name: [] for name in places}
    locks = {name: place.home.writer_lock() for name, place in places.items()}
    with locks["sqlite"], locks["postgresql"]:
        catalogs = {name: place.home.catalog() for name, place in places.items()}
        for number in range(STORED):
            for name, catalog in catalogs.items():
                seconds[name].append(store(catalog, random, number))
        for catalog in catalogs.values():
            catalog.close()
    return {
        name: {
            "median_ms": round(1e3 * statistics.median(found), 2),
            "p95_ms": round(1e3 * statistics.quantiles(found, n=20)[-1], 2),
            "last_100_median_ms": round(1e3 * statistics.median(found[-100:]), 2),
        }
        for name, found in seconds.items()
    }


def in_turns(places: Callable[[int], dict[str, Place]], rounds: int, *arguments: object) -> dict[str, float]:
    """Run a command in each place in turns and return the median seconds."""
    seconds: dict[str, list[float]] = {}
    for number in range(rounds):
        for name, place in places(number).items():
            seconds.setdefault(name, []).append(place.run(*arguments))
    return {name: round(statistics.median(found), 3) for name, found in seconds.items()}


def measure(folder: Path, server: postgres.Server) -> dict[str, Any]:
    """Return all figures."""
    music = folder / "music"
    music.mkdir()
    for number in range(FILES):
        synth.write(music / f"{number}.flac", synth.music_like(FILE_S, number))

    def new(name: str) -> dict[str, Place]:
        kinds = {"sqlite": None, "postgresql": server}
        return {kind: Place(folder / f"{name} {kind}", where) for kind, where in kinds.items()}

    places = new("stored")
    answer: dict[str, Any] = {"store_a_track": stored(places)}
    answer["bytes_a_track"] = sizes(places)
    for place in places.values():
        place.run("similar", "17")  # which makes the index
    answer["similar_s"] = in_turns(lambda _: places, ROUNDS_SIMILAR, "similar", "17")
    answer["status_s"] = in_turns(lambda _: places, ROUNDS_SIMILAR, "status")
    answer["ingest_s"] = in_turns(lambda number: new(f"ingest {number}"), ROUNDS_INGEST, "ingest", music)
    return answer


def sizes(places: dict[str, Place]) -> dict[str, int]:
    """Return the bytes of each database a track."""
    file = places["sqlite"].home.catalog_path
    catalog = open_server_catalog(places["postgresql"].url or "")
    with catalog.transaction() as session:
        size = session.scalar(text("SELECT pg_database_size(current_database())"))
    catalog.close()
    return {"sqlite": file.stat().st_size // STORED, "postgresql": int(size or 0) // STORED}


def main() -> None:
    """Command line of this benchmark."""
    args = common.parser(str(__doc__)).parse_args()
    missing = postgres.what_is_missing()
    if missing is not None:
        raise SystemExit(missing)
    figures = {"tracks": STORED, "segments": SEGMENTS, "files": FILES, "file_s": FILE_S}
    answer: dict[str, Any] = {"machine": common.machine(), **figures}
    with tempfile.TemporaryDirectory() as folder, postgres.running(SETTINGS) as server:
        answer["postgresql"] = server.ask("SHOW server_version")
        answer |= measure(Path(folder), server)
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
