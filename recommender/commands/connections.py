"""``connect``, ``connections`` and ``disconnect``: servers and players that know the same music."""

import os
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of

if TYPE_CHECKING:
    from db.connections import Connection
    from recommender.connections.credentials import Credentials

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def connect(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="By which you call it: letters, digits, - and _.")
    ],
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL", help="Its address: http://nas:4533, mpd://nas:6600, or a folder of M3U files."
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            metavar="subsonic|mpd|m3u|jellyfin|emby|plex",
            help="What it is; Navidrome and others like it are subsonic, a folder of playlists is m3u.",
            show_default="found out by asking it",
        ),
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="Who you are there; else you are asked.")] = None,
    api_key: Annotated[
        bool, typer.Option("--api-key", help="Ask for a key in the place of a password.")
    ] = False,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password where none is usual: MPD.")
    ] = False,
    plain_password: Annotated[
        bool,
        typer.Option(
            "--plain-password", help="Send the password itself even unencrypted, to servers that want it so."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Connect a server or player: its songs are matched with those here by sync, lists are written by push.

    User, password and key are asked for, or taken from DEEPCUTS_<NAME>_USER, _PASSWORD and _API_KEY; what is
    asked for is kept in the home in a file that only you may read. It is tried at once.
    """
    from db.connections import add_connection
    from recommender.commands.output import printable, show, show_json
    from recommender.connections.credentials import keep_credentials
    from recommender.connections.detect import kind_of
    from recommender.connections.kinds import BY_PATH, BY_TOKEN, WITHOUT_USERS, check_kind, open_remote

    if not NAME.fullmatch(name):
        raise typer.BadParameter("letters, digits, - and _ make a name", param_hint="NAME")
    if kind is not None:
        check_kind(kind)
    home = home_of(context)
    catalog = home.existing_catalog()
    chosen = kind or kind_of(url)
    url = os.path.abspath(url) if chosen in BY_PATH else url
    asks = ("user", "password") if chosen not in WITHOUT_USERS else ("password",) if password else ()
    credentials = _asked(
        name, user, ("api_key",) if api_key or chosen in BY_TOKEN else asks, plain=plain_password
    )
    remote = open_remote(chosen, url, credentials)
    try:
        answers = remote.check()
    finally:
        remote.close()
    with home.writer_lock(), catalog.transaction() as session:
        keep_credentials(home.path, name, credentials)
        made = add_connection(session, name, chosen, url)
        if as_json:
            show_json({**connection_json(made, {}), "answers": answers})
        else:
            show(f"{name} is connected: {printable(answers)}. Its songs: deepcuts sync {name}")


def _asked(name: str, user: str | None, asks: tuple[str, ...], *, plain: bool) -> "Credentials":
    """Return what lets somebody in: of the environment, or asked for, what is typed not shown."""
    from recommender.connections.credentials import Credentials, from_environment

    told = from_environment(name)
    if user is not None:
        told["user"] = user
    for field in asks if "api_key" not in told else ():
        if field not in told:
            words = field.replace("_", " ").capitalize()
            told[field] = typer.prompt(words, hide_input=field != "user", err=True)
    return Credentials(**told, plain=plain)


def connections(context: typer.Context, as_json: AsJson = False) -> None:
    """List the servers and players that are connected, and how many of their songs are known here."""
    from db.connections import connections as all_connections
    from db.connections import counts_of
    from recommender.commands.output import say, show_json, show_table

    with home_of(context).existing_catalog().transaction() as session:
        counts = counts_of(session)
        found = [connection_json(one, counts.get(one.name, {})) for one in all_connections(session)]
    if as_json:
        show_json(found)
    elif found:
        columns = ("name", "kind", "address", "matched", "doubtful", "unmatched", "last synced")
        show_table(columns, [_cells(one) for one in found])
    else:
        say("Nothing is connected; see: deepcuts connect --help")


def connection_json(connection: "Connection", counts: dict[str, int]) -> dict[str, Any]:
    """Return a connection for machines; no password is in it."""
    from db.values import iso_utc
    from recommender.connections.matching import PREFERENCE

    return {
        "name": connection.name,
        "kind": connection.kind,
        "url": connection.url,
        "matched": sum(counts.get(how, 0) for how in PREFERENCE),
        "doubtful": counts.get("doubtful", 0),
        "unmatched": counts.get("unmatched", 0),
        "synced": iso_utc(connection.synced) if connection.synced else None,
    }


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    when = (one["synced"] or "never")[:16].replace("T", " ")
    return (
        one["name"],
        one["kind"],
        one["url"],
        *(str(one[n]) for n in ("matched", "doubtful", "unmatched")),
        when,
    )


def disconnect(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As connections lists it.")],
    as_json: AsJson = False,
) -> None:
    """Forget a connection, its user and its password; nothing changes there, and what was taken in stays."""
    from db.connections import remove_connection
    from recommender.commands.output import show, show_json
    from recommender.connections.chosen import connection_named
    from recommender.connections.credentials import keep_credentials

    home = home_of(context)
    catalog = home.existing_catalog()
    with home.writer_lock(), catalog.transaction() as session:
        remove_connection(session, connection_named(session, name))
        keep_credentials(home.path, name, None)
    if as_json:
        show_json({"disconnected": name})
    else:
        show(f"{name} is forgotten here; nothing was changed there.")
