"""What the tracks on the map are coloured by: their label, decade, tempo or plays, each in a few classes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from classifier.arrays import Ints
from classifier.genres.label_paths import OTHER, ancestor
from recommender.describe import NOT_MUSIC_LABEL, UNSURE_LABEL

MOST_LABELS: Final = 12
OF_NO_LABEL: Final = (UNSURE_LABEL, NOT_MUSIC_LABEL)
STEPS: Final = 7
"""Colours of an ordered scale."""
TEMPI_BPM: Final = (70, 85, 100, 115, 130, 150)
"""Where one class of tempi ends and the next begins."""
PLAYS: Final = {0: "never", 1: "once", 2: "2-4 times", 5: "5-9 times", 10: "10-19 times", 20: "20-49 times"}
"""How few plays each class begins with; there is one more above them."""
MANY_PLAYS: Final = 50


@dataclass(frozen=True)
class MapClasses:
    """The classes that tracks are coloured by.

    Attributes
    ----------
    names
        Of the classes: those with a colour of their own, then those that are grey.
    grey
        How many of the last ones are grey.
    ordered
        Whether the others are steps of a scale, the least first, or kinds, the most frequent first.
    of
        (tracks,) the number of each one's class.
    """

    names: list[str]
    grey: int
    ordered: bool
    of: Ints


def label_classes(labels: Sequence[str], most: int = MOST_LABELS) -> MapClasses:
    """Return the classes of labels (`label_groups`), the most frequent first."""
    groups = label_groups(labels, most)
    counts, grey = Counter(groups), (OTHER, *OF_NO_LABEL)
    named = sorted((name for name in counts if name not in grey), key=lambda name: (-counts[name], name))
    pale = [name for name in grey if name in counts]
    numbers = {name: number for number, name in enumerate([*named, *pale])}
    return MapClasses([*numbers], len(pale), False, np.array([numbers[group] for group in groups], np.int64))


def label_groups(labels: Sequence[str], most: int = MOST_LABELS) -> list[str]:
    """Return what each track is coloured as: its label, the top of its path, ``other``, or why it has none.

    So many labels or fewer all have their own. Of more, those that are paths ("rock/punk") are taken by
    their first steps, unless all have the same; and of these so many that most tracks have.
    """
    known = [label for label in labels if label not in OF_NO_LABEL]
    tops = {label: ancestor(label, 1) for label in known}
    if len(tops) <= most or len(set(tops.values())) == 1:
        tops = {label: label for label in known}
    counts = Counter(tops[label] for label in known)
    kept = {name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]}
    return [one if one in OF_NO_LABEL else tops[one] if tops[one] in kept else OTHER for one in labels]


def decade_classes(years: Sequence[int | None]) -> MapClasses:
    """Return the decades of years, the earliest together where there are more than a scale has steps."""
    decades = np.array([-1 if not year else year // 10 * 10 for year in years], np.int64)
    known = np.unique(decades[decades >= 0])
    if not len(known):
        return _scale([], "no year", np.full(len(decades), -1, np.int64))
    last = int(known[-1])
    first = max(int(known[0]), last - 10 * (STEPS - 1))
    names = [f"{decade}s" for decade in range(first, last + 1, 10)]
    if known[0] < first:
        names[0] = f"{first}s and before"
    steps = np.maximum(decades - first, 0) // 10
    return _scale(names, "no year", np.where(decades < 0, -1, steps))


def tempo_classes(tempi_bpm: Sequence[float | None]) -> MapClasses:
    """Return the classes of tempi in beats per minute."""
    names = [f"under {TEMPI_BPM[0]} bpm"]
    names += [f"{low}-{high - 1} bpm" for low, high in pairwise(TEMPI_BPM)]
    names += [f"{TEMPI_BPM[-1]} bpm and more"]
    beats = np.array([np.nan if bpm is None else round(bpm) for bpm in tempi_bpm], np.float64)
    steps = np.searchsorted(TEMPI_BPM, beats, side="right")
    return _scale(names, "no tempo", np.where(np.isnan(beats), -1, steps))


def play_classes(plays: Sequence[int]) -> MapClasses:
    """Return the classes of how often tracks were played."""
    least = [*PLAYS, MANY_PLAYS]
    steps = np.searchsorted(least, np.asarray(plays, np.int64), side="right") - 1
    return _scale([*PLAYS.values(), f"{MANY_PLAYS} times and more"], "unknown", steps)


def _scale(names: list[str], unknown: str, steps: Ints) -> MapClasses:
    """Return the classes of a scale; a step of -1 is of a track of which nothing is known."""
    if not (steps < 0).any():
        return MapClasses(names, 0, True, np.asarray(steps, np.int64))
    return MapClasses([*names, unknown], 1, True, np.where(steps < 0, len(names), steps).astype(np.int64))


def scale_step(number: int, steps: int) -> int:
    """Return which of a scale's colours a class has, of so many classes; the last is always used."""
    return round(number * (STEPS - 1) / (steps - 1)) if steps > 1 else STEPS - 1
