"""Splits that never let pieces of one song, or songs of one group, fall on both sides."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.datasets.songs import LabelledSong, label_units
from classifier.errors import TrainingDataError

Folds = npt.NDArray[np.int64]
S = TypeVar("S", bound=LabelledSong)


def assign_folds(
    labels: Sequence[str], groups: Sequence[str | None], names: Sequence[str], n_folds: int
) -> Folds:
    """Give every song a fold.

    Songs of a known group (an artist, say) stay together, groups being spread so that each label
    is as even over the folds as they allow. Songs without a group are cut into contiguous blocks
    of their label's sorted names, since neighbours in a folder often share an artist.

    Parameters
    ----------
    labels, groups, names
        One per song; a group of None is unknown, a name is usually a path.
    n_folds
        At least 2.

    Returns
    -------
    numpy.ndarray
        (songs,) of 0..n_folds−1.
    """
    folds = np.full(len(labels), -1, np.int64)
    load: dict[int, Counter[str]] = {fold: Counter() for fold in range(n_folds)}
    _assign_blocks(folds, load, labels, groups, names, n_folds)
    _assign_groups(folds, load, labels, groups)
    return folds


def _assign_blocks(
    folds: Folds,
    load: dict[int, Counter[str]],
    labels: Sequence[str],
    groups: Sequence[str | None],
    names: Sequence[str],
    n_folds: int,
) -> None:
    by_label: dict[str, list[int]] = defaultdict(list)
    for song in sorted(range(len(names)), key=names.__getitem__):
        if groups[song] is None:
            by_label[labels[song]].append(song)
    for label, songs in by_label.items():
        for position, song in enumerate(songs):
            fold = position * n_folds // len(songs)
            folds[song] = fold
            load[fold][label] += 1


def _assign_groups(
    folds: Folds, load: dict[int, Counter[str]], labels: Sequence[str], groups: Sequence[str | None]
) -> None:
    """Assign groups, largest first, where their labels are rarest so far."""
    members: dict[str, list[int]] = defaultdict(list)
    for song, group in enumerate(groups):
        if group is not None:
            members[group].append(song)
    for group in sorted(members, key=lambda name: (-len(members[name]), name)):
        counts = Counter(labels[song] for song in members[group])

        def crowding(fold: int, counts: Counter[str] = counts) -> tuple[int, int, int]:
            there = sum(load[fold][label] * n for label, n in counts.items())
            return there, load[fold].total(), fold

        chosen = min(load, key=crowding)
        load[chosen] += counts
        folds[members[group]] = chosen


def split_validation(songs: Sequence[S]) -> tuple[list[S], list[S]]:
    """Return the songs to fit on and those that say when to stop: about a fifth, by whole groups.

    Of the possible fifths it is one with songs of the most labels that keep others; none if none has any.
    """
    k = max(2, round(1 / params.VALIDATION_SHARE))
    folds = assign_folds([s.label for s in songs], [s.group for s in songs], [s.name for s in songs], k)
    labels = np.array([s.label for s in songs])
    counts = np.bincount(folds, minlength=k)
    covered = [len(set(labels[folds == fold]) & set(labels[folds != fold])) for fold in range(k)]
    apart = max(
        range(k), key=lambda fold: (covered[fold], fold == k - 1, -abs(counts[fold] * k - len(songs)), -fold)
    )
    if not covered[apart]:
        return list(songs), []
    inside = [song for song, fold in zip(songs, folds, strict=True) if fold != apart]
    return inside, [song for song, fold in zip(songs, folds, strict=True) if fold == apart]


def n_folds_possible(labels: Sequence[str], groups: Sequence[str | None], at_most: int) -> int:
    """Return how many folds every label of more than one unit can fill, 2 to `at_most`."""
    counts = [n for n in label_units(labels, groups).values() if n > 1]
    return max(2, min([at_most, *counts]))


def folds_of(songs: Sequence[LabelledSong], n_folds: int | None) -> Folds:
    """Return the fold of each song, (songs,); None for five folds, or fewer where a genre has fewer songs.

    No more are made than there are artists, and songs by unknown ones.

    Raises
    ------
    TrainingDataError
        If there would be fewer than two.
    """
    labels, groups = [s.label for s in songs], [s.group for s in songs]
    k = n_folds or n_folds_possible(labels, groups, params.DEFAULT_FOLDS)
    if k < 2:
        raise TrainingDataError("at least 2 folds are needed")
    k = max(2, min(k, len({number if group is None else group for number, group in enumerate(groups)})))
    folds = assign_folds(labels, groups, [s.name for s in songs], k)
    if len(np.unique(folds)) < 2:
        raise TrainingDataError("all songs are by one artist: no song of another is there to test on")
    return folds


def folds_inside(songs: Sequence[LabelledSong], at_most: int) -> Folds:
    """Return the fold of each song, (songs,): as many as every label can fill, up to so many."""
    labels, groups = [s.label for s in songs], [s.group for s in songs]
    return assign_folds(labels, groups, [s.name for s in songs], n_folds_possible(labels, groups, at_most))
