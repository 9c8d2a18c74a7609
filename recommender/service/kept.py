"""What the service keeps of a catalogue between requests: rows, facts, arrays, as long as they are so."""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.browsing.albums import ALBUMS
from db.errors import CatalogError
from db.kept import KEPT, Kept
from db.plays_log import PLAYS_LOG, read_log
from db.session import Catalog
from db.tracks_token import TRACKS_TOKEN, VECTORS_TOKEN, tokens_of
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.mapped import store
from recommender.retrieval.mapped.arrays import MappedSound

LOG = logging.getLogger("deepcuts.trouble")

SETTLED_S = 3.0
"""What is known of all tracks is not worked out while they are being written, every other second."""


class SoundFiles:
    """The mapped arrays: taken up where they are, and made by one process where they are not.

    Parameters
    ----------
    folder
        Where they are.
    makes
        Whether this process makes them.
    """

    def __init__(self, folder: Path, *, makes: bool) -> None:
        self._folder, self._makes = folder, makes
        self._seen: Hashable = None
        self._thread: threading.Thread | None = None
        self.token: str | None = None
        self.arrays: MappedSound | None = None

    def look(self, catalog: Catalog, bundle: Bundle, index: SegmentIndex, token: str | None) -> None:
        """Take up what is there for an index and a bundle; begin to make it where too little is."""
        sidecar = store.read_sidecar(self._folder)
        seen = (token, bundle.bundle_id, None if sidecar is None else sidecar.fingerprint)
        if seen == self._seen:
            return
        self._seen = seen
        loaded = store.load(self._folder, bundle, index.rows, token)
        self.arrays, self.token = (None, None) if loaded is None else (loaded[0], token)
        if self._makes and len(index) and (loaded is None or loaded[1] < store.FRESH_SHARE):
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._make, args=(catalog, bundle), name="arrays")
                self._thread.start()
            else:
                self._seen = None  # once more, when that is done

    def _make(self, catalog: Catalog, bundle: Bundle) -> None:
        try:
            store.make(catalog, self._folder, bundle)
        except (CatalogError, SQLAlchemyError, OSError) as error:  # then all is read from the catalogue
            LOG.warning("the arrays beside the catalogue could not be made: %s", error)

    def close(self) -> None:
        """Wait for what is being made."""
        if self._thread is not None:
            self._thread.join()


class Keeping:
    """Gives sessions what is known of the state of the catalogue that they see."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state: Hashable = None
        self._same_tracks: Hashable = None
        self._kept = Kept()
        self._tracks: tuple[str | None, float] | None = None
        self._of_tracks: dict[Hashable, Any] = {}
        self._earlier: Any | None = None

    def give(self, session: Session, revision: Callable[[], Hashable | None], files: SoundFiles) -> None:
        """Give a snapshot in which nothing was read yet what is known of the state that it sees."""
        before = revision()
        tokens = tokens_of(session)  # from here on it sees one state: the one before, if that is still so
        token = tokens.get(VECTORS_TOKEN)
        if before is None or revision() != before:
            session.info[KEPT] = Kept()  # its own alone
            return
        arrays = files.arrays if token is not None and token == files.token else None
        with self._lock:
            if self._state != (before, arrays):
                self._state, self._kept = (before, arrays), self._new(before, arrays, tokens)
            elif self._kept.of_tracks is None:
                self._kept.of_tracks = self._facts(tokens.get(TRACKS_TOKEN))
            session.info[KEPT] = self._kept

    def lend(self, session: Session) -> tuple[Any | None, bool]:
        """Return the albums as they were read last, None for never, and whether a session sees them so."""
        with self._lock:
            now = self._of_tracks.get((ALBUMS, None))
            before, token = now or self._earlier, None if self._tracks is None else self._tracks[0]
        if now is None:
            return before, False
        return before, token is not None and tokens_of(session).get(TRACKS_TOKEN) == token

    def _new(self, state: Any, arrays: MappedSound | None, tokens: dict[str, str]) -> Kept:
        """Return what is known of a new state: of the same tracks all but their plays, if a file tells."""
        token, log = tokens.get(TRACKS_TOKEN), tokens.get(PLAYS_LOG)
        on_server, (catalogue, *_) = len(state) == 2, state
        kept = Kept(state, arrays, of_tracks=self._facts(token), log=None if on_server else read_log(log))
        kept.earlier = self._earlier
        same = (catalogue, token, tokens.get(VECTORS_TOKEN))
        if self._same_tracks == same:
            kept.take_over(self._kept)
        self._same_tracks = same
        return kept

    def _facts(self, token: str | None) -> dict[Hashable, Any] | None:
        """Return what is known of the tracks of a token; None where they were written only just now."""
        now = time.monotonic()
        if self._tracks is None or self._tracks[0] != token:
            settled_s = now if self._tracks is None else now + SETTLED_S
            self._earlier = self._of_tracks.get((ALBUMS, None), self._earlier)
            self._tracks, self._of_tracks = (token, settled_s), {}
        return self._of_tracks if now >= self._tracks[1] else None
