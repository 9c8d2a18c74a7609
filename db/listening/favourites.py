"""What a person starred or rated, by the ids that players know songs, albums and artists by."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import String, cast, func, or_, select
from sqlalchemy.orm import Session

from db.models import Favourite, Track
from db.values import IDS_AT_ONCE, in_parts


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
    found: dict[str, Favourite] = {}
    if len(items) > IDS_AT_ONCE:  # then it is quicker to read all that are marked
        return {one.item: one for one in session.scalars(select(Favourite)) if one.item in items}
    for some in in_parts(sorted(items)):
        query = select(Favourite).where(Favourite.item.in_(some))
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


def favourite_tracks(session: Session, offset: int, limit: int) -> tuple[int, list[tuple[Track, Favourite]]]:
    """Return how many tracks whose files are there are starred or rated, and a page of them.

    The starred come first, the last at their head; then those only rated, the best first.
    """
    marked = or_(Favourite.starred.is_not(None), Favourite.rating.is_not(None))
    both = select(Track, Favourite).join(Favourite, Favourite.item == cast(Track.id, String))
    query = both.where(marked, Track.missing.is_(False))
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    order = (Favourite.starred.desc().nulls_last(), Favourite.rating.desc().nulls_last(), Track.id)
    page = session.execute(query.order_by(*order).offset(offset).limit(limit))
    return total, [(track, favourite) for track, favourite in page]


def _marked(session: Session, item: str) -> Favourite:
    return session.get(Favourite, item) or Favourite(item=item)


def _keep(session: Session, marked: Favourite) -> None:
    if marked.starred is not None or marked.rating is not None:
        session.add(marked)
    elif marked in session:
        session.delete(marked)
    session.flush()
