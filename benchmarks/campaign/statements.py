"""Kills at single statements: a process ends after each one of making a catalogue, and of each migration.

On SQLite, and on PostgreSQL where one can be started. What versions before made halves of, without a
transaction, is opened too. Each is then opened again: its schema must be that of a new catalogue, and no row
may be lost.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.campaign import catalogues
from benchmarks.campaign.catalogues import Place, Places
from benchmarks.campaign.nursery import Nursery
from benchmarks.campaign.tally import Tally
from tests import postgres


@dataclass(frozen=True)
class _Attempt:
    """A catalogue whose opening was cut off, or will be, and how to get it, once it was said to be wanted."""

    name: str
    places: Places
    rows: catalogues.Rows
    schema: dict[str, object]
    cut_off: Callable[[], Place | str]
    want: Callable[[], None] = lambda: None


def run(work: Path, seed: int, count: int | None) -> Tally:
    """Run the part; see `benchmarks.campaign.__main__`."""
    tally = Tally("statements")
    with ExitStack() as held:
        nursery = held.enter_context(Nursery())
        kinds = [Places(work, None)]
        if postgres.what_is_missing() is None:
            kinds.append(Places(work, held.enter_context(postgres.running())))
        attempts = [attempt for places in kinds for attempt in _attempts(places, nursery)]
        chosen = catalogues.some(attempts, count, seed)
        for attempt in chosen:
            attempt.want()
        for attempt in chosen:
            tally.count(attempt.name, _outcome(attempt))
    return tally


def _attempts(places: Places, nursery: Nursery) -> Iterator[_Attempt]:
    fresh = places.new()
    fresh.open().close()
    schema = catalogues.schema_of(fresh)
    starts = {"a new one": places.new()}
    for revision in catalogues.revisions():
        starts[revision] = places.new()
        catalogues.make(starts[revision], revision)
    for name, start in starts.items():
        steps = nursery.steps(places.copy(start).address)
        rows = catalogues.rows_of(places.copy(start))  # reading makes a file where there is none
        for step in range(1, steps + 1):
            kill = partial(_killed, nursery, places, start, step)
            yield _Attempt(f"{places.name}, {name}, step {step} of {steps}", places, rows, schema, kill)
        if places.server is None:
            for how in (catalogues.AUTOCOMMIT, catalogues.BEFORE_DML):
                halves = catalogues.Halves(places, start, how)
                for number in range(halves.count):
                    what = f"{places.name}, {name}, half made, {how}, {number}"
                    made, want = partial(halves.made, number), partial(halves.want, number)
                    yield _Attempt(what, places, rows, schema, made, want)


def _killed(nursery: Nursery, places: Places, start: Place, step: int) -> Place | str:
    """Return a catalogue that was being opened until a step."""
    place = places.copy(start)
    end = nursery.open(place.address, step)
    return place if end == "killed" else end


def _outcome(attempt: _Attempt) -> str | None:
    """Return what is wrong with a catalogue after its opening was cut off, or None."""
    place = attempt.cut_off()
    if isinstance(place, str):
        return place
    found = catalogues.trouble(place, attempt.rows, attempt.schema)
    if found is None:
        attempt.places.forget(place)
    return found
