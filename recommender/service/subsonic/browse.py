"""OpenSubsonic: folders, artists, albums and songs."""

import os
import random
import unicodedata
from collections.abc import Callable, Sequence
from itertools import groupby, islice

from db.browsing import browse
from db.browsing.album_plays import in_order_of_plays, with_plays
from db.browsing.albums import known_albums
from db.browsing.song_genres import GenresOf, genres_of
from db.kept import known_of_tracks
from db.listening.favourites import rated, starred
from db.models import Track
from db.playable import Album
from db.tracks import search_key
from recommender.service.subsonic.context import Content, PlayerCall
from recommender.service.subsonic.envelope import GENERIC, MISSING, Same, SubsonicError
from recommender.service.subsonic.genres import genres_of_song, same_genre
from recommender.service.subsonic.parameters import whole
from recommender.service.subsonic.serializers import (
    NO_ARTIST,
    Shape,
    album_as_folder,
    album_id,
    artist_shape,
    readable,
)

ARTICLES = "The An A Die Das Der Les La Le El Los Las"


def get_music_folders(call: PlayerCall) -> Content:
    """Return the library folders."""
    named = [{"id": root.id, "name": _folder_name(root.path)} for root in browse.roots(call.session)]
    return {"musicFolders": {"musicFolder": named}}


def _folder_name(path: str) -> str:
    return readable(os.path.basename(path) or path)


def get_artists(call: PlayerCall) -> Content:
    """Return all artists that albums, or songs on none, are by, under their letters."""
    return {"artists": {"ignoredArticles": ARTICLES, "index": _index(call)}}


def get_indexes(call: PlayerCall) -> Content:
    """Return the same as folders, for players that do not know artists."""
    changed_ns = max((album.changed_ns for album in browse.albums_unplayed(call.session)), default=0)
    since = call.asked.one("ifModifiedSince")
    changed_ms = changed_ns // 10**6
    unchanged = since and whole("ifModifiedSince", since) >= changed_ms
    index = Same([]) if unchanged else _index(call)
    return {"indexes": {"ignoredArticles": ARTICLES, "lastModified": changed_ms, "index": index}}


def _index(call: PlayerCall) -> Same:
    folder = call.folder()
    found = known_of_tracks(call.session, ("by letters", folder), lambda: Same(_by_letters(call, folder)))
    index = Same(_by_letters(call, folder)) if found is None else found
    every = [one for letter in index.content for one in letter["artist"]]
    shown = call.shapes.marked_artists(every)
    if shown is every:  # nothing is marked
        return index
    artists = iter(shown)
    return Same([one | {"artist": list(islice(artists, len(one["artist"])))} for one in index.content])


def _by_letters(call: PlayerCall, folder: int | None) -> list[Shape]:
    """Return the letters that such artists begin with, and these in their order."""
    named = browse.artists(call.session, folder, of_albums=True).items()
    keys = {name: (_letter(name or NO_ARTIST), _sorted_as(name or NO_ARTIST)) for name, _ in named}
    ranked = sorted(named, key=lambda one: keys[one[0]])
    letters = groupby(ranked, key=lambda one: keys[one[0]][0])
    return [{"name": letter, "artist": list(map(artist_shape, some))} for letter, some in letters]


def _sorted_as(name: str) -> str:
    article, space, rest = name.partition(" ")
    return (rest if space and article in ARTICLES.split() else name).casefold()


def _letter(name: str) -> str:
    first = unicodedata.normalize("NFKD", _sorted_as(name))[:1].upper()
    return first if first.isalpha() else "#"


def get_artist(call: PlayerCall) -> Content:
    """Return an artist's albums."""
    name = call.artist(call.asked.need("id"))
    albums = browse.albums_of_artist(call.session, name)
    [shape] = call.shapes.artists([(name, len(albums))])
    return {"artist": shape | {"album": call.shapes.albums(albums)}}


def get_album(call: PlayerCall) -> Content:
    """Return an album's songs."""
    album = call.album(call.asked.need("id"))
    [shape] = call.shapes.albums([album])
    songs = browse.album_tracks(call.session, album.names)
    return {"album": shape | {"song": call.shapes.songs(songs)}}


