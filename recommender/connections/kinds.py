"""The kinds of connections: which one an address is, and what opens it."""

from collections.abc import Callable
from typing import Final

from recommender.connections.credentials import Credentials
from recommender.connections.remotes.http_client import Patience
from recommender.connections.remotes.jellyfin import JellyfinServer
from recommender.connections.remotes.m3u_folder import M3uFolder
from recommender.connections.remotes.plex import PlexServer
from recommender.connections.remotes.subsonic import SubsonicServer
from recommender.connections.values import Remote
from recommender.errors import ConnectionFailedError

Opener = Callable[[str, Credentials, Patience | None], Remote]


def _mpd(url: str, credentials: Credentials, patience: Patience | None) -> Remote:
    from recommender.connections.remotes.mpd_player import MpdPlayer

    return MpdPlayer(url, credentials, patience)


WITHOUT_USERS: Final = ("mpd", "m3u")
"""Kinds that have no users: a password is asked for only if that is wanted."""

BY_TOKEN: Final = ("plex",)
"""Kinds that let in whoever has a key, and nobody by a password."""

BY_PATH: Final = ("m3u",)
"""Kinds that know any file of this machine by its path, synced or not."""

KINDS: Final[dict[str, Opener]] = {
    "subsonic": SubsonicServer,
    "mpd": _mpd,
    "m3u": M3uFolder,
    "jellyfin": JellyfinServer,
    "emby": JellyfinServer,
    "plex": PlexServer,
}
"""What opens a connection of each kind."""


def open_remote(kind: str, url: str, credentials: Credentials, patience: Patience | None = None) -> Remote:
    """Open a connection; nothing is asked yet.

    Raises
    ------
    ConnectionFailedError
        If there is no such kind, or the address is none.
    """
    check_kind(kind)
    return KINDS[kind](url, credentials, patience)


def check_kind(kind: str) -> None:
    """Refuse a kind that there is none of.

    Raises
    ------
    ConnectionFailedError
        If there is no such kind.
    """
    if kind not in KINDS:
        raise ConnectionFailedError(f"there is no kind '{kind}'; there are: {', '.join(KINDS)}")
