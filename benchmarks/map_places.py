"""What laying out a large map costs, and how far songs move when a hundred more are ingested.

    python benchmarks/map_places.py [--tracks 100000] [--more 100]

A synthetic home (benchmarks/mixes.py) is laid out from the beginning, as the service does it in the
background, genres and areas included; then songs that were held back come in. A move is told in parts of the
map's width.
"""

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import common
import numpy as np
from mixes import fill
from sqlalchemy import update

from db.models import Track
from recommender.home import Home
from recommender.map.library_map import library_map
from recommender.map.places import Layout, kept_layout


def laid_out(home: Home, name: str, found: dict[str, Any]) -> Layout:
    """Lay the map out, store it, and note what that took."""
    wall, cpu = time.perf_counter(), time.process_time()
    with home.existing_catalog().snapshot() as session:
        layout = kept_layout(session, home.bundle())
        found[f"{name}_layout_cpu_s"] = round(time.process_time() - cpu, 1)
        library_map(session, home.bundle(), layout)
    with home.existing_catalog().change() as session:
        layout.keep(session)
    found[f"{name}_wall_s"] = round(time.perf_counter() - wall, 1)
    found[f"{name}_cpu_s"] = round(time.process_time() - cpu, 1)
    return layout


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__.splitlines()[0])
    parser.add_argument("--tracks", type=int, default=100_000)
    parser.add_argument("--more", type=int, default=100)
    options = parser.parse_args()
    found: dict[str, Any] = {"tracks": options.tracks, "more": options.more}
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        fill(home, options.tracks + options.more)
        with home.existing_catalog().change() as session:
            session.execute(update(Track).where(Track.id > options.tracks).values(missing=True))
        first = laid_out(home, "first", found)
        with home.existing_catalog().change() as session:
            session.execute(update(Track).values(missing=False))
        second = laid_out(home, "more", found)
        before, after = (dict(zip(one.track_ids, one.points, strict=True)) for one in (first, second))
        moves = [float(np.linalg.norm(after[i] - place)) / 2 for i, place in before.items()]
        found |= {
            "median_move": float(np.median(moves)),
            "largest_move": max(moves),
            "placed": len(second.new),
        }
        home.close()
    found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    common.report({**found, "machine": common.machine()}, options.output)


if __name__ == "__main__":
    main()
