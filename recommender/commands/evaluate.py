"""``evaluate``: how good classifiers are, on songs that they did not train on; and the recommender."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.evaluate_recommender import recommender
from recommender.commands.options import AsJson, Data, Folds, Jobs, LabelDepth, Labels, Seed, home_of

if TYPE_CHECKING:
    from classifier.training.held_out import HeldOut
    from classifier.training.metrics import Figures
    from recommender.training.data import TrainingData
    from recommender.training.evaluation import RecipeResult
from recommender.commands.training_options import print_genres

evaluate = typer.Typer(help="Measure how good classifiers and the recommender are.", no_args_is_help=True)
evaluate.command("recommender", short_help="Measure how good the catalogue's own lists are.")(recommender)

MOST_CONFUSED = 5


@evaluate.command("classifier", short_help="Measure how good genres are, on songs not trained on.")
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
    from classifier.networks.recipes import recipe_of
    from recommender.commands.output import show_json
    from recommender.commands.training_options import training_data

    recipes = [] if bundle is not None else [words.strip() for words in (compare or arch).split(",")]
    heads_alone = bool(recipes) and all(recipe_of(words).uses_trunk for words in recipes)
    home = home_of(context)
    source = training_data(home, data, labels, label_depth, jobs, quiet=as_json, heads_alone=heads_alone)
    if bundle is not None:
        results = [[_judged(source, bundle)]]
    else:
        chosen_seeds = range(seed, seed + seeds)
        results = _run_all(source, recipes, chosen_seeds, folds, one_fold=one_fold, quiet=as_json)
    answer = _as_json(results, source)
    if output is not None:
        _write(answer, results, output)
    if as_json:
        show_json(answer)
    else:
        _print(answer, results)


def _judged(data: "TrainingData", name: str) -> "RecipeResult":
    from contextlib import nullcontext

    from recommender.commands.output import say_skipped
    from recommender.training.evaluation import judge_bundle

    with nullcontext(data.home.bundle()) if name == "active" else data.home.lent_bundle(name) as chosen:
        result = judge_bundle(data, chosen)
    say_skipped(data.failures)
    return result


def _run_all(
    data: "TrainingData",
    recipes: list[str],
    seeds: range,
    folds: int | None,
    *,
    one_fold: bool,
    quiet: bool,
) -> "list[list[RecipeResult]]":
    from classifier.networks.recipes import recipe_of
    from recommender.commands.output import say_skipped
    from recommender.commands.progress import progress_bar
    from recommender.training.evaluation import RecipeResult, run

    # A wrong word is refused before hours of training.
    chosen = {words: recipe_of(words) for words in recipes}
    results, n_shown = [], 0
    for words, recipe in chosen.items():
        songs, n_failures = data.songs(recipe), len(data.failures)
        say_skipped(data.failures[n_shown:])
        n_shown = n_failures
        with progress_bar(words, quiet=quiet, unit="folds") as progress:
            predictions = [
                run(data, songs, recipe, seed, folds, one_fold=one_fold, progress=progress) for seed in seeds
            ]
        results.append([RecipeResult(words, seed, one) for seed, one in zip(seeds, predictions, strict=True)])
    return results


def _as_json(results: "list[list[RecipeResult]]", data: "TrainingData") -> dict[str, Any]:
    from dataclasses import asdict

    from recommender.training.evaluation import summarise

    rows = []
    for of_recipe in results:
        predictions = of_recipe[0].held_out
        rows.append(
            {
                **asdict(summarise(of_recipe)),
                "folds": sorted({int(fold) for fold in predictions.folds}),
                "by_song": predictions.songs().to_json(),
                "by_segment": predictions.by_segment().to_json(),
                "by_level": [level.to_json() for level in predictions.levels()],
                "calibrated": predictions.calibrated().songs().to_json(),
                "accuracies": [round(o.held_out.songs().accuracy, 4) for o in of_recipe],
            }
        )
    return {
        "data": data.describe(results[0][0].held_out.songs().n),
        "skipped": [{"path": path, "message": reason} for path, reason in data.failures],
        "recipes": rows,
    }


def _write(answer: dict[str, Any], results: "list[list[RecipeResult]]", folder: Path) -> None:
    import json

    from classifier.errors import in_words
    from classifier.files import replace_file
    from classifier.plotting.evaluation import draw_comparison, draw_confusion, draw_reliability
    from recommender.errors import RecommenderError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / "evaluation.json", (json.dumps(answer, indent=2) + "\n").encode())
    except OSError as error:
        raise RecommenderError(f"{folder} cannot be written: {in_words(error)}") from error
    for of_recipe in results:
        result, stem = of_recipe[0], "" if len(results) == 1 else f"{of_recipe[0].recipe}-"
        songs = result.held_out.songs()
        draw_confusion(songs, folder / f"{stem}confusion.png", f"{result.recipe}: songs held out")
        after = result.held_out.calibrated().songs()
        draw_reliability(songs, after, folder / f"{stem}reliability.png", result.recipe)
    if len(results) > 1:
        rows = [(row["recipe"], row["accuracies"]) for row in answer["recipes"]]
        draw_comparison(rows, folder / "comparison.png")


def _print(answer: dict[str, Any], results: "list[list[RecipeResult]]") -> None:
    from recommender.commands.output import show_table

    if len(results) == 1:
        _print_one(results[0][0])
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


def _print_one(result: "RecipeResult") -> None:
    from recommender.commands.output import show

    print_genres(result.held_out.songs())
    _print_levels(result.held_out)
    songs = result.held_out.songs()
    show(f"Most often taken for another: {'; '.join(_confusions(songs)) or 'none'}.")
    after = result.held_out.calibrated().songs().calibration_error
    show(
        f"Calibration error {songs.calibration_error:.3f}; {after:.3f} with a temperature that the other "
        "folds ask for."
    )


def _print_levels(predictions: "HeldOut") -> None:
    from recommender.commands.output import show

    levels = predictions.levels()
    for depth, level in enumerate(levels, start=1) if len(levels) > 1 else ():
        figures = f"accuracy {level.accuracy:.3f}, macro F1 {level.macro_f1:.3f}"
        show(f"Level {depth}: {figures} ({len(level.labels)} labels)")


def _confusions(songs: "Figures") -> list[str]:
    """Return the largest cells off the diagonal, in words."""
    cells = [
        (int(count), songs.labels[row], songs.labels[column])
        for row, counts in enumerate(songs.confusion)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    return [f"{true} as {answer} ({n})" for n, true, answer in sorted(cells, reverse=True)[:MOST_CONFUSED]]
