"""OpenSubsonic: folders, artists, albums and songs."""

import os
import random
import unicodedata
from collections.abc import Callable, Sequence
from itertools import groupby

from db import browse
from db.browse import Album
from db.favourites import rated, starred
from db.models import Track
from db.tracks import search_key
from recommender.service.subsonic.context import Call, Content
from recommender.service.subsonic.envelope import GENERIC, MISSING, SubsonicError
from recommender.service.subsonic.genres import genres_of_song, same_genre
from recommender.service.subsonic.parameters import whole
from recommender.service.subsonic.serializers import NO_ARTIST, Shape, album_as_folder, album_id

MOST = 500
"""Albums or songs in one answer."""
ARTICLES = "The An A Die Das Der Les La Le El Los Las"


def get_music_folders(call: Call) -> Content:
    """Return the library folders."""
    named = [{"id": root.id, "name": _folder_name(root.path)} for root in browse.roots(call.session)]
    return {"musicFolders": {"musicFolder": named}}


def _folder_name(path: str) -> str:
    return os.fsencode(os.path.basename(path) or path).decode("utf-8", "replace")


def get_artists(call: Call) -> Content:
    """Return all artists under their letters."""
    return {"artists": {"ignoredArticles": ARTICLES, "index": _index(call)}}


def get_indexes(call: Call) -> Content:
    """Return the same as folders, for players that do not know artists."""
    changed_ns = max((album.changed_ns for album in browse.albums(call.session)), default=0)
    since = call.asked.one("ifModifiedSince")
    changed_ms = changed_ns // 10**6
    index = [] if since and whole("ifModifiedSince", since) >= changed_ms else _index(call)
    return {"indexes": {"ignoredArticles": ARTICLES, "lastModified": changed_ms, "index": index}}


def _index(call: Call) -> list[Shape]:
    shown = call.shapes.artists(list(browse.artists(call.session, call.folder()).items()))
    ranked = sorted(shown, key=lambda artist: (_letter(artist["name"]), _sorted_as(artist["name"])))
    return [
        {"name": letter, "artist": list(some)}
        for letter, some in groupby(ranked, key=lambda artist: _letter(artist["name"]))
    ]


def _sorted_as(name: str) -> str:
    article, space, rest = name.partition(" ")
    return (rest if space and article in ARTICLES.split() else name).casefold()


def _letter(name: str) -> str:
    first = unicodedata.normalize("NFKD", _sorted_as(name))[:1].upper()
    return first if first.isalpha() else "#"


def get_artist(call: Call) -> Content:
    """Return an artist's albums."""
    name = call.artist(call.asked.need("id"))
    albums = browse.albums_of_artist(call.session, name)
    [shape] = call.shapes.artists([(name, len(albums))])
    return {"artist": shape | {"album": call.shapes.albums(albums)}}


def get_album(call: Call) -> Content:
    """Return an album's songs."""
    album = call.album(call.asked.need("id"))
    [shape] = call.shapes.albums([album])
    songs = browse.album_tracks(call.session, album.artist, album.name)
    return {"album": shape | {"song": call.shapes.songs(songs)}}


def get_song(call: Call) -> Content:
    """Return a song."""
    [shape] = call.shapes.songs([call.song()])
    return {"song": shape}


def get_music_directory(call: Call) -> Content:
    """Return what is in a folder: a library folder's artists, an artist's albums, an album's songs."""
    wanted = call.asked.need("id")
    if wanted.startswith("al-"):
        album = call.album(wanted)
        [shape] = call.shapes.albums([album])
        songs = call.shapes.songs(browse.album_tracks(call.session, album.artist, album.name))
        return _directory(wanted, shape["name"], songs, shape["artistId"])
    if wanted.startswith("ar-"):
        name = call.artist(wanted)
        albums = call.shapes.albums(browse.albums_of_artist(call.session, name))
        [shape] = call.shapes.artists([(name, len(albums))])
        return _directory(wanted, shape["name"], [album_as_folder(album) for album in albums])
    root = call.folder_of(wanted)
    artists = call.shapes.artists(list(browse.artists(call.session, root.id).items()))
    folders = [{"id": one["id"], "isDir": True, "title": one["name"], "parent": wanted} for one in artists]
    return _directory(wanted, _folder_name(root.path), folders)


def _directory(wanted: str, name: str, children: list[Shape], parent: str | None = None) -> Content:
    above = {} if parent is None else {"parent": parent}
    return {"directory": {"id": wanted, **above, "name": name, "child": children}}


def get_album_list2(call: Call) -> Content:
    """Return some albums, by their names or dates, by plays, at random, or as they are liked."""
    return {"albumList2": {"album": call.shapes.albums(_listed(call))}}


def get_album_list(call: Call) -> Content:
    """Return the same as folders."""
    shapes = call.shapes.albums(_listed(call))
    return {"albumList": {"album": [album_as_folder(shape) for shape in shapes]}}


def _listed(call: Call) -> list[Album]:
    kind = call.asked.need("type")
    if kind not in LISTS:
        raise SubsonicError(GENERIC, f"no list of albums is called '{kind}'; there are: {', '.join(LISTS)}")
    found = LISTS[kind](call, browse.albums(call.session, call.folder()))
    first = 0 if kind == "random" else call.asked.number("offset", 0)
    return found[first : first + call.asked.number("size", 10, 0, MOST)]


