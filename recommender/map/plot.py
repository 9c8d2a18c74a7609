"""The picture of a catalogue in two dimensions, a small PNG file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.patheffects import withStroke

from classifier.arrays import Floats
from classifier.genres.label_paths import OTHER
from classifier.plotting.style import COLOURS, DPI, GREY, PALE, new_figure, save, short_names
from recommender.map.colours import MapClasses, scale_step
from recommender.map.regions import Region

MOST_COLOURS: Final = 10
SCALE: Final = ("#ba864e", "#b36a49", "#a6504a", "#92394e", "#772751", "#561c52", "#2e164f")
"""Of an ordered colouring, each step darker than the one before; the page has the same (style.css)."""
TITLE_PT: Final = 6.5
REGION_PT: Final = 11.0
PALE_POINT: Final = "#BDBDBD"


def draw_map(
    points: Floats,
    classes: MapClasses,
    titles: Sequence[str],
    path: Path,
    *,
    regions: Sequence[Region] = (),
    size_px: int = 1200,
    heading: str = "",
) -> None:
    """Draw a catalogue in two dimensions, coloured by its classes.

    Parameters
    ----------
    points
        (T, 2), T at least 1.
    classes
        Of the points: of kinds at most ten have colours of their own (`MOST_COLOURS`).
    titles
        (T,) written beside their points where there is room, the first ones first.
    path
        Where to.
    regions
        Areas whose names are written where there is room, the first ones first.
    size_px
        Width of the picture, in pixels; the legend makes it a little higher.
    heading
        Written above all.

    Raises
    ------
    PictureError
        If the file cannot be written.
    """
    n_classes, columns = len(np.unique(classes.of)), max(1, size_px // 180)
    figure = new_figure(size_px / DPI, size_px / DPI + 0.3 + 0.2 * -(-n_classes // columns))
    axis = figure.add_subplot()
    area = float(np.clip(9000 / len(points), 8, 60))
    n_grey = _draw_classes(axis, np.asarray(points), classes, area)
    _write_legend(figure, axis, n_grey, columns)
    axis.set_title(heading, size=11)
    figure.draw_without_rendering()  # pixels are known once the layout is
    boxes = _write_regions(axis, regions)
    _write_titles(axis, np.asarray(points), titles, area, boxes)
    save(figure, path)


def _draw_classes(axis: Axes, points: Floats, classes: MapClasses, area: float) -> int:
    """Draw the tracks of all classes, the grey ones beneath; return how many of these have any."""
    first_grey, n_grey = len(classes.names) - classes.grey, 0
    for number in [*range(first_grey, len(classes.names)), *range(first_grey)]:
        inside = classes.of == number
        n_grey += bool(inside.any()) and number >= first_grey
        if inside.any():
            _draw_class(axis, points[inside], classes, number, area)
    axis.set(xticks=[], yticks=[], aspect="equal")
    axis.margins(0.06)
    axis.spines[:].set_color(PALE)
    return n_grey


def _write_legend(figure: Figure, axis: Axes, n_grey: int, columns: int) -> None:
    """Write the legend under the map, the grey classes, which were drawn first, last."""
    handles, labels = axis.get_legend_handles_labels()
    order = [*range(n_grey, len(labels)), *range(n_grey)]
    figure.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=9,
    )


def _draw_class(axis: Axes, points: Floats, classes: MapClasses, number: int, area: float) -> None:
    """Draw the tracks of one class; kinds a round of the palette later, as triangles."""
    coloured, name = len(classes.names) - classes.grey, classes.names[number]
    grey, kind = number >= coloured, not classes.ordered
    if grey:
        colour = GREY if name == OTHER else PALE_POINT
    else:
        colour = COLOURS[number % len(COLOURS)] if kind else SCALE[scale_step(number, coloured)]
    axis.scatter(
        points[:, 0],
        points[:, 1],
        s=area * (0.7 if grey else 1.0),
        marker="^" if kind and not grey and number >= len(COLOURS) else "o",
        color=colour,
        edgecolors="white",
        linewidths=0.4,
        label=f"{short_names([name])[0]} ({len(points)})".replace("$", r"\$"),
        zorder=2 if grey else 3,
    )


def _write_regions(axis: Axes, regions: Sequence[Region]) -> Floats:
    """Write the names of areas that there is room for, none over another; return their boxes of pixels."""
    boxes = np.zeros((0, 4))
    for region in regions:
        size = REGION_PT if region.level == 0 else 0.8 * REGION_PT
        x, y = axis.transData.transform((region.x, region.y))
        height = size * DPI / 72
        half = 0.33 * height * len(region.name)
        x = float(np.clip(x, axis.bbox.x0 + half, max(axis.bbox.x0 + half, axis.bbox.x1 - half)))
        box = np.array([x - half, y - 0.7 * height, x + half, y + 0.7 * height])
        if _lies_on(box, boxes) or not _has_glyphs(region.name):
            continue
        boxes = np.vstack([boxes, box])
        axis.annotate(
            region.name,
            tuple(axis.transData.inverted().transform((x, y))),
            ha="center",
            va="center",
            size=size,
            weight="bold" if region.level == 0 else "normal",
            color="#202020",
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
            parse_math=False,
            zorder=5,
        )
    return boxes


def _lies_on(box: Floats, boxes: Floats) -> bool:
    """Return whether a box, (left, bottom, right, top), lies on one of some."""
    return bool(
        (
            (boxes[:, 0] < box[2]) & (boxes[:, 2] > box[0]) & (boxes[:, 1] < box[3]) & (boxes[:, 3] > box[1])
        ).any()
    )


def _write_titles(axis: Axes, points: Floats, titles: Sequence[str], area: float, boxes: Floats) -> None:
    """Write the titles that there is room for beside their points, none on another, a point, or `boxes`."""
    pixels = axis.transData.transform(points)
    height = TITLE_PT * DPI / 72
    radius = (area**0.5 / 2 + 1) * DPI / 72
    low, high = axis.bbox.x0, axis.bbox.x1
    for (x, y), title, point in zip(pixels, short_names(titles), points, strict=True):
        width = 0.66 * height * len(title)
        box = np.array([x + radius, y - 0.6 * height, x + radius + width, y + 0.6 * height])
        inside = (pixels > box[:2] - [0, radius]).all(axis=1) & (pixels < box[2:] + radius).all(axis=1)
        if _lies_on(box, boxes) or inside.any() or box[2] > high or low > x or not _has_glyphs(title):
            continue
        boxes = np.vstack([boxes, box])
        axis.annotate(
            title,
            tuple(point),
            (radius * 72 / DPI, 0),
            textcoords="offset points",
            va="center",
            size=TITLE_PT,
            color="#404040",
            parse_math=False,
        )


def _has_glyphs(text: str) -> bool:
    """Return whether the font can show a text; it lacks most scripts of Asia."""
    known = get_font(findfont("DejaVu Sans"))
    return all(known.get_char_index(ord(c)) for c in text)
