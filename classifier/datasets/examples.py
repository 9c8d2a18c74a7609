"""Segments of labelled songs as what a head is fitted on, and how much each of them counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array, Array64, Ints
from classifier.datasets.songs import TrunkSong, representative_weights
from classifier.model.linear_head import HeadInput, head_features


@dataclass(frozen=True)
class Examples:
    """Segments to learn from.

    Attributes
    ----------
    features
        (segments, features) float32.
    targets
        (segments,) label indices.
    songs
        (segments,) index of the song that each belongs to.
    emphasis
        (segments,) how much each counts beside the others of its song; None for alike.
    """

    features: Array
    targets: Ints
    songs: Ints
    emphasis: Array | None = None

    def weights(self) -> Array:
        """Return a weight a segment: songs count alike within a label, and labels alike; mean 1."""
        weights = self._within_songs()
        label_total = np.bincount(self.targets, weights)
        weights = weights / label_total[self.targets]
        return np.asarray(weights * len(weights) / weights.sum(), np.float32)

    def _within_songs(self) -> Array64:
        """Return weights that sum to 1 over each song."""
        emphasis = np.ones(len(self.songs)) if self.emphasis is None else self.emphasis.astype(np.float64)
        _, rows = np.unique(self.songs, return_inverse=True)
        return np.asarray(emphasis / np.bincount(rows, emphasis)[rows], np.float64)

    @cached_property
    def song_means(self) -> "Examples":
        """Return an example a song, the weighted mean of its segments, in the order of the songs' indices."""
        songs, first, rows = np.unique(self.songs, return_index=True, return_inverse=True)
        by_song = np.argsort(rows, kind="stable")
        weighted = (self._within_songs()[:, None] * self.features)[by_song]
        means = np.add.reduceat(weighted, np.searchsorted(rows[by_song], np.arange(len(songs))))
        return Examples(means.astype(np.float32), self.targets[first], songs)

    def of(self, chosen: npt.NDArray[np.bool_]) -> "Examples":
        """Return some of the segments."""
        emphasis = self.emphasis[chosen] if self.emphasis is not None else None
        return Examples(self.features[chosen], self.targets[chosen], self.songs[chosen], emphasis)


def examples_of(
    songs: Sequence[TrunkSong], labels: Sequence[str], head_input: HeadInput, *, representative: bool = False
) -> Examples:
    """Return the segments of songs; `representative`: the more typical of a song count more."""
    sizes = [len(s.embeddings) for s in songs]
    emphasis = (
        [representative_weights(s.embeddings, s.durations_s) for s in songs] if representative else None
    )
    return Examples(
        features=np.concatenate([head_features(head_input, s.tags, s.embeddings) for s in songs]),
        targets=np.repeat([labels.index(s.label) for s in songs], sizes),
        songs=np.repeat(np.arange(len(songs)), sizes),
        emphasis=np.concatenate(emphasis) if emphasis is not None else None,
    )


Patches = npt.NDArray[np.float16] | npt.NDArray[np.float32]


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
    segments: Ints
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
