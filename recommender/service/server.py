"""Run the service until it is told to stop."""

import asyncio
import gc
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import uvicorn
from threadpoolctl import threadpool_limits

from classifier.errors import in_words
from recommender import params
from recommender.errors import ServiceError
from recommender.home import Home
from recommender.process_limits import ARENA_MAX, tune_malloc
from recommender.service import log
from recommender.service.access import AccessSettings
from recommender.service.app import create_app
from recommender.service.http.auth import check_binding
from recommender.service.http.connection import ClientConnection
from recommender.service.http.listener import Listener, most_connections
from recommender.service.http.troubles import is_threadless
from recommender.service.shared import Board
from recommender.service.state import State
from recommender.service.workers import Crew

COLLECTED: Final = (10_000, 3, 30)
"""After so many new objects Python looks for garbage among them, a little more seldom among those of the last
answers, and far more seldom among all that is kept of a large catalogue, which takes as long as an answer."""


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address; port 0 takes any that is free.

    Raises
    ------
    ServiceError
        If the address cannot be had.
    """
    bound = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()  # whoever reads the address and asks at once only waits
    except (OSError, UnicodeError) as error:  # the latter of a name with an empty or endless part
        if bound is not None:
            bound.close()
        said = in_words(error) if isinstance(error, OSError) else "it is no address"
        raise ServiceError(f"{host} port {port} cannot be listened at: {said}") from error
    return bound


class _Server(uvicorn.Server):
    """uvicorn's server, but for how it takes connections."""

    def __init__(self, config: uvicorn.Config, most: int, board: Board) -> None:
        super().__init__(config)
        self._most, self._board = most, board

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and begin to listen.

        Raises
        ------
        ServiceError
            If the application does not start.
        """
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise ServiceError("the service cannot be started; the home's log says why")

        def connection(listener: Listener, address: str) -> ClientConnection:
            return ClientConnection(
                listener,
                address,
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
            )

        if self._board.parent is not None:
            asyncio.get_running_loop().add_reader(self._board.parent, self._orphaned, self._board.parent)
        listeners = [Listener(bound, self._most, connection, self._board) for bound in sockets or []]
        self.servers = listeners  # type: ignore[assignment]
        for listener in listeners:
            listener.start()
        self.started = True

    def _orphaned(self, parent: int) -> None:
        """End, for the process is gone that would end this one."""
        asyncio.get_running_loop().remove_reader(parent)
        self.should_exit = True


def prepared(
    home: Home, host: str, bound: socket.socket, settings: AccessSettings, workers: int = 1
) -> Callable[[], None]:
    """Open the catalogue and the index; return what serves them until SIGINT or SIGTERM.

    Requests under way are finished first.

    Parameters
    ----------
    workers
        Processes that answer; with more than one, this one only looks after them.

    Raises
    ------
    ServiceError
        If others could get in without credentials, or the system allows too little.
    """
    check_binding(host, settings.credentials)
    prepare = partial(_opened, home, bound, settings, most_connections())
    if workers == 1:
        return prepare(Board())
    crew = Crew(prepare, Board(workers))
    crew.start()
    return crew.run


def _opened(
    home: Home, bound: socket.socket, settings: AccessSettings, most: int, board: Board
) -> Callable[[], None]:
    """Open what one process needs; return what serves it."""
    tune_malloc(((ARENA_MAX, 2),))  # threads with memory of their own leave ever more of it unused
    gc.set_threshold(*COLLECTED)
    try:
        state = State(home, board)
        state.start()
        app = create_app(state, settings)
        threadpool_limits(max(1, params.CORES // board.workers))  # more would only wait for each other
    except RuntimeError as error:
        if not is_threadless(error):
            raise
        raise ServiceError("no thread can be started here (ulimit -u, ulimit -v)") from error
    config: Any = uvicorn.Config(
        app,
        http="h11",  # whatever else is installed: its limits are the ones below
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the application looks at them itself
        timeout_graceful_shutdown=params.STOP_S,
        h11_max_incomplete_event_size=params.LONGEST_HEADER,
    )
    log.set_up(home.path)
    return partial(_Server(config, most, board).run, sockets=[bound])
