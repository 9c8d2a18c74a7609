"""What is drawn carries the right values, and files are small, valid and whole."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from classifier import files
from classifier.errors import PictureError
from classifier.plotting import evaluation as plots
from classifier.plotting import style
from classifier.training.metrics import Figures, evaluate, wilson_interval

MAX_BYTES = 100_000


def evaluation(n: int, labels: list[str], seed: int = 0, sharpness: float = 1.0) -> Figures:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, len(labels))) * 2
    values = np.exp(logits)
    truth = np.array([rng.choice(len(labels), p=row / row.sum()) for row in values])
    sharp = values**sharpness
    return evaluate(sharp / sharp.sum(axis=1, keepdims=True), truth, labels)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved, for a look at their artists; nothing is written."""
    figures: list[Figure] = []
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.append(figure))
    return figures


def picture_size(path: Path) -> tuple[int, int]:
    """Check that a file is a whole PNG of sane size and not blank; return its pixels."""
    assert 1000 < path.stat().st_size < MAX_BYTES
    with Image.open(path) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.std() > 5
    assert (pixels[0] > 250).all()  # dark on white
    return pixels.shape[1], pixels.shape[0]


HISTORY = {
    "loss": [2.0, 1.5, 1.0, 0.8],
    "val_loss": [2.1, 1.7, 1.6, 1.9],
    "accuracy": [0.2, 0.5, 0.7, 0.8],
    "val_accuracy": [0.1, 0.4, 0.45, 0.5],
    "learning_rate": [1e-3, 1e-3, 1e-4, 1e-4],
}
TRIALS = [({"n_fft": 1024, "n_mels": 128}, 4.5), ({"n_fft": 2048, "n_mels": 128}, 3.25)]
RUNS = [("cnn", [0.3, 0.5]), ("musicnn", [0.85, 0.87, 0.86]), ("vgg16", [0.2])]
NOISE: npt.NDArray[Any] = np.random.default_rng(0).normal(20, 20, (1290, 128))

ALL: dict[str, Callable[[Path], None]] = {
    "confusion": lambda p: plots.draw_confusion(evaluation(100, list("abcde")), p, "Title"),
    "reliability": lambda p: plots.draw_reliability(evaluation(99, list("abcd")), None, p, "Title"),
    "learning": lambda p: plots.draw_learning_curves(HISTORY, p, "Title"),
    "runs": lambda p: plots.draw_learning_curves({f"fold {i}": HISTORY for i in range(9)}, p, "Title"),
    "penalty": lambda p: plots.draw_penalty_curve([1, 10, 100], [0.9, 0.5, 0.7], [0.6, 0.8, 0.7], 10, p),
    "trials": lambda p: plots.draw_trials(TRIALS, p),
    "comparison": lambda p: plots.draw_comparison(RUNS, p),
    "mel": lambda p: plots.draw_features(NOISE, 22_050, 512, "mel", p),
    "mfcc": lambda p: plots.draw_features(NOISE[:, :40], 22_050, 512, "mfcc", p),
}


@pytest.mark.parametrize("name", ALL)
def test_files_are_whole_and_small(name: str, tmp_path: Path) -> None:
    ALL[name](tmp_path / "one.png")
    width, height = picture_size(tmp_path / "one.png")
    assert 300 < width < 2000
    assert 150 < height < 2000
    assert stat.S_IMODE((tmp_path / "one.png").stat().st_mode) == 0o644
    assert [file.name for file in tmp_path.iterdir()] == ["one.png"]


def test_the_same_picture_is_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        ALL["trials"](tmp_path / f"{name}.png")
    assert (tmp_path / "two.png").read_bytes() == (tmp_path / "one.png").read_bytes()


@pytest.mark.parametrize("n_labels", [2, 40])
def test_few_and_many_labels(n_labels: int, tmp_path: Path) -> None:
    labels = [f"rock/some long name of a genre {i}" if i % 5 == 0 else f"genre {i}" for i in range(n_labels)]
    plots.draw_confusion(evaluation(900, labels), tmp_path / "it.png", "Title")
    width, _ = picture_size(tmp_path / "it.png")
    assert width >= n_labels * 20  # a cell holds two digits


