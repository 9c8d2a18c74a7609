"""What commands print: JSON alone on stdout, or tables; progress and remarks on stderr."""

import json
import re
import sys
from collections.abc import Sequence
from itertools import repeat
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

    Where the columns' widths are given, cells are cut to them; else they are wrapped where need be.
    """
    from rich import box
    from rich.table import Table

    shown = None if title is None else _escape(title)
    table = Table(title=shown, title_justify="left", box=box.SIMPLE_HEAD)
    for name, width in zip(columns, widths or repeat(None), strict=False):
        cut = width is not None
        table.add_column(_escape(name), width=width, no_wrap=cut, overflow="ellipsis" if cut else "fold")
    for number, row in enumerate(rows):
        table.add_row(*(_escape(cell) for cell in row), style="bold" if number == highlight else None)
    with printing():
        plain_console(None if sys.stdout.isatty() else 160).print(table)


def _escape(cell: str) -> str:
    from rich.markup import escape

    return escape(printable(cell))


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
