"""How far an ingest is, for the service: noted in the catalogue, and an index that grows meanwhile."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from db.session import Catalog
    from recommender.retrieval.index.growing import GrowingIndex

NOTED_EVERY_S: Final = 1.0


@contextmanager
def told_to_the_service(
    catalog: "Catalog", index_dir: "Path", trunk_id: str, move: Callable[[int, int], None]
) -> "Iterator[tuple[Callable[[int, int], None], GrowingIndex]]":
    """Give what an ingest moves on with: it also notes how far it is, and publishes the index now and then.

    Parameters
    ----------
    move
        What it moves on with beside that, such as a bar on the terminal.
    """
    from db.errors import CatalogError
    from db.ingest_progress import IngestProgress, clear_progress, note_progress
    from recommender.retrieval.index.growing import GrowingIndex

    growing = GrowingIndex(catalog, index_dir, trunk_id)
    noted_s = 0.0

    def moved(done: int, found: int) -> None:
        nonlocal noted_s
        move(done, found)
        now_s = time.monotonic()
        if found and now_s - noted_s >= NOTED_EVERY_S:
            noted_s = now_s
            with catalog.transaction() as session:
                note_progress(session, IngestProgress(done, found))
        growing.moved(done, found)

    try:
        yield moved, growing
    finally:
        if noted_s:
            with suppress(CatalogError), catalog.transaction() as session:
                clear_progress(session)
