"""``train``: a classifier of the user's own genres."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, Data, Folds, Jobs, LabelDepth, Labels, Seed, home_of

if TYPE_CHECKING:
    from classifier.model.bundle import Bundle
    from classifier.networks.recipes import Recipe
    from classifier.training.train import Trained
    from recommender.home import Home
    from recommender.training.data import TrainingData
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
            _use(home, use, as_json=as_json)
            return
        source = training_data(home, data, labels, label_depth, jobs, quiet=as_json)
        recipe = recipe_from(arch, weights, epochs, settings or [])
        _train(source, recipe, folds, seed, as_json=as_json)


def _use(home: "Home", name: str, *, as_json: bool) -> None:
    from recommender.commands.output import show, show_json
    from recommender.training.bundles import switch_bundle, waiting_tracks

    chosen = home.take_bundle(name)
    catalog = home.catalog_if_any()
    predicted = switch_bundle(home, catalog, chosen)
    waiting = waiting_tracks(catalog, chosen)
    if as_json:
        answer = {"bundle_id": chosen.bundle_id, "labels": chosen.labels, "segments_predicted": predicted}
        show_json({**answer, "tracks_to_analyse": waiting})
    else:
        show(f"Using {chosen.bundle_id}; {predicted} segments got its genres.")
        _tell_waiting(waiting)


def _train(data: "TrainingData", recipe: "Recipe", folds: int | None, seed: int, *, as_json: bool) -> None:
    from time import perf_counter

    from recommender.commands.output import progress_bar, say_skipped, show_json
    from recommender.training.bundles import switch_bundle, train_bundle, waiting_tracks

    started = perf_counter()
    unit = "fits" if recipe.uses_trunk else "epochs"
    songs = data.songs(recipe)
    say_skipped(data.failures)
    with progress_bar("Training", quiet=as_json, unit=unit) as progress:
        trained, written = train_bundle(data, songs, recipe, folds, seed, progress)
    catalog = data.home.catalog_if_any()
    predicted = switch_bundle(data.home, catalog, written)
    answer = {
        **_as_json(trained, written),
        "skipped": [{"path": path, "message": reason} for path, reason in data.failures],
        "seconds": round(perf_counter() - started, 1),
        "segments_predicted": predicted,
        "tracks_to_analyse": waiting_tracks(catalog, written),
    }
    if as_json:
        show_json(answer)
    else:
        _tell(answer, trained)


def _as_json(trained: "Trained", written: "Bundle") -> dict[str, Any]:
    from dataclasses import asdict

    songs = trained.held_out.songs()
    return {
        "bundle_id": written.bundle_id,
        "bundle_path": str(written.path),
        "arch": trained.recipe.arch,
        "labels": list(trained.labels),
        "songs": trained.songs,
        "songs_held_out": songs.n,
        "folds": trained.folds,
        "chosen": dict(trained.choices),
        "accuracy": round(songs.accuracy, 4),
        "accuracy_interval": [round(end, 4) for end in songs.accuracy_interval],
        "per_genre": [asdict(score) for score in songs.per_label],
        "calibration": trained.calibration.describe(),
        "notes": list(trained.notes),
    }


def _tell(answer: dict[str, Any], trained: "Trained") -> None:
    from recommender.commands.genre_table import tell_genres
    from recommender.commands.output import say, show

    for note in answer["notes"]:
        say(f"Note: {note}")
    tell_genres(trained.held_out.songs())
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
    _tell_waiting(answer["tracks_to_analyse"])


def _tell_waiting(tracks: int) -> None:
    from recommender.commands.output import say

    if tracks:
        say(
            f"{tracks} tracks have not been heard by its network yet; analyse them with: deepcuts ingest "
            "and the folders of your library"
        )
