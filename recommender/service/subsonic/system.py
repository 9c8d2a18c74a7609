"""OpenSubsonic: what the service is and may, and honest empty answers to what it has not."""

from typing import Any

from db.browsing import browse
from recommender.service.subsonic.context import Content, PlayerCall
from recommender.service.subsonic.envelope import NOT_ALLOWED, SubsonicError

EXTENSIONS = (
    "apiKeyAuthentication",
    "formPost",
    "indexBasedQueue",
    "playbackReport",
    "sonicSimilarity",
    "topSongsByArtistId",
    "transcodeOffset",
    "transcoding",
)
ROLES = ("stream", "download", "playlist", "scrobbling")
NO_ROLES = (
    "admin",
    "settings",
    "upload",
    "coverArt",
    "comment",
    "podcast",
    "jukebox",
    "share",
    "videoConversion",
)

NOTHING: dict[str, dict[str, Any]] = {
    "getInternetRadioStations": {"internetRadioStations": {}},
    "getNewestPodcasts": {"newestPodcasts": {}},
    "getPodcasts": {"podcasts": {}},
    "getShares": {"shares": {}},
    "getVideos": {"videos": {}},
}
"""What there is none of, and how it is said that there is none."""


def get_extensions() -> Content:
    """Return the extensions of OpenSubsonic that there are."""
    return {"openSubsonicExtensions": [{"name": name, "versions": [1]} for name in EXTENSIONS]}


def token_info(call: PlayerCall) -> Content:
    """Say whose an API key is."""
    return {"tokenInfo": {"username": call.user}}


def get_user(call: PlayerCall) -> Content:
    """Say what the user may: all but change the service itself."""
    wanted = call.asked.need("username")
    if wanted != call.user:
        raise SubsonicError(NOT_ALLOWED, "there is no other user to be asked about")
    return {"user": _user(call)}


def get_users(call: PlayerCall) -> Content:
    """Return the one user that there is."""
    return {"users": {"user": [_user(call)]}}


def _user(call: PlayerCall) -> dict[str, Any]:
    may = {"scrobblingEnabled" if role == "scrobbling" else f"{role}Role": True for role in ROLES}
    folders = [root.id for root in browse.roots(call.session)]
    return {"username": call.user, **may, **{f"{role}Role": False for role in NO_ROLES}, "folder": folders}


def get_scan_status(call: PlayerCall) -> Content:
    """Say how many songs there are; scanning is not the service's."""
    return {"scanStatus": {"scanning": False, "count": browse.count_playable(call.session)}}


def start_scan(_call: PlayerCall) -> Content:
    """Refuse: files are taken up by ``deepcuts ingest``, or ``watch``."""
    raise SubsonicError(NOT_ALLOWED, "take files up with: deepcuts ingest FOLDER, or deepcuts watch FOLDER")


def get_album_info(call: PlayerCall) -> Content:
    """Say that nothing is known of an album, or of a song's, beyond what its tags say."""
    wanted = call.asked.need("id")
    _ = call.album(wanted) if wanted.startswith("al-") else call.song_of(wanted)
    return {"albumInfo": {}}


def get_lyrics_of_song(call: PlayerCall) -> Content:
    """Say that there are no lyrics of a song."""
    call.song()
    return {"lyricsList": {}}


def get_lyrics(call: PlayerCall) -> Content:
    """Say that there are no lyrics."""
    named = {name: call.asked.one(name) for name in ("artist", "title")}
    return {"lyrics": {**{name: text for name, text in named.items() if text}, "value": ""}}
