"""The index's files: arrays that are made, checked and mapped into memory, and the sidecar that names them.

A generation of the index is a folder of arrays, named by their content. It is written beside the old one,
and the sidecar, which says which one is meant, is replaced last: a reader sees the old index or the new
one whole, and goes on reading the old one's files after they are removed.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from classifier.files import (
    PART,
    close_to_others,
    is_being_written,
    make_folder,
    replace_file,
    replace_folder,
    sync_descriptor,
)
from recommender import params

FORMAT = 5
MAPPED_FROM_BYTES = 2**20
LISTS = "inverted.faiss"
SIDECAR = "segments.json"
READ_BYTES = 2**22


@dataclass(frozen=True)
class Sidecar:
    """Description of an index on disk.

    Attributes
    ----------
    trunk_id
        The only trunk whose embeddings are in it.
    dimension, metric, count, tracks
        Of the vectors, and how many tracks they are of.
    reference_tracks, frozen_at_tracks
        Tracks in the reference sample, and in the catalogue when it was frozen.
    vectors_token
        The catalogue's token of the set of vectors that was indexed.
    inverted, probes, recall_at_10
        FAISS's description of the inverted file, how many of its lists are looked at, and the share of the
        ten nearest segments that are then found, measured on a sample of the index's own; None where every
        search is exact.
    learnt_at
        Vectors in the index when the inverted file was learnt.
    fingerprint
        Hash of all files; it names their folder.
    files
        Size and hash of each file.
    format
        Of the files; another version's index is built again.
    """

    trunk_id: str
    dimension: int
    metric: str
    count: int
    tracks: int
    reference_tracks: int
    frozen_at_tracks: int
    vectors_token: str | None
    inverted: str | None = None
    probes: int | None = None
    recall_at_10: float | None = None
    learnt_at: int | None = None
    fingerprint: str = ""
    files: dict[str, list[Any]] | None = None
    format: int = FORMAT

    @property
    def folder(self) -> str:
        """Return the name of the folder that the files lie in."""
        return f"segments-{self.fingerprint}"

    @property
    def fits_its_files(self) -> bool:
        """Return whether the fingerprint is that of the files that it names."""
        try:
            return self.fingerprint == _fingerprint(self.files or {})
        except (TypeError, ValueError):
            return False


class Described(Protocol):
    """What any sidecar says of files, and of the folder that they lie in."""

    @property
    def files(self) -> dict[str, list[Any]] | None:
        """Size and hash of each file."""

    @property
    def folder(self) -> str:
        """Return the name of the folder."""


AnySidecar = TypeVar("AnySidecar", bound=Described)


class Arrays:
    """Arrays that are being made for an index.

    Parameters
    ----------
    folder
        Where they become files; None to have them in memory.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def new(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return an array to be filled.

        Raises
        ------
        OSError
            If the disk is full.
        """
        if self.folder is None or not np.prod(shape):
            return np.zeros(shape, dtype)
        path = self.folder / f"{name}.npy"
        made = np.lib.format.open_memmap(path, "w+", dtype, shape)
        with open(path, "r+b") as file:  # a full disk must be an error here, not a crash when it is filled
            os.posix_fallocate(file.fileno(), 0, os.path.getsize(path))
        return np.asarray(made)

    def save(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Write those that are no files yet."""
        if self.folder is not None:
            for name, array in arrays.items():
                if not (self.folder / f"{name}.npy").exists():
                    np.save(self.folder / f"{name}.npy", array, allow_pickle=False)


@contextmanager
def generation(folder: Path) -> Iterator[Path]:
    """Give a new folder to make an index in; it is removed unless it was published."""
    make_folder(folder)
    part = folder / f"{PART}{os.getpid()}"
    shutil.rmtree(part, ignore_errors=True)
    make_folder(part)
    try:
        files = os.scandir(part)  # opened now, read at the end, when there may be no descriptor left
    except OSError:
        part.rmdir()
        raise
    try:
        yield part
    finally:
        with suppress(OSError), files:  # none is found where it was published: the folder has a name then
            for file in files:
                os.unlink(file.path)
            part.rmdir()


def publish(part: Path, sidecar: AnySidecar, folder: Path, name: str = SIDECAR) -> AnySidecar:
    """Return the sidecar, with the files' hashes, of a new generation that is made the index.

    Parameters
    ----------
    part
        Where the files are.
    sidecar
        A dataclass, with `fingerprint` and `files` to be filled in.
    name
        Of the sidecar's file.
    """
    files: dict[str, list[Any]] = {p.name: [p.stat().st_size, _hash(p)] for p in sorted(part.iterdir())}
    described: Any = sidecar
    sidecar = replace(described, files=files, fingerprint=_fingerprint(files))
    for path in part.iterdir():
        close_to_others(path)
        with open(path, "rb") as file:
            sync_descriptor(file.fileno())
    target = folder / sidecar.folder
    replace_folder(part, target)  # one of the same name may be damaged
    replace_file(folder / name, json.dumps(asdict(sidecar), indent=2).encode(), private=True)  # type: ignore[call-overload]
    with suppress(OSError):  # what stays is removed by the next
        _tidy(folder, {name, sidecar.folder})
    return sidecar


def _tidy(folder: Path, kept: set[str]) -> None:
    """Remove all but the index: older generations, and what a process left that was killed."""
    for old in folder.iterdir():
        if old.name in kept or is_being_written(old.name):
            continue
        if old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.unlink(missing_ok=True)


def read_sidecar(folder: Path) -> Sidecar | None:
    """Return the sidecar on disk, or None where there is none that can be read."""
    try:
        found = Sidecar(**json.loads((folder / SIDECAR).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.format == FORMAT and found.fits_its_files else None


def unreadable(folder: Path) -> str:
    """Return why there is no sidecar: ``absent``, ``stale`` if of another version, else ``damaged``."""
    try:
        described = json.loads((folder / SIDECAR).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    except (OSError, ValueError):
        return "damaged"
    is_other = isinstance(described, dict) and described.get("format", 1) != FORMAT
    return "stale" if is_other else "damaged"


def are_whole(folder: Path, sidecar: Described, *, thoroughly: bool = False) -> bool:
    """Return whether the files are as they were written; those of a large index are hashed only if asked to.

    Raises
    ------
    OSError
        If one cannot be read.
    """
    files = sidecar.files or {}
    thoroughly |= sum(size for size, _ in files.values()) <= params.CHECKED_BYTES
    for name, (size, content) in files.items():
        path = folder / sidecar.folder / name
        if path.stat().st_size != size or (thoroughly and _hash(path) != content):
            return False
    return True


def are_hashed_so(folder: Path, sidecar: Described) -> bool:
    """Return whether the files in a folder are those that a sidecar names, all of them and no others.

    Raises
    ------
    OSError
        If one cannot be read.
    """
    files = {path.name: [path.stat().st_size, _hash(path)] for path in folder.iterdir()}
    return files == {name: list(described) for name, described in (sidecar.files or {}).items()}


def load_arrays(folder: Path, sidecar: Described) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays by name; the large ones are mapped into memory.

    Raises
    ------
    OSError, ValueError
        If one cannot be read.
    """
    found = {}
    for name, (size, _) in (sidecar.files or {}).items():
        if name.endswith(".npy"):
            mode: Any = "r" if size > MAPPED_FROM_BYTES else None
            found[name.removesuffix(".npy")] = np.asarray(
                np.load(folder / sidecar.folder / name, mmap_mode=mode, allow_pickle=False)
            )
    return found


def _hash(path: Path) -> str:
    state = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(READ_BYTES):
            state.update(block)
    return state.hexdigest()


def _fingerprint(files: dict[str, list[Any]]) -> str:
    return hashlib.blake2b(json.dumps(files, sort_keys=True).encode(), digest_size=16).hexdigest()
