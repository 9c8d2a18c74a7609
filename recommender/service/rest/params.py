"""What a request may ask for: ids, pages, filters and wishes, each within bounds."""

from typing import Annotated

from fastapi import Depends, HTTPException, Path, Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from db.models import LARGEST
from recommender import params
from recommender.retrieval.filters import Filters, Range
from recommender.retrieval.query import Span
from recommender.retrieval.request import ListRequest, day_of, ordered_range, passage_between

LATEST_S = 1e6
LATEST_YEAR = 9999

Text = Annotated[str, Query(max_length=params.LONGEST_TEXT)]
Name = Annotated[str | None, Query(max_length=params.LONGEST_TEXT)]
Names = Annotated[list[str], Query(max_length=params.MOST_NAMES)]
Seconds = Annotated[float | None, Query(ge=0, le=LATEST_S, allow_inf_nan=False)]
Share = Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Query(ge=1, le=params.LARGEST_PAGE)]
Limit = Annotated[int | None, Query(ge=0, le=LARGEST)]
Year = Annotated[int | None, Query(ge=0, le=LATEST_YEAR)]
Day = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        description="YYYY-MM-DD",
        json_schema_extra={"format": "date"},
    ),
]

TrackId = Annotated[int, Path(ge=1, le=LARGEST, description="Id of a track.")]
Id = Annotated[int, Query(ge=1, le=LARGEST, description="Id of a track.")]
Ids = Annotated[
    list[Annotated[int, Query(ge=1, le=LARGEST)]],
    Query(min_length=1, max_length=params.MOST_NAMES, description="Ids of tracks."),
]
Offset = Annotated[int, Query(ge=0, le=LARGEST, description="How many to leave out first.")]
PageSize = Annotated[int, Query(ge=1, le=params.LARGEST_PAGE)]


async def only_known(request: Request) -> None:
    """Refuse parameters that an endpoint does not have: a misspelt one would change nothing, unseen.

    Raises
    ------
    HTTPException
        422.
    """
    route = request.scope.get("route")
    if isinstance(route, APIRoute):
        known = _query_names(route.dependant)
        unknown = [name for name in request.query_params if name not in known]
        if unknown:
            there = f"there are: {', '.join(sorted(known))}" if known else "there are none"
            raise HTTPException(422, f"no parameter is called '{unknown[0]}'; {there}")


def _query_names(asked: Dependant) -> set[str]:
    below = [_query_names(inner) for inner in asked.dependencies]
    return {field.alias for field in asked.query_params}.union(*below)


async def filters(
    genre: Names = [],  # noqa: B006 - FastAPI copies it
    tag: Names = [],  # noqa: B006
    year_from: Year = None,
    year_to: Year = None,
    duration_from_s: Seconds = None,
    duration_to_s: Seconds = None,
    max_plays: Limit = None,
    unplayed: bool = False,
    not_played_since: Day = None,
) -> Filters:
    """Return which tracks may be in a list.

    Raises
    ------
    FilterError
        If a range ends before it begins, or a day is none.
    """
    return Filters(
        genres=tuple(genre),
        tags=tuple(tag),
        years=_range("year", year_from, year_to),
        duration_s=_range("duration", duration_from_s, duration_to_s),
        max_plays=0 if unplayed else max_plays,
        not_played_since=day_of(not_played_since) if not_played_since is not None else None,
    )


TheFilters = Annotated[Filters, Depends(filters)]


async def wishes(
    filters: TheFilters,
    n: Count = params.N_RESULTS,
    hub_correction: bool = True,
    discover: Share = 0.0,
    diversity: Share = 0.0,
    per_artist: Limit = None,
    per_album: Limit = None,
    exclude_same_artist: bool = False,
) -> ListRequest:
    """Return what a list should be like."""
    return ListRequest(
        n, hub_correction, discover, diversity, per_artist, per_album, exclude_same_artist, filters
    )


TheWishes = Annotated[ListRequest, Depends(wishes)]


async def span(from_s: Seconds = None, to_s: Seconds = None) -> Span | None:
    """Return the passage that is meant; where only one end is named, 30 s from it or up to it.

    Raises
    ------
    FilterError
        If it is shorter than 3 s.
    """
    return passage_between(from_s, to_s, "from_s", "to_s")


TheSpan = Annotated[Span | None, Depends(span)]


def _range(name: str, low: float | None, high: float | None) -> Range | None:
    if low is None or high is None:
        return None if low is high else Range(low, high)
    return ordered_range(low, high, f"{name}: {low:g} to {high:g}")
