"""OpenSubsonic: search, and what is starred."""

from db import browse
from db.favourites import starred
from db.tracks import search_key
from recommender.service.subsonic.browse import MOST
from recommender.service.subsonic.context import Call, Content
from recommender.service.subsonic.serializers import Shape, album_as_folder, album_id, artist_id


def search3(call: Call) -> Content:
    """Return artists, albums and songs whose names hold all the words; all there are for no words."""
    return {"searchResult3": _found(call)}


def search2(call: Call) -> Content:
    """Return the same, albums as folders."""
    return {"searchResult2": _as_folders(_found(call))}


def _found(call: Call) -> dict[str, list[Shape]]:
    text = call.asked.need("query").strip().strip('"').replace("*", " ")
    words, folder = search_key(text).split(), call.folder()
    first, n = call.asked.number("songOffset", 0), call.asked.number("songCount", 20, 0, MOST)
    songs = browse.search_tracks(call.session, text, first, n, folder) if n else []
    return {
        "artist": call.shapes.artists(_artists(call, words, folder)),
        "album": call.shapes.albums(_albums(call, words, folder)),
        "song": call.shapes.songs(songs),
    }


def _page(call: Call, kind: str) -> slice:
    first = call.asked.number(f"{kind}Offset", 0)
    return slice(first, first + call.asked.number(f"{kind}Count", 20, 0, MOST))


def _artists(call: Call, words: list[str], folder: int | None) -> list[tuple[str, int]]:
    page = _page(call, "artist")
    if page.start == page.stop:
        return []
    known = browse.artists(call.session, folder).items()
    return [one for one in known if _holds(search_key(one[0]), words)][page]


def _albums(call: Call, words: list[str], folder: int | None) -> list[browse.Album]:
    page = _page(call, "album")
    if page.start == page.stop:
        return []
    known = browse.albums(call.session, folder)
    return [one for one in known if _holds(f"{search_key(one.artist)} {search_key(one.name)}", words)][page]


def _holds(key: str, words: list[str]) -> bool:
    return all(word in key for word in words)


def get_starred2(call: Call) -> Content:
    """Return what is starred, the last first."""
    return {"starred2": _starred(call)}


def get_starred(call: Call) -> Content:
    """Return the same, albums as folders."""
    return {"starred": _as_folders(_starred(call))}


def _starred(call: Call) -> dict[str, list[Shape]]:
    ids, folder = [mark.item for mark in starred(call.session)], call.folder()
    kinds = {one[:3] for one in ids}
    artists = {artist_id(name): (name, n) for name, n in _all_artists(call, kinds, folder)}
    albums = {album_id(one.artist, one.name): one for one in _all_albums(call, kinds, folder)}
    songs = browse.playable_tracks(call.session, [int(one) for one in ids if one.isdigit()])
    return {
        "artist": call.shapes.artists([artists[one] for one in ids if one in artists]),
        "album": call.shapes.albums([albums[one] for one in ids if one in albums]),
        "song": call.shapes.songs([song for song in songs if folder in (None, song.root_id)]),
    }


def _all_artists(call: Call, kinds: set[str], folder: int | None) -> list[tuple[str, int]]:
    return list(browse.artists(call.session, folder).items()) if "ar-" in kinds else []


def _all_albums(call: Call, kinds: set[str], folder: int | None) -> list[browse.Album]:
    return browse.albums(call.session, folder) if "al-" in kinds else []


def _as_folders(found: dict[str, list[Shape]]) -> dict[str, list[Shape]]:
    return found | {"album": [album_as_folder(album) for album in found["album"]]}
