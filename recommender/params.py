"""Defaults of the recommender package, each stated here and nowhere else."""

from typing import Final

APP_NAME: Final = "deepcuts"
HOME_VARIABLE: Final = "DEEPCUTS_HOME"

# Ingest: tasks handed to the workers ahead of time, for each worker.
TASKS_AHEAD: Final = 3
# Files identified (hash and tags) before the first of them is analysed.
IDENTIFY_AHEAD: Final = 512

# Retrieval.
N_RESULTS: Final = 10
FIRST_NEIGHBOURS: Final = 2048
"""Nearest segments taken for each query segment before tracks are scored exactly."""

# What a listing shows of a track.
SHOWN_GENRES: Final = 3
SHOWN_TAGS: Final = 5
