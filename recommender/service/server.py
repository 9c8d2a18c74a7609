"""Run the service until it is told to stop."""

import socket

import uvicorn

from classifier.system_errors import in_words
from recommender import params
from recommender.errors import ServiceError
from recommender.home import Home
from recommender.service.app import create_app
from recommender.service.auth import check_binding
from recommender.service.guard import Settings
from recommender.service.state import State


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address; port 0 takes any that is free.

    Raises
    ------
    ServiceError
        If the address cannot be had.
    """
    bound = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()  # whoever reads the address and asks at once only waits
    except OSError as error:
        if bound is not None:
            bound.close()
        raise ServiceError(f"{host} port {port} cannot be listened at: {in_words(error)}") from error
    return bound


def run(home: Home, host: str, bound: socket.socket, settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished first.

    Raises
    ------
    ServiceError
        If others could get in without credentials.
    """
    check_binding(host, settings.credentials)
    app = create_app(State(home), settings)
    config = uvicorn.Config(
        app,
        http="h11",  # whatever else is installed: its limits are the ones below
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=params.STOP_S,
        h11_max_incomplete_event_size=params.LONGEST_HEADER,
    )
    uvicorn.Server(config).run(sockets=[bound])
