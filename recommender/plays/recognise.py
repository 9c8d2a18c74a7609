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
from typing import IO, Final, Literal

from classifier.errors import in_words
from classifier.files import open_regular
from recommender import params
from recommender.errors import PlaysError, TextFileError
from recommender.plays.csv_exports import read_csv
from recommender.plays.json_exports import is_listen_line, read_document, read_lines
from recommender.plays.values import Line
from recommender.text_files import lines_of, open_text

Kind = Literal["zip", "json", "json lines", "csv"]

# listens/2024/7.jsonl in an export of ListenBrainz; listens.jsonl in what is made for import there.
LISTENS = re.compile(r"(^|/)listens(/.*|[^/]*)\.jsonl$", re.IGNORECASE)
SAMPLE_LINES = 20
START: Final = 4096
PACKED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How files in an archive may be packed: of these, a little is unpacked at a time."""
UNREADABLE = (csv.Error, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)


def recognise(path: Path) -> Kind:
    """Return what a file of plays is, by its content.

    Raises
    ------
    PlaysError
        If it cannot be read.
    """
    try:
        with open_regular(path) as whole:  # a pipe would be waited for without end
            if zipfile.is_zipfile(whole):
                return "zip"
        with open_text(path) as file:
            start = file.read(START).lstrip()
            if start[:1] == "[":
                return "json"
            if start[:1] != "{":
                return "csv"
            file.seek(0)
            is_listen = [is_listen_line(line) for line in islice(lines_of(file, path), SAMPLE_LINES)]
        return "json lines" if any(is_listen) else "json"
    except TextFileError:
        return "json"  # one line may be all there is of a document
    except UnicodeError as error:
        raise PlaysError(f"{path} is no whole text in UTF-16; save it as UTF-8") from error
    except OSError as error:
        raise PlaysError(f"{path} cannot be read: {in_words(error)}") from error


def read_plays(path: Path) -> Iterator[Line]:
    """Yield the lines of a CSV, a ListenBrainz or a Last.fm export, each line once, none left out.

    Raises
    ------
    PlaysError
        If the file is of no known kind, cannot be read to its end, or holds more than a limit of
        `recommender.params` allows.
    """
    for number, line in enumerate(_read(path), start=1):
        if number > params.MOST_LISTENS:
            raise PlaysError(f"{path} has more than the {params.MOST_LISTENS:,} lines that are read")
        yield line


def _read(path: Path) -> Iterator[Line]:
    try:
        kind = recognise(path)
        if kind == "zip":
            yield from _read_zip(path)
        elif kind == "json":
            yield from read_document(_document(path), str(path))
        elif kind == "json lines":
            with open_text(path) as file:
                yield from read_lines(lines_of(file, path))
        else:
            yield from read_csv(path)
    except TextFileError as error:
        raise PlaysError(str(error)) from error
    except OSError as error:
        raise PlaysError(f"{path} cannot be read: {in_words(error)}") from error
    except UNREADABLE as error:
        raise PlaysError(f"{path} cannot be read: {error}") from error


def _document(path: Path) -> object:
    if path.stat().st_size > params.LARGEST_JSON:
        most = params.LARGEST_JSON >> 20
        raise PlaysError(f"{path} is one document of JSON of more than the {most} MB that are read")
    try:
        with open_text(path) as file:
            return json.load(file)
    except UnicodeError as error:
        raise PlaysError(f"{path} is no whole text in UTF-16; save it as UTF-8") from error
    except RecursionError as error:
        raise PlaysError(f"{path} is JSON that lies too deep within itself") from error
    except ValueError as error:
        raise PlaysError(f"{path} is JSON that cannot be read: {error}") from error


def _read_zip(path: Path) -> Iterator[Line]:
    if _directory_size(path) > params.LARGEST_DIRECTORY:
        raise PlaysError(f"{path} lists more files than are read of an archive")
    with zipfile.ZipFile(path) as archive:
        parts = sorted(
            (p for p in archive.infolist() if LISTENS.search(p.filename)), key=lambda p: p.filename
        )
        if not parts:
            raise PlaysError(f"{path} holds no listens/….jsonl: it is no export of ListenBrainz")
        if len(parts) > params.MOST_MEMBERS:
            raise PlaysError(
                f"{path} holds more than the {params.MOST_MEMBERS:,} files of listens that are read"
            )
        left = params.LARGEST_UNPACKED_PLAYS
        for part in parts:
            if part.flag_bits & 1:
                raise PlaysError(f"{path} is encrypted")
            if part.compress_type not in PACKED:
                raise PlaysError(f"{path} is packed in a way that is not read; pack it anew, with Deflate")
            with archive.open(part) as file:
                counted = _Counted(file, left, path)
                with io.TextIOWrapper(io.BufferedReader(counted), "utf-8-sig", "replace", newline="") as text:
                    yield from read_lines(lines_of(text, f"{path}: {part.filename}"), part.filename)
                left = counted.left


def _directory_size(path: Path) -> int:
    """Return the bytes of an archive's list of its files, which is read whole."""
    with open(path, "rb") as file:
        found = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    return int(found[zipfile._ECD_SIZE]) if found else 0  # type: ignore[attr-defined]


class _Counted(io.RawIOBase):
    """A file in an archive, of which no more is unpacked than may be, whatever the archive says of it."""

    def __init__(self, file: IO[bytes], left: int, path: Path) -> None:
        self._file, self.left, self._path = file, left, path

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        self.left -= len(data)
        if self.left < 0:
            most = params.LARGEST_UNPACKED_PLAYS >> 20
            raise PlaysError(f"{self._path} unpacks to more than the {most:,} MB that are read")
        buffer[: len(data)] = data
        return len(data)
