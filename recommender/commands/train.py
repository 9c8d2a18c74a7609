"""``train``: a classifier of the user's own genres."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, Jobs, LabelDepth, Labels, home_of

if TYPE_CHECKING:
    from classifier.bundle import Bundle
    from classifier.training import Song, Trained
    from recommender.home import Home


def train(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            exists=True,
            file_okay=False,
            help="A labelled folder; without it, the catalogue's labelled tracks.",
        ),
    ] = None,
    labels: Labels = "folders",
    label_depth: LabelDepth = 1,
    folds: Annotated[
        int | None,
        typer.Option("--folds", min=2, help="Folds of the cross-validation.", show_default="5 or fewer"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of every random choice.")] = 0,
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
    """
    home = home_of(context)
    with home.writer_lock():
        if use is not None:
            _use(home, use, as_json=as_json)
        else:
            _train(home, folder, labels, label_depth, folds, seed, jobs, as_json=as_json)


def _use(home: "Home", name: str, *, as_json: bool) -> None:
    from recommender.commands.output import show, show_json
    from recommender.training import switch_bundle

    chosen = home.find_bundle(name)
    catalog = home.catalog() if home.catalog_path.exists() else None
    predicted = switch_bundle(home, catalog, chosen)
    if as_json:
        show_json({"bundle_id": chosen.bundle_id, "labels": chosen.labels, "segments_predicted": predicted})
    else:
        show(f"Using {chosen.bundle_id}; {predicted} segments got its genres.")


def _songs(
    home: "Home",
    bundle: "Bundle",
    folder: Path | None,
    labels: str,
    depth: int,
    jobs: int | None,
    *,
    quiet: bool,
) -> "list[Song]":
    from recommender.commands.output import printable, progress_bar, say
    from recommender.training import songs_of_catalog, songs_of_folder

    if folder is None:
        with home.existing_catalog().transaction() as session:
            return songs_of_catalog(session, bundle)
    with progress_bar("Analysing", quiet=quiet) as progress:
        songs, failed = songs_of_folder(str(folder), labels, depth, bundle, jobs, progress)
    for path, reason in failed:
        say(f"Skipped: {printable(path)}: {reason}")
    return songs


def _train(
    home: "Home",
    folder: Path | None,
    labels: str,
    depth: int,
    folds: int | None,
    seed: int,
    jobs: int | None,
    *,
    as_json: bool,
) -> None:
    import os
    from time import perf_counter

    from classifier.training import check_songs
    from recommender.commands.output import progress_bar, show_json
    from recommender.training import data_description, switch_bundle, train_bundle

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    started = perf_counter()
    bundle = home.bundle()
    songs = _songs(home, bundle, folder, labels, depth, jobs, quiet=as_json)
    check_songs(songs)
    with progress_bar("Training", quiet=as_json) as progress:
        data = data_description(folder, len(songs))
        trained, written = train_bundle(songs, bundle, home, folds, seed, data, progress)
    catalog = home.catalog() if home.catalog_path.exists() else None
    predicted = switch_bundle(home, catalog, written)
    answer = _as_json(trained, written, predicted, perf_counter() - started)
    if as_json:
        show_json(answer)
    else:
        _tell(answer)


def _as_json(trained: "Trained", written: "Bundle", predicted: int, seconds: float) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "bundle_id": written.bundle_id,
        "labels": list(trained.labels),
        "songs": trained.songs,
        "folds": trained.folds,
        "accuracy": round(trained.accuracy, 4),
        "per_genre": [asdict(score) for score in trained.per_genre],
        "seconds": round(seconds, 1),
        "segments_predicted": predicted,
        "notes": trained.notes,
    }


def _tell(answer: dict[str, Any]) -> None:
    from recommender.commands.output import say, show, show_table

    for note in answer["notes"]:
        say(f"Note: {note}")
    rows = [
        (
            score["label"],
            str(score["songs"]),
            *(f"{score[name]:.2f}" for name in ("precision", "recall", "f1")),
        )
        for score in answer["per_genre"]
    ]
    show_table(("genre", "songs", "precision", "recall", "F1"), rows)
    show(
        f"Accuracy {answer['accuracy']:.3f} on songs not trained on "
        f"({answer['songs']} songs, {answer['folds']} folds, {answer['seconds']:.0f} s)."
    )
    show(
        f"{answer['bundle_id']} is active; {answer['segments_predicted']} segments got its genres. "
        "Go back with: deepcuts train --use shipped"
    )
