"""The index while a catalogue is being filled: published now and then, so that it can be asked meanwhile."""

import time
from pathlib import Path
from typing import Final

from db.session import Catalog
from db.sound.features import tracks_with_features
from recommender import params
from recommender.retrieval.index.files import read_sidecar
from recommender.retrieval.index.store import open_index

FIRST_TRACKS: Final = 20
"""Tracks from which on a first index is worth publishing; then each time there are twice as many."""
LEAST_PAUSE: Final = 10.0
"""Publishing waits so many times as long as the last one took, so that it stays a small part of the work."""


class GrowingIndex:
    """The index of a catalogue that an ingest writes to.

    Parameters
    ----------
    catalog, folder, trunk_id
        As of `recommender.retrieval.index.store.open_index`.

    Attributes
    ----------
    published
        How often it was published.
    """

    def __init__(self, catalog: Catalog, folder: Path, trunk_id: str) -> None:
        self._catalog, self._folder, self._trunk_id = catalog, folder, trunk_id
        sidecar = read_sidecar(folder)
        self._held = 0 if sidecar is None or sidecar.trunk_id != trunk_id else sidecar.tracks
        self._next = max(FIRST_TRACKS, self._held)
        self._ready_s = 0.0
        self._writable = True
        self.published = 0

    def moved(self, done: int, found: int) -> None:
        """Publish the index if enough files were done since it last was, and more are to be."""
        if done < self._next or done >= found or not self._writable:
            return
        started_s = time.monotonic()
        if started_s < self._ready_s:
            return
        self._next = 2 * done
        _, remark = open_index(self._catalog, self._folder, self._trunk_id, unwritten=self._give_up)
        ended_s = time.monotonic()
        self._ready_s = ended_s + LEAST_PAUSE * (ended_s - started_s)
        self.published += remark is not None and self._writable

    def to_build_anew(self) -> bool:
        """Whether the index that the ingest ends with is to be built anew.

        Had none been published between, its reference would be another one after so much growth.
        """
        if not self.published:
            return False
        with self._catalog.snapshot() as session:
            now = len(tracks_with_features(session, self._trunk_id))
        return now > params.REFRESH_GROWTH * self._held

    def _give_up(self, _error: OSError) -> None:
        self._writable = False
