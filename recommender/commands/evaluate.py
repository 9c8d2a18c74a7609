"""``evaluate``: how good classifiers are, on songs that they did not train on; and the recommender."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.evaluate_recommender import recommender
from recommender.commands.options import AsJson, Data, Folds, Jobs, LabelDepth, Labels, Seed, home_of

if TYPE_CHECKING:
    from classifier.training.held_out import HeldOut
    from classifier.training.metrics import Evaluation
    from recommender.training.data import TrainingData
    from recommender.training.evaluation import Outcome
from recommender.commands.genre_table import tell_genres

evaluate = typer.Typer(help="Measure how good classifiers and the recommender are.", no_args_is_help=True)
evaluate.command("recommender")(recommender)

MOST_CONFUSED = 5


@evaluate.command("classifier")
def classifier(
    context: typer.Context,
    data: Data = None,
    arch: Annotated[
        str, typer.Option("--arch", metavar="RECIPE", help="What to evaluate; see train --arch.")
    ] = "musicnn",
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare", metavar="RECIPE,RECIPE…", help="Evaluate several on the same folds, in one table."
        ),
    ] = None,
    bundle: Annotated[
        str | None,
        typer.Option(
            "--bundle",
            metavar="BUNDLE",
            help="Train nothing: judge this bundle (an id, a path, 'active' or 'shipped') on the songs.",
        ),
    ] = None,
    labels: Labels = "folders",
    label_depth: LabelDepth = 1,
    folds: Folds = None,
    one_fold: Annotated[
        bool,
        typer.Option(
            "--held-out", "--one-fold", help="Hold out one fold only, the last, rather than each in turn."
        ),
    ] = False,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Repeat with so many seeds.")] = 1,
    seed: Seed = 0,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Write pictures and evaluation.json there."),
    ] = None,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Judge ways of training by cross-validation, or a bundle as it is.

    Songs of one artist (or group) never fall on both sides of a split. A stopped run goes on.
    """
    from recommender.commands.output import show_json
    from recommender.commands.training_options import training_data

    source = training_data(home_of(context), data, labels, label_depth, jobs, quiet=as_json)
    if bundle is not None:
        outcomes = [[_judged(source, bundle)]]
    else:
        recipes = [words.strip() for words in (compare or arch).split(",")]
        chosen_seeds = range(seed, seed + seeds)
        outcomes = _run_all(source, recipes, chosen_seeds, folds, one_fold=one_fold, quiet=as_json)
    answer = _as_json(outcomes, source)
    if output is not None:
        _write(answer, outcomes, output)
    if as_json:
        show_json(answer)
    else:
        _tell(answer, outcomes)


def _judged(data: "TrainingData", name: str) -> "Outcome":
    from contextlib import nullcontext

    from recommender.commands.output import say_skipped
    from recommender.training.evaluation import judge_bundle

    with nullcontext(data.home.bundle()) if name == "active" else data.home.lent_bundle(name) as chosen:
        outcome = judge_bundle(data, chosen)
    say_skipped(data.failures)
    return outcome


def _run_all(
    data: "TrainingData",
    recipes: list[str],
    seeds: range,
    folds: int | None,
    *,
    one_fold: bool,
    quiet: bool,
) -> "list[list[Outcome]]":
    from classifier.networks.recipes import recipe_of
    from recommender.commands.output import progress_bar, say_skipped
    from recommender.training.evaluation import Outcome, run

    # A wrong word is refused before hours of training.
    chosen = {words: recipe_of(words) for words in recipes}
    outcomes, n_told = [], 0
    for words, recipe in chosen.items():
        songs, told = data.songs(recipe), len(data.failures)
        say_skipped(data.failures[n_told:])
        n_told = told
        with progress_bar(words, quiet=quiet, unit="folds") as progress:
            said = [
                run(data, songs, recipe, seed, folds, one_fold=one_fold, progress=progress) for seed in seeds
            ]
        outcomes.append([Outcome(words, seed, one) for seed, one in zip(seeds, said, strict=True)])
    return outcomes


