"""OpenSubsonic: the bytes of songs, and pictures."""

import colorsys
import io
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from fastapi import HTTPException
from fastapi.responses import Response
from PIL import Image

from db import browse
from db.models import Track
from db.playlists import playlist_tracks
from recommender.params import LARGEST_SIDE
from recommender.service.decoding.covers import Covers, Place
from recommender.service.http.file_response import FileBytes, open_file
from recommender.service.subsonic.context import Call, Later
from recommender.service.subsonic.envelope import NOT_FOUND, SubsonicError

DRAWN_SIDE: Final = 300
SONGS_TRIED: Final = 3
"""So many songs of an album or list are looked into for its picture."""
KEPT: Final = "private, max-age=86400"


def stream(call: Call) -> Response:
    """Return a song's file as it is, whole or in ranges; nothing is transcoded."""
    return _file(call, download=False)


def download(call: Call) -> Response:
    """Return the same, to be saved."""
    return _file(call, download=True)


def _file(call: Call, *, download: bool) -> Response:
    track = call.song()
    try:
        file = open_file(track)
    except HTTPException as error:
        raise SubsonicError(NOT_FOUND, str(error.detail)) from None
    return FileBytes(file, track.rel_path, call.request, download=download)


def get_cover_art(call: Call) -> Later:
    """Return the picture of a song, album, artist or playlist; one is drawn where there is none."""
    wanted = call.asked.need("id")
    size = call.asked.number("size", 0, 0, LARGEST_SIDE)
    places = [Place(track.path, track.root.path) for track in _songs(call, wanted)]
    covers: Covers = call.request.app.state.covers

    async def made() -> Response:
        found = await covers.find(places, size)
        return _drawn(wanted, size or DRAWN_SIDE) if found is None else _picture(*found)

    return Later(made)


def _songs(call: Call, wanted: str) -> Iterator[Track]:
    """Yield the songs to look into for a picture."""
    if wanted.startswith("al-"):
        album = call.album(wanted)
        yield from browse.album_tracks(call.session, album.artist, album.name)[:SONGS_TRIED]
    elif wanted.startswith("ar-"):
        yield from browse.artist_tracks(call.session, call.artist(wanted), SONGS_TRIED)
    elif wanted.startswith("pl-"):
        yield from playlist_tracks(call.session, call.playlist(wanted))[:SONGS_TRIED]
    else:
        yield call.song_of(wanted)


def _drawn(wanted: str, size: int) -> Response:
    """Return a square in a colour that belongs to an id."""
    mark = blake2b(wanted.encode("utf-8", "replace"), digest_size=2).digest()
    hue, light = mark[0] / 256, 0.3 + 0.2 * mark[1] / 256
    colour = tuple(round(255 * part) for part in colorsys.hls_to_rgb(hue, light, 0.45))
    written = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(written, "PNG")
    return _picture("image/png", written.getvalue())


def _picture(kind: str, data: bytes) -> Response:
    return Response(data, media_type=kind, headers={"Cache-Control": KEPT})
