"""Shortlists over HTTP: songs chosen for a purpose, each with the passages that matched and a note."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy.orm import Session

from db.listening import shortlists
from db.listening.shortlists import NewEntry
from db.listening.tables import Shortlist, ShortlistEntry
from db.models import LARGEST
from recommender import params
from recommender.presentation.shortlists import entries_json, shortlist_answer, shortlists_answer
from recommender.service.dependencies import TheHeld, TheState
from recommender.service.http.problems import JsonResponse, documented
from recommender.service.rest.models import Song, Time
from recommender.service.rest.params import LATEST_S, whole
from recommender.shortlists.add import add_songs

router = APIRouter(tags=["shortlists"])

ShortlistId = Annotated[int, Path(ge=1, le=LARGEST, description="Id of a shortlist.")]
EntryId = Annotated[int, Path(ge=1, le=LARGEST, description="Id of an entry of it.")]
Id = Annotated[int, Field(ge=1, le=LARGEST), BeforeValidator(whole)]
Title = Annotated[str, Field(min_length=1, max_length=params.LONGEST_TEXT)]
Note = Annotated[str, Field(max_length=params.LONGEST_NOTE)]
Moment = Annotated[float | None, Field(ge=0, le=LATEST_S, allow_inf_nan=False)]


class EntryToAdd(BaseModel):
    """A song to be put into a shortlist: of itself, or as what matched a query, as lists have it."""

    model_config = ConfigDict(strict=True, extra="forbid")

    track_id: Id
    query_track_id: Id | None = Field(None, description="The song that it was found by.")
    query_name: Annotated[str, Field(max_length=params.LONGEST_TEXT)] = Field(
        "", description="What that is called, where the catalogue does not have it."
    )
    query_start_s: Moment = None
    query_end_s: Moment = None
    match_start_s: Moment = None
    match_end_s: Moment = None
    similarity: Annotated[float | None, Field(ge=0, le=1, allow_inf_nan=False)] = None
    note: Note = ""


Entries = Annotated[list[EntryToAdd], Field(max_length=params.LONGEST_SHORTLIST)]


class NewShortlist(BaseModel):
    """A shortlist to be made."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: Title
    entries: Entries = []


class MoreEntries(BaseModel):
    """Songs to be put behind those that are in a shortlist."""

    model_config = ConfigDict(strict=True, extra="forbid")

    entries: Annotated[Entries, Field(min_length=1)]


