"""Small things that rows are made of."""

import pytest

from db import values
from db.values import in_parts


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 7])
@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_parts_hold_every_item_once_and_no_more_than_may_be(n: int, size: int) -> None:
    items = list(range(n))
    parts = [list(part) for part in in_parts(items, size)]
    assert [item for part in parts for item in part] == items
    assert all(1 <= len(part) <= size for part in parts)
    assert len(parts) == -(-n // size)


def test_parts_are_of_what_one_query_may_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "IDS_AT_ONCE", 3)
    assert [list(part) for part in in_parts([5, 6, 7, 8])] == [[5, 6, 7], [8]]
