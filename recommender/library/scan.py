"""Find the audio files below a folder, and the tracks that cue sheets cut some of them into."""

import errno
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from classifier.audio.decode import is_audio_path
from db.file_range import file_of, part_path
from recommender.file_tags.read import FileTags
from recommender.library.ignore_rules import NO_MEDIA, IgnoreRules
from recommender.library.sheet_parts import CUE, SheetPart, SheetsOfFolder, read_sheets

GONE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""Errors of a folder that is not there, or not any more."""
LONGEST_ENDING: Final = 12
"""Of a name; what is longer is none."""


@dataclass(frozen=True)
class FoundFile:
    """An audio file as the scan saw it.

    Attributes
    ----------
    path
        Absolute path, symbolic links not resolved; of a part of a file as the catalogue knows it.
    size, mtime_ns
        Bytes, and time of the last change in nanoseconds; −1 where the file cannot be looked at.
    inode
        What tells a file that has several names, or links, from others; None for one that has not.
    part
        Of a file that a cue sheet cuts into tracks, the track that this is.
    """

    path: str
    size: int
    mtime_ns: int
    inode: tuple[int, int] | None = field(default=None, compare=False)
    part: SheetPart | None = field(default=None, compare=False)

    @property
    def file(self) -> str:
        """The path of the file itself."""
        return self.path if self.part is None else file_of(self.path)

    def tags_given(self, of_file: object) -> object:
        """Return the tags of this, given what reading those of the file gave."""
        if self.part is None or not isinstance(of_file, FileTags):
            return of_file
        return self.part.described(of_file)

    @property
    def borders(self) -> tuple[float | None, float | None, str | None]:
        """What a row keeps of the part: where it begins and ends, its `sheet_hash`; None of a whole file."""
        return (
            (None, None, None)
            if self.part is None
            else (self.part.start_s, self.part.end_s, self.part.sheet_hash)
        )


@dataclass
class ScanNotes:
    """What a scan did not yield, and why.

    Attributes
    ----------
    unlisted
        The folders that are there but cannot be listed, and why.
    left_out
        Folders, and audio files, that rules leave out.
    passed_over
        How many files are no audio by their names, by their endings.
    sheets
        What is to be said of cue sheets, a sentence each.
    """

    unlisted: dict[str, OSError] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    passed_over: Counter[str] = field(default_factory=Counter)
    sheets: list[str] = field(default_factory=list)

    def pass_over(self, name: str) -> None:
        """Count a file that is no audio."""
        ending = os.path.splitext(name)[1].lower()
        self.passed_over[ending if len(ending) <= LONGEST_ENDING else ""] += 1


def find_files(
    folder: str, notes: ScanNotes | None = None, rules: IgnoreRules = IgnoreRules()
) -> Iterator[FoundFile]:
    """Yield the audio files below a folder, sorted within each folder.

    Symbolic links are followed, each real folder being visited once, and under its own name rather
    than a link's where both are found.

    Parameters
    ----------
    folder
        Its absolute path.
    notes
        Filled with what is not yielded.
    rules
        What is left out, but for what the files of patterns in the folders say, too.
    """
    notes = ScanNotes() if notes is None else notes
    visited: set[tuple[int, int]] = set()
    pending: list[tuple[str, IgnoreRules]] = [(folder, rules)]
    linked: list[tuple[str, IgnoreRules]] = []
    while pending or linked:
        current, above = pending.pop() if pending else linked.pop()
        try:
            status = os.stat(current)
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
            names = {entry.name for entry in entries}
            here = above.within(current, names)
        except OSError as error:
            if error.errno not in GONE:
                notes.unlisted[current] = error
            continue
        key = (status.st_dev, status.st_ino)
        if key in visited:
            continue
        visited.add(key)
        if NO_MEDIA in names:
            notes.left_out.add(current)
            continue
        held = _sorted_out(entries, here, notes)
        linked.extend((entry.path, here) for entry in held.folders if entry.is_symlink())
        yield from _cut(held.audio, held.sheets, notes)
        pending.extend((entry.path, here) for entry in reversed(held.folders) if not entry.is_symlink())


@dataclass
class _Held:
    """What is in a folder and not left out; `sheets` are the paths of its cue sheets."""

    folders: list["os.DirEntry[str]"] = field(default_factory=list)
    audio: list[FoundFile] = field(default_factory=list)
    sheets: list[str] = field(default_factory=list)


def _sorted_out(entries: Iterable["os.DirEntry[str]"], rules: IgnoreRules, notes: ScanNotes) -> _Held:
    """Return what a folder holds, and note what is left out or passed over."""
    held = _Held()
    for entry in entries:
        is_folder = os.path.isdir(entry.path)
        if rules.leave_out(entry.path, is_folder=is_folder):
            if is_folder or is_audio_path(entry.name):
                notes.left_out.add(entry.path)
        elif is_folder:
            held.folders.append(entry)
        elif entry.name.lower().endswith(CUE) and entry.is_file():
            held.sheets.append(entry.path)
        elif not is_audio_path(entry.name):
            notes.pass_over(entry.name)
        elif _is_file_or_broken(entry.path):
            held.audio.append(look_at(entry.path, linked=entry.is_symlink()))
    return held


def _cut(audio: list[FoundFile], sheets: list[str], notes: ScanNotes) -> Iterator[FoundFile]:
    """Yield a folder's files, in place of those that cue sheets cut into tracks the parts that these are."""
    said = read_sheets(sheets, [file.path for file in audio]) if sheets else SheetsOfFolder()
    notes.sheets += said.warnings
    for file in audio:
        parts = said.parts.get(file.path)
        if parts is None:
            yield file
        else:
            yield from cut_into(file, parts)


def cut_into(file: FoundFile, parts: Iterable[SheetPart]) -> Iterator[FoundFile]:
    """Yield the parts that a file is cut into, as files."""
    return (replace(file, path=part_path(file.path, part.number), part=part) for part in parts)


def _is_file_or_broken(path: str) -> bool:
    """Whether a path is a file, or a link that leads nowhere; a pipe or device is neither."""
    return os.path.isfile(path) or not os.path.exists(path)


def look_at(path: str, *, linked: bool = False) -> FoundFile:
    """Return a file's size and time of change; `linked` says that the path is a symbolic link."""
    try:
        status = os.stat(path)
    except OSError:
        return FoundFile(path, -1, -1)
    inode = (status.st_dev, status.st_ino) if linked or status.st_nlink > 1 else None
    return FoundFile(path, status.st_size, status.st_mtime_ns, inode)


def grouped_by_inode(files: Iterable[FoundFile]) -> list[list[FoundFile]]:
    """Return files, those together that are names or parts of one file, which hold the same audio and tags.

    Names with different endings are kept apart: a decoder may be chosen by them.
    """
    groups: list[list[FoundFile]] = []
    named: dict[object, list[FoundFile]] = {}
    for file in files:
        ending = os.path.splitext(file.file)[1].lower()
        key = (file.inode, file.size, file.mtime_ns, ending) if file.inode is not None else file.file
        if key not in named:
            groups.append(named.setdefault(key, []))
        named[key].append(file)
    return groups
