"""``tune``: its table, its files, and mistakes told before anything is trained."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from classifier.datasets.folds import folds_of
from classifier.training.held_out import HeldOut
from recommender.training import data, tuning
from tests import synth
from tests.recommender.here import Here
from tests.recommender.support import Ran, deepcuts, deepcuts_process

SONGS_A_GENRE = 4
STUDYS_ROWS = [(n_fft, hop, n_mels) for n_fft in (1024, 2048) for hop in (256, 512) for n_mels in (128, 256)]
LITTLE = ("--grid", "n_mels=24", "--grid", "n_fft=512", "--grid", "hop_length=1024", "--folds", "2")
"""A network so small that it is trained in seconds."""


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two genres that anyone could tell apart, and a file that is not audio."""
    folder = tmp_path_factory.mktemp("music")
    for number in range(SONGS_A_GENRE):
        sounds = {"hum": synth.tone(3.5, 80.0 + 9 * number), "rain": synth.noise(3.5, number)}
        for genre, sound in sounds.items():
            (folder / genre).mkdir(exist_ok=True)
            synth.write(folder / genre / f"{number}.wav", sound)
    (folder / "hum/broken.wav").write_text("not audio")
    return folder


class Fake:
    """A run without a network: the loss is the less, the more bands and the shorter the hop."""

    def __init__(self) -> None:
        self.recipes: list[Any] = []
        self.settings: list[tuple[int, int | None, bool]] = []

    def __call__(
        self, _data: Any, songs: Any, recipe: Any, seed: int, n_folds: int | None, **more: Any
    ) -> HeldOut:
        self.recipes.append(recipe)
        self.settings.append((seed, n_folds, more["one_fold"]))
        assert {song.patches.shape[1:] for song in songs} == {
            (recipe.front_end.patch_frames, recipe.front_end.n_bands)
        }
        loss = 100 / recipe.front_end.n_mels + recipe.front_end.hop_length / 1e4 + recipe.fit.learning_rate
        history = {"val_loss": [loss + 1, loss + seed, loss + 2]}
        more["watch"](more["folder"] / "fold-0", type("Fitted", (), {"history": history}))
        truth = np.array([0, 1, 0, 1])
        p = np.where(truth[:, None] == [0, 1], 0.75, 0.25).astype(np.float32)
        p[0] = p[0, ::-1]
        names = tuple(song.name for song in songs[:4])
        segments, durations = [row[None] for row in p], [[3.5]] * 4
        return HeldOut(("hum", "rain"), names, truth, folds_of(songs, 2)[:4], segments, durations, [1.25])


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker processes."""
    Here.decoded = []
    monkeypatch.setattr(data, "Workers", Here)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, here: None) -> Fake:
    run = Fake()
    monkeypatch.setattr(tuning, "run", run)
    return run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all, so that features are made once."""
    return tmp_path_factory.mktemp("home")


def tune(home: Path, music: Path, output: Path, *arguments: str) -> Ran:
    return deepcuts(home, "tune", music, "-o", output, "--jobs", "1", *arguments)


def test_the_default_is_the_studys_grid_on_the_same_seconds(
    home: Path, music: Path, tmp_path: Path, fake: Fake
) -> None:
    ran = tune(home, music, tmp_path / "out", "--json")
    assert ran.code == 0
    fronts = [recipe.front_end for recipe in fake.recipes]
    assert [(f.n_fft, f.hop_length, f.n_mels) for f in fronts] == STUDYS_ROWS
    assert {recipe.arch for recipe in fake.recipes} == {"cnn-mel"}
    assert {f.patch_frames for f in fronts if f.hop_length == 256} == {187}
    assert {f.patch_frames for f in fronts if f.hop_length == 512} == {94}
    assert set(fake.settings) == {(0, None, True)}
    answer = ran.json
    assert len(answer["trials"]) == 8
    assert answer["trials"][0]["values"] == {"n_fft": 1024, "hop_length": 256, "n_mels": 256}
    losses = [row["validation_loss"] for row in answer["trials"]]
    assert losses == sorted(losses)
    assert answer["trials"][0]["best_epochs"] == [2]
    assert answer["trials"][0]["accuracy"] == 0.75
    assert (answer["recipe"], answer["one_fold"], answer["seeds"]) == ("cnn-mel", True, [0])
    assert answer["songs_held_out"] == 4
    assert answer["data"] == "8 songs of a labelled folder"
    assert answer["output"] == str(tmp_path / "out")
    broken = {
        "path": str(music / "hum/broken.wav"),
        "message": "not audio, or too damaged to be decoded",
    }
    assert answer["skipped"] == [broken]
    assert ran.err == f"Skipped: {broken['path']}: {broken['message']}\n"


