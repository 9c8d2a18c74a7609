"""Audio files to tags, genres and embeddings, through ONNX Runtime.

Neither TensorFlow nor librosa is imported here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt
import onnxruntime

from classifier.bundle import Bundle
from classifier.decode import DecodeReport, stream_mono
from classifier.errors import SilentError
from classifier.frontend import log_mel, to_reference_level
from classifier.segments import Segment, iter_segments, patch_starts

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SegmentAnalysis:
    """What the trunk says of one segment.

    Attributes
    ----------
    start_s, end_s
        Its place in the track, in seconds.
    level_dbfs
        Its level before scaling.
    tags, embedding
        (50,) probabilities and (200,) embedding, float32; None where the segment is silent.
    patches
        (patches, 200) patch embeddings, float16: a long file has many; None where silent.
    """

    start_s: float
    end_s: float
    level_dbfs: float
    tags: Array | None
    embedding: Array | None
    patches: npt.NDArray[np.float16] | None

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
        Seconds spent in each stage: ``decode``, ``mel``, ``network``.
    """

    duration_s: float
    segments: list[SegmentAnalysis]
    warnings: list[str]
    stage_s: dict[str, float] = field(default_factory=dict)

    def features(self) -> tuple[Array, Array, list[float]]:
        """Return tags (n, 50), embeddings (n, 200) and seconds (n) of the n segments not silent."""
        heard = [s for s in self.segments if s.tags is not None and s.embedding is not None]
        tags = np.stack([s.tags for s in heard if s.tags is not None])
        embeddings = np.stack([s.embedding for s in heard if s.embedding is not None])
        return tags, embeddings, [s.duration_s for s in heard]


class Trunk:
    """The bundle's trunk, ready to analyse files.

    Parameters
    ----------
    bundle
        A loaded bundle.
    threads
        Threads of ONNX Runtime; 0 lets it choose.
    """

    def __init__(self, bundle: Bundle, threads: int = 0) -> None:
        self.bundle = bundle
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(bundle.onnx_path), options, providers=["CPUExecutionProvider"]
        )

    def run(self, patches: Array) -> tuple[Array, Array]:
        """Return the tags (n, 50) and embeddings (n, 200) of log-mel patches (n, 187, 96)."""
        tags, penultimate = self._session.run(["tags", "penultimate"], {"patch": patches})
        return tags, penultimate

    def patches(self, segment: Segment) -> Array:
        """Return a segment's log-mel patches, (n, patch_frames, n_mels), at the reference level."""
        front_end = self.bundle.front_end
        samples = to_reference_level(segment.samples, segment.rms, front_end)
        mel = log_mel(samples, self.bundle.mel_filters, front_end)
        length = front_end.patch_frames
        starts = patch_starts(len(mel), length, front_end.min_rest_frames)
        return np.stack([mel[start : start + length] for start in starts])

    def analyse_segment(self, segment: Segment, stage_s: dict[str, float]) -> SegmentAnalysis:
        """Analyse one segment, adding the seconds spent to `stage_s`."""
        place = (segment.start_s, segment.end_s, segment.level_dbfs)
        if segment.silent:
            return SegmentAnalysis(*place, None, None, None)
        started = perf_counter()
        patches = self.patches(segment)
        mel_done = perf_counter()
        tags, embeddings = self.run(patches)
        stage_s["mel"] += mel_done - started
        stage_s["network"] += perf_counter() - mel_done
        mean_tags, mean_embedding = tags.mean(axis=0), embeddings.mean(axis=0)
        return SegmentAnalysis(*place, mean_tags, mean_embedding, embeddings.astype(np.float16))

    def analyse_file(self, path: Path) -> TrackAnalysis:
        """Decode and analyse a file, segment by segment.

        Raises
        ------
        AudioError
            A subclass that names the reason: unreadable, empty, not audio, too short, silent.
        """
        report = DecodeReport()
        stage_s = {"decode": 0.0, "mel": 0.0, "network": 0.0}
        rate_hz = self.bundle.front_end.rate_hz
        started = perf_counter()
        blocks = stream_mono(path, rate_hz, report)
        analyses = [self.analyse_segment(s, stage_s) for s in iter_segments(blocks, rate_hz)]
        stage_s["decode"] = perf_counter() - started - stage_s["mel"] - stage_s["network"]
        if all(a.silent for a in analyses):
            raise SilentError("silent throughout")
        return TrackAnalysis(analyses[-1].end_s, analyses, report.warnings, stage_s)


def song_mean(values: Array, durations_s: Sequence[float]) -> Array:
    """Return the duration-weighted mean of (segments, n) values, (n,) float32."""
    weights = np.asarray(durations_s, np.float64)
    return np.asarray(weights @ values / weights.sum(), np.float32)
