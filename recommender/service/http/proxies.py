"""What a proxy in front of the service says of a request: who asks, by which name, and below which path.

Only what a trusted proxy says counts; anybody may send these headers.
"""

import ipaddress
import re
from collections.abc import Sequence
from typing import Any, Final

from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from recommender.errors import ServiceError

PREFIX: Final = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+", re.ASCII)
OURS: Final = frozenset(
    ("api", "rest", "static", "docs", "guide", "health", "metrics", "openapi.json", "favicon.ico")
)
"""First parts of the service's own paths: a prefix that begins with one could not be told from them."""

ASKED_HOST: Final = "deepcuts.asked_host"
"""Key of a request's scope: its own Host header, where a proxy is said to tell another.

Both must be known. A page whose site's name was made to point here sends any header that it likes, and
comes from this very machine."""


def checked_prefix(text: str) -> str:
    """Return a path prefix as it is used, "" for none.

    Raises
    ------
    ServiceError
        If it is none.
    """
    prefix = text.rstrip("/")
    if prefix and not _is_prefix(prefix):
        raise ServiceError(
            f"--root-path {text}: give a path such as /music, that begins with none of the service's own "
            f"({', '.join(sorted(OURS))})"
        )
    return prefix


def checked_proxies(addresses: Sequence[str]) -> tuple[str, ...]:
    """Return the addresses and networks of proxies.

    Raises
    ------
    ServiceError
        If one is neither.
    """
    for address in addresses:
        try:
            ipaddress.ip_network(address)
        except ValueError:
            said = f"--trusted-proxy {address}: give an address, or a network such as 10.0.0.0/8"
            raise ServiceError(said) from None
    return tuple(addresses)


def _is_prefix(text: str) -> bool:
    return PREFIX.fullmatch(text) is not None and text.split("/")[1] not in OURS


class Proxied:
    """Lets the service be asked below a prefix, and by the names and addresses that its proxies tell.

    The path that everything within sees is without the prefix, whether or not the proxy took it away;
    `root_path` holds it, for addresses in answers.

    Parameters
    ----------
    root_path
        The prefix, where no proxy tells another in X-Forwarded-Prefix.
    trusted
        Addresses and networks of the proxies.
    """

    def __init__(self, app: ASGIApp, root_path: str, trusted: Sequence[str]) -> None:
        inner: Any = app
        self._app: Any = ProxyHeadersMiddleware(inner, list(trusted))
        self._root_path = root_path
        self._trusted = [ipaddress.ip_network(address) for address in trusted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, prefix, asked = Headers(scope=scope), self._root_path, dict(scope)
        if self._is_trusted(scope):
            told = headers.get("x-forwarded-prefix", "").rstrip("/")
            prefix = told if _is_prefix(told) else prefix
            host = headers.get("x-forwarded-host", "").rpartition(",")[2].strip()
            if host:  # the last one, which is the nearest proxy's
                asked["headers"] = list(scope["headers"])
                MutableHeaders(scope=asked)["host"] = host
                asked[ASKED_HOST] = headers.get("host", "")
        if prefix and scope["path"] == prefix:
            await RedirectResponse(f"{prefix}/")(scope, receive, send)
            return
        if prefix and scope["path"].startswith(f"{prefix}/"):
            asked["path"] = scope["path"].removeprefix(prefix)
            asked["raw_path"] = scope.get("raw_path", b"").removeprefix(prefix.encode())
        await self._app(asked | {"root_path": prefix}, receive, send)

    def _is_trusted(self, scope: Scope) -> bool:
        client = scope.get("client")
        try:
            address = ipaddress.ip_address(client[0] if client else "")
        except ValueError:
            return False
        return any(address in network for network in self._trusted)
