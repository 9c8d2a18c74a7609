"""OpenSubsonic: what somebody listens to, and where in it: queues, bookmarks, what is being played."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from db.errors import CatalogError
from db.listening import bookmarks, queues
from db.listening.now_playing import note_playing, now_playing, position_now_ms
from db.listening.queues import Queue
from db.listening.tables import NowPlaying
from db.models import Track
from recommender.service.http.troubles import noted
from recommender.service.state import State
from recommender.service.subsonic.context import Content, PlayerCall
from recommender.service.subsonic.envelope import GENERIC, MISSING, SubsonicError
from recommender.service.subsonic.parameters import whole
from recommender.service.subsonic.serializers import Shape, time_of


def save_play_queue(call: PlayerCall) -> Content:
    """Keep a queue, with the song that is played and where in it; without songs none is kept any more."""
    ids, current = call.asked.many("id"), call.asked.one("current") or None
    if current is not None and current not in ids:
        raise SubsonicError(GENERIC, "the current song is none of the queue")
    return _save(call, ids, None if current is None else ids.index(current))


def save_play_queue_by_index(call: PlayerCall) -> Content:
    """Keep a queue, with the place in it that is played, from 0; a song may be there more than once."""
    ids, text = call.asked.many("id"), call.asked.one("currentIndex")
    place = None if text is None else whole("currentIndex", text)
    if (place is None) == bool(ids) or (place is not None and not 0 <= place < len(ids)):
        said = "currentIndex must be one of the queue's places, from 0; without songs it must not be there"
        raise SubsonicError(MISSING, said)
    return _save(call, ids, place)


def _save(call: PlayerCall, ids: Sequence[str], current: int | None) -> Content:
    position_ms = call.asked.number("position", 0)
    queues.save_queue(call.session, call.user, call.songs_of(ids), current, position_ms, call.player)
    return {}


def get_play_queue(call: PlayerCall) -> Content:
    """Return the queue that was kept last; nothing where there is none."""
    queue = queues.saved_queue(call.session, call.user)
    if queue is None:
        return {}
    current = {} if queue.current is None else {"current": str(queue.tracks[queue.current].id)}
    return {"playQueue": {**current, **_queue(call, queue)}}


def get_play_queue_by_index(call: PlayerCall) -> Content:
    """Return the same, with the place that is played."""
    queue = queues.saved_queue(call.session, call.user)
    if queue is None:
        return {}
    current = {} if queue.current is None else {"currentIndex": queue.current}
    return {"playQueueByIndex": {**current, **_queue(call, queue)}}


def _queue(call: PlayerCall, queue: Queue) -> Shape:
    return {
        "position": queue.position_ms,
        "username": call.user,
        "changed": time_of(queue.changed),
        "changedBy": queue.changed_by,
        "entry": call.shapes.songs(queue.tracks),
    }


def get_bookmarks(call: PlayerCall) -> Content:
    """Return the moments of songs that are kept."""
    found = bookmarks.bookmarks_of(call.session, call.user)
    songs = call.shapes.songs([track for _, track in found])
    shapes = [
        {
            "position": mark.position_ms,
            "username": call.user,
            "comment": mark.comment,
            "created": time_of(mark.created),
            "changed": time_of(mark.changed),
            "entry": song,
        }
        for (mark, _), song in zip(found, songs, strict=True)
    ]
    return {"bookmarks": {"bookmark": shapes}}


def create_bookmark(call: PlayerCall) -> Content:
    """Keep a moment of a song, in place of the one that was kept before."""
    position_ms = max(0, whole("position", call.asked.need("position")))
    comment = call.asked.one("comment") or ""
    bookmarks.set_bookmark(call.session, call.user, call.song().id, position_ms, comment)
    return {}


def delete_bookmark(call: PlayerCall) -> Content:
    """Keep no moment of a song any more."""
    bookmarks.remove_bookmark(call.session, call.user, call.song().id)
    return {}


def get_now_playing(call: PlayerCall) -> Content:
    """Return what is being played, by whom and for how many minutes."""
    found = now_playing(call.session)
    songs = call.shapes.songs([track for _, track, _ in found])
    players = {player: n for n, player in enumerate(sorted({(row.owner, row.player) for row, _, _ in found}))}
    entries = [
        {
            **song,
            "username": row.owner,
            "minutesAgo": since // timedelta(minutes=1),
            "playerId": players[row.owner, row.player],
            "playerName": row.player,
            **_reported(row, track),
        }
        for song, (row, track, since) in zip(songs, found, strict=True)
    ]
    return {"nowPlaying": {"entry": entries}}


def _reported(row: NowPlaying, track: Track) -> Shape:
    """Return where in a song a player is, if it reports that."""
    position_ms = position_now_ms(row, track)
    if position_ms is None:
        return {}
    return {"state": row.state, "positionMs": position_ms, "playbackRate": row.rate}


class PlayNotes:
    """Notes what is being played beside the answer: a song is not to wait until the catalogue can be written.

    Parameters
    ----------
    state
        Of the service.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._beside = ThreadPoolExecutor(1, "playing")

    def note(self, user: str, player: str, track_id: int) -> None:
        """Note that a player of somebody's begins a song."""
        self._beside.submit(self._note, user, player, track_id)

    def _note(self, user: str, player: str, track_id: int) -> None:
        try:
            with self._state.change() as session:
                note_playing(session, user, player, track_id, loaded=True)
        except (CatalogError, SQLAlchemyError) as error:  # a song that has just gone is not being played
            noted(error)

    def close(self) -> None:
        """Note no more."""
        self._beside.shutdown(wait=True, cancel_futures=True)
