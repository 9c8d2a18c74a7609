"""Crowds: eight processes open one catalogue at once, and write to it.

It is a new one, one of each revision, one that is up to date, or one that was left half made; on SQLite,
and on PostgreSQL where one can be started. All must succeed, and nothing may be lost.
"""

from contextlib import ExitStack
from pathlib import Path

from benchmarks.campaign import catalogues
from benchmarks.campaign.catalogues import Place, Places, Rows
from benchmarks.campaign.nursery import Nursery
from benchmarks.campaign.tally import Tally
from tests import postgres

PROCESSES = 8
ROUNDS = 8
HALVES = 12
"""Of the halves that migrations without a transaction leave of a catalogue, so many are opened."""


def run(work: Path, seed: int, count: int | None) -> Tally:
    """Run the part; see `benchmarks.campaign.__main__`."""
    tally = Tally("crowds")
    with ExitStack() as held:
        nursery = held.enter_context(Nursery())
        kinds = [Places(work, None)]
        if postgres.what_is_missing() is None:
            kinds.append(Places(work, held.enter_context(postgres.running())))
        attempts = [
            (places, name, start, before, schema, number)
            for places in kinds
            for schema in [_fresh_schema(places)]
            for name, (start, before) in _starts(places, seed).items()
            for number in range(1 if "half" in name else ROUNDS)
        ]
        for places, name, start, before, schema, number in catalogues.some(attempts, count, seed):
            found = _outcome(nursery, places, start, before, schema)
            tally.count(f"{places.name}, {name}, round {number + 1}", found)
    return tally


def _fresh_schema(places: Places) -> dict[str, object]:
    fresh = places.new()
    fresh.open().close()
    return catalogues.schema_of(fresh)


def _starts(places: Places, seed: int) -> dict[str, tuple[Place, Rows]]:
    """Return the catalogues to begin with, and their rows."""
    new = places.new()
    starts: dict[str, tuple[Place, Rows]] = {"a new one": (new, {})}
    for revision in catalogues.revisions():
        made = places.new()
        catalogues.make(made, revision)
        starts[revision] = made, catalogues.rows_of(made)
    if places.server is None:
        halves = [
            (f"half made of {name}, {how}, {number}", made, number, before)
            for name, (start, before) in list(starts.items())
            for how in (catalogues.AUTOCOMMIT, catalogues.BEFORE_DML)
            for made in [catalogues.Halves(places, start, how)]
            for number in range(made.count)
        ]
        chosen = catalogues.some(halves, HALVES, seed)
        starts |= {name: (made.made(number), before) for name, made, number, before in chosen}
    return starts


def _outcome(
    nursery: Nursery, places: Places, start: Place, before: Rows, schema: dict[str, object]
) -> str | None:
    place = places.copy(start)
    ends = nursery.crowd(place.address, PROCESSES)
    failed = [end for end in ends if end != "done"]
    if failed:
        return f"{len(failed)} of {PROCESSES} processes: {failed[0]}"
    written = {row["name"] for row in catalogues.rows_of(place)["setting"]}
    if not {repr(f"process {number}") for number in range(PROCESSES)} <= written:
        return "what a process wrote was lost"
    after = {table: rows for table, rows in before.items() if table != "setting"}
    found = catalogues.trouble(place, after, schema)
    if found is None:
        places.forget(place)
    return found
