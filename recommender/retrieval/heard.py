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
    recordings
        Those that are in the index.
    """

    songs: frozenset[Key]
    contents: frozenset[str]
    recordings: Sequence[Recording]

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
        if not self.recordings or not tracks:
            return np.zeros(len(tracks), bool)
        played = np.stack([recording.vector for recording in self.recordings])
        near = np.flatnonzero((played @ vectors.T >= params.MAYBE_SAME).any(axis=1))
        some = [
            Recording(t.id, t.content_hash, t.duration_s, vector, t.artist, t.title)
            for t, vector in zip(tracks, vectors, strict=True)
        ]
        return same_recordings(some, [self.recordings[i] for i in near.tolist()], patches_of) < 0


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
    songs = {song_named(row.artist, row.title) for row in rows} - {None}
    positions = index.track_positions(np.array([row.id for row in rows], np.int64))
    of_id = dict(zip(index.rows.track_ids[positions].tolist(), index.mean_vectors(positions), strict=True))
    return Heard(
        frozenset(key for key in songs if key is not None),
        frozenset(row.content_hash for row in rows if row.content_hash),
        [
            Recording(row.id, row.content_hash, row.duration_s, of_id[row.id], row.artist, row.title)
            for row in rows
            if row.id in of_id
        ],
    )
