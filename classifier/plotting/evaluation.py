"""Pictures of evaluations, trainings and features, as small PNG files.

Nothing here touches matplotlib's global state; each function draws one file and raises
`PictureError` where it cannot be written.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from classifier import params
from classifier.plotting.style import COLOURS, GREY, clean, new_figure, save, short_names
from classifier.training.metrics import Figures, wilson_interval

History = Mapping[str, Sequence[float]]


def draw_confusion(evaluation: Figures, path: Path, title: str) -> None:
    """Draw the confusion matrix: counts, coloured by their share of the true label's row.

    Readable for 2 to 60 labels.
    """
    counts, n = evaluation.confusion, len(evaluation.labels)
    names = short_names(evaluation.labels)
    cell_in, size = (0.42, 9.0) if n <= 20 else (0.24, 6.5)
    side_in, names_in = max(2.4, n * cell_in), size * 0.009 * max(map(len, names))
    figure = new_figure(side_in + names_in + 1.5, side_in + names_in * (0.7 if n <= 20 else 1.0) + 0.8)
    axis = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts):
        colour = "white" if shares[row, column] > 0.55 else "black"
        axis.text(column, row, f"{counts[row, column]}", ha="center", va="center", size=size, color=colour)
    upright = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if n <= 20 else {"rotation": 90}
    axis.set_xticks(range(n), names, size=size, **upright)
    axis.set_yticks(range(n), names, size=size)
    axis.tick_params(length=0)
    axis.set(xlabel="called", ylabel="true label")
    low, high = evaluation.accuracy_interval
    summary = f"{evaluation.n} in all, accuracy {evaluation.accuracy:.3f} ({low:.2f} to {high:.2f})"
    axis.set_title(f"{title}\n{summary}", size=10)
    figure.colorbar(image, ax=axis, fraction=0.04, pad=0.02, label="share of the true label")
    save(figure, path)


def draw_reliability(before: Figures, after: Figures | None, path: Path, title: str) -> None:
    """Draw how often answers are right against how sure they are, with Wilson's intervals.

    Below, the rows in each bin; `after` is the same after calibration, or None.
    """
    figure = new_figure(5.2, 5.8)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfectly calibrated")
    found = [("before calibration" if after else "as predicted", before)]
    found += [("after", after)] if after else []
    for index, (name, evaluation) in enumerate(found):
        _draw_bins(upper, lower, evaluation, name, index, len(found))
    upper.set(ylabel="share right", ylim=(-0.02, 1.02), title=title)
    upper.legend(loc="lower right", frameon=False, fontsize=9)
    lower.set(xlabel="probability of the answer", ylabel="rows", xlim=(0, 1))
    clean(upper)
    clean(lower, "y")
    save(figure, path)


def _draw_bins(upper: Axes, lower: Axes, evaluation: Figures, name: str, index: int, of: int) -> None:
    bins = [b for b in evaluation.reliability if b.count]
    confidence, accuracy = [b.confidence for b in bins], np.array([b.accuracy for b in bins])
    ends = np.array([wilson_interval(round(b.accuracy * b.count), b.count) for b in bins]).T
    upper.errorbar(
        confidence,
        accuracy,
        yerr=np.abs(ends - accuracy),
        fmt="os"[index] + "-",
        color=COLOURS[index],
        elinewidth=0.8,
        label=f"{name}: ECE {evaluation.calibration_error:.3f}",
    )
    width = 0.9 * (bins[0].high - bins[0].low) / of
    middles = np.array([(b.low + b.high) / 2 for b in bins]) + (index - (of - 1) / 2) * width
    lower.bar(middles, [b.count for b in bins], width, color=COLOURS[index])


def draw_learning_curves(history: History | Mapping[str, History], path: Path, title: str) -> None:
    """Draw loss and accuracy by epoch.

    Parameters
    ----------
    history
        Series by name, as Keras calls them: ``loss``, ``val_loss``, ``accuracy``, ``val_accuracy``,
        ``learning_rate``; or several runs by name, each with such series. What is absent is not drawn.
    path, title
        Where to, and what is written above.
    """
    several = all(isinstance(value, Mapping) for value in history.values())
    runs = cast("Mapping[str, History]", history if several else {"": history})
    figure = new_figure(9.0, 3.6)
    figure.suptitle(title, size=11)
    panels = figure.subplots(1, 2)
    for axis, series in zip(panels, ("loss", "accuracy"), strict=True):
        for index, (name, run) in enumerate(runs.items()):
            colours = (COLOURS[index % len(COLOURS)],) * 2 if several else COLOURS[:2]
            _draw_run(axis, series, run, name, colours)
        if not several:
            _mark_rate_drops(axis, next(iter(runs.values())))
        axis.set(xlabel="epoch", ylabel="loss (cross-entropy)" if series == "loss" else series)
        axis.xaxis.get_major_locator().set_params(integer=True)
        clean(axis)
    handles, labels = panels[0].get_legend_handles_labels()
    columns = min(4, len(runs) if several else len(labels))  # a column a run
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)
    save(figure, path)


def _draw_run(axis: Axes, series: str, run: History, name: str, colours: Sequence[str]) -> None:
    """Draw a run's training and validation series, and mark the epoch of its lowest validation loss."""
    for key, kind, style, colour in (
        (series, "training", {"linestyle": "--", "linewidth": 1}, colours[0]),
        (f"val_{series}", "validation", {"linewidth": 1.8}, colours[1]),
    ):
        if key in run:
            label = f"{name}: {kind}" if name else kind
            axis.plot(range(1, len(run[key]) + 1), run[key], color=colour, label=label, **style)
    if f"val_{series}" in run and "val_loss" in run:
        best = int(np.nanargmin(run["val_loss"]))
        value = run[f"val_{series}"][best]
        label = f"best epoch, {best + 1}: {value:.3f}"
        axis.plot([best + 1], [value], "o", color=colours[1], label=f"{name}: {label}" if name else label)
        if not name:
            axis.annotate(f"{value:.3f}", (best + 1, value), (0, 7), textcoords="offset points", fontsize=8)


