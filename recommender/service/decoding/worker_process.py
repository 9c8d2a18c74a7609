"""The process that decodes what strangers send: its memory and time are limited, and it may crash.

It is told what to do, and answers, in JSON: nothing that it sends can do more than be wrong.
"""

import base64
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.audio.audio_hash import audio_hash
from classifier.audio.decode import Range
from classifier.features.waveform import Overview, overview
from classifier.measures.key import KEYS
from classifier.measures.measure import Measures
from classifier.model import bundle
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from classifier.model.predictions import SegmentAnalysis, TrackAnalysis
from recommender.file_tags.read import read_tags
from recommender.process_limits import confine
from recommender.retrieval.query_file import AnalysedFile, Span, analysed_file
from recommender.service.decoding.process import OPEN_FILES, Limits, answer_all


def serve_files(connection: Connection, bundle_path: str, limits: Limits, *, analyses: bool = True) -> None:
    """Analyse files until the other end closes the connection, or has been silent for long.

    Parameters
    ----------
    analyses
        Whether the network is needed; without it there are only overviews.
    """
    loaded = bundle.load(Path(bundle_path))
    trunk = Trunk(loaded) if analyses else None
    confine(limits.memory, OPEN_FILES)
    with suppress(EOFError, ConnectionError):
        answer_all(connection, limits, partial(_answer, loaded, trunk))


def serve_overviews(connection: Connection, bundle_path: str, limits: Limits) -> None:
    """Draw files until the other end closes the connection, or has been silent for long."""
    serve_files(connection, bundle_path, limits, analyses=False)


def _answer(loaded: Bundle, trunk: Trunk | None, task: dict[str, Any]) -> dict[str, Any]:
    path = Path(task["path"])
    if trunk is None:
        return _overview(loaded, path, task["length_s"], tuple(task["within"]))
    return {"hash": _content_hash(path)} if task.get("only_hash") else _analysed(trunk, path, task["span"])


def _content_hash(path: Path) -> str | None:
    read_tags(path)  # first: a demuxer takes them in without any limit
    return audio_hash(path)


def _overview(loaded: Bundle, path: Path, length_s: float | None, within: Range) -> dict[str, Any]:
    found = overview(path, loaded.mel_filters, loaded.front_end, length_s, within)
    return {
        "column_s": found.column_s,
        "duration_s": found.duration_s,
        "peaks": _base64(found.peaks),
        "mel": _base64(found.mel),
    }


def _analysed(trunk: Trunk, path: Path, span: list[float] | None) -> dict[str, Any]:
    file = analysed_file(trunk, path, None if span is None else Span(*span))
    return {
        "title": file.title,
        "artist": file.artist,
        "album": file.album,
        "duration_s": file.analysis.duration_s,
        "warnings": file.analysis.warnings,
        "measures": asdict(file.analysis.measures),
        "segments": [_packed(segment) for segment in file.analysis.segments],
    }


def _packed(segment: SegmentAnalysis) -> dict[str, Any]:
    arrays = {"tags": segment.tags, "embedding": segment.embedding, "patches": segment.patches}
    packed = {name: _base64(array) for name, array in arrays.items() if array is not None}
    times = {"start_s": segment.start_s, "end_s": segment.end_s, "level_dbfs": segment.level_dbfs}
    return {**times, **packed, "measures": asdict(segment.measures)}


def _base64(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def unpacked_hash(answer: dict[str, Any]) -> str | None:
    """Return the hash of a file's content as such a process has found it; `KeyError` if it has not."""
    return None if answer["hash"] is None else str(answer["hash"])


def unpacked(answer: dict[str, Any], n_tags: int) -> AnalysedFile:
    """Return what such a process has found in a file.

    Parameters
    ----------
    n_tags
        Of the trunk.

    Raises
    ------
    ValueError, KeyError, TypeError
        If it is not what such a process says.
    """
    segments = [_segment(packed, n_tags) for packed in answer["segments"]]
    analysed = [segment for segment in segments if segment.embedding is not None]
    if not analysed or len({len(s.embedding) for s in analysed if s.embedding is not None}) != 1:
        raise ValueError("nothing was analysed")
    warnings = [str(warning) for warning in answer["warnings"]]
    measures = _measures(answer["measures"])
    analysis = TrackAnalysis(float(answer["duration_s"]), segments, warnings, measures=measures)
    title, artist, album = (str(answer[name]) for name in ("title", "artist", "album"))
    return AnalysedFile(title, artist, album, analysis)


def unpacked_overview(answer: dict[str, Any]) -> Overview:
    """Return how a file looks, as such a process has found it.

    Raises
    ------
    ValueError, KeyError, TypeError
        If it is not what such a process says.
    """
    peaks = _array(answer["peaks"], np.uint8)
    if not len(peaks):
        raise ValueError("there are no columns")
    mel = _array(answer["mel"], np.uint8).reshape(len(peaks), -1)
    column_s, duration_s = float(answer["column_s"]), float(answer["duration_s"])
    if not (0 < column_s < np.inf and 0 < duration_s < np.inf and mel.shape[1]):
        raise ValueError("this is no overview")
    return Overview(column_s, duration_s, peaks, mel)


def _segment(packed: dict[str, Any], n_tags: int) -> SegmentAnalysis:
    start_s, end_s, level = (float(packed[name]) for name in ("start_s", "end_s", "level_dbfs"))
    measures = _measures(packed["measures"])
    if "embedding" not in packed:
        return SegmentAnalysis(start_s, end_s, level, None, None, None, measures=measures)
    tags, embedding = _array(packed["tags"], np.float32), _array(packed["embedding"], np.float32)
    patches = _array(packed["patches"], np.float16).reshape(-1, len(embedding))
    if len(tags) != n_tags or not len(patches) or not np.isfinite([start_s, end_s, level]).all():
        raise ValueError("this is no segment")
    return SegmentAnalysis(start_s, end_s, level, tags, embedding, patches, measures=measures)


def _measures(packed: dict[str, Any]) -> Measures:
    numbers = {name: value for name, value in packed.items() if name != "key" and value is not None}
    key = packed["key"]
    if not np.isfinite([float(value) for value in numbers.values()]).all() or (key and key not in KEYS):
        raise ValueError("these are no measures")
    return Measures(**packed)


def _array(text: str, kind: Any) -> npt.NDArray[Any]:
    found = np.frombuffer(base64.b64decode(text, validate=True), kind)
    if not np.isfinite(found).all():
        raise ValueError("these are no numbers")
    return found
