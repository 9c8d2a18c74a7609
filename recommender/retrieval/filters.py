"""Filters of lists: years, lengths, plays, artists, genres, tags, tempo, key, energy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from classifier.arrays import Array, Ints, Mask
from classifier.genres.label_paths import ancestors
from classifier.genres.taxonomy import Taxonomy
from classifier.model.bundle import Bundle
from classifier.params import SURE
from db.models import LARGEST, Track
from db.sound.index_rows import index_rows
from db.sound.predictions import song_predictions
from db.tracks import labels_by_id, search_key
from recommender import params
from recommender.errors import FilterError
from recommender.retrieval.index.segment_index import SegmentIndex

SONGS_AT_ONCE = 8192


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
    tags
        All of these, each with a probability of `params.TAG_PRESENT` or more.
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
    not_by
        Artists that are left out.
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

    def __bool__(self) -> bool:
        return self != Filters()

    def passing(self, tracks: str) -> str:
        """Return what the tracks that pass are called: no filter is named that nobody set."""
        if self == Filters():
            return f"analysed {tracks}"
        return f"{tracks} never played" if self == Filters(max_plays=0) else f"{tracks} that pass the filters"


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
    passed[np.searchsorted(ids, [i for i in excluded if _is_among(i, ids)])] = False
    named = by_rows(session, filters)
    if named is not None:
        passed &= np.isin(ids, list(named))
    if filters.tags:
        passed &= by_tags(filters.tags, bundle.tag_names, song_tags(index, bundle))
    if filters.genres:
        _check_genres(session, bundle, filters.genres)
        positions = np.flatnonzero(passed)
        genres = song_genres(session, bundle, ids[positions])
        labels = labels_by_id(session)
        found = by_genres(
            filters.genres,
            bundle.taxonomy,
            genres,
            song_tags(index, bundle)[positions],
            [labels.get(int(i)) for i in ids[positions]],
            are_music(index, bundle, positions),
        )
        passed[positions[~found]] = False
    return np.flatnonzero(passed)


def _is_among(track_id: int, ids: Ints) -> bool:
    """Whether an id is one of some that ascend."""
    place = int(np.searchsorted(ids, track_id))
    return place < len(ids) and bool(ids[place] == track_id)


def song_tags(index: SegmentIndex, bundle: Bundle) -> Array:
    """Return the indexed songs' tags, (tracks, tags), of an empty index too, which knows of none."""
    return index.rows.tags.reshape(len(index.rows.track_ids), len(bundle.tag_names))


def song_genres(session: Session, bundle: Bundle, track_ids: Ints) -> Array:
    """Return the songs' genres, (tracks, labels), of tracks by ascending id: stored, or else computed.

    There are none stored in a home that another version of this program wrote, until it is written to.
    """
    found = song_predictions(session, bundle.bundle_id, track_ids, len(bundle.labels))
    lacking = np.flatnonzero(found.sum(axis=1) == 0)
    found = found.copy() if len(lacking) else found
    for rows in index_rows(session, bundle.trunk_id, track_ids[lacking]) if len(lacking) else ():
        ids, firsts = np.unique(rows.track_ids, return_index=True)
        seconds = rows.durations_s[:, None]
        sums = np.add.reduceat(bundle.genres(rows.tags, rows.embeddings) * seconds, firsts)
        found[np.searchsorted(track_ids, ids)] = sums / np.add.reduceat(seconds, firsts)
    return found


