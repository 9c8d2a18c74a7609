"""Which kind of server, player or folder an address is: asked for before a name or password is sent."""

import os
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from recommender.connections.remotes.http_client import HttpClient, HttpStatusError, Patience
from recommender.errors import ConnectionFailedError

Probe = tuple[str, str, Callable[[Any], bool]]

PROBES: Final[tuple[Probe, ...]] = (
    ("subsonic", "/rest/ping.view?f=json", lambda said: "subsonic-response" in said),
    ("jellyfin", "/System/Info/Public", lambda said: "Jellyfin" in str(said.get("ProductName"))),
    ("emby", "/System/Info/Public", lambda said: "Version" in said and "ServerName" in said),
    ("plex", "/identity", lambda said: "machineIdentifier" in (said.get("MediaContainer") or {})),
)
"""Kinds, what of theirs needs no password, and whether an answer is theirs."""


def kind_of(url: str, patience: Patience | None = None) -> str:
    """Return the kind of what is at an address.

    Raises
    ------
    ConnectionFailedError
        If nothing answers, or nothing that is known.
    """
    scheme = urlsplit(url).scheme.lower()
    if is_folder(url):
        return "m3u"
    if scheme == "mpd":
        return "mpd"
    if scheme not in ("http", "https"):
        raise ConnectionFailedError(
            f"'{url}' is no address: it begins with http://, https:// or mpd://, or is a folder"
        )
    client = HttpClient(url, patience=patience)
    for kind, path, is_it in PROBES:
        try:
            said = client.get(path)
        except HttpStatusError:
            continue
        except ConnectionFailedError as error:
            if isinstance(error.__cause__, ValueError):  # an answer, but no JSON
                continue
            raise
        if isinstance(said, dict) and is_it(said):
            return kind
    raise ConnectionFailedError(
        f"{client.url} is no server that is known: is the address right? --kind says which it is"
    )


def is_folder(url: str) -> bool:
    """Return whether an address is a folder of this machine."""
    return os.path.isdir(url)
