"""Songs into a shortlist, so many at most; what they were found by keeps its name."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from db.listening.shortlists import NewEntry, add_entries, count_entries
from db.listening.tables import Shortlist, ShortlistEntry
from db.rows import rows_by_ids
from recommender import params
from recommender.errors import FilterError, RecommenderError
from recommender.presentation.text import called

PAIRS = (("query_start_s", "query_end_s"), ("match_start_s", "match_end_s"))


def add_songs(session: Session, shortlist: Shortlist, entries: Sequence[NewEntry]) -> list[ShortlistEntry]:
    """Add songs at a shortlist's end.

    Raises
    ------
    KeyError
        If there is no track of an id.
    FilterError
        If a passage ends before it begins, or has one end alone.
    RecommenderError
        If the shortlist would hold more than it may.
    """
    for entry in entries:
        for names in PAIRS:
            _check(*(getattr(entry, name) for name in names))
    if count_entries(session, shortlist) + len(entries) > params.LONGEST_SHORTLIST:
        raise RecommenderError(f"a shortlist holds no more than {params.LONGEST_SHORTLIST:,} songs")
    named = [one.query_track_id for one in entries if one.query_track_id is not None and not one.query_name]
    rows = rows_by_ids(session, named)
    words = {
        i: called({"artist": row.artist, "title": row.title, "path": row.path}) for i, row in rows.items()
    }
    return add_entries(
        session,
        shortlist,
        [
            replace(one, query_name=one.query_name or words.get(one.query_track_id or 0, ""))
            for one in entries
        ],
    )


def _check(start_s: float | None, end_s: float | None) -> None:
    if (start_s is None) != (end_s is None):
        raise FilterError("a passage has a beginning and an end; name both, or neither")
    if start_s is not None and end_s is not None and start_s >= end_s:
        raise FilterError("a passage must begin before it ends")
