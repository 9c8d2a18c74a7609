"""Keep a player's queue filled with what sounds like the song that plays, no song twice."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from recommender.connections.remotes.mpd_player import QueueState

AHEAD: Final = 5
WAIT_S: Final = 5.0

Next = Callable[[int, Collection[int], int], Sequence[int]]
"""Returns tracks that sound like one, none of some, as many as are asked for."""


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


@dataclass
class EndlessQueue:
    """Fills a queue.

    Attributes
    ----------
    player
        Whose queue it is.
    ids
        By which song of the player's each track is known there.
    following
        What sounds like a track.
    ahead
        How many songs are to follow the one that plays.
    """

    player: QueuePlayer
    ids: Mapping[int, str]
    following: Next
    ahead: int = AHEAD
    heard: set[int] = field(default_factory=set)
    seed: int | None = None

    def __post_init__(self) -> None:
        self._tracks = {song: track_id for track_id, song in self.ids.items()}

    def begin(self, track_id: int) -> None:
        """Put a track into the queue, and play it where nothing plays."""
        self.seed = track_id
        self.heard.add(track_id)
        self.player.append(self.ids[track_id])
        self.player.play()

    def fill(self) -> list[int]:
        """Put in what is lacking, and return it: like what plays, or like the last song that was known."""
        state = self.player.queue()
        known = [self._tracks.get(song) for song in state.songs]
        self.heard.update(track_id for track_id in known if track_id is not None)
        playing = known[state.playing] if state.playing is not None else None
        self.seed = playing if playing is not None else self.seed
        if self.seed is None:
            return []
        after = 0 if state.playing is None else len(state.songs) - state.playing - 1
        lacking = self.ahead - after
        if lacking <= 0:
            return []
        chosen = list(self.following(self.seed, self.heard, lacking))
        for track_id in chosen:
            self.heard.add(track_id)
            self.player.append(self.ids[track_id])
        if state.playing is None and chosen:
            self.player.play()
        return chosen

    def run(self, told: Callable[[list[int]], None], songs: int | None = None) -> int:
        """Fill the queue until so many songs were put in, or for ever; return how many were."""
        done = 0
        while songs is None or done < songs:
            chosen = self.fill()
            done += len(chosen)
            if chosen:
                told(chosen)
            self.player.wait(WAIT_S)
        return done
