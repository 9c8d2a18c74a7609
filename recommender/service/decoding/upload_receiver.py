"""Files that are sent to be analysed: received within bounds, kept no longer than the request."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, Final

import anyio.to_thread
from fastapi import HTTPException, Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from classifier.audio.decode import AUDIO_EXTENSIONS
from recommender import params
from recommender.service.decoding.analysis import Analyser
from recommender.service.http.problems import documented
from recommender.service.http.troubles import NO_FOLDER, later
from recommender.service.shared import Board, Kind

FIELD: Final = b"file"
ENVELOPE: Final = 2**16
"""Bytes that a request may have around its file."""
LONGEST_NAME: Final = 255
MOST_PARTS: Final = 32
LONGEST_HEADER: Final = 4096
"""Bytes of the headers of all parts together, each with its name."""
UPLOAD_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
UPLOAD_ERRORS: Final = documented(404, 408, 413, 415, 504)


class Uploads:
    """Receives files, so many at once, and has them analysed.

    Attributes
    ----------
    max_bytes
        Of one file.
    analyser
        Analyses them.
    """

    def __init__(self, max_bytes: int, analyser: Analyser | None = None, board: Board | None = None) -> None:
        self.max_bytes = max_bytes
        self._board = board or Board()
        self.analyser = analyser or Analyser()
        self.idle_s, self.whole_s = params.UPLOAD_IDLE_S, params.UPLOAD_S

    @property
    def under_way(self) -> int:
        """Return how many there are now, in all processes of the service."""
        return self._board.total(Kind.UPLOADS)

    @asynccontextmanager
    async def received(self, request: Request) -> AsyncIterator[tuple[Path, str]]:
        """Give the file of a request, and the name that it was sent by; it is removed at the end.

        Raises
        ------
        HTTPException
            408, 413, 415, 422 or 503, as the upload is too slow, too large, of another kind, no upload
            at all, or one too many.
        """
        boundary = _boundary(request)
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self.max_bytes + ENVELOPE:
            raise self._too_large()
        if not self._board.take(Kind.UPLOADS, params.MOST_UPLOADS):
            raise later(f"{self.under_way} uploads are under way; try again")
        try:
            with _folder() as folder:
                form = _Form(Path(folder), boundary)
                try:
                    await self._receive(request, form)
                finally:
                    form.close()
                yield form.path, form.name
        finally:
            self._board.give_back(Kind.UPLOADS)

    async def _receive(self, request: Request, form: "_Form") -> None:
        """Take in a request's body, as fast as it must come."""
        size, blocks = 0, aiter(request.stream())
        try:
            async with asyncio.timeout(self.whole_s):
                while (block := await asyncio.wait_for(anext(blocks, None), self.idle_s)) is not None:
                    size += len(block)
                    if size > self.max_bytes + ENVELOPE:
                        raise self._too_large()
                    await anyio.to_thread.run_sync(form.write, block)
            form.finish()
        except TimeoutError:
            said = "the upload comes too slowly"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, said, {"Connection": "close"}) from None
        except ClientDisconnect:
            raise _unreadable("the upload was broken off") from None
        except FormParserError as error:
            raise _unreadable(f"this is no upload: {error}") from None
        if form.size > self.max_bytes:
            raise self._too_large()

    def _too_large(self) -> HTTPException:
        said = f"an upload may have {self.max_bytes / 2**20:g} MB at most"
        return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, said, {"Connection": "close"})


class _Form:
    """A multipart form that is being read; its file goes to a folder, under a name of ours.

    Attributes
    ----------
    path, name, size
        Of the file; the name is the one that it was sent by, which is only ever shown.
    """

    def __init__(self, folder: Path, boundary: bytes) -> None:
        self._folder = folder
        self.path, self.name, self.size = folder / "upload", "", 0
        self._file: BinaryIO | None = None
        self._ours = self._whole = False
        self._header = self._value = b""
        self._disposition = b""
        self._parts = self._headers = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._add_header,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._open,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    def write(self, block: bytes) -> None:
        """Read more of the form."""
        self._parser.write(block)

    def finish(self) -> None:
        """Say that there is no more.

        Raises
        ------
        HTTPException
            422 if it was not whole, or held no file.
        """
        if not self._whole:
            raise _unreadable("the upload is not whole")
        if self._file is None:
            raise _unreadable("there is no file in it; send one as the field 'file'")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _begin(self) -> None:
        self._ours, self._disposition = False, b""
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise _unreadable(f"there are more than {MOST_PARTS} parts in it; send one file")

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header += self._bounded(data[start:end])

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += self._bounded(data[start:end])

    def _bounded(self, some: bytes) -> bytes:
        """Return a piece of a header, unless there is more of headers than there may be."""
        self._headers += len(some) + 1
        if self._headers > LONGEST_HEADER:
            raise _unreadable(f"the headers of its parts have more than {LONGEST_HEADER >> 10} KB")
        return some

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") != FIELD:
            return
        if self._file is not None:
            raise _unreadable("there are several files in it; send one")
        sent = options.get(b"filename", b"").decode("utf-8", "replace")
        self.name = re.split(r"[\\/]", sent)[-1][:LONGEST_NAME] or "upload"
        suffix = Path(self.name).suffix.lower()
        self.path = self._folder / f"upload{suffix if suffix in AUDIO_EXTENSIONS else ''}"
        self._file = open(self.path, "xb")
        self._ours = True

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._ours and self._file is not None:
            self._file.write(data[start:end])
            self.size += end - start

    def _end(self) -> None:
        self._whole = True


def _folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder of its own for an upload.

    Raises
    ------
    HTTPException
        507 if none can be made.
    """
    try:
        return tempfile.TemporaryDirectory(prefix="deepcuts-upload-", ignore_cleanup_errors=True)
    except FileNotFoundError:  # so says Python where none takes a file
        raise HTTPException(NO_FOLDER.status, NO_FOLDER.said) from None


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        said = "send the file as multipart/form-data, in the field 'file'"
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, said)
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 70:
        raise _unreadable("this is no upload: it has no boundary")
    return boundary


def _unreadable(said: str) -> HTTPException:
    return HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, said)
