"""OpenSubsonic: songs that sound like others, and a walk from one to another."""

from collections.abc import Sequence

import numpy as np

from db.browsing import browse
from db.models import Track
from recommender.errors import QueryError
from recommender.retrieval.discover import walk
from recommender.retrieval.index.scoring import song_scores
from recommender.retrieval.query import Query, from_track
from recommender.retrieval.ranking import similarity as as_similarity
from recommender.retrieval.request import ListRequest
from recommender.retrieval.similar import Match, similar
from recommender.service.subsonic.context import Content, PlayerCall
from recommender.service.subsonic.serializers import Shape

MOST = 500
"""Songs that are like others, in one answer."""
SEEDS = 5
"""An artist or album is represented by so many of its songs."""
MOST_ARTISTS = 50
SONGS_AN_ARTIST = 3
"""So many similar songs are looked at for each artist that is asked for."""


def get_similar_songs(call: PlayerCall) -> Content:
    """Return songs that sound like a song, or like those of an album or artist."""
    return {"similarSongs": {"song": _alike(call)}}


def get_similar_songs2(call: PlayerCall) -> Content:
    """Return the same."""
    return {"similarSongs2": {"song": _alike(call)}}


def _alike(call: PlayerCall) -> list[Shape]:
    count = call.asked.number("count", 50, 0, MOST)
    found = _matches(call, _seeds(call, call.asked.need("id")), count)
    return call.shapes.songs([match.track for match in found])


def get_artist_info(call: PlayerCall) -> Content:
    """Return artists whose songs sound like those of an artist, or of a song's or album's."""
    return {"artistInfo": {"similarArtist": _artists_alike(call)}}


def get_artist_info2(call: PlayerCall) -> Content:
    """Return the same."""
    return {"artistInfo2": {"similarArtist": _artists_alike(call)}}


def _artists_alike(call: PlayerCall) -> list[Shape]:
    seeds = _seeds(call, call.asked.need("id"))
    count = call.asked.number("count", 20, 0, MOST_ARTISTS)
    own = {name for track in seeds for name in (track.artist, track.album_artist)} | {""}
    found = _matches(call, seeds, SONGS_AN_ARTIST * count)
    names = list(dict.fromkeys(match.track.artist for match in found if match.track.artist not in own))
    known = browse.artists(call.session)
    return call.shapes.artists([(name, known[name]) for name in names[:count]])


def _seeds(call: PlayerCall, wanted: str) -> list[Track]:
    if wanted.startswith("al-"):
        album = call.album(wanted)
        return _spread(browse.album_tracks(call.session, album.artist, album.name))
    if wanted.startswith("ar-"):
        return browse.artist_tracks(call.session, call.artist(wanted), SEEDS)
    return [call.song_of(wanted)]


def _spread(tracks: Sequence[Track]) -> list[Track]:
    """Return a few of some tracks, evenly spread."""
    n = min(len(tracks), SEEDS)
    return [tracks[i * len(tracks) // n] for i in range(n)]


def _matches(call: PlayerCall, seeds: Sequence[Track], count: int) -> list[Match]:
    """Return the songs that sound like any of some; none where they are not analysed."""
    queries = [query for query in (_query(call, track) for track in seeds) if query is not None]
    if not queries or not count:
        return []
    tastes = [1.0] * len(queries) if len(queries) > 1 else None
    held = call.held
    ranking = similar(
        call.session, held.index, held.bundle, queries, ListRequest(n=count, passages=False), tastes=tastes
    )
    return [match for match in ranking.matches if browse.is_playable(match.track)]


def _query(call: PlayerCall, track: Track) -> Query | None:
    try:
        return from_track(call.session, track, call.held.bundle)
    except QueryError:
        return None


def get_sonic_similar_tracks(call: PlayerCall) -> Content:
    """Return songs that sound like a song, the best first, with how much they do."""
    found = _matches(call, [call.song()], call.asked.number("count", 10, 0, MOST))
    return _sonic(call, [(match.track, match.similarity) for match in found])


def find_sonic_path(call: PlayerCall) -> Content:
    """Return a walk from one song to another in small steps, both included, with likeness to the first."""
    ends = (call.song("startSongId"), call.song("endSongId"))
    count = call.asked.number("count", 25, 0, MOST)
    queries = [query for query in (_query(call, track) for track in ends) if query is not None]
    if len(queries) < len(ends) or not count:
        return _sonic(call, [])
    if ends[0].id == ends[1].id or queries[1].track_id in queries[0].excluded:
        return _sonic(call, [(track, 1.0) for track in dict.fromkeys(ends)][:count])
    held = call.held
    try:
        steps = walk(
            call.session, held.index, held.bundle, (queries[0], queries[1]), max(2, count), ListRequest()
        )
    except QueryError:  # one is not in the index yet, or no more
        return _sonic(call, [])
    tracks = [step.track for step in steps if browse.is_playable(step.track)]
    return _sonic(call, list(zip(tracks, _likeness(call, queries[0], tracks), strict=True))[:count])


def _likeness(call: PlayerCall, start: Query, tracks: Sequence[Track]) -> list[float]:
    """Return how much the songs of a walk sound like its first, 0..1."""
    index = call.held.index
    positions = np.concatenate([index.track_positions(np.array([track.id])) for track in tracks])
    vectors, starts, _ = index.vectors_of(positions)
    scores = song_scores(index.centred(start.units), vectors, starts)
    same = [track.id in start.excluded for track in tracks]
    return [1.0 if own else as_similarity(float(score)) for own, score in zip(same, scores, strict=True)]


def _sonic(call: PlayerCall, found: Sequence[tuple[Track, float]]) -> Content:
    songs = call.shapes.songs([track for track, _ in found])
    scores = [round(score, 6) for _, score in found]
    return {
        "sonicMatch": [
            {"entry": song, "similarity": score} for song, score in zip(songs, scores, strict=True)
        ]
    }
