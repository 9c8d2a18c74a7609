"""The process that decodes what strangers send: its memory and time are limited, and it may crash.

It is told what to do, and answers, in JSON: nothing that it sends can do more than be wrong.
"""

import base64
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.audio.audio_hash import audio_hash
from classifier.audio.decode import DecodeReport, stream_mono
from classifier.errors import AudioError
from classifier.features.waveform import Overview, overview
from classifier.model import bundle
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from classifier.model.predictions import SegmentAnalysis, TrackAnalysis
from recommender.file_tags.read import read_tags
from recommender.process_limits import allow_seconds, confine
from recommender.retrieval.query import AnalysedFile
from recommender.service.decoding.answering import OPEN_FILES, answer_all
from recommender.service.decoding.process import Limits

LISTEN_HZ = 44_100
SAMPLES, FAILED, ENDED = b".", b"!", b"$"
"""What a message with samples begins with, one with an error, and the last one."""
CUT = 2**17
"""Bytes of samples in one message."""


def serve_files(connection: Connection, bundle_path: str, limits: Limits, *, hears: bool = True) -> None:
    """Analyse files until the other end closes the connection, or has been silent for long.

    Parameters
    ----------
    hears
        Whether the network is needed; without it there are only overviews.
    """
    loaded = bundle.load(Path(bundle_path))
    trunk = Trunk(loaded) if hears else None
    confine(limits.memory, OPEN_FILES)
    with suppress(EOFError, ConnectionError):
        answer_all(connection, limits, partial(_answer, loaded, trunk))


def serve_overviews(connection: Connection, bundle_path: str, limits: Limits) -> None:
    """Draw files until the other end closes the connection, or has been silent for long."""
    serve_files(connection, bundle_path, limits, hears=False)


def serve_samples(connection: Connection, path: str, first: int, limits: Limits) -> None:
    """Send a file's samples from one on, 16 bits each, as fast as they are taken."""
    confine(limits.memory, OPEN_FILES)
    allow_seconds(limits.cpu_s)
    with suppress(EOFError, ConnectionError):
        try:
            for block in stream_mono(Path(path), LISTEN_HZ, DecodeReport()):
                samples, first = block[first:], max(0, first - len(block))
                content = np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
                for start in range(0, len(content), CUT):
                    connection.send_bytes(SAMPLES + content[start : start + CUT])
            connection.send_bytes(ENDED)
        except AudioError as error:
            connection.send_bytes(FAILED + str(error).encode("utf-8", "replace")[:CUT])


def _answer(loaded: Bundle, trunk: Trunk | None, task: dict[str, Any]) -> dict[str, Any]:
    path = Path(task["path"])
    return _overview(loaded, path, task["length_s"]) if trunk is None else _heard(trunk, path, task["span"])


def _overview(loaded: Bundle, path: Path, length_s: float | None) -> dict[str, Any]:
    found = overview(path, loaded.mel_filters, loaded.front_end, length_s)
    return {
        "column_s": found.column_s,
        "duration_s": found.duration_s,
        "peaks": _base64(found.peaks),
        "mel": _base64(found.mel),
    }


def _heard(trunk: Trunk, path: Path, span: list[float] | None) -> dict[str, Any]:
    tags = read_tags(path)  # first: a demuxer takes them in without any limit
    analysis = trunk.analyse_file(path) if span is None else trunk.analyse_stretch(path, *span)
    content_hash = audio_hash(path)
    return {
        "hash": content_hash,
        "title": tags.title,
        "artist": tags.artist,
        "album": tags.album,
        "duration_s": analysis.duration_s,
        "warnings": analysis.warnings,
        "segments": [_packed(segment) for segment in analysis.segments],
    }


def _packed(segment: SegmentAnalysis) -> dict[str, Any]:
    arrays = {"tags": segment.tags, "embedding": segment.embedding, "patches": segment.patches}
    packed = {name: _base64(array) for name, array in arrays.items() if array is not None}
    place = {"start_s": segment.start_s, "end_s": segment.end_s, "level_dbfs": segment.level_dbfs}
    return place | packed


def _base64(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def unpacked(answer: dict[str, Any], n_tags: int) -> tuple[AnalysedFile, str | None]:
    """Return what such a process said of a file, and the hash of its content.

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
    heard = [segment for segment in segments if segment.embedding is not None]
    if not heard or len({len(s.embedding) for s in heard if s.embedding is not None}) != 1:
        raise ValueError("nothing was heard")
    analysis = TrackAnalysis(float(answer["duration_s"]), segments, [str(w) for w in answer["warnings"]])
    title, artist, album = (str(answer[name]) for name in ("title", "artist", "album"))
    content_hash = answer["hash"]
    return AnalysedFile(title, artist, album, analysis), None if content_hash is None else str(content_hash)


def unpacked_overview(answer: dict[str, Any]) -> Overview:
    """Return what such a process said of how a file looks.

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
    if "embedding" not in packed:
        return SegmentAnalysis(start_s, end_s, level, None, None, None)
    tags, embedding = _array(packed["tags"], np.float32), _array(packed["embedding"], np.float32)
    patches = _array(packed["patches"], np.float16).reshape(-1, len(embedding))
    if len(tags) != n_tags or not len(patches) or not np.isfinite([start_s, end_s, level]).all():
        raise ValueError("this is no segment")
    return SegmentAnalysis(start_s, end_s, level, tags, embedding, patches)


def _array(text: str, kind: Any) -> npt.NDArray[Any]:
    found = np.frombuffer(base64.b64decode(text, validate=True), kind)
    if not np.isfinite(found).all():
        raise ValueError("these are no numbers")
    return found
