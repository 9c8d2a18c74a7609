"""Pages of the list of tracks."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.browsing.albums import places_on_albums
from db.models import Root, Track
from db.rows import TrackRow, rows_by_ids
from db.tracks import search_key

ORDERS: Final[Mapping[str, tuple[Any, ...]]] = {
    "path": (Root.path, Track.rel_path),
    "artist": (Track.search_text,),
    "title": (func.lower(Track.title), Track.search_text),
    "album": (Track.search_text,),
    "plays": (Track.plays.desc(), Track.search_text),
    "id": (),
}
"""By what tracks can be ordered, and how; those that are equal by id.

By album they are in the order of the albums' names, and on each as it has them; those on none come last.
"""


def track_page(
    session: Session,
    order: str,
    offset: int,
    limit: int,
    words: str = "",
    wanted: Mapping[str, str | None] | None = None,
    only: Collection[int] | None = None,
) -> tuple[int, list[TrackRow]]:
    """Return how many present tracks fit, and some of them.

    Parameters
    ----------
    order
        One of `ORDERS`.
    offset, limit
        Which of them.
    words
        Artist, title and album must hold them all.
    wanted
        Columns and what they must be; None for anything.
    only
        The only ids that count; None for all.
    """
    columns = (Track.id, Track.search_text, Track.album)
    query = select(*columns).join(Root, Root.id == Track.root_id).where(Track.missing.is_(False))
    for name, value in (wanted or {}).items():
        if value is not None:
            query = query.where(getattr(Track, name) == value)
    ordered = query.order_by(*ORDERS[order], Track.id)
    asked = search_key(words).split()
    if asked or only is not None or order == "album":  # a name is not kept as searches compare it
        rows = session.execute(ordered)
        found = [i for i, text, album in rows if (only is None or i in only) and _holds(asked, text, album)]
        if order == "album":
            places = places_on_albums(session)
            found.sort(key=lambda track_id: places.get(track_id, len(places)))
        total, ids = len(found), found[offset : offset + limit]
    else:
        total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
        ids = [row.id for row in session.execute(ordered.offset(offset).limit(limit))]
    tracks = rows_by_ids(session, ids)
    return total, [tracks[track_id] for track_id in ids]


def _holds(words: Sequence[str], search_text: str, album: str) -> bool:
    return not words or all(word in search_text or word in search_key(album) for word in words)
