"""Figures of the service for Prometheus."""

import time
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recommender.service.decoding.uploads import Uploads
from recommender.service.state import State

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))
OTHER: Final = "other"
"""What clients name freely must not make ever more series."""
BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counts requests, and reads what else there is to be known when it is asked.

    Parameters
    ----------
    state, uploads
        Of the service.
    """

    def __init__(self, state: State, uploads: Uploads) -> None:
        self._registry = CollectorRegistry()
        of_request = ("method", "route", "status")
        self._requests = Counter(
            "deepcuts_requests", "Requests answered.", of_request, registry=self._registry
        )
        self._seconds = Histogram(
            "deepcuts_request_seconds",
            "Until an answer was sent whole.",
            ("route",),
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        for name, words, read in (
            (
                "index_tracks",
                "Tracks in the index that is held.",
                lambda: len(state.held.index.rows.track_ids),
            ),
            ("index_segments", "Segments in it.", lambda: len(state.held.index)),
            ("uploads", "Uploads under way.", lambda: uploads.under_way),
            (
                "started_seconds",
                "When the service was started, in seconds since 1970.",
                lambda: state.started_s,
            ),
        ):
            Gauge(f"deepcuts_{name}", words, registry=self._registry).set_function(read)
        ProcessCollector(registry=self._registry)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        known = method if method in METHODS else OTHER
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Return the figures in Prometheus' text format."""
        return generate_latest(self._registry)


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
