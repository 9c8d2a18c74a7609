"""Songs encoded anew for players, while they are sent: so many at once; what was sent whole is kept."""

import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from http import HTTPStatus
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import anyio
import anyio.to_thread
from fastapi import HTTPException
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from classifier.audio.stream_encode import StreamForm
from recommender import params
from recommender.service.decoding.analysis import LIMITS
from recommender.service.decoding.blocks import Blocks
from recommender.service.decoding.encode_process import prepare, send_encoded
from recommender.service.decoding.fork_server import ForkServer
from recommender.service.decoding.kept_files import KeptFiles
from recommender.service.http.troubles import later, noted
from recommender.service.shared import Board, Kind

LOG: Final = logging.getLogger("deepcuts.trouble")
Found = TypeVar("Found")
MEDIA_TYPES: Final = {"mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac", "flac": "audio/flac"}
"""Of the formats that songs are encoded in."""


@dataclass(frozen=True)
class Encode:
    """What is to be made of a file.

    Attributes
    ----------
    path
        Of the file.
    format, bit_rate
        As of `classifier.audio.stream_encode.encoded`.
    start_s, end_s
        The part of it; to the end by default.
    most_hz, most_bits
        Of what loses nothing; None for what the file has.
    excerpt
        Whether it is to be a file of its own, as of `classifier.audio.stream_encode.encoded_excerpt`.
    """

    path: str
    format: str
    bit_rate: int | None
    start_s: float = 0.0
    end_s: float | None = None
    most_hz: int | None = None
    most_bits: int | None = None
    excerpt: bool = field(default=False, kw_only=True)