def test_the_table_the_files_and_the_second_run(home: Path, music: Path, tmp_path: Path, fake: Fake) -> None:
    axes = ("--grid", "n_mels=24,48", "--grid", "learning_rate=0.001,0.01")
    ran = tune(home, music, tmp_path / "out", *axes)
    assert ran.code == 0
    rows = [line.split() for line in ran.out.splitlines() if line.strip()[:2] in ("24", "48")]
    assert [row[:5] for row in rows] == [
        ["48", "0.001", "2.1099", "(2)", "0.750"],
        ["48", "0.01", "2.1189", "(2)", "0.750"],
        ["24", "0.001", "4.1933", "(2)", "0.750"],
        ["24", "0.01", "4.2023", "(2)", "0.750"],
    ]
    assert "cnn-mel on 8 songs of a labelled folder, 4 held out; best first" in ran.out
    assert ran.out.endswith(f"Trials, table and picture are in {tmp_path / 'out'}\n")
    told = [line for line in ran.err.splitlines() if line.startswith("Trial ")]
    assert told[0] == "Trial 1 of 4: n_mels 24, learning_rate 0.001: validation loss 4.193, 1 s"
    assert len(told) == 4
    with (tmp_path / "out/trials.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["n_mels"], row["learning_rate"]) for row in table] == [tuple(row[:2]) for row in rows]
    with Image.open(tmp_path / "out/trials.png") as image:
        image.load()
        assert image.format == "PNG"
        assert min(image.size) > 200
    lines = (tmp_path / "out/trials.jsonl").read_text().splitlines()
    assert [json.loads(line)["values"]["n_mels"] for line in lines] == [24, 24, 48, 48]
    n_runs = len(fake.recipes)
    again = tune(home, music, tmp_path / "out", *axes)
    assert (again.code, again.out) == (0, ran.out)
    assert len(fake.recipes) == n_runs
    assert len((tmp_path / "out/trials.jsonl").read_text().splitlines()) == 4


def test_a_random_search_can_be_extended(home: Path, music: Path, tmp_path: Path, fake: Fake) -> None:
    search = ("--grid", "n_mels=24", "--range", "learning_rate=1e-4:1e-2:log", "--range", "mixup=0:0.5")
    first = tune(home, music, tmp_path / "out", *search, "--random", "2", "--json").json
    assert len(fake.recipes) == len(first["trials"]) == 2
    for recipe in fake.recipes:
        assert 1e-4 <= recipe.fit.learning_rate <= 1e-2
        assert 0 <= recipe.augment.mixup <= 0.5
    more = tune(home, music, tmp_path / "out", *search, "--random", "3", "--json").json
    assert len(fake.recipes) == 3
    kept = [row["values"] for row in more["trials"]]
    assert all(row["values"] in kept for row in first["trials"])


def test_seeds_folds_epochs_and_other_recipes(home: Path, music: Path, tmp_path: Path, fake: Fake) -> None:
    more = ("--seeds", "2", "--seed", "5", "--folds", "3", "--epochs", "7", "--arch", "cnn-mel+no-augment")
    answer = tune(home, music, tmp_path / "out", "--grid", "n_mels=24", *more, "--json").json
    assert fake.settings == [(5, 3, False), (6, 3, False)]
    assert {recipe.fit.epochs for recipe in fake.recipes} == {7}
    assert {recipe.augment.mixup for recipe in fake.recipes} == {0.0}
    (row,) = answer["trials"]
    assert row["seeds"] == 2
    assert (answer["folds"], answer["one_fold"]) == (3, False)
    tune(home, music, tmp_path / "out", "--grid", "n_mels=24", "--folds", "3", "--one-fold", "--json")
    assert fake.settings[2:] == [(0, 3, True)]


def test_without_output_the_trials_are_in_the_homes_cache(home: Path, music: Path, fake: Fake) -> None:
    ran = deepcuts(home, "tune", music, "--grid", "n_mels=24", "--jobs", "1")
    assert ran.code == 0
    assert f"are in {home / 'cache/tuning'}\n" in ran.out
    assert (home / "cache/tuning/trials.csv").exists()


def test_bands_that_are_always_empty_are_named(home: Path, music: Path, tmp_path: Path, fake: Fake) -> None:
    ran = tune(home, music, tmp_path / "out", "--grid", "n_mels=24,256")
    notes = [line for line in ran.err.splitlines() if line.startswith("Note: ")]
    assert notes == ["Note: n_mels 256: 24 mel bands are narrower than the spectrum's lines and empty"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--grid", "n_fttt=512"],
            "no parameter 'n_fttt'; there are: n_fft, hop_length, n_mels, n_mfcc, rate_hz",
        ),
        (["--grid", "n_fft=wide"], "n_fft must be a whole number, not 'wide'"),
        (["--grid", "n_fft=512", "--grid", "n_fft=1024"], "n_fft is named twice"),
        (["--arch", "musicnn"], "musicnn has no front end or fit to tune"),
        (["--arch", "musicnn-tuned"], "musicnn-tuned has no front end to tune"),
        (["--arch", "resnet"], "no architecture 'resnet'"),
        (["--random", "3", "--range", "mixup=1"], "'mixup=1' is no range"),
        (["--arch", "cnn+mfcc", "--grid", "n_mfcc=20", "--grid", "n_mels=10"], "20 coefficients (n_mfcc)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_plain_line_before_anything_is_read(
    music: Path, tmp_path: Path, fake: Fake, arguments: list[str], message: str
) -> None:
    ran = tune(tmp_path / "home", music, tmp_path / "out", *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"deepcuts: {message}")
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "out").exists()
    assert fake.recipes == []


