"""The names under which labels are written: as a user's file says, or as they are usually spelt."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import capwords
from typing import Any, Final

from classifier.errors import in_words
from recommender.errors import TagError, TextFileError
from recommender.text_files import delimiter_of, is_text, text_of

Names = Mapping[str, tuple[str, ...]]

SEVERAL: Final = ";"
"""Between names in a cell of a CSV."""

# How the labels of the shipped bundle are usually spelt; a finer genre must be clear without its parent.
USUAL: Final[Names] = {
    label: (name,)
    for label, name in {
        "hiphop": "Hip-Hop",
        "metal/heavy": "Heavy Metal",
        "pop/indie": "Indie Pop",
        "rock/classic": "Classic Rock",
        "rock/hard": "Hard Rock",
        "rock/indie": "Indie Rock",
        "rock/alternative": "Alternative Rock",
        "rock/progressive": "Progressive Rock",
        "soul/rnb": "R&B",
        "female vocalist": "Female Vocals",
        "female vocalists": "Female Vocals",
        "male vocalists": "Male Vocals",
    }.items()
}


@dataclass(frozen=True)
class Canon:
    """Turns labels into names.

    Attributes
    ----------
    given
        The user's names, by label in lower case: a whole path such as ``rock/punk``, or its last part.
    usual
        Whether labels that are not given are spelt as usual, or else written as they are.
    """

    given: Names = field(default_factory=dict)
    usual: bool = False

    def names(self, label: str) -> tuple[str, ...]:
        """Return the names of a label: one, several, or none where it is not to be written."""
        last = label.rpartition("/")[2]
        for key in (label.lower(), last.lower()):
            if key in self.given:
                return self.given[key]
        if not self.usual:
            return (last,)
        return USUAL.get(label.lower()) or (capwords(last),)

    def strangers(self, labels: Iterable[str]) -> list[str]:
        """Return what is given a name and is none of these labels, nor the last part of one."""
        known = {label.lower() for label in labels}
        known |= {label.rpartition("/")[2] for label in known}
        return [label for label in self.given if label not in known]


def read_canon(path: Path) -> dict[str, tuple[str, ...]]:
    """Read a file of names: CSV with the columns label and name, or a JSON object.

    A label with an empty name, ``null`` or ``[]`` is not written. Several names are several lines of the
    same label, names separated by ``;``, or a list.

    Raises
    ------
    TagError
        If it cannot be used; with the line, where there is one to name.
    """
    try:
        text = text_of(path)
    except TextFileError as error:
        raise TagError(f"--map {error}") from error
    except OSError as error:
        raise TagError(f"--map {path} cannot be read: {in_words(error)}") from error
    return _from_json(path, text) if text.lstrip()[:1] in ("{", "[") else _from_csv(path, text)


def _from_csv(path: Path, text: str) -> dict[str, tuple[str, ...]]:
    lines = io.StringIO(text, newline="")
    delimiter = delimiter_of(lines.readline())
    lines.seek(0)
    rows = csv.reader(lines, strict=True, delimiter=delimiter)
    found: dict[str, tuple[str, ...]] = {}
    try:
        header = [cell.strip().lower() for cell in next(rows, [])]
        if header[:2] != ["label", "name"]:
            raise TagError(f"--map {path}, line 1: it must begin with the columns label,name")
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if not row[0].strip() or len(row) > max(2, len(header)):
                raise TagError(f"--map {path}, line {rows.line_num}: this is not a label and a name")
            label = row[0].strip().lower()
            names = [name.strip() for name in (row[1] if len(row) > 1 else "").split(SEVERAL)]
            found[label] = (*found.get(label, ()), *filter(None, names))
    except csv.Error as error:
        raise TagError(f"--map {path}, line {rows.line_num}: it cannot be read as CSV: {error}") from error
    return found


def _from_json(path: Path, text: str) -> dict[str, tuple[str, ...]]:
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise TagError(f"--map {path} is JSON that lies too deep within itself") from error
    except ValueError as error:
        raise TagError(f"--map {path} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise TagError(f"--map {path} must be an object of labels and their names")
    return {label.strip().lower(): _names(path, text, label, value) for label, value in found.items()}


def _names(path: Path, text: str, label: str, value: Any) -> tuple[str, ...]:
    names = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) and is_text(name) for name in names):
        offset = text.find(json.dumps(label))
        line = f", line {text.count(chr(10), 0, offset) + 1}" if offset >= 0 else ""
        raise TagError(f"--map {path}{line}: '{label}' must have a name, a list of names, or null")
    return tuple(name.strip() for name in names if name.strip())