def _mark_rate_drops(axis: Axes, run: History) -> None:
    rates = run.get("learning_rate", ())
    drops = [epoch for epoch in range(2, len(rates) + 1) if rates[epoch - 1] < rates[epoch - 2]]
    for index, epoch in enumerate(drops):
        label = None if index else "learning rate lowered"
        axis.axvline(epoch, color=GREY, linestyle=":", linewidth=1, label=label)


def draw_penalty_curve(
    penalties: Sequence[float],
    cross_entropies: Sequence[float],
    accuracies: Sequence[float],
    chosen: float,
    path: Path,
) -> None:
    """Draw a regularised head's validation figures by penalty, the chosen one marked."""
    figure = new_figure(8.0, 3.2)
    for axis, values, name in zip(
        figure.subplots(1, 2),
        (cross_entropies, accuracies),
        ("validation cross-entropy (nats)", "validation accuracy"),
        strict=True,
    ):
        axis.axvline(chosen, color=GREY, linestyle=":", linewidth=1.2, label=f"chosen: {chosen:g}")
        axis.semilogx(penalties, values, "o-", color=COLOURS[0])
        axis.set(xlabel="penalty", ylabel=name)
        axis.legend(frameon=False, fontsize=9)
        clean(axis)
    save(figure, path)


def draw_trials(
    rows: Sequence[tuple[Mapping[str, object], float]],
    path: Path,
    score: str = "validation loss",
    lower_is_better: bool = True,
) -> None:
    """Draw a tuning's trials, best first.

    Parameters
    ----------
    rows
        Each trial's parameters by name, and its score.
    path
        Where to.
    score, lower_is_better
        What the score is called, and which end of it is the better one.
    """
    ordered = sorted(rows, key=lambda row: row[1] if lower_is_better else -row[1])
    names = [", ".join(f"{name} {value}" for name, value in given.items()) for given, _ in ordered]
    figure, axis = _rows_figure(names)
    scores = [value for _, value in ordered]
    for row, value in enumerate(scores):
        axis.plot([value], [row], "o", color=COLOURS[0 if row else 1], markersize=7 if row else 9)
        axis.annotate(f"{value:.4g}", (value, row), (9, 0), textcoords="offset points", va="center", size=9)
    axis.margins(x=0.15)
    axis.set(xlabel=f"{score} (best first, {'lower' if lower_is_better else 'higher'} is better)")
    save(figure, path)


