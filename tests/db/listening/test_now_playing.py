"""What players report of the songs that they play, and when that is a play."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from db.listening import now_playing as module
from db.listening.now_playing import Report, note_playing, now_playing, position_now_ms, report_playing
from db.listening.tables import NowPlaying
from db.models import Track
from db.session import Catalog
from db.tracks import root_for
from tests.db.rows import new_track

Said = tuple[float, str, int]
"""Seconds since the first report, the state, and where in the song in milliseconds."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the clock to so many seconds since some moment."""

    def at(seconds: float) -> None:
        now = datetime(2026, 1, 1) + timedelta(seconds=seconds)
        monkeypatch.setattr(module, "utc_now", lambda: now)

    at(0)
    return at


def song(catalog: Catalog, duration_s: float | None) -> int:
    with catalog.transaction() as session:
        return new_track(session, root_for(session, "/m"), "x.mp3", duration_s=duration_s, search_text="").id


@pytest.mark.parametrize(
    ("duration_s", "said", "played"),
    [
        (100, [(0, "starting", 0), (5, "playing", 0), (60, "playing", 55_000)], [False, False, True]),
        (100, [(0, "playing", 0), (60, "stopped", 60_000)], [False, True]),
        (100, [(0, "playing", 0), (40, "stopped", 40_000)], [False, False]),
        (
            1000,
            [(0, "playing", 0), (239, "playing", 239_000), (241, "paused", 241_000)],
            [False, False, True],
        ),
        (100, [(0, "playing", 0), (5, "playing", 90_000), (9, "stopped", 94_000)], [False] * 3),  # a jump
        (100, [(0, "playing", 0), (30, "paused", 30_000), (90, "playing", 30_000)], [False] * 3),
        (100, [(0, "playing", 0), (60, "playing", 60_000), (99, "stopped", 99_000)], [False, True, False]),
        (
            100,
            [(0, "playing", 0), (60, "playing", 60_000), (99, "starting", 0), (160, "stopped", 100_000)],
            [False, True, False, False],
        ),
        (
            100,
            [(0, "playing", 0), (99, "starting", 0), (100, "playing", 0), (160, "stopped", 60_000)],
            [False, False, False, True],
        ),
        (100, [(0, "stopped", 90_000)], [False]),
        (
            None,
            [(0, "playing", 0), (100, "playing", 100_000), (300, "stopped", 300_000)],
            [False, False, True],
        ),
    ],
)
def test_a_play_is_half_of_a_song_that_was_heard(
    catalog: Catalog,
    clock: Callable[[float], None],
    duration_s: float | None,
    said: list[Said],
    played: list[bool],
) -> None:
    track_id, found = song(catalog, duration_s), []
    for seconds, state, position_ms in said:
        clock(seconds)
        with catalog.change() as session:
            track = session.get_one(Track, track_id)
            found.append(report_playing(session, "ann", "box", track, Report(state, position_ms)))
    assert found == played
    with catalog.transaction() as session:
        assert len(session.scalars(select(NowPlaying)).all()) == (said[-1][1] != "stopped")


def test_where_a_player_is_goes_on_with_the_clock(catalog: Catalog, clock: Callable[[float], None]) -> None:
    track_id = song(catalog, 100)

    def report(state: str, position_ms: int, rate: float = 1.0) -> None:
        with catalog.change() as session:
            track = session.get_one(Track, track_id)
            assert not report_playing(
                session, "ann", "box", track, Report(state, position_ms, rate, counts=False)
            )

    def shown(seconds: float) -> list[int | None]:
        clock(seconds)
        with catalog.transaction() as session:
            return [position_now_ms(row, track) for row, track, _ in now_playing(session)]

    report("starting", 1000)
    assert shown(9) == [1000]
    report("playing", 1000, 2.0)
    assert shown(19) == [21_000] and shown(500) == [100_000]
    assert shown(9 + 50 + 601) == [], "long over"
    report("paused", 30_000)
    assert shown(3000) == [30_000]
    with catalog.change() as session:
        note_playing(session, "ann", "box", track_id, loaded=True)
    assert shown(3001) == [30_000], "that a player loads a song says less than what it reports"
    with catalog.change() as session:
        note_playing(session, "ann", "box", track_id)
    assert shown(3001) == [None]
