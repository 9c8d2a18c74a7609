"""``similar``: songs that sound like others."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands import options
from recommender.commands.filter_options import takes_filters
from recommender.commands.options import AsJson, home_of
from recommender.commands.why import Explain, Pictures, Why
from recommender.params import N_RESULTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from recommender.home import Home
    from recommender.retrieval.filters import Filters
    from recommender.retrieval.query import Query
    from recommender.retrieval.query_file import Span
    from recommender.retrieval.request import ListRequest


@takes_filters
def similar(
    context: typer.Context,
    queries: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY...",
            help="A file, a track id, words of artist and title, a playlist (.m3u8), or a folder.",
        ),
    ],
    n: options.N = N_RESULTS,
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
    hub_correction: options.HubCorrection = True,
    discover: options.Discover = 0.0,
    diversity: options.Diversity = 0.0,
    per_artist: options.PerArtist = None,
    per_album: options.PerAlbum = None,
    exclude_same_artist: options.ExcludeSameArtist = False,
    *,
    filters: "Filters",
    explain: Explain = False,
    pictures: Pictures = None,
    output: options.Output = None,
    keep: options.Keep = None,
    as_json: AsJson = False,
) -> None:
    """List the songs of the catalogue that sound like a song, or like several, best first.

    The query may be any audio file, catalogued or not. Several queries are wanted to agree: a song must
    be like each of them; words that name a song only together mean that one. Of a playlist or a folder each
    song is a taste of its own: a song must be like one of them. How often a song was played has no
    influence unless --discover says so.
    """
    from recommender.commands.keep_list import keep_similar
    from recommender.commands.list_arguments import span_of
    from recommender.commands.results import print_similar, show_answer
    from recommender.retrieval.request import ListRequest

    span = span_of(start, end)
    request = ListRequest(
        n=n,
        hub_correction=hub_correction,
        discover=discover,
        diversity=diversity,
        per_artist=per_artist,
        per_album=per_album,
        exclude_same_artist=exclude_same_artist,
        filters=filters,
    )
    why = Why(explain, pictures)
    answer = _answer(home_of(context), queries, request, unwanted or [], span, why)
    show_answer(answer, output, as_json, partial(print_similar, answer, sets=_sets(queries)))
    why.finish()
    if keep is not None:
        keep_similar(home_of(context), keep, answer, request, span, any_of=bool(_sets(queries)))


def _answer(
    home: "Home",
    queries: list[str],
    request: "ListRequest",
    unwanted: list[str],
    span: "Span | None",
    why: Why,
) -> dict[str, Any]:
    from classifier.errors import AudioError
    from recommender.commands.results import opened
    from recommender.errors import QueryError
    from recommender.library.file_reader import FileReader
    from recommender.presentation.lists import similar_answer
    from recommender.retrieval.query import resolve

    catalog, bundle, index = opened(home)
    with catalog.transaction() as session, FileReader(bundle, home.path) as reader:

        def asked(name: str, part: "Span | None" = None) -> Any:
            try:
                return resolve(session, name, bundle, reader.analyse_query, part, reader.content_hash)
            except AudioError as error:  # which of several it is
                raise QueryError(f"{name}: {error}") from error

        sets = bool(_sets(queries))
        if sets and span is not None:
            raise typer.BadParameter(
                "a passage is of one song; name no folder or playlist", param_hint="--from"
            )
        wanted = (
            _all_of(session, queries, asked)
            if sets
            else _as_meant(queries, lambda name: asked(name, span), one=span is not None)
        )
        pushed = _all_of(session, unwanted, asked)
        answer, matches = similar_answer(session, index, bundle, wanted, request, pushed, any_of=sets)
        why.add(answer["results"], session, index, bundle, wanted, matches)
        return answer


def _sets(names: list[str]) -> list[str]:
    """Return which of some names are folders or playlists."""
    from recommender.commands.song_sets import is_song_set

    return [name for name in names if is_song_set(name)]


def _all_of(session: "Session", names: list[str], asked: "Callable[[str], Query]") -> "list[Query]":
    """Return the queries of some names, all songs of folders and playlists among them."""
    from recommender.commands.song_sets import is_song_set, queries_of

    each = (queries_of(session, name, asked) if is_song_set(name) else [asked(name)] for name in names)
    return [query for some in each for query in some]


def _as_meant(names: list[str], asked: "Callable[[str], Query]", *, one: bool) -> "list[Query]":
    """Return the queries of some names; of one, where only all words together name anything.

    Parameters
    ----------
    names
        As they were typed.
    asked
        Returns the query of a name, or raises `QueryError`.
    one
        Whether there may be no more than one.
    """
    from recommender.errors import AmbiguousQueryError, QueryError

    if len(names) == 1:
        return [asked(names[0])]
    try:
        if one:
            raise typer.BadParameter("a passage is of one query; name only one", param_hint="--from")
        return [asked(name) for name in names]
    except (QueryError, typer.BadParameter):
        try:
            return [asked(" ".join(names))]
        except AmbiguousQueryError:
            raise
        except QueryError:
            pass
        raise
