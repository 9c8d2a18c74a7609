"""Mixes as playlists, which players see: made once, and filled anew from then on."""

from sqlalchemy.orm import Session

from db.listening.mixes import all_mixes, mix_track_ids
from db.listening.playlists import create_playlist, describe_playlist, get_playlist, replace_tracks
from db.listening.tables import Mix

COMMENT = "A mix by deepcuts: {}"


def save_mixes(session: Session) -> dict[int, int]:
    """Save all mixes as playlists, each in the one that it was saved as before; return these by mix id."""
    songs = mix_track_ids(session)
    return {mix.id: save_mix(session, mix, songs.get(mix.id, [])) for mix in all_mixes(session)}


def save_mix(session: Session, mix: Mix, track_ids: list[int]) -> int:
    """Save a mix as a playlist, and return that one's id."""
    comment = COMMENT.format(mix.reason)
    known = None if mix.playlist_id is None else get_playlist(session, mix.playlist_id)
    if known is None:
        mix.playlist_id = create_playlist(session, mix.name, track_ids, comment=comment).id
    else:
        describe_playlist(session, known, name=mix.name, comment=comment)
        replace_tracks(session, known, track_ids)
    session.flush()
    return mix.playlist_id or 0
