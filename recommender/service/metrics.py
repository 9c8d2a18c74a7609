"""Figures of the service for Prometheus."""

import os
import time
from collections.abc import Iterable
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recommender.service.decoding.upload_receiver import Uploads
from recommender.service.shared import Board
from recommender.service.state import State

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))
OTHER: Final = "other"
"""What clients name freely must not make ever more series."""
OF_EACH: Final = frozenset(("process_start_time_seconds", "process_max_fds"))
"""What is no sum."""
BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counts requests, and reads what else there is to be known when it is asked.

    Where several processes answer, what each of them counts is in files, and any of them tells the sums.

    Parameters
    ----------
    state, uploads
        Of the service.
    """

    def __init__(self, state: State, uploads: Uploads) -> None:
        self._registry = CollectorRegistry()
        self._counted = self._registry
        if state.board.workers > 1:
            self._counted = CollectorRegistry()
            MultiProcessCollector(self._counted)  # type: ignore[no-untyped-call]
        own = self._registry if self._counted is self._registry else None
        of_request = ("method", "route", "status")
        self._requests = Counter("deepcuts_requests", "Requests answered.", of_request, registry=own)
        self._seconds = Histogram(
            "deepcuts_request_seconds",
            "Until an answer was sent whole.",
            ("route",),
            buckets=BUCKETS_S,
            registry=own,
        )
        self._registry.register(_Service(state, uploads))
        self._registry.register(_Processes(state.board))

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        known = method if method in METHODS else OTHER
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Return the figures in Prometheus' text format."""
        some = {id(registry): registry for registry in (self._counted, self._registry)}
        return b"".join(map(generate_latest, some.values()))


class _Service(Collector):
    """What the service holds, and is at."""

    def __init__(self, state: State, uploads: Uploads) -> None:
        self._state, self._uploads = state, uploads

    def collect(self) -> Iterable[Metric]:
        """Return the figures."""
        index, board = self._state.held.index, self._state.board
        for name, words, value in (
            ("index_tracks", "Tracks in the index that is held.", len(index.rows.track_ids)),
            ("index_segments", "Segments in it.", len(index)),
            ("uploads", "Uploads under way.", self._uploads.under_way),
            ("started_seconds", "When the service was started, in seconds since 1970.", board.started_s),
        ):
            yield GaugeMetricFamily(f"deepcuts_{name}", words, value)


class _Processes(Collector):
    """What the processes of the service use together; since when, and how many files each may open."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterable[Metric]:
        """Return the figures."""
        pids = self._board.pids() or [os.getpid()]
        pids += [os.getppid()] if self._board.parent is not None else []
        found: dict[str, list[Metric]] = {}
        for pid in pids:
            for one in ProcessCollector(registry=None, pid=lambda pid=pid: pid).collect():  # type: ignore[misc]
                found.setdefault(one.name, []).append(one)
        return [_together(some) for some in found.values()]


def _together(some: list[Metric]) -> Metric:
    """Return one figure for that of each process."""
    values = [metric.samples[0].value for metric in some]
    value: Any = min(values) if some[0].name in OF_EACH else sum(values)
    some[0].samples = [some[0].samples[0]._replace(value=value)]
    return some[0]


class Measured:
    """Counts and times each request by the route that answered it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", OTHER)
            self._metrics.count(scope["method"], route, status, time.perf_counter() - started)