def test_confusion_cells_carry_the_counts(drawn: list[Figure], tmp_path: Path) -> None:
    found = evaluation(60, ["blues", "jazz", "pop"], sharpness=0.5)
    plots.draw_confusion(found, tmp_path / "unused", "Three genres")
    axis = drawn[0].axes[0]
    cells = {(round(t.get_position()[1]), round(t.get_position()[0])): int(t.get_text()) for t in axis.texts}
    wanted = {(r, c): int(n) for (r, c), n in np.ndenumerate(found.confusion) if n}
    assert cells == wanted
    shares = found.confusion / found.confusion.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(axis.images[0].get_array(), shares)
    for text in axis.texts:
        share = shares[round(text.get_position()[1]), round(text.get_position()[0])]
        assert text.get_color() == ("white" if share > 0.55 else "black")
    assert [t.get_text() for t in axis.get_yticklabels()] == ["blues", "jazz", "pop"]
    assert [t.get_text() for t in axis.get_xticklabels()] == ["blues", "jazz", "pop"]
    assert (axis.get_ylabel(), axis.get_xlabel()) == ("true label", "called")
    assert f"accuracy {found.accuracy:.3f}" in axis.get_title()


def test_confusion_of_a_label_without_rows(drawn: list[Figure], tmp_path: Path) -> None:
    found = evaluate(np.array([[0.9, 0.1]]), np.array([0]), ["there", "absent"])
    plots.draw_confusion(found, tmp_path / "unused", "Title")
    np.testing.assert_array_equal(drawn[0].axes[0].images[0].get_array(), [[1, 0], [0, 0]])


def test_reliability_carries_bins_counts_and_errors(drawn: list[Figure], tmp_path: Path) -> None:
    before, after = (evaluation(300, list("abcd"), sharpness=s) for s in (2.5, 1.0))
    plots.draw_reliability(before, after, tmp_path / "unused", "Title")
    upper, lower = drawn[0].axes
    labels = [text.get_text() for text in upper.get_legend().get_texts()]
    assert f"before calibration: ECE {before.calibration_error:.3f}" in labels
    assert f"after: ECE {after.calibration_error:.3f}" in labels
    assert before.calibration_error > after.calibration_error
    bars = [bar.get_height() for group in lower.containers for bar in group]
    curves = [line for line in upper.lines if line.get_linestyle() == "-"]
    for curve, found in zip(curves, (before, after), strict=True):
        filled = [b for b in found.reliability if b.count]
        points = np.array(curve.get_xydata(), np.float64)
        np.testing.assert_allclose(points, [(b.confidence, b.accuracy) for b in filled])
        assert bars[: len(filled)] == [b.count for b in filled]
        bars = bars[len(filled) :]
    first = next(b for b in before.reliability if b.count)
    ends = upper.containers[0][2][0].get_segments()[0][:, 1]
    assert ends == pytest.approx(wilson_interval(round(first.accuracy * first.count), first.count))


def test_one_reliability_curve(drawn: list[Figure], tmp_path: Path) -> None:
    plots.draw_reliability(evaluation(50, list("ab")), None, tmp_path / "unused", "Title")
    assert len(drawn[0].axes[0].get_legend().get_texts()) == 2
    assert len(drawn[0].axes[1].containers) == 1


def test_learning_curves_carry_the_series_and_the_best_epoch(drawn: list[Figure], tmp_path: Path) -> None:
    plots.draw_learning_curves(HISTORY, tmp_path / "unused", "Title")
    loss, accuracy = drawn[0].axes
    for axis, series in ((loss, "loss"), (accuracy, "accuracy")):
        data = [line.get_xydata().tolist() for line in axis.lines]
        for key in (series, f"val_{series}"):
            assert [[epoch + 1, value] for epoch, value in enumerate(HISTORY[key])] in data
        # The third epoch has the lowest validation loss, though not the highest accuracy.
        assert [[3, HISTORY[f"val_{series}"][2]]] in data
        assert [x for (x, y), (x2, y2) in data[3:] if (x, y, y2) == (x2, 0, 1)] == [3]  # the rate's one drop
    labels = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert labels == ["training", "validation", "best epoch, 3: 1.600", "learning rate lowered"]


def test_learning_curves_of_several_runs(drawn: list[Figure], tmp_path: Path) -> None:
    other = {key: [value / 2 for value in values][:3] for key, values in HISTORY.items()}
    plots.draw_learning_curves({"one": HISTORY, "two": other}, tmp_path / "unused", "Title")
    lines = {line.get_label(): line for line in drawn[0].axes[0].lines}
    assert lines["two: validation"].get_ydata().tolist() == other["val_loss"]
    assert lines["one: validation"].get_ydata().tolist() == HISTORY["val_loss"]
    assert lines["one: training"].get_color() == lines["one: validation"].get_color()
    assert lines["one: training"].get_color() != lines["two: training"].get_color()


def test_learning_curves_without_validation(drawn: list[Figure], tmp_path: Path) -> None:
    plots.draw_learning_curves({"loss": [2.0, 1.0]}, tmp_path / "unused", "Title")
    assert [len(axis.lines) for axis in drawn[0].axes] == [1, 0]


