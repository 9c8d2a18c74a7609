"""OpenSubsonic: search, and what is starred."""

from collections.abc import Sequence
from typing import Any, TypeVar

from db.browsing import browse
from db.browsing.album_plays import with_plays
from db.kept import known_of_tracks
from db.listening.favourites import starred
from db.playable import Album
from db.tracks import search_key
from recommender.service.subsonic.context import Content, PlayerCall
from recommender.service.subsonic.serializers import Shape, album_as_folder, album_id, artist_id

Item = TypeVar("Item")


def search3(call: PlayerCall) -> Content:
    """Return artists, albums and songs whose names hold all the words; all there are for no words."""
    return {"searchResult3": _found(call)}


def search2(call: PlayerCall) -> Content:
    """Return the same, albums as folders."""
    found = _found(call)
    return {"searchResult2": {**found, "album": found["album"].each(album_as_folder)}}


def _found(call: PlayerCall) -> dict[str, Any]:
    text = call.asked.need("query").strip().strip('"').replace("*", " ")
    key, folder = search_key(text), call.folder()
    first, n = call.asked.number("songOffset", 0), call.asked.number("songCount", 20)
    songs = browse.search_ids(call.session, text, first, n, folder) if n else []
    return {
        "artist": call.shapes.artists(_artists(call, key, folder)),
        "album": call.shapes.albums_in_parts(_albums(call, key, folder)),
        "song": call.shapes.songs_of(songs),
    }


def _page(call: PlayerCall, kind: str) -> slice:
    first = call.asked.number(f"{kind}Offset", 0)
    return slice(first, first + call.asked.number(f"{kind}Count", 20))


def _artists(call: PlayerCall, key: str, folder: int | None) -> list[tuple[str, int]]:
    page = _page(call, "artist")
    if page.start == page.stop:
        return []

    def read() -> list[tuple[str, tuple[str, int]]]:
        return [(search_key(one[0]), one) for one in browse.artists(call.session, folder).items()]

    known = known_of_tracks(call.session, ("artists searched", folder), read)
    found = _holding(read() if known is None else known, key)
    ranked = sorted(found, key=lambda one: _rank(one[0], key)) if key else found
    return [one for _, one in ranked[page]]


def _albums(call: PlayerCall, key: str, folder: int | None) -> list[Album]:
    page = _page(call, "album")
    if page.start == page.stop:
        return []

    def read() -> list[tuple[str, Album]]:
        known = browse.albums_unplayed(call.session, folder)
        return [(f"{search_key(one.artist)} {search_key(one.name)}", one) for one in known]

    known = known_of_tracks(call.session, ("albums searched", folder), read)
    found = [one for _, one in _holding(read() if known is None else known, key)]
    ranked = sorted(found, key=lambda one: _rank_of_album(one, key)) if key else found
    return with_plays(call.session, ranked[page], folder)


def _holding(known: Sequence[tuple[str, Item]], key: str) -> Sequence[tuple[str, Item]]:
    """Return those whose text holds all words of a search."""
    for word in key.split():
        known = [one for one in known if word in one[0]]
    return known


def _rank(text: str, key: str) -> int:
    """Return how well a name fits a search: 0 as it is, 1 as it begins, 2 as a word of it does, 3 else."""
    if text == key:
        return 0
    if text.startswith(key):
        return 1
    return 2 if f" {key}" in text else 3


def _rank_of_album(album: Album, key: str) -> tuple[int, int]:
    return _rank(search_key(album.name), key), _rank(search_key(album.artist), key)


def get_starred2(call: PlayerCall) -> Content:
    """Return what is starred, the last first."""
    return {"starred2": _starred(call)}


def get_starred(call: PlayerCall) -> Content:
    """Return the same, albums as folders."""
    found = _starred(call)
    return {"starred": {**found, "album": [album_as_folder(album) for album in found["album"]]}}


def _starred(call: PlayerCall) -> dict[str, list[Shape]]:
    ids, folder = [mark.item for mark in starred(call.session)], call.folder()
    kinds = {one[:3] for one in ids}
    artists = {artist_id(name): (name, n) for name, n in _all_artists(call, kinds, folder)}
    albums = {album_id(*one.names): one for one in _all_albums(call, kinds, folder)}
    songs = browse.playable_tracks(call.session, [int(one) for one in ids if one.isdigit()])
    return {
        "artist": call.shapes.artists([artists[one] for one in ids if one in artists]),
        "album": call.shapes.albums([albums[one] for one in ids if one in albums]),
        "song": call.shapes.songs([song for song in songs if folder in (None, song.root_id)]),
    }


def _all_artists(call: PlayerCall, kinds: set[str], folder: int | None) -> list[tuple[str, int]]:
    return list(browse.artists(call.session, folder).items()) if "ar-" in kinds else []


def _all_albums(call: PlayerCall, kinds: set[str], folder: int | None) -> list[Album]:
    return browse.albums(call.session, folder) if "al-" in kinds else []
