"""What ids of albums and artists are of: each name is hashed once, whatever is asked how often."""

import threading

from sqlalchemy.orm import Session

from db.browsing.albums import KnownAlbums, known_albums
from recommender.service.subsonic.serializers import album_id, artist_id

Names = tuple[str, ...]


class KnownIds:
    """The names by the ids that are made of them, made again where tracks have changed.

    What songs' own tags name has an id as well: that of the album which they are on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: KnownAlbums | None = None
        self._ids: dict[Names, str] = {}
        self._albums: dict[str, Names] = {}
        self._artists: dict[str, str] = {}

    def album(self, session: Session, wanted: str) -> Names | None:
        """Return the names of the album of an id; None where it is none's."""
        return self._read(session)[0].get(wanted) if wanted.startswith("al-") else None

    def artist(self, session: Session, wanted: str) -> str | None:
        """Return the name of the artist of an id; None where it is none's."""
        return self._read(session)[1].get(wanted) if wanted.startswith("ar-") else None

    def _read(self, session: Session) -> tuple[dict[str, Names], dict[str, str]]:
        known = known_albums(session)
        with self._lock:
            if known is not self._of:
                before = self._ids
                names = {*known.also, *known.albums}
                self._ids = {one: before.get(one) or album_id(*one) for one in names}
                self._albums = {self._ids[pair]: names for pair, names in known.also.items()}
                self._albums |= {self._ids[names]: names for names in known.albums}
                self._artists = {artist_id(name): name for name in known.on}
                self._of = known
            return self._albums, self._artists
