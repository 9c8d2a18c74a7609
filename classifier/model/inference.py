"""Audio files to tags, genres and embeddings, through ONNX Runtime.

Neither TensorFlow nor librosa is imported here.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

from classifier import params
from classifier.arrays import Array
from classifier.audio.decode import DecodeReport, Range, read_clip, stream_ranges, to_its_end, whole_mono
from classifier.errors import AudioError, SilentError
from classifier.features.frontend import segment_patches
from classifier.features.measured import MeasuredFrontEnd
from classifier.features.segments import AudioSegment, Samples, iter_segments
from classifier.measures.loudness import ChannelPassages
from classifier.measures.measure import SegmentSound, measured_track
from classifier.model.bundle import Bundle
from classifier.model.onnx_trunk import ends_of
from classifier.model.predictions import SegmentAnalysis, TrackAnalysis
from classifier.model.runtime import onnxruntime
from classifier.progress import made_progress


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
        self._reader = MeasuredFrontEnd(bundle.mel_filters, bundle.front_end)
        self._decodes_ahead = threads != 1
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that wait by spinning take the processor from the decoder and from other workers.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.ends = ends_of(bundle.architecture, len(bundle.tag_names))
        self._session = _session(bundle.onnx_path, options)
        self._heads = [(_session(bundle.path / head.file, options), head) for head in self.ends.heads]

    def graph_ends(self) -> tuple[dict[str, list[int | str | None]], list[str]]:
        """Return the shape of each input that the graph has by its name, and the names of its outputs."""
        inputs = {found.name: list(found.shape) for found in self._session.get_inputs()}
        return inputs, [found.name for found in self._session.get_outputs()]

    def run(self, patches: Array) -> tuple[Array, Array]:
        """Return the tags (n, tags) and embeddings (n, dimensions) of patches (n, frames, bands).

        A trunk that knows no tags gives (n, 0). However many patches there are, few are worked on at once.
        """
        step = self.ends.batch or params.RUN_PATCHES
        starts = range(0, max(1, len(patches)), step)
        parts = [self._run(patches[start : start + step]) for start in starts]
        tags, embeddings = zip(*parts, strict=True)
        return np.concatenate(tags), np.concatenate(embeddings)

    def _run(self, patches: Array) -> tuple[Array, Array]:
        ends = self.ends
        own = [] if ends.tags is None else [ends.tags]
        lacking = 0 if ends.batch is None else ends.batch - len(patches)
        read = np.pad(patches, ((0, lacking), (0, 0), (0, 0))) if lacking else patches
        found = self._session.run([*own, ends.embedding], {ends.input: read})
        *tags, embeddings = found if not lacking else [output[: len(patches)] for output in found]
        for session, head in self._heads:
            (given,) = session.run([head.output], {head.input: embeddings})
            tags.append(given[:, head.columns])
        if len(tags) == 1:
            return tags[0], embeddings
        return np.concatenate([np.zeros((len(patches), 0), np.float32), *tags], axis=1), embeddings

    def patches(self, segment: AudioSegment, rms: float | None = None) -> Array:
        """Return what the network reads of a segment, (n, patch_frames, n_bands); its level may be given."""
        level = segment.rms if rms is None else rms
        return segment_patches(segment.samples, level, self.bundle.mel_filters, self.bundle.front_end)

    def analyse_segment(self, segment: AudioSegment, stage_s: dict[str, float]) -> SegmentAnalysis:
        """Analyse one segment by itself, without measures, adding the seconds spent to `stage_s`."""
        return self._analyse_segment(segment, stage_s)[0]

    def _analyse_segment(
        self, segment: AudioSegment, stage_s: dict[str, float]
    ) -> tuple[SegmentAnalysis, SegmentSound | None]:
        """Analyse one segment; return its sound, too, unless it is silent."""
        made_progress()
        bounds = (segment.start_s, segment.end_s, segment.level_dbfs)
        started = perf_counter()
        heard, rms = self._reader.heard(segment)
        if segment.silent or not (heard.any() or not len(heard)):
            return SegmentAnalysis(*bounds, None, None, None), None
        patches, sound = self._reader.patches(segment, rms)
        mel_done = perf_counter()
        tags, embeddings = self.run(patches if heard.all() else patches[heard])
        stage_s["mel"] += mel_done - started
        stage_s["network"] += perf_counter() - mel_done
        mean_tags, mean_embedding = tags.mean(axis=0), embeddings.mean(axis=0)
        if not np.isfinite(mean_embedding).all():
            raise AudioError("the network gives values for it that are not finite numbers")
        if not heard.all():  # zeros stand for silence
            spread = np.zeros((len(heard), embeddings.shape[1]), np.float32)
            spread[heard] = embeddings
            embeddings = spread
        kept = embeddings[:: self.bundle.front_end.kept_every].astype(np.float16)
        return SegmentAnalysis(*bounds, mean_tags, mean_embedding, kept), sound

    def analyse_file(self, path: Path) -> TrackAnalysis:
        """Decode and analyse a file, segment by segment.

        Raises
        ------
        AudioError
            A subclass that names the reason: unreadable, empty, not audio, too short, silent.
        """
        report = DecodeReport(passages=ChannelPassages(self.bundle.front_end.rate_hz))
        return self._analyse(whole_mono(path, self.bundle.front_end.rate_hz, report), report)

    def analyse_ranges(self, path: Path, ranges: Sequence[Range]) -> Iterator[Callable[[], TrackAnalysis]]:
        """Decode a file once; yield for each range of it what analyses it, as if it were a file of its own.

        Each is to be called, or left, before the next is asked for; it raises as `analyse_file` does.
        """
        rate_hz = self.bundle.front_end.rate_hz
        reports = (DecodeReport(passages=ChannelPassages(rate_hz)) for _ in ranges)
        for report, blocks in stream_ranges(path, rate_hz, ranges, reports):
            yield partial(self._analyse, to_its_end(blocks, report), report)

    def analyse_excerpt(self, path: Path, start_s: float, end_s: float) -> TrackAnalysis:
        """Decode and analyse an excerpt of a file; its times are counted from the file's beginning.

        Raises
        ------
        AudioError
            As of `analyse_file`; `TooShortError` where less than 3 s of it are there.
        """
        rate_hz = self.bundle.front_end.rate_hz
        passages = ChannelPassages(rate_hz)
        samples = read_clip(path, rate_hz, start_s, end_s - start_s, passages)
        found = self._analyse(iter([samples]), DecodeReport(passages=passages))
        moved = [replace(s, start_s=s.start_s + start_s, end_s=s.end_s + start_s) for s in found.segments]
        return replace(found, segments=moved)

    def _analyse(self, blocks: Iterator[Samples], report: DecodeReport) -> TrackAnalysis:
        stage_s = {"decode": 0.0, "mel": 0.0, "network": 0.0}
        started = perf_counter()
        segments = iter_segments(blocks, self.bundle.front_end.rate_hz)
        if self._decodes_ahead:
            segments = _one_ahead(segments)
        found = [self._analyse_segment(segment, stage_s) for segment in segments]
        stage_s["decode"] = perf_counter() - started - stage_s["mel"] - stage_s["network"]
        if all(analysis.silent for analysis, _ in found):
            raise SilentError("silent throughout")
        louder = (0.0, 0.0) if report.passages is None else report.passages.louder()
        measured = measured_track([sound for _, sound in found], louder)
        analyses = [
            replace(analysis, measures=measures)
            for (analysis, _), measures in zip(found, measured.segments, strict=True)
        ]
        return TrackAnalysis(analyses[-1].end_s, analyses, report.warnings, stage_s, measured.song)


def _session(path: Path, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _one_ahead(segments: Iterator[AudioSegment]) -> Iterator[AudioSegment]:
    """Yield the same, the next one being made in another thread meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, segments, None)
        while (segment := coming.result()) is not None:
            coming = pool.submit(next, segments, None)
            yield segment
