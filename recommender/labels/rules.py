"""Where a track's label comes from: folders, file names, file tags, or a CSV."""

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from classifier.errors import in_words
from db.listening.plays import KnownSong
from recommender.errors import LabelError, TextFileError
from recommender.song_paths import PathFinder
from recommender.text_files import delimited, is_text, lines_of, open_text

RULES = ("none", "folders", "names", "tags")


@dataclass(frozen=True)
class Label:
    """A label as given.

    Attributes
    ----------
    name
        The genre.
    source
        ``folders``, ``names``, ``tags`` or ``csv``.
    group
        Artist or group of a CSV, or the folder below the label's; None where there is none.
    """

    name: str
    source: str
    group: str | None = None


class Labelled(Protocol):
    """What a rule may look at."""

    @property
    def path(self) -> str:
        """Absolute path."""

    @property
    def file_genres(self) -> list[str]:
        """Genres in the file's own tags."""


@dataclass(frozen=True)
class Seen:
    """What a rule looks at: a file's absolute path, and the genres in its tags that count."""

    path: str
    file_genres: list[str]


Rule = Callable[[Labelled], Label | None]


def label_rule(rule: str, folder: str, depth: int = 1) -> Rule | None:
    """Return the function that labels the tracks below a folder.

    Parameters
    ----------
    rule
        ``none``, ``folders`` (the first `depth` folders below `folder`, joined with ``/``),
        ``names`` (the file name up to its first dot), ``tags`` (the file's first genre), or the
        path of a CSV.
    folder
        The folder that is ingested.
    depth
        Of ``folders``.

    Returns
    -------
    callable or None
        None for ``none``: labels are left as they are.

    Raises
    ------
    LabelError
        If the rule is unknown or its CSV cannot be used.
    """
    if rule == "none":
        return None
    if rule == "folders":
        return lambda track: _from_folders(track.path, folder, depth)
    if rule == "names":
        return lambda track: _label(os.path.basename(track.path).split(".")[0], "names")
    if rule == "tags":
        return lambda track: _label(track.file_genres[0], "tags") if track.file_genres else None
    if not os.path.isfile(rule):
        raise LabelError(f"--labels {rule} is neither {', '.join(RULES)} nor a CSV file")
    return TableOfLabels(Path(rule))


def _label(name: str, source: str) -> Label | None:
    return Label(name.strip(), source) if name.strip() else None


def _from_folders(path: str, folder: str, depth: int) -> Label | None:
    parts = os.path.relpath(path, folder).split(os.sep)[:-1]
    if not parts or parts[0] == "..":
        return None
    group = "/".join(parts[: depth + 1]) if len(parts) > depth else None
    return Label("/".join(part.strip() for part in parts[:depth]), "folders", group)


def split_group(source: str | None, group: str | None, artist: str) -> str | None:
    """Return what must not fall on both sides of a split: a CSV's group, else the artist, else the folder."""
    return (group or artist or None) if source == "csv" else (artist or group or None)


@dataclass(frozen=True)
class LabelOfPath:
    """A line of a table: a path as it is written, and the label of what lies there."""

    line: int
    path: str
    label: Label


@dataclass(frozen=True)
class Unmatched:
    """A line that no track fits, and why."""

    line: int
    path: str
    reason: str


class TableOfLabels:
    """The rule that a CSV is.

    Raises
    ------
    LabelError
        If it cannot be read or lacks a column.
    """

    def __init__(self, path: Path) -> None:
        self._folder = os.path.dirname(os.path.abspath(path))
        self.lines = read_table(path)
        self._by_path = by_path(self.lines, self._folder)

    def __call__(self, track: Labelled) -> Label | None:
        """Return the label of a track whose path is written as it is."""
        return self._by_path.get(track.path)

    def match(self, songs: Sequence[KnownSong]) -> tuple[dict[int, Label], list[Unmatched]]:
        """Return the labels of tracks by id, and the lines that fit none; of several the last counts."""
        finder = PathFinder(songs)
        labels, unmatched = {}, []
        for line in self.lines:
            found = finder.find(line.path, self._folder)
            labels.update(dict.fromkeys(found.track_ids, line.label))
            if found.reason:
                unmatched.append(Unmatched(line.line, line.path, found.reason))
        return labels, unmatched


def read_table(path: Path) -> list[LabelOfPath]:
    """Read a CSV of labels.

    Columns: ``path`` (relative to the CSV, or absolute), ``label`` or ``genre``, and optionally
    ``artist`` or ``group``; others are ignored.

    Raises
    ------
    LabelError
        If it cannot be read or lacks a column.
    """
    try:
        with open_text(path) as file:
            lines, delimiter = delimited(lines_of(file, path))
            return list(_labels(path, csv.DictReader(lines, delimiter=delimiter)))
    except TextFileError as error:
        raise LabelError(str(error)) from error
    except OSError as error:
        raise LabelError(f"{path} cannot be read: {in_words(error)}") from error


def _labels(path: Path, reader: "csv.DictReader[str]") -> Iterator[LabelOfPath]:
    try:
        columns = {name.strip().lower(): name for name in reader.fieldnames or []}
        label_column = columns.get("label") or columns.get("genre")
        if "path" not in columns or label_column is None:
            raise LabelError(f"{path} needs the columns path and label (or genre) in its first line")
        group_column = columns.get("group") or columns.get("artist")
        for row in reader:
            name, target = (row[label_column] or "").strip(), row[columns["path"]]
            if not (name and target):
                continue
            group = (row[group_column] or "").strip() if group_column else ""
            if not is_text(name + group):
                raise LabelError(f"{path}, line {reader.line_num}: it is not UTF-8; save the file as UTF-8")
            yield LabelOfPath(reader.line_num, target, Label(name, "csv", group or None))
    except csv.Error as error:
        raise LabelError(f"{path}, line {reader.line_num}: it cannot be read as CSV: {error}") from error


def read_labels(path: Path) -> dict[str, Label]:
    """Return the labels of a CSV by absolute path; see `read_table`."""
    return by_path(read_table(path), os.path.dirname(os.path.abspath(path)))


def by_path(lines: Iterable[LabelOfPath], folder: str) -> dict[str, Label]:
    """Return the labels of lines by absolute path, relative ones being below a folder; the last counts."""
    return {os.path.normpath(os.path.join(folder, line.path)): line.label for line in lines}
