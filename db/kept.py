"""What a session is given so that it need not ask for it: arrays and rows as they are in its snapshot.

Whoever gives it vouches for that; without it, all is read. It is shared by sessions, and only ever added to.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy.orm import Session

from db.plays_log import PlaysLog

KEPT: Final = "kept"
"""Where a session has it."""
LENT: Final = "lent"
"""Where a session that changes something has what gives it the albums, and whether they are still so."""
MOST_ROWS: Final = 20_000
FORGOTTEN_SHARE: Final = 4
"""Of too many rows so much is forgotten at a time, one in so many: to read all of them anew takes longer."""
MOST_FACTS: Final = 100
MOST_STALE: Final = 5000
"""Of more tracks it is quicker to read all plays."""

Value = TypeVar("Value")


class TrackArrays(Protocol):
    """Arrays of tracks, as the functions of their names read them from the rows.

    Each returns those of the tracks that it has, by track; all others are to be read.
    """

    def features_of(self, track_ids: Sequence[int], trunk_id: str) -> dict[int, Any]:
        """Return as `db.sound.features.features_of` does."""

    def track_patches(self, track_ids: Sequence[int], trunk_id: str, patch_s: float) -> dict[int, Any]:
        """Return as `db.sound.patches.track_patches` does."""

    def tracks_predictions(self, track_ids: Sequence[int], bundle_id: str) -> dict[int, Any]:
        """Return as `db.sound.predictions.tracks_predictions` does."""

    def song_predictions(self, bundle_id: str, track_ids: Any) -> Any | None:
        """Return as `db.sound.predictions.song_predictions` does, of all tracks asked for or of none."""


@dataclass
class Kept:
    """What is known of one state of a catalogue.

    Attributes
    ----------
    state
        What is equal only for the same state of the catalogue; None where nobody can tell.
    arrays
        None where there are none that are as in this state.
    rows
        Tracks by id, as `db.rows` has them.
    of_tracks
        What was read of tracks, their plays aside; None while these are being written.
    of_state
        What was read of this state alone, while they are.
    earlier
        The albums as they were before.
    log
        Of plays; None where there is none.
    plays
        All plays (`db.known_plays`), and the tracks of which they are too old; None until read.
    """

    state: Hashable | None = None
    arrays: TrackArrays | None = None
    rows: dict[int, Any] = field(default_factory=dict)
    of_tracks: dict[Hashable, Any] | None = None
    of_state: dict[Hashable, Any] = field(default_factory=dict)
    earlier: Any | None = None
    log: PlaysLog | None = None
    plays: tuple[Any, frozenset[int]] | None = None

    def take_over(self, before: "Kept") -> None:
        """Keep what is known of an earlier state of the same tracks, in which only plays were others."""
        changed = None if self.log is None or before.log is None else self.log.since(before.log.number)
        if changed is not None:  # then it is known what was written, be it nothing of the tracks
            self.rows = dict(before.rows)
            for track_id in changed:
                self.rows.pop(track_id, None)
        if changed is not None and before.plays is not None:
            stale = before.plays[1] | frozenset(changed)
            self.plays = (before.plays[0], stale) if len(stale) < MOST_STALE else None

    def add_rows(self, rows: dict[int, Any]) -> None:
        """Keep some rows; where they become too many, those that were read first are forgotten."""
        before = self.rows
        if len(before) + len(rows) > MOST_ROWS:
            others = list(before)[max(MOST_ROWS // FORGOTTEN_SHARE, len(before) + len(rows) - MOST_ROWS) :]
            self.rows = {track_id: before[track_id] for track_id in others}
        self.rows.update(rows)


def kept_of(session: Session) -> Kept | None:
    """Return what a session was given; None where it was given nothing."""
    found: Kept | None = session.info.get(KEPT)
    return found


def arrays_of(session: Session) -> TrackArrays | None:
    """Return the arrays that a session was given, if any."""
    kept = kept_of(session)
    return None if kept is None else kept.arrays


def known_of_tracks(session: Session, what: Hashable, read: Callable[[], Value]) -> Value | None:
    """Return a fact of the tracks, their plays aside, read unless it is kept; nobody may change it.

    Returns
    -------
    object or None
        None where nothing is kept: to read a fact of all tracks for one of them takes longer.
    """
    kept = kept_of(session)
    if kept is None or kept.of_tracks is None:
        return None
    facts = kept.of_tracks
    found: Value | None = facts.get(what)
    if found is None:
        if len(facts) >= MOST_FACTS:
            facts.clear()
        found = facts[what] = read()
    return found
