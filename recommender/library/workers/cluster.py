"""Tasks done on the workers of a Dask cluster, in place of worker processes on this machine.

The workers read the same paths, from storage that they share, for hashes and tags as for analysis;
this process alone writes the catalogue. What was in flight on a worker that is lost is done again
elsewhere, each file alone on a worker, so that a file that ends its worker is found, and those that
were beside it are not blamed.
"""

import os
import queue
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from classifier.model.bundle import Bundle
from recommender.errors import ClusterError
from recommender.library import params
from recommender.library.workers.boundary import CRASHED, NOT_SHARED, Failure, unexpected, unpacked
from recommender.library.workers.cluster_members import Member, Members
from recommender.library.workers.cluster_worker import PickledCall, perform

Key = TypeVar("Key")

UNREADABLE: Final = "unreadable"
SHARE: Final = "the music must be on storage that all workers have at the same path"


@dataclass(eq=False)
class _Item(Generic[Key]):
    """A path to run the task on.

    Attributes
    ----------
    suspect
        Whether it was on a worker that was lost; it runs alone from then on.
    deaths
        How often it was alone on a worker when that was lost.
    unseen
        Addresses of the workers that could not read it.
    """

    key: Key
    path: str
    suspect: bool = False
    deaths: int = 0
    unseen: dict[str, Failure] = field(default_factory=dict)


@dataclass(eq=False)
class _Flight(Generic[Key]):
    """An item that was handed to a worker."""

    item: _Item[Key]
    member: Member


class ClusterWorkers(Generic[Key]):
    """The workers of a Dask cluster, fed as `recommender.library.workers.pool.Workers` feeds its processes.

    Parameters
    ----------
    scheduler
        The scheduler's address, such as ``tcp://host:8786``.
    bundle
        The bundle whose trunk the workers run; those that cannot read its path are sent its files.
    tell
        Told one line about each worker that is refused.

    Raises
    ------
    ClusterError
        If Dask is not installed, or no scheduler answers at the address.
    """

    def __init__(self, scheduler: str, bundle: Bundle, tell: Callable[[str], None]) -> None:
        self._bundle_id = bundle.bundle_id
        self._members = Members(scheduler, bundle, tell)
        self._flights: set[_Flight[Key]] = set()
        self._again: list[_Item[Key]] = []
        self._n_seen = self._n_unseen = 0

    def __enter__(self) -> "ClusterWorkers[Key]":
        return self

    def __exit__(self, *_error: object) -> None:
        self._drop_all()
        self._members.close()

    def run(
        self, paths: Iterable[tuple[Key, str]], task: Callable[[str], object]
    ) -> Iterator[tuple[Key, object]]:
        """Run a task on every path; yield (key, result) as they are done, in any order.

        No more than a few tasks a worker are handed out ahead of what was taken from the iterator.

        Raises
        ------
        ClusterError
            If the scheduler is gone, no worker can be used, or none sees the music.
        """
        feed = (_Item(key, path) for key, path in paths)
        try:
            while True:
                for member in self._members.look():
                    yield from self._lose(member)
                yield from self._give_up_unseen()
                self._hand_out(feed, task)
                if not (self._flights or self._again):
                    item = next(feed, None)  # there may be no worker to take it just now
                    if item is None:
                        return
                    self._again.append(item)
                yield from self._next_results()
        finally:
            self._drop_all()

    def _hand_out(self, feed: Iterator[_Item[Key]], task: Callable[[str], object]) -> None:
        """Keep the workers supplied, one item a worker at a time."""
        given = True
        while given:
            given = False
            for member in self._members.ready():
                given |= self._give_one(member, feed, task)

    def _give_one(self, member: Member, feed: Iterator[_Item[Key]], task: Callable[[str], object]) -> bool:
        if member.alone or len(member.flights) >= member.threads * params.TASKS_AHEAD:
            return False
        item = self._item_for(member, feed)
        if item is None:
            return False
        flight = _Flight(item, member)
        member.alone = item.suspect
        call = PickledCall(perform, task, item.path, self._bundle_id)
        self._flights.add(flight)
        self._members.assign(call, member, flight)
        return True

    def _item_for(self, member: Member, feed: Iterator[_Item[Key]]) -> _Item[Key] | None:
        """Choose what a worker does next: a suspect only when all else is handed out, and alone."""
        left = [item for item in self._again if member.address not in item.unseen]
        chosen = next((item for item in left if not item.suspect), None) or next(feed, None)
        if chosen is None and left and not member.flights:
            chosen = left[0]
        if chosen in self._again:
            self._again.remove(chosen)
        return chosen

    def _next_results(self) -> Iterator[tuple[Key, object]]:
        """Wait a little for a task to be done; yield what it gave."""
        try:
            flight, status, answer = self._members.arrived.get(timeout=params.LOOK_S)
        except queue.Empty:
            return
        if flight not in self._flights:  # dropped meanwhile
            return
        if status == "cancelled":
            raise self._members.gone()
        if status == "error" and type(answer).__name__ == "KilledWorker":
            yield from self._blame(flight)
            return
        if status == "error":  # on the way there, or back
            self._land(flight)
            yield flight.item.key, unexpected(answer)
            return
        prepared, packed = answer
        if prepared:
            self._land(flight)
            yield from self._judge(flight, unpacked(packed))
        else:
            yield from self._blame(flight)
            self._members.restarted(flight.member)

    def _land(self, flight: _Flight[Key]) -> None:
        self._flights.discard(flight)
        flight.member.flights.discard(flight)
        flight.member.alone = False

    def _judge(self, flight: _Flight[Key], result: object) -> Iterator[tuple[Key, object]]:
        """Yield a result; a file that only this worker cannot read is tried on the others."""
        item = flight.item
        if not isinstance(result, Failure) or result.kind != UNREADABLE or not _is_readable(item.path):
            self._n_seen += 1
            yield item.key, result
            return
        item.unseen[flight.member.address] = result
        self._again.append(item)

    def _give_up_unseen(self) -> Iterator[tuple[Key, object]]:
        """Yield as failures the files that none of the workers can read."""
        there = {member.address for member in self._members.ready()}
        for item in [item for item in self._again if there and there <= item.unseen.keys()]:
            self._again.remove(item)
            self._n_unseen += 1
            address, failure = next(reversed(item.unseen.items()))
            reason = f"{failure.message} on the worker {address}, though it can be read here"
            if not self._n_seen and self._n_unseen >= params.UNSEEN_FILES:
                raise ClusterError(f"{item.path}: {reason}; {SHARE}")
            yield item.key, Failure(NOT_SHARED, f"{reason}; {SHARE}")

    def _lose(self, member: Member) -> Iterator[tuple[Key, object]]:
        """Do again what was in flight on a worker that is lost."""
        for flight in [flight for flight in self._flights if flight.member is member]:
            self._members.drop([flight])
            yield from self._blame(flight)

    def _blame(self, flight: _Flight[Key]) -> Iterator[tuple[Key, object]]:
        """Note that a file's worker was lost; one that was alone too often is at fault."""
        item = flight.item
        item.deaths += flight.member.alone
        self._land(flight)
        if item.deaths >= params.LOST_ALONE:
            yield item.key, CRASHED
        else:
            item.suspect = True
            self._again.append(item)

    def _drop_all(self) -> None:
        flights, self._flights, self._again = self._flights, set(), []
        self._members.drop(flights)
        for flight in flights:
            flight.member.flights.discard(flight)
            flight.member.alone = False


def _is_readable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.R_OK)
