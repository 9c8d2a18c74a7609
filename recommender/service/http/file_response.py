"""A track's file over HTTP: only what the catalogue holds, whole or in ranges (RFC 9110)."""

import hashlib
import os
import stat
from collections.abc import AsyncIterator
from email.utils import formatdate, parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from io import FileIO
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

import anyio
import anyio.to_thread
from fastapi import HTTPException, Request
from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from db.models import Track
from db.tracks import is_within
from recommender import params
from recommender.service.http.problems import documented
from recommender.service.http.ranges import ByteRange, is_same_as_before, parse_ranges, precondition
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
    return MEDIA_TYPES.get(PurePath(name).suffix.lower(), ANY_BYTES)


def open_file(track: Track) -> FileIO:
    """Open a track's file, if it is the catalogue's.

    A file that is as it was when it was ingested is. One that has changed since is only where it lies,
    whatever links lead to it, in the folder that was ingested.

    Raises
    ------
    OSError
        If the system has no descriptor for it, or its disk fails.
    HTTPException
        404 if it is gone or cannot be read, 409 if another file lies in its place.
    """
    try:
        file = open(os.fsencode(track.path), "rb", buffering=0, opener=_open)
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
        real = os.path.realpath(track.path)
        if not os.path.samestat(os.stat(real), os.fstat(file.fileno())):
            return False
    return is_within(real, root)


class FileBytes(StreamingResponse):
    """An open file, whole or in ranges, as a request's headers ask for it; it is closed at the end.

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
    """

    def __init__(self, file: FileIO, name: str, request: Request, *, download: bool = False) -> None:
        self._file, self._app, self._cut_short = file, request.app, False
        found = os.fstat(file.fileno())
        self._size, kind = found.st_size, media_type(name)
        etag = (
            f'"{hashlib.blake2b(f"{found.st_mtime_ns} {self._size}".encode(), digest_size=12).hexdigest()}"'
        )
        modified = formatdate(max(0.0, min(found.st_mtime, 2.0**32)), usegmt=True)
        headers = {"Accept-Ranges": "bytes", "ETag": etag, "Last-Modified": modified}
        headers["Cache-Control"] = "private, no-cache"
        if download:
            headers["Content-Disposition"] = _attachment(PurePath(name).name)
        status = precondition(request, etag, parsedate_to_datetime(modified))
        ranges = None
        if status == HTTPStatus.OK and request.method == "GET" and is_same_as_before(request, etag, modified):
            ranges = parse_ranges(request.headers.get("range"), self._size, params.MOST_RANGES)
        if ranges == []:
            headers["Content-Range"] = f"bytes */{self._size}"
            status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        if status >= HTTPStatus.BAD_REQUEST:
            file.close()
            raise HTTPException(status, _words(status), headers)
        parts = self._parts(ranges, headers, kind)
        if ranges:
            status = HTTPStatus.PARTIAL_CONTENT
        if status == HTTPStatus.NOT_MODIFIED or request.method == "HEAD":
            parts = []
        if status == HTTPStatus.NOT_MODIFIED:
            headers.pop("Content-Length")
            headers.pop("Content-Type")
        super().__init__(self._blocks(parts), status, headers)

    def _parts(
        self, ranges: list[ByteRange] | None, headers: dict[str, str], kind: str
    ) -> list[bytes | ByteRange]:
        """Return what the body consists of; add its headers."""
        parts: list[bytes | ByteRange] = []
        if not ranges:
            headers["Content-Type"] = kind
            parts = [ByteRange(0, self._size)]
        elif len(ranges) == 1:
            headers["Content-Type"] = kind
            headers["Content-Range"] = self._content_range(ranges[0])
            parts = [ranges[0]]
        else:
            boundary = os.urandom(12).hex()
            headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
            for one in ranges:
                head = f"Content-Type: {kind}\r\nContent-Range: {self._content_range(one)}\r\n\r\n"
                parts += [f"\r\n--{boundary}\r\n{head}".encode(), one]
            parts.append(f"\r\n--{boundary}--\r\n".encode())
        headers["Content-Length"] = str(sum(map(len, parts)))
        return parts

    def _content_range(self, one: ByteRange) -> str:
        return f"bytes {one.start}-{one.end - 1}/{self._size}"

    async def _blocks(self, parts: list[bytes | ByteRange]) -> AsyncIterator[bytes]:
        for part in parts:
            if isinstance(part, bytes):
                yield part
                continue
            place = part.start
            while place < part.end:
                wanted = min(params.READ_BYTES, part.end - place)
                read = partial(os.pread, self._file.fileno(), wanted, place)
                try:
                    block = await anyio.to_thread.run_sync(read, limiter=self._readers())
                except OSError as error:
                    noted(error)
                    block = b""
                if not block:
                    self._cut_short = True
                    return
                place += len(block)
                yield block

    def _readers(self) -> anyio.CapacityLimiter:
        """Return what lets so many threads read: songs go on while answers that take work are waited for."""
        state = self._app.state
        if not hasattr(state, "readers"):
            state.readers = anyio.CapacityLimiter(params.READERS)
        readers: anyio.CapacityLimiter = state.readers
        return readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; where the file is cut short meanwhile the answer is left unfinished, and broken off."""

        async def send_unless_cut(message: Message) -> None:
            if not self._cut_short or message.get("more_body", True):
                await send(message)

        try:
            await super().__call__(scope, receive, send_unless_cut)
        finally:
            self._file.close()


def _attachment(name: str) -> str:
    """Return a header that names a file, whatever is in the name (RFC 6266, RFC 8187)."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " .-_()") else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(os.fsencode(name), safe='')}"


def _words(status: int) -> str:
    if status == HTTPStatus.PRECONDITION_FAILED:
        return "the file is not the one that the request is about"
    return "none of these bytes are in the file"
