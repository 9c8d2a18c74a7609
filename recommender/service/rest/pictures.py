"""What is decoded of tracks over HTTP: the log-mel as a picture, the waveform's peaks, the sound as WAV."""

import hashlib
from functools import partial
from typing import Annotated, Any, Final

import anyio
import anyio.to_thread
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from classifier.features.waveform import Overview
from db.file_range import FileRange
from recommender import params
from recommender.errors import FilterError
from recommender.service.decoding.covers import KINDS, Covers, SongFile
from recommender.service.decoding.overviews import Overviews, between, mel_png, peaks
from recommender.service.decoding.wav_stream import WAV, WavBytes
from recommender.service.dependencies import TheHeld, TheState, present_track
from recommender.service.http.file_response import open_file
from recommender.service.http.problems import JsonResponse, documented
from recommender.service.http.ranges import has_tag
from recommender.service.rest.models import Waveform
from recommender.service.rest.params import Seconds, TrackId
from recommender.service.state import Held, State

router = APIRouter(tags=["tracks"])

AT_ONCE: Final = 2
"""Requests that may wait in threads for a file to be decoded; the others wait without one."""
CACHED: Final = "private, max-age=3600"
FAILURES: Final = documented(404, 409, 504)
UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "It is the one that the client has."}
}
WAV_BYTES: Final = {WAV: {"schema": {"type": "string", "format": "binary"}}}
SAMPLES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The whole song.", "content": WAV_BYTES},
    206: {"description": "A range of it.", "content": WAV_BYTES},
    **documented(404, 409, 416, 504),
}
PNG: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The picture.",
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    }
}
COVER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The picture.",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(KINDS)},
    }
}


@router.get("/api/tracks/{track_id}/mel.png", response_class=Response, responses=PNG | UNCHANGED | FAILURES)
async def get_spectrogram(
    request: Request,
    state: TheState,
    held: TheHeld,
    track_id: TrackId,
    width: Annotated[int, Query(ge=1, le=params.WIDEST)] = 800,
    height: Annotated[int, Query(ge=1, le=params.HIGHEST)] = 96,
    start_s: Seconds = None,
    end_s: Seconds = None,
) -> Response:
    """Return a track's log-mel spectrogram, or that of an excerpt, as a picture: time to the right."""
    key, found = await _looked_at(request, state, held, track_id, start_s, end_s)
    headers = _headers(key, width, height, start_s, end_s)
    if has_tag(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    draw = partial(mel_png, found, between(found, start_s, end_s), width, height)
    return Response(await anyio.to_thread.run_sync(draw), headers=headers, media_type="image/png")


@router.get("/api/tracks/{track_id}/waveform", response_model=Waveform, responses=UNCHANGED | FAILURES)
async def get_waveform(
    request: Request,
    state: TheState,
    held: TheHeld,
    track_id: TrackId,
    points: Annotated[int, Query(ge=1, le=params.MOST_POINTS)] = 400,
    start_s: Seconds = None,
    end_s: Seconds = None,
) -> Response:
    """Return a track's peaks over time, or those of an excerpt, 0..1; fewer where it is too short."""
    key, found = await _looked_at(request, state, held, track_id, start_s, end_s)
    headers = _headers(key, points, start_s, end_s)
    if has_tag(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    columns = between(found, start_s, end_s)
    begins, ends = columns.start * found.column_s, min(found.duration_s, columns.stop * found.column_s)
    answer = {
        "track_id": track_id,
        "duration_s": round(found.duration_s, 3),
        "start_s": round(begins, 3),
        "end_s": round(ends, 3),
        "peaks": peaks(found, columns, points),
    }
    return JsonResponse(answer, headers=headers)


@router.get("/api/tracks/{track_id}/listen", response_class=Response, responses=SAMPLES)
async def listen_to_track(request: Request, state: TheState, track_id: TrackId) -> Response:
    """Return a track as WAV, mono, decoded while it is sent: for what a browser cannot play as it is."""

    def found() -> tuple[FileRange, float | None]:
        with state.catalog.snapshot() as session:
            track = present_track(session, track_id)
        open_file(track).close()
        return track.file_range, track.duration_s

    source, duration_s = await anyio.to_thread.run_sync(found)
    if duration_s is None:
        raise HTTPException(409, f"track {track_id} is not analysed: run ingest")
    return await WavBytes(source, duration_s, request).prepare()


@router.get(
    "/api/tracks/{track_id}/cover", response_class=Response, responses=COVER | UNCHANGED | documented(404)
)
async def get_cover(
    request: Request,
    state: TheState,
    track_id: TrackId,
    size: Annotated[int, Query(ge=0, le=params.LARGEST_SIDE, description="Longest side; 0 as it is.")] = 0,
) -> Response:
    """Return the picture in a track's file, or beside it; 404 where there is none."""

    def file() -> SongFile:
        with state.catalog.snapshot() as session:
            track = present_track(session, track_id)
            return SongFile(track.file_range.path, track.root.path)

    covers: Covers = request.app.state.covers
    found = await covers.find([await anyio.to_thread.run_sync(file)], size)
    if found is None:
        raise HTTPException(404, f"track {track_id} has no picture")
    headers = {
        "ETag": f'"{hashlib.blake2b(found.content, digest_size=12).hexdigest()}"',
        "Cache-Control": CACHED,
    }
    if has_tag(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(found.content, headers=headers, media_type=found.kind)


async def _looked_at(
    request: Request,
    state: State,
    held: Held,
    track_id: int,
    start_s: float | None,
    end_s: float | None,
) -> tuple[str, Overview]:
    if start_s is not None and end_s is not None and start_s >= end_s:
        raise FilterError("start_s must lie before end_s")
    overviews: Overviews = request.app.state.overviews

    def kept() -> tuple[Any, str, Overview | None]:
        with state.catalog.snapshot() as session:
            track = present_track(session, track_id)
        key = overviews.key(track, held.bundle)
        return track, key, overviews.kept(key)

    track, key, found = await anyio.to_thread.run_sync(kept)
    if found is None:
        if not hasattr(request.app.state, "drawing"):
            request.app.state.drawing = anyio.CapacityLimiter(AT_ONCE)
        make = partial(overviews.made, key, track, held.bundle)
        found = await anyio.to_thread.run_sync(make, limiter=request.app.state.drawing)
    return key, found


def _headers(key: str, *asked: float | None) -> dict[str, str]:
    tag = hashlib.blake2b(f"{key} {asked}".encode(), digest_size=12).hexdigest()
    return {"ETag": f'"{tag}"', "Cache-Control": CACHED}
