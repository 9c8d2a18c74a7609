"""Files of text that users bring: in UTF-8, or UTF-16 as a mark at their start says, line by line."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, TextIO

from classifier.files import open_regular
from recommender import params
from recommender.errors import TextFileError

MARKS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
DELIMITERS: Final = ",;\t"
SHOWN_LINES: Final = 10
KEEP_BYTES: Final = "surrogateescape"
"""How paths are read that are no UTF-8: their bytes are kept."""


def open_text(path: Path) -> TextIO:
    """Open a file of text; bytes that are no UTF-8 are kept, as a path may have them.

    Raises
    ------
    OSError
        If it cannot be opened, or is no file, but a pipe or a device.
    """
    file = open_regular(path)
    start = file.read(3)
    file.seek(0)
    encoding = next((name for mark, name in MARKS.items() if start.startswith(mark)), "utf-8")
    errors = "strict" if encoding == "utf-16" else KEEP_BYTES
    return io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")


def lines_of(file: TextIO, name: str | Path) -> Iterator[str]:
    """Yield the lines of a file of text, with what ends them.

    Raises
    ------
    TextFileError
        If one of them is no text, or too long; with its number.
    """
    number = 0
    try:
        while line := file.readline(params.LONGEST_LINE + 1):
            number += 1
            if number > params.MOST_LINES:
                raise TextFileError(f"{name} has more than the {params.MOST_LINES:,} lines that are read")
            if len(line) > params.LONGEST_LINE:
                most = f"{params.LONGEST_LINE:,} characters"
                raise TextFileError(f"{name}, line {number}: it is longer than the {most} that are read")
            if "\0" in line:
                raise TextFileError(
                    f"{name}, line {number}: it has NUL characters, as text in UTF-16 without a mark at its "
                    "start has, and files that are no text; save it as UTF-8"
                )
            yield line
    except UnicodeError as error:
        message = (
            f"{name}, line {number + 1}: it is no whole text in {_name(file.encoding)}; save it as UTF-8"
        )
        raise TextFileError(message) from error


def text_of(path: Path) -> str:
    """Return a file of text that holds no paths.

    Raises
    ------
    TextFileError
        If it is no text; with the line.
    OSError
        If it cannot be read.
    """
    with open_text(path) as file:
        return "".join(whole_lines(lines_of(file, path), path))


def whole_lines(lines: Iterable[str], name: str | Path) -> Iterator[str]:
    """Yield lines that are all text; none that has other bytes, as another encoding has.

    Raises
    ------
    TextFileError
        If one of them has; with its number.
    """
    for number, line in enumerate(lines, start=1):
        if not is_text(line):
            raise TextFileError(f"{name}, line {number}: it is not UTF-8; save the file as UTF-8")
        yield line


def is_text(text: str) -> bool:
    """Whether what was read is text, without bytes that were kept as they are."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def delimiter_of(line: str) -> str:
    """Return what is between the cells of a CSV: comma, semicolon or tab, as its first line has them most."""
    return max(DELIMITERS, key=line.count)


def delimited(lines: Iterator[str]) -> tuple[Iterator[str], str]:
    """Return the lines of a CSV, its first one among them, and what is between their cells."""
    first = next(lines, "")
    return chain([first], lines), delimiter_of(first)


def csv_bytes(rows: Iterable[Sequence[object]], line_end: str = "\r\n") -> bytes:
    """Return rows as CSV in UTF-8; a path that is not UTF-8 keeps its bytes."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end).writerows(rows)
    return text.getvalue().encode("utf-8", KEEP_BYTES)


def in_words(lines: Sequence[int]) -> str:
    """Return the numbers of lines for a sentence, the first of many."""
    return ", ".join([*map(str, lines[:SHOWN_LINES]), *(["…"] if len(lines) > SHOWN_LINES else [])])


def _name(encoding: str) -> str:
    return encoding.upper().removesuffix("-SIG")
