"""Compare ways of training a classifier on the same songs, folds and seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from classifier.errors import TrainingDataError
from classifier.model.bundle import Bundle
from classifier.networks.recipes import Recipe
from classifier.training.cross_validation import EpochCount, held_out, run_key, split_of
from classifier.training.fitters import Fitted, fitter_of, start_of
from classifier.training.held_out import HeldOut
from recommender.training.data import TrainingData

Progress = Callable[[int, int], None]
Watch = Callable[[Path, Any], None]


@dataclass(frozen=True)
class RecipeResult:
    """The held-out predictions of one recipe, with one seed; or those of a bundle, for songs new to it."""

    recipe: str
    seed: int
    held_out: HeldOut


@dataclass(frozen=True)
class Summary:
    """One recipe's figures over its seeds.

    Attributes
    ----------
    accuracy, accuracy_spread
        Mean, and standard deviation (of a sample) over the seeds; 0 with a single one.
    fold_spread
        Standard deviation of the accuracy over the folds, mean over the seeds.
    macro_f1, top_3, calibration_error, segment_accuracy
        Means over the seeds.
    fit_s
        Mean seconds a fit.
    """

    recipe: str
    seeds: int
    songs: int
    accuracy: float
    accuracy_spread: float
    fold_spread: float
    macro_f1: float
    top_3: float | None
    calibration_error: float
    segment_accuracy: float
    fit_s: float


def run(
    data: TrainingData,
    songs: Sequence[Any],
    recipe: Recipe,
    seed: int,
    n_folds: int | None,
    *,
    one_fold: bool = False,
    progress: Progress = lambda done, total: None,
    in_epochs: bool = False,
    watch: Watch = lambda unfinished, network: None,
    folder: Path | None = None,
) -> HeldOut:
    """Return held-out predictions of a recipe; a run that was stopped goes on where it was.

    Parameters
    ----------
    progress, in_epochs
        Called with the folds done of how many, or with the epochs of networks.
    watch
        Called after each fit of a network with the folder where that fold was kept while unfinished.
    folder
        Where a network's folds are kept; None for the home's cache.
    """
    split, cache = split_of(songs, n_folds, one_fold=one_fold), data.home.cache_dir
    count = EpochCount(progress, len(split.tested), recipe.fit.epochs if in_epochs else 1)
    start = start_of(recipe, data.bundle)
    fit = fitter_of(recipe, split.labels, seed, start, cache / "frozen", count.within_fit)
    if recipe.uses_trunk:
        return held_out(songs, split, fit, count.fits_done)
    kept = folder or cache / "evaluations" / run_key({**recipe.describe(), "folds": n_folds}, songs, seed)

    def watched(inside: Sequence[Any], unfinished: Path | None) -> Fitted:
        network = fit(inside, unfinished)
        if unfinished is not None:
            watch(unfinished, network)
        return network

    return held_out(songs, split, watched, count.fits_done, kept)


def judge_bundle(data: TrainingData, bundle: Bundle) -> RecipeResult:
    """Return a bundle's predictions for songs; whoever asks knows that it did not train on them.

    Raises
    ------
    TrainingDataError
        If none of the songs has a label that the bundle knows.
    """
    from classifier.model.inference import Trunk

    trunk = Trunk(bundle)
    songs = [s for s in data.spectral_songs(bundle.front_end) if s.label in bundle.labels]
    if not songs:
        raise TrainingDataError(
            f"no song has a label that {bundle.bundle_id} knows: {', '.join(bundle.labels)}"
        )
    started, predicted = perf_counter(), []
    for song in songs:
        tags, embeddings = trunk.run(np.asarray(song.patches, np.float32))
        predicted.append(bundle.genres(song.segment_means(tags), song.segment_means(embeddings)))
    return RecipeResult(
        bundle.bundle_id,
        0,
        HeldOut(
            labels=bundle.labels,
            names=tuple(s.name for s in songs),
            truth=np.array([bundle.labels.index(s.label) for s in songs]),
            folds=np.zeros(len(songs), np.int64),
            segments=predicted,
            durations_s=[s.durations_s for s in songs],
            fit_s=[perf_counter() - started],
        ),
    )


def summarise(results: Sequence[RecipeResult]) -> Summary:
    """Return the figures of one recipe's results, one a seed."""
    songs = [result.held_out.songs() for result in results]
    accuracies = [evaluation.accuracy for evaluation in songs]
    top_3 = [e.top_3 for e in songs if e.top_3 is not None]
    return Summary(
        recipe=results[0].recipe,
        seeds=len(results),
        songs=songs[0].n,
        accuracy=float(np.mean(accuracies)),
        accuracy_spread=float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else 0.0,
        fold_spread=float(np.mean([np.std(o.held_out.fold_accuracies()) for o in results])),
        macro_f1=float(np.mean([e.macro_f1 for e in songs])),
        top_3=float(np.mean(top_3)) if top_3 else None,
        calibration_error=float(np.mean([e.calibration_error for e in songs])),
        segment_accuracy=float(np.mean([o.held_out.by_segment().accuracy for o in results])),
        fit_s=float(np.mean([s for o in results for s in o.held_out.fit_s])),
    )
