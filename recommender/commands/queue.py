"""``queue``: a player's queue that never ends."""

import signal
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of

if TYPE_CHECKING:
    from db.session import Catalog
    from recommender.connections.endless_queue import Next
    from recommender.home import Home


def queue(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of a connected MPD.")],
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="SONG", help="Begin with this song.", show_default="what plays"),
    ] = None,
    ahead: Annotated[int, typer.Option("--ahead", min=1, help="Songs that follow what plays.")] = 5,
    songs: Annotated[
        int | None, typer.Option("--songs", min=1, help="End after so many.", show_default="never")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep an MPD's queue filled with what sounds like the song that plays, none of them twice.

    Play something else there, and the queue goes on from that. With --json each song that is put in is a
    line of JSON. Stop it with Ctrl-C.
    """
    from db.connections import remote_ids
    from recommender.commands.output import say
    from recommender.connections.chosen import chosen_connections, opened
    from recommender.connections.endless_queue import EndlessQueue
    from recommender.connections.matching import PREFERENCE
    from recommender.connections.remotes.mpd_player import MpdPlayer
    from recommender.errors import ConnectionFailedError

    home = home_of(context)
    catalog = home.existing_catalog()
    [connection] = chosen_connections(catalog, name)
    with catalog.transaction() as session:
        ids = remote_ids(session, name, PREFERENCE)
    if not ids:
        raise ConnectionFailedError(f"no song of {name} is matched yet; run: deepcuts sync {name}")
    following, first = _following(home, catalog, ids, start)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with opened(home.path, connection) as player:
        if not isinstance(player, MpdPlayer):
            raise ConnectionFailedError(f"{name} has no queue: it is no MPD")
        endless = EndlessQueue(player, ids, following, ahead)
        if first is not None:
            endless.begin(first)
        try:
            endless.run(lambda chosen: _tell(catalog, chosen, as_json=as_json), songs)
        except KeyboardInterrupt:
            say("The queue is no longer filled.")


def _following(
    home: "Home", catalog: "Catalog", ids: dict[int, str], start: str | None
) -> "tuple[Next, int | None]":
    """Return what finds songs like a track that the player has, and the track to begin with."""
    from db.tracks import by_ids
    from recommender.commands.results import opened as opened_index
    from recommender.errors import ConnectionFailedError
    from recommender.library.file_reader import FileReader
    from recommender.retrieval.query import from_track, resolve
    from recommender.retrieval.request import ListRequest
    from recommender.retrieval.similar import similar

    _, bundle, index = opened_index(home)
    first = None
    if start is not None:
        with catalog.transaction() as session, FileReader(bundle, home.path) as reader:
            first = resolve(session, start, bundle, reader.analyse_query, None, reader.content_hash).track_id
        if first not in ids:
            raise ConnectionFailedError(f"the player does not have '{start}', as far as it is matched")

    def following(track_id: int, heard: Collection[int], n: int) -> Sequence[int]:
        asked, new = n + len(heard) + 20, list[int]()
        with catalog.transaction() as session:
            query = from_track(session, by_ids(session, [track_id])[track_id], bundle, None)
            while True:
                matches = similar(session, index, bundle, [query], ListRequest(n=asked), []).matches
                found = [match.track.id for match in matches]
                new = [one for one in found if one in ids and one not in heard]
                if len(new) >= n or len(found) < asked:
                    return new[:n]
                asked *= 2

    return following, first


def _tell(catalog: "Catalog", chosen: list[int], *, as_json: bool) -> None:
    import json
    import sys

    from db.tracks import by_ids
    from recommender.commands.output import printable, show

    with catalog.transaction() as session:
        tracks = by_ids(session, chosen)
        rows: list[dict[str, Any]] = [
            {"track_id": t.id, "path": t.path, "title": t.title, "artist": t.artist}
            for t in (tracks[track_id] for track_id in chosen)
        ]
    for row in rows:
        words = " - ".join(filter(None, (row["artist"], row["title"]))) or row["path"]
        show(json.dumps(row) if as_json else f"+ {printable(words)}")
    sys.stdout.flush()
