"""``queue``, and ``radio --mpd``: a player's queue that never ends."""

import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of
from recommender.params import AHEAD, RADIO_FAR

if TYPE_CHECKING:
    from db.session import Catalog
    from recommender.radio.player_radio import PlayerRadio


def queue(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of a connected MPD.")],
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="SONG", help="Begin with this song.", show_default="what plays"),
    ] = None,
    ahead: Annotated[int, typer.Option("--ahead", min=1, help="Songs that follow what plays.")] = AHEAD,
    songs: Annotated[
        int | None, typer.Option("--songs", min=1, help="End after so many.", show_default="never")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep an MPD's queue filled with what sounds like what plays: the same as radio --mpd NAME.

    Play something else there, and the queue goes on from that. With --json each song that is put in is a
    line of JSON. Stop it with Ctrl-C.
    """
    seed = None if start is None else ("song", start)
    fill_queue(context, name, seed, far=RADIO_FAR, discover=0.0, ahead=ahead, songs=songs, as_json=as_json)


def fill_queue(
    context: typer.Context,
    name: str,
    seed: tuple[str, str] | None,
    *,
    far: float,
    discover: float,
    ahead: int,
    songs: int | None,
    as_json: bool,
) -> None:
    """Keep an MPD's queue filled by a radio, until it is stopped or so many songs were put in.

    Parameters
    ----------
    seed
        Kind and seed of the radio, or ``radio`` and the id of one that goes on; None for what plays there.
    """
    from db.connections import remote_ids
    from recommender.commands.output import say
    from recommender.commands.results import opened as opened_index
    from recommender.connections.chosen import chosen_connections, opened
    from recommender.connections.endless_queue import EndlessQueue
    from recommender.connections.matching import PREFERENCE
    from recommender.connections.params import RADIO_TRIES
    from recommender.connections.remotes.http_client import Patience
    from recommender.connections.remotes.mpd_player import MpdPlayer
    from recommender.errors import ConnectionFailedError
    from recommender.radio.player_radio import PlayerRadio

    home = home_of(context)
    catalog = home.existing_catalog()
    [connection] = chosen_connections(catalog, name)
    with catalog.transaction() as session:
        ids = remote_ids(session, name, PREFERENCE)
    if not ids:
        raise ConnectionFailedError(f"no song of {name} is matched yet; run: deepcuts sync {name}")
    catalog, bundle, index = opened_index(home)
    radio = PlayerRadio(catalog, index, bundle, frozenset(ids), far, discover)
    first = _seeded(radio, seed, ids)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with opened(home.path, connection, Patience(tries=RADIO_TRIES)) as player:
        if not isinstance(player, MpdPlayer):
            raise ConnectionFailedError(f"{name} has no queue: it is no MPD")
        endless = EndlessQueue(player, ids, radio, ahead)
        if first is not None:
            endless.leave_be()
            endless.begin(first)
        elif seed is not None:
            endless.leave_be()
        try:
            endless.run(lambda chosen: _tell(catalog, radio, chosen, as_json=as_json), songs)
            if endless.is_dry:
                say(f"{name} has no other song left for it: each was played, or is unwanted.")
        except KeyboardInterrupt:
            said = f"; more of radio {radio.radio_id}: --resume {radio.radio_id}" if radio.radio_id else ""
            say(f"The queue is no longer filled{said}.")


def _seeded(radio: "PlayerRadio", seed: tuple[str, str] | None, ids: dict[int, str]) -> int | None:
    """Give a radio its seed; return the song that the queue is to begin with, if that is one."""
    from recommender.commands.radio_tuning import no_file, tuned
    from recommender.errors import ConnectionFailedError
    from recommender.retrieval.query import resolve

    if seed is None:
        return None
    kind, wanted = seed
    if kind != "song":
        made = tuned(
            radio.catalog, radio.index, radio.bundle, kind, wanted, far=radio.far, discover=radio.discover
        )
        radio.radio_id = made.id
        return None
    with radio.catalog.transaction() as session:
        first = resolve(session, wanted, radio.bundle, no_file).track_id
    if first not in ids:
        raise ConnectionFailedError(f"the player does not have '{wanted}', as far as it is matched")
    return first


def _tell(catalog: "Catalog", radio: "PlayerRadio", chosen: list[int], *, as_json: bool) -> None:
    import json
    import sys

    from db.tracks import by_ids
    from recommender.commands.output import printable, show

    with catalog.transaction() as session:
        tracks = by_ids(session, chosen)
        rows: list[dict[str, Any]] = [
            {
                "track_id": t.id,
                "path": t.path,
                "title": t.title,
                "artist": t.artist,
                "radio_id": radio.radio_id,
                "reason": radio.reasons.get(t.id, ""),
            }
            for t in (tracks[track_id] for track_id in chosen)
        ]
    for row in rows:
        words = " - ".join(filter(None, (row["artist"], row["title"]))) or row["path"]
        line = f"+ {words} ({row['reason']})" if row["reason"] else f"+ {words}"
        show(json.dumps(row) if as_json else printable(line))
    sys.stdout.flush()
