"""Lists of songs on a screen: one line a song where it is wide enough, else two, the figures whole."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from recommender.commands.last_resort import printing
from recommender.commands.output import percent, plain_console, printable, show_table
from recommender.commands.table_layout import BETWEEN

if TYPE_CHECKING:
    from rich.text import Text

WIDE: Final = 120
"""Columns of a screen from which on a song takes one line."""
NARROWEST: Final = 40
"""Screens are taken to be as wide as this at the least."""
LEAST_CUT: Final = 8
"""Columns that a cell keeps however much there is beside it."""
LEAST_FACT: Final = 24
"""Columns below which the last fact of a line is left out rather than cut."""
NOT_MUSIC: Final = "not music"
UNSURE: Final = "unsure"
"""What verdicts are, or begin with, that are no labels."""
GAP: Final = "  "


@dataclass(frozen=True)
class Fact:
    """Something of a song beside its name.

    Attributes
    ----------
    heading, cell
        As a column of a table.
    words
        As a part of a line; empty where it goes without saying.
    whole
        Whether it is never cut.
    column
        Whether it has a column in a table; else it is only in lines.
    listed
        Whether it names several, the last of which may be left out of a line.
    """

    heading: str
    cell: str
    words: str
    whole: bool = False
    column: bool = True
    listed: bool = False


@dataclass(frozen=True)
class SongRow:
    """A song of a list: its rank, what it is ranked by, artist and title, length, id, and more."""

    rank: int
    figure: str
    name: str
    length: str
    track_id: int
    facts: Sequence[Fact] = field(default_factory=tuple)

    @property
    def columns(self) -> list[Fact]:
        """Return the facts that have a column."""
        return [fact for fact in self.facts if fact.column]


def song_row(result: dict[str, Any], figure: str, facts: Sequence[Fact]) -> SongRow:
    """Return the row of a result of a list."""
    from recommender.presentation.text import clock, name_of

    length = clock(result["duration_s"])
    return SongRow(result["rank"], figure, name_of(result), length, result["track_id"], facts)


def plays_fact(plays: int) -> Fact:
    """Return how often a song was played; that it never was goes without saying."""
    words = "" if not plays else f"{plays} play{'s' * (plays > 1)}"
    return Fact("plays", str(plays), words, whole=True)


def tags_fact(result: dict[str, Any], at_most: int) -> Fact:
    """Return a song's most probable tags; what is not music has none."""
    cell = "" if result["verdict"] == NOT_MUSIC else percent(result["tags"], at_most)
    return Fact("tags", cell, f"tags {cell}" if cell else "", listed=True)


def measures_fact(result: dict[str, Any]) -> Fact:
    """Return a song's tempo and key."""
    from recommender.presentation.measures import measures_in_words

    cell = ", ".join(measures_in_words({"tempo_bpm": None, **result, "loudness_lufs": None, "energy": None}))
    return Fact("tempo, key", cell, cell, column=False)


def genres_fact(result: dict[str, Any], at_most: int) -> Fact:
    """Return a song's most probable genres; or that it is no music, or between what the model is unsure."""
    verdict = result["verdict"] or ""
    unknown = verdict.startswith((UNSURE, NOT_MUSIC))
    cell = verdict if unknown else percent(result["genres"], at_most)
    return Fact("genres", cell, cell, listed=not unknown)


def show_songs(figure: str, rows: Sequence[SongRow]) -> None:
    """Write a list of songs, all with the same facts; `figure` is the heading of what they are ranked by.

    Of none there is nothing to write: why that is, is said beside it.
    """
    if not rows:
        return
    columns = ("#", figure, "song", "length", *(f.heading for f in rows[0].columns), "id")
    cells = [
        (str(r.rank), r.figure, r.name, r.length, *(f.cell for f in r.columns), str(r.track_id)) for r in rows
    ]
    if not sys.stdout.isatty():
        show_table(columns, cells)
        return
    console = plain_console(None)
    width = max(NARROWEST, console.width)
    if width >= WIDE:
        whole = [True, True, False, True, *(f.whole for f in rows[0].columns), True]
        widths = _widths([columns, *cells], whole, width - BETWEEN * len(columns) - 1)
        show_table(columns, cells, widths=widths)
        return
    with printing():
        for line in _lines(columns, rows, width):
            console.print(line, no_wrap=True, crop=True, overflow="ellipsis")


def _widths(table: Sequence[Sequence[str]], whole: Sequence[bool], width: int) -> list[int]:
    """Return columns' widths, `width` in all; those that may be cut share what is left, short ones first."""
    from rich.cells import cell_len

    wanted = [max(cell_len(printable(row[i])) for row in table) for i in range(len(whole))]
    left = width - sum(w for w, never in zip(wanted, whole, strict=True) if never)
    found = list(wanted)
    flexible = sorted((i for i, never in enumerate(whole) if not never), key=wanted.__getitem__)
    for position, i in enumerate(flexible):
        found[i] = min(wanted[i], max(LEAST_CUT, left // (len(flexible) - position)))
        left -= found[i]
    return found


def _lines(columns: Sequence[str], rows: Sequence[SongRow], width: int) -> "list[Text]":
    """Return a heading, and two lines a song."""
    from rich.text import Text

    rank, figure, length, number = (
        max(len(name), *(len(cell) for cell in cells))
        for name, cells in (
            ("#", [str(r.rank) for r in rows]),
            (columns[1], [r.figure for r in rows]),
            ("length", [r.length for r in rows]),
            ("id", [str(r.track_id) for r in rows]),
        )
    )
    indent = rank + figure + 2 * len(GAP)
    room = width - 1 - indent - length - number - 2 * len(GAP)

    def first(rank_: str, figure_: str, name: str, length_: str, number_: str, style: str) -> Text:
        line = Text(f"{rank_:>{rank}}{GAP}{figure_:>{figure}}{GAP}")
        line.append(_fitted(name, room), style)
        return line.append(f"{GAP}{length_:>{length}}{GAP}{number_:>{number}}")

    found = [first("#", columns[1], "song", "length", "id", "")]
    found[0].stylize("dim")
    for row in rows:
        found.append(first(str(row.rank), row.figure, row.name, row.length, str(row.track_id), "bold"))
        found.append(Text(" " * indent + _joined(row.facts, width - 1 - indent), "dim"))
    return found


def _joined(facts: Sequence[Fact], room: int) -> str:
    """Return facts in words, those first that are never cut; the last that fits may be."""
    from rich.cells import cell_len

    ordered = sorted((fact for fact in facts if fact.words), key=lambda fact: not fact.whole)
    line = ""
    for fact in ordered:
        words = f" · {printable(fact.words)}" if line else printable(fact.words)
        left = room - cell_len(line)
        while fact.listed and cell_len(words) > left and ", " in words:
            words = words.rpartition(", ")[0]
        if cell_len(words) > left and not fact.whole:
            return line + (_fitted(words, left).rstrip() if left >= LEAST_FACT else "")
        line += words
    return line


def _fitted(text: str, room: int) -> str:
    """Return a text in just so many columns, cut with an ellipsis or filled with spaces."""
    from rich.cells import cell_len, set_cell_size

    shown = printable(text)
    return set_cell_size(shown, room) if cell_len(shown) <= room else set_cell_size(shown, room - 1) + "…"
