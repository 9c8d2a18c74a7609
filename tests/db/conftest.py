"""An empty catalogue."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.session import Catalog, open_catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """A new catalogue on disk."""
    made = open_catalog(tmp_path / "catalog.sqlite")
    yield made
    made.close()
