"""The areas of the map, where many songs lie together, and their names, as labels, tags and tempo say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Floats, Ints
from classifier.model.bundle import Bundle
from recommender.clusters.names import SAMPLED, GroupWords, name_groups, words_of

CELLS: Final = 96
"""The map is looked at in so many cells each way."""
LEVELS: Final = (9, 48)
"""The most areas of the whole map, and of the map seen from nearer by."""
SMOOTHED: Final = (2, 2.5, 3, 4, 5, 6, 8, 10, 13, 16, 20, 26)
"""Widths, in cells, by which the density may be smoothed: the wider, the fewer areas."""
LEAST_SHARE: Final = (0.02, 0.004)
"""An area has so many of all songs, at least, by level."""
LEAST_SONGS: Final = 4
COVERED: Final = 0.6
"""The areas of a level have this share of all songs, at least: else the density is smoothed more."""


@dataclass(frozen=True)
class Region:
    """A named area of the map.

    Attributes
    ----------
    name
        No two areas have the same.
    x, y
        Where most of its songs lie, in −1..1.
    level
        0 for an area of the whole map, 1 for one to be seen from nearer by.
    tracks
        How many songs it has.
    """

    name: str
    x: float
    y: float
    level: int
    tracks: int


def map_regions(session: Session, bundle: Bundle, track_ids: Sequence[int], points: Floats) -> list[Region]:
    """Return the areas of a map: those of the whole map first, and of a level the largest first.

    Parameters
    ----------
    points
        (tracks, 2) in -1..1.
    """
    ids, found = np.asarray(track_ids, np.int64), list[_Area]()
    words, names = list[GroupWords](), list[str]()
    for level, most in enumerate(LEVELS):
        some = areas(points, most, max(LEAST_SONGS, round(LEAST_SHARE[level] * len(points))))
        new = [area for area in (_Area(level, *one) for one in some) if not area.is_one_of(found)]
        words += words_of(session, bundle, [ids[area.spread(points)] for area in new])
        names = name_groups(words, [*names, *(None for _ in new)])
        found += new
    return [
        Region(name, float(area.peak[0]), float(area.peak[1]), area.level, len(area.members))
        for name, area in zip(names, found, strict=True)
    ]


@dataclass(frozen=True)
class _Area:
    level: int
    members: Ints
    peak: Floats

    def is_one_of(self, others: Sequence["_Area"]) -> bool:
        """Whether it is one of some areas over again: most songs of both together are in both."""
        for other in others:
            both = len(np.intersect1d(self.members, other.members, assume_unique=True))
            if 2 * both > len(self.members) + len(other.members) - both:
                return True
        return False

    def spread(self, points: Floats) -> Ints:
        """Return the members that speak for it, from its peak outwards, evenly."""
        far = ((points[self.members] - self.peak) ** 2).sum(axis=1)
        order = self.members[np.argsort(far, kind="stable")]
        return order[np.unique(np.linspace(0, len(order) - 1, min(SAMPLED, len(order))).astype(np.int64))]


def areas(points: Floats, most: int, least: int) -> list[tuple[Ints, Floats]]:
    """Return the places where points lie close together, with the points uphill to which each one is.

    The density of the points is smoothed just so much that there are few such places. There is no chance
    in it, and no beginning: a few points more change the places little.

    Parameters
    ----------
    points
        (points, 2) in -1..1.
    most
        How many places there may be.
    least
        How many points each has, at least.

    Returns
    -------
    list of tuple
        Of each, the one with most points first: the numbers of its points, and where they are most dense.
    """
    cells = np.clip(((np.asarray(points) + 1) / 2 * CELLS).astype(np.int64), 0, CELLS - 1)
    flat = cells[:, 0] * CELLS + cells[:, 1]
    counted = np.bincount(flat, minlength=CELLS**2).reshape(CELLS, CELLS).astype(np.float64)
    found: list[tuple[int, Ints]] = []
    for width in SMOOTHED:
        owner = _uphill(_smoothed(counted, width))[flat]
        tops, sizes = np.unique(owner, return_counts=True)
        found = [(int(top), np.flatnonzero(owner == top)) for top in tops[sizes >= least]]
        if len(found) <= most and sum(len(some) for _, some in found) >= COVERED * len(points):
            break
    found = sorted(found, key=lambda one: (-len(one[1]), one[0]))[:most]
    return [(some, (np.array(divmod(top, CELLS)) + 0.5) / CELLS * 2 - 1) for top, some in found]


def _smoothed(counted: Floats, width: float) -> Floats:
    """Return counts in cells, smoothed by a Gaussian of a width in cells."""
    apart = np.subtract.outer(np.arange(CELLS), np.arange(CELLS))
    kernel = np.exp(-0.5 * (apart / width) ** 2)
    return np.asarray(kernel @ counted @ kernel)


def _uphill(density: Floats) -> Ints:
    """Return the top that each cell's way uphill ends at, (cells,), by number."""
    n = CELLS
    padded = np.pad(density, 1, constant_values=-1.0)
    ways = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    around = np.stack([padded[1 + d : 1 + d + n, 1 + r : 1 + r + n] for d, r in ways])
    steps = np.array([d * n + r for d, r in ways])
    best = np.where(density >= around.max(axis=0), ways.index((0, 0)), around.argmax(axis=0))
    to = np.arange(n * n) + steps[best].ravel()
    while (to[to] != to).any():
        to = to[to]
    return np.asarray(to, np.int64)
