"""Bring the catalogue up to date with files whose audio is known, or was just analysed.

Identity is the audio's: a track keeps its id, plays and label when its file is moved or retagged,
also where files take each other's names.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from sqlalchemy.orm import Session

from classifier.analysis import TrackAnalysis
from classifier.bundle import Bundle
from classifier.errors import LimitError
from db.features import copy_segments, has_features, renew_vectors_token, store_segments
from db.models import Root, Track
from db.tracks import at_path, in_root, search_key, with_content
from recommender.library.analysis import segment_rows
from recommender.library.file_tags import TAGS_VERSION, FileTags, read_tags
from recommender.library.scan import FoundFile
from recommender.library.workers import Failure, Identity

Outcome = Literal["retagged", "moved", "copied"]


def settle(
    session: Session, root: Root, identified: Mapping[FoundFile, Identity], trunk_id: str
) -> dict[FoundFile, Outcome]:
    """Bring the catalogue up to date with files without decoding them, where that can be done.

    Parameters
    ----------
    session
        Of the catalogue.
    root
        The library root that the files are below.
    identified
        New and changed files; together, so that files which took each other's names are understood.
    trunk_id
        Analyses of other trunks do not count.

    Returns
    -------
    dict
        What became of each file; the audio of a file that is not in it must be analysed.
    """
    known = {file: i for file, i in identified.items() if i.content_hash is not None}
    settled: dict[FoundFile, Outcome] = {}
    displaced: set[str] = set()
    for file, identity in identified.items():
        here = in_root(session, root, file.path)
        if here is None:
            continue
        if file in known and _is_analysed(session, here, identity, trunk_id):
            _describe(session, here, file, identity)
            settled[file] = "retagged"
        else:
            displaced.add(file.path)
    alike = {f: _analysed_with(session, i, trunk_id) for f, i in known.items() if f not in settled}
    moves = _find_moves(alike, displaced)
    _move(session, root, moves)
    for file, track in moves.items():
        _describe(session, track, file, known[file])
        settled[file] = "moved"
    for file, tracks in alike.items():
        if file not in moves and tracks:
            _copy(session, root, file, known[file], tracks[0])
            settled[file] = "copied"
    return settled


def _is_analysed(session: Session, track: Track, identity: Identity, trunk_id: str) -> bool:
    """Whether a track's stored analysis is of this audio, by this trunk."""
    return track.analysed_hash == identity.content_hash and has_features(session, track.id, trunk_id)


def _analysed_with(session: Session, identity: Identity, trunk_id: str) -> list[Track]:
    same = with_content(session, identity.content_hash or "")
    return [track for track in same if _is_analysed(session, track, identity, trunk_id)]


def _find_moves(alike: Mapping[FoundFile, list[Track]], displaced: set[str]) -> dict[FoundFile, Track]:
    """Match files to tracks with their audio whose own path leads nowhere, or to other audio, now."""
    moves: dict[FoundFile, Track] = {}
    taken: set[int] = set()
    for file, tracks in alike.items():
        free = [
            track
            for track in tracks
            if track.id not in taken and (track.path in displaced or not os.path.lexists(track.path))
        ]
        if free:
            name = os.path.basename(file.path)
            chosen = min(free, key=lambda track: (os.path.basename(track.path) != name, track.id))
            moves[file] = chosen
            taken.add(chosen.id)
    return moves


def _move(session: Session, root: Root, moves: Mapping[FoundFile, Track]) -> None:
    """Give tracks their files' paths; tracks that were there and did not move get the paths left."""
    moved = {track.id for track in moves.values()}
    there = (in_root(session, root, file.path) for file in moves)
    evicted = [track for track in there if track is not None and track.id not in moved]
    targets = {file.path for file in moves}
    left = [(t.root, t.rel_path) for t in moves.values() if t.path not in targets]
    for track in (*moves.values(), *evicted):
        track.rel_path = f"{track.id}\x00moving"  # no file is called that: paths stay unique meanwhile
    session.flush()
    for file, track in moves.items():
        track.root, track.rel_path = root, os.path.relpath(file.path, root.path)
    for track, (old_root, old_rel_path) in zip(evicted, left, strict=False):
        track.root, track.rel_path = old_root, old_rel_path
        track.missing = not os.path.lexists(track.path)
    session.flush()
    if moves:
        renew_vectors_token(session)


