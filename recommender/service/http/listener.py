"""Takes connections, no more than there is room for: who is awaited longest makes room for who comes."""

import asyncio
import resource
import socket
from collections import Counter
from collections.abc import Callable
from typing import Final

from recommender import params
from recommender.errors import ServiceError
from recommender.service.http.connection import ClientConnection
from recommender.service.shared import Board, Kind

LOOK_S: Final = 1.0
"""How often it is looked for connections that are overdue."""
FRESH_S: Final = 0.1
"""A connection is not closed for others in its first moments: its request may be on the way."""
AGAIN_S: Final = 0.05
"""After so long it is tried again, where none can be taken."""
LEAVE_S: Final = 0.002
"""A process leaves a connection so long to those that have fewer …"""
LEFT_AT_MOST: Final = 10
"""… so many times at most: they may be busy."""
TAKEN_AT_ONCE: Final = 32
BACKLOG: Final = 512
"""Connections that the system keeps until they are taken."""
OF_EACH: Final = 2
"""Descriptors that a connection may need: its own, and the file that it is sent."""


def most_connections() -> int:
    """Return how many connections there may be at once, by the files that this process may have open.

    Raises
    ------
    ServiceError
        If too few may be.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return params.MOST_CONNECTIONS
    room = (allowed - params.RESERVED_FILES) // OF_EACH
    if room < params.FEWEST_CONNECTIONS:
        least = params.RESERVED_FILES + OF_EACH * params.FEWEST_CONNECTIONS
        raise ServiceError(f"only {allowed} files may be open here (ulimit -n); the service needs {least}")
    return min(room, params.MOST_CONNECTIONS)


class Listener:
    """Listens at a socket, and bounds what it takes.

    Parameters
    ----------
    bound
        A socket that has an address.
    most
        Connections at once, of all processes of the service together.
    made
        Makes the protocol of a connection that comes from an address.
    board
        Shared by the processes, which all take from the same socket: what comes goes to the one with fewest.

    Attributes
    ----------
    is_crowded
        Whether some wait for whom there was no room lately: who was answered is to leave.
    """

    def __init__(
        self,
        bound: socket.socket,
        most: int,
        made: Callable[["Listener", str], ClientConnection],
        board: Board,
    ) -> None:
        self._socket, self._most, self._made, self._board = bound, most, made, board
        self._left = 0
        self._connections: set[ClientConnection] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.is_crowded = False

    def start(self) -> None:
        """Begin to take connections."""
        self._socket.setblocking(False)
        self._socket.listen(BACKLOG)
        self._resume()
        self._close_overdue()

    def close(self) -> None:
        """Take no more; those that are there go on."""
        self._loop.remove_reader(self._socket.fileno())
        for timer in self._timers.values():
            timer.cancel()

    async def wait_closed(self) -> None:
        """Return at once: nothing is left to be waited for."""

    def lost(self, connection: ClientConnection) -> None:
        """Note that a connection has ended."""
        self._connections.discard(connection)
        self._board.note(Kind.CONNECTIONS, len(self._connections))

    def _resume(self) -> None:
        self._loop.add_reader(self._socket.fileno(), self._take)

    def _take(self) -> None:
        """Take those that have come, as far as there is room."""
        for _ in range(TAKEN_AT_ONCE):
            if len(self._connections) > self._board.fewest(Kind.CONNECTIONS) and self._left < LEFT_AT_MOST:
                self._left += 1
                self._pause(LEAVE_S)
                return
            if self._board.total(Kind.CONNECTIONS) >= self._most:
                # Whoever leaves is gone in the loop's next round; then this is called again.
                self.is_crowded = True
                if not self._make_room():
                    self._pause()
                return
            try:
                taken, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                self.is_crowded = False
                self._left = 0
                return
            except OSError:  # other parts of the service, or of the system, have taken what there was
                self._make_room()
                self._pause()
                return
            taken.setblocking(False)
            connection = self._made(self, str(address[0]))
            self._connections.add(connection)
            self._board.note(Kind.CONNECTIONS, len(self._connections))
            self._left = 0
            task = self._loop.create_task(self._begin(connection, taken))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    def _pause(self, seconds: float = AGAIN_S) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._timers["resume"] = self._loop.call_later(seconds, self._resume)

    async def _begin(self, connection: ClientConnection, taken: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: connection, taken)
        except OSError:  # it is gone already
            taken.close()
            self.lost(connection)

    def _make_room(self) -> bool:
        """Close the connection that is awaited longest, of the address that most are awaited of.

        Returns
        -------
        bool
            Whether there was any.
        """
        waiting: list[tuple[float, ClientConnection]] = []
        for connection in self._connections:
            since = connection.waits_since_s()
            if since is not None:
                waiting.append((since, connection))
        counts = Counter(connection.address for _, connection in waiting)
        of_most = [pair for pair in waiting if counts[pair[1].address] == max(counts.values())]
        since, leaves = min(of_most, key=lambda pair: pair[0], default=(0.0, None))
        if leaves is None or since > self._loop.time() - FRESH_S:
            return False
        leaves.end()
        return True

    def _close_overdue(self) -> None:
        for connection in list(self._connections):
            if connection.is_overdue():
                connection.end()
        self._timers["overdue"] = self._loop.call_later(LOOK_S, self._close_overdue)
