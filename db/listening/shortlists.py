"""Shortlists: songs chosen for a purpose, each with the passages that matched and a note."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from db.listening.tables import Shortlist, ShortlistEntry
from db.models import LARGEST, Track
from db.tracks import check_known
from db.values import in_parts, utc_now


@dataclass(frozen=True)
class NewEntry:
    """A song that is to be in a shortlist.

    Attributes
    ----------
    track_id
        The song.
    query_track_id, query_name
        The song that it was found by, None where that is not in the catalogue; and what it is called.
    query_start_s, query_end_s, match_start_s, match_end_s
        The passage of the query and that of the song which are alike, in seconds.
    similarity
        How alike both are, 0..1.
    note
        What a person says of it.
    """

    track_id: int
    query_track_id: int | None = None
    query_name: str = ""
    query_start_s: float | None = None
    query_end_s: float | None = None
    match_start_s: float | None = None
    match_end_s: float | None = None
    similarity: float | None = None
    note: str = ""


def create_shortlist(session: Session, name: str, *, owner: str = "") -> Shortlist:
    """Make an empty shortlist."""
    at = utc_now()
    made = Shortlist(name=name, owner=owner, created=at, changed=at)
    session.add(made)
    session.flush()
    session.refresh(made)  # its words as they are stored
    return made


def get_shortlist(session: Session, shortlist_id: int) -> Shortlist | None:
    """Return a shortlist, or None where none has the id."""
    return session.get(Shortlist, shortlist_id) if 0 < shortlist_id <= LARGEST else None


def all_shortlists(session: Session) -> list[tuple[Shortlist, int]]:
    """Return all shortlists by name, and how many songs that are present each holds."""
    query = (
        select(Shortlist, func.count(Track.id))
        .outerjoin(ShortlistEntry, ShortlistEntry.shortlist_id == Shortlist.id)
        .outerjoin(Track, (Track.id == ShortlistEntry.track_id) & Track.missing.is_(False))
        .group_by(Shortlist.id)
    )
    found = [(shortlist, songs) for shortlist, songs in session.execute(query)]
    return sorted(found, key=lambda one: (one[0].name.casefold(), one[0].id))


def rename_shortlist(session: Session, shortlist: Shortlist, name: str) -> None:
    """Give a shortlist another name."""
    shortlist.name = name
    touch(session, shortlist)
    session.refresh(shortlist)


def delete_shortlist(session: Session, shortlist: Shortlist) -> None:
    """Delete a shortlist; the songs stay."""
    session.delete(shortlist)
    session.flush()


def shortlist_entries(session: Session, shortlist: Shortlist) -> list[ShortlistEntry]:
    """Return the entries of songs that are present, in order."""
    query = (
        select(ShortlistEntry)
        .join(Track, Track.id == ShortlistEntry.track_id)
        .where(ShortlistEntry.shortlist_id == shortlist.id, Track.missing.is_(False))
        .order_by(ShortlistEntry.position, ShortlistEntry.id)
    )
    return list(session.scalars(query))


def count_entries(session: Session, shortlist: Shortlist) -> int:
    """Return how many entries a shortlist has, those of files that are gone included."""
    of_list = ShortlistEntry.shortlist_id == shortlist.id
    return session.scalar(select(func.count(ShortlistEntry.id)).where(of_list)) or 0


def add_entries(session: Session, shortlist: Shortlist, entries: Sequence[NewEntry]) -> list[ShortlistEntry]:
    """Add songs at a shortlist's end; one may be in it more than once.

    Raises
    ------
    KeyError
        If there is no track of an id.
    """
    touch(session, shortlist)
    named = [i for one in entries for i in (one.track_id, one.query_track_id) if i is not None]
    check_known(session, list(dict.fromkeys(named)))
    of_list = ShortlistEntry.shortlist_id == shortlist.id
    highest = session.scalar(select(func.max(ShortlistEntry.position)).where(of_list))
    first, at = 0 if highest is None else highest + 1, utc_now()
    made = [
        ShortlistEntry(shortlist_id=shortlist.id, position=position, added=at, **asdict(one))
        for position, one in enumerate(entries, first)
    ]
    session.add_all(made)
    session.flush()
    return made


def get_entry(session: Session, shortlist: Shortlist, entry_id: int) -> ShortlistEntry | None:
    """Return an entry of a shortlist, or None where it has none of the id."""
    found = session.get(ShortlistEntry, entry_id) if 0 < entry_id <= LARGEST else None
    return found if found is not None and found.shortlist_id == shortlist.id else None


def note_entry(session: Session, shortlist: Shortlist, entry: ShortlistEntry, note: str) -> None:
    """Say something else of a song."""
    touch(session, shortlist)
    entry.note = note
    session.flush()
    session.refresh(entry)


def move_entry(session: Session, shortlist: Shortlist, entry: ShortlistEntry, place: int) -> None:
    """Move a song to a place, from 0, among those that are shown; beyond the last one is the end."""
    touch(session, shortlist)
    shown = [one.id for one in shortlist_entries(session, shortlist) if one.id != entry.id]
    every = [i for i in _in_order(session, shortlist) if i != entry.id]
    at = every.index(shown[place]) if place < len(shown) else len(every)
    _set_order(session, [*every[:at], entry.id, *every[at:]])


def order_entries(session: Session, shortlist: Shortlist, entry_ids: Sequence[int]) -> None:
    """Put some entries in another order: they take the places that they have among all of them.

    Raises
    ------
    KeyError
        If the shortlist has no entry of an id, or one is named twice.
    """
    touch(session, shortlist)
    every = _in_order(session, shortlist)
    named = Counter(entry_ids)
    for entry_id, times in named.items():
        if times > 1 or entry_id not in every:
            raise KeyError(entry_id)
    following = iter(entry_ids)
    _set_order(session, [next(following) if i in named else i for i in every])


def remove_entries(session: Session, shortlist: Shortlist, entry_ids: Collection[int]) -> int:
    """Take entries out; return how many were there."""
    touch(session, shortlist)
    of_list = ShortlistEntry.shortlist_id == shortlist.id
    known = set(_in_order(session, shortlist)) & set(entry_ids)
    for some in in_parts(sorted(known)):
        session.execute(delete(ShortlistEntry).where(of_list, ShortlistEntry.id.in_(some)))
    return len(known)


def touch(session: Session, shortlist: Shortlist) -> None:
    """Note the time; first of all, so that another who changes the same list waits for the end of this."""
    shortlist.changed = max(utc_now(), shortlist.changed + timedelta(microseconds=1))
    session.flush()


def _in_order(session: Session, shortlist: Shortlist) -> list[int]:
    """Return the ids of all entries, those of files that are gone included."""
    of_list = ShortlistEntry.shortlist_id == shortlist.id
    query = select(ShortlistEntry.id).where(of_list)
    return list(session.scalars(query.order_by(ShortlistEntry.position, ShortlistEntry.id)))


def _set_order(session: Session, entry_ids: Sequence[int]) -> None:
    table = ShortlistEntry.__table__
    places = [{"its": entry_id, "place": place} for place, entry_id in enumerate(entry_ids)]
    moved = update(table).where(table.c.id == bindparam("its")).values(position=bindparam("place"))  # type: ignore[arg-type]
    if places:
        session.connection().execute(moved, places)
    session.expire_all()
