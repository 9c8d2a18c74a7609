"""A labelled song as a network trained on spectrograms sees it. No Keras here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Patches = npt.NDArray[np.float16] | npt.NDArray[np.float32]
Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SpectralSong:
    """A labelled song: the patches of its segments that are not silent.

    Attributes
    ----------
    name
        Its path.
    label
        Its genre.
    group
        Artist, or whatever must not fall on both sides of a split; None where unknown.
    patches
        (patches, frames, bands) float16 or float32, perhaps a memory map.
    segments
        (patches,) index of the segment that each patch is from, 0 to segments−1.
    durations_s
        (segments,) seconds.
    segment_weights
        (segments,) how much each counts in training, mean 1; None for all alike.
    """

    name: str
    label: str
    group: str | None
    patches: Patches
    segments: Indices
    durations_s: Sequence[float]
    segment_weights: Array | None = None

    def segment_means(self, of_patches: Array) -> Array:
        """Return the mean over each segment's patches, (patches, n) to (segments, n) float32."""
        sums = np.zeros((len(self.durations_s), of_patches.shape[1]), np.float64)
        np.add.at(sums, self.segments, of_patches)
        counts = np.bincount(self.segments, minlength=len(sums))
        return np.asarray(sums / counts[:, None], np.float32)


def patch_weights(songs: Sequence[SpectralSong], labels: Sequence[str]) -> list[Array]:
    """Return how much each patch counts in training.

    Labels count alike, songs count alike within their label, and a song's patches as their
    segments' weights say.

    Returns
    -------
    list of numpy.ndarray
        (patches,) float32 a song; the mean over all patches is 1.
    """
    per_label = np.bincount([labels.index(s.label) for s in songs], minlength=len(labels))
    shares = []
    for song in songs:
        of_segments = np.ones(len(song.durations_s)) if song.segment_weights is None else song.segment_weights
        weights = np.asarray(of_segments, np.float64)[song.segments]
        shares.append(weights / weights.sum() / per_label[labels.index(song.label)])
    total = sum(float(share.sum()) for share in shares)
    n_patches = sum(len(share) for share in shares)
    return [np.asarray(share * n_patches / total, np.float32) for share in shares]
