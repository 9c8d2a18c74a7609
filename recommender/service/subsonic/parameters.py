"""What a player asks: its parameters, from the address or from a form, and who it says it is."""

import binascii
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from db.models import LARGEST
from recommender.params import APP_NAME, MOST_FIELDS
from recommender.service.http.auth import Credentials, is_browser, is_meant, is_named
from recommender.service.subsonic.envelope import (
    CLIENT_TOO_OLD,
    CONFLICT,
    GENERIC,
    MISSING,
    NO_PASSWORDS,
    NO_TOKENS,
    NOT_ALLOWED,
    SERVER_TOO_OLD,
    VERSION,
    WRONG_KEY,
    WRONG_LOGIN,
    SubsonicError,
)

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True)
class Asked:
    """The parameters of a request, of which one may be there more than once, and what is sent beside them."""

    values: dict[str, list[str]] = field(default_factory=dict)
    body: bytes = b""

    def fingerprint(self) -> Hashable:
        """Return what is equal for those that ask for the same."""
        asked = ((name, tuple(some)) for name, some in self.values.items() if name not in NOT_ASKED)
        return tuple(sorted(asked)), self.body

    def one(self, name: str) -> str | None:
        """Return a parameter, or None where it is not there."""
        found = self.values.get(name)
        return found[0] if found else None

    def need(self, name: str) -> str:
        """Return a parameter that has to be there.

        Raises
        ------
        SubsonicError
            10 if it is not.
        """
        found = self.one(name)
        if found is None:
            raise SubsonicError(MISSING, f"the parameter {name} is missing")
        return found

    def many(self, name: str) -> list[str]:
        """Return all values of a parameter, in order."""
        return self.values.get(name, [])

    def number(self, name: str, usual: int, least: int = 0, most: int = LARGEST) -> int:
        """Return a whole number, brought within some limits; `usual` where it is not there.

        Raises
        ------
        SubsonicError
            0 if it is none.
        """
        text = self.one(name)
        return usual if text is None or not text else min(max(whole(name, text), least), most)

    def maybe(self, name: str) -> int | None:
        """Return a whole number, or None where it is not there."""
        return None if self.one(name) is None else self.number(name, 0, -LARGEST)

    def flag(self, name: str) -> bool | None:
        """Return ``true`` or ``false``, None where it is not there.

        Raises
        ------
        SubsonicError
            0 if it is neither.
        """
        text = self.one(name)
        if text is None:
            return None
        if text.lower() not in ("true", "false"):
            raise SubsonicError(GENERIC, f"{name} is true or false")
        return text.lower() == "true"


NOT_ASKED: Final = frozenset(("u", "p", "t", "s", "apiKey", "c", "v", "f"))
"""Who asks, with what program, and in what form it is answered."""


def whole(name: str, text: str) -> int:
    """Return a whole number.

    Raises
    ------
    SubsonicError
        0 if it is none.
    """
    try:
        if len(text) > len(str(LARGEST)) + 8:
            raise ValueError
        return int(text)
    except ValueError:
        raise SubsonicError(GENERIC, f"{name} is no whole number") from None


async def read(request: Request) -> Asked:
    """Read the parameters of a request, from its address and, where it posts a form, from that."""
    pairs = _pairs(request.url.query)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind == FORM:
        pairs += _pairs((await request.body()).decode("latin-1"))  # whose size the guard bounds
    body = await request.body() if request.method == "POST" and kind == JSON else b""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return Asked(values, body)


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise SubsonicError(GENERIC, f"there are more than {MOST_FIELDS} parameters") from None


def check_version(asked: Asked) -> None:
    """Refuse a player of another generation of the protocol.

    Raises
    ------
    SubsonicError
        20 if it is older, 30 if it is newer.
    """
    said = (asked.one("v") or VERSION).partition(".")[0]
    ours = VERSION.partition(".")[0]
    if said.isascii() and said.isdigit() and said != ours:
        older = len(said) <= len(ours) and said < ours
        raise SubsonicError(
            CLIENT_TOO_OLD if older else SERVER_TOO_OLD, f"this is version {VERSION} of the protocol"
        )


def user_of(asked: Asked, credentials: Credentials) -> str:
    """Return who asks, if the credentials are right; without any to be checked, anybody may.

    Raises
    ------
    SubsonicError
        10, 40, 41, 42, 43 or 44.
    """
    _check_one_way(asked)
    if not credentials:
        return asked.one("u") or APP_NAME
    key = asked.one("apiKey")
    if key is not None:
        if not credentials.is_key(key):
            raise SubsonicError(WRONG_KEY, "invalid API key")
        return credentials.user or APP_NAME
    user, token, password = asked.need("u"), asked.one("t"), asked.one("p")
    if token is None and password is None:
        raise SubsonicError(MISSING, "the parameter t, p or apiKey is missing")
    if credentials.password is None:
        code = NO_PASSWORDS if token is None else NO_TOKENS
        raise SubsonicError(code, "only API keys are accepted here")
    if token is not None:
        right = credentials.is_token(user, token, asked.need("s"))
    else:
        right = credentials.is_user(user, _decoded(password or ""))
    if not right:
        raise SubsonicError(WRONG_LOGIN, "wrong username or password")
    return user


def check_meant(asked: Asked, headers: Mapping[str, str], *, checked: bool) -> None:
    """Refuse to change something that another site's page may have asked for.

    A player says who it is, and a browser where it comes from. Where no login is checked, one that comes
    from a browser that does not say where from proves nothing: any page can make one up.

    Parameters
    ----------
    checked
        Whether `user_of` has checked a login.

    Raises
    ------
    SubsonicError
        10 or 50.
    """
    if checked or is_named(headers) or is_meant(headers):
        return
    if asked.one("apiKey") is None and not (asked.one("u") and (asked.one("p") or asked.one("t"))):
        said = (
            "what changes something must name who asks, although it is not checked here: u with p, or t and s"
        )
        raise SubsonicError(MISSING, said)
    if is_browser(headers):
        raise SubsonicError(NOT_ALLOWED, "a browser must say which site it asks for: this one does not")


def _check_one_way(asked: Asked) -> None:
    """Refuse to choose between several ways to log in."""
    given = {name for name in ("apiKey", "u", "t", "s", "p") if asked.many(name)}
    repeated: Sequence[str] = [name for name in given if len(set(asked.many(name))) > 1]
    if ("apiKey" in given and given != {"apiKey"}) or {"t", "p"} <= given or repeated:
        raise SubsonicError(CONFLICT, "multiple conflicting authentication mechanisms are given")


def _decoded(password: str) -> str:
    if not password.startswith("enc:"):
        return password
    try:
        return binascii.unhexlify(password.removeprefix("enc:")).decode()
    except (ValueError, UnicodeDecodeError):
        raise SubsonicError(WRONG_LOGIN, "wrong username or password") from None