def _copy(session: Session, root: Root, file: FoundFile, identity: Identity, same: Track) -> None:
    """Give a file the analysis of a track with the same audio."""
    track = in_root(session, root, file.path) or _new_track(session, root, file.path)
    _describe(session, track, file, identity)
    copy_segments(session, same, track)
    track.duration_s, track.warning = same.duration_s, same.warning
    track.analysed_hash = identity.content_hash


def _new_track(session: Session, root: Root, path: str) -> Track:
    track = Track(root=root, rel_path=os.path.relpath(path, root.path), size=0, mtime_ns=0)
    session.add(track)
    return track


def _describe(session: Session, track: Track, file: FoundFile, identity: Identity) -> None:
    """Note what the file and its tags say; its analysis is good."""
    if track.missing or track.error_kind is not None:
        renew_vectors_token(session)  # it belongs in the index again
    track.size, track.mtime_ns, track.missing = file.size, file.mtime_ns, False
    track.content_hash = identity.content_hash
    track.error_kind = track.error_message = None
    _set_tags(track, file.path, identity.tags)


def _set_tags(track: Track, path: str, tags: FileTags) -> None:
    stem = os.path.splitext(os.path.basename(path))[0]
    readable_stem = os.fsencode(stem).decode("utf-8", "replace")
    track.title = tags.title or readable_stem
    track.artist, track.album, track.year = tags.artist, tags.album, tags.year
    track.album_artist = tags.album_artist
    track.track_number, track.disc_number = tags.track_number, tags.disc_number
    track.file_genres = list(tags.genres)
    track.tags_version = TAGS_VERSION
    track.search_text = search_key(track.artist, track.title)
    track.plays = max(track.plays or 0, tags.plays)  # a retagged file never lowers what is known
    if tags.last_played is not None:
        track.last_played = max(track.last_played or tags.last_played, tags.last_played)


def read_tags_again(session: Session, files: Sequence[FoundFile]) -> None:
    """Note what the tags of unchanged files say, to a reader that reads more than the one before it."""
    for file in files:
        track = at_path(session, file.path)
        if track is None or not os.access(file.path, os.R_OK):
            continue
        try:
            _set_tags(track, file.path, read_tags(Path(file.path)))
        except LimitError:
            track.tags_version = TAGS_VERSION  # what an earlier reader made of them stays


def store_analysis(
    session: Session, root: Root, file: FoundFile, identity: Identity, analysis: TrackAnalysis, bundle: Bundle
) -> Track:
    """Store a file's analysis in place of any older one."""
    track = in_root(session, root, file.path) or _new_track(session, root, file.path)
    same_audio = track.analysed_hash is not None and track.analysed_hash == identity.content_hash
    _describe(session, track, file, identity)
    track.duration_s = analysis.duration_s
    track.warning = "; ".join(analysis.warnings) or None
    track.analysed_hash = identity.content_hash
    rows = segment_rows(analysis, bundle)
    store_segments(session, track, rows, bundle.trunk_id, bundle.bundle_id, same_audio=same_audio)
    return track


def store_failure(
    session: Session, root: Root, file: FoundFile, identity: Identity | None, failure: Failure
) -> None:
    """Record why a file could not be analysed; what was known of its track is kept."""
    track = in_root(session, root, file.path) or _new_track(session, root, file.path)
    if identity is not None:
        _describe(session, track, file, identity)
    else:
        track.size, track.mtime_ns, track.missing = file.size, file.mtime_ns, False
        if not track.title:
            _set_tags(track, file.path, FileTags())
    track.error_kind, track.error_message = failure.kind, failure.message
    renew_vectors_token(session)
