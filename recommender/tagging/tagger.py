"""Write genres into the files of a library, or take back what was written: file by file."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from classifier.model.bundle import Bundle
from db.session import Catalog
from db.tag_writes import UNDO, WRITE, set_undone
from recommender.errors import TagError
from recommender.file_tags import formats
from recommender.file_tags.genre_fields import differences, field_names
from recommender.file_tags.snapshots import take_back
from recommender.file_tags.stored_tags import StoredTags, same
from recommender.tagging.file_plan import FieldChange, TagOptions, plan_file, unsure, wanted
from recommender.tagging.recover import recover
from recommender.tagging.targets import TaggedFile, Target, targets_to_tag, targets_to_undo
from recommender.tagging.write import in_words, replace_tags, writable_target

OF_SHEET: Final = "it is one track of several in a file, by a cue sheet: nothing is written into that"


@dataclass
class TagOutcome:
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


def tag_files(
    catalog: Catalog,
    bundle: Bundle,
    folder: str | None,
    options: TagOptions,
    *,
    write: bool,
    keep_mtime: bool = False,
) -> tuple[int, Iterator[TagOutcome]]:
    """Return how many files there are, and write what is known of them, or tell what would be written.

    Parameters
    ----------
    catalog
        Where `write` is set, the caller holds the home's writer lock; writes that were cut off are settled.
    bundle
        The active bundle.
    folder
        Only the present tracks below it; None for all.
    options
        What is written, and over what.
    write
        Change the files, one for each outcome that is asked for; otherwise only look at them.
    keep_mtime
        Leave the time of their last change as it is.
    """
    if write:
        recover(catalog)
    number, targets = targets_to_tag(catalog, bundle, folder, write=write)
    writer = _Writer(catalog, write, keep_mtime)
    return number, (_tag(target, options, writer) for target in targets)


def undo_files(
    catalog: Catalog, folder: str | None, *, write: bool, keep_mtime: bool = False
) -> tuple[int, Iterator[TagOutcome]]:
    """Return how many files were written into, and take that back; what others changed since is kept.

    Parameters
    ----------
    catalog, folder, write, keep_mtime
        As for `tag_files`.
    """
    if write:
        recover(catalog)
    number, targets = targets_to_undo(catalog, folder, write=write)
    writer = _Writer(catalog, write, keep_mtime, UNDO)
    return number, (_undo(file, changes, writer) for file, changes in targets)


@dataclass(frozen=True)
class _Writer:
    """Gives files other tags, or only looks whether that could be done."""

    catalog: Catalog
    write: bool
    keep_mtime: bool
    action: str = WRITE

    def replace(self, file: TaggedFile, before: StoredTags, after: StoredTags, outcome: TagOutcome) -> None:
        """Write, and note in the outcome what the user should know of it."""
        _, status = writable_target(file.path)
        if status.st_nlink > 1:
            outcome.note = f"the file has {status.st_nlink} names (hard links); the others keep the old tags"
        if self.write:
            lost = replace_tags(
                self.catalog, file, before, after, keep_mtime=self.keep_mtime, action=self.action
            )
            outcome.written = True
            outcome.note = "; ".join(filter(None, (outcome.note, lost))) or None


def _tag(target: Target, options: TagOptions, writer: _Writer) -> TagOutcome:
    file = target.file
    outcome = TagOutcome(file.track_id, file.path)
    if target.is_part:
        outcome.note = None if writer.write else OF_SHEET
        return outcome
    if target.refused is not None or target.sound is None:
        outcome.skipped = target.refused
        return outcome
    outcome.unknown = unsure(target.sound, options)
    wants = wanted(target.sound, options, target.measured)
    if not wants:
        return outcome
    try:
        _check_unchanged(file)
        made = plan_file(formats.load(Path(file.path)), wants, target.recorded, options)
        outcome.changes, outcome.kept = made.changes, made.kept
        if made.changes:
            writer.replace(file, made.before, made.after, outcome)
    except (OSError, TagError) as error:
        outcome.changes, outcome.skipped = [], _reason(error)
    return outcome


def _undo(
    file: TaggedFile, changes: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], writer: _Writer
) -> TagOutcome:
    outcome = TagOutcome(file.track_id, file.path)
    try:
        before = formats.load(Path(file.path))
        after, left = take_back(before, changes)
        fields = field_names(before.kind, left)
        outcome.kept = [(name, "changed by hand since it was written") for name in fields]
        outcome.changes = [FieldChange(*difference) for difference in differences(before, after)]
        if not same(before, after):
            writer.replace(file, before, after, outcome)
        elif writer.write:
            with writer.catalog.transaction() as session:
                set_undone(session, file.track_id)
    except (OSError, TagError) as error:
        outcome.changes, outcome.skipped = [], _reason(error)
    return outcome


def _reason(error: OSError | TagError) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is gone"
    return str(error) if isinstance(error, TagError) else in_words(error)


def _check_unchanged(file: TaggedFile) -> None:
    status = os.stat(file.path)
    if (status.st_size, status.st_mtime_ns) != (file.size, file.mtime_ns):
        raise TagError("it has changed since it was analysed: run ingest")
