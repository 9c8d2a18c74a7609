"""What all pictures share: colours, a clean axis, short names, and a file that is written whole."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from classifier.errors import PictureError
from classifier.label_paths import SEPARATOR

# Okabe and Ito's palette: told apart by the colour-blind, and in grey. Blue and orange first.
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY: Final = "#767676"
PALE: Final = "#D9D9D9"
DPI: Final = 100
PALETTE: Final = 256
LONGEST_NAME: Final = 22


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
    part = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=".part-", suffix=".png", delete=False
        ) as file:
            part = Path(file.name)
            _pixels(figure).save(file, format="png", optimize=True)
        part.chmod(0o644)
        os.replace(part, path)
    except OSError as error:
        raise PictureError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if part is not None:
            with suppress(FileNotFoundError):
                part.unlink()


def _pixels(figure: Figure) -> Image.Image:
    """Draw a figure in a palette of its own: a third of the bytes of full colour, and looks the same."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    full = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return full.quantize(PALETTE, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