def _as_json(outcomes: "list[list[Outcome]]", data: "TrainingData") -> dict[str, Any]:
    from dataclasses import asdict

    from classifier.training.temperature import calibrated
    from recommender.training.evaluation import summarise

    rows = []
    for of_recipe in outcomes:
        said = of_recipe[0].held_out
        rows.append(
            {
                **asdict(summarise(of_recipe)),
                "folds": sorted({int(fold) for fold in said.folds}),
                "by_song": said.songs().to_json(),
                "by_segment": said.by_segment().to_json(),
                "by_level": [level.to_json() for level in said.levels()],
                "calibrated": calibrated(said).songs().to_json(),
                "accuracies": [round(o.held_out.songs().accuracy, 4) for o in of_recipe],
            }
        )
    return {
        "data": data.describe(outcomes[0][0].held_out.songs().n),
        "skipped": [{"path": path, "message": reason} for path, reason in data.failures],
        "recipes": rows,
    }


def _write(answer: dict[str, Any], outcomes: "list[list[Outcome]]", folder: Path) -> None:
    import json

    from classifier.atomic_files import replace_file
    from classifier.plotting.evaluation import draw_comparison, draw_confusion, draw_reliability
    from classifier.system_errors import in_words
    from classifier.training.temperature import calibrated
    from recommender.errors import RecommenderError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / "evaluation.json", (json.dumps(answer, indent=2) + "\n").encode())
    except OSError as error:
        raise RecommenderError(f"{folder} cannot be written: {in_words(error)}") from error
    for of_recipe in outcomes:
        outcome, stem = of_recipe[0], "" if len(outcomes) == 1 else f"{of_recipe[0].recipe}-"
        songs = outcome.held_out.songs()
        draw_confusion(songs, folder / f"{stem}confusion.png", f"{outcome.recipe}: songs held out")
        after = calibrated(outcome.held_out).songs()
        draw_reliability(songs, after, folder / f"{stem}reliability.png", outcome.recipe)
    if len(outcomes) > 1:
        rows = [(row["recipe"], row["accuracies"]) for row in answer["recipes"]]
        draw_comparison(rows, folder / "comparison.png")


def _tell(answer: dict[str, Any], outcomes: "list[list[Outcome]]") -> None:
    from recommender.commands.output import show_table

    if len(outcomes) == 1:
        _tell_one(outcomes[0][0])
    rows = [
        (
            row["recipe"],
            _with_spread(row),
            f"{row['fold_spread']:.3f}",
            f"{row['macro_f1']:.3f}",
            "" if row["top_3"] is None else f"{row['top_3']:.3f}",
            f"{row['calibration_error']:.3f}",
            f"{row['segment_accuracy']:.3f}",
            f"{row['fit_s']:.1f} s",
        )
        for row in answer["recipes"]
    ]
    columns = ("recipe", "accuracy", "± folds", "macro F1", "top 3", "ECE", "by segment", "a fit")
    show_table(columns, rows, f"{answer['data']}, held out")


def _with_spread(row: dict[str, Any]) -> str:
    low, high = row["by_song"]["accuracy_interval"]
    if row["seeds"] == 1:
        return f"{row['accuracy']:.3f} ({low:.2f}-{high:.2f})"
    return f"{row['accuracy']:.3f} ± {row['accuracy_spread']:.3f}"


def _tell_one(outcome: "Outcome") -> None:
    from classifier.training.temperature import calibrated
    from recommender.commands.output import show

    tell_genres(outcome.held_out.songs())
    _tell_levels(outcome.held_out)
    songs = outcome.held_out.songs()
    show(f"Most often taken for another: {'; '.join(_confusions(songs)) or 'none'}.")
    after = calibrated(outcome.held_out).songs().calibration_error
    show(
        f"Calibration error {songs.calibration_error:.3f}; {after:.3f} with a temperature that the other "
        "folds ask for."
    )


def _tell_levels(said: "HeldOut") -> None:
    from recommender.commands.output import show

    levels = said.levels()
    for depth, level in enumerate(levels, start=1) if len(levels) > 1 else ():
        figures = f"accuracy {level.accuracy:.3f}, macro F1 {level.macro_f1:.3f}"
        show(f"Level {depth}: {figures} ({len(level.labels)} labels)")


def _confusions(songs: "Evaluation") -> list[str]:
    """Return the largest cells off the diagonal, in words."""
    cells = [
        (int(count), songs.labels[row], songs.labels[column])
        for row, counts in enumerate(songs.confusion)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    return [f"{true} as {said} ({n})" for n, true, said in sorted(cells, reverse=True)[:MOST_CONFUSED]]
