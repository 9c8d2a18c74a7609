"""A queue that is kept filled: what is put in, what is told to who chooses, without any player."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import pytest

from recommender.connections.endless_queue import EndlessQueue
from recommender.connections.remotes.mpd_player import QueueState
from recommender.errors import OneRefusedError

IDS = {number: f"{number}.flac" for number in range(1, 30)}
LENGTH_S = 100.0


@dataclass
class Player:
    """A player that does what it is told."""

    state: QueueState = field(default_factory=lambda: QueueState((), None))
    lacks: tuple[str, ...] = ()
    waits: int = 0

    def queue(self) -> QueueState:
        return self.state

    def append(self, song_id: str) -> None:
        if song_id in self.lacks:
            raise OneRefusedError(f"no {song_id}")
        self.state = replace(self.state, songs=(*self.state.songs, song_id))

    def play(self) -> None:
        if self.state.playing is None:
            self.at(len(self.state.songs) - 1)

    def at(self, place: int, elapsed_s: float = 0.0, *, goes_on: bool = True) -> None:
        self.state = QueueState(self.state.songs, place, elapsed_s, LENGTH_S, goes_on)

    def wait(self, seconds: float) -> None:
        """Play the next song, as if the time had come; at the end of the queue it stops."""
        self.waits += 1
        assert self.waits < 100
        place = (self.state.playing or 0) + 1
        if place < len(self.state.songs):
            self.at(place)
        else:
            self.state = QueueState(self.state.songs, None)


@dataclass
class Chooser:
    """Chooses the next numbers, and remembers what it is told."""

    told: list[tuple[object, ...]] = field(default_factory=list)
    last: int = 9
    has_begun: bool = True

    def begin(self, track_id: int) -> None:
        self.told.append(("begin", track_id))

    def left(self, track_id: int, share: float) -> None:
        self.told.append(("left", track_id, round(share, 3)))

    def more(self, n: int, queued: Collection[int]) -> Sequence[int]:
        self.told.append(("more", n, sorted(queued)))
        found = [one for one in range(self.last + 1, self.last + 1 + n) if one in IDS]
        self.last += n
        return found


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


def test_who_stops_it_is_not_played_to_and_what_is_cleared_begins_anew(endless: EndlessQueue) -> None:
    endless.begin(1)
    endless.fill()
    songs = player(endless).state.songs
    player(endless).state = QueueState(songs, None, stopped_at=0)
    assert endless.fill() == []
    player(endless).state = QueueState(songs, None, stopped_at=2)
    assert endless.fill() == [13, 14]
    assert player(endless).state.playing is None
    player(endless).state = QueueState((), None)
    assert endless.fill() == [15, 16, 17]
    assert player(endless).state.playing == 0


def test_a_player_that_stood_still_before_is_played_to(endless: EndlessQueue) -> None:
    player(endless).state = QueueState(("7.flac", "8.flac", "9.flac", "6.flac", "5.flac"), None, stopped_at=0)
    assert endless.fill() == [10, 11, 12]
    assert player(endless).state.playing == 5


def test_the_last_in_an_order_of_chance_is_followed_wherever_it_stands(endless: EndlessQueue) -> None:
    endless.begin(1)
    endless.fill()
    player(endless).state = replace(player(endless).state, is_last=True)
    assert endless.fill() == [13, 14, 15]


def test_songs_that_the_player_has_no_more_are_left_out(endless: EndlessQueue) -> None:
    player(endless).lacks = ("10.flac", "12.flac")
    endless.begin(1)
    assert endless.fill() == [11, 13, 14]
    assert player(endless).state.songs == ("1.flac", "11.flac", "13.flac", "14.flac")


def test_it_ends_when_there_is_no_other_song_and_waits_while_nothing_has_begun(endless: EndlessQueue) -> None:
    heard: list[int] = []
    endless.begin(1)
    assert endless.run(heard.extend, 60) == 20
    assert heard == list(range(10, 30))
    assert endless.is_dry
    waiting = EndlessQueue(Player(), IDS, Chooser(last=30, has_begun=False), 3)
    waiting.fill()
    assert not waiting.is_dry


class Again(Chooser):
    """Gives the first of eight songs that are not closed."""

    def more(self, n: int, queued: Collection[int]) -> Sequence[int]:
        return [one for one in range(1, 9) if one not in queued][:n]


def test_few_songs_come_again_once_all_were_heard_and_none_while_it_is_to_come() -> None:
    endless = EndlessQueue(Player(), IDS, Again(), 3)
    endless.begin(1)
    assert endless.run(lambda chosen: None, 40) >= 40
    heard = player(endless).state.songs
    assert len(set(heard[:8])) == 8
    assert all(len(set(heard[start : start + 4])) == 4 for start in range(len(heard) - 4))


def test_a_player_that_has_nothing_any_more_ends_it() -> None:
    endless = EndlessQueue(Player(lacks=tuple(IDS.values())), IDS, Again(), 3)
    assert endless.run(lambda chosen: None) == 0
    assert endless.is_dry
