"""The record of what is written into files: begun before a file is replaced, settled afterwards."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.models import TagWrite
from db.values import in_parts, utc_now

WRITE, UNDO = "write", "undo"
BEGUN, DONE, UNDONE = "begun", "done", "undone"


def begin(
    session: Session,
    track_id: int,
    action: str,
    target: str,
    temporary: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> int:
    """Record that a file is about to be replaced; return the record's id.

    On SQLite the commit waits until the disk has it, so that the record outlives a loss of power that the
    new file outlives.
    """
    _synchronous(session, "FULL")
    write = TagWrite(
        track_id=track_id,
        action=action,
        state=BEGUN,
        begun_at=utc_now(),
        target=target,
        temporary=temporary,
        before=dict(before),
        after=dict(after),
    )
    session.add(write)
    session.flush()
    return write.id


def _synchronous(session: Session, level: str) -> None:
    """Say how far the disk is waited for, from the next commit on; a server does as it is set up to."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA synchronous = {level}")


def finish(session: Session, write_id: int) -> None:
    """Note that the file was replaced; where that was an undo, the writes before it are undone."""
    _synchronous(session, "NORMAL")  # if this is lost, it is found out again
    write = session.get_one(TagWrite, write_id)
    write.state = DONE
    if write.action == UNDO:
        set_undone(session, write.track_id)


def set_undone(session: Session, track_id: int) -> None:
    """Note that the writes of a track are undone."""
    undone = update(TagWrite).where(
        TagWrite.track_id == track_id, TagWrite.action == WRITE, TagWrite.state == DONE
    )
    session.execute(undone.values(state=UNDONE))


def drop(session: Session, write_id: int) -> None:
    """Forget a write that did not come to be."""
    session.delete(session.get_one(TagWrite, write_id))


def begun(session: Session) -> list[TagWrite]:
    """Return the records of which it is not known what became of the file, by id."""
    return list(session.scalars(select(TagWrite).where(TagWrite.state == BEGUN).order_by(TagWrite.id)))


def standing(session: Session, track_ids: Sequence[int]) -> dict[int, list[TagWrite]]:
    """Return the writes of some tracks that were not undone, the newest first; the others are left out."""
    found: dict[int, list[TagWrite]] = defaultdict(list)
    for some in in_parts(track_ids):
        query = select(TagWrite).where(
            TagWrite.track_id.in_(some), TagWrite.action == WRITE, TagWrite.state == DONE
        )
        for write in session.scalars(query.order_by(TagWrite.id.desc())):
            found[write.track_id].append(write)
    return dict(found)


def written_tracks(session: Session) -> list[int]:
    """Return the ids of the tracks that have writes which were not undone, ascending."""
    query = select(TagWrite.track_id).where(TagWrite.action == WRITE, TagWrite.state == DONE)
    return sorted(set(session.scalars(query)))
