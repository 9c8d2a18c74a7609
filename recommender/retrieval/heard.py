"""Songs that were heard under another name: other files, versions and cuts of what was played."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from classifier.arrays import Array
from db.models import LARGEST, Track
from db.rows import rows_by_ids
from recommender import params
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.same_recordings import PatchesOf, Recording, same_recordings
from recommender.song_titles import Key, song_named

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Heard:
    """What was played more than so often, by its tags, its audio and its sound.

    Attributes
    ----------
    songs
        The songs that their tags name, the same for all versions.
    contents
        Hashes of their audio.
    rows, vectors
        The tracks of them that are in the index, and (tracks, dimensions) their mean centred vectors.
    """

    songs: frozenset[Key]
    contents: frozenset[str]
    rows: Sequence[Any]
    vectors: Array

    def among(self, tracks: Sequence[Track], vectors: Array, patches_of: PatchesOf) -> Mask:
        """Return which of some tracks are such a song, another version of it, or another file, (tracks,).

        Parameters
        ----------
        tracks
            Of the catalogue.
        vectors
            (tracks, dimensions), their mean centred vectors, of length 1.
        patches_of
            Reads patches by track id; asked only for pairs that might be the same.
        """
        named = [
            song_named(t.artist, t.title) in self.songs or (t.content_hash or "") in self.contents
            for t in tracks
        ]
        return np.array(named, bool) | self._sound_alike(tracks, vectors, patches_of)

    def _sound_alike(self, tracks: Sequence[Track], vectors: Array, patches_of: PatchesOf) -> Mask:
        if not len(self.rows) or not tracks:
            return np.zeros(len(tracks), bool)
        near = np.flatnonzero((self.vectors @ vectors.T).max(axis=1) >= params.MAYBE_SAME)
        some = _recordings(tracks, vectors)
        heard_near = _recordings([self.rows[i] for i in near.tolist()], self.vectors[near])
        return same_recordings(some, heard_near, patches_of) < 0


def _recordings(rows: Sequence[Any], vectors: Array) -> list[Recording]:
    return [
        Recording(row.id, row.content_hash, row.duration_s, vector, row.artist, row.title)
        for row, vector in zip(rows, vectors, strict=True)
    ]


def heard(session: Session, index: SegmentIndex, max_plays: int) -> Heard:
    """Return the songs of the catalogue that were played more often than `max_plays`, missing ones too."""
    return _heard(index, _rows(session, Track.plays > min(max_plays, LARGEST)))


def heard_tracks(session: Session, index: SegmentIndex, track_ids: Sequence[int]) -> Heard:
    """Return some songs of the catalogue as songs that were heard."""
    rows = rows_by_ids(session, list(dict.fromkeys(track_ids)))
    return _heard(index, [rows[i] for i in sorted(rows)])


def _rows(session: Session, condition: ColumnElement[bool]) -> Sequence[Any]:
    columns = (Track.id, Track.content_hash, Track.duration_s, Track.artist, Track.title)
    return session.execute(select(*columns).where(condition).order_by(Track.id)).all()


def _heard(index: SegmentIndex, rows: Sequence[Any]) -> Heard:
    """Return songs as heard; their rows are in the order of their ids."""
    songs = {song_named(row.artist, row.title) for row in rows} - {None}
    ids = np.array([row.id for row in rows], np.int64)
    positions = index.track_positions(ids)
    held = np.searchsorted(ids, index.rows.track_ids[positions]).tolist()
    return Heard(
        frozenset(key for key in songs if key is not None),
        frozenset(row.content_hash for row in rows if row.content_hash),
        [rows[i] for i in held],
        index.mean_vectors(positions),
    )
