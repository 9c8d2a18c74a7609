"""How far a long command is: a bar on a terminal, a line a minute elsewhere; both on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

Move = Callable[[int, int], None]

LINE_EVERY_S: Final = 60.0
KNOWN_AFTER_S: Final = 3.0
KNOWN_AFTER: Final = 3
"""Things that must be done, in so many seconds, before it is said how long the rest takes …"""
SLOW_AFTER_S: Final = 30.0
"""… but after so long, a single one is enough."""


@dataclass
class Pace:
    """The pace of the whole run so far: what is left is told by it, and does not jump with each slow file."""

    began_s: float | None = None
    had: int = 0

    def per_second(self, done: int, now_s: float) -> float | None:
        """Return things a second since the first that was told of; None while it is too early to say."""
        if self.began_s is None:
            self.began_s, self.had = now_s, done
        seconds = now_s - self.began_s
        enough = 1 if seconds >= SLOW_AFTER_S else KNOWN_AFTER
        if seconds < KNOWN_AFTER_S or done - self.had < enough:
            return None
        return (done - self.had) / seconds

    def in_words(self, done: int, total: int, unit: str, now_s: float) -> str:
        """Return ``60 tracks/min, about 5 min left``; nothing while it is too early to say."""
        rate = self.per_second(done, now_s)
        if rate is None:
            return ""
        digits = 0 if rate >= 1 / 6 else 1
        said = f"{rate * 60:.{digits}f} {unit}/min"
        return f"{said}, {left_in_words((total - done) / rate)} left" if done < total else said


def left_in_words(seconds: float) -> str:
    """Return a time that is left as a person would say it: ``about 5 min``."""
    if seconds < 55:
        return f"about {max(5, 5 * round(seconds / 5))} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.0f} h" if seconds >= 10 * 3600 else f"about {seconds / 3600:.1f} h"


@contextmanager
def progress_bar(what: str, *, quiet: bool, unit: str = "tracks") -> Iterator[Move]:
    """Show how far it is, the rate a minute and the time left; give the function that moves it.

    Parameters
    ----------
    what
        What is being done.
    quiet
        Whether nothing is shown at all.
    unit
        What is counted.
    """
    if quiet:
        yield lambda done, total: None
    elif sys.stderr.isatty():
        with _bar(what, unit) as move:
            yield move
    else:
        yield _line_a_minute(what, unit)


@contextmanager
def _bar(what: str, unit: str) -> Iterator[Move]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
    )
    pace = Pace()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, pace="")

        def move(done: int, total: int) -> None:
            words = pace.in_words(done, total, unit, time.monotonic())
            bar.update(task, completed=done, total=total, pace=words)

        yield move


def _line_a_minute(what: str, unit: str) -> Move:
    from recommender.commands.output import say

    pace = Pace()
    said_s = time.monotonic()

    def move(done: int, total: int) -> None:
        nonlocal said_s
        now_s = time.monotonic()
        words = pace.in_words(done, total, unit, now_s)
        if now_s - said_s >= LINE_EVERY_S:
            said_s = now_s
            say(f"{what}: {done} of {total} {unit}" + (f", {words}" if words else ""))

    return move
