"""Tracks that are only shown: plain values, with neither a session behind them nor what it costs."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.file_range import FileRange, range_of
from db.kept import kept_of
from db.models import LARGEST, Root, Track
from db.values import in_parts

COLUMNS: Final = tuple(column.key for column in Track.__table__.columns)


class RootRow(NamedTuple):
    """A library root."""

    id: int
    path: str


if TYPE_CHECKING:
    TrackRow = Track
else:

    class TrackRow:
        """A track's columns, by the names that `Track` has them by, and its path; nobody may change it."""

        __slots__ = (*COLUMNS, "path", "root")

        def __init__(self, values: Sequence[Any], root_path: str) -> None:
            for name, value in zip(COLUMNS, values, strict=True):
                setattr(self, name, value)
            self.root = RootRow(self.root_id, root_path)
            self.path = os.path.join(root_path, self.rel_path)

        @property
        def file_range(self) -> FileRange:
            """As that of `Track`."""
            return range_of(self.path, self.range_start_s, self.range_end_s)


def rows_by_ids(session: Session, ids: Sequence[int]) -> dict[int, TrackRow]:
    """Return tracks by their ids, to be shown; as `db.tracks.by_ids`, read only where they are not kept."""
    kept = kept_of(session)
    held = {} if kept is None else kept.rows
    found = {i: held[i] for i in ids if i in held}
    read = _read(session, [i for i in ids if i not in found])
    if kept is not None and read:
        kept.add_rows(read)
    return found | read


def row_of(session: Session, track_id: int) -> TrackRow | None:
    """Return the track of an id, to be shown, or None."""
    return rows_by_ids(session, [track_id]).get(track_id) if 0 < track_id <= LARGEST else None


def _read(session: Session, ids: Sequence[int]) -> dict[int, TrackRow]:
    found: dict[int, TrackRow] = {}
    for some in in_parts(ids):
        query = select(*Track.__table__.columns, Root.path).join(Root, Root.id == Track.root_id)
        for row in session.execute(query.where(Track.id.in_(some))):
            found[row[0]] = TrackRow(row[:-1], row[-1])  # type: ignore[call-arg]
    return found
