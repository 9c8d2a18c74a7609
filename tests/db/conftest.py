"""Empty catalogues, on every database that holds one: each test here runs on all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.session import Catalog, open_catalog, open_server_catalog
from tests.postgres import Server

BACKENDS = ("sqlite", "postgresql")

NewCatalog = Callable[[], Catalog]
Reopen = Callable[[Catalog], Catalog]


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The database that a test runs on."""
    return str(request.param)


@pytest.fixture(scope="session")
def new_catalog(
    backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewCatalog]:
    """Make empty catalogues; all are closed at the end."""
    made: list[Catalog] = []

    def make() -> Catalog:
        if backend == "sqlite":
            made.append(open_catalog(tmp_path_factory.mktemp("catalog") / "catalog.sqlite"))
        else:
            server: Server = request.getfixturevalue("server")
            made.append(open_server_catalog(server.new_catalog_database()))
        return made[-1]

    yield make
    for catalog in made:
        catalog.close()


@pytest.fixture
def catalog(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    """An empty catalogue of a test's own."""
    if backend == "sqlite":
        made = open_catalog(tmp_path / "catalog.sqlite")
    else:
        server: Server = request.getfixturevalue("server")
        made = open_server_catalog(server.emptied_catalog_database())
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_catalog(new_catalog: NewCatalog) -> Catalog:
    """A new catalogue, one for a whole module."""
    return new_catalog()


@pytest.fixture
def reopen(backend: str) -> Iterator[Reopen]:
    """Open a catalogue anew, by its address."""
    opened: list[Catalog] = []

    def again(catalog: Catalog) -> Catalog:
        url = catalog.engine.url
        opened.append(
            open_catalog(Path(str(url.database))) if backend == "sqlite" else open_server_catalog(url)
        )
        return opened[-1]

    yield again
    for catalog in opened:
        catalog.close()
