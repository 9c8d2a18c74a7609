"""``discover``, ``find`` and ``path``: lists that are not the neighbours of one song."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import (
    AsJson,
    Diversity,
    Duration,
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
from recommender.params import N_RESULTS, PATH_SONGS, SEEDS

if TYPE_CHECKING:
    from classifier.model.bundle import Bundle
    from recommender.home import Home
    from recommender.retrieval.index.segment_index import SegmentIndex


def discover(
    context: typer.Context,
    n: N = N_RESULTS,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="Start from so many of the songs played most.")
    ] = SEEDS,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="YYYY-MM-DD", help="Start only from songs played since that day."),
    ] = None,
    hub_correction: HubCorrection = True,
    diversity: Diversity = 0.0,
    per_artist: PerArtist = None,
    per_album: PerAlbum = None,
    genre: Genre = None,
    tag: Tag = None,
    year: Year = None,
    duration: Duration = None,
    max_plays: Annotated[
        int, typer.Option("--max-plays", min=0, help="Only songs played so often at most.")
    ] = 0,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """List deep cuts: songs never played that sound like what is played most, and say because of which.

    Bring play counts in with: deepcuts plays import FILE.
    """
    from recommender.commands.list_arguments import filters_of
    from recommender.commands.results import tell_matches
    from recommender.presentation.lists import discover_answer
    from recommender.retrieval.request import ListRequest, day_of

    wishes = ListRequest(
        n=n,
        hub_correction=hub_correction,
        diversity=diversity,
        per_artist=per_artist,
        per_album=per_album,
        filters=filters_of(genre, tag, year, duration, max_plays, False, None),
    )
    home, bundle, index = _opened(context)
    day = day_of(since, "--since") if since is not None else None
    with home.existing_catalog().transaction() as session:
        answer = discover_answer(session, index, bundle, wishes, seeds, day)
    _finish(answer, output, as_json, lambda: tell_matches(answer["results"], because=True))


def find(
    context: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORDS...",
            help="Tags, genres or labels; after a minus, what is not wanted (put them in quotes then).",
        ),
    ],
    unwanted: Annotated[
        list[str] | None, typer.Option("--not", metavar="WORDS", help="What the songs should not be.")
    ] = None,
    n: N = N_RESULTS,
    per_artist: PerArtist = None,
    per_album: PerAlbum = None,
    year: Year = None,
    duration: Duration = None,
    max_plays: MaxPlays = None,
    unplayed: Unplayed = False,
    not_played_since: NotPlayedSince = None,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Find songs by what they sound like in words: "mellow jazz instrumental", "rock -female vocalists".

    The words are the 50 tags, the genres of the model's hierarchy, and your own labels.
    """
    from recommender.commands.list_arguments import filters_of
    from recommender.presentation.lists import find_answer
    from recommender.retrieval.request import ListRequest

    filters = filters_of(None, None, year, duration, max_plays, unplayed, not_played_since)
    wishes = ListRequest(n=n, per_artist=per_artist, per_album=per_album, filters=filters)
    home, bundle, index = _opened(context)
    with home.existing_catalog().transaction() as session:
        answer = find_answer(session, index, bundle, " ".join(words), wishes, ", ".join(unwanted or ()))
    _finish(answer, output, as_json, lambda: _tell_found(answer))


def _tell_found(answer: dict[str, Any]) -> None:
    from recommender.commands.output import percent, printable, show, show_table
    from recommender.presentation.text import clock, name_of

    asked = ", ".join(term["name"] if term["wanted"] else f"not {term['name']}" for term in answer["terms"])
    show(f"Songs that are {printable(asked)}")
    rows = [
        (
            str(result["rank"]),
            f"{result['score']:.2f}",
            name_of(result),
            clock(result["duration_s"]),
            str(result["plays"]),
            percent(result["tags"], 3),
            percent(result["genres"], 2),
            str(result["track_id"]),
        )
        for result in answer["results"]
    ]
    show_table(("#", "fits", "song", "length", "plays", "tags", "genres", "id"), rows)


def path(
    context: typer.Context,
    start: Annotated[str, typer.Argument(metavar="A", help="A catalogued song: file, id, or words.")],
    end: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    n: Annotated[int, typer.Option("-n", min=2, help="How many songs, both ends included.")] = PATH_SONGS,
    genre: Genre = None,
    tag: Tag = None,
    year: Year = None,
    duration: Duration = None,
    max_plays: MaxPlays = None,
    unplayed: Unplayed = False,
    not_played_since: NotPlayedSince = None,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Walk from one song to another in small steps of sound; the filters are of the songs between."""
    from recommender.commands.list_arguments import filters_of
    from recommender.library.file_reader import FileReader
    from recommender.presentation.lists import path_answer
    from recommender.retrieval.query import resolve
    from recommender.retrieval.request import ListRequest

    filters = filters_of(genre, tag, year, duration, max_plays, unplayed, not_played_since)
    home, bundle, index = _opened(context)
    with home.existing_catalog().transaction() as session, FileReader(None, home.path) as reader:
        ends = [resolve(session, name, bundle, _no_file, None, reader.content_hash) for name in (start, end)]
        answer = path_answer(session, index, bundle, (ends[0], ends[1]), n, ListRequest(filters=filters))
    _finish(answer, output, as_json, lambda: _tell_path(answer))


def _no_file(path: str, _span: object) -> Any:
    from recommender.errors import QueryError

    raise QueryError(f"{path} is not in the catalogue; a walk goes between songs that are")


def _tell_path(answer: dict[str, Any]) -> None:
    from recommender.commands.output import percent, show_table
    from recommender.presentation.text import clock, name_of

    rows = [
        (
            str(result["rank"]),
            "" if result["step"] is None else f"{result['step']:.2f}",
            name_of(result),
            clock(result["duration_s"]),
            percent(result["tags"], 3),
            percent(result["genres"], 2),
            str(result["track_id"]),
        )
        for result in answer["results"]
    ]
    show_table(("#", "like the last", "song", "length", "tags", "genres", "id"), rows)


def _opened(context: typer.Context) -> "tuple[Home, Bundle, SegmentIndex]":
    """Return the home, its bundle, and the index."""
    from recommender.commands.output import say
    from recommender.retrieval.index.store import open_index

    home = home_of(context)
    bundle = home.bundle()
    index, remark = open_index(home.existing_catalog(), home.index_dir, bundle.trunk_id)
    if remark:
        say(remark)
    return home, bundle, index


def _finish(answer: dict[str, Any], output: Any, as_json: bool, tell: Any) -> None:
    """Write the playlist, show the list, and say why it is short."""
    from recommender.commands.output import say, show_json
    from recommender.commands.playlist import write_results

    if output is not None:
        write_results(answer["results"], output)
    if as_json:
        show_json(answer)
        return
    tell()
    if answer["shortfall"]:
        say(f"Fewer than asked for: {answer['shortfall']}.")
