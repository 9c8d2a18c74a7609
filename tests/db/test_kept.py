"""Rows that a service keeps: only so many, and not all forgotten at once."""

import pytest

from db import kept
from db.kept import Kept


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_ROWS", 8)


def rows(*ids: int) -> dict[int, str]:
    return {track_id: f"row {track_id}" for track_id in ids}


def test_of_too_many_rows_those_read_first_are_forgotten() -> None:
    known = Kept()
    for first in (1, 5):
        known.add_rows(rows(*range(first, first + 4)))
    assert known.rows == rows(*range(1, 9))
    before = known.rows
    known.add_rows(rows(20))
    assert known.rows == rows(3, 4, 5, 6, 7, 8, 20)  # a quarter at a time
    assert before == rows(*range(1, 9))  # another may be looking into it


def test_more_new_rows_than_a_quarter_find_their_room() -> None:
    known = Kept()
    known.add_rows(rows(*range(1, 8)))
    known.add_rows(rows(11, 12, 13, 14, 15))
    assert known.rows == rows(5, 6, 7, 11, 12, 13, 14, 15)


def test_more_new_rows_than_are_kept_are_kept_alone() -> None:
    known = Kept()
    known.add_rows(rows(1, 2, 3))
    known.add_rows(rows(*range(11, 30)))
    assert known.rows == rows(*range(11, 30))
