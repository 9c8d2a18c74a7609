"""How much work something is, counted rather than timed: the same on any machine, however busy."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from sqlalchemy import Engine, event

STEP = 50
"""Instructions of SQLite that are counted at a time."""


@dataclass(frozen=True)
class Work:
    """What was counted: SQL statements, instructions of SQLite that they took, calls of functions."""

    statements: int
    steps: int
    calls: int


def calls_of(run: Callable[[], object]) -> int:
    """Run something in this thread and return how many functions it called."""
    n_calls = 0

    def call(_frame: FrameType, what: str, _argument: object) -> None:
        nonlocal n_calls
        n_calls += what in ("call", "c_call")

    sys.setprofile(call)
    try:
        run()
    finally:
        sys.setprofile(None)
    return n_calls


def counted(engine: Engine, run: Callable[[], object]) -> Work:
    """Run something in this thread and return how much work it was on a SQLite catalogue."""
    n_statements = n_steps = 0

    def begin(connection: object, cursor: object, *_rest: object) -> None:
        nonlocal n_statements
        n_statements += 1

    def step() -> int:
        nonlocal n_steps
        n_steps += STEP
        return 0

    def watch(connection: object, _record: object, _proxy: object) -> None:
        connection.set_progress_handler(step, STEP)  # type: ignore[attr-defined]

    event.listen(engine, "before_cursor_execute", begin)
    event.listen(engine, "checkout", watch)
    try:
        n_calls = calls_of(run)
    finally:
        event.remove(engine, "before_cursor_execute", begin)
        event.remove(engine, "checkout", watch)
    return Work(n_statements, n_steps, n_calls)


def assert_linear(measure: Callable[[int], Work], n: int, factor: int = 2) -> None:
    """Make sure that work grows with the size: from 2n to 4n by twice as much as from n to 2n.

    With another factor, sizes are n, that times n, and its square times n.
    """
    measure(n)  # what is made once, such as the SQL of a query, does not count
    few, more, most = (measure(n * factor**power) for power in range(3))
    for name in Work.__dataclass_fields__:
        first = getattr(more, name) - getattr(few, name)
        second = getattr(most, name) - getattr(more, name)
        limit = 1.1 * factor * first + 0.05 * getattr(few, name)
        assert second <= limit, f"{name} grew by {first}, then by {second}: {few}, {more}, {most}"