def get_song(call: PlayerCall) -> Content:
    """Return a song."""
    [shape] = call.shapes.songs([call.song()])
    return {"song": shape}


def get_music_directory(call: PlayerCall) -> Content:
    """Return what is in a folder: a library's artists, an artist's albums and songs on none, an album's."""
    wanted = call.asked.need("id")
    if wanted.startswith("al-"):
        album = call.album(wanted)
        [shape] = call.shapes.albums([album])
        songs = call.shapes.songs(browse.album_tracks(call.session, album.names))
        return _directory(wanted, shape["name"], songs, shape["artistId"])
    if wanted.startswith("ar-"):
        name = call.artist(wanted)
        albums = call.shapes.albums(browse.albums_of_artist(call.session, name))
        [shape] = call.shapes.artists([(name, len(albums))])
        songs = call.shapes.songs(browse.loose_tracks(call.session, name))
        return _directory(wanted, shape["name"], [*map(album_as_folder, albums), *songs])
    root = call.folder_of(wanted)
    artists = call.shapes.artists(list(browse.artists(call.session, root.id, of_albums=True).items()))
    folders = [{"id": one["id"], "isDir": True, "title": one["name"], "parent": wanted} for one in artists]
    return _directory(wanted, _folder_name(root.path), folders)


def _directory(wanted: str, name: str, children: list[Shape], parent: str | None = None) -> Content:
    above = {} if parent is None else {"parent": parent}
    return {"directory": {"id": wanted, **above, "name": name, "child": children}}


def get_album_list2(call: PlayerCall) -> Content:
    """Return some albums, by their names or dates, by plays, at random, or as they are liked."""
    return {"albumList2": {"album": call.shapes.albums_in_parts(_listed(call))}}


def get_album_list(call: PlayerCall) -> Content:
    """Return the same as folders."""
    return {"albumList": {"album": call.shapes.albums_in_parts(_listed(call)).each(album_as_folder)}}


def _listed(call: PlayerCall) -> list[Album]:
    kind = call.asked.need("type")
    if kind not in LISTS:
        raise SubsonicError(GENERIC, f"no list of albums is called '{kind}'; there are: {', '.join(LISTS)}")
    folder = call.folder()
    known = browse.albums_unplayed(call.session, folder)
    found = None
    if kind in BY_PLAYS:
        found = in_order_of_plays(call.session, known, folder, last=kind == "recent")
        known = known if found is not None else with_plays(call.session, known, folder)
    if found is None:
        found = LISTS[kind](call, known)
    first = 0 if kind == "random" else call.asked.number("offset", 0)
    return with_plays(call.session, found[first : first + call.asked.number("size", 10)], folder)


def _at_random(_call: PlayerCall, albums: list[Album]) -> list[Album]:
    return random.sample(albums, len(albums))


def _newest(_call: PlayerCall, albums: list[Album]) -> list[Album]:
    return sorted(albums, key=lambda album: -album.newest_id)


def _frequent(_call: PlayerCall, albums: list[Album]) -> list[Album]:
    return sorted((album for album in albums if album.plays), key=lambda album: -album.plays)


def _recent(_call: PlayerCall, albums: list[Album]) -> list[Album]:
    played = [(album.last_played, album) for album in albums if album.last_played is not None]
    return [album for _, album in sorted(played, key=lambda one: one[0], reverse=True)]


def _by_name(_call: PlayerCall, albums: list[Album]) -> list[Album]:
    return sorted(albums, key=lambda album: search_key(album.name))


def _by_artist(_call: PlayerCall, albums: list[Album]) -> list[Album]:
    return albums  # so they come


def _by_year(call: PlayerCall, albums: list[Album]) -> list[Album]:
    first, last = (whole(name, call.asked.need(name)) for name in ("fromYear", "toYear"))
    low, high = sorted((first, last))
    dated = [(album.year, album) for album in albums if album.year is not None and low <= album.year <= high]
    return [album for _, album in sorted(dated, key=lambda one: one[0], reverse=first > last)]


def _by_genre(call: PlayerCall, albums: list[Album]) -> list[Album]:
    ids = {song.track_id for song in _of_genre(call, call.asked.need("genre"), None)}
    tracks = known_albums(call.session).tracks
    return [album for album in albums if not ids.isdisjoint(tracks[album.names])]


