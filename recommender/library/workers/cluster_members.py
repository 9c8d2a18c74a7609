"""The workers of a Dask cluster as the client knows them: who is there, and who may work.

A worker gets tasks once it has shown the same versions as the client and has the bundle's trunk;
so does one that joins later. Each task is assigned to one worker, so that the client knows what
was in flight on a worker that is lost.
"""

import asyncio
import contextlib
import logging
import pickle
import queue
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from classifier.model.bundle import Bundle
from recommender.errors import ClusterError
from recommender.library import params
from recommender.library.workers.cluster_worker import PickledCall, bundle_files, prepare, versions

INSTALL: Final = "pip install 'deepcuts[cluster]'"

ALIVE: Final = ("running", "connecting")
"""States of a client that has, or looks for, its connection."""

Arrival = tuple[Any, str, Any]
"""Whose outcome it is (None: a worker's), ``finished``, ``error`` or ``cancelled``, result or exception."""


@dataclass(eq=False)
class Member:
    """A worker of the cluster.

    Attributes
    ----------
    address, threads
        Where it is, and how many tasks it does at once.
    state
        ``asked`` for its versions, ``ready``, or ``refused``.
    flights
        What was assigned to it and has not come back.
    alone
        Whether it has a task that is to have no other beside it.
    """

    address: str
    threads: int
    state: str = "asked"
    flights: set[Any] = field(default_factory=set)
    alone: bool = False


class Members:
    """The scheduler's workers.

    Parameters
    ----------
    address
        The scheduler's.
    bundle
        The bundle whose trunk the workers run.
    tell
        Told one line about each worker that is refused.

    Raises
    ------
    ClusterError
        If Dask is not installed, or no scheduler answers at the address.
    """

    def __init__(self, address: str, bundle: Bundle, tell: Callable[[str], None]) -> None:
        self._address, self._bundle, self._tell = address, bundle, tell
        self._client = connect(address)
        self._members: dict[str, Member] = {}
        self._futures: dict[object, Any] = {}
        self._looked = 0.0
        self._none_since: float | None = None
        self._ever_ready = False
        self._refusals: list[str] = []
        self._told = 0
        self.arrived: queue.SimpleQueue[Arrival] = queue.SimpleQueue()

    def ready(self) -> list[Member]:
        """Return the workers that may be given tasks, the least busy first."""
        found = [member for member in self._members.values() if member.state == "ready"]
        return sorted(found, key=lambda member: len(member.flights) / member.threads)

    def look(self) -> list[Member]:
        """Ask the scheduler, at most once a second, who is there; return those that were lost.

        Raises
        ------
        ClusterError
            If the scheduler is gone, or there has been no worker to work with for too long.
        """
        now = time.monotonic()
        if now - self._looked < params.LOOK_S:
            return []
        self._looked = now
        if self._client.status not in ALIVE:
            raise self.gone()
        there = self._workers()
        lost = [member for address, member in self._members.items() if address not in there]
        for member in lost:
            del self._members[member.address]
        for address, threads in there.items():
            if address not in self._members and threads > 0:
                self._welcome(Member(address, threads))
        self._tell_refusals()
        self._check_any_left(now)
        return lost

    def _tell_refusals(self) -> None:
        for refusal in self._refusals[self._told :]:
            self._tell(refusal)
            self._told += 1

    def _workers(self) -> Mapping[str, int]:
        try:
            found: Mapping[str, int] = self._client.nthreads()
        except (OSError, ValueError, TimeoutError) as error:
            raise self.gone() from error
        return found

    def gone(self) -> ClusterError:
        """Return the error that says that the scheduler is."""
        return ClusterError(
            f"the scheduler at {self._address} is gone; what was analysed is kept, "
            "and the next ingest goes on from there"
        )

    def _check_any_left(self, now: float) -> None:
        states = {member.state for member in self._members.values()}
        if "ready" in states:
            self._none_since, self._ever_ready = None, True
            return
        if self._refusals and states == {"refused"} and not self._ever_ready:
            raise ClusterError(f"no worker of {self._address} can be used")
        self._none_since = self._none_since or now
        if now - self._none_since > params.WORKERLESS_S:
            raise ClusterError(
                f"the scheduler at {self._address} has had no worker that can be used for "
                f"{params.WORKERLESS_S:.0f} s; start some with: dask worker {self._address} --nthreads 1"
            )

    def restarted(self, member: Member) -> None:
        """Treat a worker as lost whose process is a new one at the old address."""
        if self._members.get(member.address) is member:
            self._welcome(Member(member.address, member.threads))

    def _welcome(self, member: Member) -> None:
        self._members[member.address] = member
        self._client.loop.add_callback(self._prepare, member)

    async def _prepare(self, member: Member) -> None:
        """Make a worker ready, or refuse it; the client goes on meanwhile."""
        refusal = await self._what_is_wrong(member)
        if refusal:
            self._refusals.append(f"The worker {member.address} gets no work: {refusal}.")
        member.state = "ready" if refusal is None else "refused"
        self.arrived.put((None, "news", None))  # whoever waits there looks again

    async def _what_is_wrong(self, member: Member) -> str | None:
        """Compare a worker's versions, see that it has the trunk; return why it cannot be used, or None."""
        expected, bundle = dict(versions()), self._bundle
        for sent in (False, True):
            files = bundle_files(bundle) if sent else None
            call = PickledCall(prepare, expected, str(bundle.path), bundle.bundle_id, files)
            status, answer = await outcome(self._submit(call, member))
            if status == "cancelled":
                return ""  # the connection is gone, which others say
            if status == "error":
                return f"deepcuts cannot run there ({type(answer).__name__}: {answer})"
            theirs, ready = answer
            if theirs != expected:
                return _difference(theirs, expected)
            if ready:
                return None
        return f"it has another bundle than {bundle.bundle_id}"

    def _submit(self, call: PickledCall, member: Member) -> Any:
        """Hand a call to a worker; return its future."""
        return self._client.submit(pickle.loads, call.to_bytes(), workers=[member.address], pure=False)

    def assign(self, call: PickledCall, member: Member, flight: object) -> None:
        """Assign a call to a worker; its outcome comes in `arrived` with `flight`.

        Raises
        ------
        ClusterError
            If the scheduler is gone.
        """
        if self._client.status not in ALIVE:
            raise self.gone()
        member.flights.add(flight)
        self._client.loop.add_callback(self._follow, call, member, flight)

    async def _follow(self, call: PickledCall, member: Member, flight: object) -> None:
        """See a call through. Dask's futures stay in this thread: one that ended in the main thread could
        swallow a Ctrl-C, as Python ignores what is raised while an object is deleted.
        """
        self._futures[flight] = self._submit(call, member)
        try:
            self.arrived.put((flight, *await outcome(self._futures[flight])))
        finally:
            del self._futures[flight]

    def drop(self, flights: Iterable[object]) -> None:
        """Forget calls; those that are running end, and nobody learns of it."""
        if listed := list(flights):
            self._client.loop.add_callback(self._cancel, listed)

    async def _cancel(self, flights: list[object]) -> None:
        futures = [self._futures[flight] for flight in flights if flight in self._futures]
        if futures and self._client.status == "running":
            await self._client.cancel(futures)

    def close(self) -> None:
        """Leave the cluster."""
        self._tell_refusals()
        self._client.close()


