"""Compare what a scan found with what the catalogue knows."""

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.features import has_features_of, renew_vectors_token
from db.models import Root, Track
from db.tracks import IDS_AT_ONCE, below, is_within
from recommender.file_tags.read import TAGS_VERSION
from recommender.library.scan import FoundFile


@dataclass
class Plan:
    """What a scan means for the catalogue.

    Attributes
    ----------
    changed
        Files of known tracks to identify: changed since, or without features of this trunk.
    new
        Files that no track has the path of.
    unchanged
        How many files need nothing.
    known_failures
        How many files failed before and have not changed since.
    outdated
        Files among those two whose tags were read by an older reader.
    gone
        Ids of tracks whose file is not there any more.
    """

    changed: list[FoundFile] = field(default_factory=list)
    new: list[FoundFile] = field(default_factory=list)
    unchanged: int = 0
    known_failures: int = 0
    outdated: list[FoundFile] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)


def plan(
    session: Session,
    root: Root,
    folder: str,
    found: Iterable[FoundFile],
    trunk_id: str,
    unseen: Collection[str] = (),
) -> Plan:
    """Compare the files found below a folder with the catalogue's tracks there.

    Of what is below the folders `unseen` nothing is known: no track there is gone.
    """
    kept = (Track.id, Track.rel_path, Track.size, Track.mtime_ns, Track.error_kind, Track.missing)
    columns = (*kept, Track.tags_version, has_features_of(trunk_id).label("analysed"))
    rows = session.execute(select(*columns).where(*below(root, folder)).order_by(Track.id))
    known = {os.path.join(root.path, row.rel_path): row for row in rows}
    made = Plan()
    back: list[int] = []
    for file in found:
        row = known.pop(file.path, None)
        if row is None:
            made.new.append(file)
        elif _changed(row, file) or (row.error_kind is None and not row.analysed):
            made.changed.append(file)
        else:
            made.known_failures += row.error_kind is not None
            made.unchanged += row.error_kind is None
            if row.tags_version < TAGS_VERSION:
                made.outdated.append(file)
        if row is not None and row.missing:
            back.append(row.id)
    made.gone = [
        row.id
        for path, row in known.items()
        if is_within(path, folder) and not row.missing and not _is_unseen(path, unseen)
    ]
    set_missing(session, back, missing=False)
    return made


def _is_unseen(path: str, unseen: Collection[str]) -> bool:
    """Whether a file is below one of some folders."""
    while unseen and path not in ("", os.sep):
        path = os.path.dirname(path)
        if path in unseen:
            return True
    return False


def _changed(row: Any, file: FoundFile) -> bool:
    if (row.size, row.mtime_ns) != (file.size, file.mtime_ns):
        return True
    return row.error_kind == "unreadable" and os.access(file.path, os.R_OK)


def set_missing(session: Session, track_ids: list[int], *, missing: bool) -> None:
    """Mark tracks as gone, or as there again."""
    for some in _in_parts(track_ids):
        session.execute(update(Track).where(Track.id.in_(some)).values(missing=missing))
    if track_ids:
        renew_vectors_token(session)


def still_gone(session: Session, track_ids: list[int]) -> list[int]:
    """Return those of some tracks whose path, as it is now, leads nowhere."""
    query = select(Track.id, Root.path, Track.rel_path).join(Root, Root.id == Track.root_id)
    gone: list[int] = []
    for some in _in_parts(track_ids):
        places = session.execute(query.where(Track.id.in_(some)).order_by(Track.id))
        gone += [i for i, root, rel_path in places if not os.path.lexists(os.path.join(root, rel_path))]
    return gone


def _in_parts(track_ids: list[int]) -> Iterator[list[int]]:
    return (track_ids[start : start + IDS_AT_ONCE] for start in range(0, len(track_ids), IDS_AT_ONCE))
