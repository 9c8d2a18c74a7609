"""What commands print: JSON alone on stdout, or tables; progress and remarks on stderr."""

import json
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from recommender.commands.last_resort import give_up, printing

if TYPE_CHECKING:
    from rich.console import Console

EXIT_SOME_FAILED = 3
NEAREST = 3
"""Genres that are named where none is sure."""
OTHER_SURROGATES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Code points that are neither characters nor, as in paths, bytes."""


def printable(text: str) -> str:
    """Return a text that any terminal can show: odd bytes and control characters are escaped."""
    bytes_of = OTHER_SURROGATES.sub(_escaped, text).encode("utf-8", "surrogateescape")
    whole = bytes_of.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in whole)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def lines_printable(text: str) -> str:
    """Return lines that any terminal can show."""
    return "\n".join(map(printable, text.split("\n")))


def say(text: str) -> None:
    """Write a remark to stderr; where nobody can read it, the command goes on without."""
    try:
        print(lines_printable(text), file=sys.stderr)
    except OSError:
        give_up(sys.stderr)


def show(text: str) -> None:
    """Write a line of the answer to stdout."""
    with printing():
        print(lines_printable(text))


def show_json(answer: object) -> None:
    """Write the answer as JSON to stdout; a path that is not UTF-8 keeps its bytes as escapes."""
    with printing():
        json.dump(answer, sys.stdout, indent=2)
        sys.stdout.write("\n")


def plain_console(width: int | None) -> "Console":
    """Return stdout as Rich writes to it, with no colours of its own; None for as wide as the terminal."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704 - Rich calls it where the error is handled, and would end the process

    return Plain(width=width, highlight=False)


def show_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    title: str | None = None,
    highlight: int | None = None,
    widths: Sequence[int] | None = None,
) -> None:
    """Write a table, one row highlighted; on a terminal as wide as that, elsewhere as it needs.

    Where the columns' widths are given, cells are cut to them. Else they are wrapped between words; a table
    with more columns than there is room for their words is turned, and has a line for each column.
    """
    from recommender.commands.table_layout import column_widths, columns_as_lines

    console = plain_console(None if sys.stdout.isatty() else 160)
    table = [[printable(cell) for cell in row] for row in (columns, *rows)]
    if title is not None:
        with printing():
            console.print(printable(title), style="italic", markup=False)
    if widths is not None:
        _print_table(console, table, widths, highlight, cut=True)
    elif (found := column_widths(table, console.width)) is not None:
        _print_table(console, table, found, highlight)
    else:
        for part in columns_as_lines(table, console.width):
            fitted = column_widths(part, console.width) or column_widths(part, console.width, 1)
            _print_table(console, part, fitted or [1] * len(part[0]), None)


def _print_table(
    console: "Console",
    table: Sequence[Sequence[str]],
    widths: Sequence[int],
    highlight: int | None,
    *,
    cut: bool = False,
) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from recommender.commands.table_layout import wrapped

    cells = table if cut else [[wrapped(c, w) for c, w in zip(row, widths, strict=True)] for row in table]
    drawn = Table(box=box.SIMPLE_HEAD)
    for name, width in zip(cells[0], widths, strict=True):
        drawn.add_column(escape(name), width=width, no_wrap=cut, overflow="ellipsis" if cut else "fold")
    for number, row in enumerate(cells[1:]):
        drawn.add_row(*map(escape, row), style="bold" if number == highlight else None)
    with printing():
        console.print(drawn)


def counted(n: int, noun: str) -> str:
    """Return ``1 song`` or ``2 songs``."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def percent(items: Sequence[dict[str, Any]], at_most: int, least: float = 0.05) -> str:
    """Return named probabilities as words: ``jazz 80 %, blues 12 %``."""
    shown = [i for i in items[:at_most] if i["probability"] >= least] or list(items[:1])
    return ", ".join(f"{item['name']} {item['probability']:.0%}".replace("%", " %") for item in shown)


def label_in_words(judgement: dict[str, Any]) -> str:
    """Return a song's label with its probability; or the nearest where unsure; or why it is no music."""
    if judgement["unknown"] is None:
        return percent([judgement["nearest"]], 1)
    if judgement["label"] == "unsure":
        return f"{judgement['verdict']} ({judgement['unknown']}; {percent(judgement['genres'], NEAREST)})"
    return f"{judgement['label']}: {judgement['unknown']}"


def say_skipped(failures: Sequence[tuple[str, str]]) -> None:
    """Name the files that could not be used, each once."""
    for path, reason in dict.fromkeys(failures):
        say(f"Skipped: {printable(path)}: {printable(reason)}")
