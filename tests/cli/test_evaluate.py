"""``evaluate classifier``: figures that fit together, pictures, comparisons, and refusals."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from classifier.model import bundle
from tests import synth
from tests.recommender.support import Ran
from tests.recommender.training.trained import GENRES, quick, write_genres

NEARLY = {"abs": 1e-4}
"""Figures are rounded to four digits."""


class Sounds:
    """Three genres of four songs; what has been heard of them is kept from one command to the next."""

    def __init__(self, place: Path) -> None:
        self.home, self.folder = place / "home", write_genres(place / "genres")

    def run(self, *arguments: str | Path | int) -> Ran:
        return quick(self.home, "evaluate", "classifier", *arguments)

    def evaluate(self, *arguments: str | Path | int) -> Any:
        ran = self.run(self.folder, *arguments, "--json")
        assert ran.code == 0, ran.err
        return ran.json


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Sounds:
    made = Sounds(tmp_path_factory.mktemp("evaluate"))
    # Two songs in the wrong folder: figures of 1 would hide most mistakes in them.
    for one, other in (("hum/1.wav", "rain/1.wav"), ("hum/2.wav", "tick/2.wav")):
        first, second = made.folder / one, made.folder / other
        kept = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(kept)
    return made


@pytest.fixture(scope="module")
def answer(sounds: Sounds) -> Any:
    return sounds.evaluate("--folds", 2)


def wilson(hits: float, n: int) -> tuple[float, float]:
    z = 1.959964
    centre = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(hits * (n - hits) / n + z * z / 4)
    return centre - half, centre + half


def test_it_says_what_was_evaluated_and_what_was_skipped(sounds: Sounds, answer: Any) -> None:
    assert answer["data"] == "12 songs of a labelled folder"
    reason = "not audio, or too damaged to be decoded"
    assert answer["skipped"] == [{"path": str(sounds.folder / "hum/broken.wav"), "message": reason}]
    (row,) = answer["recipes"]
    assert (row["recipe"], row["seeds"], row["songs"], row["folds"]) == ("musicnn", 1, 12, [0, 1])
    assert not (sounds.home / "bundles").exists() or not list((sounds.home / "bundles").glob("bundle-*"))


@pytest.mark.parametrize("part", ["by_song", "by_segment", "calibrated"])
def test_the_figures_fit_together(answer: Any, part: str) -> None:
    """Everything that follows from the confusion matrix follows from it."""
    figures = answer["recipes"][0][part]
    counts = np.array(figures["confusion"])
    assert figures["labels"] == list(GENRES)
    assert counts.sum() == figures["n"] == 12
    assert counts.sum(axis=1).tolist() == [4, 4, 4]
    hits = np.trace(counts)
    assert 0 < hits < 12
    assert figures["accuracy"] == pytest.approx(hits / 12, **NEARLY)
    assert figures["accuracy_interval"] == pytest.approx(wilson(hits, 12), **NEARLY)
    f1 = []
    for i, row in enumerate(figures["per_label"]):
        said, true, right = counts[:, i].sum(), counts[i].sum(), counts[i, i]
        assert (row["label"], row["n"]) == (GENRES[i], true)
        assert row["recall"] == pytest.approx(right / true, **NEARLY)
        assert row["precision"] == pytest.approx(right / said if said else 0, **NEARLY)
        f1.append(2 * right / (said + true))
        assert row["f1"] == pytest.approx(f1[-1], **NEARLY)
    assert figures["macro_f1"] == pytest.approx(np.mean(f1), **NEARLY)
    assert figures["top_3"] is None, "of three labels the true one is always among the three"
    bins = figures["reliability"]
    assert sum(b["count"] for b in bins) == 12
    assert sum(b["count"] * b["accuracy"] for b in bins) == pytest.approx(hits, abs=1e-2)
    apart = sum(b["count"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / 12
    assert figures["calibration_error"] == pytest.approx(apart, abs=2e-4)


def test_the_summary_is_of_the_songs(answer: Any) -> None:
    (row,) = answer["recipes"]
    for name in ("accuracy", "macro_f1", "calibration_error"):
        assert row[name] == pytest.approx(row["by_song"][name], **NEARLY)
    assert row["accuracies"] == [row["by_song"]["accuracy"]]
    assert row["segment_accuracy"] == pytest.approx(row["by_segment"]["accuracy"], **NEARLY)
    assert [level["labels"] for level in row["by_level"]] == [list(GENRES)]
    assert row["accuracy_spread"] == 0
    assert row["fit_s"] > 0
    assert row["by_song"]["confusion"] == row["calibrated"]["confusion"], "a temperature changes no answer"
    assert row["by_song"]["cross_entropy"] != row["calibrated"]["cross_entropy"]


def test_what_people_read(sounds: Sounds, answer: Any) -> None:
    ran = sounds.run(sounds.folder, "--folds", 2)
    assert ran.code == 0
    assert ran.err.startswith(f"Skipped: {sounds.folder / 'hum/broken.wav'}: ")
    figures = answer["recipes"][0]["by_song"]
    low, high = figures["accuracy_interval"]
    assert f"{figures['accuracy']:.3f} ({low:.2f}-{high:.2f})" in ran.out
    for row in figures["per_label"]:
        (line,) = [line for line in ran.out.splitlines() if line.split()[:1] == [row["label"]]]
        assert line.split() == [
            row["label"],
            str(row["n"]),
            f"{row['precision']:.2f}",
            f"{row['recall']:.2f}",
            f"{row['f1']:.2f}",
        ]
    assert f"Calibration error {figures['calibration_error']:.3f}; " in ran.out
    confused = {
        f"{GENRES[i]} as {GENRES[j]} ({n})": n
        for i, row in enumerate(figures["confusion"])
        for j, n in enumerate(row)
        if i != j and n
    }
    (line,) = [line for line in ran.out.splitlines() if line.startswith("Most often taken for another: ")]
    listed = line.removeprefix("Most often taken for another: ").removesuffix(".").split("; ")
    assert set(listed) <= set(confused)
    assert [confused[words] for words in listed] == sorted(confused.values(), reverse=True)[:5]


def test_recipes_are_compared_on_the_same_folds(sounds: Sounds, answer: Any, tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder"
    compared = sounds.evaluate("--folds", 2, "--compare", "musicnn, musicnn+representative", "-o", output)
    first, second = compared["recipes"]
    assert [first["recipe"], second["recipe"]] == ["musicnn", "musicnn+representative"]
    assert first["by_song"] == answer["recipes"][0]["by_song"]
    # Songs of one or two segments have no typical one: emphasis can change nothing here.
    assert second["by_song"] == first["by_song"]
    assert second["folds"] == first["folds"]
    assert json.loads((output / "evaluation.json").read_text()) == compared
    stems = ("musicnn", "musicnn+representative")
    pictures = {f"{stem}-{kind}.png" for stem in stems for kind in ("confusion", "reliability")}
    assert {path.name for path in output.iterdir()} == {"evaluation.json", "comparison.png", *pictures}
    for name in ("comparison.png", *pictures):
        with Image.open(output / name) as picture:
            assert min(picture.size) > 150
            assert len(set(picture.convert("L").resize((64, 64)).tobytes())) > 5, f"{name} is blank"


def test_one_recipe_writes_its_two_pictures(sounds: Sounds, tmp_path: Path) -> None:
    sounds.evaluate("--folds", 2, "-o", tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"evaluation.json", "confusion.png", "reliability.png"}


def test_held_out_is_the_last_fold_alone(sounds: Sounds) -> None:
    (row,) = sounds.evaluate("--folds", 4, "--held-out")["recipes"]
    assert (row["folds"], row["songs"]) == ([3], 3)
    assert [label["n"] for label in row["by_song"]["per_label"]] == [1, 1, 1]
    assert row["fold_spread"] == 0


def test_seeds_repeat_the_evaluation(sounds: Sounds) -> None:
    """Of a head, in which nothing is random, with the same result."""
    (row,) = sounds.evaluate("--folds", 2, "--seeds", 3)["recipes"]
    assert row["seeds"] == 3
    assert row["accuracies"] == [row["accuracy"]] * 3 or np.ptp(row["accuracies"]) == 0
    assert row["accuracy_spread"] == 0


@pytest.fixture(scope="module")
def named(sounds: Sounds, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same sounds in folders that the shipped bundle knows, but for one."""
    folder = tmp_path_factory.mktemp("named")
    for genre, name in zip(GENRES, ("jazz", "rock", "polka"), strict=True):
        shutil.copytree(sounds.folder / genre, folder / name)
    return folder


