"""Labelled songs as the musicnn trunk sees them, and whether genres can be learned from some songs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.errors import TrainingDataError

Array = npt.NDArray[np.float32]


class LabelledSong(Protocol):
    """What splits, weights and figures need of a song."""

    @property
    def name(self) -> str:
        """Its path; neighbours in the sorted order may share an artist."""

    @property
    def label(self) -> str:
        """Its genre."""

    @property
    def group(self) -> str | None:
        """Artist, or whatever must not fall on both sides of a split; None where unknown."""

    @property
    def durations_s(self) -> Sequence[float]:
        """(segments,) seconds of its segments that are not silent."""


@dataclass(frozen=True)
class Song:
    """A labelled song as the trunk sees it.

    Attributes
    ----------
    name, label, group, durations_s
        As `LabelledSong` has them.
    embeddings, tags
        (segments, 200) and (segments, 50) of its segments that are not silent.
    """

    name: str
    label: str
    group: str | None
    embeddings: Array
    tags: Array
    durations_s: Sequence[float]


def check_songs(songs: Sequence[LabelledSong]) -> tuple[str, ...]:
    """Return the labels in order, or raise `TrainingDataError` where they cannot be learned."""
    labels = tuple(sorted({s.label for s in songs}))
    if len(labels) < 2:
        found = f"only '{labels[0]}' is there" if labels else "no labelled song is there"
        raise TrainingDataError(f"training needs songs of at least two genres; {found}")
    counts = {label: sum(s.label == label for s in songs) for label in labels}
    lonely = [label for label, count in counts.items() if count < 2]
    if lonely:
        raise TrainingDataError(
            f"training needs at least two songs a genre; only one of: {', '.join(lonely)}"
        )
    return labels


def representative_weights(embeddings: Array, durations_s: Sequence[float]) -> Array:
    """Return how typical of its song each segment is, (segments,) with mean 1.

    The weight is the softmax, over the segments, of the cosine between a segment and the song's mean
    without it; a song of one or two segments has no more typical one.
    """
    n = len(embeddings)
    if n < 3:
        return np.ones(n, np.float32)
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-9)
    weighted = unit * np.asarray(durations_s, np.float32)[:, None]
    others = weighted.sum(axis=0) - weighted
    others /= np.maximum(np.linalg.norm(others, axis=1, keepdims=True), 1e-9)
    cosine = (unit * others).sum(axis=1)
    sharp = np.exp((cosine - cosine.max()) / params.REPRESENTATIVE_WIDTH)
    return np.asarray(sharp * n / sharp.sum(), np.float32)


def most_representative(embeddings: Array, durations_s: Sequence[float]) -> int:
    """Return the index of the segment most typical of its song; the first where none stands out."""
    return int(representative_weights(embeddings, durations_s).argmax())
