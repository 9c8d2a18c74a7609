"""OpenSubsonic: what the service is and may, and honest empty answers to what it has not."""

from typing import Any

from db import browse
from recommender.service.subsonic.context import Call, Content
from recommender.service.subsonic.envelope import NOT_ALLOWED, SubsonicError

EXTENSIONS = ("apiKeyAuthentication", "formPost", "sonicSimilarity", "topSongsByArtistId")
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
    "getAlbumInfo": {"albumInfo": {}},
    "getAlbumInfo2": {"albumInfo": {}},
    "getBookmarks": {"bookmarks": {}},
    "getInternetRadioStations": {"internetRadioStations": {}},
    "getLyricsBySongId": {"lyricsList": {}},
    "getNewestPodcasts": {"newestPodcasts": {}},
    "getNowPlaying": {"nowPlaying": {}},
    "getPlayQueue": {},
    "getPodcasts": {"podcasts": {}},
    "getShares": {"shares": {}},
    "getVideos": {"videos": {}},
}
"""What there is none of, and how it is said that there is none."""


def ping(_call: Call) -> Content:
    """Say that the service is there."""
    return {}


def get_license(_call: Call) -> Content:
    """Say that nobody has to pay."""
    return {"license": {"valid": True}}


def get_extensions() -> Content:
    """Return the extensions of OpenSubsonic that there are."""
    return {"openSubsonicExtensions": [{"name": name, "versions": [1]} for name in EXTENSIONS]}


def token_info(call: Call) -> Content:
    """Say whose an API key is."""
    return {"tokenInfo": {"username": call.user}}


def get_user(call: Call) -> Content:
    """Say what the user may: all but change the service itself."""
    wanted = call.asked.need("username")
    if wanted != call.user:
        raise SubsonicError(NOT_ALLOWED, "there is no other user to be asked about")
    return {"user": _user(call)}


def get_users(call: Call) -> Content:
    """Return the one user that there is."""
    return {"users": {"user": [_user(call)]}}


def _user(call: Call) -> dict[str, Any]:
    may = {"scrobblingEnabled" if role == "scrobbling" else f"{role}Role": True for role in ROLES}
    folders = [root.id for root in browse.roots(call.session)]
    return {"username": call.user, **may, **{f"{role}Role": False for role in NO_ROLES}, "folder": folders}


def get_scan_status(call: Call) -> Content:
    """Say how many songs there are; scanning is not the service's."""
    return {"scanStatus": {"scanning": False, "count": browse.count_playable(call.session)}}


def start_scan(_call: Call) -> Content:
    """Refuse: files are taken up by ``deepcuts ingest``, or ``watch``."""
    raise SubsonicError(NOT_ALLOWED, "take files up with: deepcuts ingest FOLDER, or deepcuts watch FOLDER")


def get_lyrics(call: Call) -> Content:
    """Say that there are no lyrics."""
    named = {name: call.asked.one(name) for name in ("artist", "title")}
    return {"lyrics": {**{name: text for name, text in named.items() if text}, "value": ""}}
