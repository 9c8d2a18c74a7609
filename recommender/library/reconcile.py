"""Decide what became of each file: unchanged, moved, retagged, copied, or in need of analysis.

Identity is the audio's: a track keeps its id, plays and label when its file is moved or retagged.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.bundle import Bundle
from classifier.serve import TrackAnalysis
from db.features import (
    copy_segments,
    has_features,
    renew_vectors_token,
    store_segments,
    tracks_with_features,
)
from db.models import Root, Track
from db.tracks import at_path, is_within, search_key, with_content
from recommender.library.analysis import segment_rows
from recommender.library.file_tags import FileTags
from recommender.library.scan import FoundFile
from recommender.library.workers import Failure, Identity


@dataclass
class Plan:
    """What a scan means for the catalogue.

    Attributes
    ----------
    changed
        Files to identify: new ones, changed ones, and those without features of this trunk.
    unchanged
        How many files need nothing.
    known_failures
        How many files failed before and have not changed since.
    gone
        Ids of tracks whose file is not there any more.
    """

    changed: list[FoundFile] = field(default_factory=list)
    unchanged: int = 0
    known_failures: int = 0
    gone: list[int] = field(default_factory=list)


def plan(session: Session, root: Root, folder: str, found: Iterable[FoundFile], trunk_id: str) -> Plan:
    """Compare the files found below a folder with the catalogue's tracks there."""
    query = select(
        Track.id, Track.rel_path, Track.size, Track.mtime_ns, Track.error_kind, Track.missing
    ).where(Track.root_id == root.id)
    known = {os.path.join(root.path, row.rel_path): row for row in session.execute(query)}
    analysed = tracks_with_features(session, trunk_id)
    made = Plan()
    back: list[int] = []
    for file in found:
        row = known.pop(file.path, None)
        if row is None or _changed(row, file):
            made.changed.append(file)
        elif row.error_kind is not None:
            made.known_failures += 1
        elif row.id not in analysed:
            made.changed.append(file)
        else:
            made.unchanged += 1
        if row is not None and row.missing:
            back.append(row.id)
    made.gone = [row.id for path, row in known.items() if is_within(path, folder) and not row.missing]
    set_missing(session, back, missing=False)
    return made


def _changed(row: Any, file: FoundFile) -> bool:
    if (row.size, row.mtime_ns) != (file.size, file.mtime_ns):
        return True
    return row.error_kind == "unreadable" and os.access(file.path, os.R_OK)


def set_missing(session: Session, track_ids: list[int], *, missing: bool) -> None:
    """Mark tracks as gone, or as there again."""
    for track_id in track_ids:
        track = session.get(Track, track_id)
        if track is not None:
            track.missing = missing
    if track_ids:
        renew_vectors_token(session)


def still_gone(session: Session, track_ids: list[int]) -> list[int]:
    """Return those of some tracks whose path, as it is now, leads nowhere."""
    tracks = (session.get(Track, track_id) for track_id in track_ids)
    return [t.id for t in tracks if t is not None and not os.path.lexists(t.path)]


def settle(session: Session, root: Root, file: FoundFile, identity: Identity, trunk_id: str) -> str | None:
    """Bring the catalogue up to date with a file without decoding it, if that can be done.

    Returns
    -------
    str or None
        ``retagged``, ``moved`` or ``copied``; None where the audio must be analysed.
    """
    content_hash = identity.content_hash
    here = at_path(session, file.path)
    if content_hash is None:
        return None
    if here is not None and here.analysed_hash == content_hash and has_features(session, here.id, trunk_id):
        _describe(here, file, identity)
        return "retagged"
    same = [
        track
        for track in with_content(session, content_hash)
        if track is not here
        and track.analysed_hash == content_hash
        and has_features(session, track.id, trunk_id)
    ]
    gone = [track for track in same if not os.path.lexists(track.path)]
    if gone:
        gone.sort(key=lambda track: os.path.basename(track.path) != os.path.basename(file.path))
        _move(session, gone[0], here, root, file.path)
        _describe(gone[0], file, identity)
        renew_vectors_token(session)
        return "moved"
    if same:
        track = here or _new_track(session, root, file.path)
        copy_segments(session, same[0], track)
        track.duration_s, track.warning = same[0].duration_s, same[0].warning
        _describe(track, file, identity)
        track.analysed_hash = content_hash
        return "copied"
    return None


def _move(session: Session, track: Track, here: Track | None, root: Root, path: str) -> None:
    """Give a track another path; a track that was there gets the old one, and is missing."""
    old_root, old_rel_path = track.root, track.rel_path
    if here is not None:
        here.rel_path = f"{here.rel_path}\x00moving"  # no file is called that: paths stay unique
        session.flush()
    track.root, track.rel_path = root, os.path.relpath(path, root.path)
    session.flush()
    if here is not None:
        here.root, here.rel_path, here.missing = old_root, old_rel_path, True
        session.flush()


def _new_track(session: Session, root: Root, path: str) -> Track:
    track = Track(root=root, rel_path=os.path.relpath(path, root.path), size=0, mtime_ns=0)
    session.add(track)
    return track


def _describe(track: Track, file: FoundFile, identity: Identity) -> None:
    """Note what the file and its tags say; its analysis is good."""
    track.size, track.mtime_ns, track.missing = file.size, file.mtime_ns, False
    track.content_hash = identity.content_hash
    track.error_kind = track.error_message = None
    _set_tags(track, file.path, identity.tags)


def _set_tags(track: Track, path: str, tags: FileTags) -> None:
    stem = os.path.splitext(os.path.basename(path))[0]
    readable_stem = os.fsencode(stem).decode("utf-8", "replace")
    track.title = tags.title or readable_stem
    track.artist, track.album, track.year = tags.artist, tags.album, tags.year
    track.file_genres = list(tags.genres)
    track.search_text = search_key(track.artist, track.title)


def store_analysis(
    session: Session, root: Root, file: FoundFile, identity: Identity, analysis: TrackAnalysis, bundle: Bundle
) -> Track:
    """Store a file's analysis in place of any older one."""
    track = at_path(session, file.path) or _new_track(session, root, file.path)
    _describe(track, file, identity)
    track.duration_s = analysis.duration_s
    track.warning = "; ".join(analysis.warnings) or None
    track.analysed_hash = identity.content_hash
    session.flush()
    store_segments(session, track, segment_rows(analysis, bundle), bundle.trunk_id, bundle.bundle_id)
    return track


def store_failure(
    session: Session, root: Root, file: FoundFile, identity: Identity | None, failure: Failure
) -> None:
    """Record why a file could not be analysed; what was known of its track is kept."""
    track = at_path(session, file.path) or _new_track(session, root, file.path)
    if identity is not None:
        _describe(track, file, identity)
    else:
        track.size, track.mtime_ns, track.missing = file.size, file.mtime_ns, False
        if not track.title:
            _set_tags(track, file.path, FileTags())
    track.error_kind, track.error_message = failure.kind, failure.message
    renew_vectors_token(session)
