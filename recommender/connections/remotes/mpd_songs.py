"""Songs as MPD describes them, with the stickers that clients keep of them."""

from datetime import UTC, datetime
from typing import Any, Final

from recommender.connections.remotes.answers import count, number, state_of, time_of
from recommender.connections.values import RemoteSong, SongState

BEST_RATING: Final = 10
"""What clients that rate write at most into the sticker; two a star."""
LOVED: Final = 2
"""Of the sticker 'like': 0 is hated, 1 is nothing."""
NOT_SAID: Final = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
"""When a song was starred, of a player that keeps no time of it."""
STICKERS: Final = ("playCount", "lastPlayed", "rating", "like")


def text_of(value: Any) -> str:
    """Return the first text of a field, of which there may be several."""
    return str(value[0] if isinstance(value, list) and value else value or "")


def song_of(item: dict[str, Any], states: dict[str, dict[str, str]]) -> RemoteSong:
    """Return a song of its database, with what stickers say by its path."""
    path = text_of(item["file"])
    said = states.get(path, {})
    last_played = time_of(said.get("lastPlayed"))
    loved = count(said.get("like")) == LOVED
    artists = item.get("artist") or item.get("albumartist") or ""
    return RemoteSong(
        id=path,
        path=path,
        title=text_of(item.get("title")),
        artist="; ".join(artists) if isinstance(artists, list) else str(artists),
        album=text_of(item.get("album")),
        duration_s=number(item.get("duration") or item.get("time")) or None,
        musicbrainz=text_of(item.get("musicbrainz_trackid")).lower(),
        state=state_of(
            SongState(
                count(said.get("playCount")),
                last_played,
                NOT_SAID if loved else None,
            ),
            number(said.get("rating")),
            BEST_RATING,
        ),
    )