def are_music(index: SegmentIndex, bundle: Bundle, positions: Ints | None = None) -> Mask:
    """Return which indexed songs, of some or of all, are music; all are for a bundle without a detector."""
    means = index.rows.means if positions is None else index.rows.means[positions]
    if bundle.calibration is None or not len(means):
        return np.ones(len(means), np.bool_)
    blocks = np.array_split(means, -(-len(means) // SONGS_AT_ONCE))
    return ~np.concatenate([bundle.calibration.not_music_songs(block) for block in blocks])


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
    if not conditions and not filters.not_by:
        return None
    rows = session.execute(select(Track.id, Track.artist).where(*conditions))
    left_out = {search_key(artist) for artist in filters.not_by} - {""}
    return {row.id for row in rows if search_key(row.artist) not in left_out}


def _within(column: Any, wanted: Range | None) -> list[Any]:
    """Return the conditions that a value is known and in a range; none where there is no range."""
    if wanted is None:
        return []
    ends = [column >= wanted.low] if wanted.low is not None else []
    return [*ends, *([column <= wanted.high] if wanted.high is not None else []), column.is_not(None)]


def by_tags(wanted: Sequence[str], names: Sequence[str], tags: Array) -> Mask:
    """Return which songs have all the tags, (tracks,).

    Parameters
    ----------
    wanted
        Names, in any case.
    names, tags
        The trunk's tags, and the songs' probabilities, (tracks, tags).

    Raises
    ------
    FilterError
        If the trunk has no such tag.
    """
    passed = np.ones(len(tags), bool)
    columns = {name.casefold(): position for position, name in enumerate(names)}
    for name in wanted:
        if name.casefold() not in columns:
            raise FilterError(f"no tag is called '{name}'; there are: {', '.join(names) or 'none'}")
        passed &= tags[:, columns[name.casefold()]] >= params.TAG_PRESENT
    return passed


def by_genres(
    wanted: Sequence[str],
    taxonomy: Taxonomy,
    genres: Array,
    tags: Array,
    labels: Sequence[str | None],
    music: Mask,
) -> Mask:
    """Return which songs are of one of the genres, (tracks,).

    Parameters
    ----------
    wanted
        Nodes of the hierarchy, whole paths or last names, or labels of the user's own; in any case.
    taxonomy, genres, tags
        The bundle's hierarchy, and the songs' probabilities, (tracks, labels) and (tracks, tags).
    labels
        (tracks,) the user's.
    music
        (tracks,) whether they are music: what is not is of no genre of the model's.
    """
    asked = [name.casefold() for name in wanted]
    own = {label for label in set(labels) if label and _is_one(_with_above(label), asked)}
    passed = np.array([label in own for label in labels], bool)
    for path, p in taxonomy.node_columns(genres, tags).items():
        if _is_one([path], asked):
            passed |= (p >= SURE) & music
    return passed


def count_genres(session: Session, index: SegmentIndex, bundle: Bundle) -> dict[str, int]:
    """Return how many songs pass the filter of each genre and label that there are, by its whole path."""
    ids, tags = index.rows.track_ids, song_tags(index, bundle)
    genres = song_genres(session, bundle, ids)
    labels = labels_by_id(session)
    music = are_music(index, bundle)
    masks = {path: (p >= SURE) & music for path, p in bundle.taxonomy.node_columns(genres, tags).items()}
    own: dict[str, list[int]] = {}
    for position, track_id in enumerate(ids.tolist()):
        for path in _with_above(labels[track_id]) if labels.get(track_id) else ():
            own.setdefault(path, []).append(position)
    for path, positions in own.items():
        masks[path] = masks.get(path, np.zeros(len(ids), bool)).copy()
        masks[path][positions] = True
    by_name: dict[str, list[Mask]] = {}
    for path, mask in masks.items():
        for name in {path.casefold(), path.casefold().rpartition("/")[2]}:
            by_name.setdefault(name, []).append(mask)
    return {path: int(np.any(by_name[path.casefold()], axis=0).sum()) for path in masks}


def count_tags(index: SegmentIndex, bundle: Bundle) -> dict[str, int]:
    """Return how many songs have each of the trunk's tags."""
    counts = (song_tags(index, bundle) >= params.TAG_PRESENT).sum(axis=0)
    return dict(zip(bundle.tag_names, counts.tolist(), strict=True))


def known_genres(session: Session, bundle: Bundle) -> set[str]:
    """Return the whole paths of the hierarchy's nodes, and of the catalogue's labels with those above."""
    n_labels, n_tags = len(bundle.labels), len(bundle.tag_names)
    known = set(bundle.taxonomy.node_probabilities(np.full(n_labels, 1 / n_labels), np.zeros(n_tags)))
    for label in session.scalars(select(Track.label).where(Track.label.is_not(None)).distinct()):
        known.update(_with_above(label or ""))
    return known


def _check_genres(session: Session, bundle: Bundle, wanted: Sequence[str]) -> None:
    """Raise `FilterError` for a genre that neither the hierarchy nor any label of the catalogue has."""
    known = known_genres(session, bundle)
    for name in wanted:
        if not any(_names(path, name.casefold()) for path in known):
            raise FilterError(f"no genre is called '{name}'; there are: {', '.join(sorted(known)) or 'none'}")


def _is_one(paths: Sequence[str], asked: Sequence[str]) -> bool:
    return any(_names(path, name) for path in paths for name in asked)


def _with_above(label: str) -> list[str]:
    """Return a label and the nodes above it."""
    return [*ancestors(label), label]


def _names(path: str, asked: str) -> bool:
    return path.casefold() == asked or path.casefold().rpartition("/")[2] == asked
