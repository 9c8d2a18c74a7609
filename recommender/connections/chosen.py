"""Which connections a command means, and the songs of each, read and taken in."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy.orm import Session

from db.connections import Connection, connections, get_connection
from db.session import Catalog
from recommender.connections.credentials import credentials_of
from recommender.connections.kinds import open_remote
from recommender.connections.remotes.http_client import Patience
from recommender.connections.values import Remote
from recommender.errors import ConnectionFailedError


def connection_named(session: Session, name: str) -> Connection:
    """Return the connection of a name.

    Raises
    ------
    ConnectionFailedError
        If there is none.
    """
    found = get_connection(session, name)
    if found is None:
        known = ", ".join(one.name for one in connections(session)) or "none; see: deepcuts connect --help"
        raise ConnectionFailedError(f"nothing is connected as '{name}'; there are: {known}")
    return found


def chosen_connections(catalog: Catalog, name: str | None) -> list[Connection]:
    """Return the connection of a name, or all of them.

    Raises
    ------
    ConnectionFailedError
        If there is none.
    """
    with catalog.transaction() as session:
        found = connections(session) if name is None else [connection_named(session, name)]
    if not found:
        raise ConnectionFailedError("nothing is connected; see: deepcuts connect --help")
    return found


def name_and_lists(catalog: Catalog, words: Sequence[str]) -> tuple[Connection, list[str]]:
    """Return the connection that words begin with, and the lists after it; the only connection needs no name.

    Raises
    ------
    ConnectionFailedError
        If no connection is named, and there is not exactly one.
    """
    known = chosen_connections(catalog, None)
    named = [one for one in known if words and one.name == words[0]]
    if named:
        return named[0], list(words[1:])
    if len(known) > 1:
        raise ConnectionFailedError(f"name the connection first: {', '.join(one.name for one in known)}")
    return known[0], list(words)


def opened(home: Path, connection: Connection, patience: Patience | None = None) -> "closing[Remote]":
    """Return a connection, opened with what the home or the environment knows of it."""
    credentials = credentials_of(home, connection.name)
    return closing(open_remote(connection.kind, connection.url, credentials, patience))
