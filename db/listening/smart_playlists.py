"""Playlists that keep themselves up to date: what each is filled with, and from which state it was."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.listening.playlists import playlist_tracks, replace_tracks
from db.listening.tables import SmartPlaylist
from db.models import Playlist
from db.values import utc_now


def smart_playlist_of(session: Session, playlist: Playlist) -> SmartPlaylist | None:
    """Return what a playlist is filled with; None where a person fills it."""
    return session.get(SmartPlaylist, playlist.id)


def all_smart_playlists(session: Session) -> dict[int, SmartPlaylist]:
    """Return what all playlists that keep themselves up to date are filled with, by playlist id.

    Those that were filled longest ago come first.
    """
    query = select(SmartPlaylist).order_by(
        SmartPlaylist.filled.asc().nulls_first(), SmartPlaylist.playlist_id
    )
    return {one.playlist_id: one for one in session.scalars(query)}


def wanted(row: SmartPlaylist) -> dict[str, Any]:
    """Return the list that is wanted."""
    return dict(json.loads(row.rules))


def set_rules(session: Session, playlist: Playlist, rules: dict[str, Any]) -> SmartPlaylist:
    """Have a playlist filled with a list from now on; it holds what it held until then."""
    text = json.dumps(rules, ensure_ascii=False, sort_keys=True)
    found = session.get(SmartPlaylist, playlist.id)
    if found is None:
        found = SmartPlaylist(playlist_id=playlist.id, rules=text, filled_from="", filled=None, problem="")
        session.add(found)
    elif found.rules != text:
        found.rules, found.filled_from, found.problem = text, "", ""
    session.flush()
    return found


def freeze(session: Session, playlist: Playlist) -> bool:
    """Let a playlist stay as it is, as one that a person fills; return whether it was none."""
    found = session.get(SmartPlaylist, playlist.id)
    if found is not None:
        session.delete(found)
        session.flush()
    return found is not None


def note_filled(
    session: Session,
    playlist: Playlist,
    row: SmartPlaylist,
    filled_from: str,
    track_ids: Sequence[int] | None,
    problem: str = "",
) -> bool:
    """Fill a playlist, and note from which state; return whether it holds other songs than before.

    Parameters
    ----------
    track_ids
        None where it could not be filled: then it holds what it held.
    problem
        Why.
    """
    # First of all, so that another who fills the same one waits for the end of this.
    row.filled_from, row.problem = filled_from, problem
    row.filled = max(utc_now(), (row.filled or playlist.created) + timedelta(microseconds=1))
    session.flush()
    if track_ids is None or [track.id for track in playlist_tracks(session, playlist)] == list(track_ids):
        return False
    replace_tracks(session, playlist, track_ids)
    return True