def _at_random(_call: Call, albums: list[Album]) -> list[Album]:
    return random.sample(albums, len(albums))


def _newest(_call: Call, albums: list[Album]) -> list[Album]:
    return sorted(albums, key=lambda album: -album.newest_id)


def _frequent(_call: Call, albums: list[Album]) -> list[Album]:
    return sorted((album for album in albums if album.plays), key=lambda album: -album.plays)


def _recent(_call: Call, albums: list[Album]) -> list[Album]:
    played = [(album.last_played, album) for album in albums if album.last_played is not None]
    return [album for _, album in sorted(played, key=lambda one: one[0], reverse=True)]


def _by_name(_call: Call, albums: list[Album]) -> list[Album]:
    return sorted(albums, key=lambda album: search_key(album.name))


def _by_artist(_call: Call, albums: list[Album]) -> list[Album]:
    return albums  # so they come


def _by_year(call: Call, albums: list[Album]) -> list[Album]:
    first, last = (whole(name, call.asked.need(name)) for name in ("fromYear", "toYear"))
    low, high = sorted((first, last))
    dated = [(album.year, album) for album in albums if album.year is not None and low <= album.year <= high]
    return [album for _, album in sorted(dated, key=lambda one: one[0], reverse=first > last)]


def _by_genre(call: Call, albums: list[Album]) -> list[Album]:
    wanted = same_genre(call.asked.need("genre"))
    keys = {
        (song.artist, song.album)
        for song in browse.genres_of(call.session)
        if wanted in map(same_genre, genres_of_song(song.track_id, song.genres, call.heard))
    }
    return [album for album in albums if (album.artist, album.name) in keys]


def _starred(call: Call, albums: list[Album]) -> list[Album]:
    return _in_order([mark.item for mark in starred(call.session)], albums)


def _highest(call: Call, albums: list[Album]) -> list[Album]:
    return _in_order([mark.item for mark in rated(call.session)], albums)


def _in_order(ids: Sequence[str], albums: list[Album]) -> list[Album]:
    known = {album_id(album.artist, album.name): album for album in albums}
    return [known[one] for one in ids if one in known]


LISTS: dict[str, Callable[[Call, list[Album]], list[Album]]] = {
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


def get_random_songs(call: Call) -> Content:
    """Return songs at random, of some years or of a genre if they are named."""
    asked = call.asked
    ids = browse.playable_ids(call.session, call.folder(), asked.maybe("fromYear"), asked.maybe("toYear"))
    genre = asked.one("genre")
    if genre:
        of_genre = set(_ids_of_genre(call, genre))
        ids = [i for i in ids if i in of_genre]
    chosen = random.sample(ids, min(len(ids), asked.number("size", 10, 0, MOST)))
    return {"randomSongs": {"song": _songs(call, chosen)}}


def _songs(call: Call, ids: Sequence[int]) -> list[Shape]:
    return call.shapes.songs(browse.playable_tracks(call.session, ids))


def _ids_of_genre(call: Call, genre: str) -> list[int]:
    wanted = same_genre(genre)
    return [
        song.track_id
        for song in browse.genres_of(call.session, call.folder())
        if wanted in map(same_genre, genres_of_song(song.track_id, song.genres, call.heard))
    ]


def get_songs_by_genre(call: Call) -> Content:
    """Return the songs of a genre, by when they came into the catalogue."""
    ids, first = _ids_of_genre(call, call.asked.need("genre")), call.asked.number("offset", 0)
    return {
        "songsByGenre": {"song": _songs(call, ids[first : first + call.asked.number("count", 10, 0, MOST)])}
    }


def get_genres(call: Call) -> Content:
    """Return all genres, with how many songs and albums are of each."""
    songs: dict[str, dict[str, int]] = {}
    albums: dict[str, set[tuple[str, str]]] = {}
    for song in browse.genres_of(call.session):
        for name in genres_of_song(song.track_id, song.genres, call.heard):
            key = same_genre(name)
            spellings = songs.setdefault(key, {})
            spellings[name] = spellings.get(name, 0) + 1
            albums.setdefault(key, set()).add((song.artist, song.album))
    found = [
        {
            "value": max(spellings, key=lambda name: (spellings[name], name)),
            "songCount": sum(spellings.values()),
            "albumCount": len(albums[key]),
        }
        for key, spellings in sorted(songs.items())
    ]
    return {"genres": {"genre": found}}


def get_top_songs(call: Call) -> Content:
    """Return an artist's songs, those played most first."""
    wanted, name = call.asked.one("id"), call.asked.one("artist")
    if wanted is None and name is None:
        raise SubsonicError(MISSING, "the parameter artist or id is missing")
    artist = call.artist(wanted) if wanted is not None else str(name).replace(NO_ARTIST, "")
    songs: list[Track] = browse.artist_tracks(call.session, artist, call.asked.number("count", 50, 0, MOST))
    return {"topSongs": {"song": call.shapes.songs(songs)}}
