"""The process that decodes what strangers send: its memory and time are limited, and it may crash.

It is told what to do, and answers, in JSON: nothing that it sends can do more than be wrong.
"""

import base64
import json
import resource
import signal
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier import bundle
from classifier.analysis import SegmentAnalysis, TrackAnalysis
from classifier.audio_hash import audio_hash
from classifier.errors import AudioError
from classifier.serve import Trunk
from recommender.library.file_tags import read_tags
from recommender.retrieval.query import HeardFile

OPEN_FILES = 64
MEMORY = {"kind": "memory", "message": "it takes too much memory to be decoded"}


@dataclass(frozen=True)
class Limits:
    """What a process may use: bytes more than it has, seconds of processors a file, idle seconds."""

    memory: int
    cpu_s: int
    idle_s: float


def serve_files(connection: Connection, bundle_path: str, limits: Limits) -> None:
    """Analyse files until the other end closes the connection, or has been silent for long."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    trunk = Trunk(bundle.load(Path(bundle_path)))
    confine(limits)
    connection.send_bytes(b"{}")
    with suppress(EOFError, ConnectionError):
        while connection.poll(limits.idle_s):
            task = json.loads(connection.recv_bytes())
            allow_seconds(limits.cpu_s)
            connection.send_bytes(json.dumps(_answer(trunk, task)).encode("ascii"))


def confine(limits: Limits) -> None:
    """Limit this process: its memory, its files, and that it writes none."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    address_space = pages * resource.getpagesize() + limits.memory
    for kind, most in (
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # it was limited already
            resource.setrlimit(kind, (most, most))


def allow_seconds(seconds: int) -> None:
    """Let this process use the processors for so many seconds more; then the system ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if most < 0 else min(wanted, most), most))


def _answer(trunk: Trunk, task: dict[str, Any]) -> dict[str, Any]:
    path = Path(task["path"])
    try:
        if task["span"] is None:
            analysis = trunk.analyse_file(path)
        else:
            analysis = trunk.analyse_stretch(path, *task["span"])
        tags, content_hash = read_tags(path), audio_hash(path)
    except AudioError as error:
        return {"error": {"kind": error.kind, "message": str(error)}}
    except MemoryError:
        return {"error": MEMORY}
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


def _base64(array: npt.NDArray[np.floating[Any]]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def unpacked(answer: dict[str, Any], n_tags: int) -> tuple[HeardFile, str | None]:
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
    return HeardFile(title, artist, album, analysis), None if content_hash is None else str(content_hash)


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
