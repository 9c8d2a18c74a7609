"""What commands print: JSON alone on stdout, or tables; progress and remarks on stderr."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from recommender.commands.last_resort import give_up, printing

EXIT_SOME_FAILED = 3
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


def show_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    title: str | None = None,
    highlight: int | None = None,
) -> None:
    """Write a table, one row highlighted; on a terminal as wide as that, elsewhere as it needs."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704 - Rich calls it where the error is handled, and would end the process

    console = Plain(width=None if sys.stdout.isatty() else 160, highlight=False)
    shown = None if title is None else _escape(title)
    table = Table(*map(_escape, columns), title=shown, title_justify="left", box=box.SIMPLE_HEAD)
    for number, row in enumerate(rows):
        table.add_row(*(_escape(cell) for cell in row), style="bold" if number == highlight else None)
    with printing():
        console.print(table)


def _escape(cell: str) -> str:
    from rich.markup import escape

    return escape(printable(cell))


def percent(items: Sequence[dict[str, Any]], at_most: int, least: float = 0.05) -> str:
    """Return named probabilities as words: ``jazz 80 %, blues 12 %``."""
    shown = [i for i in items[:at_most] if i["probability"] >= least] or list(items[:1])
    return ", ".join(f"{item['name']} {item['probability']:.0%}".replace("%", " %") for item in shown)


def label_in_words(judgement: dict[str, Any]) -> str:
    """Return a song's label with its probability, or that it is unknown, why, and the nearest guess."""
    nearest = percent([judgement["nearest"]], 1)
    if judgement["unknown"] is not None:
        return f"unknown: {judgement['unknown']} (nearest: {nearest})"
    return nearest


def say_skipped(failures: Sequence[tuple[str, str]]) -> None:
    """Name the files that could not be used, each once."""
    for path, reason in dict.fromkeys(failures):
        say(f"Skipped: {printable(path)}: {printable(reason)}")


@contextmanager
def progress_bar(what: str, *, quiet: bool, unit: str = "tracks") -> Iterator[Callable[[int, int], None]]:
    """Show a bar with the rate a minute and the time left on stderr; give the function that moves it."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")

        def move(done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed * 60:.0f} {unit}/min" if speed else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield move
