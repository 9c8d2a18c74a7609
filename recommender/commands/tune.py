"""``tune``: which settings of a recipe learn best from some music."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, Data, Folds, Jobs, LabelDepth, Labels, Seed, home_of

if TYPE_CHECKING:
    from classifier.networks.recipes import Recipe
    from classifier.networks.search_space import Values
    from recommender.training.data import TrainingData
    from recommender.training.trials import Trial, TrialMeans
    from recommender.training.tuning import TuningPlan


def tune(
    context: typer.Context,
    data: Data = None,
    arch: Annotated[
        str, typer.Option("--arch", metavar="RECIPE", help="What to tune; see train --arch.")
    ] = "cnn-mel",
    axes: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            metavar="NAME=V1,V2…",
            help="Values to try of a parameter; several --grid are combined. Names are n_fft, hop_length, "
            "n_mels, n_mfcc, rate_hz, and those of fit and augmentation: learning_rate, batch_size, mixup…",
            show_default="n_fft=1024,2048 hop_length=256,512 n_mels=128,256",
        ),
    ] = None,
    ranges: Annotated[
        list[str] | None,
        typer.Option("--range", metavar="NAME=LOW:HIGH[:log]", help="What --random draws a parameter from."),
    ] = None,
    random: Annotated[
        int | None,
        typer.Option("--random", metavar="N", min=1, help="Try N combinations drawn at random, not all."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="imagenet|FILE|none", help="Pretrained weights of vgg16."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="At most so many epochs a network.")
    ] = None,
    labels: Labels = "folders",
    label_depth: LabelDepth = 1,
    folds: Folds = None,
    one_fold: Annotated[
        bool, typer.Option("--one-fold", help="Hold out one fold only, the last, also with --folds.")
    ] = False,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Run each trial with so many seeds.")] = 1,
    seed: Seed = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Where finished trials, the table and the picture are kept.",
            show_default="in the home's cache",
        ),
    ] = None,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Try settings of a recipe, each by validation on the same folds, and list them, the best first.

    The best has the lowest loss on validation songs inside the training folds, so that the accuracy on
    the songs held out is honest. One fold is held out unless --folds is given. A stopped run goes on.
    """
    from recommender.commands.output import show_json
    from recommender.commands.training_options import recipe_from, training_data
    from recommender.training.trials import ranked, write_results
    from recommender.training.tuning import TuningPlan, default_folder

    home = home_of(context)
    recipe = recipe_from(arch, weights, epochs)
    trials = _trials(recipe, axes or [], ranges or [], random, seed)
    source = training_data(home, data, labels, label_depth, jobs, quiet=as_json, heads_alone=False)
    plan = TuningPlan(recipe, trials, range(seed, seed + seeds), folds, one_fold or folds is None)
    folder = output or default_folder(home)
    done = _run(source, plan, folder, quiet=as_json)
    rows = ranked(done)
    write_results(rows, folder)
    answer = _as_json(arch, source, plan, done, rows, folder)
    if as_json:
        show_json(answer)
    else:
        _print(answer)


def _trials(
    recipe: "Recipe", axes: list[str], ranges: list[str], random: int | None, seed: int
) -> "list[Values]":
    from classifier.networks.search_space import (
        STUDYS_GRID,
        check_tunable,
        grid,
        parse_axis,
        parse_range,
        sample,
    )

    if ranges and random is None:
        raise typer.BadParameter("a range is drawn from at random: add --random N", param_hint="--range")
    chosen = [parse_axis(text) for text in axes]
    drawn = [parse_range(text) for text in ranges]
    if not chosen and not drawn:
        chosen = list(STUDYS_GRID)
    check_tunable(recipe, [axis.name for axis in chosen] + [part.name for part in drawn])
    return grid(chosen) if random is None else sample([*chosen, *drawn], random, seed)


def _run(data: "TrainingData", plan: "TuningPlan", folder: Path, *, quiet: bool) -> "list[Trial]":
    from recommender.commands.output import say, say_skipped
    from recommender.commands.progress import progress_bar
    from recommender.training.tuning import tune as run

    def report(trial: "Trial", number: int, total: int) -> None:
        if not quiet:
            loss = f"validation loss {trial.validation_loss:.3f}"
            say(f"Trial {number} of {total}: {_in_words(trial.values)}: {loss}, {trial.seconds:.0f} s")

    def bar(title: str) -> Any:
        return progress_bar(title, quiet=quiet, unit="epochs")

    try:
        return run(data, plan, folder, bar, report)
    finally:
        say_skipped(data.failures)


def _in_words(values: "Values") -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items())


def _as_json(
    arch: str,
    data: "TrainingData",
    plan: "TuningPlan",
    done: "list[Trial]",
    rows: "list[TrialMeans]",
    folder: Path,
) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "recipe": arch,
        "data": data.describe(done[0].songs),
        "skipped": [{"path": path, "message": reason} for path, reason in data.failures],
        "folds": plan.n_folds,
        "one_fold": plan.one_fold,
        "seeds": list(plan.seeds),
        "songs_held_out": done[0].held_out,
        "notes": _notes(plan, done),
        "trials": [asdict(row) for row in rows],
        "output": str(folder),
    }


def _notes(plan: "TuningPlan", done: "list[Trial]") -> list[str]:
    """Return what makes trials less comparable than they look."""
    from classifier.networks.search_space import empty_bands, with_values

    notes = []
    for values in plan.trials:
        empty = empty_bands(with_values(plan.recipe, values).front_end)
        if empty:
            notes.append(
                f"{_in_words(values)}: {empty} mel bands are narrower than the spectrum's lines and empty"
            )
    if len({trial.judged_on for trial in done}) > 1:
        notes.append("the trials were not all judged on the same songs: some settings cannot read some files")
    return notes


def _print(answer: dict[str, Any]) -> None:
    from recommender.commands.output import printable, say, show, show_table

    for note in answer["notes"]:
        say(f"Note: {note}")
    names = list(answer["trials"][0]["values"])
    rows = [
        (
            *(f"{value:g}" for value in row["values"].values()),
            f"{row['validation_loss']:.4f} ({', '.join(map(str, row['best_epochs']))})",
            f"{row['accuracy']:.3f}",
            f"{row['cross_entropy']:.3f}",
            f"{row['macro_f1']:.3f}",
            f"{row['seconds']:.0f} s",
        )
        for row in answer["trials"]
    ]
    columns = (*names, "validation loss (epoch)", "accuracy", "cross-entropy", "macro F1", "fits")
    title = f"{answer['recipe']} on {answer['data']}, {answer['songs_held_out']} held out; best first"
    show_table(columns, rows, title, highlight=0)
    show(f"Trials, table and picture are in {printable(answer['output'])}")
