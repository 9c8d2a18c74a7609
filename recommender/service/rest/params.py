"""What a request may ask for: ids, pages, filters and options of lists, each within bounds."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query

from db.models import LARGEST
from recommender import params
from recommender.retrieval.filters import Filters
from recommender.retrieval.query_file import Span
from recommender.retrieval.request import ListRequest, filters_named, passage_between

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
Tempo = Annotated[
    float | None,
    Query(
        ge=0,
        le=1000,
        allow_inf_nan=False,
        description="Beats per minute; half and double pass, too, and around one tempo what is within 4 %.",
    ),
]
Energy = Annotated[float | None, Query(ge=0, le=1, allow_inf_nan=False)]
AsVoice = Annotated[
    Literal["sung", "instrumental"] | None, Query(description="Only what is sung, or what is instrumental.")
]
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
    Query(max_length=params.MOST_NAMES, description="Ids of tracks, with each of which songs must agree."),
]
PlaylistId = Annotated[
    int | None, Query(ge=1, le=LARGEST, description="Id of a playlist: songs must be like one of its songs.")
]
Unwanted = Annotated[
    list[Annotated[int, Query(ge=1, le=LARGEST)]],
    Query(alias="not", max_length=params.MOST_NAMES, description="Songs that the list should be unlike."),
]
Offset = Annotated[int, Query(ge=0, le=LARGEST, description="How many to leave out first.")]
PageSize = Annotated[int, Query(ge=1, le=params.LARGEST_PAGE)]


def whole(value: Any) -> Any:
    """Return 3.0 as 3, which is the same number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


async def filters(
    genre: Names = [],  # noqa: B006 - FastAPI copies it
    tag: Names = [],  # noqa: B006
    mood: Names = [],  # noqa: B006
    voice: AsVoice = None,
    year_from: Year = None,
    year_to: Year = None,
    duration_from_s: Seconds = None,
    duration_to_s: Seconds = None,
    max_plays: Limit = None,
    unplayed: bool = False,
    not_played_since: Day = None,
    tempo_from: Tempo = None,
    tempo_to: Tempo = None,
    key: Names = [],  # noqa: B006
    related_keys: bool = False,
    energy_from: Energy = None,
    energy_to: Energy = None,
    not_artist: Names = [],  # noqa: B006
    not_album: Names = [],  # noqa: B006
) -> Filters:
    """Return which tracks may be in a list.

    Raises
    ------
    FilterError
        If a range ends before it begins, or a key or a day is none.
    """
    return filters_named(
        genre=genre,
        tag=tag,
        mood=mood,
        voice=voice,
        year_from=year_from,
        year_to=year_to,
        duration_from_s=duration_from_s,
        duration_to_s=duration_to_s,
        max_plays=max_plays,
        unplayed=unplayed,
        not_played_since=not_played_since,
        tempo_from=tempo_from,
        tempo_to=tempo_to,
        key=key,
        related_keys=related_keys,
        energy_from=energy_from,
        energy_to=energy_to,
        not_artist=not_artist,
        not_album=not_album,
    )


TheFilters = Annotated[Filters, Depends(filters)]


async def list_options(
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


TheOptions = Annotated[ListRequest, Depends(list_options)]


async def span(from_s: Seconds = None, to_s: Seconds = None) -> Span | None:
    """Return the passage that is meant; where only one end is named, 30 s from it or up to it.

    Raises
    ------
    FilterError
        If it is shorter than 3 s.
    """
    return passage_between(from_s, to_s, "from_s", "to_s")


TheSpan = Annotated[Span | None, Depends(span)]
