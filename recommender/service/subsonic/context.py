"""A call of a player: what its endpoint is given, and what its ids lead to."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from db.browsing import browse
from db.listening.playlists import get_playlist
from db.models import LARGEST, Playlist, Root, Track
from db.playable import Album
from recommender.service.state import Held
from recommender.service.subsonic.envelope import MISSING, NOT_FOUND, SubsonicError
from recommender.service.subsonic.genres import GenreByTrack, PredictedGenres
from recommender.service.subsonic.known_ids import KnownIds
from recommender.service.subsonic.parameters import Asked
from recommender.service.subsonic.serializers import Shapes

if TYPE_CHECKING:
    from recommender.service.subsonic.sound.stream_plan import StreamRequest

Item = TypeVar("Item")


@dataclass
class PlayerCall:
    """A call of a player.

    Attributes
    ----------
    session
        Of the catalogue; what an endpoint changes is kept if it succeeds.
    user
        Who asks.
    held
        The bundle and the index.
    notes
        What is to be written once there is an answer, of an endpoint that only looks.
    """

    request: Request
    asked: Asked
    session: Session
    user: str
    held: Held
    predicted_genres: PredictedGenres
    notes: list[Callable[[Session], None]] = field(default_factory=list)

    @property
    def player(self) -> str:
        """What the player calls itself, or nothing."""
        return self.asked.one("c") or ""

    @property
    def player_limits(self) -> "Mapping[str, StreamRequest]":
        """What players are sent at most, by their names."""
        limits: Mapping[str, StreamRequest] = self.request.app.state.settings.player_limits
        return limits

    @cached_property
    def predicted(self) -> GenreByTrack:
        """The model's genres, for songs whose files name none."""
        return self.predicted_genres.of(self.session, self.held)

    @cached_property
    def shapes(self) -> Shapes:
        """What makes the shapes of the answer."""
        return Shapes(self.session, lambda: self.predicted)

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
        return _known(browse.playable_track(self.session, _number(wanted)), "song", wanted)

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
            _known(number if number in known else None, "song", one)
        return numbers

    def album(self, wanted: str) -> Album:
        """Return the album of an id.

        Raises
        ------
        SubsonicError
            70 if there is none.
        """
        names = self._ids.album(self.session, wanted)
        return _known(None if names is None else browse.album(self.session, names), "album", wanted)

    def artist(self, wanted: str) -> str:
        """Return the name of the artist of an id.

        Raises
        ------
        SubsonicError
            70 if there is none.
        """
        return _known(self._ids.artist(self.session, wanted), "artist", wanted)

    @property
    def _ids(self) -> KnownIds:
        found: KnownIds = self.request.app.state.known_ids
        return found

    def playlist(self, wanted: str) -> Playlist:
        """Return the playlist of an id.

        Raises
        ------
        SubsonicError
            70 if there is none.
        """
        number = _number(wanted.removeprefix("pl-")) if wanted.startswith("pl-") else 0
        return _known(get_playlist(self.session, number), "playlist", wanted)

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
        return _known(found, "music folder", wanted)

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


def _known(found: Item | None, kind: str, wanted: str) -> Item:
    """Return what an id leads to; `SubsonicError` 70 where that is nothing."""
    if found is None:
        raise SubsonicError(NOT_FOUND, f"no {kind} has the id {wanted}")
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
