"""One small ingested library for all tests here; those that change it take a copy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from classifier.model import bundle
from recommender.library import ingest
from recommender.library.workers.pool import Workers
from tests.recommender import support
from tests.recommender.support import Library


@pytest.fixture(scope="session")
def ingested(database: str, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The small library, only to be read."""
    return support.ingested_library(tmp_path_factory.getbasetemp())


@pytest.fixture
def library(ingested: Library, tmp_path: Path) -> Library:
    """A copy of the small library, to be changed."""
    return ingested.clone(tmp_path)


@pytest.fixture(scope="session")
def started_workers() -> Iterator[Workers[Any]]:
    """One worker process that outlives the runs that use it."""
    with Workers[Any](bundle.SHIPPED, 1) as workers:
        yield workers


@pytest.fixture
def quick_library(
    ingested: Library, tmp_path: Path, started_workers: Workers[Any], monkeypatch: pytest.MonkeyPatch
) -> Library:
    """A copy of the small library whose ingest runs in this process, on a worker already started."""

    class Lent:
        def __class_getitem__(cls, _key: object) -> type["Lent"]:
            return cls

        def __init__(self, *_settings: object) -> None:
            pass

        def __enter__(self) -> Workers[Any]:
            return started_workers

        def __exit__(self, *_error: object) -> None:
            pass

    monkeypatch.setattr(ingest, "Workers", Lent)
    return ingested.clone(tmp_path, here=True)
