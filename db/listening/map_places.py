"""Where the tracks lie on the map: kept, so that what stood stays where it was."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from db.listening.tables import MapPlace
from db.models import Setting, Track
from db.tracks import known_ids
from db.values import in_parts

STATE: Final = "map"
"""The setting that says by what the places were laid out."""
ROWS_AT_ONCE: Final = 5000


class Place(NamedTuple):
    """Where a track lies, and the hash of the audio that it was put there for."""

    track_id: int
    content: str
    x: float
    y: float


class MapFacts(NamedTuple):
    """What the map says of a track."""

    title: str
    artist: str
    label: str | None
    year: int | None
    tempo_bpm: float | None
    plays: int


def map_facts(session: Session) -> dict[int, MapFacts]:
    """Return what the map says of every analysed track, by track id."""
    query = select(Track.id, *(getattr(Track, name) for name in MapFacts._fields))
    found = session.execute(query.where(Track.analysed_hash.is_not(None)))
    return {track_id: MapFacts(*said) for track_id, *said in found}


def places(session: Session) -> dict[int, Place]:
    """Return the places of all tracks whose audio is still the same, by track id."""
    query = select(MapPlace.track_id, MapPlace.content, MapPlace.x, MapPlace.y)
    same = query.join(Track, Track.id == MapPlace.track_id).where(Track.analysed_hash == MapPlace.content)
    return {row[0]: Place(*row) for row in session.execute(same)}


def contents(session: Session) -> dict[int, str]:
    """Return the hash of the audio of every analysed track, by track id."""
    query = select(Track.id, Track.analysed_hash).where(Track.analysed_hash.is_not(None))
    return {track_id: content or "" for track_id, content in session.execute(query)}


def layout_state(session: Session) -> dict[str, Any]:
    """Return by what the places were laid out; empty where they are not yet."""
    stored = session.get(Setting, STATE)
    return {} if stored is None else dict(json.loads(stored.value))


def put_places(session: Session, found: Sequence[Place], state: dict[str, Any], *, anew: bool) -> None:
    """Store places: in the place of all that are kept, or beside them.

    Parameters
    ----------
    state
        As `layout_state` gives it back.
    anew
        Whether what is kept goes.
    """
    if anew:
        session.execute(delete(MapPlace))
    known = known_ids(session, [place.track_id for place in found])
    rows = [place._asdict() for place in found if place.track_id in known]
    for some in in_parts(rows, ROWS_AT_ONCE):
        if not anew:
            for ids in in_parts([row["track_id"] for row in some]):
                session.execute(delete(MapPlace).where(MapPlace.track_id.in_(ids)))
        session.execute(insert(MapPlace), list(some))
    session.merge(Setting(name=STATE, value=json.dumps(state, sort_keys=True)))
    session.flush()
