"""Run the trials of a tuning, each on the same folds, and keep every one that is finished."""

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.datasets.feature_cache import cache_key
from classifier.errors import TrainingDataError
from classifier.files import make_folder, replace_file
from classifier.networks.recipes import Recipe
from classifier.networks.search_space import Values, with_values
from classifier.training.held_out import HeldOut
from recommender.home import Home
from recommender.training.data import TrainingData
from recommender.training.evaluation import run
from recommender.training.trials import Trial, TrialLog

if TYPE_CHECKING:
    from classifier.networks.fit import FittedNetwork

Progress = Callable[[int, int], None]
Bar = Callable[[str], AbstractContextManager[Progress]]

LOSS = "validation.json"


@dataclass(frozen=True)
class TuningPlan:
    """What a tuning is to do.

    Attributes
    ----------
    recipe
        What the trials change.
    trials
        The values that each of them sets.
    seeds
        Each trial runs once with each of them.
    n_folds, one_fold
        See `recommender.training.evaluation.run`.
    """

    recipe: Recipe
    trials: Sequence[Values]
    seeds: Sequence[int]
    n_folds: int | None
    one_fold: bool


def default_folder(home: Home) -> Path:
    """Return where trials are kept unless the user names a folder."""
    return home.cache_dir / "tuning"


def tune(
    data: TrainingData,
    plan: TuningPlan,
    folder: Path,
    bar: Bar,
    report: Callable[[Trial, int, int], None] = lambda trial, done, total: None,
) -> list[Trial]:
    """Run a plan's trials, those that are finished already left out, and return them all.

    Parameters
    ----------
    folder
        Where finished trials are kept.
    bar
        Opens what shows the progress of the trial named.
    report
        Called with each trial once it is done, its number, and how many there are.

    Raises
    ------
    TrainingDataError
        If the songs cannot train a classifier, or a trial's values do not fit each other.
    RecommenderError
        If the folder cannot be written.
    """
    log = TrialLog(folder)
    recipes = [_with_validation(with_values(plan.recipe, values)) for values in plan.trials]
    wanted = [(*trial, seed) for trial in zip(plan.trials, recipes, strict=True) for seed in plan.seeds]
    done, trials = log.read(), []
    for number, (values, recipe, seed) in enumerate(wanted, start=1):
        key = _key(data, recipe, plan, seed)
        trial = done.get(key)
        if trial is None:
            trial = _run(data, plan, recipe, values, seed, key, bar(f"Trial {number} of {len(wanted)}"))
            log.add(trial)
            shutil.rmtree(_unfinished(data, key), ignore_errors=True)
        trials.append(trial)
        report(trial, number, len(wanted))
    return trials


def _with_validation(recipe: Recipe) -> Recipe:
    """Return a recipe whose fits hold songs out: on a cosine there is no validation loss to rank by."""
    if recipe.fit.schedule == "plateau":
        return recipe
    return replace(recipe, fit=replace(recipe.fit, schedule="plateau", stop_patience=recipe.fit.epochs))


def _key(data: TrainingData, recipe: Recipe, plan: TuningPlan, seed: int) -> str:
    songs = sorted((file.content, file.label, file.group or "") for file in data.files())
    start = data.bundle.trunk_id if recipe.arch == "musicnn-tuned" else None
    return cache_key(recipe.describe(), start, songs, plan.n_folds, plan.one_fold, seed)


def _unfinished(data: TrainingData, key: str) -> Path:
    return data.home.cache_dir / "trials" / key


def _run(
    data: TrainingData,
    plan: TuningPlan,
    recipe: Recipe,
    values: Values,
    seed: int,
    key: str,
    bar: AbstractContextManager[Progress],
) -> Trial:
    """Run one trial; where it was stopped before, it goes on."""
    songs, folder = data.songs(recipe), _unfinished(data, key)
    with bar as progress:
        predictions = run(
            data,
            songs,
            recipe,
            seed,
            plan.n_folds,
            one_fold=plan.one_fold,
            progress=progress,
            in_epochs=True,
            watch=_keep_loss,
            folder=folder,
        )
    return _trial(key, values, seed, predictions, len(songs), _losses(folder))


def _keep_loss(unfinished: Path, network: "FittedNetwork") -> None:
    """Note a fit's lowest validation loss beside the fold, which a stopped run leaves there."""
    history = network.history
    losses = history.get("val_loss")
    if not losses:
        raise TrainingDataError(
            "trials cannot be ranked: too few artists a genre are there to hold songs out inside a fold"
        )
    noted = {"loss": min(losses), "epoch": int(np.argmin(losses)) + 1}
    make_folder(unfinished.parent)
    replace_file(unfinished.parent / f"{unfinished.name}-{LOSS}", json.dumps(noted).encode(), private=True)


def _losses(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_bytes()) for file in sorted(folder.glob(f"*-{LOSS}"))]


def _trial(
    key: str, values: Values, seed: int, predictions: HeldOut, n_songs: int, losses: Sequence[dict[str, Any]]
) -> Trial:
    figures = predictions.songs()
    return Trial(
        key=key,
        values=dict(values),
        seed=seed,
        validation_loss=round(float(np.mean([noted["loss"] for noted in losses])), 4),
        best_epochs=[noted["epoch"] for noted in losses],
        accuracy=round(figures.accuracy, 4),
        cross_entropy=round(figures.cross_entropy, 4),
        macro_f1=round(figures.macro_f1, 4),
        seconds=round(sum(predictions.fit_s), 1),
        songs=n_songs,
        held_out=figures.n,
        judged_on=cache_key(sorted(predictions.names)),
    )
