"""Radios for machines: what the command's ``--json`` and the service both give."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.listening.radios import all_radios, less_like_ids, radio_songs
from db.listening.tables import Radio, RadioSong
from db.rows import TrackRow, rows_by_ids
from db.values import iso_utc
from recommender.presentation.songs import tracks_json

Answer = dict[str, Any]


def radios_answer(session: Session) -> Answer:
    """Return all radios, the one that played last first."""
    return {"radios": [radio_json(radio, songs) for radio, songs in all_radios(session)]}


def radio_answer(session: Session, radio: Radio, bundle: Bundle) -> Answer:
    """Return a radio with the songs that it has played and that are there, in order."""
    songs = radio_songs(session, radio)
    rows = rows_by_ids(session, list({song.track_id for song in songs}))
    there = [(song, rows[song.track_id]) for song in songs if not rows[song.track_id].missing]
    return {**radio_json(radio, len(songs)), "played": songs_json(session, there, bundle)}


def radio_json(radio: Radio, songs: int) -> Answer:
    """Return a radio without its songs."""
    return {
        "radio_id": radio.id,
        "name": radio.name,
        "kind": radio.kind,
        "seed": radio.seed,
        "far": radio.far,
        "discover": radio.discover,
        "songs": songs,
        "created": iso_utc(radio.created),
        "changed": iso_utc(radio.changed),
    }


def songs_json(
    session: Session, songs: Sequence[tuple[RadioSong, TrackRow]], bundle: Bundle
) -> list[dict[str, Any]]:
    """Return songs of a radio, each with why it was chosen and what became of it."""
    rows = {track.id: track for _, track in songs}
    shown = {one["track_id"]: one for one in tracks_json(session, list(rows.values()), bundle)}
    return [
        {"position": song.position, "reason": song.reason, "outcome": song.outcome, **shown[track.id]}
        for song, track in songs
    ]


def less_like_answer(session: Session, bundle: Bundle) -> Answer:
    """Return the songs that less is wanted like, the last first."""
    ids = less_like_ids(session)
    rows = rows_by_ids(session, ids)
    return {"tracks": tracks_json(session, [rows[i] for i in ids], bundle)}
