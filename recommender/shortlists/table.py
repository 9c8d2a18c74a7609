"""A shortlist as a table for spreadsheets."""

import codecs
from typing import Any, Final

from recommender.presentation.text import called, label_of, title_of
from recommender.text_files import csv_bytes

COLUMNS: Final = (
    "number", "title", "artist", "album", "path", "start_s", "end_s", "query", "query_start_s", "query_end_s",
    "duration_s", "tempo_bpm", "key", "label", "similarity", "note",
)  # fmt: skip
BEGIN_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins so is worked out by spreadsheets, which may send or run what it says."""


def shortlist_csv(answer: dict[str, Any]) -> bytes:
    """Return a shortlist as CSV in UTF-8 with its mark, so that spreadsheets read every letter.

    Parameters
    ----------
    answer
        As `recommender.presentation.shortlists.shortlist_answer` gives it.
    """
    rows = [_row(number, entry) for number, entry in enumerate(answer["entries"], start=1)]
    return codecs.BOM_UTF8 + csv_bytes([COLUMNS, *rows])


def _row(number: int, entry: dict[str, Any]) -> list[object]:
    track = entry["track"]
    query = entry["query_name"] or (called(entry["query"]) if entry["query"] else "")
    words = (title_of(track), track["artist"], track["album"], track["path"])
    return [
        number,
        *map(plain_cell, words),
        entry["match_start_s"],
        entry["match_end_s"],
        plain_cell(query),
        entry["query_start_s"],
        entry["query_end_s"],
        track["duration_s"],
        track["tempo_bpm"],
        plain_cell(track["key"] or ""),
        plain_cell(label_of(track)),
        entry["similarity"],
        plain_cell(entry["note"]),
    ]


def plain_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: one that may be has an apostrophe before it."""
    return f"'{text}" if text.lstrip(" ").startswith(BEGIN_FORMULAS) else text
