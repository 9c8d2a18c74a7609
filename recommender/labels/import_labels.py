"""Import the user's labels from what `transfer` exports, or from a table made by hand: all or nothing."""

import csv
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy.orm import Session

from classifier.errors import in_words
from db.listening.plays import known_songs
from db.session import Catalog
from db.tracks import by_ids
from db.values import PACKET_DIGITS, same_content
from recommender import text_files
from recommender.errors import TextFileError, TransferError
from recommender.labels.rules import RULES, Label, Unmatched
from recommender.song_paths import Found, PathFinder
from recommender.text_files import delimited, is_text, lines_of, open_text, whole_lines

SOURCES: Final = (*RULES[1:], "csv")
HASH: Final = re.compile("[0-9a-f]{32,40}")
SHOWN_FAULTS: Final = 10


@dataclass(frozen=True)
class LabelLine:
    """A line of a file of labels.

    Attributes
    ----------
    line
        Number of its first line in the file.
    path, folder
        As it is written, empty where only the content is named; and what a relative one is relative to.
    content_hash
        As `classifier.audio.audio_hash` makes it, or the first 32 digits alone, as versions before; or None.
    label
        None where it gives none.
    """

    line: int
    path: str
    folder: str
    content_hash: str | None
    label: Label | None


@dataclass
class ImportReport:
    """What an import did.

    Attributes
    ----------
    lines, matched
        Lines of the file; those of them that speak of tracks.
    tracks, changed, removed
        Tracks that are spoken of; whose label, or its source or group, is another now; of them those that
        have none any more.
    unmatched
        Lines that no track fits.
    """

    lines: int = 0
    matched: int = 0
    tracks: int = 0
    changed: int = 0
    removed: int = 0
    unmatched: list[Unmatched] = field(default_factory=list)


def import_labels(catalog: Catalog, path: Path, *, remove: bool = False) -> ImportReport:
    """Set the user's labels as a file says, in one transaction.

    A line is of the tracks with its content; where a file was copied, of the one at its path. Without a
    content that is known, it is of the track at its path.

    Parameters
    ----------
    catalog
        The caller holds the home's writer lock.
    path
        CSV or JSON Lines, as its ending says, with ``label`` and ``path`` or ``content_hash``, and perhaps
        ``label_source`` and ``label_group``; other columns are ignored.
    remove
        Take the label of a track away whose line gives none; otherwise it is left alone.

    Raises
    ------
    TransferError
        If any line cannot be used, or lines disagree; nothing is changed then.
    """
    faults: list[tuple[int, str]] = []
    lines = list(_read(path, faults))
    report = ImportReport(lines=len(lines))
    with catalog.transaction() as session:
        chosen = _agreed(_match(session, lines, report), faults)
        if faults:
            raise TransferError(_in_words(path, faults))
        _set(session, {i: label for i, label in chosen.items() if label is not None or remove}, report)
    report.tracks = len(chosen)
    return report


def _in_words(path: Path, faults: list[tuple[int, str]]) -> str:
    shown = "; ".join(f"line {line}: {what}" for line, what in sorted(faults)[:SHOWN_FAULTS])
    more = f"; and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
    return f"nothing was imported from {path}: {shown}{more}"


def _read(path: Path, faults: list[tuple[int, str]]) -> Iterator[LabelLine]:
    folder = os.path.dirname(os.path.abspath(path))
    read = _read_jsonl if path.suffix.lower() == ".jsonl" else _read_csv
    try:
        for number, row in read(path, faults):
            try:
                yield _line(number, row, folder)
            except ValueError as error:
                faults.append((number, str(error)))
    except TextFileError as error:
        raise TransferError(str(error)) from error
    except OSError as error:
        raise TransferError(f"{path} cannot be read: {in_words(error)}") from error


def _read_csv(path: Path, faults: list[tuple[int, str]]) -> Iterator[tuple[int, dict[str, Any]]]:
    with open_text(path) as file:
        lines, delimiter = delimited(lines_of(file, path))
        reader = csv.reader(lines, strict=True, delimiter=delimiter)
        try:
            yield from _cells(path, reader, faults)
        except csv.Error as error:
            raise TransferError(_in_words(path, [(reader.line_num, str(error))])) from error


def _cells(path: Path, reader: Any, faults: list[tuple[int, str]]) -> Iterator[tuple[int, dict[str, Any]]]:
    names = [name.strip().lower() for name in next(reader, [])]
    if "label" not in names or not {"path", "content_hash"} & set(names):
        raise TransferError(f"{path} needs the columns label, and path or content_hash, in line 1")
    start = reader.line_num + 1
    for cells in reader:
        if cells and len(cells) != len(names):
            faults.append((start, f"it has {len(cells)} columns instead of {len(names)}"))
        elif cells:
            yield start, {name: cell or None for name, cell in zip(names, cells, strict=True)}
        start = reader.line_num + 1


