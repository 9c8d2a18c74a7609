"""The mapped arrays on disk: found where they are, made where they are absent or too old."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifier.arrays import Mask
from classifier.model.bundle import Bundle
from db.session import Catalog
from db.sound.array_rows import sizes
from db.sound.features import vectors_token
from recommender.retrieval.index.files import Arrays, are_whole, generation, load_arrays, publish
from recommender.retrieval.index.segment_index import Rows
from recommender.retrieval.mapped.arrays import MappedSound, SoundArrays
from recommender.retrieval.mapped.build import fill

FORMAT: Final = 1
SIDECAR: Final = "arrays.json"
MAPPED_SHARE: Final = 0.5
"""Of the disk's free room that the arrays may take."""
FRESH_SHARE: Final = 0.95
"""They are made again where fewer of the tracks are in them as they are."""


@dataclass(frozen=True)
class ArraysSidecar:
    """Description of the arrays on disk.

    Attributes
    ----------
    trunk_id, bundle_id, vectors_token
        What they are of.
    fingerprint, files
        As of the index's (`recommender.retrieval.index.files.Sidecar`).
    format
        Of the files; others are made again.
    """

    trunk_id: str
    bundle_id: str
    vectors_token: str | None
    fingerprint: str = ""
    files: dict[str, list[Any]] | None = None
    format: int = FORMAT

    @property
    def folder(self) -> str:
        """Return the name of the folder that the files lie in."""
        return f"arrays-{self.fingerprint}"


def make(catalog: Catalog, folder: Path, bundle: Bundle) -> None:
    """Make the arrays from the catalogue; older ones are removed then.

    Nothing is made where they would take much of the disk.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    with catalog.snapshot() as session, generation(folder) as part:
        if sizes(session, bundle.trunk_id)[1] > MAPPED_SHARE * shutil.disk_usage(folder).free:
            return
        sidecar = ArraysSidecar(bundle.trunk_id, bundle.bundle_id, vectors_token(session))
        arrays = Arrays(part)
        arrays.save(fill(session, bundle, arrays.new))
        publish(part, sidecar, folder, SIDECAR)


def read_sidecar(folder: Path) -> ArraysSidecar | None:
    """Return the sidecar on disk, or None where there is none that can be read."""
    try:
        found = ArraysSidecar(**json.loads((folder / SIDECAR).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.format == FORMAT else None


def load(folder: Path, bundle: Bundle, rows: Rows, token: str | None) -> tuple[MappedSound, float] | None:
    """Return the arrays on disk, and which share of an index's tracks they have as they are now.

    Parameters
    ----------
    bundle
        The one that they must be of.
    rows, token
        Of the index, and the token of the vectors in it.

    Returns
    -------
    tuple or None
        None where there are none of this bundle, or they are damaged.
    """
    sidecar = read_sidecar(folder)
    if sidecar is None or (sidecar.trunk_id, sidecar.bundle_id) != (bundle.trunk_id, bundle.bundle_id):
        return None
    try:
        if not are_whole(folder, sidecar):
            return None
        arrays = SoundArrays.of(load_arrays(folder, sidecar))
    except (OSError, ValueError, KeyError):
        return None
    fresh = _fresh(arrays, rows, same=token is not None and sidecar.vectors_token == token)
    made = MappedSound(arrays, bundle.trunk_id, bundle.bundle_id, bundle.front_end.patch_s, fresh)
    return made, float(fresh.sum() / max(1, len(rows.track_ids)))


def _fresh(arrays: SoundArrays, rows: Rows, *, same: bool) -> Mask:
    """Return which of the arrays' tracks are as they are in an index of the catalogue, (tracks,)."""
    places = np.minimum(np.searchsorted(rows.track_ids, arrays.track_ids), max(0, len(rows.track_ids) - 1))
    if not len(rows.track_ids):
        return np.zeros(len(arrays.track_ids), bool)
    there = rows.track_ids[places] == arrays.track_ids
    alike = (rows.stamps[places] == arrays.stamps) & ((arrays.stamps != 0) | same)
    return np.asarray(there & alike)
