"""Playlists that people make: in, out and changed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from db.models import LARGEST, Playlist, PlaylistTrack, Track
from db.tracks import by_ids, check_known
from db.values import in_parts, utc_now


@dataclass(frozen=True)
class Listed:
    """A playlist, and what it holds of tracks that are present.

    Attributes
    ----------
    songs
        How many.
    duration_s
        Of all of them, as far as it is known.
    """

    playlist: Playlist
    songs: int
    duration_s: float


def create_playlist(
    session: Session,
    name: str,
    track_ids: Sequence[int] = (),
    *,
    comment: str = "",
    owner: str = "",
    public: bool = False,
) -> Playlist:
    """Make a playlist of tracks, in their order; one may be in it more than once.

    Raises
    ------
    KeyError
        If there is no track of an id.
    """
    at = utc_now()
    made = Playlist(name=name, comment=comment, owner=owner, public=public, created=at, changed=at)
    session.add(made)
    session.flush()
    _append(session, made, track_ids, 0)
    session.refresh(made)  # its words as they are stored
    return made


def get_playlist(session: Session, playlist_id: int) -> Playlist | None:
    """Return a playlist, or None where none has the id."""
    return session.get(Playlist, playlist_id) if 0 < playlist_id <= LARGEST else None


def all_playlists(session: Session) -> list[Listed]:
    """Return all playlists by name, and how much is in each."""
    query = (
        select(Playlist, func.count(Track.id), func.coalesce(func.sum(Track.duration_s), 0.0))
        .outerjoin(PlaylistTrack, PlaylistTrack.playlist_id == Playlist.id)
        .outerjoin(Track, (Track.id == PlaylistTrack.track_id) & Track.missing.is_(False))
        .group_by(Playlist.id)
    )
    found = [Listed(playlist, songs, seconds or 0.0) for playlist, songs, seconds in session.execute(query)]
    return sorted(found, key=lambda one: (one.playlist.name.casefold(), one.playlist.id))


def playlist_tracks(session: Session, playlist: Playlist) -> list[Track]:
    """Return a playlist's tracks that are present, in order."""
    rows = _present(session, playlist)
    tracks = by_ids(session, list({track_id for _, track_id in rows}))
    return [tracks[track_id] for _, track_id in rows]


def describe_playlist(
    session: Session,
    playlist: Playlist,
    *,
    name: str | None = None,
    comment: str | None = None,
    public: bool | None = None,
) -> None:
    """Rename a playlist, or change its comment or whom it is shown to; None leaves a value as it is."""
    wanted = {"name": name, "comment": comment, "public": public}
    for attribute, value in wanted.items():
        if value is not None:
            setattr(playlist, attribute, value)
    _touch(session, playlist)
    session.flush()
    session.refresh(playlist)  # its words as they are stored


def replace_tracks(session: Session, playlist: Playlist, track_ids: Sequence[int]) -> None:
    """Put other tracks in place of all that a playlist holds.

    Raises
    ------
    KeyError
        If there is no track of an id.
    """
    _touch(session, playlist)
    session.execute(delete(PlaylistTrack).where(PlaylistTrack.playlist_id == playlist.id))
    _append(session, playlist, track_ids, 0)


def add_tracks(session: Session, playlist: Playlist, track_ids: Sequence[int]) -> None:
    """Add tracks at a playlist's end.

    Raises
    ------
    KeyError
        If there is no track of an id.
    """
    _touch(session, playlist)
    last = select(func.max(PlaylistTrack.position)).where(PlaylistTrack.playlist_id == playlist.id)
    highest = session.scalar(last)
    _append(session, playlist, track_ids, 0 if highest is None else highest + 1)


def remove_tracks(session: Session, playlist: Playlist, positions: Collection[int]) -> None:
    """Take tracks out by their positions, from 0, in the list that `playlist_tracks` gives.

    A position that is beyond its end is passed over.
    """
    _touch(session, playlist)
    shown = _present(session, playlist)
    gone = [shown[i][0] for i in set(positions) if 0 <= i < len(shown)]
    of_list = PlaylistTrack.playlist_id == playlist.id
    for some in in_parts(gone):
        session.execute(delete(PlaylistTrack).where(of_list, PlaylistTrack.position.in_(some)))


def delete_playlist(session: Session, playlist: Playlist) -> None:
    """Delete a playlist; its tracks stay."""
    session.delete(playlist)
    session.flush()


def _present(session: Session, playlist: Playlist) -> list[tuple[int, int]]:
    """Return (position, track id) of the tracks that are present, in order."""
    query = (
        select(PlaylistTrack.position, PlaylistTrack.track_id)
        .join(Track, Track.id == PlaylistTrack.track_id)
        .where(PlaylistTrack.playlist_id == playlist.id, Track.missing.is_(False))
        .order_by(PlaylistTrack.position)
    )
    return [(row.position, row.track_id) for row in session.execute(query)]


def _append(session: Session, playlist: Playlist, track_ids: Sequence[int], first: int) -> None:
    check_known(session, list(dict.fromkeys(track_ids)))
    rows = [
        {"playlist_id": playlist.id, "position": position, "track_id": track_id}
        for position, track_id in enumerate(track_ids, first)
    ]
    if rows:
        session.execute(insert(PlaylistTrack), rows)


def _touch(session: Session, playlist: Playlist) -> None:
    """Note the time; first of all, so that another who changes the same list waits for the end of this."""
    playlist.changed = max(utc_now(), playlist.changed + timedelta(microseconds=1))
    session.flush()