def _read_jsonl(path: Path, faults: list[tuple[int, str]]) -> Iterator[tuple[int, dict[str, Any]]]:
    with open_text(path) as file:
        for number, text in enumerate(whole_lines(lines_of(file, path), path), start=1):
            if not text.strip():
                continue
            try:
                row = json.loads(text)
            except RecursionError:
                faults.append((number, "it is JSON that lies too deep within itself"))
                continue
            except ValueError as error:
                faults.append((number, f"it is no JSON: {error}"))
                continue
            if isinstance(row, dict):
                yield number, row
            else:
                faults.append((number, "it is no JSON object"))


def _line(number: int, row: dict[str, Any], folder: str) -> LabelLine:
    """Return what a row says.

    Raises
    ------
    ValueError
        With what is wrong with it.
    """
    texts: dict[str, str] = {}
    for name in ("path", "content_hash", "label", "label_source", "label_group"):
        value = row.get(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"its {name} is no text")
        texts[name] = value or ""
        if name != "path" and not is_text(texts[name]):
            raise ValueError(f"its {name} is not UTF-8; save the file as UTF-8")
    path, content = texts["path"], texts["content_hash"].strip()
    if not path and not content:
        raise ValueError("it has neither a path nor a content_hash")
    if content and not HASH.fullmatch(content):
        raise ValueError(f"'{content[:50]}' is no content_hash")
    source = texts["label_source"].strip() or "csv"
    if source not in SOURCES:
        raise ValueError(f"label_source '{source[:50]}' is none of {', '.join(SOURCES)}")
    name = texts["label"].strip()
    label = Label(name, source, texts["label_group"] or None) if name else None
    return LabelLine(number, path, folder, content or None, label)


@dataclass(frozen=True)
class Said:
    """What the lines of a file say of tracks.

    Attributes
    ----------
    of_track
        The lines that name a track by its path.
    of_content
        The others, by the tracks that have their content.
    """

    of_track: dict[int, list[LabelLine]]
    of_content: list[tuple[list[int], list[LabelLine]]]


def _match(session: Session, lines: Iterable[LabelLine], report: ImportReport) -> Said:
    """Return which lines speak of which tracks."""
    songs = known_songs(session)
    finder = PathFinder(songs)
    contents = {song.track_id: song.content_hash for song in songs}
    of_packets: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for song in songs:
        if song.content_hash is not None:
            of_packets[song.content_hash[:PACKET_DIGITS]].append((song.content_hash, song.track_id))
    of_track: dict[int, list[LabelLine]] = defaultdict(list)
    of_content: dict[tuple[int, ...], list[LabelLine]] = defaultdict(list)
    for line in lines:
        found = finder.find(line.path, line.folder) if line.path else Found()
        here = found.track_ids[0] if found.track_ids else None
        maybe = of_packets.get((line.content_hash or "")[:PACKET_DIGITS], ())
        wanted = tuple(i for known, i in maybe if same_content(known, line.content_hash))
        if here is not None and (not wanted or same_content(contents[here], line.content_hash)):
            of_track[here].append(line)
            report.matched += 1
        elif wanted:
            of_content[wanted].append(line)
            report.matched += 1
        else:
            reason = "no track has this content, or this path" if line.content_hash else found.reason
            report.unmatched.append(Unmatched(line.line, line.path, reason))
    return Said(of_track, [(list(ids), said) for ids, said in of_content.items()])


def _agreed(said: Said, faults: list[tuple[int, str]]) -> dict[int, Label | None]:
    """Return the label of each track; a line that names its path goes before those of its copies."""
    chosen: dict[int, Label | None] = {}
    spoken_of = [([track_id], lines) for track_id, lines in said.of_track.items()]
    for ids, lines in (*spoken_of, *said.of_content):
        labels = {line.label for line in lines}
        left = [track_id for track_id in ids if track_id not in chosen]
        if len(labels) > 1:
            numbers = text_files.in_words([line.line for line in lines])
            faults += [(lines[0].line, f"lines {numbers} disagree about track {i}") for i in left]
        chosen.update(dict.fromkeys(left, lines[0].label))
    return chosen


def _set(session: Session, labels: dict[int, Label | None], report: ImportReport) -> None:
    for track_id, track in by_ids(session, list(labels)).items():
        label = labels[track_id]
        new = (label.name, label.source, label.group) if label is not None else (None, None, None)
        if (track.label, track.label_source, track.label_group) != new:
            track.label, track.label_source, track.label_group = new
            report.changed += 1
            report.removed += label is None
