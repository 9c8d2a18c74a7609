"""A queue that is kept filled: what is put in, what is told to who chooses, without any player."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import pytest

from recommender.connections.endless_queue import EndlessQueue
from recommender.connections.remotes.mpd_player import QueueState

IDS = {number: f"{number}.flac" for number in range(1, 30)}
LENGTH_S = 100.0


@dataclass
class Player:
    """A player that does what it is told."""

    state: QueueState = field(default_factory=lambda: QueueState((), None))

    def queue(self) -> QueueState:
        return self.state

    def append(self, song_id: str) -> None:
        self.state = replace(self.state, songs=(*self.state.songs, song_id))

    def play(self) -> None:
        if self.state.playing is None:
            self.at(len(self.state.songs) - 1)

    def at(self, place: int, elapsed_s: float = 0.0, *, goes_on: bool = True) -> None:
        self.state = QueueState(self.state.songs, place, elapsed_s, LENGTH_S, goes_on)

    def wait(self, seconds: float) -> None:
        raise AssertionError("nobody waits here")


@dataclass
class Chooser:
    """Chooses the next numbers, and remembers what it is told."""

    told: list[tuple[object, ...]] = field(default_factory=list)
    last: int = 9

    def begin(self, track_id: int) -> None:
        self.told.append(("begin", track_id))

    def left(self, track_id: int, share: float) -> None:
        self.told.append(("left", track_id, round(share, 3)))

    def more(self, n: int, queued: Collection[int]) -> Sequence[int]:
        self.told.append(("more", n, sorted(queued)))
        found = range(self.last + 1, self.last + 1 + n)
        self.last += n
        return list(found)


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def endless(now: list[float]) -> EndlessQueue:
    return EndlessQueue(Player(), IDS, Chooser(), 3, lambda: now[0])


def told(endless: EndlessQueue) -> list[tuple[object, ...]]:
    chooser = endless.chooser
    assert isinstance(chooser, Chooser)
    found, chooser.told = chooser.told, []
    return found


def player(endless: EndlessQueue) -> Player:
    assert isinstance(endless.player, Player)
    return endless.player


def test_it_begins_with_a_song_and_stays_filled(endless: EndlessQueue) -> None:
    endless.begin(1)
    assert (player(endless).state.songs, player(endless).state.playing) == (("1.flac",), 0)
    assert endless.fill() == [10, 11, 12]
    assert told(endless) == [("begin", 1), ("more", 3, [1])]  # what it began with is nobody's own choice
    assert endless.fill() == []
    player(endless).at(2)
    assert endless.fill() == [13, 14]
    assert [entry for entry in told(endless) if entry[0] != "left"] == [("more", 2, [1, 10, 11, 12])]


def test_where_nothing_plays_the_first_that_is_put_in_does(endless: EndlessQueue) -> None:
    assert endless.fill() == [10, 11, 12]
    assert player(endless).state.playing == 0


def test_what_somebody_plays_there_is_gone_on_from(endless: EndlessQueue) -> None:
    player(endless).append("7.flac")
    player(endless).append("8.flac")
    player(endless).at(0)
    endless.fill()
    assert told(endless) == [("begin", 7), ("more", 2, [7, 8])]
    endless.fill()
    assert told(endless) == []
    player(endless).at(1)
    endless.fill()
    assert ("begin", 8) in told(endless)
    player(endless).at(2)  # one that was put in
    endless.fill()
    assert all(entry[0] != "begin" for entry in told(endless))
    endless.player.append("unknown.flac")
    player(endless).at(len(player(endless).state.songs) - 1)
    assert endless.fill() == [14, 15, 16]  # nobody knows it: it goes on as before


def test_with_a_seed_what_plays_at_first_is_left_be(endless: EndlessQueue) -> None:
    player(endless).append("7.flac")
    player(endless).at(0)
    endless.leave_be()
    endless.begin(1)
    endless.fill()
    assert told(endless) == [("begin", 1), ("more", 2, [1, 7])]


def test_how_far_a_song_was_heard_is_told_when_another_one_plays(
    endless: EndlessQueue, now: list[float]
) -> None:
    def left() -> list[tuple[object, ...]]:
        return [entry for entry in told(endless) if entry[0] == "left"]

    endless.begin(1)
    endless.fill()
    now[0] = 12.0
    player(endless).at(1)
    endless.fill()
    assert left() == [("left", 1, 0.12)]
    now[0] = 40.0
    player(endless).at(1, 80.0)  # somebody went on in it
    endless.fill()
    now[0] = 55.0
    player(endless).at(2)
    endless.fill()
    assert left() == [("left", 10, 0.95)]
    player(endless).at(2, 30.0, goes_on=False)  # a pause
    endless.fill()
    now[0] = 500.0
    player(endless).state = QueueState(player(endless).state.songs, None)
    endless.fill()
    assert left() == []  # stopped is not left
    player(endless).at(3)
    endless.fill()
    assert left() == [("left", 11, 0.3)]
    now[0] = 520.0
    endless.player.append("unknown.flac")
    player(endless).at(len(player(endless).state.songs) - 1)
    endless.fill()
    assert left() == [("left", 12, 0.2)]  # not by when something known plays again
    now[0] = 900.0
    player(endless).at(0)
    endless.fill()
    assert left() == []
