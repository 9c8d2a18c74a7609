"""A connection of the service: HTTP/1.1 as uvicorn speaks it, and how long its client has been awaited."""

import asyncio
import fcntl
import struct
import termios
from typing import TYPE_CHECKING, Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from recommender import params

if TYPE_CHECKING:
    from recommender.service.http.listener import Listener

UNREAD: Final = termios.FIONREAD
"""Asks the system what has come and is not read yet."""
UNSENT: Final = getattr(termios, "TIOCOUTQ", None)
"""Asks the system what has not been delivered yet; not every system can say."""
PROGRESS: Final = 4096
"""Bytes of a body that must come to count: one now and then keeps no connection."""
MOST_SMALL_PIECES: Final = 200
SMALL_PIECE: Final = 256
"""Bytes; a body of more pieces than that has as many for each of them."""


class BoundedParser(h11.Connection):
    """Reads HTTP as h11 does, but no body of ever so many pieces of next to nothing: each costs as much."""

    def __init__(self, our_role: type[h11.SERVER], max_incomplete_event_size: int) -> None:
        super().__init__(our_role, max_incomplete_event_size)
        self._pieces = self._bytes = 0

    def next_event(self) -> Any:
        """Return what has come next.

        Raises
        ------
        h11.RemoteProtocolError
            If it is no HTTP, or the body comes in too many pieces for its size.
        """
        event = super().next_event()
        if isinstance(event, h11.Data):
            self._pieces, self._bytes = self._pieces + 1, self._bytes + len(event.data)
            if self._pieces > MOST_SMALL_PIECES and self._bytes < self._pieces * SMALL_PIECE:
                raise h11.RemoteProtocolError("the body comes in too many pieces")
        elif isinstance(event, h11.Request):
            self._pieces = self._bytes = 0
        return event


class ClientConnection(H11Protocol):
    """A connection that knows whether the service waits for its client, and since when.

    Parameters
    ----------
    listener
        Told when the connection is lost.
    address
        Where it comes from.
    more
        What uvicorn's protocol is given.
    """

    def __init__(self, listener: "Listener", address: str, **more: Any) -> None:
        super().__init__(**more)
        self.conn = BoundedParser(h11.SERVER, params.LONGEST_HEADER)
        self._listener, self.address = listener, address
        self._free_s = self._moved_s = self.loop.time()  # without a request; since bytes last went through
        self._unsent = self._came = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        transport.max_size = params.READ_AT_ONCE  # type: ignore[attr-defined]
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._listener.lost(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in some bytes."""
        before = self.cycle
        self._came += len(data)
        super().data_received(data)
        if self._came >= PROGRESS or self.cycle is not before:
            self._came, self._moved_s = 0, self.loop.time()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, unless another answer has begun; nothing more is answered or read."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # what is worked on has nobody to go to
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Begin to wait for another request; where others find no room, end."""
        self._free_s = self._moved_s = self.loop.time()
        if self._listener.is_crowded:
            self.transport.close()  # what was answered is still sent
        super().on_response_complete()

    def waits_since_s(self) -> float | None:
        """Return since when the service waits for the client, on the loop's clock; None while it does not.

        It waits for a request to be whole, a body to come, or an answer to be taken. What it works on, and
        a client that sends or takes bytes, it does not wait for.
        """
        if self._answer_waits():
            return self._moved_s
        awaited = not self._has_request() or (self.cycle.more_body and not self.flow.read_paused)
        if not awaited or self._asked(UNREAD):
            return None
        return self._moved_s if self._has_request() else self._free_s

    def is_overdue(self) -> bool:
        """Whether it is to be closed, however much room there is."""
        now = self.loop.time()
        if self._answer_waits():
            return now - self._moved_s > params.STALLED_READER_S
        return not self._has_request() and now - self._free_s > params.REQUEST_S

    def _has_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _answer_waits(self) -> bool:
        """Whether there is something for the client to take; note whether it took any."""
        waiting = self.transport.get_write_buffer_size() if self.transport is not None else 0
        if waiting:
            waiting += self._asked(UNSENT)
        if waiting != self._unsent:
            self._unsent, self._moved_s = waiting, self.loop.time()
        return waiting > 0

    def _asked(self, what: int | None) -> int:
        """Return how many bytes the system holds of what it is asked about; 0 where it does not tell."""
        connection = self.transport.get_extra_info("socket") if self.transport is not None else None
        if what is None or connection is None:
            return 0
        try:
            held: int = struct.unpack("i", fcntl.ioctl(connection.fileno(), what, bytes(4)))[0]
        except (OSError, ValueError):
            return 0
        return held

    def end(self) -> None:
        """Close it at once, whatever was still to be sent."""
        if self.transport is not None:  # else it only begins
            self.transport.abort()
