"""Mixes for machines: what the command's ``--json`` and the service both give."""

from typing import Any

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.listening.mixes import all_mixes, members_of, mix_track_ids, mix_tracks
from db.listening.tables import Mix
from db.values import iso_utc
from recommender.presentation.songs import tracks_json

COVERS = 4


def mixes_answer(session: Session) -> dict[str, Any]:
    """Return all mixes: those of the day first, then the clusters, the largest first."""
    songs = mix_track_ids(session)
    return {"mixes": [_mix_json(mix, songs.get(mix.id, [])) for mix in all_mixes(session)]}


def mix_answer(session: Session, mix: Mix, bundle: Bundle) -> dict[str, Any]:
    """Return one mix with its songs, in the order to listen to."""
    tracks = mix_tracks(session, mix)
    shown = {track["track_id"]: track for track in tracks_json(session, list(set(tracks)), bundle)}
    return {**_mix_json(mix, [track.id for track in tracks]), "tracks": [shown[track.id] for track in tracks]}


def _mix_json(mix: Mix, track_ids: list[int]) -> dict[str, Any]:
    return {
        "mix_id": mix.id,
        "kind": mix.kind,
        "name": mix.name,
        "reason": mix.reason,
        "songs": len(track_ids),
        "of_tracks": len(members_of(mix)),
        "covers": track_ids[:COVERS],
        "playlist_id": mix.playlist_id,
        "changed": iso_utc(mix.changed),
    }
