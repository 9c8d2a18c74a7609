"""What players leave: queues, bookmarks, what is being played; ids of playlists; when a track came."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from db import values
from db.listening import bookmarks, now_playing, queues
from db.listening.playlists import create_playlist, delete_playlist
from db.listening.tables import NowPlaying, PlayQueue, PlayQueueTrack
from db.models import LARGEST, Track
from db.session import Catalog
from db.tracks import root_for
from db.values import utc_now
from tests.db.rows import new_track


@pytest.fixture
def filled(catalog: Catalog) -> Catalog:
    """A catalogue of tracks 1 to 4, of 100 seconds; the fourth's length is not known."""
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        for number in range(1, 5):
            new_track(session, root, f"{number}.mp3", duration_s=None if number == 4 else 100.0)
    return catalog


def test_a_queue_is_kept_and_replaced(filled: Catalog) -> None:
    with filled.transaction() as session:
        assert queues.saved_queue(session, "ann") is None
        queues.save_queue(session, "ann", [2, 1, 2], 2, LARGEST, "box")
        queues.save_queue(session, "bob", [3], None)
    with filled.transaction() as session:
        queue = queues.saved_queue(session, "ann")
        assert queue is not None
        assert [track.id for track in queue.tracks] == [2, 1, 2]
        assert (queue.current, queue.position_ms, queue.changed_by) == (2, LARGEST, "box")
        assert utc_now() - queue.changed < timedelta(minutes=1)
        queues.save_queue(session, "ann", [3], 0)
    with filled.transaction() as session:
        queue = queues.saved_queue(session, "ann")
        assert queue is not None
        assert ([track.id for track in queue.tracks], queue.position_ms) == ([3], 0)
        queues.save_queue(session, "ann", [], None)
        assert queues.saved_queue(session, "ann") is None
        assert queues.saved_queue(session, "bob") is not None
        assert session.scalar(select(func.count()).select_from(PlayQueueTrack)) == 1


def test_of_a_queue_what_is_gone_is_left_out(filled: Catalog) -> None:
    with filled.transaction() as session:
        queues.save_queue(session, "ann", [1, 2, 3], 2, 500)
        session.get_one(Track, 1).missing = True
        session.delete(session.get_one(Track, 2))
    with filled.transaction() as session:
        queue = queues.saved_queue(session, "ann")
        assert queue is not None
        assert ([track.id for track in queue.tracks], queue.current, queue.position_ms) == ([3], 0, 500)
        session.get_one(Track, 3).missing = True
    with filled.transaction() as session:
        queue = queues.saved_queue(session, "ann")
        assert queue is not None
        assert (list(queue.tracks), queue.current, queue.position_ms) == ([], None, 0)


def test_queues_are_bounded(filled: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "MOST_OWNERS", 3)
    with filled.transaction() as session:
        for number in range(6):
            queues.save_queue(session, f"user {number}", [1], 0)
    with filled.transaction() as session:
        assert set(session.scalars(select(PlayQueue.owner))) == {"user 3", "user 4", "user 5"}


def test_bookmarks(filled: Catalog) -> None:
    with filled.transaction() as session:
        bookmarks.set_bookmark(session, "ann", 1, 1000, "here")
        bookmarks.set_bookmark(session, "ann", 2, 2000)
        bookmarks.set_bookmark(session, "bob", 1, 3000)
    with filled.transaction() as session:
        bookmarks.set_bookmark(session, "ann", 1, 4000, "there")
    with filled.transaction() as session:
        found = [(m.track_id, m.position_ms, m.comment) for m, _ in bookmarks.bookmarks_of(session, "ann")]
        assert found == [(1, 4000, "there"), (2, 2000, "")]
        [(mark, track), _] = bookmarks.bookmarks_of(session, "ann")
        assert mark.created <= mark.changed and track.id == 1
        bookmarks.remove_bookmark(session, "ann", 1)
        bookmarks.remove_bookmark(session, "ann", 3)
        assert [mark.track_id for mark, _ in bookmarks.bookmarks_of(session, "ann")] == [2]
        assert len(bookmarks.bookmarks_of(session, "bob")) == 1


def playing(catalog: Catalog) -> list[tuple[str, str, int]]:
    with catalog.transaction() as session:
        return [(row.owner, row.player, track.id) for row, track, _ in now_playing.now_playing(session)]


def test_what_is_being_played(filled: Catalog) -> None:
    with filled.transaction() as session:
        now_playing.note_playing(session, "ann", "phone", 1)
        now_playing.note_playing(session, "ann", "box", 2)
    with filled.transaction() as session:
        now_playing.note_playing(session, "ann", "phone", 4)
    assert playing(filled) == [("ann", "phone", 4), ("ann", "box", 2)]


def test_it_is_over_some_time_after_the_song_is(filled: Catalog) -> None:
    with filled.transaction() as session:
        for number in (1, 4):
            now_playing.note_playing(session, "ann", str(number), number)
        for row in session.scalars(select(NowPlaying)):
            row.began -= timedelta(minutes=11)
    assert playing(filled) == [("ann", "4", 4), ("ann", "1", 1)]
    with filled.transaction() as session:
        for row in session.scalars(select(NowPlaying)):
            row.began -= timedelta(minutes=1)
    assert playing(filled) == [("ann", "4", 4)]


def test_what_was_begun_by_a_wrong_clock_goes(filled: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that was 400 days ahead, and is right again: its song is none that is played for 400 days."""
    ahead = utc_now() + timedelta(days=400)
    with monkeypatch.context() as context:
        context.setattr(now_playing, "utc_now", lambda: ahead)
        with filled.transaction() as session:
            now_playing.note_playing(session, "ann", "box", 1)
    with filled.transaction() as session:
        now_playing.note_playing(session, "ann", "phone", 2)
    assert playing(filled) == [("ann", "phone", 2)]


def test_ids_of_playlists_are_never_used_again(filled: Catalog) -> None:
    used = set()
    for _ in range(3):
        with filled.transaction() as session:
            made = create_playlist(session, "list", [1])
            assert made.id not in used
            used.add(made.id)
            delete_playlist(session, made)


def test_a_track_says_when_it_came(filled: Catalog) -> None:
    with filled.transaction() as session:
        added = session.get_one(Track, 1).added
    assert added is not None
    assert abs(values.utc_now() - added) < timedelta(minutes=1)
