"""What the tests share: the shipped model, and the folder of data that may be absent."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from classifier.model import bundle
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from db.session import Catalog
from tests import dask_cluster, databases, postgres
from tests.processes import REPO
from tests.recommender import support

SHARED = REPO.parent / "shared"

# A slow one proves nothing, nor does one that makes examples slowly.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
os.environ.pop("DEEPCUTS_DATABASE", None)  # a catalogue of one's own is no place for tests
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each of the many processes would compile all of it again


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option to run all tests that open a catalogue on PostgreSQL."""
    parser.addoption("--postgres", action="store_true", help="every catalogue on PostgreSQL, none in a file")


def _default_database(config: pytest.Config) -> str:
    return databases.POSTGRESQL if config.getoption("--postgres") else databases.SQLITE


def pytest_configure(config: pytest.Config) -> None:
    """Refuse --postgres where there is no server to be had: nothing would run on it."""
    missing = postgres.what_is_missing()
    if config.getoption("--postgres") and missing is not None:
        raise pytest.UsageError(f"--postgres: {missing}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests marked `databases` on each of those named, others on the one that the option says."""
    default = _default_database(metafunc.config)
    marked = metafunc.definition.get_closest_marker("databases")
    kinds = marked.args if marked else (default,)
    if default == databases.POSTGRESQL and default in kinds:
        kinds = (default,)
    if "database" in metafunc.fixturenames:
        names = [pytest.HIDDEN_PARAM if kind == default else kind for kind in kinds]
        metafunc.parametrize("database", kinds, ids=names, indirect=True, scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `shared` where the data folder beside the repository is absent."""
    if not (SHARED / "data").is_dir():
        for item in items:
            if item.get_closest_marker("shared"):
                item.add_marker(pytest.mark.skip(reason="needs ../shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data folder; only for tests marked `shared`."""
    return SHARED


@pytest.fixture(scope="session")
def shipped() -> Bundle:
    """The bundle that comes with the package."""
    return bundle.load(bundle.SHIPPED)


@pytest.fixture(scope="session")
def trunk(shipped: Bundle) -> Trunk:
    """Its trunk, on one thread."""
    return Trunk(shipped, threads=1)


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    """A PostgreSQL server; what needs it is skipped where none is installed."""
    missing = postgres.what_is_missing()
    if missing is not None:
        pytest.skip(missing)
    with postgres.running() as started:
        yield started


@pytest.fixture(scope="session", autouse=True)
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The kind of database that the catalogues of test homes are in."""
    kind: str = request.param
    with databases.on(request.getfixturevalue("server") if kind == databases.POSTGRESQL else None):
        yield kind


@pytest.fixture
def catalog(database: str, tmp_path: Path) -> Iterator[Catalog]:
    """An empty catalogue of a test's own."""
    made = databases.open_catalog(tmp_path / "catalog.sqlite")
    yield made
    made.close()


@pytest.fixture(scope="session")
def ingested(database: str, tmp_path_factory: pytest.TempPathFactory) -> support.Library:
    """The small library, only to be read."""
    return support.ingested_library(tmp_path_factory.getbasetemp())


@pytest.fixture
def library(ingested: support.Library, tmp_path: Path) -> support.Library:
    """A copy of the small library, to be changed."""
    return ingested.clone(tmp_path)


@pytest.fixture(autouse=True)
def _dropped_databases(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take the databases of a test's own homes away after it."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        databases.drop_below(folder)


@pytest.fixture(scope="session")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dask_cluster.Cluster]:
    """A Dask cluster of two workers, of one thread and of two; skipped where Dask is not installed."""
    pytest.importorskip("distributed", reason="Dask is not installed (pip install 'deepcuts[cluster]')")
    with dask_cluster.running(tmp_path_factory.mktemp("dask")) as started:
        for threads in (1, 2):
            started.start_worker(threads=threads)
        yield started
