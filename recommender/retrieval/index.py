"""The FAISS index of segment embeddings, and the sidecar that says what it holds.

SQLite is the truth: an index that is absent, stale or damaged is built again from it. Files are
written beside the old ones and the sidecar is replaced last, so a reader sees the old index or the
new one, never a mixture.
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from db.features import index_vectors, vectors_token
from db.session import Catalog
from recommender.home import replace_file
from recommender.retrieval.exact import unit_rows

Array = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sidecar:
    """What an index on disk holds.

    Attributes
    ----------
    trunk_id
        The only trunk whose embeddings are in it.
    dimension, metric, count
        Of the vectors.
    vectors_token
        The catalogue's token of the set of vectors that was indexed.
    fingerprint
        Hash of segment ids, track ids and vectors.
    file
        Name of the FAISS file; the ids lie beside it.
    file_hash
        Hash of both files.
    """

    trunk_id: str
    dimension: int
    metric: str
    count: int
    vectors_token: str | None
    fingerprint: str
    file: str
    file_hash: str = ""


class SegmentIndex:
    """Unit vectors of segments, searchable by cosine.

    Attributes
    ----------
    segment_ids, track_ids
        (n,) in ascending order of segment id.
    """

    def __init__(self, faiss_index: Any, segment_ids: Ids, track_ids: Ids) -> None:
        self._faiss = faiss_index
        self.segment_ids = segment_ids
        self.track_ids = track_ids

    def __len__(self) -> int:
        return int(self._faiss.ntotal)

    def search(self, queries: Array, k: int) -> tuple[Array, Ids]:
        """Return the cosines and segment ids of the k nearest, best first, both (queries, k)."""
        cosines, ids = self._faiss.search(np.ascontiguousarray(queries, np.float32), min(k, len(self)))
        return cosines, ids

    def vectors_of(self, segment_ids: Ids) -> Array:
        """Return the unit vectors of some segments, (segments, dimensions)."""
        places = np.searchsorted(self.segment_ids, segment_ids)
        return np.asarray(self._faiss.index.reconstruct_batch(places), np.float32)

    def segments_of(self, track_ids: Ids) -> tuple[Ids, Ids]:
        """Return the segment ids of some tracks and the track of each, tracks side by side."""
        places = np.flatnonzero(np.isin(self.track_ids, track_ids))
        order = np.argsort(self.track_ids[places], kind="stable")
        return self.segment_ids[places][order], self.track_ids[places][order]


def build(catalog: Catalog, trunk_id: str) -> tuple[SegmentIndex, Sidecar]:
    """Build the index from the catalogue's stored embeddings."""
    ids, tracks, vectors = [], [], []
    with catalog.transaction() as session:
        token = vectors_token(session)
        for some_ids, some_tracks, embeddings in index_vectors(session, trunk_id):
            ids.append(np.array(some_ids, np.int64))
            tracks.append(np.array(some_tracks, np.int64))
            vectors.append(unit_rows(embeddings))
    segment_ids = np.concatenate(ids) if ids else np.zeros(0, np.int64)
    track_ids = np.concatenate(tracks) if tracks else np.zeros(0, np.int64)
    matrix = np.concatenate(vectors) if vectors else np.zeros((0, 1), np.float32)
    flat = faiss.IndexIDMap2(faiss.IndexFlatIP(matrix.shape[1]))
    flat.add_with_ids(matrix, segment_ids)
    fingerprint = _fingerprint(segment_ids, track_ids, matrix)
    sidecar = Sidecar(
        trunk_id, matrix.shape[1], "cosine", len(matrix), token, fingerprint, _file_name(fingerprint)
    )
    return SegmentIndex(flat, segment_ids, track_ids), sidecar


def _file_name(fingerprint: str) -> str:
    return f"segments-{fingerprint}.faiss"


def _fingerprint(*arrays: npt.NDArray[Any]) -> str:
    state = hashlib.blake2b(digest_size=16)
    for array in arrays:
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


def save(index: SegmentIndex, sidecar: Sidecar, folder: Path) -> Sidecar:
    """Write an index; the sidecar comes last, makes it valid, and is returned with the files' hash."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = faiss.serialize_index(index._faiss)
    tracks = np.stack([index.segment_ids, index.track_ids]).astype("<i8")
    sidecar = replace(sidecar, file_hash=_fingerprint(raw, tracks))
    replace_file(folder / sidecar.file, raw.tobytes())
    replace_file(_tracks_path(folder, sidecar), tracks.tobytes())
    replace_file(_sidecar_path(folder), json.dumps(asdict(sidecar), indent=2).encode())
    kept = {sidecar.file, _tracks_path(folder, sidecar).name, _sidecar_path(folder).name}
    for old in folder.iterdir():
        if old.name not in kept:
            old.unlink(missing_ok=True)
    return sidecar


def _sidecar_path(folder: Path) -> Path:
    return folder / "segments.json"


def _tracks_path(folder: Path, sidecar: Sidecar) -> Path:
    return folder / sidecar.file.replace(".faiss", ".tracks")


def read_sidecar(folder: Path) -> Sidecar | None:
    """Return the sidecar on disk, or None where there is none that can be read."""
    try:
        found = Sidecar(**json.loads(_sidecar_path(folder).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.file == _file_name(found.fingerprint) else None


def state(catalog: Catalog, folder: Path, trunk_id: str) -> str:
    """Return ``current``, or why the index on disk cannot be used: ``absent``, ``stale``, ``damaged``."""
    return _load(catalog, folder, trunk_id)[0]


def _load(catalog: Catalog, folder: Path, trunk_id: str) -> tuple[str, SegmentIndex | None]:
    sidecar = read_sidecar(folder)
    if sidecar is None:
        return ("damaged" if _sidecar_path(folder).exists() else "absent"), None
    with catalog.transaction() as session:
        token = vectors_token(session)
    if sidecar.trunk_id != trunk_id or sidecar.vectors_token != token:
        return "stale", None
    try:
        raw = np.fromfile(folder / sidecar.file, np.uint8)
        tracks = np.fromfile(_tracks_path(folder, sidecar), "<i8")
    except OSError:
        return "damaged", None
    if _fingerprint(raw, tracks) != sidecar.file_hash:
        return "damaged", None
    tracks = tracks.reshape(2, -1).astype(np.int64)
    loaded: Any = faiss.deserialize_index(raw)
    return "current", SegmentIndex(loaded, tracks[0], tracks[1])


def open_index(catalog: Catalog, folder: Path, trunk_id: str) -> tuple[SegmentIndex, str | None]:
    """Load the index, building it again from the catalogue where it cannot be used.

    Returns
    -------
    tuple
        The index, and a sentence for the user if it was built again, else None.
    """
    found, index = _load(catalog, folder, trunk_id)
    if index is not None:
        return index, None
    index, sidecar = build(catalog, trunk_id)
    with suppress(OSError):  # a home that may only be read still answers, from the index in memory
        save(index, sidecar, folder)
    return index, f"the index was {found}; built again from the catalogue ({len(index)} segments)"
