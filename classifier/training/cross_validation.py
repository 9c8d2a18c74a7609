"""Judge a way of training on songs that it did not train on."""

import json
import shutil
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np

from classifier.arrays import Array, Ints, Mask
from classifier.datasets.feature_cache import cache_key
from classifier.datasets.folds import folds_of
from classifier.datasets.songs import LabelledSong, check_trainable
from classifier.errors import TrainingDataError
from classifier.files import make_folder, whole_file
from classifier.model.calibration import LEAST
from classifier.training.held_out import HeldOut

Progress = Callable[[int, int], None]
S = TypeVar("S", bound=LabelledSong)
Predict = Callable[[S], Array]
"""A fitted classifier: a song to the label probabilities of its segments, (segments, labels)."""
Fit = Callable[[Sequence[S], Path | None], Predict[S]]
"""Fits on some songs; the folder, where there is one, is where it may keep what lets it resume."""


class EpochCount:
    """Progress over several fits, in epochs; a fit that stops early still counts as whole.

    Parameters
    ----------
    progress
        Called with the epochs done, and all that there may be.
    fits, per_fit
        How many fits there are, and how many epochs each may have; 1 where fits alone are to be counted.
    """

    def __init__(self, progress: Progress, fits: int, per_fit: int) -> None:
        self._progress, self._total, self._per_fit = progress, fits * per_fit, per_fit
        self._done = 0

    def fits_done(self, fits: int, _of: int) -> None:
        """Count whole fits."""
        self._done = fits * self._per_fit
        self._progress(self._done, self._total)

    def within_fit(self, epoch: int, epochs: int) -> None:
        """Count the epochs of the fit that is under way."""
        self._progress(self._done + epoch * self._per_fit // epochs, self._total)


def last_tested(songs: Sequence[LabelledSong], folds: Ints) -> int:
    """Return the last fold with a song that could be tested if that fold alone is held out.

    Raises
    ------
    TrainingDataError
        If there is none.
    """
    truth = np.unique([song.label for song in songs], return_inverse=True)[1]
    for fold in np.unique(folds)[::-1].tolist():
        learned = _learned(truth[folds != fold], int(truth.max()) + 1)
        if learned[truth[folds == fold]].any():
            return int(fold)
    raise TrainingDataError("no song could be tested: the artists' songs are too unevenly spread")


@dataclass(frozen=True)
class Split:
    """How songs are held out in turn.

    Attributes
    ----------
    labels
        What there is to learn, in order.
    folds
        (songs,) the fold of each.
    tested
        The folds that are held out.
    """

    labels: tuple[str, ...]
    folds: Ints
    tested: Sequence[int]


def split_of(songs: Sequence[LabelledSong], n_folds: int | None, *, one_fold: bool = False) -> Split:
    """Return how songs are held out, `n_folds` as `folds_of` has it; `one_fold`: the last one alone.

    Raises
    ------
    TrainingDataError
        If their labels cannot be learned, or no song could be tested.
    """
    labels, folds = check_trainable(songs), folds_of(songs, n_folds)
    return Split(labels, folds, [last_tested(songs, folds)] if one_fold else np.unique(folds).tolist())


def held_out(
    songs: Sequence[S],
    split: Split,
    fit: Fit[S],
    progress: Progress = lambda done, total: None,
    folder: Path | None = None,
) -> HeldOut:
    """Return held-out predictions: for each fold's songs by a classifier trained on all others.

    Parameters
    ----------
    fit
        How to learn.
    progress
        Called with folds done and folds in all.
    folder
        Where finished folds are kept, so that a run that was stopped goes on; None to keep nothing.
    """
    labels, folds = split.labels, split.folds
    predicted: dict[int, Array] = {}
    fit_s = []
    for done, fold in enumerate(split.tested):
        progress(done, len(split.tested))
        of_fold, seconds = _fold(songs, folds, fold, fit, folder)
        predicted |= of_fold
        fit_s.append(seconds)
    progress(len(fit_s), len(fit_s))
    rows = sorted(predicted)
    truth = np.array([labels.index(song.label) for song in songs])
    learned = np.array([_learned(truth[folds != folds[i]], len(labels)) for i in rows])
    return HeldOut(
        labels=labels,
        names=tuple(songs[i].name for i in rows),
        truth=truth[rows],
        folds=folds[rows],
        segments=[_missed(predicted[i], truth[i], known) for i, known in zip(rows, learned, strict=True)],
        durations_s=[songs[i].durations_s for i in rows],
        fit_s=fit_s,
        learned=learned,
    )


def _learned(truth: Ints, n_labels: int) -> Mask:
    """Return which labels can be told from others by a classifier of songs of these, (labels,)."""
    known = np.isin(np.arange(n_labels), truth)
    return known if known.sum() > 1 else np.zeros(n_labels, bool)


def _missed(segments: Array, truth: int, learned: Mask) -> Array:
    """Return a song's predictions, its own label being impossible where it had not been learned.

    A network gives every label some probability, and one that knows a single label is always right.
    """
    if learned[truth]:
        return segments
    others = np.delete(segments, truth, axis=1)
    whole = others.sum(axis=1, keepdims=True)
    others = np.where(whole > 0, others / np.maximum(whole, LEAST), 1 / max(1, others.shape[1]))
    return np.asarray(np.insert(others, truth, 0, axis=1), np.float32)


def _fold(
    songs: Sequence[S], folds: Ints, fold: int, fit: Fit[S], folder: Path | None
) -> tuple[dict[int, Array], float]:
    """Return one fold's predictions, by the songs' positions, of a classifier trained on the other folds.

    The second value is how many seconds the fit took, a stopped one's earlier part not counted.
    """
    outside = np.flatnonzero(folds == fold).tolist()
    unfinished = folder / f"fold-{fold}" if folder is not None else None
    kept = folder / f"fold-{fold}.npz" if folder is not None else None
    if kept is not None and kept.exists():
        with np.load(kept, allow_pickle=False) as arrays:
            return {i: arrays[str(i)] for i in outside}, float(arrays["fit_s"])
    started = perf_counter()
    predict = fit([songs[i] for i in np.flatnonzero(folds != fold).tolist()], unfinished)
    seconds = perf_counter() - started
    predicted = {i: predict(songs[i]) for i in outside}
    if kept is not None and unfinished is not None:
        _keep(kept, predicted, seconds)
        shutil.rmtree(unfinished, ignore_errors=True)
    return predicted, seconds


def _keep(path: Path, predicted: dict[int, Array], seconds: float) -> None:
    make_folder(path.parent)
    with whole_file(path, private=True) as file:
        arrays = {str(i): value for i, value in predicted.items()}
        np.savez(file, fit_s=seconds, **arrays)  # type: ignore[arg-type]


def run_key(described: dict[str, Any], songs: Sequence[LabelledSong], seed: int) -> str:
    """Return a name for what a run depends on: how, on which songs, and the seed."""
    of_songs = [(s.name, s.label, s.group, _checksum(s)) for s in songs]
    return cache_key(json.loads(json.dumps(described)), of_songs, seed)


def _checksum(song: LabelledSong) -> int:
    """Return what tells a song from another at the same path: its length, and a first look at its patches."""
    patches = getattr(song, "patches", None)
    start = np.ascontiguousarray(patches[:1]).tobytes() if patches is not None else b""
    return zlib.crc32(start, zlib.crc32(np.asarray(song.durations_s, np.float64).tobytes()))
