"""``train``: a classifier of the user's own genres."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, Data, Folds, Jobs, LabelDepth, Labels, Seed, home_of

if TYPE_CHECKING:
    from classifier.model.bundle import Bundle
    from classifier.networks.recipes import Recipe
    from recommender.home import Home
    from recommender.training.data import TrainingData
    from recommender.training.train import Trained
from recommender.commands.training_options import recipe_from, training_data


def train(
    context: typer.Context,
    data: Data = None,
    arch: Annotated[
        str,
        typer.Option(
            "--arch",
            metavar="RECIPE",
            help="musicnn (a head on the pretrained trunk), musicnn-tuned, cnn-mel, cnn or vgg16; more "
            "words, joined with '+', change it: mfcc, mel, published, no-plateau, no-augment, time-shift, "
            "gain, specaugment, mixup, image-shift, representative.",
        ),
    ] = "musicnn",
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="imagenet|FILE|none", help="Pretrained weights of vgg16."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="At most so many epochs a network.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A setting of the recipe, such as n_mels=64 or learning_rate=0.001; see tune.",
        ),
    ] = None,
    labels: Labels = "folders",
    label_depth: LabelDepth = 1,
    folds: Folds = None,
    seed: Seed = 0,
    use: Annotated[
        str | None,
        typer.Option(
            "--use",
            metavar="BUNDLE",
            help="Do not train: go back to this bundle (an id, a path, or 'shipped').",
        ),
    ] = None,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Train a classifier on labelled songs, say how good it is, and use it from now on.

    The songs' artists (tags, or the CSV's artist or group column) never fall on both sides of a
    split. --labels and --label-depth apply to DIR; the catalogue's labels are those ingest was given.
    A network judges itself on one held-out fold unless --folds is given. A stopped run goes on.
    """
    home = home_of(context)
    with home.writer_lock():
        if use is not None:
            use_and_print(home, home.take_bundle(use), as_json=as_json)
            return
        recipe = recipe_from(arch, weights, epochs, settings or [])
        heads_alone = recipe.uses_trunk
        source = training_data(home, data, labels, label_depth, jobs, quiet=as_json, heads_alone=heads_alone)
        _train(source, recipe, folds, seed, as_json=as_json)


def use_and_print(home: "Home", chosen: "Bundle", *, as_json: bool) -> None:
    """Make a bundle the active one and say what that means; the writer lock is held."""
    from recommender.commands.output import show, show_json
    from recommender.training.bundles import use_bundle

    predicted, waiting = use_bundle(home, chosen)
    if as_json:
        answer = {"bundle_id": chosen.bundle_id, "labels": chosen.labels, "segments_predicted": predicted}
        show_json({**answer, "tracks_to_analyse": waiting})
    else:
        show(f"Using {chosen.bundle_id}; {predicted} segments got its genres.")
        _print_waiting(waiting)


def _train(data: "TrainingData", recipe: "Recipe", folds: int | None, seed: int, *, as_json: bool) -> None:
    from functools import partial
    from time import perf_counter

    from recommender.commands.output import say_skipped, show_json
    from recommender.commands.progress import progress_bar
    from recommender.training.train import train as train_bundle

    started = perf_counter()
    bar = partial(progress_bar, "Training", quiet=as_json, unit="fits" if recipe.uses_trunk else "epochs")
    trained, written, predicted, waiting = train_bundle(data, recipe, folds, seed, bar, say_skipped)
    answer = {
        **_as_json(trained, written),
        "skipped": [{"path": path, "message": reason} for path, reason in data.failures],
        "seconds": round(perf_counter() - started, 1),
        "segments_predicted": predicted,
        "tracks_to_analyse": waiting,
    }
    if as_json:
        show_json(answer)
    else:
        _print(answer, trained)


def _as_json(trained: "Trained", written: "Bundle") -> dict[str, Any]:
    from dataclasses import asdict

    figures = trained.figures
    return {
        "bundle_id": written.bundle_id,
        "bundle_path": str(written.path),
        "arch": trained.recipe.arch,
        "labels": list(trained.labels),
        "songs": trained.songs,
        "songs_held_out": figures.n,
        "folds": trained.folds,
        "chosen": dict(trained.choices),
        "accuracy": round(figures.accuracy, 4),
        "accuracy_interval": [round(end, 4) for end in figures.accuracy_interval],
        "per_genre": [asdict(score) for score in figures.per_label],
        "calibration": trained.calibration.describe(),
        "notes": list(trained.notes),
    }


def _print(answer: dict[str, Any], trained: "Trained") -> None:
    from recommender.commands.output import say, show
    from recommender.commands.training_options import print_genres

    for note in answer["notes"]:
        say(f"Note: {note}")
    print_genres(trained.figures)
    low, high = answer["accuracy_interval"]
    show(
        f"Accuracy {answer['accuracy']:.3f} ({low:.2f}-{high:.2f}) on {answer['songs_held_out']} songs not "
        f"trained on ({answer['songs']} songs, {answer['folds']} folds, {answer['seconds']:.0f} s)."
    )
    if trained.network is not None:
        show(f"Learning curves: {answer['bundle_path']}/learning_curves.png")
    show(
        f"{answer['bundle_id']} is active; {answer['segments_predicted']} segments got its genres. "
        "Go back with: deepcuts train --use shipped"
    )
    _print_waiting(answer["tracks_to_analyse"])


def _print_waiting(tracks: int) -> None:
    from recommender.commands.output import say

    if tracks:
        say(
            f"{tracks} tracks have not been analysed by its network yet; analyse them with: deepcuts ingest "
            "and the folders of your library"
        )
