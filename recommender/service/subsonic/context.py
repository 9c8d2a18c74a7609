"""A call of a player: what its endpoint is given, and what its ids lead to."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from db import browse
from db.browse import Album
from db.models import LARGEST, Playlist, Root, Track
from db.playlists import get_playlist
from recommender.service.state import Held
from recommender.service.subsonic.envelope import MISSING, NOT_FOUND, SubsonicError
from recommender.service.subsonic.genres import Heard, HeardGenres
from recommender.service.subsonic.parameters import Asked
from recommender.service.subsonic.serializers import Shapes, album_id, artist_id


@dataclass
class Call:
    """A call of a player.

    Attributes
    ----------
    session
        Of the catalogue; what an endpoint changes is kept if it succeeds.
    user
        Who asks.
    held
        The bundle and the index.
    """

    request: Request
    asked: Asked
    session: Session
    user: str
    held: Held
    heard_genres: HeardGenres

    @cached_property
    def heard(self) -> Heard:
        """What the model hears of songs whose files name no genre."""
        return self.heard_genres.of(self.session, self.held)

    @cached_property
    def shapes(self) -> Shapes:
        """What makes the shapes of the answer."""
        return Shapes(self.session, lambda: self.heard)

    def song(self, name: str = "id") -> Track:
        """Return the song that a parameter names."""
        return self.song_of(self.asked.need(name))

    def song_of(self, wanted: str) -> Track:
        """Return the song of an id.

        Raises
        ------
        SubsonicError
            70 if there is none that can be played.
        """
        found = browse.playable_track(self.session, _number(wanted))
        if found is None:
            raise SubsonicError(NOT_FOUND, f"no song has the id {wanted}")
        return found

    def songs_of(self, wanted: Sequence[str]) -> list[int]:
        """Return the numbers of songs that can all be played.

        Raises
        ------
        SubsonicError
            70 if one cannot be.
        """
        numbers = [_number(one) for one in wanted]
        some = [number for number in numbers if 0 < number <= LARGEST]
        known = {track.id for track in browse.playable_tracks(self.session, some)}
        for one, number in zip(wanted, numbers, strict=True):
            if number not in known:
                raise SubsonicError(NOT_FOUND, f"no song has the id {one}")
        return numbers

    def album(self, wanted: str) -> Album:
        """Return the album of an id.

        Raises
        ------
        SubsonicError
            70 if there is none.
        """
        for artist, name in browse.album_names(self.session) if wanted.startswith("al-") else ():
            found = browse.album(self.session, artist, name) if album_id(artist, name) == wanted else None
            if found is not None:
                return found
        raise SubsonicError(NOT_FOUND, f"no album has the id {wanted}")

    def artist(self, wanted: str) -> str:
        """Return the name of the artist of an id.

        Raises
        ------
        SubsonicError
            70 if there is none.
        """
        for name in browse.artists(self.session) if wanted.startswith("ar-") else ():
            if artist_id(name) == wanted:
                return name
        raise SubsonicError(NOT_FOUND, f"no artist has the id {wanted}")

    def playlist(self, wanted: str) -> Playlist:
        """Return the playlist of an id.

        Raises
        ------
        SubsonicError
            70 if there is none.
        """
        found = get_playlist(self.session, _number(wanted.removeprefix("pl-")))
        if found is None or not wanted.startswith("pl-"):
            raise SubsonicError(NOT_FOUND, f"no playlist has the id {wanted}")
        return found

    def folder(self) -> int | None:
        """Return the library folder that is asked for; None for all.

        Raises
        ------
        SubsonicError
            70 if there is no such folder.
        """
        wanted = self.asked.one("musicFolderId")
        return None if not wanted else self.folder_of(wanted).id

    def folder_of(self, wanted: str) -> Root:
        """Return the library folder of an id.

        Raises
        ------
        SubsonicError
            70 if there is none.
        """
        found = self.session.get(Root, _number(wanted)) if 0 < _number(wanted) <= LARGEST else None
        if found is None:
            raise SubsonicError(NOT_FOUND, f"no music folder has the id {wanted}")
        return found

    def ids(self, *names: str) -> list[str]:
        """Return all ids that some parameters name, at least one.

        Raises
        ------
        SubsonicError
            10 if there is none.
        """
        found = [one for name in names for one in self.asked.many(name)]
        if not found:
            raise SubsonicError(MISSING, f"the parameter {' or '.join(names)} is missing")
        return found


def _number(text: str) -> int:
    """Return the number that an id is, or 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST)) else 0


Content = dict[str, Any]


@dataclass(frozen=True)
class Later:
    """An answer that needs no more of the catalogue, and is made when the session is closed.

    Attributes
    ----------
    made
        Makes it.
    """

    made: Callable[[], Awaitable[Response]]
