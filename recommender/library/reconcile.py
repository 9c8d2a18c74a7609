"""Bring the catalogue up to date with files whose audio is known, or was just analysed.

Identity is the audio's: a track keeps its id, plays and label when its file is moved or retagged,
also where files take each other's names.
"""

import os
from collections.abc import Iterator, Mapping, Set
from dataclasses import asdict
from typing import Final, Literal

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from classifier.model.predictions import SegmentAnalysis, TrackAnalysis
from db.models import Root, Track
from db.sound.features import SegmentRow, analysed_of, copy_segments, renew_vectors_token, store_segments
from db.tracks import at_paths, in_root, search_key
from db.values import same_content
from recommender.file_tags.read import TAGS_VERSION, FileTags
from recommender.library.known_audio import KnownAudio
from recommender.library.measures import copy_measures, set_measures
from recommender.library.scan import FoundFile
from recommender.library.workers.boundary import Failure
from recommender.library.workers.tasks import Identity

Outcome = Literal["retagged", "moved", "copied"]

LENGTH_LEEWAY_S: Final = 0.25
LENGTH_LEEWAY: Final = 0.04
"""By so much what was decoded may differ from what the packets say; rates differ by 8 % at the least."""


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
    settled, displaced = _settle_unmoved(session, root, identified, trunk_id)
    new = {f: i for f, i in identified.items() if i.content_hash is not None and f not in settled}
    held = audio.held(session, {i.content_hash for i in new.values() if i.content_hash is not None})
    known = {file: identity for file, identity in new.items() if identity.content_hash in held}
    lost = [track for track, analysed in displaced.values() if analysed]
    audio.offer(session, lost, held)
    moves = _find_moves(session, known, displaced.keys(), audio)
    _move(session, root, moves)
    for file, track in moves.items():
        _describe(session, track, file, known[file])
        settled[file] = "moved"
    copies = {file: identity for file, identity in known.items() if file not in moves}
    for file in _copy(session, root, copies, audio):
        settled[file] = "copied"
    return settled


def _settle_unmoved(
    session: Session, root: Root, identified: Mapping[FoundFile, Identity], trunk_id: str
) -> tuple[dict[FoundFile, Outcome], dict[str, tuple[Track, bool]]]:
    """Describe anew the tracks whose file has the audio that was analysed; return their files.

    The others whose path a file has now are returned by path, and whether each is analysed.
    """
    here = at_paths(session, root, [file.path for file in identified])
    analysed = analysed_of(session, [track.id for track in here.values()], trunk_id)
    settled: dict[FoundFile, Outcome] = {}
    displaced: dict[str, tuple[Track, bool]] = {}
    for file, identity in identified.items():
        track = here.get(file.path)
        if track is None:
            continue
        if holds(track, identity) and track.id in analysed:
            _describe(session, track, file, identity)
            settled[file] = "retagged"
        else:
            displaced[file.path] = (track, track.id in analysed)
    return settled, displaced


def _find_moves(
    session: Session, known: Mapping[FoundFile, Identity], displaced: Set[str], audio: KnownAudio
) -> dict[FoundFile, Track]:
    """Match files to tracks with their audio whose own path leads nowhere, or to other audio, now."""
    moves: dict[FoundFile, Track] = {}
    for file, identity in known.items():
        name = os.path.basename(file.path)
        track = audio.with_lost_file(session, identity.content_hash or "", name, displaced)
        if track is not None and holds(track, identity):
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
        track.missing = track.range_start_s is not None or not os.path.lexists(track.path)
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
        if same is None or not holds(same, identity):
            continue
        track = here.get(file.path) or _new_track(session, root, file.path)
        _describe(session, track, file, identity)
        copy_segments(session, same, track)
        copy_measures(same, track)
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
    track.range_start_s, track.range_end_s, track.sheet_hash = file.borders
    if holds(track, identity):
        track.analysed_hash = identity.content_hash  # which may tell more
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
    track.file_genres, track.own_genres = list(tags.genres), list(tags.own_genres)
    if tags.picture is not None:
        track.picture_hash = tags.picture
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
        if track is None or not os.access(file.file, os.R_OK):
            continue
        if tags is not None:
            _set_tags(track, file.path, tags)
            track.sheet_hash = file.borders[2]
        track.tags_version = TAGS_VERSION


def renew(session: Session, root: Root, identified: Mapping[FoundFile, Identity]) -> list[FoundFile]:
    """Give the tracks of unchanged files hashes of this version, and return the other files.

    These are the files that were never analysed, or not as what they are: as one with the same packets but
    another rate, say, or not to their end.
    """
    here = at_paths(session, root, [file.path for file in identified])
    others = []
    for file, identity in identified.items():
        track = here.get(file.path)
        if track is None:
            continue
        if track.error_kind is not None or not holds(track, identity):
            others.append(file)
        else:
            track.content_hash = track.analysed_hash = identity.content_hash
            _set_tags(track, file.path, identity.tags)
    return others


def holds(track: Track, identity: Identity) -> bool:
    """Whether a track was analysed as having a file's audio.

    A hash of an older version does not tell rate, channels and codec: then the length has to agree, too.
    """
    if not same_content(track.analysed_hash, identity.content_hash):
        return False
    if track.analysed_hash == identity.content_hash or None in (track.duration_s, identity.length_s):
        return True
    longer_s, shorter_s = sorted((track.duration_s or 0.0, identity.length_s or 0.0), reverse=True)
    return longer_s - shorter_s <= max(LENGTH_LEEWAY_S, LENGTH_LEEWAY * longer_s)


def store_analysis(
    session: Session, root: Root, file: FoundFile, identity: Identity, analysis: TrackAnalysis, bundle: Bundle
) -> Track:
    """Store a file's analysis in place of any older one."""
    track = in_root(session, root, file.path) or _new_track(session, root, file.path)
    same_audio = holds(track, identity)
    _describe(session, track, file, identity)
    track.duration_s = analysis.duration_s
    track.warning = "; ".join(analysis.warnings) or None
    track.analysed_hash = identity.content_hash
    set_measures(track, analysis.measures)
    rows = [_segment_row(segment, bundle) for segment in analysis.segments]
    store_segments(session, track, rows, bundle.trunk_id, bundle.bundle_id, same_audio=same_audio)
    return track


def _segment_row(segment: SegmentAnalysis, bundle: Bundle) -> SegmentRow:
    """Return a segment as a row, with the genres that the bundle's head gives it."""
    genres = None
    if segment.tags is not None and segment.embedding is not None:
        genres = bundle.genres(segment.tags[None], segment.embedding[None])[0]
    return SegmentRow(genres=genres, **{**vars(segment), "measures": asdict(segment.measures)})


def store_failure(
    session: Session, root: Root, file: FoundFile, identity: Identity | None, failure: Failure
) -> None:
    """Record why a file could not be analysed; what was known of its track is kept."""
    track = in_root(session, root, file.path) or _new_track(session, root, file.path)
    if identity is not None:
        _describe(session, track, file, identity)
    else:
        track.size, track.mtime_ns, track.missing = file.size, file.mtime_ns, False
        track.range_start_s, track.range_end_s, track.sheet_hash = file.borders
        if not track.title:
            _set_tags(track, file.path, FileTags() if file.part is None else file.part.tags)
    track.error_kind, track.error_message = failure.kind, failure.message
    renew_vectors_token(session)
