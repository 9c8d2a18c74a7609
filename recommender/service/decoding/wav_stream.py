"""Songs as WAV, for what browsers cannot play: decoded while they are sent, by a process of their own.

The length is known beforehand, so that a player may ask for any range of bytes, which is how it seeks.
"""

import struct
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

import anyio
import anyio.to_thread
from fastapi import HTTPException, Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from db.file_range import FileRange
from db.models import Track
from recommender import params
from recommender.service.decoding.analysis import LIMITS
from recommender.service.decoding.blocks import Blocks
from recommender.service.decoding.process import DecoderProcess
from recommender.service.decoding.sample_process import LISTEN_HZ, serve_samples
from recommender.service.http.file_response import attachment
from recommender.service.http.ranges import ByteRange, outside, parse_ranges
from recommender.service.http.troubles import later
from recommender.service.shared import Board, Kind

WAV: Final = "audio/wav"
HEADER: Final = 44
LARGEST_WAV: Final = 2**32 - 64


def decoding(source: FileRange, channels: int, first: int) -> Blocks:
    """Start a process that decodes a file, or a part of one; return what reads its samples, 16 bits each.

    Parameters
    ----------
    source, channels, first
        The file, or part of one; 1 or 2; and the sample to begin with.

    Raises
    ------
    OSError
        If no process can be started.
    """
    told = (source.path, source.start_s, source.end_s, channels, first)
    process = DecoderProcess(serve_samples, LIMITS, *told)

    def end(all_came: bool) -> None:
        process.close(0.0 if all_came or process.is_alive() else 1.0)

    return Blocks(process.connection, end)


class WavBytes(StreamingResponse):
    """A song as WAV, whole or from a byte on, as a request's `Range` header asks for it.

    Parameters
    ----------
    source, duration_s
        The file, or part of one, and its length: what it holds beyond is cut off, what it lacks is silence.
    request
        Whose headers count.
    channels
        1 or 2.
    """

    def __init__(self, source: FileRange, duration_s: float, request: Request, channels: int = 1) -> None:
        self._source, self._app, self._frame = source, request.app, 2 * channels
        samples = round(duration_s * LISTEN_HZ)
        size = wav_size(duration_s, channels)
        if not 0 < size < LARGEST_WAV:
            raise HTTPException(HTTPStatus.CONFLICT, "it is too long to be listened to as WAV")
        self._head = wav_header(samples, channels)
        self._decoding: Blocks | None = None
        self._first = b""
        ranges = parse_ranges(request.headers.get("range"), size, 1)
        headers = {"Accept-Ranges": "bytes", "Content-Type": WAV, "Cache-Control": "private, no-cache"}
        if ranges == []:
            raise outside(size, "none of these bytes", {})
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
            As of `Blocks.read`; 503 if too many are listening already.
        """
        board: Board = self._app.state.board
        if not board.take(Kind.LISTENERS, params.LISTENERS):
            raise later(f"{board.total(Kind.LISTENERS)} songs are being decoded; try again")
        try:
            first = max(0, self._asked.start - HEADER) // self._frame
            channels = self._frame // 2
            self._decoding = await anyio.to_thread.run_sync(decoding, self._source, channels, first)
            self._first = await anyio.to_thread.run_sync(self._decoding.read)
        except BaseException:
            await self._close()
            raise
        return self

    async def _blocks(self) -> AsyncIterator[bytes]:
        position, end = self._asked
        if position < HEADER:
            yield self._head[position : min(end, HEADER)]
            position = min(end, HEADER)
        block = self._first[(position - HEADER) % self._frame :]
        while position < end and self._decoding is not None:
            if not block:
                block = bytes(min(params.READ_BYTES, end - position))  # shorter than it was said to be
            block = block[: end - position]
            position += len(block)
            yield block
            if position < end:
                block = await anyio.to_thread.run_sync(self._decoding.read)

    async def _close(self) -> None:
        blocks, self._decoding = self._decoding, None
        self._app.state.board.give_back(Kind.LISTENERS)
        if blocks is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(blocks.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._close()


async def part_answer(track: Track, request: Request, *, download: bool = False) -> Response:
    """Return a track that is a part of a file, and nothing else of that, as WAV of two channels.

    Parameters
    ----------
    track
        Whose file was looked at.
    request
        Whose headers count.
    download
        Whether the client should save it rather than play it.

    Raises
    ------
    HTTPException
        409 if it is not analysed; else as of `WavBytes`.
    """
    if track.duration_s is None:
        raise HTTPException(HTTPStatus.CONFLICT, f"track {track.id} is not analysed: run ingest")
    answer = WavBytes(track.file_range, track.duration_s, request, channels=2)
    if download:
        answer.headers["Content-Disposition"] = attachment(f"{track.title or track.id}.wav".replace("/", "_"))
    if request.method == "HEAD":
        return Response(headers=dict(answer.headers))
    return await answer.prepare()


def wav_size(duration_s: float, channels: int = 1) -> int:
    """Return how many bytes a song is as WAV."""
    return HEADER + 2 * channels * round(duration_s * LISTEN_HZ)


def wav_header(samples: int, channels: int = 1) -> bytes:
    """Return the header of a WAV file of so many samples of 16 bits, of one channel or two."""
    frame = 2 * channels
    size = frame * samples
    form = struct.pack("<HHIIHH", 1, channels, LISTEN_HZ, frame * LISTEN_HZ, frame, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + size)
        + b"WAVEfmt \x10\0\0\0"
        + form
        + b"data"
        + struct.pack("<I", size)
    )
