"""Players that ask a service on the small library."""

import pytest

from tests.recommender.service.conftest import Service
from tests.recommender.service.subsonic.player import Player


@pytest.fixture(scope="session")
def player(service: Service) -> Player:
    """A player of the small library, that only reads."""
    return Player(service)


@pytest.fixture
def mine(own: Service) -> Player:
    """A player of a copy of it."""
    return Player(own)