def test_a_bundle_is_judged_as_it_is(sounds: Sounds, named: Path) -> None:
    """By value: what `classify` says of the songs whose label it knows."""
    ran = sounds.run(named, "--bundle", "shipped", "--json")
    assert ran.code == 0, ran.err
    (row,) = ran.json["recipes"]
    shipped = bundle.load(bundle.SHIPPED)
    assert (row["recipe"], row["songs"]) == (shipped.bundle_id, 8)
    files = [named / genre / f"{n}.wav" for genre in ("jazz", "rock") for n in range(4)]
    said = quick(sounds.home, "classify", *files, "--json").json
    counts = np.zeros((len(shipped.labels), len(shipped.labels)), int)
    for one in said:
        true = shipped.labels.index(Path(one["path"]).parent.name)
        counts[true, shipped.labels.index(one["genres"][0]["name"])] += 1
    assert row["by_song"]["confusion"] == counts.tolist()
    assert row["by_song"]["top_3"] is not None
    probabilities = [
        next(g["probability"] for g in one["genres"] if g["name"] == Path(one["path"]).parent.name)
        for one in said
    ]
    rounded = 5e-5  # to four digits, which matters where a genre is hardly probable
    least, most = (
        -np.log(np.maximum(np.array(probabilities) + error, 1e-7)).mean() for error in (rounded, -rounded)
    )
    assert least < row["by_song"]["cross_entropy"] < most


