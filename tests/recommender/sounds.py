"""What a bundle might say of songs, made up."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from classifier.genres.taxonomy import Placement
from recommender.describe import Sound

FACETS = {
    "mood": [("happy", 0.5), ("Mellow", 0.2), ("sad", 0.05)],
    "voice": [("female vocalists", 0.4), ("female vocalist", 0.3), ("instrumental", 0.01)],
    "instrument": [("guitar", 0.9)],
    "era": [("80s", 0.3), ("90s", 0.02)],
}


def sound(path: str = "rock/indie", *p: float, unknown: str | None = None) -> Sound:
    """Return a song placed at a path, each of whose nodes is so probable, 0.9 and 0.6 if nothing is said."""
    parts = path.split("/")
    paths = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    nodes = dict(zip(paths, p or (0.9, 0.6, 0.5), strict=False))
    nothing = np.zeros(1, np.float32)
    return Sound(nothing, nodes, Placement(path, nodes[path]), unknown, FACETS)


def sounds(said: Callable[[int], Sound | None]) -> Any:
    """Return what stands for `track_sounds`."""

    def of_tracks(_session: object, track_ids: Sequence[int], _bundle: object) -> dict[int, Sound]:
        found = {track_id: said(track_id) for track_id in track_ids}
        return {track_id: sound for track_id, sound in found.items() if sound is not None}

    return of_tracks
