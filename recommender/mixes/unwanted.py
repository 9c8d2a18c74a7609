"""What mixes leave out: songs that less is wanted like, and songs that sound like them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from classifier.arrays import Array, Ints, Mask


def no_vectors() -> Array:
    """Return an empty matrix."""
    return np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class Unwanted:
    """Songs that less is wanted like.

    Attributes
    ----------
    ids
        Of tracks.
    vectors
        (songs, dimensions) of those that are analysed, centred and of length 1.
    """

    ids: frozenset[int] = frozenset()
    vectors: Array = field(default_factory=no_vectors)

    def likeness(self, vectors: Array) -> Array:
        """Return how much some songs are like the nearest of them, (tracks,) from 0 on."""
        if not len(self.vectors) or not len(vectors):
            return np.zeros(len(vectors), np.float32)
        return np.asarray(np.maximum((vectors @ self.vectors.T).max(axis=1), 0), np.float32)

    def shuts_out(self, track_ids: Iterable[int], vectors: Array, likeness: Array) -> Mask:
        """Return which songs are left out, (tracks,).

        Parameters
        ----------
        track_ids, vectors
            Of the songs.
        likeness
            (tracks,) to what speaks for them: a song is left out that is more like an unwanted one.
        """
        themselves = np.array([int(track_id) in self.ids for track_id in track_ids], bool)
        if not len(self.vectors):
            return themselves
        return np.asarray(themselves | (self.likeness(vectors) > likeness))


def unwanted_among(unwanted: Iterable[int], track_ids: Ints, vectors: Array) -> Unwanted:
    """Return what is unwanted, with the vectors of those that are among some tracks.

    Parameters
    ----------
    unwanted
        Ids.
    track_ids, vectors
        (tracks,) ascending, and (tracks, dimensions).
    """
    ids = frozenset(unwanted)
    return Unwanted(ids, vectors[np.isin(track_ids, sorted(ids))])
