"""Write genres into the files of a library, or take back what was written: file by file."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from classifier.model.bundle import Bundle
from db.models import TagWrite, Track
from db.session import Catalog
from db.tag_writes import UNDO, set_undone, standing, written_tracks
from db.tracks import by_ids, is_within, present
from recommender import params
from recommender.describe import Sound, track_sounds
from recommender.errors import TagError
from recommender.file_tags import formats
from recommender.file_tags.genre_fields import differences, field_names, same, scores_of
from recommender.file_tags.snapshots import tags_of, take_back
from recommender.file_tags.stored_tags import StoredTags
from recommender.tagging.links import links_of
from recommender.tagging.plan import FieldChange, Scores, Wishes, plan_file, unsure, wanted
from recommender.tagging.write import TaggedFile, in_words, replace_tags, tagged_file, writable_target


@dataclass
class Outcome:
    """What became, or would become, of a file.

    Attributes
    ----------
    changes
        Its fields before and after; nothing where it stays as it is.
    kept
        Fields that were left alone, and why.
    unknown
        Why no genre is sure enough to be written; None where one is.
    skipped
        Why nothing could be done; None where it could.
    note
        What else the user should know; None for nothing.
    written
        Whether the file was replaced.
    """

    track_id: int
    path: str
    changes: list[FieldChange] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    unknown: str | None = None
    skipped: str | None = None
    note: str | None = None
    written: bool = False


def tracks_to_tag(catalog: Catalog, folder: str | None) -> list[int]:
    """Return the ids of the present tracks, by path; only those below a folder where one is given."""
    with catalog.transaction() as session:
        return [track.id for track in present(session, folder)]


def tracks_to_undo(catalog: Catalog, folder: str | None) -> list[int]:
    """Return the ids of the tracks that were written into and not taken back, by path."""
    with catalog.transaction() as session:
        tracks = by_ids(session, written_tracks(session)).values()
        chosen = [track for track in tracks if folder is None or is_within(track.path, folder)]
        return [track.id for track in sorted(chosen, key=lambda track: track.path)]


def tag_files(
    catalog: Catalog,
    bundle: Bundle,
    track_ids: Sequence[int],
    wishes: Wishes,
    *,
    write: bool,
    keep_mtime: bool = False,
) -> Iterator[Outcome]:
    """Write what is known of tracks into their files, or tell what would be written; one at a time.

    Parameters
    ----------
    catalog
        Where `write` is set, the caller holds the home's writer lock, and has called `recover`.
    bundle
        The active bundle.
    track_ids
        Of which tracks.
    wishes
        What is written, and over what.
    write
        Change the files; otherwise only look at them.
    keep_mtime
        Leave the time of their last change as it is.
    """
    links = _links(catalog, write=write)
    for start in range(0, len(track_ids), params.TAGGED_TOGETHER):
        some = track_ids[start : start + params.TAGGED_TOGETHER]
        with catalog.transaction() as session:
            tracks = by_ids(session, some)
            sounds = track_sounds(session, some, bundle)
            records = standing(session, some)
        for track_id in some:
            track = tracks[track_id]
            recorded = _last_scores(records.get(track_id, ()), track.content_hash)
            file = tagged_file(track, links)
            yield _tag(catalog, track, file, sounds.get(track_id), recorded, wishes, write, keep_mtime)


def _links(catalog: Catalog, *, write: bool) -> dict[str, list[int]]:
    """Return what `links_of` does; nothing where no file is written."""
    with catalog.transaction() as session:
        return links_of(session) if write else {}


def _last_scores(writes: Sequence[TagWrite], content_hash: str | None) -> Scores:
    """Return the names that were last written, as the catalogue has them; another recording has none."""
    own = (scores_of(tags_of(write.after)) for write in writes if write.after.get("audio") == content_hash)
    return next(filter(None, own), {})


def _tag(
    catalog: Catalog,
    track: Track,
    file: TaggedFile,
    sound: Sound | None,
    recorded: Scores,
    wishes: Wishes,
    write: bool,
    keep_mtime: bool,
) -> Outcome:
    outcome = Outcome(track.id, track.path)
    if track.error_kind is not None or sound is None:
        outcome.skipped = track.error_message or "it is not analysed with the active bundle: run ingest"
        return outcome
    outcome.unknown = unsure(sound, wishes)
    wants = wanted(sound, wishes)
    if not wants:
        return outcome
    try:
        _check_unchanged(file)
        made = plan_file(formats.load(Path(file.path)), wants, recorded, wishes)
        outcome.changes, outcome.kept = made.changes, made.kept
        if made.changes:
            _replace(catalog, file, made.before, made.after, outcome, write, keep_mtime)
    except (OSError, TagError) as error:
        outcome.changes, outcome.skipped = [], _reason(error)
    return outcome


def _replace(
    catalog: Catalog,
    file: TaggedFile,
    before: StoredTags,
    after: StoredTags,
    outcome: Outcome,
    write: bool,
    keep_mtime: bool,
    action: str = "write",
) -> None:
    names = os.stat(writable_target(file.path)).st_nlink
    if names > 1:
        outcome.note = f"the file has {names} names (hard links); the others keep the old tags"
    if write:
        lost = replace_tags(catalog, file, before, after, keep_mtime=keep_mtime, action=action)
        outcome.written = True
        outcome.note = "; ".join(filter(None, (outcome.note, lost))) or None


def _reason(error: OSError | TagError) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is gone"
    return str(error) if isinstance(error, TagError) else in_words(error)


def _check_unchanged(file: TaggedFile) -> None:
    status = os.stat(file.path)
    if (status.st_size, status.st_mtime_ns) != (file.size, file.mtime_ns):
        raise TagError("it has changed since it was analysed: run ingest")


def undo_files(
    catalog: Catalog, track_ids: Sequence[int], *, write: bool, keep_mtime: bool = False
) -> Iterator[Outcome]:
    """Take back what was written into the files of tracks; what others changed since then is kept.

    Parameters
    ----------
    catalog, write, keep_mtime
        As for `tag_files`.
    track_ids
        See `tracks_to_undo`.
    """
    links = _links(catalog, write=write)
    for start in range(0, len(track_ids), params.TAGGED_TOGETHER):
        some = track_ids[start : start + params.TAGGED_TOGETHER]
        with catalog.transaction() as session:
            tracks = by_ids(session, some)
            records = standing(session, some)
            changes = {i: [(r.before, r.after) for r in found] for i, found in records.items()}
        for track_id in some:
            outcome = Outcome(track_id, tracks[track_id].path)
            try:
                file = tagged_file(tracks[track_id], links)
                _take_back(catalog, file, changes[track_id], outcome, write, keep_mtime)
            except (OSError, TagError) as error:
                outcome.changes, outcome.skipped = [], _reason(error)
            yield outcome


def _take_back(
    catalog: Catalog,
    file: TaggedFile,
    changes: Sequence[tuple[dict[str, object], dict[str, object]]],
    outcome: Outcome,
    write: bool,
    keep_mtime: bool,
) -> None:
    before = formats.load(Path(file.path))
    after, left = take_back(before, changes)
    outcome.kept = [(name, "changed by hand since it was written") for name in field_names(before.kind, left)]
    outcome.changes = [FieldChange(*difference) for difference in differences(before, after)]
    if not same(before, after):
        _replace(catalog, file, before, after, outcome, write, keep_mtime, UNDO)
    elif write:
        with catalog.transaction() as session:
            set_undone(session, file.track_id)
