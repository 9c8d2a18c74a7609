"""``discover``, ``find`` and ``path``: lists that are not the neighbours of one song."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands import options
from recommender.commands.filter_options import takes_filters
from recommender.commands.options import AsJson, home_of
from recommender.params import N_RESULTS, PATH_SONGS, SEEDS

if TYPE_CHECKING:
    from recommender.retrieval.filters import Filters


@takes_filters
def discover(
    context: typer.Context,
    n: options.N = N_RESULTS,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="Start from so many of the songs played most.")
    ] = SEEDS,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="YYYY-MM-DD", help="Start only from songs played since that day."),
    ] = None,
    hub_correction: options.HubCorrection = True,
    diversity: options.Diversity = 0.0,
    per_artist: options.PerArtist = None,
    per_album: options.PerAlbum = None,
    *,
    filters: "Filters",
    output: options.Output = None,
    keep: options.Keep = None,
    as_json: AsJson = False,
) -> None:
    """List deep cuts: songs never played that sound like what is played most, and say because of which.

    Bring play counts in with: deepcuts plays import FILE.
    """
    from recommender.commands.results import opened, print_matches, show_answer
    from recommender.presentation.lists import discover_answer
    from recommender.retrieval.request import ListRequest, day_of

    request = ListRequest(
        n=n,
        hub_correction=hub_correction,
        diversity=diversity,
        per_artist=per_artist,
        per_album=per_album,
        filters=filters,
    )
    catalog, bundle, index = opened(home_of(context))
    day = day_of(since, "--since") if since is not None else None
    with catalog.transaction() as session:
        answer = discover_answer(session, index, bundle, request, seeds, day)
    show_answer(answer, output, as_json, partial(print_matches, answer["results"], because=True))
    if keep is not None:
        from recommender.commands.keep_list import keep_list
        from recommender.smart_playlists.rules import Rules

        keep_list(home_of(context), keep, Rules("discover", request, seeds=seeds, since=since))


@takes_filters
def find(
    context: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORDS...",
            help="Tags, genres or labels; after 'not', or a minus in quotes, what is not wanted.",
        ),
    ],
    unwanted: Annotated[
        list[str] | None, typer.Option("--not", metavar="WORDS", help="What the songs should not be.")
    ] = None,
    n: options.N = N_RESULTS,
    per_artist: options.PerArtist = None,
    per_album: options.PerAlbum = None,
    *,
    filters: "Filters",
    output: options.Output = None,
    keep: options.Keep = None,
    as_json: AsJson = False,
) -> None:
    """Find songs by what they sound like in words: "mellow jazz instrumental", "rock -female vocalists".

    The words are the 50 tags, the genres of the model's hierarchy, your own labels, what people say for them,
    and filters: "over 120 bpm", "in A minor", "before 1980", "under 3 minutes", "vocals", "never played".
    """
    from recommender.commands.results import opened, show_answer
    from recommender.presentation.lists import find_answer
    from recommender.retrieval.request import ListRequest

    request = ListRequest(n=n, per_artist=per_artist, per_album=per_album, filters=filters)
    catalog, bundle, index = opened(home_of(context))
    said, pushed = " ".join(words), ", ".join(unwanted or ())
    with catalog.transaction() as session:
        answer = find_answer(session, index, bundle, said, request, pushed)
    show_answer(answer, output, as_json, partial(_print_found, answer))
    if keep is not None:
        from recommender.commands.keep_list import keep_list
        from recommender.smart_playlists.rules import Rules

        keep_list(home_of(context), keep, Rules("find", request, words=said, not_words=pushed))


def _in_sentence(name: str) -> str:
    """Return a name as it stands within a sentence: its one capital is small there, as in "Mellow"."""
    return name.lower() if name[:1].isupper() and name[1:] == name[1:].lower() else name


def _print_found(answer: dict[str, Any]) -> None:
    from recommender.commands.output import printable, say, show
    from recommender.commands.song_table import (
        genres_fact,
        measures_fact,
        plays_fact,
        show_songs,
        song_row,
        tags_fact,
    )

    asked = [("" if term["wanted"] else "not ") + _in_sentence(term["name"]) for term in answer["terms"]]
    show(f"Songs that are {printable(', '.join(asked + answer['filters']))}")
    if answer["not_searched"]:
        say(f"Not searched for: {printable('; '.join(answer['not_searched']))}.")
    rows = []
    for result in answer["results"]:
        facts = [plays_fact(result["plays"]), genres_fact(result, 2), measures_fact(result)]
        facts.append(tags_fact(result, 3))
        rows.append(song_row(result, f"{result['score']:.2f}", facts))
    show_songs("fits", rows)


@takes_filters
def path(
    context: typer.Context,
    start: Annotated[str, typer.Argument(metavar="A", help="A catalogued song: file, id, or words.")],
    end: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    n: Annotated[int, typer.Option("-n", min=2, help="How many songs, both ends included.")] = PATH_SONGS,
    *,
    filters: "Filters",
    output: options.Output = None,
    as_json: AsJson = False,
) -> None:
    """Walk from one song to another in small steps of sound; the filters are of the songs between."""
    from recommender.commands.results import opened, show_answer
    from recommender.library.file_reader import FileReader
    from recommender.presentation.lists import path_answer
    from recommender.retrieval.query import resolve
    from recommender.retrieval.request import ListRequest

    home = home_of(context)
    catalog, bundle, index = opened(home)
    with catalog.transaction() as session, FileReader(None, home.path) as reader:
        ends = [resolve(session, name, bundle, _no_file, None, reader.content_hash) for name in (start, end)]
        answer = path_answer(session, index, bundle, (ends[0], ends[1]), n, ListRequest(filters=filters))
    show_answer(answer, output, as_json, partial(_print_path, answer))


def _no_file(path: str, _span: object) -> Any:
    from recommender.errors import QueryError

    raise QueryError(f"{path} is not in the catalogue; a walk goes between songs that are")


def _print_path(answer: dict[str, Any]) -> None:
    from recommender.commands.song_table import genres_fact, measures_fact, show_songs, song_row, tags_fact

    rows = []
    for result in answer["results"]:
        facts = [genres_fact(result, 2), measures_fact(result), tags_fact(result, 3)]
        rows.append(song_row(result, "" if result["step"] is None else f"{result['step']:.2f}", facts))
    show_songs("step", rows)
