"""OpenSubsonic: playlists, plays, stars and ratings."""

from datetime import datetime, timedelta

from db.listening import playlists
from db.listening.favourites import rate, star
from db.listening.now_playing import STATES, Report, note_playing, report_playing
from db.listening.playlists import playlist_tracks
from db.listening.plays import PlayCount, set_plays
from db.listening.smart_playlists import smart_playlist_of
from db.models import LARGEST, Playlist
from db.values import utc_now
from recommender.service.subsonic.context import Content, PlayerCall
from recommender.service.subsonic.envelope import GENERIC, MISSING, NOT_ALLOWED, NOT_FOUND, SubsonicError
from recommender.service.subsonic.parameters import Asked, whole
from recommender.service.subsonic.serializers import playlist_shape

LATEST = timedelta(days=1)
"""A clock may be so much ahead; a play that is said to be later was now."""
MEDIA = ("song", "podcast")
LEAST_RATE = 0.05


def playlists_meant(asked: Asked) -> list[int] | None:
    """Return the id of the playlist that is asked for; None for all."""
    wanted = (asked.one("id") or "").removeprefix("pl-")
    return [int(wanted)] if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else None


def get_playlists(call: PlayerCall) -> Content:
    """Return all playlists."""
    listed = playlists.all_playlists(call.session)
    shapes = [playlist_shape(one.playlist, one.songs, one.duration_s) for one in listed]
    return {"playlists": {"playlist": shapes}}


def get_playlist(call: PlayerCall) -> Content:
    """Return a playlist with its songs."""
    return _whole(call, call.playlist(call.asked.need("id")))


def _whole(call: PlayerCall, playlist: Playlist) -> Content:
    tracks = playlist_tracks(call.session, playlist)
    shape = playlist_shape(playlist, len(tracks), sum(track.duration_s or 0.0 for track in tracks))
    return {"playlist": shape | {"entry": call.shapes.songs(tracks)}}


def create_playlist(call: PlayerCall) -> Content:
    """Make a playlist, or put other songs into one."""
    wanted, name = call.asked.one("playlistId"), call.asked.one("name")
    songs = call.songs_of(call.asked.many("songId"))
    if wanted is not None:
        playlist = call.playlist(wanted)
        _check_by_hand(call, playlist)
        playlists.replace_tracks(call.session, playlist, songs)
        if name:
            playlists.describe_playlist(call.session, playlist, name=name)
    elif name:
        playlist = playlists.create_playlist(call.session, name, songs, owner=call.user)
    else:
        raise SubsonicError(MISSING, "the parameter name or playlistId is missing")
    return _whole(call, playlist)


def update_playlist(call: PlayerCall) -> Content:
    """Rename a playlist, take songs out of it, and put others at its end."""
    asked, playlist = call.asked, call.playlist(call.asked.need("playlistId"))
    added = call.songs_of(asked.many("songIdToAdd"))
    gone = {whole("songIndexToRemove", position) for position in asked.many("songIndexToRemove")}
    name = asked.one("name") or None
    if added or gone:
        _check_by_hand(call, playlist)
    playlists.describe_playlist(
        call.session, playlist, name=name, comment=asked.one("comment"), public=asked.flag("public")
    )
    if gone:
        playlists.remove_tracks(call.session, playlist, gone)
    if added:
        playlists.add_tracks(call.session, playlist, added)
    return {}


def _check_by_hand(call: PlayerCall, playlist: Playlist) -> None:
    """Refuse to change the songs of a playlist that keeps itself up to date: they would not stay."""
    if smart_playlist_of(call.session, playlist) is not None:
        raise SubsonicError(
            NOT_ALLOWED,
            f"{playlist.name} keeps itself up to date; freeze it first, on the page or with: "
            "deepcuts playlist freeze",
        )


def delete_playlist(call: PlayerCall) -> Content:
    """Delete a playlist."""
    playlists.delete_playlist(call.session, call.playlist(call.asked.need("id")))
    return {}


def scrobble(call: PlayerCall) -> Content:
    """Add plays to the counts; what merely began to play is what is being played."""
    songs = call.songs_of(call.ids("id"))
    times = [_time(text) for text in call.asked.many("time")]
    if len(times) > len(songs):
        raise SubsonicError(GENERIC, "there are more times than ids")
    if call.asked.flag("submission") is False:
        note_playing(call.session, call.user, call.player, songs[0])
        return {}
    now = utc_now()
    counts: dict[int, PlayCount] = {}
    for song, when in zip(songs, times + [now] * (len(songs) - len(times)), strict=True):
        before = counts.get(song, PlayCount(0, when))
        counts[song] = PlayCount(before.plays + 1, max(before.last_played or when, when))
    set_plays(call.session, counts, add=True)
    return {}


def report_playback(call: PlayerCall) -> Content:
    """Note what a player does with a song; when enough of it was heard, that is a play."""
    asked = call.asked
    track_id, kind, state = (asked.need(name) for name in ("mediaId", "mediaType", "state"))
    position_ms = min(whole("positionMs", asked.need("positionMs")), LARGEST)
    if kind not in MEDIA or state not in STATES or position_ms < 0:
        said = (
            f"mediaType is one of {', '.join(MEDIA)}, state one of {', '.join(STATES)}, positionMs 0 or more"
        )
        raise SubsonicError(GENERIC, said)
    if kind != MEDIA[0]:
        raise SubsonicError(NOT_FOUND, f"no {kind} has the id {track_id}")
    track = call.song_of(track_id)
    report = Report(
        state, position_ms, _rate(asked.one("playbackRate")), asked.flag("ignoreScrobble") is not True
    )
    if report_playing(call.session, call.user, call.player, track, report):
        set_plays(call.session, {track.id: PlayCount(1, utc_now())}, add=True)
    return {}


def _rate(text: str | None) -> float:
    try:
        rate = float(text or 1.0)
    except ValueError:
        rate = 0.0
    if not LEAST_RATE <= rate <= 1 / LEAST_RATE:
        raise SubsonicError(GENERIC, f"playbackRate is {LEAST_RATE:g} to {1 / LEAST_RATE:g}, not '{text}'")
    return rate


def _time(text: str) -> datetime:
    """Return a time given in milliseconds since 1970; one in the future is now."""
    now, milliseconds = utc_now(), whole("time", text)
    latest = (now + LATEST - datetime(1970, 1, 1)) / timedelta(milliseconds=1)
    if not 0 <= milliseconds <= latest:
        return now
    return datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds)


def star_items(call: PlayerCall) -> Content:
    """Star songs, albums and artists."""
    return _star(call, utc_now())


def unstar_items(call: PlayerCall) -> Content:
    """Take stars away."""
    return _star(call, None)


def _star(call: PlayerCall, when: datetime | None) -> Content:
    for wanted in call.ids("id", "albumId", "artistId"):
        _check_known(call, wanted)
        star(call.session, wanted, when)
    return {}


def set_rating(call: PlayerCall) -> Content:
    """Rate a song, album or artist 1 to 5, or take the rating away with 0."""
    wanted = call.asked.need("id")
    rating = whole("rating", call.asked.need("rating"))
    if not 0 <= rating <= 5:
        raise SubsonicError(GENERIC, "a rating is 0 to 5")
    _check_known(call, wanted)
    rate(call.session, wanted, rating or None)
    return {}


def _check_known(call: PlayerCall, wanted: str) -> None:
    if wanted.startswith("al-"):
        call.album(wanted)
    elif wanted.startswith("ar-"):
        call.artist(wanted)
    else:
        call.song_of(wanted)