@pytest.mark.parametrize(
    "arguments",
    [["--range", "mixup=0:1"], ["--random", "0"], ["--folds", "1"], ["--seeds", "0"], ["--epochs", "0"]],
    ids=" ".join,
)
def test_usage_errors(music: Path, tmp_path: Path, fake: Fake, arguments: list[str]) -> None:
    ran = tune(tmp_path / "home", music, tmp_path / "out", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage:" in ran.err


def test_an_output_that_cannot_be_written(home: Path, music: Path, tmp_path: Path, fake: Fake) -> None:
    (tmp_path / "file").write_text("")
    ran = tune(home, music, tmp_path / "file/out", "--grid", "n_mels=24")
    assert (ran.code, ran.out) == (1, "")
    assert "cannot be" in ran.err.splitlines()[-1]
    assert "Traceback" not in ran.err


def test_too_few_songs(tmp_path: Path, here: None) -> None:
    for number in range(3):
        (tmp_path / "music/hum").mkdir(parents=True, exist_ok=True)
        synth.write(tmp_path / f"music/hum/{number}.wav", synth.noise(3.5, number))
    ran = tune(tmp_path / "home", tmp_path / "music", tmp_path / "out", "--grid", "n_mels=24")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "deepcuts: training needs songs of at least two genres; only 'hum' is there\n"
    assert not (tmp_path / "out").exists()


def test_a_real_network(home: Path, music: Path, tmp_path: Path) -> None:
    """From files to figures, in a process of its own, and again without training."""
    arguments = ("tune", music, "-o", tmp_path / "out", "--jobs", "1", "--epochs", "2", *LITTLE, "--one-fold")
    first = deepcuts_process(home, *arguments)
    assert first.code == 0, first.err
    assert "tensorflow" not in first.err.lower()
    (line,) = (tmp_path / "out/trials.jsonl").read_text().splitlines()
    trial = json.loads(line)
    assert (trial["songs"], trial["held_out"]) == (2 * SONGS_A_GENRE, SONGS_A_GENRE)
    assert trial["best_epochs"][0] in (1, 2)
    assert np.isfinite(trial["validation_loss"])
    assert 0 <= trial["accuracy"] <= 1
    assert list((home / "cache/trials").glob("*")) == []
    second = deepcuts(home, *arguments)
    assert second.out == first.out
    assert (tmp_path / "out/trials.jsonl").read_text() == line + "\n"
