"""What the options of `train`, `tune` and `evaluate classifier` mean: a recipe, and labelled songs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from classifier.training.metrics import Figures

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.networks.recipes import Recipe
    from recommender.home import Home
    from recommender.training.data import TrainingData


def recipe_from(
    arch: str, weights: str | None, epochs: int | None, settings: "Sequence[str]" = ()
) -> "Recipe":
    """Return the recipe that the options describe."""
    from dataclasses import replace

    from classifier.errors import TrainingDataError
    from classifier.networks.recipes import recipe_of

    recipe = recipe_of(arch)
    if weights is not None:
        if recipe.arch != "vgg16":
            raise TrainingDataError(f"--weights is said of vgg16 only, not of {recipe.arch}")
        recipe = replace(recipe, weights=weights)
    if epochs is not None:
        recipe = replace(recipe, fit=replace(recipe.fit, epochs=epochs))
    return _with_settings(recipe, settings) if settings else recipe


def _with_settings(recipe: "Recipe", settings: "Sequence[str]") -> "Recipe":
    from classifier.errors import TrainingDataError
    from classifier.networks.search_space import check_tunable, parse_axis, with_values

    values = {}
    for text in settings:
        axis = parse_axis(text)
        if len(axis.values) != 1:
            raise TrainingDataError(f"'{text}' sets several values; tune tries them in turn")
        values[axis.name] = axis.values[0]
    check_tunable(recipe, list(values))
    return with_values(recipe, values)


def training_data(
    home: "Home",
    data: Path | None,
    labels: str,
    depth: int,
    jobs: int | None,
    *,
    quiet: bool,
    heads_alone: bool = True,
) -> "TrainingData":
    """Return the labelled songs that a command's arguments name; files are analysed when asked for.

    Parameters
    ----------
    heads_alone
        Whether no network is to be trained: then a model that was brought can be what heads are trained on.
    """
    import logging
    import os
    from functools import partial

    from recommender.commands.progress import progress_bar
    from recommender.training.bundles import base_bundle
    from recommender.training.data import TrainingData

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # several fits in one process are meant
    return TrainingData(
        home,
        base_bundle(home if heads_alone else None),
        data,
        labels,
        depth,
        jobs,
        partial(progress_bar, "Analysing", quiet=quiet),
    )


def print_genres(songs: "Figures") -> None:
    """Print precision, recall and F1 of every genre."""
    from recommender.commands.output import show_table

    rows = [
        (s.label, str(s.songs), f"{s.precision:.2f}", f"{s.recall:.2f}", f"{s.f1:.2f}")
        for s in songs.per_label
    ]
    show_table(("genre", "songs", "precision", "recall", "F1"), rows)
