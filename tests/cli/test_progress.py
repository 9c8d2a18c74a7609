"""What long commands say of how far they are."""

import io
import sys
from itertools import pairwise

import pytest

from recommender.commands import progress
from recommender.commands.progress import Pace, left_in_words, progress_bar


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "about 5 s"),
        (12.4, "about 10 s"),
        (54.9, "about 55 s"),
        (55.0, "about 1 min"),
        (299.0, "about 5 min"),
        (89 * 60, "about 89 min"),
        (5400.0, "about 1.5 h"),
        (36_000.0, "about 10 h"),
    ],
)
def test_what_is_left_is_told_as_people_say_it(seconds: float, words: str) -> None:
    assert left_in_words(seconds) == words


def test_one_slow_file_does_not_make_the_time_left_jump() -> None:
    """Half a second each, but for one of half a minute in the middle of two hundred."""
    pace, now, told = Pace(), 100.0, []
    for done in range(201):
        rate = pace.per_second(done, now)
        if rate and done >= 10:
            told.append((200 - done) / rate)
        now += 30.0 if done == 100 else 0.5
    jumps = [later / earlier for earlier, later in pairwise(told) if later]
    assert max(jumps) < 1.7
    assert told[0] == pytest.approx(95.0)


def test_nothing_is_foretold_from_what_was_there_before() -> None:
    pace = Pace()
    assert pace.in_words(500, 1000, "tracks", 0.0) == ""  # 500 were known
    assert pace.in_words(502, 1000, "tracks", 10.0) == ""
    assert pace.in_words(510, 1000, "tracks", 10.0) == "60 tracks/min, about 8 min left"
    assert pace.in_words(1000, 1000, "tracks", 10.0) == "3000 tracks/min"


def test_of_slow_things_one_is_enough() -> None:
    pace = Pace()
    assert pace.in_words(0, 5, "folds", 0.0) == ""
    assert pace.in_words(1, 5, "folds", 29.0) == ""
    assert pace.in_words(1, 5, "folds", 120.0) == "0.5 folds/min, about 8 min left"


def test_in_a_file_there_is_a_line_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now, written = [0.0], io.StringIO()
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sys, "stderr", written)
    with progress_bar("Analysing", quiet=False, unit="tracks") as move:
        for done in range(151):
            move(done, 400)
            now[0] += 1.0
    monkeypatch.undo()
    assert written.getvalue().splitlines() == [
        "Analysing: 60 of 400 tracks, 60 tracks/min, about 6 min left",
        "Analysing: 120 of 400 tracks, 60 tracks/min, about 5 min left",
    ]


def test_who_asked_for_json_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now, written = [0.0], io.StringIO()
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sys, "stderr", written)
    with progress_bar("Analysing", quiet=True) as move:
        for done in range(200):
            move(done, 400)
            now[0] += 1.0
    monkeypatch.undo()
    assert written.getvalue() == ""
