"""Shortlists as files: a table, a playlist, excerpts, a sheet to print."""

from typing import Annotated, Any, Final, Literal

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from db.tracks import by_ids
from recommender.playlist import safe_file_name
from recommender.presentation.shortlists import shortlist_answer
from recommender.service.decoding.excerpts import ZIP, ExcerptArchive
from recommender.service.decoding.transcoding import Transcoder
from recommender.service.dependencies import TheHeld, TheState
from recommender.service.http.file_response import attachment
from recommender.service.http.problems import documented
from recommender.service.rest.playlists import FILE, Paths, m3u8_answer
from recommender.service.rest.shortlists import ShortlistId, found_shortlist
from recommender.service.state import Held, State
from recommender.shortlists.excerpts import ExcerptFile, excerpt_files
from recommender.shortlists.sheet import shortlist_sheet
from recommender.shortlists.table import shortlist_csv

router = APIRouter(tags=["shortlists"])

CSV: Final = "text/csv"
HTML: Final = "text/html"
BYTES: Final = {"schema": {"type": "string", "format": "binary"}}
TEXT: Final = {"schema": {"type": "string"}}
TABLE: Final[dict[int | str, dict[str, Any]]] = {200: {"description": "The table.", "content": {CSV: TEXT}}}
SHEET: Final[dict[int | str, dict[str, Any]]] = {200: {"description": "The sheet.", "content": {HTML: TEXT}}}
ARCHIVE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The archive.", "content": {ZIP: BYTES}}
}


@router.get("/api/shortlists/{shortlist_id}.csv", response_class=Response, responses=TABLE | documented(404))
def get_shortlist_table(state: TheState, held: TheHeld, shortlist_id: ShortlistId) -> Response:
    """Return a shortlist as a table: songs, passages, tempo, key, notes; no cell is a formula."""
    answer = _answer(state, held, shortlist_id)
    headers = {"Content-Disposition": attachment(f"{safe_file_name(answer['name'])}.csv")}
    return Response(shortlist_csv(answer), media_type=f"{CSV}; charset=utf-8", headers=headers)


@router.get("/api/shortlists/{shortlist_id}.m3u8", response_class=Response, responses=FILE | documented(404))
def get_shortlist_playlist(
    request: Request, state: TheState, held: TheHeld, shortlist_id: ShortlistId, paths: Paths = "absolute"
) -> Response:
    """Return a shortlist's songs as a playlist: by paths of this machine, or by addresses of the service."""
    answer = _answer(state, held, shortlist_id)
    ids = [entry["track"]["track_id"] for entry in answer["entries"]]
    with state.view() as session:
        tracks = by_ids(session, sorted(set(ids)))
    return m3u8_answer(request, answer["name"], [tracks[i] for i in ids if i in tracks], paths)


@router.get("/api/shortlists/{shortlist_id}.html", response_class=Response, responses=SHEET | documented(404))
def get_shortlist_sheet(state: TheState, held: TheHeld, shortlist_id: ShortlistId) -> Response:
    """Return a shortlist as a page to print."""
    answer = _answer(state, held, shortlist_id)
    page = shortlist_sheet(answer, "../../static/sheet.css", "../../static/sheet.js")
    return Response(page, media_type=f"{HTML}; charset=utf-8")


@router.get(
    "/api/shortlists/{shortlist_id}.zip", response_class=Response, responses=ARCHIVE | documented(404)
)
async def get_shortlist_excerpts(
    request: Request,
    state: TheState,
    held: TheHeld,
    shortlist_id: ShortlistId,
    format: Annotated[Literal["flac", "mp3"], Query(description="Of the excerpts.")] = "flac",
) -> Response:
    """Return 30 s of each song of a shortlist, from where its passage begins, as an archive with tags."""

    def read() -> tuple[str, list[ExcerptFile]]:
        with state.view() as session:
            answer = shortlist_answer(session, found_shortlist(session, shortlist_id), held.bundle)
            return answer["name"], excerpt_files(session, answer, held.bundle)

    name, excerpts = await anyio.to_thread.run_sync(read)
    transcoder: Transcoder = request.app.state.transcoder
    return ExcerptArchive(transcoder, excerpts, format, f"{safe_file_name(name)}.zip")


def _answer(state: State, held: Held, shortlist_id: int) -> dict[str, Any]:
    with state.view() as session:
        return shortlist_answer(session, found_shortlist(session, shortlist_id), held.bundle)
