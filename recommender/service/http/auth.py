"""Who may ask: one user with a password, API keys, and no other site's pages."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from recommender.errors import ServiceError

LEAST_SECRET = 8
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]@/\s]+)(?::\d{1,5})?", re.ASCII)
"""A Host header: a name or address, and perhaps a port."""

SCHEMES: Final[dict[str, dict[str, str]]] = {
    "password": {"type": "http", "scheme": "basic", "description": "The user and the password."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}
"""What `Credentials.opens` takes, in OpenAPI's words."""
ANY_SCHEME: Final[list[dict[str, Any]]] = [{name: []} for name in SCHEMES] + [{}]
"""One is enough; none is needed where the service has no credentials."""
MEANT: Final = ("authorization", "x-api-key", "x-requested-with")
OPEN_PATHS: Final = frozenset(("/health",))
"""They need none anywhere."""


@dataclass(frozen=True)
class Credentials:
    """What opens the service.

    Attributes
    ----------
    user, password
        None where only API keys do.
    api_keys
        Any of them is enough.
    """

    user: str | None = None
    password: str | None = None
    api_keys: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.password is not None or bool(self.api_keys)

    def is_user(self, user: str, password: str) -> bool:
        """Whether a name and a password are the user's; the time it takes does not tell how much fits."""
        if self.user is None or self.password is None:
            return False
        right_user, right_password = _same(user, self.user), _same(password, self.password)
        return right_user and right_password

    def is_key(self, key: str) -> bool:
        """Whether a key is one of the API keys."""
        return sum(_same(key, known) for known in self.api_keys) > 0  # all are compared

    def is_token(self, user: str, token: str, salt: str) -> bool:
        """Whether a token is the MD5 of password and salt in hexadecimal, as OpenSubsonic has it."""
        if self.user is None or self.password is None:
            return False
        right = hashlib.md5((self.password + salt).encode("utf-8", "surrogatepass"), usedforsecurity=False)
        right_user, right_token = _same(user, self.user), _same(token.lower(), right.hexdigest())
        return right_user and right_token

    def opens(self, headers: Mapping[str, str]) -> bool:
        """Whether a request's headers open the REST interface: Basic, Bearer or X-API-Key."""
        key = headers.get("x-api-key")
        if key is not None:
            return self.is_key(_utf8(key))
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.is_key(_utf8(value.strip()))
        named = _basic(headers)
        return named is not None and self.is_user(*named)


def user_of(headers: Mapping[str, str]) -> str | None:
    """Return the user whose login a request's headers are to be, None where they name none."""
    named = _basic(headers)
    return None if named is None else named[0]


def _basic(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the user and the password of HTTP's Basic scheme, None where there are none."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (user, password) if colon else None


def _utf8(header: str) -> str:
    """Return a header that was read as Latin-1, as all are, as the UTF-8 that it is."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def _same(one: str, other: str) -> bool:
    """Compare in a time that tells neither how much fits nor how long the secret is."""
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (one, other)]
    return hmac.compare_digest(*digests)


def check_binding(host: str, credentials: Credentials) -> None:
    """Refuse to be reached from other machines without credentials.

    Raises
    ------
    ServiceError
        If the address is not this machine's alone and there are no credentials, or weak ones.
    """
    if not is_loopback(host) and not credentials:
        raise ServiceError(
            f"--host {host} lets other machines in: name who may with DEEPCUTS_USER and --password-file, "
            "or with --api-key-file"
        )
    secrets = [s for s in (credentials.password, *credentials.api_keys) if s is not None]
    if not is_loopback(host) and any(len(secret) < LEAST_SECRET for secret in secrets):
        raise ServiceError(
            f"a password or API key has fewer than {LEAST_SECRET} characters: take longer ones"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_known_host(header: str, allowed: Iterable[str]) -> bool:
    """Whether a Host header names this service; other names are those of sites made to point here."""
    found = HOST.fullmatch(header.lower())
    return found is not None and (is_loopback(found[1]) or found[1] in allowed)


def is_named(headers: Mapping[str, str]) -> bool:
    """Whether a browser says where a request comes from, which `is_same_site` goes by."""
    return "sec-fetch-site" in headers or "origin" in headers


def is_meant(headers: Mapping[str, str]) -> bool:
    """Whether a request has a header that no page of another site can add without being allowed to.

    A form or a picture of such a page can send a request, but none of these; so what has one was meant by
    whoever runs the program that sent it.
    """
    return any(name in headers for name in MEANT)


def is_browser(headers: Mapping[str, str]) -> bool:
    """Whether a browser asks; all of them say so."""
    return headers.get("user-agent", "").lower().startswith(("mozilla/", "opera/"))


def is_same_site(headers: Mapping[str, str], *, reads: bool) -> bool:
    """Whether a request comes from the service's own page, from a person, or from no browser.

    Browsers say so in Sec-Fetch-Site. Those that do not yet, send Origin with whatever changes something;
    "same-site" is another port or name of the same site, which is another's page too.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return reads or origin is None or origin.partition("://")[2].lower() == headers.get("host", "").lower()
