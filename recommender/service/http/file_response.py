"""A track's file over HTTP: only what the catalogue holds, whole or in ranges (RFC 9110)."""

import hashlib
import os
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from io import FileIO
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

import anyio
import anyio.to_thread
from fastapi import HTTPException, Request
from fastapi.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from db.models import Track
from db.tracks import is_within
from recommender import params
from recommender.service.http.problems import documented
from recommender.service.http.ranges import ByteRange, is_same_as_before, outside, parse_ranges, precondition
from recommender.service.http.troubles import noted, trouble

MEDIA_TYPES: Final = {
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".m4b": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".wav": "audio/wav",
    ".aiff": "audio/aiff",
    ".aif": "audio/aiff",
    ".aifc": "audio/aiff",
    ".wma": "audio/x-ms-wma",
    ".asf": "audio/x-ms-wma",
    ".ape": "audio/x-ape",
    ".wv": "audio/x-wavpack",
}
"""Of the files that are ingested: a browser must never take one for a page."""
ANY_BYTES: Final = "application/octet-stream"
BYTES: Final = {"schema": {"type": "string", "format": "binary"}}
AUDIO: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The whole file.", "content": {"audio/*": BYTES, ANY_BYTES: BYTES}},
    206: {"description": "Ranges of it.", "content": {"audio/*": BYTES, "multipart/byteranges": BYTES}},
    304: {"description": "The file is the one that the client has."},
    **documented(404, 409, 412, 416),
}


def media_type(name: str) -> str:
    """Return the media type of a file by its name."""
    return MEDIA_TYPES.get(ending_of(name), ANY_BYTES)


def ending_of(name: str) -> str:
    """Return the ending of a file's name, in lower case and with its dot; empty where there is none."""
    base = name.rpartition("/")[2]
    dot = base.rfind(".")
    return base[dot:].lower() if 0 < dot < len(base) - 1 else ""


def open_file(track: Track) -> FileIO:
    """Open a track's file, if it is the catalogue's.

    A file that is as it was when it was ingested is. One that has changed since is only where it lies,
    whatever links lead to it, in the folder that was ingested.

    Raises
    ------
    OSError
        If the system has no descriptor for it, or its disk fails.
    HTTPException
        404 if it is gone or cannot be read, 409 if another file lies where it was.
    """
    try:
        file = open(os.fsencode(track.file_range.path), "rb", buffering=0, opener=_open)
    except (OSError, ValueError) as error:
        if trouble(error) is not None:
            raise
        raise HTTPException(404, f"the file of track {track.id} is gone, or cannot be read") from None
    found = os.fstat(file.fileno())
    same = (found.st_size, found.st_mtime_ns) == (track.size, track.mtime_ns)
    if stat.S_ISREG(found.st_mode) and (same or _lies_within(file, track)):
        return file
    file.close()
    raise HTTPException(409, f"the file of track {track.id} is not the one that was ingested: run ingest")


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)  # a pipe must not be waited for


def _lies_within(file: FileIO, track: Track) -> bool:
    """Whether an opened file lies in the track's root: of the file itself, not of what its name is now."""
    root = os.path.realpath(track.root.path)
    try:
        real = os.readlink(f"/proc/self/fd/{file.fileno()}")
    except OSError:  # not Linux
        real = os.path.realpath(track.file_range.path)
        if not os.path.samestat(os.stat(real), os.fstat(file.fileno())):
            return False
    return is_within(real, root)


def file_answer(file: FileIO, name: str, request: Request, *, download: bool = False) -> Response:
    """Return an open file, whole or in ranges, as a request's headers ask for it; it is closed at the end.

    Parameters
    ----------
    file
        Opened for reading.
    name
        Its name, for its type and for whoever saves it.
    request
        Whose headers count.
    download
        Whether the client should save it rather than play it.

    Raises
    ------
    HTTPException
        412 or 416, where the request's conditions or ranges are not met.
    """
    found = os.fstat(file.fileno())
    version = f"{found.st_mtime_ns} {found.st_size}".encode()
    etag = f'"{hashlib.blake2b(version, digest_size=12).hexdigest()}"'
    modified = formatdate(max(0.0, min(found.st_mtime, 2.0**32)), usegmt=True)
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Last-Modified": modified}
    headers["Cache-Control"] = "private, no-cache"
    if download:
        headers["Content-Disposition"] = attachment(PurePath(name).name)
    status = precondition(request, etag, parsedate_to_datetime(modified))
    ranges = None
    if request.method == "GET" and is_same_as_before(request, etag, modified):
        ranges = parse_ranges(request.headers.get("range"), found.st_size, params.MOST_RANGES)
    if status == HTTPStatus.OK and ranges != []:
        return _FileBytes(file, found, ranges or (), headers, media_type(name), request)
    file.close()
    if status == HTTPStatus.NOT_MODIFIED:
        return Response(status_code=status, headers=headers)
    if status == HTTPStatus.PRECONDITION_FAILED:
        raise HTTPException(status, "the file is not the one that the request is about", headers)
    raise outside(found.st_size, "none of these bytes are in the file", headers)


class _FileBytes(FileResponse):
    """An open file: the one that was checked, whatever its name leads to by now.

    Which ranges are meant is not left to Starlette: it refuses what RFC 9110 has a server ignore, such as
    another unit than bytes, and all of several ranges where one lies beyond the end.
    """

    chunk_size = params.READ_BYTES

    def __init__(
        self,
        file: FileIO,
        found: os.stat_result,
        ranges: Sequence[ByteRange],
        headers: dict[str, str],
        kind: str,
        request: Request,
    ) -> None:
        path = f"/dev/fd/{file.fileno()}"  # were Starlette to open it, it would still be this file
        super().__init__(path, 200, headers, kind, stat_result=found)
        self._file, self._size, self._position, self._app = file, found.st_size, 0, request.app
        self._ranges = ",".join(f"{one.start}-{one.end - 1}" for one in ranges)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; where the file is cut short meanwhile the answer is left unfinished, and broken off."""
        asked = [pair for pair in scope["headers"] if pair[0] not in (b"range", b"if-range")]
        if self._ranges:
            asked.append((b"range", f"bytes={self._ranges}".encode()))
        try:
            with suppress(EOFError):
                await super().__call__({**scope, "headers": asked}, receive, send)
        except OSError as error:
            noted(error)
        finally:
            self._file.close()

    @asynccontextmanager
    async def _open_file(self) -> AsyncIterator[Any]:
        yield self  # it has what Starlette needs of a file: `seek` and `read`

    async def seek(self, start: int) -> None:
        self._position = start

    async def read(self, size: int) -> bytes:
        """Return so many bytes, fewer only at the end; `EOFError` where the file has become shorter."""
        start, self._position = self._position, min(self._position + size, self._size)
        return await anyio.to_thread.run_sync(self._read, start, self._position, limiter=self._readers())

    def _read(self, start: int, end: int) -> bytes:
        found = b""
        while start + len(found) < end:
            more = os.pread(self._file.fileno(), end - start - len(found), start + len(found))
            if not more:
                raise EOFError
            found += more
        return found

    def _readers(self) -> anyio.CapacityLimiter:
        """Return what lets so many threads read: songs go on while answers that take work are waited for."""
        state = self._app.state
        if not hasattr(state, "readers"):
            state.readers = anyio.CapacityLimiter(params.READERS)
        readers: anyio.CapacityLimiter = state.readers
        return readers


def attachment(name: str) -> str:
    """Return a header that names a file, whatever is in the name (RFC 6266, RFC 8187)."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " .-_()") else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(os.fsencode(name), safe='')}"
