"""How songs look, at a glance: worked out once by a process of its own, and kept in the home's cache."""

import hashlib
import io
import json
import os
import threading
import zlib
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from classifier.atomic_files import replace_file
from classifier.features.waveform import Overview
from classifier.model.bundle import Bundle
from classifier.private_files import make_folder
from db.models import Track
from recommender import params
from recommender.service.decoding.analysis import Hearing
from recommender.service.decoding.worker_process import serve_overviews, unpacked_overview
from recommender.service.http.file_response import open_file

VERSION: Final = 1
KEPT_SHARE: Final = 0.8
COLOURS: Final = ("#140e36", "#3b0f70", "#8c2981", "#de4968", "#fe9f6d", "#fcfdbf")
"""From silent to loud, evenly spaced: told apart in grey too, and on a light page as on a dark one."""


class Pictures:
    """How tracks look.

    Parameters
    ----------
    folder
        Where it is kept.
    hearing
        Decodes files; None for a process of its own.
    """

    def __init__(self, folder: Path, hearing: Hearing | None = None) -> None:
        self._folder = folder
        self.hearing = hearing or Hearing(target=serve_overviews)
        self._lock = threading.Lock()
        self._bytes: int | None = None

    def key(self, track: Track, bundle: Bundle) -> str:
        """Return what a track's picture is kept by: the file's content, where that is as it was.

        Raises
        ------
        HTTPException
            If there is no such file, or another lies in its place.
        """
        with open_file(track) as file:
            found = os.fstat(file.fileno())
        same = track.content_hash and (found.st_size, found.st_mtime_ns) == (track.size, track.mtime_ns)
        content = track.content_hash if same else f"{track.id} {found.st_size} {found.st_mtime_ns}"
        text = f"{VERSION} {bundle.trunk_id} {content}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def kept(self, key: str) -> Overview | None:
        """Return what is kept by a key, or None."""
        path = self._path(key)
        try:
            found = unpacked_overview(json.loads(zlib.decompress(path.read_bytes())))
            os.utime(path)  # what is looked at is kept longest
        except (OSError, ValueError, KeyError, TypeError, zlib.error):
            return None
        return found

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
                found = self.hearing.overview(Path(track.path), bundle, track.duration_s)
                self._keep(key, found)
            return found

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json.z"

    def _keep(self, key: str, found: Overview) -> None:
        arrays = {name: b64encode(getattr(found, name).tobytes()).decode() for name in ("peaks", "mel")}
        times = {"column_s": found.column_s, "duration_s": found.duration_s}
        content = zlib.compress(json.dumps(times | arrays).encode())
        with suppress(OSError):  # a full disk, or a home that may only be read
            make_folder(self._folder)
            if self._bytes is None:
                self._bytes = sum(path.stat().st_size for path in self._folder.iterdir())
            replace_file(self._path(key), content, private=True)
            self._bytes += len(content)
            if self._bytes > params.PICTURES_BYTES:
                self._bytes = self._tidied()

    def _tidied(self) -> int:
        """Remove what was not looked at for longest; return the bytes that stay."""
        found = sorted((p.stat().st_mtime_ns, p.stat().st_size, p) for p in self._folder.iterdir())
        size = sum(one for _, one, _ in found)
        for _, one, path in found:
            if size <= KEPT_SHARE * params.PICTURES_BYTES:
                break
            path.unlink(missing_ok=True)
            size -= one
        return size


def between(found: Overview, start_s: float | None, end_s: float | None) -> slice:
    """Return which columns a stretch is, at least one."""
    n = len(found.peaks)
    first = min(n - 1, int((start_s or 0.0) / found.column_s))
    last = n if end_s is None else min(n, max(first + 1, int(np.ceil(end_s / found.column_s))))
    return slice(first, last)


def mel_png(found: Overview, columns: slice, width: int, height: int) -> bytes:
    """Return a stretch of a song's log-mel as PNG, time to the right and high sounds on top."""
    levels = Image.fromarray(np.ascontiguousarray(found.mel[columns].T[::-1]))
    resized = levels.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    resized.putpalette(PALETTE.tobytes())
    content = io.BytesIO()
    resized.save(content, "PNG")
    return content.getvalue()


def peaks(found: Overview, columns: slice, points: int) -> list[float]:
    """Return the greatest magnitudes of a stretch, 0..1, evenly over it; no more points than there are."""
    some = found.peaks[columns]
    n = min(points, len(some))
    firsts = np.arange(n) * len(some) // n
    return [round(peak / 255, 3) for peak in np.maximum.reduceat(some, firsts).tolist()]


def _palette() -> npt.NDArray[np.uint8]:
    anchors = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in COLOURS])
    places = np.linspace(0, 255, len(COLOURS))
    channels = [np.interp(np.arange(256), places, anchors[:, i]) for i in range(3)]
    return np.asarray(np.rint(np.stack(channels, axis=1)), np.uint8)


PALETTE: Final = _palette()
