"""``deepcuts`` that stores no more than N tracks until a file is there: held_ingest.py N FILE ARGUMENT...

A test that ends an ingest in the middle never comes too late then, however long it was kept waiting itself.
"""

import runpy
import sys
import time
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]


def command(n_tracks: int, released: Path) -> list[str]:
    """Return the command line that stores so many tracks, and goes on once there is a file."""
    return [sys.executable, __file__, str(n_tracks), str(released)]


def main() -> None:
    """Run it."""
    sys.path[0] = str(REPO)
    from recommender.library.file_rows import FileRows

    n_tracks, released = int(sys.argv[1]), Path(sys.argv[2])
    n_stored = 0
    store = FileRows.store

    def held(*given: Any) -> Any:
        nonlocal n_stored
        while n_stored >= n_tracks and not released.exists():
            time.sleep(0.01)
        n_stored += 1
        return store(*given)

    FileRows.store = held  # type: ignore[method-assign]
    sys.argv = [str(REPO / "cli.py"), *sys.argv[3:]]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
