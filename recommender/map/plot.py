"""The picture of a catalogue in two dimensions, a small PNG file."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

from classifier.arrays import Floats
from classifier.genres.label_paths import OTHER, ancestor
from classifier.plotting.style import COLOURS, DPI, GREY, PALE, new_figure, save, short_names
from recommender.describe import NOT_MUSIC_LABEL, UNSURE_LABEL

MOST_COLOURS: Final = 10
OF_NO_GENRE: Final = (UNSURE_LABEL, NOT_MUSIC_LABEL)
TITLE_PT: Final = 6.5
PALE_POINT: Final = "#BDBDBD"


def draw_map(
    points: Floats,
    genres: Sequence[str],
    titles: Sequence[str],
    path: Path,
    *,
    size_px: int = 1200,
    heading: str = "",
) -> None:
    """Draw a catalogue in two dimensions, coloured by genre.

    Parameters
    ----------
    points
        (T, 2), T at least 1.
    genres
        (T,) of which at most ten have colours of their own (`genre_groups`); all others are grey.
    titles
        (T,) written beside their points where there is room, the first ones first.
    path
        Where to.
    size_px
        Width of the picture, in pixels; the legend makes it a little higher.
    heading
        Written above all.

    Raises
    ------
    PictureError
        If the file cannot be written.
    """
    groups, columns = genre_groups(genres), max(1, size_px // 180)
    figure = new_figure(size_px / DPI, size_px / DPI + 0.3 + 0.2 * -(-len(set(groups)) // columns))
    axis = figure.add_subplot()
    area = float(np.clip(9000 / len(points), 8, 60))
    n_named = _draw_groups(axis, np.asarray(points), groups, area)
    _write_legend(figure, axis, n_named, columns)
    axis.set_title(heading, size=11)
    _write_titles(figure, axis, np.asarray(points), titles, area)
    save(figure, path)


def _draw_groups(axis: Axes, points: Floats, groups: Sequence[str], area: float) -> int:
    """Draw the tracks of all colours, the grey ones beneath; return how many colours are named genres."""
    grey = (*OF_NO_GENRE, OTHER)
    named = [name for name, _ in Counter(groups).most_common() if name not in grey]
    for number, name in [*((-1, name) for name in grey), *enumerate(named)]:
        inside = np.array([group == name for group in groups])
        if inside.any():
            _draw_group(axis, points[inside], name, number, area)
    axis.set(xticks=[], yticks=[], aspect="equal")
    axis.margins(0.06)
    axis.spines[:].set_color(PALE)
    return len(named)


def _write_legend(figure: Figure, axis: Axes, n_named: int, columns: int) -> None:
    """Write the legend under the map, the named genres, which were drawn last, first."""
    handles, labels = axis.get_legend_handles_labels()
    order = [*range(len(labels) - n_named, len(labels)), *range(len(labels) - n_named)]
    figure.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=9,
    )


def genre_groups(genres: Sequence[str]) -> list[str]:
    """Return what each track is coloured as: its genre, the top of its path, ``other``, or why it has none.

    Ten genres or fewer all have their own. Of more, those that are paths ("rock/punk") are taken by their
    first steps, unless all have the same; and of these the ten that most tracks have.
    """
    known = [genre for genre in genres if genre not in OF_NO_GENRE]
    tops = {genre: ancestor(genre, 1) for genre in known}
    if len(tops) <= MOST_COLOURS or len(set(tops.values())) == 1:
        tops = {genre: genre for genre in known}
    counts = Counter(tops[genre] for genre in known)
    kept = {name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_COLOURS]}
    return [g if g in OF_NO_GENRE else tops[g] if tops[g] in kept else OTHER for g in genres]


def _draw_group(axis: Axes, points: Floats, name: str, number: int, area: float) -> None:
    """Draw the tracks of one colour; a round of the palette later, as triangles."""
    grey = number < 0
    axis.scatter(
        points[:, 0],
        points[:, 1],
        s=area * (0.7 if grey else 1.0),
        marker="o" if number < len(COLOURS) else "^",
        color=(PALE_POINT if name in OF_NO_GENRE else GREY) if grey else COLOURS[number % len(COLOURS)],
        edgecolors="white",
        linewidths=0.4,
        label=f"{short_names([name])[0]} ({len(points)})".replace("$", r"\$"),
        zorder=2 if grey else 3,
    )


def _write_titles(figure: Figure, axis: Axes, points: Floats, titles: Sequence[str], area: float) -> None:
    """Write the titles that there is room for beside their points, none over another or over a point."""
    figure.draw_without_rendering()  # pixels are known once the layout is
    pixels = axis.transData.transform(points)
    height = TITLE_PT * DPI / 72
    radius = (area**0.5 / 2 + 1) * DPI / 72
    low, high = axis.bbox.x0, axis.bbox.x1
    boxes = np.zeros((0, 4))
    for (x, y), title, point in zip(pixels, short_names(titles), points, strict=True):
        width = 0.66 * height * len(title)
        box = np.array([x + radius, y - 0.6 * height, x + radius + width, y + 0.6 * height])
        over = (
            (boxes[:, 0] < box[2]) & (boxes[:, 2] > box[0]) & (boxes[:, 1] < box[3]) & (boxes[:, 3] > box[1])
        )
        inside = (pixels > box[:2] - [0, radius]).all(axis=1) & (pixels < box[2:] + radius).all(axis=1)
        if over.any() or inside.any() or box[2] > high or low > x or not _has_glyphs(title):
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
