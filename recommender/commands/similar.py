"""``similar``: songs that sound like others."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of
from recommender.params import N_RESULTS, SHOWN_GENRES, SHOWN_TAGS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from classifier.bundle import Bundle
    from recommender.retrieval.query import HeardFile, Query
    from recommender.retrieval.similar import Match

JSON_TAGS = 10


def similar(
    context: typer.Context,
    queries: Annotated[
        list[str],
        typer.Argument(metavar="QUERY...", help="A file, a track id, or words of artist and title."),
    ],
    n: Annotated[int, typer.Option("-n", min=1, help="How many songs.")] = N_RESULTS,
    as_json: AsJson = False,
) -> None:
    """List the songs of the catalogue that sound like a song, or like several, best first.

    The query may be any audio file, catalogued or not. How often a song was played has no influence.
    """
    from recommender.commands.output import say, show_json
    from recommender.retrieval.index import open_index
    from recommender.retrieval.query import resolve
    from recommender.retrieval.similar import similar as rank

    home = home_of(context)
    catalog = home.existing_catalog()
    bundle = home.bundle()
    index, remark = open_index(catalog, home.index_dir, bundle.trunk_id)
    if remark:
        say(remark)
    with catalog.transaction() as session:
        heard = [resolve(session, q, bundle, lambda path: _hear(path, bundle)) for q in queries]
        ranking = rank(session, index, heard, n)
        answer = {
            "query": _query_json(heard[0], bundle),
            "queries": [_query_json(query, bundle) for query in heard],
            "trunk_id": bundle.trunk_id,
            "results": [
                _result_json(session, rank_number, match, bundle)
                for rank_number, match in enumerate(ranking.matches, start=1)
            ],
            "shortfall": ranking.shortfall,
        }
    if as_json:
        show_json(answer)
    else:
        _tell(answer)


def _hear(path: str, bundle: "Bundle") -> "HeardFile":
    from recommender.library.hear import hear

    return hear(path, bundle)


def _query_json(query: "Query", bundle: "Bundle") -> dict[str, Any]:
    from recommender.describe import named

    return {
        "track_id": query.track_id,
        "path": query.path,
        "title": query.title,
        "artist": query.artist,
        "genres": named(bundle.labels, query.genres),
        "tags": named(bundle.tag_names, query.tags, JSON_TAGS),
    }


def _result_json(session: "Session", rank: int, match: "Match", bundle: "Bundle") -> dict[str, Any]:
    from recommender.describe import named, track_sound

    track = match.track
    sound = track_sound(session, track.id, bundle)
    return {
        "rank": rank,
        "track_id": track.id,
        "path": track.path,
        "title": track.title,
        "artist": track.artist,
        "album": track.album,
        "duration_s": track.duration_s,
        "similarity": round(match.similarity, 6),
        "plays": track.plays,
        "genres": named(bundle.labels, sound.genres) if sound else [],
        "tags": named(bundle.tag_names, sound.tags, JSON_TAGS) if sound else [],
    }


def _tell(answer: dict[str, Any]) -> None:
    from recommender.commands.output import clock, percent, printable, say, show, show_table

    for query in answer["queries"]:
        show(f"Songs that sound like {printable(_name(query))}")
        if query["tags"]:
            show(f"  tags:   {percent(query['tags'], SHOWN_TAGS)}")
        show(f"  genres: {percent(query['genres'], SHOWN_GENRES)}")
    rows = [
        (
            str(result["rank"]),
            f"{result['similarity']:.2f}",
            _name(result),
            clock(result["duration_s"]),
            str(result["plays"]),
            percent(result["tags"], 3),
            percent(result["genres"], 2),
            str(result["track_id"]),
        )
        for result in answer["results"]
    ]
    show_table(("#", "alike", "song", "length", "plays", "tags", "genres", "id"), rows)
    if answer["shortfall"]:
        say(f"Fewer than asked for: {answer['shortfall']}.")


def _name(item: dict[str, Any]) -> str:
    return f"{item['artist']} - {item['title']}" if item["artist"] else str(item["title"])
