"""Plays in CSV: paths with their counts, songs with their counts, or one listen a line."""

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

from recommender.errors import PlaysError
from recommender.plays.values import (
    SHOWN_TEXT,
    Line,
    Listen,
    PathLine,
    Rejected,
    clean,
    parse_plays,
    parse_time,
)
from recommender.text_files import delimiter_of, is_text, lines_of, open_text

# Names of a column in lower case, letters and digits only; where a file has several, the first counts.
COLUMNS: dict[str, tuple[str, ...]] = {
    "path": ("path", "filepath", "file"),
    "plays": ("plays", "playcount", "playcounter", "timesplayed", "count"),
    "last_played": ("lastplayed", "lastplayedat", "lastplayeddate", "lastplay"),
    "artist": ("artist", "artistname"),
    "title": ("track", "title", "trackname", "song", "name"),
    "album": ("album", "albumname", "release", "releasename"),
    "time": ("uts", "listenedat", "timestamp", "utctime", "playedat", "datetime", "date", "time"),
}
HEADLESS = {"artist": 0, "album": 1, "title": 2, "time": 3}
"""Columns of a Last.fm export without a first line of names."""
HEADLESS_SAMPLE = 20


@dataclass(frozen=True)
class CsvRow:
    """Fields with the numbers of the first and last line that they take."""

    line: int
    end: int
    fields: list[str]


def read_csv(path: Path) -> Iterator[Line]:
    """Yield the lines of a CSV of plays; which kind it is, its first line tells.

    Raises
    ------
    PlaysError
        If it has no columns of any known kind.
    csv.Error, OSError, UnicodeError
        If it cannot be read.
    """
    with open_text(path) as file:
        rows = _rows(lines_of(file, path))
        first = next(rows, None)
        if first is None:
            raise PlaysError(f"{path} is empty")
        columns = _columns(first.fields)
        if {"path", "plays"} <= columns.keys():
            folder = os.path.dirname(os.path.abspath(path))
            yield from (_path_line(row, columns, len(first.fields), folder) for row in rows)
        elif {"artist", "title"} <= columns.keys():
            yield from (_listen(row, columns, len(first.fields)) for row in rows)
        else:
            sample = [first, *islice(rows, HEADLESS_SAMPLE - 1)]
            if not any(map(_is_headless, sample)):
                raise PlaysError(
                    f"{path} needs a first line that names the columns path and plays, "
                    "or artist, track and date"
                )
            yield from (_listen(row, HEADLESS, len(HEADLESS)) for row in chain(sample, rows))


def _rows(lines: Iterator[str]) -> Iterator[CsvRow]:
    """Yield the rows that are not blank; the delimiter is the one most frequent in the first line."""
    start: list[str] = []
    while (line := next(lines, None)) is not None:
        start.append(line)
        if line.strip():
            break
    reader = csv.reader(chain(start, lines), delimiter=delimiter_of(start[-1] if start else ""))
    end = 0
    for fields in reader:
        if any(field.strip() for field in fields):
            yield CsvRow(end + 1, reader.line_num, fields)
        end = reader.line_num


def _columns(names: list[str]) -> dict[str, int]:
    """Return which known columns are where, from the names in the first line."""
    plain = ["".join(c for c in name.split("#")[0].casefold() if c.isalnum()) for name in names]
    found = {}
    for column, aliases in COLUMNS.items():
        column_index = next((plain.index(alias) for alias in aliases if alias in plain), None)
        if column_index is not None:
            found[column] = column_index
    return found


def _is_headless(row: CsvRow) -> bool:
    """Whether this is artist, album, title and date."""
    if len(row.fields) != len(HEADLESS):
        return False
    try:
        return parse_time(row.fields[HEADLESS["time"]]) is not None
    except ValueError:
        return False


def _cells(row: CsvRow, columns: Mapping[str, int]) -> dict[str, str]:
    return {name: row.fields[at] if at < len(row.fields) else "" for name, at in columns.items()}


def _check_width(row: CsvRow, width: int) -> None:
    if any(field.strip() for field in row.fields[width:]):
        raise ValueError(f"it has {len(row.fields)} fields, not {width}: put a text with commas in quotes")


def _rejected(row: CsvRow, text: str, error: ValueError) -> Rejected:
    runs_on = f"; it runs on to line {row.end}: is a quote missing?" if row.end > row.line else ""
    shown = clean(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), SHOWN_TEXT)
    return Rejected(row.line, shown, f"{error}{runs_on}")


def _time(text: str) -> datetime | None:
    return parse_time(text) if text.strip() else None


def _path_line(row: CsvRow, columns: Mapping[str, int], width: int, folder: str) -> PathLine | Rejected:
    cells = _cells(row, columns)
    text = cells["path"]
    try:
        _check_width(row, width)
        if not text.strip():
            raise ValueError("it has no path")
        plays = parse_plays(cells["plays"])
        last_played = _time(cells.get("last_played", ""))
    except ValueError as error:
        return _rejected(row, text, error)
    return PathLine(row.line, text, folder, plays, last_played)


def _listen(row: CsvRow, columns: Mapping[str, int], width: int) -> Listen | Rejected:
    """Read a listen, or a song with its plays; a file with a column of dates needs one in each line."""
    found = _cells(row, columns)
    cells = {name: clean(text) for name, text in found.items()}
    try:
        if not is_text("".join(found.values())):
            raise ValueError("it is not UTF-8; save the file as UTF-8")
        _check_width(row, width)
        for name in ("artist", "title"):
            if not cells[name]:
                raise ValueError(f"it has no {name}")
        if "plays" in cells:
            times, played_at = parse_plays(cells["plays"]), _time(cells.get("last_played", ""))
        else:
            times, played_at = 1, parse_time(cells["time"]) if "time" in cells else None
    except ValueError as error:
        return _rejected(row, f"{cells['artist']} - {cells['title']}", error)
    return Listen(row.line, cells["artist"], cells["title"], cells.get("album", ""), played_at, times)
