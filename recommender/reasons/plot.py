"""The picture of a match: both passages' log-mels, how similar they are over time, and what else counts."""

import textwrap
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from classifier.plotting.style import COLOURS, GREY, clean, draw_mel, new_figure, save, short_names, time_axis
from recommender.reasons.sound import BandShares, PassageSound
from recommender.reasons.traits import MatchReasons, PatchSimilarities, parts_in_words

FOR, AGAINST = COLOURS[1], COLOURS[0]
QUERY, MATCH = COLOURS[2], COLOURS[3]
LONGEST_TITLE: Final = 56
SHOWN_TRAITS: Final = 6
SHOWN_GENRES: Final = 2
PART_COLUMNS: Final = 16


@dataclass(frozen=True)
class MatchPicture:
    """A match and the reasons for it, to be drawn.

    Attributes
    ----------
    query_name, match_name
        The songs' names.
    reasons
        Why they are similar; with passages.
    query, match
        What the passages sound like.
    edges_hz
        (bands, 2) of the log-mels.
    bands
        What the bands add to the similarity; None where that is not known.
    """

    query_name: str
    match_name: str
    reasons: MatchReasons
    query: PassageSound
    match: PassageSound
    edges_hz: npt.NDArray[np.float64]
    bands: BandShares | None


def draw_match(picture: MatchPicture, path: Path) -> None:
    """Draw a match as PNG.

    Parameters
    ----------
    picture, path
        What, and where to; its folder must exist.

    Raises
    ------
    PictureError
        If the file cannot be written.
    """
    with warnings.catch_warnings():  # a title may be in letters that the font lacks
        warnings.filterwarnings("ignore", "Glyph")
        save(match_figure(picture), path)


def match_figure(picture: MatchPicture) -> Figure:
    """Return the picture that `draw_match` writes."""
    figure = new_figure(10.5, 6.6)
    (curve, parts), (mine, traits), (its, bands) = figure.subplots(
        3, 2, width_ratios=[5, 2], height_ratios=[1, 1.5, 1.5]
    )
    names = " ≈ ".join(_cut(name, LONGEST_TITLE) for name in (picture.query_name, picture.match_name))
    figure.suptitle(names, size=12, x=0.01, ha="left", parse_math=False)
    if picture.reasons.similarities is not None:
        _draw_similarities(curve, picture.reasons.similarities)
    _draw_parts(parts, picture.reasons.parts)
    _draw_passage(mine, picture.query, picture.edges_hz, "the query's passage", QUERY)
    _draw_passage(its, picture.match, picture.edges_hz, "the match's passage", MATCH)
    shorter_s = min(sound.end_s - sound.start_s for sound in (picture.query, picture.match))
    time_axis(mine, shorter_s)
    time_axis(its, shorter_s)
    _draw_traits(traits, picture.reasons)
    _draw_bands(bands, picture.bands, len(picture.edges_hz))
    return figure


def _cut(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _draw_similarities(axis: Axes, found: PatchSimilarities) -> None:
    """Draw how similar each patch of the query is to the patch of the match below it."""
    starts = found.query_s - found.query_s[0]
    colours = [FOR if cosine >= 0 else AGAINST for cosine in found.cosines]
    axis.bar(starts, found.cosines, found.patch_s, align="edge", color=colours, edgecolor="white")
    axis.axhline(0, color=GREY, linewidth=0.8)
    axis.axhline(found.together, color="black", linewidth=0.9, linestyle="--")
    low = min(0.0, float(found.cosines.min()), found.together)
    axis.set(xlim=(0, float(starts[-1]) + found.patch_s), ylim=(1.1 * low, 1.12), xticklabels=[])
    title = f"how alike each {found.patch_s:.0f} s are; dashed: taken whole {found.together:.2f}"
    axis.set_title(title, size=9, loc="left", weight="bold")
    axis.set_ylabel("cosine")
    clean(axis, "y")


def _draw_passage(
    axis: Axes, sound: PassageSound, edges_hz: npt.NDArray[np.float64], title: str, colour: str
) -> None:
    draw_mel(axis, sound.mel, sound.column_s, edges_hz, sound.start_s)
    axis.set_title(title, size=9, color=colour, loc="left", weight="bold")
    axis.set_xlim(sound.start_s, sound.end_s)


def _draw_parts(axis: Axes, parts: dict[str, float]) -> None:
    """Draw what the score is made of."""
    found = parts_in_words(parts)
    positions, values = np.arange(len(found)), [value for _, value in found]
    bars = axis.barh(positions, values, 0.7, color=[FOR if value >= 0 else AGAINST for value in values])
    axis.bar_label(bars, [f"{value:+.2f}" for value in values], padding=2, size=8)
    axis.axvline(0, color=GREY, linewidth=0.8)
    axis.set_yticks(positions, [textwrap.fill(words, PART_COLUMNS) for words, _ in found], size=8)
    axis.set_ylim(max(len(found), 3) - 0.5, -0.5)
    axis.set_title(f"score {sum(parts.values()):.2f}", size=9, loc="left", weight="bold")
    axis.margins(x=0.25)
    axis.spines[["top", "right", "bottom", "left"]].set_visible(False)
    axis.tick_params(left=False, bottom=False, labelbottom=False)


def _draw_traits(axis: Axes, reasons: MatchReasons) -> None:
    """Draw the genres and tags that both songs have, with the probabilities of each."""
    genres = reasons.genres[:SHOWN_GENRES]
    traits = [*genres, *reasons.tags[: SHOWN_TRAITS - len(genres)]]
    axis.set_title("both have", size=9, loc="left", weight="bold")
    if not traits:
        axis.set_axis_off()
        axis.text(0, 0.9, "no tag and no genre", transform=axis.transAxes, va="top", size=9)
        return
    positions = np.arange(len(traits))
    for offset, song, colour in ((-0.19, "query", QUERY), (0.19, "match", MATCH)):
        axis.barh(positions + offset, [getattr(t, song) for t in traits], 0.34, color=colour, label=song)
    names = short_names([t.name for t in traits])
    named = [f"{name} (genre)" if row < len(genres) else name for row, name in enumerate(names)]
    axis.set_yticks(positions, named, size=8, parse_math=False)
    axis.set_ylim(max(len(traits), 4) - 0.4, -0.6)
    axis.set_xlim(0, max(max(t.query, t.match) for t in traits) * 1.05)
    axis.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    axis.tick_params(labelsize=8, left=False)
    axis.legend(fontsize=8, frameon=False, loc="lower right", borderpad=0)
    clean(axis, "x")


def _draw_bands(axis: Axes, bands: BandShares | None, n_bands: int) -> None:
    """Draw what the bands add to the similarity, at the heights that they have in the log-mel."""
    axis.set_title("alike through these frequencies", size=9, loc="left", weight="bold")
    if bands is None:
        axis.set_axis_off()
        return
    size = n_bands / len(bands.shares)
    heights = (np.arange(len(bands.shares)) + 0.5) * size
    colours = [FOR if share >= 0 else AGAINST for share in bands.shares]
    axis.barh(heights, bands.shares, 0.85 * size, color=colours)
    axis.axvline(0, color=GREY, linewidth=0.8)
    axis.set(ylim=(0, n_bands), yticks=[])
    axis.xaxis.set_major_locator(MaxNLocator(4))
    axis.set_xlabel("says the same of both (+), or not (−)", size=8)
    axis.tick_params(labelsize=8)
    clean(axis, "x")