def test_penalty_curve_carries_its_figures(drawn: list[Figure], tmp_path: Path) -> None:
    ALL["penalty"](tmp_path / "unused")
    for axis, values in zip(drawn[0].axes, ([0.9, 0.5, 0.7], [0.6, 0.8, 0.7]), strict=True):
        mark, curve = axis.lines
        assert curve.get_xydata().tolist() == [list(pair) for pair in zip([1, 10, 100], values, strict=True)]
        assert set(mark.get_xdata()) == {10}
        assert axis.get_xscale() == "log"


@pytest.mark.parametrize(("lower", "order"), [(True, [3.25, 4.5]), (False, [4.5, 3.25])])
def test_trials_best_first(lower: bool, order: list[float], drawn: list[Figure], tmp_path: Path) -> None:
    plots.draw_trials(TRIALS, tmp_path / "unused", "score", lower_is_better=lower)
    axis = drawn[0].axes[0]
    assert [line.get_xydata().tolist() for line in axis.lines] == [[[order[0], 0]], [[order[1], 1]]]
    assert to_hex(axis.lines[0].get_color()) != to_hex(axis.lines[1].get_color())
    names = ["n_fft 2048, n_mels 128", "n_fft 1024, n_mels 128"]
    assert [t.get_text() for t in axis.get_yticklabels()] == (names if lower else names[::-1])
    assert [t.get_text() for t in axis.texts] == [f"{value:g}" for value in order]
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the first on top


def test_comparison_carries_means_spreads_and_runs(drawn: list[Figure], tmp_path: Path) -> None:
    plots.draw_comparison(RUNS, tmp_path / "unused")
    axis = drawn[0].axes[0]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["musicnn", "cnn", "vgg16"]
    assert [t.get_text() for t in axis.texts] == ["0.860 ± 0.008", "0.400 ± 0.100", "0.200"]
    band, mean, runs = axis.lines[3:6]  # cnn's
    np.testing.assert_allclose(band.get_xdata(), [0.3, 0.5])
    np.testing.assert_allclose(mean.get_xydata(), [[0.4, 1]])
    np.testing.assert_allclose(runs.get_xydata(), [[0.3, 1], [0.5, 1]])


@pytest.mark.parametrize("kind", ["mel", "mfcc"])
def test_features_as_the_study_shows_them(kind: Any, drawn: list[Figure], tmp_path: Path) -> None:
    values = NOISE if kind == "mel" else NOISE[:, :40]
    plots.draw_features(values, 22_050, 512, kind, tmp_path / "unused")
    axis, bar = drawn[0].axes
    mesh = axis.collections[0]
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).reshape(values.T.shape), values.T)
    assert mesh.get_clim() == (-20, 80)
    # 1290 frames of 512 samples at 22 050 Hz are 29.95 s; mel bands end at half the rate.
    assert axis.get_xlim()[1] == pytest.approx(1290 * 512 / 22_050, rel=0.01)
    assert axis.get_ylim()[1] == pytest.approx(11_025 if kind == "mel" else 39.5, rel=0.03)
    assert axis.get_xlabel() == "time (s)"
    assert axis.get_ylabel() == ("frequency (Hz)" if kind == "mel" else "coefficient")
    assert "dB" in bar.get_ylabel()


def test_short_names() -> None:
    names = ["jazz", "rock/progressive/canterbury", "a" * 15 + "b" * 15]
    assert style.short_names(names) == ["jazz", "…/canterbury", "a" * 10 + "…" + "b" * 11]
    same = ["rock/progressive/long name", "metal/progressive/long name"]
    assert style.short_names(same) == same
    assert all(len(name) <= style.LONGEST_NAME for name in style.short_names(names))


def test_an_unwritable_place_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    for target in (tmp_path / "absent" / "it.png", tmp_path / "file" / "it.png", tmp_path):
        with pytest.raises(PictureError, match=r"^cannot write .*: [^\n]+$"):
            ALL["trials"](target)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    assert PictureError.kind == "picture"


@pytest.mark.parametrize("failing", ["write", "replace"])
def test_failure_leaves_an_existing_file_untouched(
    failing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = tmp_path / "it.png"
    target.write_bytes(b"what was there")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    if failing == "write":
        monkeypatch.setattr(Image.Image, "save", fail)
    else:
        monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(PictureError, match="No space left"):
        ALL["trials"](target)
    assert target.read_bytes() == b"what was there"
    assert list(tmp_path.iterdir()) == [target]
    monkeypatch.undo()
    ALL["trials"](target)
    picture_size(target)
