"""The picture of an explanation: its curve over the song's log-mel, and the bands beside it."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from classifier.explanation.explanation import Bands, Explanation
from classifier.plotting.style import COLOURS, GREY, clean, draw_mel, new_figure, save, time_axis

FOR, AGAINST = COLOURS[1], COLOURS[0]
SMOOTH_S: Final = 3.0
DIMMED: Final = 0.4


def draw_explanation(explanation: Explanation, path: Path, title: str) -> None:
    """Draw an explanation as PNG.

    Parameters
    ----------
    explanation, path
        What, and where to.
    title
        The song's name.

    Raises
    ------
    PictureError
        If the file cannot be written.
    """
    save(explanation_figure(explanation, title), path)


def explanation_figure(explanation: Explanation, title: str) -> Figure:
    """Return the picture that `draw_explanation` writes."""
    figure = new_figure(10.0, 5.2)
    (curve, corner), (mel, bands) = figure.subplots(
        2, 2, width_ratios=[6, 1], height_ratios=[1, 2], sharex="col"
    )
    _write_passages(corner, explanation)
    share = f"{100 * explanation.probability:.0f} %"
    figure.suptitle(f"{title}: why {explanation.genre} ({share})", size=12, x=0.01, ha="left")
    _draw_curve(curve, explanation)
    _draw_mel(mel, explanation)
    _draw_bands(bands, explanation.bands)
    return figure


def _draw_curve(axis: Axes, explanation: Explanation) -> None:
    """Draw what each second adds, a mean over `SMOOTH_S`, and number the passages."""
    step_s = explanation.step_s
    width = max(1, round(SMOOTH_S / step_s))
    smooth = np.convolve(explanation.curve, np.full(width, 1 / width), mode="same") / step_s
    times = (np.arange(len(smooth)) + 0.5) * step_s
    axis.fill_between(times, smooth, 0, where=smooth >= 0, color=FOR, interpolate=True, linewidth=0)
    axis.fill_between(times, smooth, 0, where=smooth < 0, color=AGAINST, interpolate=True, linewidth=0)
    axis.axhline(0, color=GREY, linewidth=0.8)
    low, high = min(float(smooth.min()), 0.0), max(float(smooth.max()), 1e-9)
    axis.set_ylim(1.1 * low - 0.05 * high, 1.35 * high)
    for rank, passage in enumerate(explanation.passages, start=1):
        axis.axvspan(passage.start_s, passage.end_s, color=FOR, alpha=0.18, linewidth=0)
        middle = (passage.start_s + passage.end_s) / 2
        axis.annotate(f"{rank}", (middle, 1.32 * high), ha="center", va="top", size=10, weight="bold")
    axis.set_ylabel("adds per second\n(nats)")
    clean(axis, "y")


def _write_passages(axis: Axes, explanation: Explanation) -> None:
    """Write what silencing each passage leaves of the probability."""
    axis.set_axis_off()
    lines = ["silenced:"]
    for rank, passage in enumerate(explanation.passages, start=1):
        lines.append(f"{rank}   leaves {100 * passage.probability_without:.0f} %")
    axis.text(0.0, 1.0, "\n".join(lines), transform=axis.transAxes, va="top", size=9, linespacing=1.5)


def _draw_mel(axis: Axes, explanation: Explanation) -> None:
    """Draw the log-mel, dimmed outside the decisive passages."""
    draw_mel(axis, explanation.picture.mel, explanation.picture.column_s, explanation.bands.edges_hz)
    ends = [0.0, explanation.duration_s]
    for passage in explanation.passages:
        ends += [passage.start_s, passage.end_s]
        axis.axvline(passage.start_s, color="white", linewidth=0.8)
        axis.axvline(passage.end_s, color="white", linewidth=0.8)
    ends.sort()
    for start_s, stop_s in zip(ends[::2], ends[1::2], strict=True):
        axis.axvspan(start_s, stop_s, color="black", alpha=DIMMED, linewidth=0)
    axis.set(xlim=(0, explanation.duration_s), xlabel="time")
    time_axis(axis, explanation.duration_s)


def _draw_bands(axis: Axes, bands: Bands) -> None:
    """Draw what each group of bands adds, at the heights that the bands have in the log-mel."""
    grouped = bands.grouped()
    size = len(bands.effects) / len(grouped.effects)
    heights = (np.arange(len(grouped.effects)) + 0.5) * size
    colours = [FOR if effect >= 0 else AGAINST for effect in grouped.effects]
    axis.barh(heights, grouped.effects, 0.85 * size, color=colours)
    axis.axvline(0, color=GREY, linewidth=0.8)
    axis.set(ylim=(0, len(bands.effects)), yticks=[], xlabel="bands add (nats)")
    axis.set_title("in the passages", size=9)
    clean(axis, "x")
