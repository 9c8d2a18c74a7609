"""Audio files to tags, genres and embeddings, through ONNX Runtime.

Neither TensorFlow nor librosa is imported here.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt
import onnxruntime

from classifier import params
from classifier.audio.decode import DecodeReport, read_clip, whole_mono
from classifier.errors import AudioError, SilentError
from classifier.features.frontend import segment_patches
from classifier.features.segments import AudioSegment, Samples, iter_segments
from classifier.model.bundle import Bundle
from classifier.model.predictions import SegmentAnalysis, TrackAnalysis
from classifier.progress import made_progress

Array = npt.NDArray[np.float32]


class Trunk:
    """The bundle's trunk, ready to analyse files.

    Parameters
    ----------
    bundle
        A loaded bundle.
    threads
        Threads of ONNX Runtime; 0 lets it choose. With more than one, a file is also decoded ahead
        while the network runs.
    """

    def __init__(self, bundle: Bundle, threads: int = 0) -> None:
        self.bundle = bundle
        self._decodes_ahead = threads != 1
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that wait by spinning take the processor from the decoder and from other workers.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(bundle.onnx_path), options, providers=["CPUExecutionProvider"]
        )

    def ends(self) -> tuple[dict[str, list[int | str | None]], list[str]]:
        """Return the shape of each input that the graph has by its name, and the names of its outputs."""
        inputs = {found.name: list(found.shape) for found in self._session.get_inputs()}
        return inputs, [found.name for found in self._session.get_outputs()]

    def run(self, patches: Array) -> tuple[Array, Array]:
        """Return the tags (n, tags) and embeddings (n, dimensions) of patches (n, frames, bands).

        A trunk that knows no tags gives (n, 0). However many patches there are, few are worked on at once.
        """
        starts = range(0, max(1, len(patches)), params.RUN_PATCHES)
        parts = [self._run(patches[start : start + params.RUN_PATCHES]) for start in starts]
        tags, embeddings = zip(*parts, strict=True)
        return np.concatenate(tags), np.concatenate(embeddings)

    def _run(self, patches: Array) -> tuple[Array, Array]:
        if not self.bundle.tag_names:
            (penultimate,) = self._session.run(["penultimate"], {"patch": patches})
            return np.zeros((len(patches), 0), np.float32), penultimate
        tags, penultimate = self._session.run(["tags", "penultimate"], {"patch": patches})
        return tags, penultimate

    def patches(self, segment: AudioSegment) -> Array:
        """Return what the network reads of a segment, (n, patch_frames, n_bands)."""
        return segment_patches(segment.samples, segment.rms, self.bundle.mel_filters, self.bundle.front_end)

    def analyse_segment(self, segment: AudioSegment, stage_s: dict[str, float]) -> SegmentAnalysis:
        """Analyse one segment, adding the seconds spent to `stage_s`."""
        made_progress()
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
        if not np.isfinite(mean_embedding).all():
            raise AudioError("the network gives values for it that are not finite numbers")
        return SegmentAnalysis(*place, mean_tags, mean_embedding, embeddings.astype(np.float16))

    def analyse_file(self, path: Path) -> TrackAnalysis:
        """Decode and analyse a file, segment by segment.

        Raises
        ------
        AudioError
            A subclass that names the reason: unreadable, empty, not audio, too short, silent.
        """
        report = DecodeReport()
        return self._analyse(whole_mono(path, self.bundle.front_end.rate_hz, report), report)

    def analyse_stretch(self, path: Path, start_s: float, end_s: float) -> TrackAnalysis:
        """Decode and analyse a stretch of a file; its times are counted from the file's beginning.

        Raises
        ------
        AudioError
            As of `analyse_file`; `TooShortError` where less than 3 s of it are there.
        """
        samples = read_clip(path, self.bundle.front_end.rate_hz, start_s, end_s - start_s)
        found = self._analyse(iter([samples]), DecodeReport())
        moved = [replace(s, start_s=s.start_s + start_s, end_s=s.end_s + start_s) for s in found.segments]
        return replace(found, segments=moved)

    def _analyse(self, blocks: Iterator[Samples], report: DecodeReport) -> TrackAnalysis:
        stage_s = {"decode": 0.0, "mel": 0.0, "network": 0.0}
        started = perf_counter()
        segments = iter_segments(blocks, self.bundle.front_end.rate_hz)
        if self._decodes_ahead:
            segments = _one_ahead(segments)
        analyses = [self.analyse_segment(segment, stage_s) for segment in segments]
        stage_s["decode"] = perf_counter() - started - stage_s["mel"] - stage_s["network"]
        if all(a.silent for a in analyses):
            raise SilentError("silent throughout")
        return TrackAnalysis(analyses[-1].end_s, analyses, report.warnings, stage_s)


def _one_ahead(segments: Iterator[AudioSegment]) -> Iterator[AudioSegment]:
    """Yield the same, the next one being made in another thread meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, segments, None)
        while (segment := coming.result()) is not None:
            coming = pool.submit(next, segments, None)
            yield segment
