"""What a radio plays songs like: the tracks that a song, artist, genre, decade, list or one's taste means."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.listening.playlists import get_playlist, playlist_tracks
from db.listening.shortlists import get_shortlist, shortlist_entries
from db.models import LARGEST, Track
from db.tracks import search_key
from recommender import params
from recommender.errors import QueryError
from recommender.retrieval.discover import tastes_of
from recommender.retrieval.filters import Filters, Range, allowed_positions
from recommender.retrieval.index.segment_index import SegmentIndex

KINDS: Final = ("song", "artist", "genre", "decade", "playlist", "shortlist", "taste")
MOST_SEEDS: Final = 50
"""A genre, a decade or a long list is represented by so many of its songs, evenly spread."""


def seed_tracks(
    session: Session, index: SegmentIndex, bundle: Bundle, kind: str, seed: str
) -> tuple[str, list[int]]:
    """Return what a seed is called, and the ids of the indexed tracks that it means.

    Raises
    ------
    QueryError
        If it means none.
    """
    name, ids = _MEANT[kind](session, index, bundle, seed)
    wanted = np.array(list(dict.fromkeys(ids)), np.int64)
    there = wanted[np.isin(wanted, index.rows.track_ids)].tolist()
    if not there:
        raise QueryError(f"no analysed song is of the {kind} '{seed}'")
    return name, _spread(there)


def _spread(ids: Sequence[int]) -> list[int]:
    n = min(len(ids), MOST_SEEDS)
    return [ids[i * len(ids) // n] for i in range(n)]


def _number(seed: str) -> int:
    """Return the number that a seed is, or 0."""
    return int(seed) if seed.isascii() and seed.isdigit() and int(seed) <= LARGEST else 0


def _song(session: Session, _i: SegmentIndex, _b: Bundle, seed: str) -> tuple[str, list[int]]:
    track = session.get(Track, _number(seed))
    if track is None:
        raise QueryError(f"no track has the id {seed}")
    return " - ".join(filter(None, (track.artist, track.title))) or track.rel_path, [track.id]


def _artist(session: Session, _i: SegmentIndex, _b: Bundle, seed: str) -> tuple[str, list[int]]:
    key = search_key(seed)
    rows = session.execute(select(Track.id, Track.artist).where(Track.artist != "").order_by(Track.id))
    found = [(track_id, artist) for track_id, artist in rows if search_key(artist) == key]
    return (found[0][1] if found else seed), [track_id for track_id, _ in found]


def _genre(session: Session, index: SegmentIndex, bundle: Bundle, seed: str) -> tuple[str, list[int]]:
    return seed, _passing(session, index, bundle, Filters(genres=(seed,)))


def _decade(session: Session, index: SegmentIndex, bundle: Bundle, seed: str) -> tuple[str, list[int]]:
    year = _number(seed.removesuffix("s")) // 10 * 10
    if not 1000 <= year <= 9990:
        raise QueryError(f"{seed} is no decade; write 1990s or 1990")
    return f"{year}s", _passing(session, index, bundle, Filters(years=Range(year, year + 9)))


def _passing(session: Session, index: SegmentIndex, bundle: Bundle, filters: Filters) -> list[int]:
    positions = allowed_positions(session, index, bundle, filters, frozenset())
    return [int(i) for i in index.rows.track_ids[positions]]


def _playlist(session: Session, _i: SegmentIndex, _b: Bundle, seed: str) -> tuple[str, list[int]]:
    found = get_playlist(session, _number(seed))
    if found is None:
        raise QueryError(f"no playlist has the id {seed}")
    return found.name, [track.id for track in playlist_tracks(session, found)]


def _shortlist(session: Session, _i: SegmentIndex, _b: Bundle, seed: str) -> tuple[str, list[int]]:
    found = get_shortlist(session, _number(seed))
    if found is None:
        raise QueryError(f"no shortlist has the id {seed}")
    return found.name, [entry.track_id for entry in shortlist_entries(session, found)]


def _taste(session: Session, index: SegmentIndex, bundle: Bundle, _seed: str) -> tuple[str, list[int]]:
    played = tastes_of(session, index, bundle.trunk_id, params.SEEDS)
    return "what you play most", [track.id for track in played]


_MEANT: Final = {
    "song": _song,
    "artist": _artist,
    "genre": _genre,
    "decade": _decade,
    "playlist": _playlist,
    "shortlist": _shortlist,
    "taste": _taste,
}
