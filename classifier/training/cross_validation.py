"""Judge a way of training on songs that it did not train on."""

import json
import shutil
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.atomic_files import whole_file
from classifier.datasets.folds import assign_folds, n_folds_possible
from classifier.datasets.songs import LabelledSong
from classifier.errors import TrainingDataError
from classifier.model.calibration import LEAST
from classifier.private_files import make_folder
from classifier.training.held_out import HeldOut

Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
S = TypeVar("S", bound=LabelledSong)
Predict = Callable[[S], Array]
"""A fitted classifier: a song to the label probabilities of its segments, (segments, labels)."""
Fit = Callable[[Sequence[S], Path | None], Predict[S]]
"""Fits on some songs; the folder, where there is one, is where it may keep what lets it resume."""


def folds_of(songs: Sequence[LabelledSong], n_folds: int | None) -> Indices:
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


def last_tested(songs: Sequence[LabelledSong], folds: Indices) -> int:
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


def held_out(
    songs: Sequence[S],
    labels: tuple[str, ...],
    folds: Indices,
    fit: Fit[S],
    progress: Callable[[int, int], None] = lambda done, total: None,
    folder: Path | None = None,
    only: Sequence[int] | None = None,
) -> HeldOut:
    """Train once a fold on the songs of all others, and hear what it says of that fold's.

    Parameters
    ----------
    songs, labels
        What to learn.
    folds
        (songs,) as `folds_of` gives them.
    fit
        How to learn.
    progress
        Called with folds done and folds in all.
    folder
        Where finished folds are kept, so that a run that was stopped goes on; None to keep nothing.
    only
        The folds to hold out; None for all.
    """
    chosen = [int(f) for f in np.unique(folds)] if only is None else list(only)
    said: dict[int, Array] = {}
    fit_s = []
    for done, fold in enumerate(chosen):
        progress(done, len(chosen))
        of_fold, seconds = _fold(songs, folds, fold, fit, folder)
        said |= of_fold
        fit_s.append(seconds)
    progress(len(chosen), len(chosen))
    places = sorted(said)
    truth = np.array([labels.index(song.label) for song in songs])
    learned = np.array([_learned(truth[folds != folds[i]], len(labels)) for i in places])
    return HeldOut(
        labels=labels,
        names=tuple(songs[i].name for i in places),
        truth=truth[places],
        folds=folds[places],
        segments=[
            _missed(said[i], t, known) for i, t, known in zip(places, truth[places], learned, strict=True)
        ],
        durations_s=[songs[i].durations_s for i in places],
        fit_s=fit_s,
        learned=learned,
    )


def _learned(truth: Indices, n_labels: int) -> Mask:
    """Return which labels can be told from others by whoever learned from songs of these, (labels,)."""
    known = np.isin(np.arange(n_labels), truth)
    return known if known.sum() > 1 else np.zeros(n_labels, bool)


def _missed(segments: Array, truth: int, learned: Mask) -> Array:
    """Return what was said of a song, its own label being impossible where it had not been learned.

    A network gives every label some probability, and one that knows a single label is always right.
    """
    if learned[truth]:
        return segments
    others = np.delete(segments, truth, axis=1)
    whole = others.sum(axis=1, keepdims=True)
    others = np.where(whole > 0, others / np.maximum(whole, LEAST), 1 / max(1, others.shape[1]))
    return np.asarray(np.insert(others, truth, 0, axis=1), np.float32)


def _fold(
    songs: Sequence[S], folds: Indices, fold: int, fit: Fit[S], folder: Path | None
) -> tuple[dict[int, Array], float]:
    """Return what a classifier trained on the other folds says of one fold's songs, by their place.

    The second value is how many seconds the fit took, a stopped one's earlier part not counted.
    """
    outside = np.flatnonzero(folds == fold).tolist()
    place = folder / f"fold-{fold}" if folder is not None else None
    kept = folder / f"fold-{fold}.npz" if folder is not None else None
    if kept is not None and kept.exists():
        with np.load(kept, allow_pickle=False) as arrays:
            return {i: arrays[str(i)] for i in outside}, float(arrays["fit_s"])
    started = perf_counter()
    predict = fit([songs[i] for i in np.flatnonzero(folds != fold).tolist()], place)
    seconds = perf_counter() - started
    said = {i: predict(songs[i]) for i in outside}
    if kept is not None and place is not None:
        _keep(kept, said, seconds)
        shutil.rmtree(place, ignore_errors=True)
    return said, seconds


def _keep(path: Path, said: dict[int, Array], seconds: float) -> None:
    make_folder(path.parent)
    with whole_file(path, private=True) as file:
        np.savez(file, fit_s=seconds, **{str(i): value for i, value in said.items()})  # type: ignore[arg-type]


def run_key(described: dict[str, Any], songs: Sequence[LabelledSong], seed: int) -> str:
    """Return a name for what a run depends on: how, on which songs, and the seed."""
    from classifier.datasets.feature_cache import cache_key

    of_songs = [(s.name, s.label, s.group, _checksum(s)) for s in songs]
    return cache_key(json.loads(json.dumps(described)), of_songs, seed)


def _checksum(song: LabelledSong) -> int:
    """Return what tells a song from another at the same path: its length, and a first look at its patches."""
    patches = getattr(song, "patches", None)
    start = np.ascontiguousarray(patches[:1]).tobytes() if patches is not None else b""
    return zlib.crc32(start, zlib.crc32(np.asarray(song.durations_s, np.float64).tobytes()))
