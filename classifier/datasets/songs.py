"""Labelled songs as the musicnn trunk sees them, and whether genres can be learned from some songs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from classifier import params
from classifier.arrays import Array
from classifier.errors import TrainingDataError
from classifier.genres.label_paths import label_fault


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
class TrunkSong:
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


def check_trainable(songs: Sequence[LabelledSong]) -> tuple[str, ...]:
    """Return the labels in order, or raise `TrainingDataError` unless they can be learned and tested."""
    labels = check_songs(songs)
    check_testable(songs)
    check_features([song for song in songs if isinstance(song, TrunkSong)])
    return labels


def check_songs(songs: Sequence[LabelledSong]) -> tuple[str, ...]:
    """Return the labels in order, or raise `TrainingDataError` where they cannot be learned."""
    labels = tuple(sorted({s.label for s in songs}))
    if len(labels) < 2:
        found = f"only '{labels[0]}' is there" if labels else "no labelled song is there"
        raise TrainingDataError(f"training needs songs of at least two genres; {found}")
    _check_labels(labels)
    counts = {label: sum(s.label == label for s in songs) for label in labels}
    lonely = [label for label, count in counts.items() if count < 2]
    if lonely:
        raise TrainingDataError(
            f"training needs at least two songs a genre; only one of: {', '.join(lonely)}"
        )
    return labels


def _check_labels(labels: Sequence[str]) -> None:
    """Raise unless a bundle may name these."""
    if len(labels) > params.MOST_LABELS:
        raise TrainingDataError(
            f"there are {len(labels):,} genres; at most {params.MOST_LABELS:,} can be learned"
        )
    for label in labels:
        fault = label_fault(label)
        if fault is not None:
            raise TrainingDataError(f"the genre '{label[: params.LONGEST_TEXT]}' has {fault}: no genre may")


def check_testable(songs: Sequence[LabelledSong]) -> None:
    """Raise `TrainingDataError` unless songs of two labels can be tested on artists not learned from."""
    units = label_units([s.label for s in songs], [s.group for s in songs])
    several = sorted(label for label, n in units.items() if n > 1)
    if len(several) < 2:
        found = f"only '{several[0]}' has" if several else "none has"
        raise TrainingDataError(
            "training needs at least two genres with songs by two artists, or nothing could be tested on an "
            f"artist that was not learned from; {found} (the artist is the file's tag, a CSV's column artist "
            "or group, or the folder below the genre's)"
        )


def label_units(labels: Sequence[str], groups: Sequence[str | None]) -> dict[str, int]:
    """Return how many units that a split can tell apart each label has: groups, and songs of none."""
    units: dict[str, set[object]] = defaultdict(set)
    for song, (label, group) in enumerate(zip(labels, groups, strict=True)):
        units[label].add(song if group is None else group)
    return {label: len(found) for label, found in units.items()}


def check_features(songs: Sequence[TrunkSong]) -> None:
    """Raise `TrainingDataError` unless the features of all songs are finite numbers, as many for each."""
    sizes = {song.embeddings.shape[1:] + song.tags.shape[1:] for song in songs}
    if len(sizes) > 1:
        raise TrainingDataError("the songs were analysed by different networks; ingest them again")
    for song in songs:
        if not (np.isfinite(song.embeddings).all() and np.isfinite(song.tags).all()):
            raise TrainingDataError(f"the features of {song.name} are no finite numbers")


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
