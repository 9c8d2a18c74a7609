"""Bytes that a process makes as fast as they are taken, through a connection, block by block."""

from collections.abc import Callable
from http import HTTPStatus
from multiprocessing.connection import Connection

from fastapi import HTTPException

from recommender import params
from recommender.service.decoding.process import CUT, ENDED, FAILED


class Blocks:
    """What another process sends by `send_blocks`.

    Parameters
    ----------
    connection
        To it; it ends when this is closed.
    ended
        Called once, when nothing more will be read: whether all had come.
    """

    def __init__(self, connection: Connection, ended: Callable[[bool], None] = lambda _all: None) -> None:
        self._connection, self._tell = connection, ended
        self.ended = False

    def read(self) -> bytes:
        """Return a block; nothing at the end and beyond.

        Raises
        ------
        HTTPException
            422 if the file cannot be decoded, 504 if that takes too long.
        """
        if self.ended:
            return b""
        try:
            if not self._connection.poll(params.ANALYSIS_S):
                raise HTTPException(HTTPStatus.GATEWAY_TIMEOUT, "it takes too long to decode")
            message = self._connection.recv_bytes(CUT + 1)
        except (EOFError, OSError):
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the decoder crashed on it") from None
        kind, content = message[:1], message[1:]
        if kind == FAILED:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, content.decode("utf-8", "replace"))
        self.ended = kind == ENDED
        return content

    def close(self) -> None:
        """Take no more."""
        self._connection.close()
        self._tell(self.ended)
