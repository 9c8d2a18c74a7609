"""Mixes in the catalogue: songs that belong together, named, and what they were made of."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from db.listening.tables import Mix, MixTrack
from db.models import LARGEST, Setting, Track
from db.tracks import by_ids, known_ids
from db.values import pack, unpack, utc_now

Array = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SOUND: Final = "sound"
"""The kind of those that are clusters of the library."""
STATE: Final = "mixes"
"""The setting that says what they were made of."""


@dataclass(frozen=True)
class NewMix:
    """A mix as it is to be.

    Attributes
    ----------
    mix_id
        The one that it is the present state of; None for a new one.
    track_ids
        The songs to listen to, in order.
    members, centre
        (tracks,) all that belong to it, and (dimensions,) their mean direction; empty where it is no cluster.
    """

    kind: str
    name: str
    reason: str
    track_ids: Sequence[int]
    mix_id: int | None = None
    trunk_id: str = ""
    members: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    centre: Array = field(default_factory=lambda: np.zeros(0, np.float32))


def all_mixes(session: Session) -> list[Mix]:
    """Return all mixes: those of the day first, then the clusters, the largest first."""
    found = session.scalars(select(Mix).order_by(Mix.id))
    return sorted(found, key=lambda mix: (mix.kind == SOUND, -len(mix.members), mix.id))


def get_mix(session: Session, mix_id: int) -> Mix | None:
    """Return a mix, or None where none has the id."""
    return session.get(Mix, mix_id) if 0 < mix_id <= LARGEST else None


def members_of(mix: Mix) -> Ints:
    """Return the ids of all tracks that belong to a cluster, (tracks,)."""
    return np.frombuffer(mix.members, "<i4").astype(np.int64)


def centre_of(mix: Mix) -> Array:
    """Return the mean direction of a cluster's tracks, (dimensions,)."""
    return unpack(mix.centre)


def mix_track_ids(session: Session) -> dict[int, list[int]]:
    """Return the songs of all mixes that are present, in order, by mix id."""
    query = (
        select(MixTrack.mix_id, MixTrack.track_id)
        .join(Track, Track.id == MixTrack.track_id)
        .where(Track.missing.is_(False))
        .order_by(MixTrack.mix_id, MixTrack.position)
    )
    found: dict[int, list[int]] = {}
    for mix_id, track_id in session.execute(query):
        found.setdefault(mix_id, []).append(track_id)
    return found


def mix_tracks(session: Session, mix: Mix) -> list[Track]:
    """Return a mix's songs that are present, in order."""
    ids = mix_track_ids(session).get(mix.id, [])
    tracks = by_ids(session, ids)
    return [tracks[track_id] for track_id in ids]


def replace_mixes(session: Session, mixes: Sequence[NewMix], state: dict[str, Any]) -> list[Mix]:
    """Put mixes in the place of all there are; one that goes on keeps its id, and what is not named goes.

    Songs that have left the catalogue meanwhile are left out.

    Parameters
    ----------
    state
        What they were made of, as `state_of` gives it back.
    """
    kept = {mix.mix_id for mix in mixes}
    for old in session.scalars(select(Mix)).all():
        if old.id not in kept:
            session.delete(old)
    session.flush()
    known = known_ids(session, sorted({i for mix in mixes for i in mix.track_ids}))
    stored = [_store(session, mix, [i for i in mix.track_ids if i in known]) for mix in mixes]
    _set_state(session, state)
    session.flush()
    return stored


def _store(session: Session, mix: NewMix, track_ids: Sequence[int]) -> Mix:
    at = utc_now()
    row = None if mix.mix_id is None else get_mix(session, mix.mix_id)
    if row is None:
        row = Mix(created=at)
    before = (row.name, row.members)
    row.kind, row.name, row.reason, row.trunk_id = mix.kind, mix.name, mix.reason, mix.trunk_id
    row.centre, row.members = pack(mix.centre), np.asarray(mix.members, "<i4").tobytes()
    session.add(row)
    if row.id is None or before != (row.name, row.members):
        row.changed = at
    session.flush()
    session.execute(delete(MixTrack).where(MixTrack.mix_id == row.id))
    songs = [{"mix_id": row.id, "position": at, "track_id": i} for at, i in enumerate(track_ids)]
    if songs:
        session.execute(insert(MixTrack), songs)
    return row


def state_of(session: Session) -> dict[str, Any]:
    """Return what the mixes were made of; empty where there are none yet."""
    stored = session.get(Setting, STATE)
    return {} if stored is None else dict(json.loads(stored.value))


def _set_state(session: Session, state: dict[str, Any]) -> None:
    session.merge(Setting(name=STATE, value=json.dumps(state, sort_keys=True)))
