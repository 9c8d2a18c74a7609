"""The index on disk: opened where it fits the catalogue, else brought up to date or built again.

SQLite is the truth: an index that is absent, stale or damaged is made from it.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from db.session import Catalog
from db.sound.features import vectors_token
from db.sound.index_rows import IndexTracks, index_rows, index_tracks
from recommender import params
from recommender.retrieval.index.build import build_index
from recommender.retrieval.index.exposure import Groups
from recommender.retrieval.index.files import (
    LISTS,
    Arrays,
    Sidecar,
    are_whole,
    generation,
    load_arrays,
    publish,
    read_sidecar,
    unreadable,
)
from recommender.retrieval.index.hubness import Reference
from recommender.retrieval.index.segment_index import Rows, SegmentIndex
from recommender.song_makers import makers_of, numbered


@dataclass(frozen=True)
class StoredIndex:
    """The index on disk and its state.

    Attributes
    ----------
    state
        ``current``, or why it cannot be used: ``absent``, ``stale``, ``damaged``.
    index, sidecar
        None where it cannot be read; else, although it be stale, it can be brought up to date.
    """

    state: str
    index: SegmentIndex | None = None
    sidecar: Sidecar | None = None


def state(catalog: Catalog, folder: Path, trunk_id: str) -> str:
    """Return ``current``, or why the index on disk cannot be used: ``absent``, ``stale``, ``damaged``."""
    return _load(catalog, folder, trunk_id).state


def examine(catalog: Catalog, folder: Path, trunk_id: str) -> str:
    """Return the state as `state` does, with every file hashed and the tracks compared with the rows."""
    found = _load(catalog, folder, trunk_id)
    if found.state != "current" or found.index is None:
        return found.state
    if not _is_sound(found, folder):
        return "damaged"
    with catalog.snapshot() as session:
        held = index_tracks(session, trunk_id)
    rows = found.index.rows
    counts = np.diff(np.append(rows.starts, len(found.index)))
    pairs = ((rows.track_ids, held.track_ids), (counts, held.counts), (rows.stamps, held.stamps))
    return "current" if all(np.array_equal(here, there) for here, there in pairs) else "stale"


def open_index(
    catalog: Catalog,
    folder: Path,
    trunk_id: str,
    *,
    anew: bool = False,
    unwritten: Callable[[OSError], None] = lambda error: None,
) -> tuple[SegmentIndex, str | None]:
    """Return the index, built again from the catalogue where the one on disk cannot be used.

    Parameters
    ----------
    anew
        Whether to build it with a new reference sample, whatever is there.
    unwritten
        Told why it could not be written, where it was built and is in memory alone.

    Returns
    -------
    tuple
        The index, and a sentence for the user if it was built again, else None.
    """
    found = _load(catalog, folder, trunk_id)
    if found.index is not None and found.state == "current" and not anew:
        return found.index, None
    previous = found if not anew and _is_sound(found, folder) else StoredIndex(found.state)
    index = None
    try:
        with generation(folder) as part:
            index, sidecar = build(catalog, trunk_id, previous, folder, part)
            publish(part, sidecar, folder)
        index = _load(catalog, folder, trunk_id).index
    except OSError as error:  # a home that may only be read, or is full, still answers, from memory
        index = None
        unwritten(error)
    if index is None:
        index, _ = build(catalog, trunk_id, previous, folder)
    return index, f"the index was {found.state}; built again from the catalogue ({len(index)} segments)"


def published_index(catalog: Catalog, folder: Path, trunk_id: str) -> tuple[SegmentIndex, str | None] | None:
    """Return the index on disk with its token, although it be older than the catalogue; None without one."""
    found = _load(catalog, folder, trunk_id)
    if found.index is None or found.sidecar is None:
        return None
    return found.index, found.sidecar.vectors_token


def _is_sound(found: StoredIndex, folder: Path) -> bool:
    """Return whether an older index may be taken over from: its files are hashed whole, however large."""
    try:
        return found.sidecar is not None and are_whole(folder, found.sidecar, thoroughly=True)
    except OSError:
        return False


def build(
    catalog: Catalog,
    trunk_id: str,
    previous: StoredIndex | None = None,
    folder: Path | None = None,
    part: Path | None = None,
) -> tuple[SegmentIndex, Sidecar]:
    """Return the index, built from the catalogue.

    Parameters
    ----------
    previous, folder
        An older index, and where it lies.
    part
        Where to write the files; None to have the index in memory alone.

    Returns
    -------
    tuple
        The index and its sidecar, which does not know of the files yet.
    """
    previous = previous or StoredIndex("absent")
    arrays = Arrays(part)
    with catalog.snapshot() as session:
        token = vectors_token(session)
        held = index_tracks(session, trunk_id)
        read, made = partial(index_rows, session, trunk_id), partial(_groups, session, held)
        index = build_index(held, read, made, arrays, previous.index)
    sidecar = _with_inverted(index, _sidecar(index, trunk_id, token), previous, folder)
    if part is not None:
        arrays.save(arrays_of(index))
        if index.inverted is not None:
            index.inverted.save(part / LISTS)
    return index, sidecar


def _groups(session: Session, held: IndexTracks) -> Groups:
    """Return who made the tracks of an index."""
    makers = makers_of(session)
    known = [makers.get(int(i)) for i in held.track_ids]
    artists = numbered([None if one is None else one.artist for one in known])
    return Groups(artists, numbered([None if one is None else one.album for one in known]))


def _sidecar(index: SegmentIndex, trunk_id: str, token: str | None) -> Sidecar:
    """Return what an index without an inverted file holds."""
    return Sidecar(
        trunk_id=trunk_id,
        dimension=index.dimension,
        metric="cosine",
        count=len(index),
        tracks=len(index.rows.track_ids),
        reference_tracks=len(index.reference.track_ids),
        frozen_at_tracks=index.reference.n_tracks,
        vectors_token=token,
    )


def _with_inverted(
    index: SegmentIndex, sidecar: Sidecar, previous: StoredIndex, folder: Path | None
) -> Sidecar:
    """Return what to note of the inverted file, which an index too large for exact searches is given."""
    if len(index) <= params.EXACT_SEGMENTS:
        return sidecar
    from recommender.retrieval.index import inverted_build, inverted_file

    old, noted = previous.index, previous.sidecar
    learnt_at = noted.learnt_at if noted is not None and noted.learnt_at else len(index)
    kept = old is not None and old.inverted is not None and old.reference is index.reference
    if kept and len(index) <= learnt_at * params.REFRESH_GROWTH and old and noted and folder:
        made = inverted_file.load(folder / noted.folder / LISTS, noted.probes or 1, changing=True)
        inverted_build.update(made, index, old)
    else:
        learnt_at = len(index)
        made = inverted_build.fill(index)
    recall = inverted_build.measure(made, index)
    index.inverted = made
    return replace(
        sidecar,
        inverted=inverted_file.description(learnt_at, made.faiss.d),
        probes=made.probes,
        recall_at_10=round(recall, 4),
        learnt_at=learnt_at,
    )


def _load(catalog: Catalog, folder: Path, trunk_id: str) -> StoredIndex:
    """Return what state the index is in, and the index where it can be read, although it be stale."""
    while True:
        sidecar = read_sidecar(folder)
        found = _load_generation(catalog, folder, trunk_id, sidecar)
        # A generation that another process replaced meanwhile is not damaged.
        if found.state != "damaged" or read_sidecar(folder) == sidecar:
            return found


def _load_generation(catalog: Catalog, folder: Path, trunk_id: str, sidecar: Sidecar | None) -> StoredIndex:
    if sidecar is None:
        return StoredIndex(unreadable(folder))
    if sidecar.trunk_id != trunk_id:
        return StoredIndex("stale")
    with catalog.transaction() as session:
        token = vectors_token(session)
    try:
        if not are_whole(folder, sidecar):
            return StoredIndex("damaged")
        index = index_of(load_arrays(folder, sidecar))
    except (OSError, ValueError, KeyError):
        return StoredIndex("damaged")
    if sidecar.inverted is not None:
        from recommender.retrieval.index import inverted_file

        try:
            index.inverted = inverted_file.load(folder / sidecar.folder / LISTS, sidecar.probes or 1)
        except RuntimeError:  # FAISS's only error
            return StoredIndex("damaged")
    return StoredIndex("current" if sidecar.vectors_token == token else "stale", index, sidecar)


def arrays_of(index: SegmentIndex) -> dict[str, npt.NDArray[Any]]:
    """Return all of an index's arrays by name."""
    named = {field.name: np.asarray(getattr(index.rows, field.name)) for field in fields(Rows)}
    frozen = {f"reference_{f.name}": np.asarray(getattr(index.reference, f.name)) for f in fields(Reference)}
    return {"vectors": index.vectors} | named | frozen


def index_of(arrays: dict[str, npt.NDArray[Any]]) -> SegmentIndex:
    """Return the index of such arrays, without an inverted file."""
    rows = Rows(**{field.name: arrays[field.name] for field in fields(Rows)})
    frozen: dict[str, Any] = {f.name: arrays[f"reference_{f.name}"] for f in fields(Reference)}
    reference = Reference(**{**frozen, "n_tracks": int(frozen["n_tracks"])})
    return SegmentIndex(arrays["vectors"], rows, reference)
