"""Settle the writes that were cut off: find out what became of each file, and take leftover copies away."""

import os
from pathlib import Path

from db.models import TagWrite
from db.session import Catalog
from db.tag_writes import begun, drop, finish
from recommender.errors import TagError
from recommender.tagging import formats
from recommender.tagging.changes import holds_any


def recover(catalog: Catalog) -> int:
    """Settle the writes that were cut off, and return how many there were.

    No file but a leftover copy is touched: each is whole, the old one or the new one.

    Parameters
    ----------
    catalog
        The caller holds the home's writer lock, so that none of them is still under way.
    """
    with catalog.transaction() as session:
        found = begun(session)
        for write in found:
            came_to_be = _came_to_be(write)
            if came_to_be is not None:
                (finish if came_to_be else drop)(session, write.id)
    return len(found)


def _came_to_be(write: TagWrite) -> bool | None:
    """Whether a file was replaced; if not, its copy is removed. None where that cannot be told now."""
    try:
        if os.path.lexists(write.temporary):
            os.unlink(write.temporary)
            return False
        tags = formats.load(Path(write.target))
    except OSError:
        return None  # perhaps its disk is not mounted
    except TagError:
        return True  # an undo looks at each field anyway
    return holds_any(tags, write.after)
