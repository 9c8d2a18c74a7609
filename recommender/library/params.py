"""Defaults of bringing music in and keeping it up to date, each stated here and nowhere else."""

from typing import Final

# Ingest: tasks handed to the workers ahead of time, for each worker.
TASKS_AHEAD: Final = 3
WORKER_START_S: Final = 300.0
"""A worker process has so long to load the bundle."""
LARGEST_ANSWER: Final = 2**28
"""Bytes of what a worker may say of a file."""
# New files identified (hash and tags) together with changed ones, before any of them is analysed.
IDENTIFY_TOGETHER: Final = 512

# Cue sheets.
LARGEST_SHEET: Final = 2**20
MOST_SHEET_TRACKS: Final = 1_000

# Copies of one recording, or files that failed with it, stored in one transaction.
SETTLED_TOGETHER: Final = 64

# Ingest on a Dask cluster.
CONNECT_S: Final = 8.0
CONNECT_TRIES: Final = 5
LOOK_S: Final = 1.0
"""How often the scheduler is asked which workers it has."""
WORKERLESS_S: Final = 60.0
"""A run waits so long for a worker that can be used."""
LOST_ALONE: Final = 2
"""A file that was alone on a worker when that was lost, so often, is what ended it."""
UNSEEN_FILES: Final = 20
"""Where the workers can read none of so many files, the run stops: the music is not on shared storage."""
KEPT_TRUNKS: Final = 4
"""Trunks that a worker of a cluster keeps in memory, for runs with different bundles."""
