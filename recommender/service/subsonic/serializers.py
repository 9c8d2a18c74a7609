"""Songs, albums, artists and playlists in OpenSubsonic's shapes, and their ids."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import PurePath
from typing import Any

from sqlalchemy.orm import Session

from db.browsing.browse import playable_tracks
from db.browsing.song_genres import genres_of_albums
from db.listening.favourites import favourites
from db.models import Favourite, Playlist, Track
from db.playable import Album
from db.values import in_parts
from recommender.params import LEAST_MEASURED
from recommender.service.http.file_response import media_type
from recommender.service.subsonic.envelope import Many
from recommender.service.subsonic.genres import GenreByTrack, genres_of_song, most_common
from recommender.service.subsonic.sound.stream_plan import RAW, StreamRequest, estimated_bytes, to_be_made

Shape = dict[str, Any]
AT_ONCE = 500
"""Songs or albums of a long answer that are in memory at a time."""

NO_ARTIST, NO_ALBUM = "[Unknown Artist]", "[Unknown Album]"
LAST_SECOND = 253_402_300_799
"""Of the year 9999."""


def artist_id(name: str) -> str:
    """Return an artist's id: the same for the same name, always."""
    return f"ar-{_hash(name)}"


def album_id(artist: str, name: str) -> str:
    """Return an album's id: the same for the same names, always."""
    return f"al-{_hash(artist, name)}"


def playlist_id(playlist: Playlist) -> str:
    """Return a playlist's id."""
    return f"pl-{playlist.id}"


@lru_cache(maxsize=2**15)
def _hash(*names: str) -> str:
    return blake2b("\0".join(names).encode(), digest_size=10).hexdigest()


def time_of(when: datetime | None) -> str | None:
    """Return a time, naive UTC, as ISO 8601 has it."""
    return None if when is None else when.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")


