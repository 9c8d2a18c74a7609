"""``similar``: songs that sound like others."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import (
    AsJson,
    Discover,
    Diversity,
    Duration,
    ExcludeSameArtist,
    Genre,
    HubCorrection,
    MaxPlays,
    N,
    NotPlayedSince,
    Output,
    PerAlbum,
    PerArtist,
    Tag,
    Unplayed,
    Year,
    home_of,
)
from recommender.commands.why import Explain, Pictures, Why, tell_reasons
from recommender.params import N_RESULTS

if TYPE_CHECKING:
    from recommender.home import Home
    from recommender.retrieval.query import Span
    from recommender.retrieval.request import ListRequest


def similar(
    context: typer.Context,
    queries: Annotated[
        list[str],
        typer.Argument(metavar="QUERY...", help="A file, a track id, or words of artist and title."),
    ],
    n: N = N_RESULTS,
    start: Annotated[
        str | None, typer.Option("--from", metavar="M:SS", help="Where the passage begins that is meant.")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="M:SS", help="Where it ends.", show_default="30 s after --from"),
    ] = None,
    unwanted: Annotated[
        list[str] | None,
        typer.Option("--not", metavar="QUERY", help="A song that the list should be unlike."),
    ] = None,
    hub_correction: HubCorrection = True,
    discover: Discover = 0.0,
    diversity: Diversity = 0.0,
    per_artist: PerArtist = None,
    per_album: PerAlbum = None,
    exclude_same_artist: ExcludeSameArtist = False,
    genre: Genre = None,
    tag: Tag = None,
    year: Year = None,
    duration: Duration = None,
    max_plays: MaxPlays = None,
    unplayed: Unplayed = False,
    not_played_since: NotPlayedSince = None,
    explain: Explain = False,
    pictures: Pictures = None,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """List the songs of the catalogue that sound like a song, or like several, best first.

    The query may be any audio file, catalogued or not. Several queries are wanted to agree: a song must
    be like each of them. How often a song was played has no influence unless --discover says so.
    """
    from recommender.commands.list_arguments import filters_of, span_of
    from recommender.commands.output import show_json
    from recommender.commands.playlist import write_results
    from recommender.retrieval.request import ListRequest

    span = span_of(start, end)
    if span is not None and len(queries) > 1:
        raise typer.BadParameter("a passage is of one query; name only one", param_hint="--from")
    wishes = ListRequest(
        n=n,
        hub_correction=hub_correction,
        discover=discover,
        diversity=diversity,
        per_artist=per_artist,
        per_album=per_album,
        exclude_same_artist=exclude_same_artist,
        filters=filters_of(genre, tag, year, duration, max_plays, unplayed, not_played_since),
    )
    why = Why(explain, pictures)
    answer = _answer(home_of(context), queries, wishes, unwanted or [], span, why)
    if output is not None:
        write_results(answer["results"], output)
    if as_json:
        show_json(answer)
    else:
        _tell(answer)
    why.finish()


def _answer(
    home: "Home",
    queries: list[str],
    wishes: "ListRequest",
    unwanted: list[str],
    span: "Span | None",
    why: Why,
) -> dict[str, Any]:
    from recommender.commands.output import say
    from recommender.library.file_reader import FileReader
    from recommender.presentation.lists import similar_answer
    from recommender.retrieval.index.store import open_index
    from recommender.retrieval.query import resolve

    catalog, bundle = home.existing_catalog(), home.bundle()
    index, remark = open_index(catalog, home.index_dir, bundle.trunk_id)
    if remark:
        say(remark)
    with catalog.transaction() as session, FileReader(bundle, home.path) as reader:

        def asked(name: str, part: "Span | None" = None) -> Any:
            return resolve(session, name, bundle, reader.hear, part, reader.content_hash)

        heard = [asked(name, span) for name in queries]
        pushed = [asked(name) for name in unwanted]
        answer, matches = similar_answer(session, index, bundle, heard, wishes, pushed)
        why.add(answer["results"], session, index, bundle, heard, matches)
        return answer


def _tell(answer: dict[str, Any]) -> None:
    from recommender.commands.output import printable, say
    from recommender.commands.results import tell_matches, tell_query

    for query in answer["queries"]:
        tell_query(query)
    for query in answer["unwanted"]:
        tell_query(query, "and unlike")
    for other in answer["same_recording"]:
        say(f"The catalogue has this recording as {other['track_id']}: {printable(other['path'])}")
    tell_matches(answer["results"])
    tell_reasons(answer["results"])
    if answer["shortfall"]:
        say(f"Fewer than asked for: {answer['shortfall']}.")
