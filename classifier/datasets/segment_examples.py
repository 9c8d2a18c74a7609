"""Segments of labelled songs as what a head is fitted on, and how much each of them counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from classifier.datasets.songs import Song, representative_weights
from classifier.model.linear_head import HeadInput, head_features

Array = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


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
    targets: Indices
    songs: Indices
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
        _, place = np.unique(self.songs, return_inverse=True)
        return np.asarray(emphasis / np.bincount(place, emphasis)[place], np.float64)

    def song_means(self) -> "Examples":
        """Return an example a song, the weighted mean of its segments, in the order of the songs' indices."""
        songs, first, place = np.unique(self.songs, return_index=True, return_inverse=True)
        by_song = np.argsort(place, kind="stable")
        weighted = (self._within_songs()[:, None] * self.features)[by_song]
        means = np.add.reduceat(weighted, np.searchsorted(place[by_song], np.arange(len(songs))))
        return Examples(means.astype(np.float32), self.targets[first], songs)

    def of(self, chosen: npt.NDArray[np.bool_]) -> "Examples":
        """Return some of the segments."""
        emphasis = self.emphasis[chosen] if self.emphasis is not None else None
        return Examples(self.features[chosen], self.targets[chosen], self.songs[chosen], emphasis)


def examples_of(
    songs: Sequence[Song], labels: Sequence[str], head_input: HeadInput, *, representative: bool = False
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
