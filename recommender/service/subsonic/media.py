"""OpenSubsonic: pictures."""

import colorsys
import io
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from http import HTTPStatus
from typing import Final

import anyio
import anyio.to_thread
from fastapi.responses import Response
from PIL import Image

from db.browsing import browse
from db.browsing.albums import SONGS_TRIED
from db.listening.playlists import playlist_tracks
from db.models import Track
from recommender.params import LARGEST_SIDE
from recommender.service.decoding.covers import Covers, SongFile
from recommender.service.http.ranges import has_tag
from recommender.service.subsonic.context import Later, PlayerCall

DRAWN_SIDE: Final = 300
KEPT: Final = "private, max-age=86400"


def get_cover_art(call: PlayerCall) -> Later:
    """Return the picture of a song, album, artist or playlist; one is drawn where there is none."""
    wanted = call.asked.need("id")
    size = call.asked.number("size", 0, 0, LARGEST_SIDE)
    files = [SongFile(track.file_range.path, track.root.path) for track in _songs(call, wanted)]
    covers: Covers = call.request.app.state.covers

    async def made() -> Response:
        found = await covers.find(files, size)
        side = size or DRAWN_SIDE
        tag = f'"drawn-{_mark(wanted).hex()}-{side}"' if found is None else f'"{found.source}-{size}"'
        headers = {"Cache-Control": KEPT, "ETag": tag}
        if has_tag(call.request, tag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        if found is not None:
            return Response(found.content, headers=headers, media_type=found.kind)
        drawn = await anyio.to_thread.run_sync(_drawn, _mark(wanted), side)
        return Response(drawn, headers=headers, media_type="image/png")

    return Later(made)


def _songs(call: PlayerCall, wanted: str) -> Iterator[Track]:
    """Yield the songs to look into for a picture."""
    if wanted.startswith("al-"):
        album = call.album(wanted)
        yield from browse.album_tracks(call.session, album.names)[:SONGS_TRIED]
    elif wanted.startswith("ar-"):
        yield from browse.artist_tracks(call.session, call.artist(wanted), SONGS_TRIED)
    elif wanted.startswith("pl-"):
        yield from playlist_tracks(call.session, call.playlist(wanted))[:SONGS_TRIED]
    else:
        yield call.song_of(wanted)


def _mark(wanted: str) -> bytes:
    """Return what decides the colour that is drawn for an id."""
    return blake2b(wanted.encode("utf-8", "replace"), digest_size=2).digest()


@lru_cache(maxsize=64)
def _drawn(mark: bytes, size: int) -> bytes:
    """Return a square in a colour, as PNG."""
    hue, light = mark[0] / 256, 0.3 + 0.2 * mark[1] / 256
    colour = [round(255 * part) for part in colorsys.hls_to_rgb(hue, light, 0.45)]
    image = Image.new("P", (size, size))  # of one colour: a small file, drawn soon
    image.putpalette(colour)
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()
