"""What an ingest has to do, from what a scan found and the catalogue knows; and what it did."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from classifier.errors import said
from classifier.measures.measure import VERSION
from db.file_range import file_of
from db.models import Root, Track
from db.sound.features import has_features_of, renew_vectors_token
from db.tracks import below, is_within
from db.values import PACKET_DIGITS, in_parts
from recommender.file_tags.read import TAGS_VERSION
from recommender.labels.rules import Unmatched
from recommender.library.cue_sheet import CueSheetError
from recommender.library.ignore_rules import IGNORE_FILE
from recommender.library.scan import FoundFile, ScanNotes, cut_into
from recommender.library.sheet_parts import parts_within
from recommender.song_paths import folded


@dataclass(frozen=True)
class Choice:
    """Which files of a folder an ingest is to look at.

    Attributes
    ----------
    exclude
        Patterns, as in a ``.gitignore`` file, of what is left out.
    retry
        Whether files that failed before are tried again although they have not changed.
    """

    exclude: Sequence[str] = ()
    retry: bool = False


@dataclass
class IngestPlan:
    """What a scan means for the catalogue.

    Attributes
    ----------
    found
        How many files, and parts of files, there are.
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
    to_renew
        Files of tracks that are neither, but for a hash of an older version, which told less of the audio.
    unmeasured
        Files of analysed tracks that are neither changed nor to renew, measured by an older version or not.
    gone
        Ids of tracks whose file is not there any more.
    left_out
        Ids of tracks that rules leave out now, or that no cue sheet cuts out any more; marked as missing.
    """

    found: int = 0
    changed: list[FoundFile] = field(default_factory=list)
    new: list[FoundFile] = field(default_factory=list)
    unchanged: int = 0
    known_failures: int = 0
    outdated: list[FoundFile] = field(default_factory=list)
    to_renew: list[FoundFile] = field(default_factory=list)
    unmeasured: list[FoundFile] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    left_out: list[int] = field(default_factory=list)

    @property
    def to_do(self) -> int:
        """Return how many files have to be looked into."""
        of_audio = len(self.changed) + len(self.new) + len(self.to_renew)
        return of_audio + len(self.outdated) + len(self.unmeasured)

    def take_in(self, file: FoundFile, row: Any | None, *, retry: bool) -> None:
        """Note what is to be done with a file that was found, and is at a track's path if there is one."""
        if row is None:
            self.new.append(file)
        elif _changed(row, file) or (retry if row.error_kind is not None else not row.analysed):
            self.changed.append(file)
        elif len(row.content_hash or "") == PACKET_DIGITS and os.access(file.file, os.R_OK):
            self.to_renew.append(file)
        else:
            self.known_failures += row.error_kind is not None
            self.unchanged += row.error_kind is None
            if row.tags_version < TAGS_VERSION or row.sheet_hash != file.borders[2]:
                self.outdated.append(file)
            if _unmeasured(row):
                self.unmeasured.append(file)


def plan(
    session: Session,
    root: Root,
    folder: str,
    found: Iterable[FoundFile],
    trunk_id: str,
    notes: ScanNotes,
    *,
    retry: bool = False,
) -> IngestPlan:
    """Compare the files found below a folder with the catalogue's tracks there.

    Of what is below folders that could not be listed nothing is known: no track there is gone. With `retry`,
    files that failed before are to be identified again.
    """
    known = _known(session, root, folder, trunk_id)
    found = [part for file in found for part in _opened(file, known.get(file.path), notes)]
    made, back = IngestPlan(found=len(found)), []
    for old, new in _respelled(known, found):
        known[new] = known.pop(old)
        respelled = os.path.relpath(new, root.path)
        session.execute(update(Track).where(Track.id == known[new].id).values(rel_path=respelled))
    for file in found:
        row = known.pop(file.path, None)
        made.take_in(file, row, retry=retry)
        if row is not None and row.missing:
            back.append(row.id)
    files = {file.file for file in found}
    for path, row in known.items():
        file_path = file_of(path) if row.range_start_s is not None else path
        if not is_within(path, folder) or row.missing or _is_below(path, notes.unlisted):
            continue
        # A file that is there may have been cut otherwise, or not at all, when the row was made.
        stays = file_path in files or _is_below(file_path, notes.left_out)
        (made.left_out if stays else made.gone).append(row.id)
    set_missing(session, back, missing=False)
    set_missing(session, made.left_out, missing=True)
    return made


def _known(session: Session, root: Root, folder: str, trunk_id: str) -> dict[str, Any]:
    """Return what is known of the tracks below a folder, by their paths."""
    kept = (Track.id, Track.rel_path, Track.size, Track.mtime_ns, Track.error_kind, Track.missing)
    of_part = (Track.range_start_s, Track.range_end_s, Track.sheet_hash)
    versions = (Track.tags_version, Track.measures_version)
    columns = (*kept, *of_part, *versions, Track.content_hash, has_features_of(trunk_id).label("analysed"))
    rows = session.execute(select(*columns).where(*below(root, folder)).order_by(Track.id))
    return {os.path.join(root.path, row.rel_path): row for row in rows}