def _difference(theirs: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """Say where a worker's versions are others than here."""
    parts = [
        f"its {name} is {theirs.get(name, 'missing')}, here it is {value}"
        for name, value in expected.items()
        if theirs.get(name) != value
    ]
    return "; ".join(parts) or "its versions are those of another deepcuts"


def connect(address: str) -> Any:
    """Return a client of a scheduler.

    Raises
    ------
    ClusterError
        If Dask is not installed, or no scheduler answers at the address.
    """
    try:
        import distributed
    except ImportError as error:
        raise ClusterError(f"--scheduler needs Dask: {INSTALL}") from error
    # What they log of lost workers, and of what is under way when a run is stopped, is handled here.
    for name in ("distributed", "distributed.client", "tornado.application", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        asyncio.run(_knock(address, distributed.Security().get_connection_args("client")))
        return _client(address)
    except (OSError, ValueError, TypeError, MemoryError) as error:  # Dask's, at odd answers and addresses
        raise ClusterError(
            f"no Dask scheduler answers at {address}; start one with: dask scheduler, "
            "and name the address that it shows, such as tcp://HOST:8786"
        ) from error


async def _knock(address: str, arguments: Mapping[str, Any]) -> None:
    """Wait, but not for long, for a scheduler's greeting; a client would wait on."""
    from distributed.comm import connect as connect_to
    from distributed.core import send_recv

    async with asyncio.timeout(params.CONNECT_S):
        there = await connect_to(address, timeout=params.CONNECT_S, **arguments)
        try:
            kind = (await send_recv(there, op="identity", reply=True))["type"]
        finally:
            there.abort()
    if kind != "Scheduler":
        raise ValueError(f"{address} is that of a {kind}")


def _client(address: str) -> Any:
    import distributed

    for _ in range(params.CONNECT_TRIES - 1):
        with contextlib.suppress(AssertionError):  # Dask's, where the scheduler has news at that moment
            return distributed.Client(
                address, timeout=params.CONNECT_S, set_as_default=False, name="deepcuts"
            )
    return distributed.Client(address, timeout=params.CONNECT_S, set_as_default=False, name="deepcuts")


async def outcome(future: Any) -> tuple[str, Any]:
    """Wait for a future; return its status and its result or exception."""
    from distributed.client import CancelledError

    error = await future.exception()
    if error is not None:
        return "error", error
    try:
        return "finished", await future
    except (CancelledError, asyncio.CancelledError):
        return "cancelled", None
