"""The shapes of OpenSubsonic, written from its specification: which fields there are, of what type.

A field is ``type`` where it may be left out and ``type!`` where it must be there; ``[type]`` is a list.
Fields that the specification does not know are wrong, so that a misspelt one is seen.
"""

import re
from typing import Any
from xml.etree import ElementTree

NAMESPACE = "http://subsonic.org/restapi"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

CHILD = """
    id string! parent string isDir bool! title string! album string artist string track int year int
    genre string coverArt string size int contentType string suffix string transcodedContentType string
    transcodedSuffix string duration int bitRate int bitDepth int samplingRate int channelCount int
    path string isVideo bool userRating rating averageRating number playCount int discNumber int
    created time starred time albumId string artistId string type string mediaType string
    played time bpm int comment string sortName string musicBrainzId string
    isrc [string] genres [ItemGenre] artists [ArtistID3] displayArtist string
    albumArtists [ArtistID3] displayAlbumArtist string displayComposer string
    moods [string] explicitStatus string
"""
ALBUM = """
    id string! name string! version string artist string artistId string coverArt string songCount int!
    duration int! playCount int created time! starred time year int genre string played time
    userRating rating musicBrainzId string genres [ItemGenre] artists [ArtistID3] displayArtist string
    releaseTypes [string] moods [string] sortName string isCompilation bool
"""
ARTIST = """
    id string! name string! coverArt string artistImageUrl string albumCount int starred time
    userRating rating musicBrainzId string sortName string roles [string]
"""
PLAYLIST = """
    id string! name string! comment string owner string public bool songCount int! duration int!
    created time! changed time! coverArt string allowedUser [string]
"""
ROLES = (
    "admin settings download upload playlist coverArt comment podcast stream jukebox share videoConversion"
)

TEXTS = {
    "Child": CHILD,
    "Folder": CHILD + " name string songCount int",
    "AlbumID3": ALBUM,
    "AlbumID3WithSongs": ALBUM + " song [Child]",
    "ArtistID3": ARTIST,
    "ArtistWithAlbumsID3": ARTIST + " album [AlbumID3]",
    "IndexID3": "name string! artist [ArtistID3]",
    "ArtistsID3": "ignoredArticles string! index [IndexID3]",
    "Indexes": "ignoredArticles string! lastModified int! index [IndexID3] child [Child]",
    "ItemGenre": "name string!",
    "Genre": "value string! songCount int! albumCount int!",
    "Genres": "genre [Genre]",
    "MusicFolder": "id int! name string",
    "MusicFolders": "musicFolder [MusicFolder]",
    "Directory": "id string! parent string name string! child [Folder]",
    "License": "valid bool! email string licenseExpires time trialExpires time",
    "Extension": "name string! versions [int]!",
    "AlbumList": "album [Folder]",
    "AlbumList2": "album [AlbumID3]",
    "Songs": "song [Child]",
    "SearchResult3": "artist [ArtistID3] album [AlbumID3] song [Child]",
    "SearchResult2": "artist [ArtistID3] album [Folder] song [Child]",
    "Playlist": PLAYLIST,
    "PlaylistWithSongs": PLAYLIST + " entry [Child]",
    "Playlists": "playlist [Playlist]",
    "SonicMatch": "entry Child! similarity share!",
    "ScanStatus": "scanning bool! count int",
    "TokenInfo": "username string!",
    "User": "username string! scrobblingEnabled bool! maxBitRate int folder [int] "
    + " ".join(f"{role}Role bool!" for role in ROLES.split()),
    "Users": "user [User]!",
    "Lyrics": "value string! artist string title string",
    "Error": "code int! message string helpUrl string",
    "ArtistInfo": """biography string musicBrainzId string lastFmUrl string smallImageUrl string
        mediumImageUrl string largeImageUrl string similarArtist [ArtistID3]""",
    "Nothing": "",
    "PlayQueue": "current string position int username string! changed time! changedBy string! entry [Child]",
    "PlayQueueByIndex": """currentIndex int position int username string! changed time! changedBy string!
        entry [Child]""",
    "Bookmark": """position int! username string! comment string created time! changed time! entry Child!""",
    "Bookmarks": "bookmark [Bookmark]",
    "NowPlayingEntry": CHILD
    + """ username string! minutesAgo int! playerId int! playerName string state string positionMs int
        playbackRate number""",
    "NowPlaying": "entry [NowPlayingEntry]",
    "StreamDetails": """protocol string! container string! codec string! audioChannels int audioBitrate int
        audioProfile string audioSamplerate int audioBitdepth int""",
    "TranscodeDecision": """canDirectPlay bool! canTranscode bool! transcodeReason [string] errorReason string
        transcodeParams string sourceStream StreamDetails transcodeStream StreamDetails""",
}
SHAPES: dict[str, dict[str, tuple[str, bool]]] = {}
for shape, text in TEXTS.items():
    words = text.split()
    SHAPES[shape] = {
        name: (kind.rstrip("!"), kind.endswith("!"))
        for name, kind in zip(words[::2], words[1::2], strict=True)
    }

