"""What is stored of the sound of tracks, in files mapped into memory: any number of processes have it once.

SQLite is the truth: the files are made from it, and what it knows better of a track is not read here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array, Ints, Mask
from db.sound.features import TrackFeatures
from db.sound.patches import Patches


@dataclass(frozen=True)
class SoundArrays:
    """The arrays of many tracks, those of a track side by side.

    Attributes
    ----------
    track_ids, stamps
        (tracks,) ascending, and what shows which was analysed again; see `db.sound.index_rows`.
    firsts, patch_firsts
        (tracks + 1,) where the segments and the patches of each begin.
    segment_ids, starts_s, durations_s
        (segments,).
    embeddings, tags, genres
        (segments, dimensions), (segments, tags) and (segments, labels).
    predicted
        (tracks,) whether the genres of all its segments are stored.
    patch_starts_s, patches
        (patches,) and (patches, dimensions), as half floats.
    song_genres
        (tracks, labels) of the whole songs.
    """

    track_ids: Ints
    stamps: Ints
    firsts: Ints
    patch_firsts: Ints
    segment_ids: Ints
    starts_s: npt.NDArray[np.float64]
    durations_s: npt.NDArray[np.float64]
    embeddings: Array
    tags: Array
    genres: Array
    predicted: Mask
    patch_starts_s: Array
    patches: npt.NDArray[np.float16]
    song_genres: Array

    @classmethod
    def of(cls, arrays: dict[str, npt.NDArray[Any]]) -> "SoundArrays":
        """Return the arrays of some names; `KeyError` where one is lacking."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})


class MappedSound:
    """Answers for the catalogue of those tracks whose arrays are as they are in it (`db.kept.TrackArrays`).

    Parameters
    ----------
    arrays
        Of a trunk and a bundle, whose ids follow.
    patch_s
        Length of the trunk's patches, in seconds.
    fresh
        (tracks,) which are as in the catalogue.
    """

    def __init__(
        self, arrays: SoundArrays, trunk_id: str, bundle_id: str, patch_s: float, fresh: Mask
    ) -> None:
        self._arrays, self._trunk_id, self._bundle_id = arrays, trunk_id, bundle_id
        self._patch_s, self._fresh = patch_s, fresh
        self._all_fresh = bool(fresh.all() and arrays.predicted.all())

    def _places(self, track_ids: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Yield those of some tracks that are fresh, and where they are."""
        known = self._arrays.track_ids
        places = np.searchsorted(known, np.array(track_ids, np.int64)).tolist()
        for track_id, place in zip(track_ids, places, strict=True):
            if place < len(known) and known[place] == track_id and self._fresh[place]:
                yield track_id, place

    def features_of(self, track_ids: Sequence[int], trunk_id: str) -> dict[int, TrackFeatures]:
        """Return the features of those tracks that are here, by track."""
        if trunk_id != self._trunk_id:
            return {}
        arrays, found = self._arrays, {}
        for track_id, place in self._places(track_ids):
            own = slice(int(arrays.firsts[place]), int(arrays.firsts[place + 1]))
            found[track_id] = TrackFeatures(
                arrays.segment_ids[own].tolist(),
                arrays.starts_s[own].tolist(),
                arrays.durations_s[own].tolist(),
                arrays.embeddings[own],
                arrays.tags[own],
            )
        return found

    def track_patches(self, track_ids: Sequence[int], trunk_id: str, patch_s: float) -> dict[int, Patches]:
        """Return the patches of those tracks that are here, by track."""
        if trunk_id != self._trunk_id or patch_s != self._patch_s:
            return {}
        arrays, found = self._arrays, {}
        for track_id, place in self._places(track_ids):
            own = slice(int(arrays.patch_firsts[place]), int(arrays.patch_firsts[place + 1]))
            found[track_id] = Patches(arrays.patch_starts_s[own], arrays.patches[own].astype(np.float32))
        return found

    def tracks_predictions(
        self, track_ids: Sequence[int], bundle_id: str
    ) -> dict[int, tuple[list[float], Array]]:
        """Return the genres of the segments of those tracks that are here, by track."""
        if bundle_id != self._bundle_id:
            return {}
        arrays, found = self._arrays, {}
        for track_id, place in self._places(track_ids):
            if arrays.predicted[place]:
                own = slice(int(arrays.firsts[place]), int(arrays.firsts[place + 1]))
                found[track_id] = (arrays.durations_s[own].tolist(), arrays.genres[own])
        return found

    def song_predictions(self, bundle_id: str, track_ids: Ints) -> Array | None:
        """Return the genres of whole songs, where all that are asked for are here."""
        known = self._arrays.track_ids
        if bundle_id != self._bundle_id or not self._all_fresh or not len(known):
            return None
        places = np.minimum(np.searchsorted(known, track_ids), len(known) - 1)
        return self._arrays.song_genres[places] if np.array_equal(known[places], track_ids) else None
