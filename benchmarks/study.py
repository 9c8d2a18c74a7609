"""The study's methods and ours on the same folds: accuracy of songs held out, minutes to train.

    python benchmarks/study.py CLIPS WORK [--seeds 3] [--recipes A,B] [--leak]

CLIPS holds a folder a genre and WORK is where features, finished folds and results.jsonl are kept: a
stopped run goes on. Folds are contiguous blocks of each genre's names. With ``--leak``, every clip is
cut into three and the pieces are split both ways: whole clips apart, and at random as the study did.
TensorFlow gives memory back to the system after every step, which costs it half the time here;
preloading tcmalloc or jemalloc (LD_PRELOAD) avoids that, and finished folds on a RAM disk spare the
study's CNN the writing of 100 MB an epoch.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from common import machine, parser, report

from classifier.networks.recipes import recipe_of
from classifier.training.cross_validation import held_out, split_of
from classifier.training.fitters import fitter_of, start_of
from recommender.home import Home
from recommender.training.bundles import base_bundle
from recommender.training.data import TrainingData
from recommender.training.evaluation import RecipeResult, run, summarise

FOLDS = 3
PIECES = 3
RECIPES = (
    "musicnn",
    "cnn-mel",
    "cnn+mfcc+published",
    "cnn+mfcc+published+no-plateau",
    "cnn+mel+published",
    "cnn+mfcc",
    "cnn+mel",
    "musicnn-tuned",
    "cnn+mfcc+published+image-shift",
    "vgg16+mfcc+published",
    "vgg16+mfcc+published+no-plateau",
    "vgg16+mel",
)
LEAK_RECIPES = ("musicnn", "cnn-mel", "cnn+mel")


def compare(data: TrainingData, recipes: Sequence[str], seeds: int, results: Path) -> list[dict[str, Any]]:
    """Run every recipe with the first seed, then with the next; return a summary a recipe."""
    results_of: dict[str, list[RecipeResult]] = {words: [] for words in recipes}
    for seed in range(seeds):
        for words in recipes:
            recipe = recipe_of(words)
            result = RecipeResult(words, seed, run(data, data.songs(recipe), recipe, seed, FOLDS))
            results_of[words].append(result)
            with results.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"seed": seed, **asdict(summarise([result]))}) + "\n")
    return [asdict(summarise(of_recipe)) for of_recipe in results_of.values()]


def cut(clips: Path, folder: Path) -> None:
    """Write every clip in pieces."""
    for path in sorted(clips.glob("*/*.flac")):
        samples, rate_hz = soundfile.read(path)
        (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
        for number, piece in enumerate(np.array_split(samples, PIECES)):
            soundfile.write(folder / path.parent.name / f"{path.stem}-{number}.flac", piece, rate_hz)


def leak(clips: Path, recipes: Sequence[str], work: Path) -> list[dict[str, Any]]:
    """Return each recipe's accuracy on pieces, clips kept whole against pieces strewn at random."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        cut(clips, Path(folder))
        data = TrainingData(Home(work), base_bundle(), Path(folder))
        for words in recipes:
            recipe = recipe_of(words)
            songs = data.songs(recipe)
            split = split_of(songs, FOLDS)
            strewn = np.random.default_rng(0).permutation(np.arange(len(songs)) % FOLDS)
            fit = fitter_of(recipe, split.labels, 0, start_of(recipe, data.bundle))
            apart = held_out(songs, split, fit).songs().accuracy
            leaking = held_out(songs, replace(split, folds=strewn), fit).songs().accuracy
            rows.append({"recipe": words, "pieces": len(songs), "whole_clips": apart, "leaking": leaking})
    return rows


def main() -> None:
    """Command line of this benchmark."""
    options = parser(str(__doc__))
    options.add_argument("clips", type=Path)
    options.add_argument("work", type=Path)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--recipes", default=None)
    options.add_argument("--leak", action="store_true")
    args = options.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    if args.leak:
        recipes = args.recipes.split(",") if args.recipes else LEAK_RECIPES
        report({"leak": leak(args.clips, recipes, args.work), "machine": machine()}, args.output)
        return
    data = TrainingData(Home(args.work), base_bundle(), args.clips)
    recipes = args.recipes.split(",") if args.recipes else RECIPES
    summaries = compare(data, recipes, args.seeds, args.work / "results.jsonl")
    report({"folds": FOLDS, "recipes": summaries, "machine": machine()}, args.output)


if __name__ == "__main__":
    main()
