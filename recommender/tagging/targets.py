"""The files that are to be tagged, or to be restored, and what the catalogue knows of them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from classifier.measures.key import short_name
from classifier.model.bundle import Bundle
from db.listening.plays import known_songs
from db.models import TagWrite, Track
from db.session import Catalog
from db.tag_writes import standing, written_tracks
from db.tracks import by_ids, is_within, present
from db.values import same_content
from recommender import params
from recommender.describe import Sound, track_sounds
from recommender.file_tags.genre_fields import KEY, TEMPO, scores_of
from recommender.file_tags.snapshots import tags_of

Scores = Mapping[str, Mapping[str, float]]
"""Of each field, the names in it that are ours, with their probabilities."""
NOTHING: Final[Scores] = {}
Links = Mapping[str, Sequence[int]]
"""The tracks of files that symbolic links lead to, all of each, by the file's own path."""


@dataclass(frozen=True)
class TaggedFile:
    """A track's file, as the catalogue has it.

    Attributes
    ----------
    path
        Where the catalogue says it is, links not resolved.
    linked
        Ids of tracks whose paths lead to the file by symbolic links; None where nobody has looked, and all
        with its audio must be.
    """

    track_id: int
    path: str
    size: int
    mtime_ns: int
    content_hash: str | None
    linked: tuple[int, ...] | None = None


class Target(NamedTuple):
    """A file, its song's sound, the names that were last written into it; and why it cannot be tagged.

    `is_part` says that it is one track of several in a file, into which nothing is written; `measured` has
    the tempo and the key as they are written.
    """

    file: TaggedFile
    sound: Sound | None
    recorded: Scores
    refused: str | None
    is_part: bool = False
    measured: Scores = NOTHING


def tagged_file(track: Track, links: Links | None = None) -> TaggedFile:
    """Return what is to be known of a track to write into its file.

    Parameters
    ----------
    links
        What `links_of` says of the catalogue; None where it was not asked.
    """
    path = track.path
    linked = None if links is None else tuple(links.get(os.path.realpath(path), ()))
    return TaggedFile(track.id, path, track.size, track.mtime_ns, track.content_hash, linked)


def links_of(session: Session) -> dict[str, list[int]]:
    """Return the tracks of files that symbolic links lead to, all of each, by the file's own path.

    Looked up once for many files: to ask for the other tracks of each one's audio takes, where there are
    thousands of copies, thousands of questions a file.
    """
    paths = {song.track_id: song.path for song in known_songs(session) if not song.missing}
    real = {track_id: os.path.realpath(path) for track_id, path in paths.items()}
    elsewhere = {path for track_id, path in real.items() if path != paths[track_id]}
    links: dict[str, list[int]] = {}
    for track_id, path in real.items():
        if path in elsewhere:
            links.setdefault(path, []).append(track_id)
    return links


def targets_to_tag(
    catalog: Catalog, bundle: Bundle, folder: str | None, *, write: bool
) -> tuple[int, Iterator[Target]]:
    """Return how many present tracks there are, and then these, by path; only those below a given folder.

    Parameters
    ----------
    write
        Whether they are written, so that links to the files count.
    """
    with catalog.transaction() as session:
        ids = [track.id for track in present(session, folder)]
        links = links_of(session) if write else {}
    return len(ids), _to_tag(catalog, bundle, ids, links)


def _to_tag(catalog: Catalog, bundle: Bundle, track_ids: Sequence[int], links: Links) -> Iterator[Target]:
    for some in _batches(track_ids):
        with catalog.transaction() as session:
            tracks = by_ids(session, some)
            records = standing(session, some)
            sounds = track_sounds(session, some, bundle)
        for track_id in some:
            track, sound = tracks[track_id], sounds.get(track_id)
            recorded = _last_scores(records.get(track_id, ()), track.content_hash)
            refused = None
            if track.error_kind is not None or sound is None:
                refused = track.error_message or "it is not analysed with the active bundle: run ingest"
            is_part = not track.file_range.whole
            yield Target(tagged_file(track, links), sound, recorded, refused, is_part, _measured(track))


def _measured(track: Track) -> Scores:
    """Return the tempo, in whole beats per minute, and the key of a track, and how sure they are."""
    found = {}
    if track.tempo_bpm is not None:
        found[TEMPO] = {str(round(track.tempo_bpm)): track.tempo_confidence or 0.0}
    if track.key is not None:
        found[KEY] = {short_name(track.key): track.key_confidence or 0.0}
    return found


def _last_scores(writes: Sequence[TagWrite], content_hash: str | None) -> Scores:
    """Return the names that were last written, as the catalogue has them; another recording has none."""
    own = (
        scores_of(tags_of(write.after))
        for write in writes
        if same_content(write.after.get("audio"), content_hash)
    )
    return next(filter(None, own), {})


def targets_to_undo(
    catalog: Catalog, folder: str | None, *, write: bool
) -> tuple[int, Iterator[tuple[TaggedFile, list[tuple[Any, Any]]]]]:
    """Return how many tracks were written into and not taken back, and then these, by path.

    Each file comes with what its writes recorded, before and after, the newest first.
    """
    with catalog.transaction() as session:
        tracks = by_ids(session, written_tracks(session)).values()
        chosen = [track for track in tracks if folder is None or is_within(track.path, folder)]
        ids = [track.id for track in sorted(chosen, key=lambda track: track.path)]
        links = links_of(session) if write else {}
    return len(ids), _to_undo(catalog, ids, links)


def _to_undo(
    catalog: Catalog, track_ids: Sequence[int], links: Links
) -> Iterator[tuple[TaggedFile, list[tuple[Any, Any]]]]:
    for some in _batches(track_ids):
        with catalog.transaction() as session:
            tracks = by_ids(session, some)
            records = standing(session, some)
            changes = {i: [(r.before, r.after) for r in found] for i, found in records.items()}
        for track_id in some:
            yield tagged_file(tracks[track_id], links), changes[track_id]


def _batches(track_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(track_ids), params.TAGGED_TOGETHER):
        yield track_ids[start : start + params.TAGGED_TOGETHER]
