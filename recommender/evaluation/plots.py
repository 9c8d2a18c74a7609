"""The picture of how good recommendations are, a small PNG file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from classifier.plotting.style import COLOURS, GREY, clean, new_figure, save, short_names
from recommender.evaluation.exposure import gini
from recommender.evaluation.list_metrics import DiscoverPoint, Method
from recommender.evaluation.robustness import Survival

Panel = Callable[[Axes], None]


def draw_evaluation(
    methods: Sequence[Method],
    k: int,
    path: Path,
    *,
    curve: Sequence[DiscoverPoint] = (),
    survivals: Sequence[Survival] = (),
    title: str = "",
) -> None:
    """Draw an evaluation of a recommender: a panel for each of its parts that there is.

    Parameters
    ----------
    methods
        At least one; the first is the plainest. Bars of their same-genre precision, and curves of
        exposure: tracks from the most to the least shown.
    k
        Length of the lists.
    path
        Where to.
    curve
        Novelty against precision, by ``--discover``, ascending.
    survivals
        How often altered copies lead to their original.
    title
        Written above all.

    Raises
    ------
    PictureError
        If the file cannot be written.
    """
    panels = _panels(methods, k, curve, survivals)
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(5.2 * columns, 3.6 * rows)
    figure.suptitle(title, size=11)
    for position, panel in enumerate(panels, start=1):
        panel(figure.add_subplot(rows, columns, position))
    save(figure, path)


def _panels(
    methods: Sequence[Method], k: int, curve: Sequence[DiscoverPoint], survivals: Sequence[Survival]
) -> list[Panel]:
    """Return what draws each panel that there is something for."""
    panels: list[Panel] = []
    if any(method.genre_precision is not None for method in methods):
        panels.append(lambda axis: _draw_precision(axis, methods, k))
    panels.append(lambda axis: _draw_exposure(axis, methods, k))
    if curve:
        panels.append(lambda axis: _draw_curve(axis, curve, k))
    if any(survival.songs for survival in survivals):
        panels.append(lambda axis: _draw_survivals(axis, survivals))
    return panels


def _draw_precision(axis: Axes, methods: Sequence[Method], k: int) -> None:
    shown = [(n, m) for n, m in enumerate(methods) if m.genre_precision is not None]
    _bars(
        axis,
        [method.name for _, method in shown],
        [float(method.genre_precision or 0) for _, method in shown],
        [_colour(number) for number, _ in shown],
        "{:.3f}",
    )
    axis.set(xlabel=f"share of the {k} neighbours with the track's genre")


def _bars(axis: Axes, names: Sequence[str], shares: Sequence[float], colours: Any, form: str) -> None:
    """Draw named shares as bars, the first on top, each with its number."""
    axis.barh(range(len(names)), shares, 0.62, color=colours)
    axis.set_yticks(range(len(names)), short_names(names), size=9)
    for position, share in enumerate(shares):
        inside = share > 0.85
        axis.annotate(
            form.format(share).replace("%", " %"),
            (share, position),
            (-5 if inside else 5, 0),
            textcoords="offset points",
            ha="right" if inside else "left",
            va="center",
            size=9,
            color="white" if inside else "black",
        )
    axis.set(xlim=(0, 1), ylim=(len(names) - 0.4, -0.6))
    clean(axis, "x")


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _draw_exposure(axis: Axes, methods: Sequence[Method], k: int) -> None:
    axis.axhline(k, color=GREY, linestyle="--", linewidth=1)
    axis.annotate(f"even: {k}", (100, k), (0, 3), textcoords="offset points", ha="right", size=8, color=GREY)
    for number, method in enumerate(methods):
        shown = np.sort(method.occurrences)[::-1]
        hidden, uneven = (shown == 0).mean(), gini(shown) or 0.0
        label = f"{method.name}: Gini {uneven:.2f}, in no list {hidden:.1%}".replace("%", " %")
        # Each track is a step of its own width, so that a hundred of them end at 100 %.
        axis.stairs(
            shown, np.linspace(0, 100, len(shown) + 1), color=_colour(number), linewidth=1.6, label=label
        )
    axis.set(xlabel="tracks, the most shown first (%)", ylabel=f"in how many lists of {k}", xlim=(0, 100))
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False, fontsize=8, loc="upper right")
    clean(axis)


def _draw_curve(axis: Axes, curve: Sequence[DiscoverPoint], k: int) -> None:
    axis.plot([p.novelty for p in curve], [p.genre_precision for p in curve], "o-", color=COLOURS[0])
    for point in curve:
        at = point.novelty, point.genre_precision
        axis.annotate(f"{point.discover:g}", at, (4, 5), textcoords="offset points", size=8)
    axis.margins(0.12)
    axis.set(xlabel=f"novelty of the {k} neighbours", ylabel="share with the track's genre")
    axis.set_title("by --discover", size=9)
    clean(axis)


def _draw_survivals(axis: Axes, survivals: Sequence[Survival]) -> None:
    asked = [survival for survival in survivals if survival.songs]
    names = [f"{survival.kind} ({survival.songs})" for survival in asked]
    _bars(axis, names, [s.first / s.songs for s in asked], COLOURS[2], "{:.1%}")
    axis.set(xlabel="copies (how many) whose original is first")
