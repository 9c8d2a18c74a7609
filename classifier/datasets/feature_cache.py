"""A cache of arrays on disk, addressed by what they were made of and how.

An entry is a folder of ``.npy`` files, which are mapped into memory rather than read. It is written
whole or not at all. The least recently used entries go when the cache outgrows its bound, but never
those of the present run.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.files import make_folder, opener

Arrays = dict[str, npt.NDArray[Any]]

SUFFIX = ".npy"
PART = ".part-"
# What is half written and this old was left by a process that was killed.
ABANDONED_S = 86_400.0


def cache_key(*parts: object) -> str:
    """Return the key of whatever these JSON-able parts decide."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:40]


class FeatureCache:
    """Arrays by key.

    Parameters
    ----------
    folder
        Made when something is first stored.
    max_bytes
        The bound.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._used: set[str] = set()

    def _folder_of(self, key: str) -> Path:
        return self.folder / key[:2] / key

    def get(self, key: str) -> Arrays | None:
        """Return an entry's arrays as read-only memory maps, or None where there is none."""
        entry = self._folder_of(key)
        try:
            files = entry.glob(f"*{SUFFIX}")
            arrays = {file.stem: np.load(file, mmap_mode="r", allow_pickle=False) for file in files}
            os.utime(entry)
        except (OSError, ValueError, EOFError):  # absent, removed meanwhile, or damaged: make it again
            return None
        self._used.add(key)
        return arrays or None

    def put(self, key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Store an entry; one that is there already is replaced."""
        entry = self._folder_of(key)
        make_folder(entry.parent)
        part = Path(tempfile.mkdtemp(prefix=PART, dir=self.folder))
        try:
            make_folder(part / "new")
            for name, array in arrays.items():
                with open(part / "new" / f"{name}{SUFFIX}", "wb", opener=opener) as file:
                    np.save(file, array, allow_pickle=False)
            with suppress(OSError):  # nothing is there, as a rule
                os.replace(entry, part / "old")
            with suppress(OSError):  # another process stored the same meanwhile
                os.replace(part / "new", entry)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        self._used.add(key)

    def trim(self, used: Iterable[str] = ()) -> int:
        """Remove the least recently used entries until the bound holds; return how many went.

        Others than this run's alone; `used` are those of it that its worker processes stored.
        """
        self._used.update(used)
        for part in self.folder.glob(f"{PART}*"):
            with suppress(OSError):
                if part.stat().st_mtime < time.time() - ABANDONED_S:
                    shutil.rmtree(part, ignore_errors=True)
        entries = []
        for entry in self.folder.glob("??/*"):
            with suppress(OSError):  # another process removed it meanwhile
                entries.append((entry.stat().st_mtime_ns, _size(entry), entry))
        total, removed = sum(size for _, size, _ in entries), 0
        for _, size, entry in sorted(entries):
            if total <= self.max_bytes:
                break
            if entry.name not in self._used:
                shutil.rmtree(entry, ignore_errors=True)
                total, removed = total - size, removed + 1
        return removed


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
