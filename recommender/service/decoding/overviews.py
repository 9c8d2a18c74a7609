"""How songs look, at a glance: worked out once by a process of its own, and kept in the home's cache."""

import io
import json
import threading
import zlib
from base64 import b64encode
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from classifier.features.waveform import Overview
from classifier.model.bundle import Bundle
from db.models import Track
from recommender import params
from recommender.service.decoding.analysis import Analyser
from recommender.service.decoding.kept_files import KeptFiles, content_key
from recommender.service.decoding.worker_process import serve_overviews, unpacked_overview

VERSION: Final = 1
SUFFIX: Final = ".json.z"
COLOURS: Final = ("#140e36", "#3b0f70", "#8c2981", "#de4968", "#fe9f6d", "#fcfdbf")
"""From silent to loud, evenly spaced: told apart in grey too, and on a light page as on a dark one."""


class Overviews:
    """How tracks look.

    Parameters
    ----------
    folder
        Where it is kept.
    analyser
        Decodes files; None for a process of its own.
    """

    def __init__(self, folder: Path, analyser: Analyser | None = None) -> None:
        self._files = KeptFiles(folder, params.PICTURES_BYTES)
        self.analyser = analyser or Analyser(target=serve_overviews)
        self._lock = threading.Lock()

    def key(self, track: Track, bundle: Bundle) -> str:
        """Return what a track's picture is kept by: the file's content, where that is as it was.

        Raises
        ------
        HTTPException
            As of `content_key`.
        """
        return content_key(track, VERSION, bundle.trunk_id)

    def kept(self, key: str) -> Overview | None:
        """Return what is kept by a key, or None."""
        content = self._files.read(f"{key}{SUFFIX}")
        try:
            return None if content is None else unpacked_overview(json.loads(zlib.decompress(content)))
        except (ValueError, KeyError, TypeError, zlib.error):
            return None

    def made(self, key: str, track: Track, bundle: Bundle) -> Overview:
        """Return how a track looks, decoding its file if need be, and keep it.

        Raises
        ------
        HTTPException
            If the file cannot be decoded.
        """
        with self._lock:
            found = self.kept(key)
            if found is None:
                found = self.analyser.overview(track.file_range, bundle, track.duration_s)
                self._keep(key, found)
            return found

    def _keep(self, key: str, found: Overview) -> None:
        arrays = {name: b64encode(getattr(found, name).tobytes()).decode() for name in ("peaks", "mel")}
        times = {"column_s": found.column_s, "duration_s": found.duration_s}
        self._files.keep(f"{key}{SUFFIX}", zlib.compress(json.dumps(times | arrays).encode()))


def between(found: Overview, start_s: float | None, end_s: float | None) -> slice:
    """Return which columns an excerpt is, at least one."""
    n = len(found.peaks)
    first = min(n - 1, int((start_s or 0.0) / found.column_s))
    last = n if end_s is None else min(n, max(first + 1, int(np.ceil(end_s / found.column_s))))
    return slice(first, last)


def mel_png(found: Overview, columns: slice, width: int, height: int) -> bytes:
    """Return an excerpt of a song's log-mel as PNG, time to the right and high sounds on top."""
    levels = Image.fromarray(np.ascontiguousarray(found.mel[columns].T[::-1]))
    resized = levels.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    resized.putpalette(PALETTE.tobytes())
    content = io.BytesIO()
    resized.save(content, "PNG")
    return content.getvalue()


def peaks(found: Overview, columns: slice, points: int) -> list[float]:
    """Return the greatest magnitudes of an excerpt, 0..1, evenly over it; no more points than there are."""
    some = found.peaks[columns]
    n = min(points, len(some))
    firsts = np.arange(n) * len(some) // n
    return [round(peak / 255, 3) for peak in np.maximum.reduceat(some, firsts).tolist()]


def _palette() -> npt.NDArray[np.uint8]:
    anchors = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in COLOURS])
    positions = np.linspace(0, 255, len(COLOURS))
    channels = [np.interp(np.arange(256), positions, anchors[:, i]) for i in range(3)]
    return np.asarray(np.rint(np.stack(channels, axis=1)), np.uint8)


PALETTE: Final = _palette()
