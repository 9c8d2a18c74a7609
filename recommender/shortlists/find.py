"""Which shortlist, and which song of the catalogue, a person means."""

import os

from sqlalchemy.orm import Session

from db.listening.shortlists import all_shortlists, get_shortlist, shortlist_entries
from db.listening.tables import Shortlist, ShortlistEntry
from db.models import LARGEST, Track
from db.tracks import at_path, matching
from recommender.errors import AmbiguousQueryError, QueryError


def find_shortlist(session: Session, named: str) -> Shortlist:
    """Return the shortlist of an id or a name.

    Raises
    ------
    QueryError
        If there is none, or several have the name.
    """
    every = [one for one, _ in all_shortlists(session)]
    same = [one for one in every if one.name == named] or [
        one for one in every if one.name.casefold() == named.casefold()
    ]
    if len(same) > 1:
        raise AmbiguousQueryError(named, [f"{one.id}  {one.name}" for one in same])
    if same:
        return same[0]
    found = get_shortlist(session, int(named)) if _is_id(named) else None
    if found is None:
        known = ", ".join(one.name for one in every) or "none yet"
        raise QueryError(f"no shortlist is called '{named}'; there are: {known}")
    return found


def find_song(session: Session, named: str) -> Track:
    """Return the present track of a path, an id, or words of artist and title.

    Raises
    ------
    QueryError
        If there is none, or several fit the words.
    """
    track = at_path(session, os.path.abspath(named))
    if track is None and _is_id(named):
        track = session.get(Track, int(named))
    if track is not None and not track.missing:
        return track
    found = matching(session, named) if track is None and named.strip() else []
    if len(found) > 1:
        lines = [f"{one.id}  {one.artist} - {one.title}" for one in found[:20]]
        raise AmbiguousQueryError(named, lines)
    if not found:
        raise QueryError(f"'{named}' is no file, no track id, and no words of any artist and title here")
    return found[0]


def numbered_entry(session: Session, shortlist: Shortlist, number: int) -> ShortlistEntry:
    """Return an entry by its number in the list, from 1.

    Raises
    ------
    QueryError
        If there is none.
    """
    entries = shortlist_entries(session, shortlist)
    if not 0 < number <= len(entries):
        raise QueryError(f"the shortlist {shortlist.name} has no song number {number}; it has {len(entries)}")
    return entries[number - 1]


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST)) and 0 < int(text) <= LARGEST