ANSWERS: dict[str, tuple[str, str] | None] = {
    "ping": None,
    "getLicense": ("license", "License"),
    "getOpenSubsonicExtensions": ("openSubsonicExtensions", "[Extension]"),
    "getMusicFolders": ("musicFolders", "MusicFolders"),
    "getIndexes": ("indexes", "Indexes"),
    "getMusicDirectory": ("directory", "Directory"),
    "getArtists": ("artists", "ArtistsID3"),
    "getArtist": ("artist", "ArtistWithAlbumsID3"),
    "getAlbum": ("album", "AlbumID3WithSongs"),
    "getAlbumList": ("albumList", "AlbumList"),
    "getAlbumList2": ("albumList2", "AlbumList2"),
    "getSong": ("song", "Child"),
    "getRandomSongs": ("randomSongs", "Songs"),
    "getGenres": ("genres", "Genres"),
    "getSongsByGenre": ("songsByGenre", "Songs"),
    "getTopSongs": ("topSongs", "Songs"),
    "search2": ("searchResult2", "SearchResult2"),
    "search3": ("searchResult3", "SearchResult3"),
    "getStarred": ("starred", "SearchResult2"),
    "getStarred2": ("starred2", "SearchResult3"),
    "getSimilarSongs": ("similarSongs", "Songs"),
    "getSimilarSongs2": ("similarSongs2", "Songs"),
    "getSonicSimilarTracks": ("sonicMatch", "[SonicMatch]"),
    "findSonicPath": ("sonicMatch", "[SonicMatch]"),
    "getPlaylists": ("playlists", "Playlists"),
    "getPlaylist": ("playlist", "PlaylistWithSongs"),
    "createPlaylist": ("playlist", "PlaylistWithSongs"),
    "updatePlaylist": None,
    "deletePlaylist": None,
    "scrobble": None,
    "reportPlayback": None,
    "star": None,
    "unstar": None,
    "setRating": None,
    "getScanStatus": ("scanStatus", "ScanStatus"),
    "tokenInfo": ("tokenInfo", "TokenInfo"),
    "getTranscodeDecision": ("transcodeDecision", "TranscodeDecision"),
    "getUser": ("user", "User"),
    "getUsers": ("users", "Users"),
    "getLyrics": ("lyrics", "Lyrics"),
    "getLyricsBySongId": ("lyricsList", "Nothing"),
    "getAlbumInfo": ("albumInfo", "Nothing"),
    "getAlbumInfo2": ("albumInfo", "Nothing"),
    "getArtistInfo": ("artistInfo", "ArtistInfo"),
    "getArtistInfo2": ("artistInfo2", "ArtistInfo"),
    "getBookmarks": ("bookmarks", "Bookmarks"),
    "createBookmark": None,
    "deleteBookmark": None,
    "getInternetRadioStations": ("internetRadioStations", "Nothing"),
    "getNewestPodcasts": ("newestPodcasts", "Nothing"),
    "getNowPlaying": ("nowPlaying", "NowPlaying"),
    "getPlayQueue": ("playQueue", "PlayQueue"),
    "getPlayQueueByIndex": ("playQueueByIndex", "PlayQueueByIndex"),
    "savePlayQueue": None,
    "savePlayQueueByIndex": None,
    "getPodcasts": ("podcasts", "Nothing"),
    "getShares": ("shares", "Nothing"),
    "getVideos": ("videos", "Nothing"),
}
"""Of each endpoint: what its answer holds, and its shape; None for nothing."""

