"""What ids of albums and artists are of: each name is hashed once, whatever is asked how often."""

import threading
from collections.abc import Hashable

from sqlalchemy.orm import Session

from db.browsing import browse
from db.kept import kept_of
from recommender.service.state import State
from recommender.service.subsonic.serializers import album_id, artist_id


class KnownIds:
    """The names by the ids that are made of them; an id is of the same names for ever.

    They are read again where an id is not among them and the catalogue has changed. Whether there still is
    what they name, the catalogue says.

    Parameters
    ----------
    state
        Of the service.
    """

    def __init__(self, state: State) -> None:
        self._state, self._lock = state, threading.Lock()
        self._seen: Hashable = None
        self._albums: dict[str, tuple[str, str]] = {}
        self._artists: dict[str, str] = {}

    def album(self, session: Session, wanted: str) -> tuple[str, str] | None:
        """Return the artist and the name of the album of an id; None where it is none's."""
        if wanted not in self._albums and wanted.startswith("al-"):
            self._read(session)
        return self._albums.get(wanted)

    def artist(self, session: Session, wanted: str) -> str | None:
        """Return the name of the artist of an id; None where it is none's."""
        if wanted not in self._artists and wanted.startswith("ar-"):
            self._read(session)
        return self._artists.get(wanted)

    def _read(self, session: Session) -> None:
        """Read all names, unless nobody has written since that was done."""
        with self._lock:
            kept = kept_of(session)
            seen = self._state.catalog.revision.now() if kept is None else kept.state
            if seen is not None and seen == self._seen:
                return
            albums, artists = browse.album_names(session), browse.artist_names(session)
            self._albums = {album_id(*names): names for names in albums}
            self._artists = {artist_id(name): name for name in artists}
            self._seen = seen
