"""What HTTP of connections does not do: follow to other hosts, and wait for an answer without an end."""

import http.client
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from recommender.errors import ConnectionFailedError

PORTS: Final = {"http": 80, "https": 443}


class AnswerClock:
    """Ends a request whose answer is not there whole in time: a socket's time-out begins anew with each byte.

    Attributes
    ----------
    seconds
        From the start of a request to the end of its answer, redirects included.
    is_over
        Whether the last request took longer, and was ended.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_over = False
        self._socket: socket.socket | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure one request."""
        self.is_over, self._socket = False, None
        timer = threading.Timer(self.seconds, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end(self) -> None:
        self.is_over = True
        if self._socket is not None:
            with suppress(OSError):  # shut by the other side
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # of TLS, too, without its farewell

    def _noticed(self, connected: socket.socket) -> None:
        self._socket = connected
        if self.is_over:
            raise TimeoutError

    def handlers(self) -> tuple[urllib.request.BaseHandler, urllib.request.BaseHandler]:
        """Return what opens connections that this clock ends; certificates are verified."""
        noticed, context = self._noticed, ssl.create_default_context()

        class Plain(http.client.HTTPConnection):
            def connect(self) -> None:
                super().connect()
                noticed(self.sock)

        class Encrypted(http.client.HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                noticed(self.sock)

        class PlainHandler(urllib.request.HTTPHandler):
            def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
                return self.do_open(Plain, req)

        class EncryptedHandler(urllib.request.HTTPSHandler):
            def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
                return self.do_open(Encrypted, req, context=context)

        return PlainHandler(), EncryptedHandler()


class SameHost(urllib.request.HTTPRedirectHandler):
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
        same_port = upgraded or (asked.scheme == leads.scheme and _port(asked) == _port(leads))
        if asked.hostname != leads.hostname or not same_port or req.data is not None:
            fp.close()
            other = f"{leads.scheme}://{leads.netloc.rpartition('@')[2]}"
            raise ConnectionFailedError(
                f"{self._url} sends on to {other}, which is not followed: "
                "connect to that address if it is right"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _port(address: SplitResult) -> int | None:
    return address.port or PORTS.get(address.scheme)