def _opened(file: FoundFile, row: Any | None, notes: ScanNotes) -> list[FoundFile]:
    """Return a file; or the parts that a sheet in its own comments cuts it into, where it may be such a file.

    What is known as one file, and has not changed, is not looked into again.
    """
    if file.part is not None or (row is not None and not row.missing and not _changed(row, file)):
        return [file]
    try:
        return list(cut_into(file, parts_within(file.path))) or [file]
    except CueSheetError as error:
        notes.sheets.append(f"{file.path}: its own cue sheet, {error}; the sheet is not followed")
        return [file]


def _respelled(known: Collection[str], found: Iterable[FoundFile]) -> list[tuple[str, str]]:
    """Return the paths of files that were renamed in capitals or accents alone, before and after.

    Where a file system takes no notice of these, the old path still leads to the file.
    """
    paths = {file.path for file in found}
    lost = {folded(path): path for path in known if path not in paths}
    new = (path for path in paths if lost and path not in known)
    pairs = ((lost[folded(path)], path) for path in new if folded(path) in lost)
    return [(old, path) for old, path in pairs if _is_one_entry(old, path)]


def _is_one_entry(old: str, new: str) -> bool:
    """Whether two spellings lead to one name of one file; hard links are two."""
    try:
        status, other = os.lstat(file_of(new)), os.lstat(file_of(old))
    except OSError:
        return False
    return status.st_nlink == 1 and os.path.samestat(status, other)


def _is_below(path: str, some: Collection[str]) -> bool:
    """Whether a file is one of some files, or below one of some folders."""
    while some and path not in ("", os.sep):
        if path in some:
            return True
        path = os.path.dirname(path)
    return False


def _changed(row: Any, file: FoundFile) -> bool:
    if (row.size, row.mtime_ns) != (file.size, file.mtime_ns):
        return True
    if (row.range_start_s, row.range_end_s) != file.borders[:2]:
        return True
    return row.error_kind == "unreadable" and os.access(file.file, os.R_OK)


def _unmeasured(row: Any) -> bool:
    """Whether an analysed track, that is all of its file, was measured by an older version, or not at all."""
    return row.error_kind is None and row.measures_version < VERSION and row.range_start_s is None


def set_missing(session: Session, track_ids: list[int], *, missing: bool) -> None:
    """Mark tracks as gone, or as there again."""
    for some in in_parts(track_ids):
        session.execute(update(Track).where(Track.id.in_(some)).values(missing=missing))
    if track_ids:
        renew_vectors_token(session)


@dataclass(frozen=True)
class FailedFile:
    """A file that could not be analysed, and why."""

    path: str
    kind: str
    message: str


@dataclass
class IngestReport:
    """What an ingest did, in counts of files.

    Attributes
    ----------
    analysed
        Decoded and analysed, their hours of audio being `audio_s` seconds.
    unchanged, retagged, moved, copied
        Known already: nothing new, new tags or time stamp only, another path, a second copy.
    measured
        Of those that were analysed before, how many were measured now.
    missing
        Newly marked as gone.
    failed, known_failures
        Failed now; failed before and not changed since.
    warned
        Analysed, but something was wrong with them.
    notes
        What else the user should know, one sentence each.
    unmatched
        Lines of a table of labels that no track fits.
    passed_over
        How many files are no audio by their names, by their endings.
    stage_s
        Seconds of work in each stage, over all workers.
    """

    found: int = 0
    analysed: int = 0
    unchanged: int = 0
    retagged: int = 0
    moved: int = 0
    copied: int = 0
    measured: int = 0
    missing: int = 0
    known_failures: int = 0
    failed: list[FailedFile] = field(default_factory=list)
    warned: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unmatched: list[Unmatched] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    audio_s: float = 0.0
    seconds: float = 0.0
    stage_s: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("identify", "decode", "mel", "network", "database"), 0.0)
    )

    def take_in(self, notes: ScanNotes) -> None:
        """Report what a scan did not yield: what cannot be listed, cue sheets that are not followed."""
        for folder, error in notes.unlisted.items():
            of_rules = os.path.basename(str(error.filename)) == IGNORE_FILE
            what = f"its {IGNORE_FILE} cannot be read" if of_rules else "the folder cannot be listed"
            self.failed.append(FailedFile(folder, "unreadable", f"{what}: {said(error).lower()}"))
        self.passed_over.update(notes.passed_over)
        self.notes += notes.sheets

    def can_hold(self, file: FoundFile, longest: int | None) -> bool:
        """Whether a catalogue can hold a file's path, of so many bytes at most; report it where it cannot."""
        if longest is None or len(os.fsencode(file.path)) <= longest:
            return True
        message = f"its path is longer than the {longest} bytes that the database can hold"
        self.failed.append(FailedFile(file.path, "path_too_long", message))
        return False
