"""A library of 230 tracks, ingested once, and a server's copy of its files."""

from pathlib import Path

import pytest

from tests.recommender.connections import albums
from tests.recommender.support import Library


@pytest.fixture(scope="session")
def both(database: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Library, Path]:
    """The library and the folder of the server's copy, only to be read."""
    return albums.library_of(tmp_path_factory.mktemp(f"connections-{database}"))
