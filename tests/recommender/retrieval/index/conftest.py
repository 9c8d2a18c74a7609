"""The catalogue that most tests of the index are of."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.session import Catalog
from tests.recommender.retrieval.index.index_truth import nine_tracks


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Nine tracks, to be changed."""
    made = nine_tracks(tmp_path / "catalog.sqlite")
    yield made
    made.close()
