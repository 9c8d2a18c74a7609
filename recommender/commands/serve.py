"""``serve``: the catalogue over HTTP, for the page, for programs and for OpenSubsonic players."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.commands.options import AsJson, home_of, only_folders
from recommender.params import HOST, MAX_UPLOAD_MB, PORT, PROXIES, WORKERS

if TYPE_CHECKING:
    from recommender.home import Home
    from recommender.service.http.auth import Credentials


def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen at; beyond this machine credentials are needed.")
    ] = HOST,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen at; 0 takes a free one.")
    ] = PORT,
    user: Annotated[
        str | None, typer.Option("--user", envvar="DEEPCUTS_USER", help="Name of the user.")
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option("--password-file", exists=True, dir_okay=False, help="First line: the user's password."),
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option("--api-key-file", exists=True, dir_okay=False, help="An API key a line."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="Another name that this service is asked by, without credentials."),
    ] = None,
    root_path: Annotated[
        str, typer.Option("--root-path", help="Path that a proxy has the service below, such as /music.")
    ] = "",
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--trusted-proxy",
            help="Address or network of a proxy, beside this machine, whose X-Forwarded headers count.",
        ),
    ] = None,
    max_upload_mb: Annotated[
        int, typer.Option("--max-upload-mb", min=1, help="Size of an uploaded file at most.")
    ] = MAX_UPLOAD_MB,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", min=1, max=64, help="Processes that answer.", show_default="one a processor, up to 8"
        ),
    ] = WORKERS,
    limit_player: Annotated[
        list[str] | None,
        typer.Option(
            "--limit-player",
            metavar="NAME=FORMAT:KBPS",
            help="What a music player is sent at most (or one of both); the name * is that of all others.",
        ),
    ] = None,
    follow: Annotated[
        Path | None,
        typer.Option(
            "--follow",
            envvar="DEEPCUTS_FOLLOW",
            exists=True,
            file_okay=False,
            callback=only_folders,
            metavar="HOME",
            help="Take over bundle and index of this other home with the same --database, which ingest and "
            "train write to.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Serve the catalogue: a page to listen with, a REST interface, and OpenSubsonic for players.

    Only this machine is answered, unless --host says otherwise; then credentials are needed. Secrets come
    from files, or from DEEPCUTS_PASSWORD. Stop it with Ctrl-C or SIGTERM.
    """
    from recommender.commands.output import say, show_json
    from recommender.service.workers import count_together

    if workers > 1:  # before what counts is imported
        count_together()
    from recommender.service.access import AccessSettings
    from recommender.service.http.auth import check_binding
    from recommender.service.http.proxies import checked_prefix, checked_proxies
    from recommender.service.server import bound_socket, prepared
    from recommender.service.subsonic.sound.stream_plan import parsed_limits

    credentials = _credentials(user, password_file, api_key_file)
    hosts = frozenset(name.lower() for name in allow_host or ())
    proxies = checked_proxies((*PROXIES, *(trusted_proxy or ())))
    limits = parsed_limits(limit_player or [])
    below = checked_prefix(root_path)
    settings = AccessSettings(credentials, hosts, max_upload_mb * 2**20, below, proxies, limits)
    check_binding(host, credentials)
    home = _following(home_of(context), follow)
    bound = bound_socket(host, port)
    serve_until_stopped = prepared(home, host, bound, settings, workers)
    url = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}/"
    if as_json:
        show_json({"url": url, "workers": workers})
        sys.stdout.flush()
    else:
        say(f"deepcuts is at {url}  (stop it with Ctrl-C)")
    serve_until_stopped()


def _following(home: "Home", other: Path | None) -> "Home":
    """Let a home follow another."""
    from recommender.errors import ServiceError

    if other is not None:
        if not home.on_server:
            raise ServiceError(
                "--follow is for homes that share a catalogue on a server: name that with --database"
            )
        if other.resolve() == home.path.resolve():
            raise ServiceError("--follow names this very home: leave it out")
        home.follows = other
    return home


def _credentials(user: str | None, password_file: Path | None, api_key_file: Path | None) -> "Credentials":
    from recommender.errors import ServiceError
    from recommender.service.http.auth import Credentials

    password = os.environ.get("DEEPCUTS_PASSWORD") or None  # no option: every user could read it
    if password_file is not None:
        password = next(iter(_lines(password_file)), "")
        if not password:
            raise ServiceError(f"{password_file} holds no password in its first line")
    if (user is None) != (password is None):
        raise ServiceError("a user and a password belong together: name both, or neither")
    keys = tuple(line for line in _lines(api_key_file) if line) if api_key_file is not None else ()
    if api_key_file is not None and not keys:
        raise ServiceError(f"{api_key_file} holds no API key")
    return Credentials(user, password, keys)


def _lines(file: Path) -> list[str]:
    from recommender.errors import ServiceError

    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ServiceError(f"{file} cannot be read: {error}") from error
