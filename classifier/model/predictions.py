"""What the trunk says of a file, as data; cheap to import."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array
from classifier.measures.measure import UNKNOWN, Measures


@dataclass(frozen=True)
class SegmentAnalysis:
    """What the trunk says of one segment.

    Attributes
    ----------
    start_s, end_s
        Its start and end in the track, in seconds.
    level_dbfs
        Its level before scaling.
    tags, embedding
        (tags,) probabilities and (dimensions,) embedding, float32; None where the segment is silent.
        The shipped trunk has 50 and 200; a trunk may have no tags.
    patches
        (patches, dimensions) patch embeddings, float16: a long file has many; None where silent.
    measures
        Tempo, key, loudness and energy; all unknown where silent.
    """

    start_s: float
    end_s: float
    level_dbfs: float
    tags: Array | None
    embedding: Array | None
    patches: npt.NDArray[np.float16] | None
    measures: Measures = UNKNOWN

    @property
    def silent(self) -> bool:
        """Whether the segment was under the silence threshold and has no features."""
        return self.embedding is None

    @property
    def duration_s(self) -> float:
        """Length, in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class TrackAnalysis:
    """What the trunk says of a file.

    Attributes
    ----------
    duration_s
        Decoded length, in seconds.
    segments
        In order; at least one of them is not silent.
    warnings
        Plain sentences about what was wrong with the file.
    stage_s
        Seconds spent in each stage: ``decode``, ``mel`` with what is measured, ``network``.
    measures
        Tempo, key, loudness and energy of the whole.
    """

    duration_s: float
    segments: list[SegmentAnalysis]
    warnings: list[str]
    stage_s: dict[str, float] = field(default_factory=dict)
    measures: Measures = UNKNOWN

    def features(self) -> tuple[Array, Array, list[float]]:
        """Return tags (n, tags), embeddings (n, dimensions) and seconds (n) of the n segments not silent."""
        audible = [s for s in self.segments if s.tags is not None and s.embedding is not None]
        tags = np.stack([s.tags for s in audible if s.tags is not None])
        embeddings = np.stack([s.embedding for s in audible if s.embedding is not None])
        return tags, embeddings, [s.duration_s for s in audible]


def song_mean(values: Array, durations_s: Sequence[float]) -> Array:
    """Return the duration-weighted mean of (segments, n) values, (n,) float32."""
    weights = np.asarray(durations_s, np.float64)
    return np.asarray(weights @ values / weights.sum(), np.float32)
