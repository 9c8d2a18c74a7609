"""A catalogue of five tracks."""

import pytest

from db.session import Catalog
from tests.db.listening.five_tracks import fill


@pytest.fixture
def five(catalog: Catalog) -> Catalog:
    """A catalogue of tracks 1 to 5, of which the third's file is gone."""
    fill(catalog)
    return catalog
