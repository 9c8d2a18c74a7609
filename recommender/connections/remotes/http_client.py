"""HTTP as connections use it: verified, with time-outs and retries, and nobody else is told the password."""

import http.client
import json
import random
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from classifier.errors import in_words
from recommender.connections import params
from recommender.connections.remotes.http_limits import AnswerClock, SameHost
from recommender.errors import ConnectionFailedError, OneRefusedError

Fields = Sequence[tuple[str, str]]

LATER: Final = (429, 500, 502, 503, 504)
"""Answers after which it is worth trying again."""
PASSING: Final = (OSError, http.client.HTTPException)
OTHERWISE: Final = "cp1252"
"""How a text is read that is no UTF-8 and does not say what it is."""


@dataclass(frozen=True)
class Patience:
    """How long is waited for an answer, how often it is tried, and how long before the second time."""

    timeout_s: float = params.TIMEOUT_S
    tries: int = params.TRIES
    backoff_s: float = params.BACKOFF_S


class HttpStatusError(OneRefusedError):
    """An answer that is an error: its number, and how long it asks to be left alone."""

    def __init__(self, text: str, status: int, wait_s: float = 0.0) -> None:
        super().__init__(text)
        self.status, self.wait_s = status, wait_s


class HttpClient:
    """Asks one server, below one address.

    Parameters
    ----------
    url
        Its address, http or https; without user and password.
    headers
        That go with every request.
    patience
        How long and how often it is tried.

    Raises
    ------
    ConnectionFailedError
        If the address is none.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str] | None = None, patience: Patience | None = None
    ) -> None:
        self.url = checked_address(url)
        self.headers = {"User-Agent": params.AGENT, "Accept": "application/json", **(headers or {})}
        self._patience = patience or Patience()
        self._clock = AnswerClock(params.WHOLE_ANSWER * self._patience.timeout_s)
        self._opener = urllib.request.build_opener(*self._clock.handlers(), SameHost(self.url))

    @property
    def private(self) -> bool:
        """Whether nobody between can read what is sent: it is encrypted, or goes to this machine."""
        parts = urlsplit(self.url)
        return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")

    def get(self, path: str, fields: Fields = ()) -> Any:
        """Return the JSON at a path, tried again where that may help."""
        query = f"?{urlencode(list(fields))}" if fields else ""
        return self._asked(urllib.request.Request(f"{self.url}{path}{query}", headers=self.headers))

    def send(
        self,
        path: str,
        fields: Fields = (),
        *,
        body: object = None,
        method: str = "POST",
        again: bool = False,
    ) -> Any:
        """Send a form, or a body as JSON, and return the JSON of the answer, None where it is empty.

        Parameters
        ----------
        again
            Whether doing it twice does no harm, so that it may be tried again.
        """
        headers = dict(self.headers)
        if body is None:
            data, headers["Content-Type"] = urlencode(list(fields)).encode(), params.FORM
            address = f"{self.url}{path}"
        else:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
            address = f"{self.url}{path}" + (f"?{urlencode(list(fields))}" if fields else "")
        request = urllib.request.Request(address, data, headers, method=method)
        return self._asked(request, self._patience.tries if again else 1)

    def _asked(self, request: urllib.request.Request, tries: int | None = None) -> Any:
        """Return the answer; what passes is waited for, longer each time, and not always equally long."""
        left = (tries or self._patience.tries) - 1
        wait_s = self._patience.backoff_s
        while True:
            try:
                return self._answer(request)
            except (HttpStatusError, _NotYetError) as error:
                if left == 0 or not self._may_pass(error):
                    raise
                asked_s = getattr(error, "wait_s", 0.0)
            left -= 1
            time.sleep(max(asked_s, wait_s * random.uniform(0.75, 1.25)))
            wait_s *= 2

    @staticmethod
    def _may_pass(error: ConnectionFailedError) -> bool:
        if not isinstance(error, HttpStatusError):
            return True
        return error.status in LATER and error.wait_s <= params.LONGEST_WAIT_S

    def _answer(self, request: urllib.request.Request) -> Any:
        try:
            with (
                self._clock.running(),
                self._opener.open(request, timeout=self._patience.timeout_s) as answer,
            ):
                content = answer.read(params.LARGEST_ANSWER + 1)
                cut_off = bool(answer.length) and len(content) <= params.LARGEST_ANSWER
                charset = answer.headers.get_content_charset() or OTHERWISE
        except urllib.error.HTTPError as error:
            with error:
                wait_s = seconds_of(error.headers.get("Retry-After"))
                words = self._status_in_words(error.code, wait_s)
                raise HttpStatusError(words, error.code, wait_s) from error
        except urllib.error.URLError as error:
            raise self._unreached(error.reason) from error
        except PASSING as error:
            raise self._unreached(error) from error
        except ValueError as error:
            raise ConnectionFailedError(
                f"{self.url} cannot be asked: a letter of the user, key or address is none that may be there"
            ) from error
        if self._clock.is_over:
            raise self._too_slow()
        if len(content) > params.LARGEST_ANSWER:
            raise ConnectionFailedError(
                f"{self.url} answers more than the {params.LARGEST_ANSWER >> 20} MB read"
            )
        return self._parsed(content, charset, cut_off=cut_off)

    def _parsed(self, content: bytes, charset: str, *, cut_off: bool) -> Any:
        """Return the JSON of an answer; what begins as such and ends too soon may be whole another time."""
        try:
            if not content.strip() and not cut_off:
                return None
            return json.loads(_decoded(content, charset))
        except (ValueError, RecursionError) as error:
            if cut_off or content.lstrip()[:1] in (b"{", b"["):
                raise _NotYetError(f"{self.url} cuts its answer off: is it running, and not busy?") from error
            raise ConnectionFailedError(f"{self.url} answers no JSON: {params.LOOK_AT_ADDRESS}") from error

    def _unreached(self, reason: object) -> ConnectionFailedError:
        if self._clock.is_over:
            return self._too_slow()
        if isinstance(reason, ssl.SSLCertVerificationError):
            return ConnectionFailedError(
                f"the certificate of {self.url} is not trusted ({reason.verify_message}): use the address "
                "that it is made for, or name its authority's file in SSL_CERT_FILE"
            )
        if isinstance(reason, ssl.SSLError) and not isinstance(reason, ssl.SSLEOFError):
            return ConnectionFailedError(f"{self.url} does not speak TLS: is it http and not https?")
        if isinstance(reason, TimeoutError):
            waited = f"has not answered within {self._patience.timeout_s:g} s"
            return _NotYetError(f"{self.url} {waited}: is it running, and not busy?")
        words = in_words(reason) if isinstance(reason, OSError) else str(reason) or type(reason).__name__
        return _NotYetError(
            f"{self.url} cannot be reached ({words}): is it running, and is the address right?"
        )

    def _too_slow(self) -> ConnectionFailedError:
        return ConnectionFailedError(
            f"{self.url} has not answered whole within {self._clock.seconds:g} s: is it busy?"
        )

    def _status_in_words(self, status: int, wait_s: float) -> str:
        if status in (401, 403):
            return f"{self.url} refuses the user, password or key: connect again with those that it knows"
        if status == 404:
            return f"{self.url} has nothing there (404): {params.LOOK_AT_ADDRESS}"
        if wait_s:
            return f"{self.url} asks to be left alone for {wait_s:.0f} s ({status}): try again then"
        if status in LATER and status != 500:
            return f"{self.url} is busy or being restarted ({status}): try again later"
        return f"{self.url} answers with an error ({status}): its log may say why"


def seconds_of(said: str | None) -> float:
    """Return how long Retry-After says to wait, in seconds or until a date; 0 where it says nothing."""
    try:
        if said is None or said.strip().isdecimal():
            return float(said or 0.0)
        until = parsedate_to_datetime(said)
        return max(0.0, (until.astimezone(UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return 0.0


def _decoded(content: bytes, charset: str) -> str:
    """Return the text of an answer: UTF of some kind, else what it says that it is."""
    try:
        return content.decode(json.detect_encoding(content))
    except UnicodeDecodeError:
        try:
            return content.decode(charset, "replace")
        except LookupError:
            return content.decode(OTHERWISE, "replace")


class _NotYetError(ConnectionFailedError):
    """No answer, which may come another time."""


def checked_address(url: str) -> str:
    """Return an address without what does not belong in it at its end.

    Raises
    ------
    ConnectionFailedError
        If it is none, or holds a password.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError as error:
        raise ConnectionFailedError(f"{url} is no address: {error}") from error
    if parts.username or parts.password:
        raise ConnectionFailedError("user and password do not belong in the address: they are asked for")
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in url.strip()):
        raise ConnectionFailedError(f"'{url}' is no address: it begins with http:// or https://")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
