"""Compare ways of training a classifier on the same songs, folds and seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, cast

import numpy as np

from classifier.datasets.song_patches import SpectralSong
from classifier.datasets.songs import LabelledSong, Song, check_features, check_songs, check_testable
from classifier.errors import TrainingDataError
from classifier.model.bundle import Bundle
from classifier.networks.recipes import Recipe
from classifier.training.cross_validation import Predict, folds_of, held_out, last_tested, run_key
from classifier.training.held_out import HeldOut
from classifier.training.train import head_fitter, network_fitter
from recommender.training.bundles import start_of
from recommender.training.data import TrainingData

if TYPE_CHECKING:
    from classifier.networks.fit import FittedNetwork

Progress = Callable[[int, int], None]
Watch = Callable[[Path, "FittedNetwork"], None]


@dataclass(frozen=True)
class Outcome:
    """What one recipe, with one seed, said of the songs held out; or a bundle, of songs new to it."""

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
    songs: Sequence[LabelledSong],
    recipe: Recipe,
    seed: int,
    n_folds: int | None,
    *,
    one_fold: bool = False,
    progress: Progress = lambda done, total: None,
    epochs: Progress = lambda done, total: None,
    watch: "Watch" = lambda place, network: None,
    folder: Path | None = None,
) -> HeldOut:
    """Train a recipe on all folds but one, in turn, and judge it on that one.

    A run that was stopped goes on where it was: finished folds are kept in the home's cache.

    Parameters
    ----------
    data, songs
        The songs as the recipe's network reads them: ``data.songs(recipe)``.
    n_folds
        None for five, or fewer where a genre has fewer songs.
    one_fold
        Whether to hold out the last fold only.
    progress, epochs
        Called with the folds done of how many, and the epochs of the present fit.
    watch
        Called after each fit of a network with the place where that fold was kept while unfinished.
    folder
        Where a network's folds are kept; None for the home's cache.
    """
    labels = check_songs(songs)
    check_testable(songs)
    folds = folds_of(songs, n_folds)
    only = [last_tested(songs, folds)] if one_fold else None
    if recipe.uses_trunk:
        check_features(cast(list[Song], songs))
        head_fit = head_fitter(recipe, labels)
        return held_out(cast(list[Song], songs), labels, folds, head_fit, progress, None, only)
    described = {**recipe.describe(), "folds": n_folds}
    folder = folder or data.home.cache_dir / "evaluations" / run_key(described, songs, seed)
    kept = data.home.cache_dir / "frozen"
    network_fit = network_fitter(recipe, labels, seed, start_of(recipe, data.bundle), kept, epochs)

    def fit(inside: Sequence[SpectralSong], place: Path | None) -> Predict[SpectralSong]:
        network = network_fit(inside, place)
        if place is not None:
            watch(place, network)
        return network.segment_probabilities

    return held_out(cast(list[SpectralSong], songs), labels, folds, fit, progress, folder, only)


def judge_bundle(data: TrainingData, bundle: Bundle) -> Outcome:
    """Return what a bundle says of songs; whoever asks knows that it did not train on them.

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
    started, said = perf_counter(), []
    for song in songs:
        tags, embeddings = trunk.run(np.asarray(song.patches, np.float32))
        said.append(bundle.genres(song.segment_means(tags), song.segment_means(embeddings)))
    return Outcome(
        bundle.bundle_id,
        0,
        HeldOut(
            labels=bundle.labels,
            names=tuple(s.name for s in songs),
            truth=np.array([bundle.labels.index(s.label) for s in songs]),
            folds=np.zeros(len(songs), np.int64),
            segments=said,
            durations_s=[s.durations_s for s in songs],
            fit_s=[perf_counter() - started],
        ),
    )


def summarise(outcomes: Sequence[Outcome]) -> Summary:
    """Return the figures of one recipe's outcomes, one a seed."""
    songs = [outcome.held_out.songs() for outcome in outcomes]
    accuracies = [evaluation.accuracy for evaluation in songs]
    top_3 = [e.top_3 for e in songs if e.top_3 is not None]
    return Summary(
        recipe=outcomes[0].recipe,
        seeds=len(outcomes),
        songs=songs[0].n,
        accuracy=float(np.mean(accuracies)),
        accuracy_spread=float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else 0.0,
        fold_spread=float(np.mean([np.std(o.held_out.fold_accuracies()) for o in outcomes])),
        macro_f1=float(np.mean([e.macro_f1 for e in songs])),
        top_3=float(np.mean(top_3)) if top_3 else None,
        calibration_error=float(np.mean([e.calibration_error for e in songs])),
        segment_accuracy=float(np.mean([o.held_out.by_segment().accuracy for o in outcomes])),
        fit_s=float(np.mean([s for o in outcomes for s in o.held_out.fit_s])),
    )
