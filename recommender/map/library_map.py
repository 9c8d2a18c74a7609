"""The whole map of a library: where its songs lie, their genres, its areas; and how that is kept."""

import json
from dataclasses import asdict, dataclass

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Floats
from classifier.model.bundle import Bundle
from recommender.map.layout import map_points
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
    found = map_points(session, bundle, layout.track_ids, layout.points)
    regions = map_regions(session, bundle, layout.track_ids, layout.points)
    points = np.round(np.asarray(layout.points, np.float64).reshape(-1, 2), 4)
    return LibraryMap(list(layout.track_ids), points, [point.genre for point in found], regions)