MAY_BE_EMPTY = ("getPlayQueue", "getPlayQueueByIndex")
"""What answers with nothing where nobody has left a queue."""

HEAD = {"status": "ok", "version": "1.16.1", "type": "deepcuts", "openSubsonic": True}


def checked(endpoint: str, body: Any) -> Any:
    """Return what a good answer holds, after a look at every field of it."""
    whole = _envelope(body, "ok")
    expected = ANSWERS[endpoint]
    rest = {name for name in whole if name not in HEAD and name != "serverVersion"}
    if expected is None:
        assert rest == set(), f"{endpoint}: {rest}"
        return None
    name, shape = expected
    if endpoint in MAY_BE_EMPTY and not rest:
        return None
    assert rest == {name}, f"{endpoint}: {rest}"
    _check(shape, whole[name], f"{endpoint}.{name}")
    return whole[name]


def error_of(body: Any) -> tuple[int, str]:
    """Return the code and message of a failure."""
    whole = _envelope(body, "failed")
    _check("Error", whole["error"], "error")
    return whole["error"]["code"], whole["error"]["message"]


def _envelope(body: Any, status: str) -> Any:
    assert set(body) == {"subsonic-response"}
    whole = body["subsonic-response"]
    assert whole["status"] == status, whole.get("error")
    assert {name: whole[name] for name in HEAD} == HEAD | {"status": status}
    assert isinstance(whole["serverVersion"], str) and whole["serverVersion"]
    return whole


def _check(kind: str, value: Any, where: str) -> None:
    if kind.startswith("["):
        assert isinstance(value, list), f"{where} is no list: {value!r}"
        for place, one in enumerate(value):
            _check(kind.strip("[]"), one, f"{where}[{place}]")
    elif kind in SHAPES:
        assert isinstance(value, dict), f"{where} is no object: {value!r}"
        unknown = set(value) - set(SHAPES[kind])
        assert not unknown, f"{where} has {unknown}"
        for name, (inner, needed) in SHAPES[kind].items():
            assert name in value or not needed, f"{where} has no {name}"
            if name in value:
                _check(inner, value[name], f"{where}.{name}")
    else:
        assert _is(kind, value), f"{where} is no {kind}: {value!r}"


def _is(kind: str, value: Any) -> bool:
    if kind in ("string", "bool"):
        return isinstance(value, {"string": str, "bool": bool}[kind])
    if kind == "time":
        return isinstance(value, str) and TIME.fullmatch(value) is not None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    whole = isinstance(value, int)
    return {"int": whole and value >= 0, "rating": whole and 1 <= value <= 5, "share": 0 <= value <= 1}.get(
        kind, kind == "number"
    )


def as_xml(name: str, value: Any) -> str:
    """Return what JSON says as the XML that stands for it, canonical: the mapping of the specification."""
    element = ElementTree.Element(f"{{{NAMESPACE}}}{name}")
    _fill(element, value)
    return canonical(ElementTree.tostring(element, encoding="unicode"))


def canonical(text: str) -> str:
    """Return XML with its attributes in order and its prefixes alike."""
    return ElementTree.canonicalize(text, rewrite_prefixes=True)


def _fill(element: ElementTree.Element, value: Any) -> None:
    for name, inner in value.items():
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, dict):
                _fill(ElementTree.SubElement(element, f"{{{NAMESPACE}}}{name}"), one)
            elif isinstance(inner, list):
                ElementTree.SubElement(element, f"{{{NAMESPACE}}}{name}").text = _words(one)
            elif name == "value":
                element.text = _words(one)
            else:
                element.set(name, _words(one))


def _words(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