def test_a_bundle_that_knows_none_of_the_labels(sounds: Sounds) -> None:
    ran = sounds.run(sounds.folder, "--bundle", "shipped")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("deepcuts: no song has a label that bundle-")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--compare", "musicnn,polka"], "no architecture 'polka'; there are: musicnn, "),
        (["--arch", "musicnn+mixup"], "'mixup' says nothing about musicnn"),
        (["--bundle", "bundle-nothing"], "no bundle 'bundle-nothing'; there are: "),
        (["--labels", "nowhere.csv"], "--labels nowhere.csv is neither"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_plain_line(sounds: Sounds, arguments: list[str], message: str) -> None:
    ran = sounds.run(sounds.folder, *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"deepcuts: {message}")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "spoil",
    [lambda path: path.touch(), lambda path: (path / "confusion.png").mkdir(parents=True)],
    ids=["a file is there", "a picture cannot be written"],
)
def test_output_that_cannot_be_written(
    sounds: Sounds, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    spoil(tmp_path / "out")
    ran = sounds.run(sounds.folder, "--folds", 2, "-o", tmp_path / "out")
    assert (ran.code, ran.out) == (1, "")
    last = ran.err.splitlines()[-1]
    assert last.startswith("deepcuts: ")
    assert str(tmp_path / "out") in last
    assert "cannot be written" in last or "cannot write" in last


def test_usage(tmp_path: Path) -> None:
    for arguments in (["--seeds", "0"], ["--folds", "1"], ["/nowhere/at/all"]):
        ran = quick(tmp_path, "evaluate", "classifier", *arguments)
        assert (ran.code, ran.out) == (2, "")


def test_too_few_songs(tmp_path: Path) -> None:
    for name in ("a/1.wav", "a/2.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        synth.write(tmp_path / name, synth.noise(3.2))
    ran = quick(tmp_path / "home", "evaluate", "classifier", tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert "deepcuts: training needs songs of at least two genres; only 'a' is there\n" in ran.err
