"""Settle the writes that were cut off: find out what became of each file, and take leftover copies away."""

import os
from contextlib import suppress
from pathlib import Path

from sqlalchemy.orm import Session

from classifier.audio.audio_hash import audio_hash
from db.models import TagWrite, Track
from db.session import Catalog
from db.tag_writes import begun, drop, finish
from db.values import same_content
from recommender.errors import TagError
from recommender.file_tags import formats
from recommender.file_tags.snapshots import holds_any
from recommender.tagging.targets import tagged_file
from recommender.tagging.write import bring_up_to_date


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
            if came_to_be:
                finish(session, write.id)
                _bring_up_to_date(session, write.track_id)
            elif came_to_be is not None:
                drop(session, write.id)
    return len(found)


def _bring_up_to_date(session: Session, track_id: int) -> None:
    """Note what became of a track's file, if it is still that recording."""
    track = session.get_one(Track, track_id)
    file = tagged_file(track)
    with suppress(OSError):  # then it is looked at by the next ingest
        if same_content(audio_hash(Path(file.path)), file.content_hash):
            bring_up_to_date(session, file, file.size, file.mtime_ns)


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