class ShortlistChange(BaseModel):
    """What is to be different in a shortlist; what is left out stays as it is."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: Title | None = None
    entry_ids: Annotated[list[Id], Field(max_length=params.LONGEST_SHORTLIST)] | None = Field(
        None, description="Their order; they take the places that they have among all of them."
    )


class EntryChange(BaseModel):
    """What is to be different in an entry; what is left out stays as it is."""

    model_config = ConfigDict(strict=True, extra="forbid")

    note: Note | None = None
    place: Annotated[int, Field(ge=0, le=LARGEST), BeforeValidator(whole)] | None = Field(
        None, description="From 0; beyond the last one is the end."
    )


class ShortlistInfo(BaseModel):
    """A shortlist."""

    shortlist_id: int
    name: str
    songs: int
    created: Time
    changed: Time


class ShortlistedSong(BaseModel):
    """An entry of a shortlist."""

    entry_id: int
    note: str
    added: Time
    similarity: float | None
    query_start_s: float | None
    query_end_s: float | None
    match_start_s: float | None
    match_end_s: float | None
    query_name: str = Field(description="What the song is called that it was found by, if by any.")
    query: Song | None = Field(description="That song, where the catalogue has it.")
    track: Song


class ShortlistSongs(ShortlistInfo):
    """A shortlist with its entries, in order."""

    duration_s: float
    entries: list[ShortlistedSong]


class Shortlists(BaseModel):
    """All shortlists, by name."""

    shortlists: list[ShortlistInfo]


class AddedEntries(BaseModel):
    """Entries that were made."""

    entries: list[ShortlistedSong]


@router.get("/api/shortlists", response_model=Shortlists)
def list_shortlists(state: TheState) -> Response:
    """Return all shortlists."""
    with state.catalog.snapshot() as session:
        return JsonResponse(shortlists_answer(session))


@router.post(
    "/api/shortlists",
    status_code=201,
    response_model=ShortlistSongs,
    responses=documented(400, 404, 409, 413),
)
def create_shortlist(state: TheState, held: TheHeld, wanted: NewShortlist) -> Response:
    """Make a shortlist, empty or with songs."""
    with state.change() as session:
        made = shortlists.create_shortlist(session, wanted.name)
        _add(session, made, wanted.entries)
        shown = shortlist_answer(session, made, held.bundle)
    return JsonResponse(shown, 201)


@router.get("/api/shortlists/{shortlist_id:int}", response_model=ShortlistSongs, responses=documented(404))
def get_shortlist(state: TheState, held: TheHeld, shortlist_id: ShortlistId) -> Response:
    """Return a shortlist with its entries."""
    with state.view() as session:
        return JsonResponse(shortlist_answer(session, found_shortlist(session, shortlist_id), held.bundle))


@router.put(
    "/api/shortlists/{shortlist_id:int}",
    response_model=ShortlistSongs,
    responses=documented(400, 404, 413),
)
def change_shortlist(
    state: TheState, held: TheHeld, shortlist_id: ShortlistId, wanted: ShortlistChange
) -> Response:
    """Rename a shortlist, or put its entries in another order."""
    with state.change() as session:
        found = found_shortlist(session, shortlist_id)
        if wanted.name is not None:
            shortlists.rename_shortlist(session, found, wanted.name)
        if wanted.entry_ids is not None:
            try:
                shortlists.order_entries(session, found, wanted.entry_ids)
            except KeyError as error:
                raise _no_entry(found, error.args[0]) from None
        shown = shortlist_answer(session, found, held.bundle)
    return JsonResponse(shown)


@router.delete("/api/shortlists/{shortlist_id:int}", status_code=204, responses=documented(404))
def delete_shortlist(state: TheState, shortlist_id: ShortlistId) -> Response:
    """Delete a shortlist; the songs stay."""
    with state.change() as session:
        shortlists.delete_shortlist(session, found_shortlist(session, shortlist_id))
    return Response(status_code=204)


@router.post(
    "/api/shortlists/{shortlist_id:int}/entries",
    status_code=201,
    response_model=AddedEntries,
    responses=documented(400, 404, 409, 413),
)
def add_to_shortlist(
    state: TheState, held: TheHeld, shortlist_id: ShortlistId, wanted: MoreEntries
) -> Response:
    """Put songs behind those that are in a shortlist."""
    with state.change() as session:
        made = _add(session, found_shortlist(session, shortlist_id), wanted.entries)
        shown = entries_json(session, made, held.bundle)
    return JsonResponse({"entries": shown}, 201)


@router.put(
    "/api/shortlists/{shortlist_id:int}/entries/{entry_id:int}",
    response_model=ShortlistedSong,
    responses=documented(400, 404, 413),
)
def change_shortlist_entry(
    state: TheState, held: TheHeld, shortlist_id: ShortlistId, entry_id: EntryId, wanted: EntryChange
) -> Response:
    """Say something else of a song of a shortlist, or move it to another place."""
    with state.change() as session:
        found, entry = _entry(session, shortlist_id, entry_id)
        if wanted.note is not None:
            shortlists.note_entry(session, found, entry, wanted.note)
        if wanted.place is not None:
            shortlists.move_entry(session, found, entry, wanted.place)
        shown = entries_json(session, [entry], held.bundle)
    if not shown:
        raise _no_entry(found, entry_id)
    return JsonResponse(shown[0])


@router.delete(
    "/api/shortlists/{shortlist_id:int}/entries/{entry_id:int}", status_code=204, responses=documented(404)
)
def remove_from_shortlist(state: TheState, shortlist_id: ShortlistId, entry_id: EntryId) -> Response:
    """Take a song out of a shortlist."""
    with state.change() as session:
        found, _ = _entry(session, shortlist_id, entry_id)
        shortlists.remove_entries(session, found, [entry_id])
    return Response(status_code=204)


def found_shortlist(session: Session, shortlist_id: int) -> Shortlist:
    """Return the shortlist of an id.

    Raises
    ------
    HTTPException
        404 if there is none.
    """
    found = shortlists.get_shortlist(session, shortlist_id)
    if found is None:
        raise HTTPException(404, f"no shortlist has the id {shortlist_id}")
    return found


def _entry(session: Session, shortlist_id: int, entry_id: int) -> tuple[Shortlist, ShortlistEntry]:
    found = found_shortlist(session, shortlist_id)
    entry = shortlists.get_entry(session, found, entry_id)
    if entry is None:
        raise _no_entry(found, entry_id)
    return found, entry


def _no_entry(found: Shortlist, entry_id: Any) -> HTTPException:
    return HTTPException(404, f"shortlist {found.id} has no entry {entry_id}, or it was named twice")


def _add(session: Session, found: Shortlist, entries: list[EntryToAdd]) -> list[ShortlistEntry]:
    try:
        return add_songs(session, found, [NewEntry(**one.model_dump()) for one in entries])
    except KeyError as error:
        raise HTTPException(404, f"no track has the id {error.args[0]}") from None
