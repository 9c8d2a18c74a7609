"""Keep a player's queue filled: who chooses is told what plays, and how far songs were heard."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from recommender import params
from recommender.connections.remotes.mpd_player import QueueState
from recommender.errors import OneRefusedError

WAIT_S: Final = 5.0


class QueuePlayer(Protocol):
    """A player with a queue."""

    def queue(self) -> QueueState:
        """Return the queue as it is now."""

    def append(self, song_id: str) -> None:
        """Put a song at the end of the queue."""

    def play(self) -> None:
        """Play what was put in last, where nothing plays."""

    def wait(self, seconds: float) -> None:
        """Wait until the queue or what plays is another, but no longer than some seconds."""


class Chooser(Protocol):
    """Who chooses what comes into a queue."""

    def begin(self, track_id: int) -> None:
        """Go on from a track that somebody plays there."""

    @property
    def has_begun(self) -> bool:
        """Whether there is something to go on from."""

    def left(self, track_id: int, share: float) -> None:
        """Hear that a track was left, and how far it had come, 0..1."""

    def more(self, n: int, queued: Collection[int]) -> Sequence[int]:
        """Return tracks to put in, as many as are asked for, none of those in the queue."""


@dataclass
class _Playing:
    """The track that plays: how far it was when it was looked at, and when that was; whether it went on."""

    track_id: int
    elapsed_s: float
    duration_s: float
    goes_on: bool
    at: float

    def share(self, now: float) -> float:
        """Return how far it is, 0..1."""
        heard_s = self.elapsed_s + (now - self.at if self.goes_on else 0.0)
        return min(1.0, heard_s / self.duration_s) if self.duration_s > 0 else 1.0


@dataclass
class EndlessQueue:
    """Fills a queue.

    Attributes
    ----------
    player
        Whose queue it is.
    ids
        By which song of the player's each track is known there.
    chooser
        Who chooses.
    ahead
        How many songs are to follow the one that plays.
    is_dry
        Whether nothing was left to put in, though there was something to go on from.
    """

    player: QueuePlayer
    ids: Mapping[int, str]
    chooser: Chooser
    ahead: int = params.AHEAD
    clock: Callable[[], float] = time.monotonic
    put_in: set[int] = field(default_factory=set)
    is_dry: bool = False
    _seed: int | None = None
    _played: bool = False
    _gone: set[int] = field(default_factory=set)
    _playing: _Playing | None = None

    def __post_init__(self) -> None:
        self._tracks = {song: track_id for track_id, song in self.ids.items()}

    def begin(self, track_id: int) -> None:
        """Put a track into the queue, and play it where nothing plays."""
        self.chooser.begin(track_id)
        self.put_in.add(track_id)
        self.player.append(self.ids[track_id])
        self.player.play()

    def leave_be(self) -> None:
        """Do not go on from what plays now."""
        state = self.player.queue()
        self._seed = self._track(state)

    def fill(self) -> list[int]:
        """Put in what is lacking, and return it."""
        state = self.player.queue()
        playing = self._track(state)
        self._look(state, playing)
        if playing is not None and playing not in self.put_in and playing != self._seed:
            self.chooser.begin(playing)
            self._seed = playing
        self._played = self._played or state.playing is not None
        stopped_at = state.stopped_at if self._played else None  # by somebody, who may go on
        place = stopped_at if state.playing is None else state.playing
        following = 0 if place is None or state.is_last else len(state.songs) - place - 1
        coming = state.songs if place is None else state.songs[place:]
        return self._put_in(self.ahead - following, state.songs, coming, plays=place is None)

    def _put_in(
        self, lacking: int, queued: Sequence[str], coming: Sequence[str], *, plays: bool
    ) -> list[int]:
        """Put so many tracks in, and play the first where that is wanted.

        None is in the queue already; where that leaves none, none is to come.
        """
        closed = [
            {self._tracks[song] for song in songs if song in self._tracks} for songs in (queued, coming)
        ]
        added: list[int] = []
        while len(added) < lacking:
            n = lacking - len(added)
            ways = (closed[0] | self._gone, closed[1] | self._gone | set(added))
            chosen = next(filter(None, (self.chooser.more(n, way) for way in ways)), ())
            if not chosen:
                self.is_dry = self.chooser.has_begun
                break
            for track_id in chosen:
                if self._append(track_id):
                    added.append(track_id)
                    if plays and len(added) == 1:
                        self.player.play()
        return added

    def _append(self, track_id: int) -> bool:
        """Put a track in; False where the player does not have it any more."""
        self.put_in.add(track_id)
        try:
            self.player.append(self.ids[track_id])
        except OneRefusedError:
            self._gone.add(track_id)
            return False
        return True

    def _track(self, state: QueueState) -> int | None:
        return None if state.playing is None else self._tracks.get(state.songs[state.playing])

    def _look(self, state: QueueState, playing: int | None) -> None:
        """Tell of the song before, if another one plays; remember how far this one is."""
        before, now = self._playing, self.clock()
        if before is not None and state.playing is None:  # stopped: it may go on
            far_s = before.share(now) * before.duration_s
            self._playing = replace(before, elapsed_s=far_s, goes_on=False, at=now)
        elif before is not None and before.track_id != playing:
            self.chooser.left(before.track_id, before.share(now))
            self._playing = None
        if playing is not None:
            self._playing = _Playing(playing, state.elapsed_s, state.duration_s, state.goes_on, now)

    def run(self, told: Callable[[list[int]], None], songs: int | None = None) -> int:
        """Fill the queue until so many songs were put in, or there are no more; return how many were."""
        done = 0
        while not self.is_dry and (songs is None or done < songs):
            chosen = self.fill()
            done += len(chosen)
            if chosen:
                told(chosen)
            if not self.is_dry:
                self.player.wait(WAIT_S)
        return done
