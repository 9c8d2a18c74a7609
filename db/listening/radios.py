"""Radios as the catalogue keeps them: what they play songs like, what they played, what became of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.listening.tables import LessLike, Radio, RadioSong
from db.models import LARGEST, Track
from db.values import utc_now

GIVEN: Final = "given"
OUTCOMES: Final = ("finished", "skipped", "starred")


def create_radio(
    session: Session, kind: str, seed: str, name: str, *, far: float, discover: float, owner: str = ""
) -> Radio:
    """Make a radio that has played nothing yet."""
    at = utc_now()
    made = Radio(
        kind=kind, seed=seed, name=name, far=far, discover=discover, owner=owner, created=at, changed=at
    )
    session.add(made)
    session.flush()
    session.refresh(made)  # its words as they are stored
    return made


def get_radio(session: Session, radio_id: int) -> Radio | None:
    """Return a radio, or None where none has the id."""
    return session.get(Radio, radio_id) if 0 < radio_id <= LARGEST else None


def all_radios(session: Session) -> list[tuple[Radio, int]]:
    """Return all radios, the one changed last first, and how many songs each has played."""
    query = (
        select(Radio, func.count(RadioSong.position))
        .outerjoin(RadioSong, RadioSong.radio_id == Radio.id)
        .group_by(Radio.id)
        .order_by(Radio.changed.desc(), Radio.id.desc())
    )
    return [(radio, songs) for radio, songs in session.execute(query)]


def touch_radio(session: Session, radio: Radio) -> None:
    """Note the time; first of all, so that another who changes the same radio waits for the end of this."""
    radio.changed = max(utc_now(), radio.changed + timedelta(microseconds=1))
    session.flush()


def tune_radio(
    session: Session,
    radio: Radio,
    *,
    name: str | None = None,
    far: float | None = None,
    discover: float | None = None,
) -> None:
    """Change how a radio plays, from its next song on; None leaves a value as it is."""
    for attribute, value in {"name": name, "far": far, "discover": discover}.items():
        if value is not None:
            setattr(radio, attribute, value)
    touch_radio(session, radio)
    session.refresh(radio)


def reseed_radio(session: Session, radio: Radio, kind: str, seed: str, name: str) -> None:
    """Let a radio play songs like another seed from its next song on; what it played stays."""
    radio.kind, radio.seed, radio.name = kind, seed, name
    touch_radio(session, radio)
    session.refresh(radio)  # its words as they are stored


def delete_radio(session: Session, radio: Radio) -> None:
    """Delete a radio; the songs stay."""
    session.delete(radio)
    session.flush()


def radio_songs(session: Session, radio: Radio) -> list[RadioSong]:
    """Return what a radio has played, in order; tracks that left the catalogue are gone from it."""
    query = select(RadioSong).where(RadioSong.radio_id == radio.id).order_by(RadioSong.position)
    return list(session.scalars(query))


def n_played(session: Session, radio: Radio) -> int:
    """Return how many songs a radio has played, those of tracks that left the catalogue too."""
    last = session.scalar(select(func.max(RadioSong.position)).where(RadioSong.radio_id == radio.id))
    return 0 if last is None else last + 1


def radio_song(session: Session, radio: Radio, position: int) -> RadioSong | None:
    """Return the song that a radio played at a position, from 0, or None."""
    return session.get(RadioSong, (radio.id, position)) if 0 <= position <= LARGEST else None


def give_songs(session: Session, radio: Radio, songs: Sequence[tuple[int, str]]) -> list[RadioSong]:
    """Put songs behind those that a radio has played: the id of each and the reason for it."""
    touch_radio(session, radio)
    first, at = n_played(session, radio), utc_now()
    made = [
        RadioSong(
            radio_id=radio.id, position=position, track_id=track_id, reason=reason, outcome=GIVEN, given=at
        )
        for position, (track_id, reason) in enumerate(songs, first)
    ]
    session.add_all(made)
    session.flush()
    return made


def note_outcome(session: Session, song: RadioSong, outcome: str) -> None:
    """Note what the listener did with a song, one of `OUTCOMES`; what was starred stays so."""
    if song.outcome != "starred":
        song.outcome = outcome
    session.flush()


def less_like(session: Session, track_id: int, *, wanted: bool) -> None:
    """Keep that less is wanted like a song, or that this is over."""
    found = session.get(LessLike, track_id)
    if wanted and found is None:
        session.add(LessLike(track_id=track_id, since=utc_now()))
    elif not wanted and found is not None:
        session.delete(found)
    session.flush()


def less_like_ids(session: Session) -> list[int]:
    """Return the songs that are there which less is wanted like, the last first."""
    query = select(LessLike.track_id).join(Track, Track.id == LessLike.track_id)
    there = query.where(Track.missing.is_(False))
    return list(session.scalars(there.order_by(LessLike.since.desc(), LessLike.track_id)))
