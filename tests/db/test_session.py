"""Transactions that are stopped."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.engine.base import RootTransaction

from db.models import Root
from db.session import Catalog


@pytest.mark.parametrize("at", ["_deactivate_from_connection", "_do_commit"])
def test_an_interrupt_in_the_middle_of_a_commit_is_one(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """SQLAlchemy itself fails an assertion then, which hid it."""
    done = getattr(RootTransaction, at)
    waiting = [KeyboardInterrupt]

    def stopped(transaction: RootTransaction) -> None:
        if waiting:
            raise waiting.pop()
        done(transaction)

    with pytest.raises(KeyboardInterrupt), catalog.transaction() as session:
        session.add(Root(path="/music"))
        session.flush()
        monkeypatch.setattr(RootTransaction, at, stopped)
    with catalog.transaction() as session:
        assert session.scalar(select(func.count(Root.id))) in (0, 1)
        session.add(Root(path="/more"))
