"""OpenSubsonic: songs that sound like others, and a walk from one to another.

A player that asks again for songs like the same one is given further songs, as it wants for a radio.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from db.browsing import browse
from db.listening.similar_given import MOST_GIVEN, given_before, key_of, note_given
from db.models import Track
from recommender.errors import QueryError
from recommender.retrieval.discover import walk
from recommender.retrieval.heard import heard_tracks
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
    return {"similarSongs": {"song": _alike(call, "getSimilarSongs")}}


def get_similar_songs2(call: PlayerCall) -> Content:
    """Return the same."""
    return {"similarSongs2": {"song": _alike(call, "getSimilarSongs2")}}


def _alike(call: PlayerCall, endpoint: str) -> list[Shape]:
    count = call.asked.number("count", 50, 0, MOST)
    found = _further(call, endpoint, _seeds(call, call.asked.need("id")), count)
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
        return _spread(browse.album_tracks(call.session, album.names))
    if wanted.startswith("ar-"):
        return browse.artist_tracks(call.session, call.artist(wanted), SEEDS)
    return [call.song_of(wanted)]


def _spread(tracks: Sequence[Track]) -> list[Track]:
    """Return a few of some tracks, evenly spread."""
    n = min(len(tracks), SEEDS)
    return [tracks[i * len(tracks) // n] for i in range(n)]


def _further(call: PlayerCall, endpoint: str, seeds: Sequence[Track], count: int) -> list[Match]:
    """Return the songs that follow those that the same player was given for the same song or songs.

    Where none is left it begins anew, likewise once it was not asked for some hours. The first answer is what
    anybody is given; a version of a song that was given already is passed over.
    """
    asked = key_of(call.user, call.player, endpoint, call.asked.need("id"))
    before = given_before(call.session, asked)
    found = _matches(call, seeds, count, before)
    if before and not found:
        before, found = [], _matches(call, seeds, count)
    if found:
        given = [*before, *(match.track.id for match in found)][-MOST_GIVEN:]
        call.notes.append(partial(note_given, asked=asked, track_ids=given))
    return found


def _matches(call: PlayerCall, seeds: Sequence[Track], count: int, given: Sequence[int] = ()) -> list[Match]:
    """Return the songs that sound like any of some, beside those given; none where they are not analysed."""
    queries = [query for query in (_query(call, track) for track in seeds) if query is not None]
    if not queries or not count:
        return []
    tastes = [1.0] * len(queries) if len(queries) > 1 else None
    held, known = call.held, None
    if given:
        queries[0] = replace(queries[0], excluded=queries[0].excluded | frozenset(given))
        known = heard_tracks(call.session, held.index, given)
    request = ListRequest(n=count, passages=False)
    ranking = similar(call.session, held.index, held.bundle, queries, request, tastes=tastes, known=known)
    return [match for match in ranking.matches if browse.is_playable(match.track)]


def _query(call: PlayerCall, track: Track) -> Query | None:
    try:
        return from_track(call.session, track, call.held.bundle)
    except QueryError:
        return None


def get_sonic_similar_tracks(call: PlayerCall) -> Content:
    """Return songs that sound like a song, the best first, with how much they do."""
    count = call.asked.number("count", 10, 0, MOST)
    found = _further(call, "getSonicSimilarTracks", [call.song()], count)
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