class Transcoder:
    """Encodes songs, `params.MOST_TRANSCODED` at once.

    Parameters
    ----------
    folder
        Where what was encoded whole is kept.
    board
        Where they are counted.
    """

    def __init__(self, folder: Path, board: Board) -> None:
        self._kept = KeptFiles(folder, params.TRANSCODED_BYTES)
        self._forks = ForkServer(send_encoded, prepare, LIMITS)
        self._limiter: anyio.CapacityLimiter | None = None
        self._board, self._warmed = board, False

    def warm(self) -> None:
        """Make ready once, beside whatever else is done: the first song is to begin at once, too."""
        if not self._warmed:
            self._warmed = True
            with suppress(RuntimeError):  # no thread can be started: it is started when it is needed
                threading.Thread(target=self._forks.warm, name="transcoder", daemon=True).start()

    def find(self, name: str) -> FileIO | None:
        """Open what is kept by a name; None where there is nothing."""
        return self._kept.open(name)

    async def start(
        self, what: Encode, name: str | None, headers: dict[str, str], length: int | None = None
    ) -> "EncodedBytes":
        """Begin to encode; return the answer.

        Parameters
        ----------
        name
            What it is kept by, once it was sent whole; None to keep nothing.
        headers
            Of the answer.
        length
            Bytes that the answer is to have; None for as many as there are.

        Raises
        ------
        HTTPException
            503 if as many as may be are encoded already, or no process can be started; as of `Blocks.read`.
        """
        self.take()
        reading = None
        try:
            reading = await self.run(partial(self._begun, what, name))
            first = await self.run(reading.read)
        except BaseException:
            await self.end(reading)
            raise
        return EncodedBytes(self, reading, first, MEDIA_TYPES[what.format], headers, length)

    def take(self) -> None:
        """Count one more that is encoded, until `end`; 503 if as many as may be are encoded already."""
        if not self._board.take(Kind.TRANSCODED, params.MOST_TRANSCODED):
            n = self._board.total(Kind.TRANSCODED)
            raise later(f"{n} songs are being transcoded, and no more may be; try again")

    def content(self, what: Encode) -> bytes:
        """Return all of what is encoded; raises as of `Blocks.read`."""
        blocks = Blocks(self._forks.start(asdict(what)))
        try:
            return b"".join(iter(blocks.read, b""))
        finally:
            blocks.close()

    def _begun(self, what: Encode, name: str | None) -> "Reading":
        return Reading(Blocks(self._forks.start(asdict(what))), self._kept, name)

    async def run(self, task: Callable[[], Found]) -> Found:
        """Do something in a thread; there is one for each song that is encoded."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(params.MOST_TRANSCODED)
        return await anyio.to_thread.run_sync(task, limiter=self._limiter)

    async def end(self, reading: "Reading | None") -> None:
        """Note that one is encoded no more, and close what it was read by."""
        self._board.give_back(Kind.TRANSCODED)
        if reading is not None:
            with anyio.CancelScope(shield=True):
                await self.run(reading.close)

    def form_of(self, path: str) -> StreamForm:
        """Return what the audio of a file is.

        Raises
        ------
        HTTPException
            As of `start`, in which it counts for nothing: it takes a moment.
        """
        asked = {"path": path, "format": None}
        blocks = Blocks(self._forks.start(asked))
        try:
            found: StreamForm = StreamForm(**json.loads(blocks.read()))
        except (ValueError, TypeError):
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "it cannot be decoded") from None
        finally:
            blocks.close()
        return found

    def close(self) -> None:
        """End what waits for songs to encode."""
        self._forks.close()


class Reading:
    """What a process encodes; it is kept if all of it comes, and the disk takes it.

    Parameters
    ----------
    blocks
        From the process.
    kept, name
        Where it is kept, by what; None not to keep it.
    """

    def __init__(self, blocks: Blocks, kept: KeptFiles, name: str | None) -> None:
        self._blocks = blocks
        self._keeping = ExitStack()
        self._copy: BinaryIO | None = None
        if name is not None:
            with self._or_not():
                self._copy = self._keeping.enter_context(kept.writing(name))

    def read(self) -> bytes:
        """Return a block; nothing at the end. Raises as `Blocks.read` does."""
        block = self._blocks.read()
        if self._copy is not None:
            with self._or_not():
                self._copy.write(block)
        return block

    def close(self) -> None:
        """Read no more: what encodes ends, and a copy stays if it is whole."""
        try:
            if self._blocks.ended:
                with self._or_not():
                    self._keeping.close()
            else:
                self._drop(EOFError())
        finally:
            self._blocks.close()

    @contextmanager
    def _or_not(self) -> Iterator[None]:
        """Give the copy up where the disk does not take it; the song goes on."""
        try:
            yield
        except OSError as error:
            noted(error)
            self._drop(error)

    def _drop(self, error: Exception) -> None:
        self._copy = None
        with suppress(OSError):
            self._keeping.__exit__(type(error), error, None)


class EncodedBytes(StreamingResponse):
    """A song that is encoded while it is sent.

    Parameters
    ----------
    transcoder, reading, first
        What encodes it, and its first block.
    kind
        Its media type.
    headers
        Of the answer.
    length
        Bytes that it is said to have: what it lacks is filled up, what is beyond is cut off.
    """

    def __init__(
        self,
        transcoder: Transcoder,
        reading: Reading,
        first: bytes,
        kind: str,
        headers: dict[str, str],
        length: int | None,
    ) -> None:
        self._transcoder, self._reading = transcoder, reading
        self._first, self._length = first, length
        if length is not None:
            headers = {**headers, "Content-Length": str(length)}
        super().__init__(self._content(), 200, headers, kind)

    async def _content(self) -> AsyncIterator[bytes]:
        block, sent = self._first, 0
        while block:
            block = block if self._length is None else block[: self._length - sent]
            sent += len(block)
            yield block
            block = await self._next()
        while self._length is not None and sent < self._length:
            block = bytes(min(params.READ_BYTES, self._length - sent))
            sent += len(block)
            yield block

    async def _next(self) -> bytes:
        try:
            return await self._transcoder.run(self._reading.read)
        except HTTPException as error:  # too late to say so: the answer is broken off
            LOG.warning("a song could not be transcoded to its end: %s", error.detail)
            raise EOFError from None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; where the file cannot be decoded to its end the answer is left unfinished."""
        try:
            with suppress(EOFError):
                await super().__call__(scope, receive, send)
        finally:
            await self._transcoder.end(self._reading)
