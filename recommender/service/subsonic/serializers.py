"""Songs, albums, artists and playlists in OpenSubsonic's shapes, and their ids."""

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from sqlalchemy.orm import Session

from db.browsing.albums import albums_of_songs, pictured_songs
from db.browsing.browse import playable_tracks
from db.browsing.song_albums import disc_of
from db.browsing.song_genres import genres_of_albums
from db.kept import known_of_tracks
from db.listening.favourites import favourites
from db.models import Favourite, Playlist, Track
from db.playable import Album, AlbumNames
from db.values import in_parts
from recommender.params import LEAST_MEASURED
from recommender.service.http.file_response import ending_of, media_type
from recommender.service.subsonic.envelope import Many
from recommender.service.subsonic.genres import GenreByTrack, genres_of_song, most_common
from recommender.service.subsonic.sound.stream_plan import RAW, StreamRequest, estimated_bytes, to_be_made

Shape = dict[str, Any]
AT_ONCE = 500
"""Songs or albums of a long answer that are in memory at a time."""

NO_ARTIST = "[Unknown Artist]"
LAST_SECOND = 253_402_300_799
"""Of the year 9999."""


def artist_id(name: str) -> str:
    """Return an artist's id: the same for the same name, always."""
    return f"ar-{_hash(name)}"


def album_id(*names: str) -> str:
    """Return an album's id: the same for the same names, always."""
    return f"al-{_hash(*names)}"


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
        albums, pictured = albums_of_songs(self._session, tracks), pictured_songs(self._session)
        return [
            self._song(track, album, pictured.get(track.id), marks.get(str(track.id)))
            for track, album in zip(tracks, albums, strict=True)
        ]

    def songs_of(self, ids: Sequence[int]) -> Many:
        """Return the songs of some ids that can be played, however many: read as they are written."""

        def parts() -> Iterator[list[Shape]]:
            for some in in_parts(ids, AT_ONCE):
                yield self.songs(playable_tracks(self._session, some))

        return Many(parts)

    def albums_in_parts(self, albums: Sequence[Album]) -> Many:
        """Return albums, however many: they are made as they are written."""
        return Many(lambda: (self.albums(some) for some in in_parts(albums, AT_ONCE)))

    def _song(self, track: Track, on: AlbumNames | None, cover: int | None, mark: Favourite | None) -> Shape:
        by = track.artist or NO_ARTIST
        whole_by = (track.album_artist or track.artist) if on is None else on.artist
        album = None if on is None else album_id(*on.names)
        duration = None if track.duration_s is None else round(track.duration_s)
        size: int | None = track.size
        name, made = track.rel_path, to_be_made(track, StreamRequest(RAW))
        if made is not None:  # a part of a file, cut out as it is sent
            size, name = estimated_bytes(made, track.duration_s or 0.0), f"{track.rel_path}.{made.format}"
        shape = {
            "id": str(track.id),
            "parent": album or artist_id(whole_by),
            "isDir": False,
            "title": track.title,
            "album": None if on is None else on.name,
            "artist": by,
            "track": track.track_number,
            "year": track.year,
            **_genres(genres_of_song(track.id, track.file_genres, self._predicted())),
            "coverArt": str(cover) if cover else album or str(track.id),
            "size": size,
            "contentType": media_type(name),
            "suffix": ending_of(name).lstrip("."),
            "duration": duration,
            "bpm": _sure_bpm(track),
            "bitRate": round(size * 8 / 1000 / duration) if duration and size else None,
            "path": readable(name),
            "isVideo": False,
            "playCount": track.plays,
            "discNumber": disc_of(track),
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
        marks = favourites(self._session, {album_id(*one.names) for one in albums})
        genres = self._genres_of(albums)
        return [self._album(one, marks, genres[one.names]) for one in albums]

    def _genres_of(self, albums: Sequence[Album]) -> dict[tuple[str, ...], list[str]]:
        """Return the genres of some albums, by their names; counted once, as long as all hear the same."""
        predicted, counted = self._predicted(), dict[tuple[str, ...], list[str]]()
        fresh: list[Any] = [predicted, counted]
        kept = known_of_tracks(self._session, "counted genres", lambda: fresh)
        if kept is not None and kept[0] is not predicted:
            kept[:] = [predicted, counted]
        found: dict[tuple[str, ...], list[str]] = counted if kept is None else kept[1]
        new = [one for one in albums if one.names not in found]
        for one, songs in zip(new, genres_of_albums(self._session, new), strict=True):
            own = (genres_of_song(song.track_id, song.genres, predicted) for song in songs)
            found[one.names] = most_common(name for some in own for name in some)
        return found

    def _album(self, album: Album, marks: dict[str, Favourite], genres: Sequence[str]) -> Shape:
        own, by = album_id(*album.names), album.artist or NO_ARTIST
        shape = {
            "id": own,
            "name": album.name,
            "artist": by,
            "artistId": artist_id(album.artist),
            "coverArt": own,
            "songCount": album.songs,
            "duration": round(album.duration_s),
            "playCount": album.plays,
            "created": time_of(album.added) or _changed(album.changed_ns),
            "year": album.year,
            **_genres(genres),
            "played": time_of(album.last_played),
            "artists": [{"id": artist_id(album.artist), "name": by}],
            "displayArtist": by,
            "isCompilation": album.compilation,
        }
        return _without_none(shape | _marked(marks.get(own)))

    def artists(self, names: Sequence[tuple[str, int]]) -> list[Shape]:
        """Return artists, each with how many albums they are on."""
        return self.marked_artists(list(map(artist_shape, names)))

    def marked_artists(self, artists: list[Shape]) -> list[Shape]:
        """Return artists with what they are marked by."""
        marks = favourites(self._session, {one["id"] for one in artists})
        if not marks:
            return artists
        return [_without_none(one | _marked(marks.get(one["id"]))) for one in artists]


def artist_shape(one: tuple[str, int]) -> Shape:
    """Return an artist, by name and with how many albums are theirs, without marks."""
    name, n_albums = one
    own = artist_id(name)
    return {"id": own, "name": name or NO_ARTIST, "coverArt": own, "albumCount": n_albums}


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
