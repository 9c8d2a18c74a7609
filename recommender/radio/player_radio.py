"""A radio for a player of its own: it plays what that has, goes on from what is played there, and learns."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.listening.radios import (
    get_radio,
    give_songs,
    note_outcome,
    radio_songs,
    reseed_radio,
    touch_radio,
)
from db.listening.tables import Radio, RadioSong
from db.session import Catalog
from recommender.errors import QueryError
from recommender.radio.seeds import seed_tracks
from recommender.radio.station import Closed, make_radio, play_on
from recommender.retrieval.index.segment_index import SegmentIndex

FINISHED: Final = 0.8
SKIPPED: Final = 0.5
"""A song that was heard so far was finished; one that was left before this was skipped."""
BY_HAND: Final = "you played it"


@dataclass
class PlayerRadio:
    """Chooses what comes into a player's queue, as a radio that the catalogue keeps.

    Attributes
    ----------
    ids
        The tracks that the player has.
    far, discover
        0..1, of the radio.
    radio_id
        The radio that goes on; None until there is a song to begin with.
    reasons
        Why each song was chosen.
    """

    catalog: Catalog
    index: SegmentIndex
    bundle: Bundle
    ids: Collection[int]
    far: float
    discover: float
    radio_id: int | None = None
    reasons: dict[int, str] = field(default_factory=dict)

    @property
    def has_begun(self) -> bool:
        """Whether there is a radio that goes on."""
        return self.radio_id is not None

    def begin(self, track_id: int) -> None:
        """Go on from a track; one that is not analysed changes nothing."""
        with suppress(QueryError), self.catalog.change() as session:
            name, _ = seed_tracks(session, self.index, self.bundle, "song", str(track_id))
            radio = None if self.radio_id is None else get_radio(session, self.radio_id)
            if radio is None:
                asked = (session, self.index, self.bundle, "song", str(track_id))
                radio = make_radio(*asked, far=self.far, discover=self.discover)
            else:
                reseed_radio(session, radio, "song", str(track_id), name)
            give_songs(session, radio, [(track_id, BY_HAND)])
            self.radio_id = radio.id

    def left(self, track_id: int, share: float) -> None:
        """Learn from how far a track was heard; what was played by hand is wanted, however short."""
        outcome = "finished" if share >= FINISHED else "skipped" if share < SKIPPED else None
        if self.radio_id is None or outcome is None:
            return
        with self.catalog.change() as session:
            radio = get_radio(session, self.radio_id)
            song = None if radio is None else _last(radio_songs(session, radio), track_id)
            if radio is None or song is None or (song.reason == BY_HAND and outcome == "skipped"):
                return
            touch_radio(session, radio)
            note_outcome(session, song, outcome)

    def more(self, n: int, queued: Collection[int]) -> Sequence[int]:
        """Return the next tracks; none where there is nothing to begin with."""
        if self.radio_id is None:
            return []
        try:
            found = play_on(
                self.catalog.snapshot,
                self.catalog.change,
                self._radio,
                self.index,
                self.bundle,
                n,
                lambda _, songs: [(song.track_id, song.reason) for song, _row in songs],
                Closed(self.ids, queued),
            )
        except QueryError:  # somebody deleted it, or no song of its seed is there any more
            self.radio_id = None
            return []
        self.reasons.update(found)
        return [track_id for track_id, _ in found]

    def _radio(self, session: Session) -> Radio:
        found = None if self.radio_id is None else get_radio(session, self.radio_id)
        if found is None:
            raise QueryError("the radio is gone")
        return found


def _last(songs: Sequence[RadioSong], track_id: int) -> RadioSong | None:
    return next((song for song in reversed(songs) if song.track_id == track_id), None)
