"""The style that all pictures share: colours, a clean axis, short names, and a file that is written whole."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator
from PIL import Image

from classifier.errors import PictureError, in_words
from classifier.files import whole_file
from classifier.genres.label_paths import SEPARATOR

# Okabe and Ito's palette: distinct for the colour-blind, and in grey. Blue and orange first.
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY: Final = "#767676"
PALE: Final = "#D9D9D9"
DPI: Final = 100
PALETTE: Final = 256
LONGEST_NAME: Final = 22
TICK_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
MOST_TICKS: Final = 12
SHOWN_HZ: Final = (250, 500, 1000, 2000, 4000, 8000)


def new_figure(width_in: float, height_in: float) -> Figure:
    """Return an empty figure of this size in inches; no window and no global state belong to it."""
    return Figure(figsize=(width_in, height_in), dpi=DPI, layout="constrained", facecolor="white")


def clean(axis: Axes, grid: Literal["both", "x", "y"] = "both") -> None:
    """Leave an axis two sides of its frame, and a pale grid in the directions named."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_axisbelow(True)
    axis.grid(axis=grid, color=PALE, linewidth=0.6)


def short_names(names: Sequence[str]) -> list[str]:
    """Return the names, long ones cut: first the path above the last step, then the middle.

    Names that would become equal stay as they are.
    """
    short = [_short(name) for name in names]
    return [s if short.count(s) == 1 else name for name, s in zip(names, short, strict=True)]


def _short(name: str) -> str:
    if len(name) > LONGEST_NAME and SEPARATOR in name:
        name = "…" + SEPARATOR + name.rpartition(SEPARATOR)[2]
    half = LONGEST_NAME // 2
    return name if len(name) <= LONGEST_NAME else name[: half - 1] + "…" + name[-half:]


def draw_mel(
    axis: Axes,
    mel: npt.NDArray[np.float32],
    column_s: float,
    edges_hz: npt.NDArray[np.float64],
    start_s: float = 0.0,
) -> None:
    """Draw a log-mel over its time, each band as high as the other, and name some frequencies.

    Parameters
    ----------
    mel
        (columns, bands).
    column_s, start_s
        Seconds a column, and where the first begins.
    edges_hz
        (bands, 2) where each band begins and ends, in Hz.
    """
    n_bands = mel.shape[1]
    axis.imshow(
        mel.T,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="magma",
        extent=(start_s, start_s + len(mel) * column_s, 0, n_bands),
        vmin=min(0.0, float(mel.min())),
        vmax=float(np.quantile(mel, 0.998)) or 1.0,
    )
    shown = [hz for hz in SHOWN_HZ if hz < 1.01 * edges_hz[-1, 1]]
    borders = [edges_hz[0, 0], *edges_hz[:, 1]]
    axis.set_yticks(np.interp(shown, borders, np.arange(n_bands + 1)), [_hertz(hz) for hz in shown])
    axis.set(ylim=(0, n_bands), ylabel="frequency (Hz)")


def time_axis(axis: Axes, length_s: float) -> None:
    """Write the times of an excerpt of this length as ``m:ss``."""
    axis.xaxis.set_major_locator(MultipleLocator(_tick_step(length_s)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds)))


def _tick_step(length_s: float) -> float:
    """Return the seconds between two ticks, at most `MOST_TICKS` of them."""
    fitting = (step for step in TICK_STEPS_S if length_s / step <= MOST_TICKS)
    return next(fitting, TICK_STEPS_S[-1] * np.ceil(length_s / TICK_STEPS_S[-1] / MOST_TICKS))


def clock(seconds: float) -> str:
    """Return seconds, rounded, as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _hertz(hz: float) -> str:
    return f"{hz / 1000:.0f}k" if hz >= 1000 else f"{hz:.0f}"


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all; a file that is there is replaced.

    Parameters
    ----------
    figure, path
        What, and where to; its folder must exist.

    Raises
    ------
    PictureError
        If the file cannot be written; one that was there is as it was.
    """
    try:
        with whole_file(path) as file:
            _pixels(figure).save(file, format="png", optimize=True)
    except OSError as error:
        raise PictureError(f"cannot write {path}: {in_words(error)}") from error


def _pixels(figure: Figure) -> Image.Image:
    """Return a figure in a palette of its own: a third of the bytes of full colour, and looks the same."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    full = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return full.quantize(PALETTE, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
