"""Excerpts of songs as a ZIP archive, each cut by a process of its own while the archive is sent."""

from collections.abc import AsyncIterator, Sequence
from functools import partial

from fastapi import HTTPException
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from recommender import params
from recommender.service.decoding.transcoding import Encode, Transcoder
from recommender.service.http.file_response import attachment, open_file
from recommender.service.http.troubles import noted
from recommender.shortlists.archive import StreamedZip, left_out_text
from recommender.shortlists.excerpts import ExcerptFile, tagged

ZIP = "application/zip"
LEFT_OUT = "left out.txt"


class ExcerptArchive(StreamingResponse):
    """An archive of excerpts; those that cannot be cut are named in a text within it.

    Parameters
    ----------
    transcoder
        What cuts them; the archive counts as one song that it encodes.
    excerpts, format
        Which, as ``flac`` or ``mp3``.
    name
        Of the archive.
    """

    def __init__(
        self, transcoder: Transcoder, excerpts: Sequence[ExcerptFile], format: str, name: str
    ) -> None:
        self._transcoder, self._excerpts, self._format = transcoder, excerpts, format
        headers = {"Content-Disposition": attachment(name), "Cache-Control": "private, no-store"}
        super().__init__(self._content(), 200, headers, ZIP)

    async def _content(self) -> AsyncIterator[bytes]:
        archive, left_out = StreamedZip(), []
        for one in self._excerpts:
            try:
                content = await self._transcoder.run(partial(self._cut, one))
            except HTTPException as error:
                left_out.append((one.name, str(error.detail)))
                continue
            except OSError as error:
                noted(error)
                left_out.append((one.name, "its file cannot be read now"))
                continue
            yield archive.add(f"{one.name}.{self._format}", content)
        if left_out:
            yield archive.add(LEFT_OUT, left_out_text(left_out))
        yield archive.close()

    def _cut(self, one: ExcerptFile) -> bytes:
        open_file(one.track).close()
        source = one.track.file_range
        start_s, end_s = source.within(one.start_s, one.end_s)
        rate = params.EXCERPT_BIT_RATE if self._format == "mp3" else None
        what = Encode(source.path, self._format, rate, start_s, end_s, excerpt=True)
        return tagged(self._transcoder.content(what), self._format, one.tags)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, where no more songs are encoded than may be."""
        self._transcoder.take()
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._transcoder.end(None)
