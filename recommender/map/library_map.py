"""The whole map of a library: where its songs lie, their genres, its areas; and how that is kept."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Floats
from classifier.model.bundle import Bundle
from db.tracks import by_ids
from recommender.describe import labels_of_tracks
from recommender.map.places import Layout
from recommender.map.regions import Region, map_regions


@dataclass(frozen=True)
class LibraryMap:
    """A map, but for what may change from one moment to the next: titles, labels, plays.

    Attributes
    ----------
    track_ids
        (tracks,) ascending.
    points
        (tracks, 2) in -1..1.
    genres
        (tracks,) the user's labels, else the model's genres, when the map was made.
    regions
        Its areas.
    """

    track_ids: list[int]
    points: Floats
    genres: list[str]
    regions: list[Region]

    @classmethod
    def nothing(cls) -> "LibraryMap":
        """Return the map of a library without songs."""
        return cls([], np.zeros((0, 2)), [], [])

    @classmethod
    def unpacked(cls, content: bytes) -> "LibraryMap":
        """Return what `packed` gave.

        Raises
        ------
        ValueError
            If it is something else.
        """
        try:
            kept = json.loads(content)
            points = np.array([kept["x"], kept["y"]], np.float64).T.reshape(-1, 2)
            regions = [Region(**region) for region in kept["regions"]]
            return cls(kept["track_ids"], points, [kept["names"][i] for i in kept["genres"]], regions)
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError("not a map") from error

    def packed(self) -> bytes:
        """Return it as it is kept."""
        names = {name: number for number, name in enumerate(sorted(set(self.genres)))}
        kept = {
            "track_ids": self.track_ids,
            "x": self.points[:, 0].round(4).tolist(),
            "y": self.points[:, 1].round(4).tolist(),
            "names": [*names],
            "genres": [names[genre] for genre in self.genres],
            "regions": [asdict(region) for region in self.regions],
        }
        return json.dumps(kept).encode()


def library_map(session: Session, bundle: Bundle, layout: Layout) -> LibraryMap:
    """Return the map of a layout, with genres and areas."""
    ids = list(layout.track_ids)
    regions = map_regions(session, bundle, ids, layout.points)
    points = np.round(np.asarray(layout.points, np.float64).reshape(-1, 2), 4)
    return LibraryMap(ids, points, _genres(session, bundle, ids), regions)


def _genres(session: Session, bundle: Bundle, track_ids: Sequence[int]) -> list[str]:
    """Return the user's label of each track, else the model's genre, or ``not music``, or ``unsure``."""
    tracks = by_ids(session, track_ids)
    labels = labels_of_tracks(session, [i for i in track_ids if not tracks[i].label], bundle)
    return [tracks[i].label or labels[i] for i in track_ids]
