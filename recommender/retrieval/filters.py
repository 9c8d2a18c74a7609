"""Filters of lists: years, lengths, plays, artists, albums, tempo, key, energy, and what the model says."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from classifier.arrays import Ints, Mask
from classifier.model.bundle import Bundle
from db.browsing.song_albums import without_disc
from db.models import LARGEST, Track
from db.tracks import labels_by_id, search_key
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.sound_filters import (
    Voice,
    are_music,
    by_genres,
    by_moods,
    by_tags,
    by_voice,
    check_genres,
    least_of,
    song_genres,
    song_tags,
)

UNRELATED: Final = 0.0
"""Songs of this score or less sound unrelated."""


@dataclass(frozen=True)
class Range:
    """From one number to another, both included; None leaves an end open."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Filters:
    """The filters of a list; a track must pass all of them.

    Attributes
    ----------
    genres
        One of these, by the model or by the user's own label, each name standing for all below it. What is
        not music is of none of the model's.
    tags, moods
        All of these, each with a probability of `params.TAG_PRESENT` or more; moods are the tags that the
        bundle calls so. What is not music has none.
    voice
        Whether it is to be sung or instrumental; what is not music is neither.
    years, duration_s, energy
        A track of unknown year or length, or of no energy yet, is left out.
    tempo_bpm
        Of the tempo, its half or its double: listeners do not agree on which of them it is.
    keys
        One of these, names of `classifier.measures.key.KEYS`.
    max_plays
        Not played more often.
    not_played_since
        Last played before this moment (UTC), or never.
    not_by, not_on
        Artists, and names of albums, that are left out.
    """

    genres: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    years: Range | None = None
    duration_s: Range | None = None
    max_plays: int | None = None
    not_played_since: datetime | None = None
    not_by: frozenset[str] = frozenset()
    tempo_bpm: Range | None = None
    keys: tuple[str, ...] = ()
    energy: Range | None = None
    moods: tuple[str, ...] = ()
    voice: Voice | None = None
    not_on: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self != Filters()

    @property
    def narrow(self) -> bool:
        """Whether they say what the songs are to be, not only how often they were played, or by whom not."""
        return replace(self, max_plays=None, not_played_since=None, not_by=frozenset()) != Filters()

    @property
    def floor(self) -> float:
        """Return the score that songs are above: where filters narrow a list, none sounds unrelated."""
        return UNRELATED if self.narrow else -np.inf

    @property
    def of_sound(self) -> "Filters":
        """Return those alone that ask the model, which knows analysed tracks only."""
        return Filters(genres=self.genres, tags=self.tags, moods=self.moods, voice=self.voice)

    def passing(self, tracks: str) -> str:
        """Return what the tracks that pass are called: no filter is named that nobody set."""
        if self == Filters():
            return f"analysed {tracks}"
        if self == Filters(max_plays=0):
            return f"{tracks} never played"
        return f"{tracks} that {'passes' if tracks == 'track' else 'pass'} the filters"


def allowed_positions(
    session: Session, index: SegmentIndex, bundle: Bundle, filters: Filters, excluded: frozenset[int]
) -> Ints:
    """Return the positions of the tracks that pass the filters, ascending, the excluded left out.

    Raises
    ------
    FilterError
        If a filter names what does not exist.
    """
    ids = index.rows.track_ids
    passed = np.ones(len(ids), bool)
    passed[index.track_positions(np.fromiter(excluded, np.int64, len(excluded)))] = False
    named = by_rows(session, filters)
    if named is not None:
        passed &= np.isin(ids, list(named))
    if filters.of_sound:
        passed &= _by_sound(session, index, bundle, filters, passed)
    return np.flatnonzero(passed)


def ids_passing(
    session: Session, index: SegmentIndex, bundle: Bundle, filters: Filters
) -> frozenset[int] | None:
    """Return the ids of the tracks that pass the filters, analysed or not; None for all.

    Raises
    ------
    FilterError
        If a filter names what does not exist.
    """
    if not filters.of_sound:
        named = by_rows(session, filters)
        return None if named is None else frozenset(named)
    positions = allowed_positions(session, index, bundle, filters, frozenset())
    return frozenset(index.rows.track_ids[positions].tolist())


def _by_sound(session: Session, index: SegmentIndex, bundle: Bundle, filters: Filters, among: Mask) -> Mask:
    """Return which songs, of some, pass the filters that ask the model, (tracks,)."""
    if filters.genres:
        check_genres(session, bundle, filters.genres)
    positions = np.flatnonzero(among)
    music, tags = are_music(index, bundle, positions), song_tags(index, bundle)[positions]
    found = np.ones(len(positions), np.bool_)
    if filters.tags:
        found &= by_tags(filters.tags, bundle.tag_names, tags) & music
    if filters.moods:
        found &= by_moods(filters.moods, bundle, tags) & music
    if filters.voice is not None:
        found &= by_voice(filters.voice, bundle, tags) & music
    if filters.genres:
        ids = index.rows.track_ids[positions]
        genres, labels = song_genres(session, bundle, ids), labels_by_id(session)
        own = [labels.get(int(i)) for i in ids]
        found &= by_genres(filters.genres, bundle.taxonomy, genres, tags, own, music, least_of(bundle))
    passed = np.zeros(len(among), np.bool_)
    passed[positions[found]] = True
    return passed


def by_rows(session: Session, filters: Filters) -> set[int] | None:
    """Return the ids of the tracks that pass the filters on the catalogue's columns; None for all."""
    conditions: list[Any] = []
    for column, wanted in (
        (Track.year, filters.years),
        (Track.duration_s, filters.duration_s),
        (Track.energy, filters.energy),
    ):
        conditions += _within(column, wanted)
    if filters.tempo_bpm is not None:
        tempi = (Track.tempo_bpm, Track.tempo_bpm / 2, Track.tempo_bpm * 2)
        conditions.append(or_(*(and_(*_within(tempo, filters.tempo_bpm)) for tempo in tempi)))
    if filters.keys:
        conditions.append(Track.key.in_(filters.keys))
    if filters.max_plays is not None:
        conditions.append(Track.plays <= min(filters.max_plays, LARGEST))
    if filters.not_played_since is not None:
        conditions.append(or_(Track.last_played.is_(None), Track.last_played < filters.not_played_since))
    if not conditions and not filters.not_by and not filters.not_on:
        return None
    rows = session.execute(select(Track.id, Track.artist, Track.album).where(*conditions))
    artists, albums = (
        {search_key(name) for name in some} - {""} for some in (filters.not_by, filters.not_on)
    )
    return {
        row.id
        for row in rows
        if not (artists and search_key(row.artist) in artists)
        and not (albums and not albums.isdisjoint((search_key(row.album), without_disc(row.album))))
    }


def _within(column: Any, wanted: Range | None) -> list[Any]:
    """Return the conditions that a value is known and in a range; none where there is no range."""
    if wanted is None:
        return []
    ends = [column >= wanted.low] if wanted.low is not None else []
    return [*ends, *([column <= wanted.high] if wanted.high is not None else []), column.is_not(None)]
