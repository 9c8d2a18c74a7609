"""Bring the catalogue up to date with files whose audio is known, or was just analysed.

Identity is the audio's: a track keeps its id, plays and label when its file is moved or retagged,
also where files take each other's names.
"""

import os
from collections.abc import Iterator, Mapping, Set
from typing import Literal

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from classifier.model.predictions import TrackAnalysis
from db.features import analysed_of, copy_segments, renew_vectors_token, store_segments
from db.models import Root, Track
from db.tracks import at_paths, in_root, search_key
from recommender.file_tags.read import TAGS_VERSION, FileTags
from recommender.library.known_audio import KnownAudio
from recommender.library.scan import FoundFile
from recommender.library.segment_rows import segment_rows
from recommender.library.workers.boundary import Failure
from recommender.library.workers.pool import Identity

Outcome = Literal["retagged", "moved", "copied"]


def settle(
    session: Session, root: Root, identified: Mapping[FoundFile, Identity], trunk_id: str, audio: KnownAudio
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
    audio
        What the run knows of the catalogue's audio.

    Returns
    -------
    dict
        What became of each file; the audio of a file that is not in it must be analysed.
    """
    here = at_paths(session, root, [file.path for file in identified])
    analysed = analysed_of(session, [track.id for track in here.values()], trunk_id)
    settled: dict[FoundFile, Outcome] = {}
    displaced: dict[str, Track] = {}
    for file, identity in identified.items():
        track = here.get(file.path)
        if track is None:
            continue
        if identity.content_hash is not None and _is_of(track, identity) and track.id in analysed:
            _describe(session, track, file, identity)
            settled[file] = "retagged"
        else:
            displaced[file.path] = track
    known = {f: i for f, i in identified.items() if i.content_hash is not None and f not in settled}
    wanted = {identity.content_hash for identity in known.values()}
    lost = (t for t in displaced.values() if t.content_hash in wanted and t.id in analysed)
    audio.offer(session, (t for t in lost if t.content_hash == t.analysed_hash))
    moves = _find_moves(session, known, displaced.keys(), audio)
    _move(session, root, moves)
    for file, track in moves.items():
        _describe(session, track, file, known[file])
        settled[file] = "moved"
    copies = {file: identity for file, identity in known.items() if file not in moves}
    for file in _copy(session, root, copies, audio):
        settled[file] = "copied"
    return settled


def _is_of(track: Track, identity: Identity) -> bool:
    """Whether a track's stored analysis is of this audio."""
    return track.analysed_hash == identity.content_hash


def _find_moves(
    session: Session, known: Mapping[FoundFile, Identity], displaced: Set[str], audio: KnownAudio
) -> dict[FoundFile, Track]:
    """Match files to tracks with their audio whose own path leads nowhere, or to other audio, now."""
    moves: dict[FoundFile, Track] = {}
    for file, identity in known.items():
        name = os.path.basename(file.path)
        track = audio.with_lost_file(session, identity.content_hash or "", name, displaced)
        if track is not None:
            moves[file] = track
    return moves


def _move(session: Session, root: Root, moves: Mapping[FoundFile, Track]) -> None:
    """Give tracks their files' paths; tracks that were there and did not move get the paths left."""
    moved = {track.id for track in moves.values()}
    there = at_paths(session, root, [file.path for file in moves])
    evicted = [there[f.path] for f in moves if f.path in there and there[f.path].id not in moved]
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


def _copy(
    session: Session, root: Root, files: Mapping[FoundFile, Identity], audio: KnownAudio
) -> Iterator[FoundFile]:
    """Give files the analysis of tracks with the same audio; yield those for which there was one."""
    here = at_paths(session, root, [file.path for file in files])
    for file, identity in files.items():
        same = audio.analysed(session, identity.content_hash or "")
        if same is None:
            continue
        track = here.get(file.path) or _new_track(session, root, file.path)
        _describe(session, track, file, identity)
        copy_segments(session, same, track)
        track.duration_s, track.warning = same.duration_s, same.warning
        track.analysed_hash = identity.content_hash
        yield file


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


def retag(session: Session, root: Root, read: Mapping[FoundFile, FileTags | None]) -> None:
    """Note what the tags of unchanged files say, to a reader that reads more than the one before it.

    Those of files that cannot be read now, or where there are none because reading them failed, stay.
    """
    here = at_paths(session, root, [file.path for file in read])
    for file, tags in read.items():
        track = here.get(file.path)
        if track is None or not os.access(file.path, os.R_OK):
            continue
        if tags is not None:
            _set_tags(track, file.path, tags)
        track.tags_version = TAGS_VERSION


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
