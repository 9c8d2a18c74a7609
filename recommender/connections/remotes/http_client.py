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
from typing import IO, Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

from classifier.errors import in_words
from recommender.connections import params
from recommender.errors import ConnectionFailedError

Fields = Sequence[tuple[str, str]]

LATER: Final = (429, 502, 503, 504)
"""Answers after which it is worth trying again."""
PASSING: Final = (TimeoutError, ConnectionError, http.client.HTTPException)


@dataclass(frozen=True)
class Patience:
    """How long is waited for an answer, how often it is tried, and how long before the second time."""

    timeout_s: float = params.TIMEOUT_S
    tries: int = params.TRIES
    backoff_s: float = params.BACKOFF_S


class HttpStatusError(ConnectionFailedError):
    """An answer that is an error; `status` is its number."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


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
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=ssl.create_default_context()), _SameHost(self.url)
        )

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
                if left == 0 or (isinstance(error, HttpStatusError) and error.status not in LATER):
                    raise
            left -= 1
            time.sleep(wait_s * random.uniform(0.75, 1.25))
            wait_s *= 2

    def _answer(self, request: urllib.request.Request) -> Any:
        try:
            with self._opener.open(request, timeout=self._patience.timeout_s) as answer:
                content = answer.read(params.LARGEST_ANSWER + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise HttpStatusError(self._status_in_words(error.code), error.code) from error
        except urllib.error.URLError as error:
            raise self._unreached(error.reason) from error
        except PASSING as error:
            raise self._unreached(error) from error
        if len(content) > params.LARGEST_ANSWER:
            raise ConnectionFailedError(
                f"{self.url} answers more than the {params.LARGEST_ANSWER >> 20} MB read"
            )
        try:
            return json.loads(content) if content.strip() else None
        except (ValueError, RecursionError) as error:
            raise ConnectionFailedError(f"{self.url} answers no JSON: {params.LOOK_AT_ADDRESS}") from error

    def _unreached(self, reason: object) -> ConnectionFailedError:
        if isinstance(reason, ssl.SSLCertVerificationError):
            return ConnectionFailedError(
                f"the certificate of {self.url} is not trusted ({reason.verify_message}): use the address "
                "that it is made for, or name its authority's file in SSL_CERT_FILE"
            )
        if isinstance(reason, ssl.SSLError):
            return ConnectionFailedError(f"{self.url} does not speak TLS: is it http and not https?")
        if isinstance(reason, TimeoutError):
            waited = f"has not answered within {self._patience.timeout_s:g} s"
            return _NotYetError(f"{self.url} {waited}: is it running, and not busy?")
        words = in_words(reason) if isinstance(reason, OSError) else str(reason) or type(reason).__name__
        return _NotYetError(
            f"{self.url} cannot be reached ({words}): is it running, and is the address right?"
        )

    def _status_in_words(self, status: int) -> str:
        if status in (401, 403):
            return f"{self.url} refuses the user, password or key: connect again with those that it knows"
        if status == 404:
            return f"{self.url} has nothing there (404): {params.LOOK_AT_ADDRESS}"
        if status in LATER:
            return f"{self.url} is busy or being restarted ({status}): try again later"
        return f"{self.url} answers with an error ({status}): its log may say why"


class _NotYetError(ConnectionFailedError):
    """No answer, which may come another time."""


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows what leads on to the same host, of http to https too, and nothing else."""

    def __init__(self, url: str) -> None:
        self._url = url

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return what is asked instead."""
        asked, leads = urlsplit(req.full_url), urlsplit(urljoin(req.full_url, newurl))
        upgraded = asked.scheme == "http" and leads.scheme == "https"
        same_port = upgraded or (asked.scheme == leads.scheme and asked.port == leads.port)
        if asked.hostname != leads.hostname or not same_port or req.data is not None:
            fp.close()
            other = f"{leads.scheme}://{leads.netloc.rpartition('@')[2]}"
            raise ConnectionFailedError(
                f"{self._url} sends on to {other}, which is not followed: "
                "connect to that address if it is right"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


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
    except ValueError as error:
        raise ConnectionFailedError(f"{url} is no address: {error}") from error
    if parts.username or parts.password:
        raise ConnectionFailedError("user and password do not belong in the address: they are asked for")
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in url.strip()):
        raise ConnectionFailedError(f"'{url}' is no address: it begins with http:// or https://")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
