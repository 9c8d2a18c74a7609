"""What the tests share: the shipped model, and the folder of data that may be absent."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from classifier import bundle
from classifier.bundle import Bundle
from classifier.serve import Trunk
from tests import postgres

REPO = Path(__file__).resolve().parent.parent
SHARED = REPO.parent / "shared"

os.environ.pop("DEEPCUTS_DATABASE", None)  # a catalogue of one's own is no place for tests


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
