"""What a person starred or rated, by the ids that players know songs, albums and artists by."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Favourite
from db.tracks import IDS_AT_ONCE


def star(session: Session, item: str, when: datetime | None) -> None:
    """Star something at a time, naive UTC; None takes the star away."""
    marked = _marked(session, item)
    if when is None or marked.starred is None:
        marked.starred = when
    _keep(session, marked)


def rate(session: Session, item: str, rating: int | None) -> None:
    """Rate something 1 to 5; None takes the rating away."""
    marked = _marked(session, item)
    marked.rating = rating
    _keep(session, marked)


def favourites(session: Session, items: Collection[str]) -> dict[str, Favourite]:
    """Return what is starred or rated of some things."""
    wanted = sorted(items)
    found: dict[str, Favourite] = {}
    for start in range(0, len(wanted), IDS_AT_ONCE):
        query = select(Favourite).where(Favourite.item.in_(wanted[start : start + IDS_AT_ONCE]))
        found.update((one.item, one) for one in session.scalars(query))
    return found


def starred(session: Session) -> list[Favourite]:
    """Return all that is starred, the last first."""
    query = select(Favourite).where(Favourite.starred.is_not(None))
    return list(session.scalars(query.order_by(Favourite.starred.desc(), Favourite.item)))


def rated(session: Session) -> list[Favourite]:
    """Return all that is rated, the best first."""
    query = select(Favourite).where(Favourite.rating.is_not(None))
    return list(session.scalars(query.order_by(Favourite.rating.desc(), Favourite.item)))


def _marked(session: Session, item: str) -> Favourite:
    return session.get(Favourite, item) or Favourite(item=item)


def _keep(session: Session, marked: Favourite) -> None:
    if marked.starred is not None or marked.rating is not None:
        session.add(marked)
    elif marked in session:
        session.delete(marked)
    session.flush()
