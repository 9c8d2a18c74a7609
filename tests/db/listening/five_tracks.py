"""Five tracks that lists are made of."""

from db.session import Catalog
from db.tracks import root_for
from tests.db.rows import new_track

N = 5


def fill(catalog: Catalog) -> None:
    """Put in tracks 1 to 5, of 10, 20, … seconds; the third's file is gone."""
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        for number in range(1, N + 1):
            new_track(session, root, str(number), duration_s=10.0 * number, missing=number == 3)
