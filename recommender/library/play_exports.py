"""Recognise a file of plays by its content, and read its lines."""

import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

from classifier.system_errors import in_words
from recommender.errors import PlaysError
from recommender.library.play_csv import read_csv
from recommender.library.play_json import is_listen_line, read_document, read_lines
from recommender.library.play_values import Line

Kind = Literal["zip", "json", "json lines", "csv"]

# listens/2024/7.jsonl in an export of ListenBrainz; listens.jsonl in what is made for import there.
LISTENS = re.compile(r"(^|/)listens(/.*|[^/]*)\.jsonl$", re.IGNORECASE)
SAMPLE_LINES = 20
# A zip that is encrypted is a RuntimeError.
UNREADABLE = (OSError, csv.Error, UnicodeError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


def recognise(path: Path) -> Kind:
    """Return what a file of plays is, by its content.

    Raises
    ------
    PlaysError
        If it cannot be read.
    """
    try:
        if zipfile.is_zipfile(path):
            return "zip"
        with open(path, "rb") as file:
            start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        if start[:1] == b"[":
            return "json"
        if start[:1] != b"{":
            return "csv"
        with _text(path) as lines:
            is_listen = [is_listen_line(line) for line in islice(lines, SAMPLE_LINES)]
        return "json lines" if any(is_listen) else "json"
    except OSError as error:
        raise PlaysError(f"{path} cannot be read: {in_words(error)}") from error


def read_plays(path: Path) -> Iterator[Line]:
    """Yield the lines of a CSV, a ListenBrainz or a Last.fm export, each line once, none left out.

    Raises
    ------
    PlaysError
        If the file is of no known kind, or cannot be read to its end.
    """
    try:
        kind = recognise(path)
        if kind == "zip":
            yield from _read_zip(path)
        elif kind == "json":
            yield from read_document(_document(path), str(path))
        elif kind == "json lines":
            with _text(path) as lines:
                yield from read_lines(lines)
        else:
            yield from read_csv(path)
    except UNREADABLE as error:
        raise PlaysError(f"{path} cannot be read: {error}") from error


def _text(path: Path) -> io.TextIOWrapper:
    return open(path, encoding="utf-8-sig", errors="replace")


def _document(path: Path) -> object:
    try:
        with _text(path) as file:
            return json.load(file)
    except (ValueError, RecursionError) as error:
        raise PlaysError(f"{path} is JSON that cannot be read: {error}") from error


def _read_zip(path: Path) -> Iterator[Line]:
    with zipfile.ZipFile(path) as archive:
        parts = sorted(name for name in archive.namelist() if LISTENS.search(name))
        if not parts:
            raise PlaysError(f"{path} holds no listens/….jsonl: it is no export of ListenBrainz")
        for part in parts:
            with archive.open(part) as file, io.TextIOWrapper(file, "utf-8-sig", "replace") as lines:
                yield from read_lines(lines, part)
