"""A tuning's trials: run once each, kept as they finish, and ranked."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from classifier.datasets.dataset import LabelledFile
from classifier.errors import PictureError, TrainingDataError
from classifier.networks.recipes import recipe_of
from classifier.networks.search_space import Axis, grid
from classifier.training.held_out import HeldOut
from recommender.errors import RecommenderError
from recommender.training import tuning
from recommender.training.trials import Trial, TrialLog, TrialMeans, ranked, write_results
from recommender.training.tuning import TuningPlan, tune

VALUES = grid([Axis("n_mels", (64, 96)), Axis("learning_rate", (0.01, 0.1))])
FILES = [LabelledFile(f"/music/{n}.mp3", ("jazz", "rock")[n % 2], None, f"content {n}") for n in range(4)]


@dataclass
class Data:
    """Training data as a tuning sees it."""

    home: Any
    bundle: Any = field(default_factory=lambda: SimpleNamespace(trunk_id="trunk-1"))
    listed: list[LabelledFile] = field(default_factory=lambda: list(FILES))
    asked: list[int] = field(default_factory=list)

    def files(self) -> list[LabelledFile]:
        return self.listed

    def songs(self, recipe: Any) -> list[str]:
        self.asked.append(recipe.front_end.n_mels)
        return [f"song with {recipe.front_end.n_mels} bands"] * 12


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data(SimpleNamespace(cache_dir=tmp_path / "cache"))


@dataclass
class FakeRun:
    """A run that needs no network: its validation loss is the learning rate plus a share of the bands."""

    n_folds: int = 1
    stop_at: int | None = None
    called: list[tuple[int, float, int]] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)

    def __call__(
        self,
        data: Data,
        songs: list[str],
        recipe: Any,
        seed: int,
        n_folds: int | None,
        *,
        one_fold: bool,
        progress: Callable[[int, int], None],
        in_epochs: bool,
        watch: Callable[[Path, Any], None],
        folder: Path,
    ) -> HeldOut:
        bands, rate = recipe.front_end.n_mels, recipe.fit.learning_rate
        assert songs == [f"song with {bands} bands"] * 12
        self.called.append((bands, rate, seed))
        self.folders.append(folder)
        for fold in range(self.n_folds):
            if (folder / f"fold-{fold}.npz").exists():
                continue
            assert in_epochs
            progress(2 * fold + 1, 2 * self.n_folds)
            if self.stop_at == len(self.called) and fold == self.n_folds - 1:
                raise KeyboardInterrupt
            loss = rate + bands / 1000 + seed / 10 + fold
            watch(folder / f"fold-{fold}", SimpleNamespace(history={"val_loss": [9.0, loss, loss + 1]}))
            (folder / f"fold-{fold}.npz").write_text("a finished fold")
        return held_out(right=bands // 32)


def held_out(right: int) -> HeldOut:
    """Four songs, of which the first so many are right."""
    p = np.array([[0.8, 0.2] if n < right else [0.3, 0.7] for n in range(4)], np.float32)
    return HeldOut(
        labels=("jazz", "rock"),
        names=tuple("abcd"),
        truth=np.zeros(4, np.int64),
        folds=np.zeros(4, np.int64),
        segments=[row[None] for row in p],
        durations_s=[[30.0]] * 4,
        fit_s=[2.0, 3.5],
    )


@contextmanager
def no_bar(_title: str) -> Iterator[Callable[[int, int], None]]:
    yield lambda done, total: None


def plan(**more: Any) -> TuningPlan:
    fields = {"recipe": recipe_of("cnn-mel"), "trials": VALUES, "seeds": (0,), "n_folds": None}
    return TuningPlan(**{**fields, "one_fold": True, **more})


def start(
    data: Data, folder: Path, run: FakeRun, monkeypatch: pytest.MonkeyPatch, **more: Any
) -> list[Trial]:
    monkeypatch.setattr(tuning, "run", run)
    return tune(data, plan(**more), folder, no_bar)


def test_every_combination_is_run_once_with_every_seed(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = FakeRun()
    trials = start(data, tmp_path / "out", run, monkeypatch, seeds=(3, 4))
    assert run.called == [
        (bands, rate, seed) for bands in (64, 96) for rate in (0.01, 0.1) for seed in (3, 4)
    ]
    assert [dict(t.values) for t in trials] == [v for v in VALUES for _ in range(2)]
    first = trials[0]
    assert (first.validation_loss, first.best_epochs) == (pytest.approx(0.01 + 0.064 + 0.3), [2])
    assert (first.accuracy, first.songs, first.held_out, first.seconds) == (0.5, 12, 4, 5.5)
    assert first.cross_entropy == pytest.approx(-(np.log(0.8) + np.log(0.3)) / 2, abs=1e-4)
    assert first.macro_f1 == pytest.approx((2 * 2 / (4 + 2)) / 2, abs=1e-4)
    assert len({t.key for t in trials}) == 8


def test_losses_and_epochs_of_several_folds(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (trial, *_) = start(data, tmp_path / "out", FakeRun(n_folds=3), monkeypatch)
    assert trial.validation_loss == pytest.approx(0.01 + 0.064 + 1)
    assert list(trial.best_epochs) == [1 if 0.074 + fold > 9 else 2 for fold in range(3)]


def test_finished_trials_are_not_run_again(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(data, tmp_path / "out", FakeRun(), monkeypatch)
    again, asked = FakeRun(), list(data.asked)
    assert start(data, tmp_path / "out", again, monkeypatch) == first
    assert again.called == []
    assert data.asked == asked, "no features are asked for"
    more = FakeRun()
    start(data, tmp_path / "out", more, monkeypatch, trials=[*VALUES, {"n_mels": 32, "learning_rate": 0.1}])
    assert more.called == [(32, 0.1, 0)]


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": (1,)},
        {"n_folds": 4},
        {"one_fold": False},
        {"recipe": recipe_of("cnn-mel+no-augment")},
        {"recipe": replace(recipe_of("cnn-mel"), fit=replace(recipe_of("cnn-mel").fit, epochs=3))},
    ],
    ids=["seed", "folds", "one fold", "recipe", "epochs"],
)
def test_another_seed_split_or_recipe_is_another_trial(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    start(data, tmp_path / "out", FakeRun(), monkeypatch)
    other = FakeRun()
    start(data, tmp_path / "out", other, monkeypatch, **change)
    assert len(other.called) == 4
    assert len(TrialLog(tmp_path / "out").read()) == 8


@pytest.mark.parametrize("name", ["label", "group", "content"])
def test_other_songs_are_another_trial(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    start(data, tmp_path / "out", FakeRun(), monkeypatch)
    data.listed[0] = replace(data.listed[0], **{name: "another"})
    other = FakeRun()
    start(data, tmp_path / "out", other, monkeypatch)
    assert len(other.called) == 4


def test_moved_songs_are_the_same(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start(data, tmp_path / "out", FakeRun(), monkeypatch)
    data.listed[:] = [replace(f, path=f"/elsewhere/{9 - n}.mp3") for n, f in enumerate(data.listed)][::-1]
    other = FakeRun()
    start(data, tmp_path / "out", other, monkeypatch)
    assert other.called == []


def test_a_stopped_run_goes_on_within_its_trial(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = FakeRun(n_folds=2, stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        start(data, tmp_path / "out", run, monkeypatch)
    assert len(TrialLog(tmp_path / "out").read()) == 2
    (unfinished,) = (tmp_path / "cache/trials").iterdir()
    assert unfinished == run.folders[-1]
    later = FakeRun(n_folds=2)
    trials = start(data, tmp_path / "out", later, monkeypatch)
    assert [call[:2] for call in later.called] == [(96, 0.01), (96, 0.1)]
    assert later.folders[0] == unfinished
    whole = start(data, tmp_path / "other", FakeRun(n_folds=2), monkeypatch)
    assert trials == whole, "the loss of the fold before the kill included"
    assert list((tmp_path / "cache/trials").iterdir()) == []


def test_values_that_do_not_fit_are_refused_before_the_first_trial(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = FakeRun()
    values = [{"n_mels": 96, "n_mfcc": 20}, {"n_mels": 10, "n_mfcc": 20}]
    with pytest.raises(TrainingDataError, match="20 coefficients"):
        start(data, tmp_path / "out", run, monkeypatch, recipe=recipe_of("cnn+mfcc"), trials=values)
    assert run.called == []


def test_progress_is_in_epochs_of_the_trial(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int, int]] = []

    @contextmanager
    def bar(title: str) -> Iterator[Callable[[int, int], None]]:
        yield lambda done, total: seen.append((title, done, total))

    monkeypatch.setattr(tuning, "run", FakeRun(n_folds=3))
    numbers: list[tuple[int, int]] = []
    tune(data, plan(trials=VALUES[:2]), tmp_path, bar, lambda _trial, *step: numbers.append(step))
    assert seen[:3] == [("Trial 1 of 2", 1, 6), ("Trial 1 of 2", 3, 6), ("Trial 1 of 2", 5, 6)]
    assert seen[3] == ("Trial 2 of 2", 1, 6)
    assert numbers == [(1, 2), (2, 2)]


def trial(key: str = "k", **more: Any) -> Trial:
    told = {"values": {"n_mels": 64}, "seed": 0, "validation_loss": 1.0, "best_epochs": [3]}
    told |= {
        "accuracy": 0.5,
        "cross_entropy": 1.5,
        "macro_f1": 0.4,
        "seconds": 10.0,
        "songs": 9,
        "held_out": 3,
    }
    return Trial(key=key, judged_on="x", **{**told, **more})


def test_a_line_cut_short_is_left_out_and_the_next_one_whole(tmp_path: Path) -> None:
    log = TrialLog(tmp_path)
    assert log.read() == {}
    log.add(trial("a"))
    log.add(trial("b"))
    whole = log.path.read_bytes()
    log.path.write_bytes(whole[:-20])
    assert set(log.read()) == {"a"}
    log.add(trial("c"))
    assert log.read() == {"a": trial("a"), "c": trial("c")}
    log.path.write_bytes(b'\xff\xfe\n[1]\n{"key": "d"}\n\n' + whole)
    assert set(log.read()) == {"a", "b"}


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecommenderError, match="cannot be"):
        TrialLog(tmp_path / "file").add(trial())
    (tmp_path / "out" / "trials.jsonl").mkdir(parents=True)
    with pytest.raises(RecommenderError, match="cannot be read: Is a directory"):
        TrialLog(tmp_path / "out").read()


def test_rows_are_means_over_seeds_the_lowest_loss_first() -> None:
    trials = [
        trial("a", values={"n_mels": 64}, validation_loss=1.0, accuracy=0.9, seconds=10.0, best_epochs=[3]),
        trial("b", values={"n_mels": 96}, validation_loss=0.5, accuracy=0.2),
        trial("c", values={"n_mels": 64}, seed=1, validation_loss=0.2, accuracy=0.8, seconds=13.0),
        trial("d", values={"n_mels": 96}, seed=1, validation_loss=0.5, accuracy=0.4),
    ]
    first, second = ranked(trials)
    assert (dict(first.values), first.seeds, first.validation_loss) == ({"n_mels": 96}, 2, 0.5)
    assert first.accuracy == pytest.approx(0.3)
    assert (dict(second.values), second.validation_loss) == ({"n_mels": 64}, pytest.approx(0.6))
    assert (second.accuracy, second.seconds) == (pytest.approx(0.85), 11.5)
    assert list(second.best_epochs) == [3, 3]


def rows() -> list[TrialMeans]:
    return ranked(
        trial(str(n), values={"n_mels": bands, "learning_rate": 0.001}, validation_loss=loss)
        for n, (bands, loss) in enumerate(((64, 1.5), (96, 0.25), (128, 1.0)))
    )


def test_results_are_a_table_and_a_picture(tmp_path: Path) -> None:
    write_results(rows(), tmp_path / "new/out")
    with (tmp_path / "new/out/trials.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["n_mels"], row["learning_rate"], row["validation_loss"]) for row in table] == [
        ("96", "0.001", "0.25"),
        ("128", "0.001", "1.0"),
        ("64", "0.001", "1.5"),
    ]
    assert [row["best_epochs"] for row in table] == ["3"] * 3
    assert (tmp_path / "new/out/trials.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert json.dumps(sorted(p.name for p in (tmp_path / "new/out").iterdir())) == (
        '["trials.csv", "trials.png"]'
    )


def test_results_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecommenderError, match="cannot be written"):
        write_results(rows(), tmp_path / "file")
    (tmp_path / "out/trials.png/folder").mkdir(parents=True)
    with pytest.raises(PictureError, match="cannot write"):
        write_results(rows(), tmp_path / "out")
