"""Songs as WAV, for what browsers cannot play: decoded while they are sent, by a process of their own.

The length is known beforehand, so that a player may ask for any range of bytes, which is how it seeks.
"""

import struct
from collections.abc import AsyncIterator
from http import HTTPStatus
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
from fastapi import HTTPException, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from recommender import params
from recommender.service.decoding.analysis import LIMITS
from recommender.service.decoding.process import DecoderProcess
from recommender.service.decoding.worker_process import CUT, ENDED, FAILED, LISTEN_HZ, serve_samples
from recommender.service.http.ranges import ByteRange, parse_ranges
from recommender.service.http.troubles import RETRY_S

WAV: Final = "audio/wav"
HEADER: Final = 44
LARGEST_WAV: Final = 2**32 - 64


class Decoding:
    """A process that decodes a file, from a sample on.

    Parameters
    ----------
    path, first
        The file, and the sample.

    Raises
    ------
    OSError
        If no process can be started.
    """

    def __init__(self, path: Path, first: int) -> None:
        self._process = DecoderProcess(serve_samples, LIMITS, str(path), first)
        self._ours = self._process.connection
        self._ended = False

    def read(self) -> bytes:
        """Return some samples, 16 bits each; nothing at the end and beyond.

        Raises
        ------
        HTTPException
            422 if the file cannot be decoded, 504 if that takes too long.
        """
        if self._ended:
            return b""
        try:
            if not self._ours.poll(params.HEAR_S):
                raise HTTPException(HTTPStatus.GATEWAY_TIMEOUT, "it takes too long to decode")
            kind, content = _split(self._ours)
        except (EOFError, OSError):
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the decoder crashed on it") from None
        if kind == FAILED:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, content.decode("utf-8", "replace"))
        self._ended = kind == ENDED
        return content

    def close(self) -> None:
        """End the process."""
        self._process.close(0.0 if self._ended or self._process.is_alive() else 1.0)


def _split(connection: Connection) -> tuple[bytes, bytes]:
    message = connection.recv_bytes(CUT + 1)
    return message[:1], message[1:]


class WavBytes(StreamingResponse):
    """A song as WAV, whole or from a byte on, as a request's `Range` header asks for it.

    Parameters
    ----------
    path, duration_s
        The file, and how long it is: what it holds beyond is cut off, what it lacks is silence.
    request
        Whose headers count.
    """

    def __init__(self, path: Path, duration_s: float, request: Request) -> None:
        self._path, self._app = path, request.app
        samples = round(duration_s * LISTEN_HZ)
        size = HEADER + 2 * samples
        if not 0 < size < LARGEST_WAV:
            raise HTTPException(HTTPStatus.CONFLICT, "it is too long to be listened to as WAV")
        self._head = wav_header(samples)
        self._decoding: Decoding | None = None
        self._first = b""
        ranges = parse_ranges(request.headers.get("range"), size, 1)
        headers = {"Accept-Ranges": "bytes", "Content-Type": WAV, "Cache-Control": "private, no-cache"}
        if ranges == []:
            none = {"Content-Range": f"bytes */{size}"}
            raise HTTPException(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "none of these bytes", none)
        asked = ranges[0] if ranges else ByteRange(0, size)
        headers["Content-Length"] = str(len(asked))
        if ranges:
            headers["Content-Range"] = f"bytes {asked.start}-{asked.end - 1}/{size}"
        self._asked = asked
        super().__init__(self._blocks(), 206 if ranges else 200, headers)

    async def prepare(self) -> "WavBytes":
        """Start to decode, so that what cannot be decoded is an error, not an answer that breaks off.

        Raises
        ------
        HTTPException
            As of `Decoding.read`; 503 if too many are listening already.
        """
        state = self._app.state
        state.listeners = getattr(state, "listeners", 0)
        if state.listeners >= params.LISTENERS:
            said = f"{state.listeners} songs are being decoded; try again"
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, said, {"Retry-After": str(RETRY_S)})
        state.listeners += 1
        try:
            first = max(0, self._asked.start - HEADER) // 2
            self._decoding = await anyio.to_thread.run_sync(Decoding, self._path, first)
            self._first = await anyio.to_thread.run_sync(self._decoding.read)
        except BaseException:
            await self._close()
            raise
        return self

    async def _blocks(self) -> AsyncIterator[bytes]:
        place, end = self._asked
        if place < HEADER:
            yield self._head[place : min(end, HEADER)]
            place = min(end, HEADER)
        block = self._first[(place - HEADER) % 2 :]
        while place < end and self._decoding is not None:
            if not block:
                block = bytes(min(params.READ_BYTES, end - place))  # shorter than it was said to be
            block = block[: end - place]
            place += len(block)
            yield block
            if place < end:
                block = await anyio.to_thread.run_sync(self._decoding.read)

    async def _close(self) -> None:
        decoding, self._decoding = self._decoding, None
        self._app.state.listeners -= 1
        if decoding is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(decoding.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._close()


def wav_header(samples: int) -> bytes:
    """Return the header of a mono WAV file of so many samples of 16 bits."""
    size = 2 * samples
    form = struct.pack("<HHIIHH", 1, 1, LISTEN_HZ, 2 * LISTEN_HZ, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + size)
        + b"WAVEfmt \x10\0\0\0"
        + form
        + b"data"
        + struct.pack("<I", size)
    )