def _changed(ns: int) -> str:
    seconds = min(max(ns // 10**9, 0), LAST_SECOND)
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _without_none(shape: Shape) -> Shape:
    return {name: value for name, value in shape.items() if value is not None}


def _genres(names: Sequence[str]) -> Shape:
    return {"genre": names[0] if names else None, "genres": [{"name": name} for name in names]}


class Shapes:
    """Makes the shapes of an answer.

    Parameters
    ----------
    session
        Of the catalogue, for what is starred and rated.
    predicted
        Returns the model's genres, for songs whose files name none; called if it is needed.
    """

    def __init__(self, session: Session, predicted: Callable[[], GenreByTrack]) -> None:
        self._session, self._predicted = session, predicted

    def songs(self, tracks: Sequence[Track]) -> list[Shape]:
        """Return songs."""
        marks = favourites(self._session, {str(track.id) for track in tracks})
        return [self._song(track, marks.get(str(track.id))) for track in tracks]

    def songs_of(self, ids: Sequence[int]) -> Many:
        """Return the songs of some ids that can be played, however many: read as they are written."""

        def parts() -> Iterator[list[Shape]]:
            for some in in_parts(ids, AT_ONCE):
                yield self.songs(playable_tracks(self._session, some))

        return Many(parts)

    def albums_in_parts(self, albums: Sequence[Album]) -> Many:
        """Return albums, however many: they are made as they are written."""
        return Many(lambda: (self.albums(some) for some in in_parts(albums, AT_ONCE)))

    def _song(self, track: Track, mark: Favourite | None) -> Shape:
        by, whole_by = track.artist or NO_ARTIST, track.album_artist or track.artist
        album = album_id(whole_by, track.album)
        duration = None if track.duration_s is None else round(track.duration_s)
        size: int | None = track.size
        name, made = track.rel_path, to_be_made(track, StreamRequest(RAW))
        if made is not None:  # a part of a file, cut out as it is sent
            size, name = estimated_bytes(made, track.duration_s or 0.0), f"{track.rel_path}.{made.format}"
        shape = {
            "id": str(track.id),
            "parent": album,
            "isDir": False,
            "title": track.title,
            "album": track.album or NO_ALBUM,
            "artist": by,
            "track": track.track_number,
            "year": track.year,
            **_genres(genres_of_song(track.id, track.file_genres, self._predicted())),
            "coverArt": album if track.album else str(track.id),
            "size": size,
            "contentType": media_type(name),
            "suffix": PurePath(name).suffix.lower().lstrip("."),
            "duration": duration,
            "bpm": _sure_bpm(track),
            "bitRate": round(size * 8 / 1000 / duration) if duration and size else None,
            "path": readable(name),
            "isVideo": False,
            "playCount": track.plays,
            "discNumber": track.disc_number,
            "created": time_of(track.added) or _changed(track.mtime_ns),
            "albumId": album,
            "artistId": artist_id(track.artist),
            "type": "music",
            "mediaType": "song",
            "played": time_of(track.last_played),
            "artists": [{"id": artist_id(track.artist), "name": by}],
            "displayArtist": by,
            "albumArtists": [{"id": artist_id(whole_by), "name": whole_by or NO_ARTIST}],
            "displayAlbumArtist": whole_by or NO_ARTIST,
        }
        return _without_none(shape | _marked(mark))

    def albums(self, albums: Sequence[Album]) -> list[Shape]:
        """Return albums."""
        marks = favourites(self._session, {album_id(a.artist, a.name) for a in albums})
        genres = self._genres_of(albums)
        return [self._album(one, marks, genres.get((one.artist, one.name), [])) for one in albums]

    def _genres_of(self, albums: Sequence[Album]) -> dict[tuple[str, str], list[str]]:
        found: dict[tuple[str, str], list[str]] = {}
        for song in genres_of_albums(self._session, albums):
            own = genres_of_song(song.track_id, song.genres, self._predicted())
            found.setdefault((song.artist, song.album), []).extend(own)
        return found

    def _album(self, album: Album, marks: dict[str, Favourite], genres: Iterable[str]) -> Shape:
        own, by = album_id(album.artist, album.name), album.artist or NO_ARTIST
        shape = {
            "id": own,
            "name": album.name or NO_ALBUM,
            "artist": by,
            "artistId": artist_id(album.artist),
            "coverArt": own,
            "songCount": album.songs,
            "duration": round(album.duration_s),
            "playCount": album.plays,
            "created": time_of(album.added) or _changed(album.changed_ns),
            "year": album.year,
            **_genres(most_common(genres)),
            "played": time_of(album.last_played),
            "artists": [{"id": artist_id(album.artist), "name": by}],
            "displayArtist": by,
        }
        return _without_none(shape | _marked(marks.get(own)))

    def artists(self, names: Sequence[tuple[str, int]]) -> list[Shape]:
        """Return artists, each with how many albums they are on."""
        marks = favourites(self._session, {artist_id(name) for name, _ in names})
        return [
            _without_none(
                {
                    "id": artist_id(name),
                    "name": name or NO_ARTIST,
                    "coverArt": artist_id(name),
                    "albumCount": n_albums,
                }
                | _marked(marks.get(artist_id(name)))
            )
            for name, n_albums in names
        ]


def _sure_bpm(track: Track) -> int | None:
    """Return the measured tempo in whole beats a minute, where that is as sure as one that is written."""
    sure = track.tempo_bpm is not None and (track.tempo_confidence or 0.0) >= LEAST_MEASURED
    return round(track.tempo_bpm or 0.0) if sure else None


def _marked(mark: Favourite | None) -> Shape:
    return {} if mark is None else {"starred": time_of(mark.starred), "userRating": mark.rating}


def readable(path: str) -> str:
    """Return a path as text, whatever bytes are in it."""
    return os.fsencode(path).decode("utf-8", "replace")


def album_as_folder(album: Shape) -> Shape:
    """Return an album as those calls have it that know folders."""
    kept = (
        "artist",
        "year",
        "genre",
        "coverArt",
        "duration",
        "playCount",
        "created",
        "starred",
        "userRating",
    )
    same = {name: album[name] for name in (*kept, "artistId", "songCount") if name in album}
    names = {"title": album["name"], "album": album["name"], "name": album["name"]}
    return {"id": album["id"], "parent": album["artistId"], "isDir": True, **names, **same}


def playlist_shape(playlist: Playlist, songs: int, duration_s: float) -> Shape:
    """Return a playlist without its songs."""
    return {
        "id": playlist_id(playlist),
        "name": playlist.name,
        "comment": playlist.comment,
        "owner": playlist.owner,
        "public": playlist.public,
        "songCount": songs,
        "duration": round(duration_s),
        "created": time_of(playlist.created),
        "changed": time_of(playlist.changed),
        "coverArt": playlist_id(playlist),
    }