def draw_comparison(rows: Sequence[tuple[str, Sequence[float]]], path: Path) -> None:
    """Draw architectures by mean accuracy, best first, over what each run of them reached.

    Parameters
    ----------
    rows
        Each architecture's name and its accuracies, one a seed or fold.
    path
        Where to.
    """
    ordered = sorted(rows, key=lambda row: -float(np.mean(row[1])))
    figure, axis = _rows_figure([name for name, _ in ordered])
    for row, (_, values) in enumerate(ordered):
        mean, spread = float(np.mean(values)), float(np.std(values))
        axis.plot([mean - spread, mean + spread], [row, row], color=COLOURS[5], linewidth=7, alpha=0.5)
        axis.plot([mean], [row], "o", color=COLOURS[0], markersize=8)
        axis.plot(values, [row] * len(values), "|", color=COLOURS[1], markersize=13)
        text = f"{mean:.3f} ± {spread:.3f}" if len(values) > 1 else f"{mean:.3f}"
        axis.annotate(text, (mean, row), (0, 9), textcoords="offset points", ha="center", size=8)
    axis.set(xlim=(0, 1), xlabel="accuracy: mean (dot), standard deviation (band), single runs (strokes)")
    save(figure, path)


def _rows_figure(names: Sequence[str]) -> tuple[Figure, Axes]:
    """Return a figure with one named line for each of these, the first on top."""
    figure = new_figure(5.0 + 0.07 * max(map(len, names), default=0), 1.0 + 0.42 * len(names))
    axis = figure.add_subplot()
    axis.set_yticks(range(len(names)), names, size=9)
    axis.set_ylim(len(names) - 0.4, -0.8)
    clean(axis, "x")
    return figure, axis


def draw_features(
    features: npt.NDArray[np.floating[Any]],
    rate_hz: int,
    hop_length: int,
    kind: Literal["mel", "mfcc"],
    path: Path,
    vmin: float = params.PICTURE_LIMITS_DB[0],
    vmax: float = params.PICTURE_LIMITS_DB[1],
) -> None:
    """Draw the study's picture of a clip.

    Parameters
    ----------
    features
        (frames, bands) in dB, or (frames, coefficients).
    rate_hz, hop_length
        Of the audio, in Hz, and from frame to frame, in samples.
    kind
        What the rows are: mel bands, or cepstral coefficients.
    path
        Where to.
    vmin, vmax
        Values shown as the darkest and as the brightest colour.
    """
    from librosa.display import specshow

    figure = new_figure(8.0, 3.2)
    axis = figure.add_subplot()
    shown = {"x_axis": "s", "y_axis": "mel" if kind == "mel" else None, "cmap": "magma", "ax": axis}
    image: ScalarMappable = specshow(
        np.asarray(features).T, sr=rate_hz, hop_length=hop_length, vmin=vmin, vmax=vmax, **shown
    )
    if kind == "mfcc":
        axis.set_yticks(range(0, features.shape[1], 5))
    axis.set(xlabel="time (s)", ylabel="frequency (Hz)" if kind == "mel" else "coefficient")
    figure.colorbar(image, ax=axis, label="dB" if kind == "mel" else "coefficient (of dB)", pad=0.01)
    save(figure, path)
