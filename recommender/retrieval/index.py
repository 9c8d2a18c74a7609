"""The index on disk, and the sidecar that says what it holds.

SQLite is the truth: an index that is absent, stale or damaged is built again from it. Files are written
beside the old ones and the sidecar is replaced last, so a reader sees the old index or the new one,
never a mixture.
"""

import hashlib
import io
import json
import zipfile
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from db.features import vectors_token
from db.session import Catalog
from recommender.home import replace_file
from recommender.retrieval.hubness import Reference
from recommender.retrieval.index_build import build_index
from recommender.retrieval.segment_index import Rows, SegmentIndex

FORMAT = 2


@dataclass(frozen=True)
class Sidecar:
    """What an index on disk holds.

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
    fingerprint
        Hash of all arrays.
    file
        Name of the FAISS file; the other arrays lie beside it.
    file_hash
        Hash of both files.
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
    fingerprint: str
    file: str
    file_hash: str = ""
    format: int = FORMAT


def build(
    catalog: Catalog, trunk_id: str, previous: SegmentIndex | None = None
) -> tuple[SegmentIndex, Sidecar]:
    """Build the index from the catalogue (`index_build.build_index`), and its sidecar."""
    with catalog.transaction() as session:
        token = vectors_token(session)
        index = build_index(session, trunk_id, previous)
    frozen = index.reference
    fingerprint = _fingerprint(faiss.serialize_index(index.faiss), *_arrays(index.rows, frozen).values())
    sidecar = Sidecar(
        trunk_id=trunk_id,
        dimension=index.dimension,
        metric="cosine",
        count=len(index),
        tracks=len(index.rows.track_ids),
        reference_tracks=len(frozen.track_ids),
        frozen_at_tracks=frozen.n_tracks,
        vectors_token=token,
        fingerprint=fingerprint,
        file=_file_name(fingerprint),
    )
    return index, sidecar


def _arrays(rows: Rows, reference: Reference) -> dict[str, npt.NDArray[Any]]:
    """Return all arrays but the vectors, by name."""
    named = {field.name: np.asarray(getattr(rows, field.name)) for field in fields(rows)}
    frozen = {
        f"reference_{field.name}": np.asarray(getattr(reference, field.name)) for field in fields(reference)
    }
    return named | frozen


def _from_arrays(arrays: Any) -> tuple[Rows, Reference]:
    rows = Rows(**{field.name: arrays[field.name] for field in fields(Rows)})
    frozen = {field.name: arrays[f"reference_{field.name}"] for field in fields(Reference)}
    return rows, Reference(**{**frozen, "n_tracks": int(frozen["n_tracks"])})


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
    raw = faiss.serialize_index(index.faiss)
    packed = io.BytesIO()
    np.savez(packed, **_arrays(index.rows, index.reference))  # type: ignore[arg-type]
    arrays = np.frombuffer(packed.getvalue(), np.uint8)
    sidecar = replace(sidecar, file_hash=_fingerprint(raw, arrays))
    replace_file(folder / sidecar.file, raw.tobytes())
    replace_file(_arrays_path(folder, sidecar), arrays.tobytes())
    replace_file(_sidecar_path(folder), json.dumps(asdict(sidecar), indent=2).encode())
    kept = {sidecar.file, _arrays_path(folder, sidecar).name, _sidecar_path(folder).name}
    for old in folder.iterdir():
        if old.name not in kept:
            old.unlink(missing_ok=True)
    return sidecar


def _sidecar_path(folder: Path) -> Path:
    return folder / "segments.json"


def _arrays_path(folder: Path, sidecar: Sidecar) -> Path:
    return folder / sidecar.file.replace(".faiss", ".npz")


def read_sidecar(folder: Path) -> Sidecar | None:
    """Return the sidecar on disk, or None where there is none that can be read."""
    try:
        found = Sidecar(**json.loads(_sidecar_path(folder).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.file == _file_name(found.fingerprint) and found.format == FORMAT else None


def _unreadable(folder: Path) -> str:
    """Return why there is no sidecar: ``absent``, ``stale`` if of another version, else ``damaged``."""
    try:
        described = json.loads(_sidecar_path(folder).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    except (OSError, ValueError):
        return "damaged"
    is_other = isinstance(described, dict) and described.get("format", 1) != FORMAT
    return "stale" if is_other else "damaged"


def state(catalog: Catalog, folder: Path, trunk_id: str) -> str:
    """Return ``current``, or why the index on disk cannot be used: ``absent``, ``stale``, ``damaged``."""
    return _load(catalog, folder, trunk_id)[0]


def _load(catalog: Catalog, folder: Path, trunk_id: str) -> tuple[str, SegmentIndex | None]:
    """Return what state the index is in, and the index where it can be read, although it be stale."""
    sidecar = read_sidecar(folder)
    if sidecar is None:
        return _unreadable(folder), None
    if sidecar.trunk_id != trunk_id:
        return "stale", None
    with catalog.transaction() as session:
        token = vectors_token(session)
    try:
        raw = np.fromfile(folder / sidecar.file, np.uint8)
        arrays = np.fromfile(_arrays_path(folder, sidecar), np.uint8)
    except OSError:
        return "damaged", None
    if _fingerprint(raw, arrays) != sidecar.file_hash:
        return "damaged", None
    try:
        with np.load(io.BytesIO(arrays.tobytes()), allow_pickle=False) as packed:
            rows, reference = _from_arrays(packed)
    except (ValueError, KeyError, zipfile.BadZipFile):
        return "damaged", None
    index = SegmentIndex(faiss.deserialize_index(raw), rows, reference)
    return ("current" if sidecar.vectors_token == token else "stale"), index


def open_index(
    catalog: Catalog, folder: Path, trunk_id: str, *, anew: bool = False
) -> tuple[SegmentIndex, str | None]:
    """Load the index, building it again from the catalogue where it cannot be used.

    Parameters
    ----------
    anew
        Whether to build it with a new reference sample, whatever is there.

    Returns
    -------
    tuple
        The index, and a sentence for the user if it was built again, else None.
    """
    found, index = _load(catalog, folder, trunk_id)
    if index is not None and found == "current" and not anew:
        return index, None
    index, sidecar = build(catalog, trunk_id, None if anew else index)
    with suppress(OSError):  # a home that may only be read still answers, from the index in memory
        save(index, sidecar, folder)
    return index, f"the index was {found}; built again from the catalogue ({len(index)} segments)"