def _starred(call: PlayerCall, albums: list[Album]) -> list[Album]:
    return _in_order([mark.item for mark in starred(call.session)], albums)


def _highest(call: PlayerCall, albums: list[Album]) -> list[Album]:
    return _in_order([mark.item for mark in rated(call.session)], albums)


def _in_order(ids: Sequence[str], albums: list[Album]) -> list[Album]:
    known = {album_id(*album.names): album for album in albums}
    return [known[one] for one in ids if one in known]


LISTS: dict[str, Callable[[PlayerCall, list[Album]], list[Album]]] = {
    "random": _at_random,
    "newest": _newest,
    "highest": _highest,
    "frequent": _frequent,
    "recent": _recent,
    "alphabeticalByName": _by_name,
    "alphabeticalByArtist": _by_artist,
    "starred": _starred,
    "byYear": _by_year,
    "byGenre": _by_genre,
}


BY_PLAYS = frozenset(("frequent", "recent"))


def get_random_songs(call: PlayerCall) -> Content:
    """Return songs at random, of some years or of a genre if they are named."""
    asked = call.asked
    ids = browse.playable_ids(call.session, call.folder(), asked.maybe("fromYear"), asked.maybe("toYear"))
    genre = asked.one("genre")
    if genre:
        of_genre = {song.track_id for song in _of_genre(call, genre, call.folder())}
        ids = [i for i in ids if i in of_genre]
    chosen = random.sample(ids, min(len(ids), asked.number("size", 10)))
    return {"randomSongs": {"song": call.shapes.songs_of(chosen)}}


def _of_genre(call: PlayerCall, genre: str, folder: int | None) -> list[GenresOf]:
    wanted, predicted = same_genre(genre), call.predicted

    def read() -> list[GenresOf]:
        return [
            song
            for song in genres_of(call.session, folder)
            if wanted in map(same_genre, genres_of_song(song.track_id, song.genres, predicted))
        ]

    found = known_of_tracks(call.session, ("of genre", wanted, folder, call.held.number), read)
    return read() if found is None else found


def get_songs_by_genre(call: PlayerCall) -> Content:
    """Return the songs of a genre, by when they came into the catalogue."""
    ids = [song.track_id for song in _of_genre(call, call.asked.need("genre"), call.folder())]
    first = call.asked.number("offset", 0)
    some = ids[first : first + call.asked.number("count", 10)]
    return {"songsByGenre": {"song": call.shapes.songs_of(some)}}


def get_genres(call: PlayerCall) -> Content:
    """Return all genres, with how many songs and albums are of each."""
    found = known_of_tracks(call.session, ("all genres", call.held.number), lambda: _all_genres(call))
    return {"genres": {"genre": _all_genres(call) if found is None else found}}


def _all_genres(call: PlayerCall) -> list[Shape]:
    songs: dict[str, dict[str, int]] = {}
    albums: dict[str, set[tuple[str, ...]]] = {}
    album_of = known_albums(call.session).of_song
    for song in genres_of(call.session):
        for name in genres_of_song(song.track_id, song.genres, call.predicted):
            key = same_genre(name)
            spellings = songs.setdefault(key, {})
            spellings[name] = spellings.get(name, 0) + 1
            named = album_of.get(song.track_id)
            albums.setdefault(key, set()).update(() if named is None else (named.names,))
    return [
        {
            "value": max(spellings, key=lambda name: (spellings[name], name)),
            "songCount": sum(spellings.values()),
            "albumCount": len(albums[key]),
        }
        for key, spellings in sorted(songs.items())
    ]


def get_top_songs(call: PlayerCall) -> Content:
    """Return an artist's songs, those played most first."""
    wanted, name = call.asked.one("id"), call.asked.one("artist")
    if wanted is None and name is None:
        raise SubsonicError(MISSING, "the parameter artist or id is missing")
    artist = call.artist(wanted) if wanted is not None else str(name).replace(NO_ARTIST, "")
    songs: list[Track] = browse.artist_tracks(call.session, artist, call.asked.number("count", 50))
    return {"topSongs": {"song": call.shapes.songs(songs)}}
