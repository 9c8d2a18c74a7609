"""The contents and the state of a catalogue, for machines."""

import os
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from db.ingest_progress import ingest_progress
from db.session import Catalog
from db.sound.features import count_segments, count_waiting
from db.tracks import all_roots, count, failures, missing_tracks, remarked
from recommender.home import Home
from recommender.retrieval.index.files import read_sidecar
from recommender.retrieval.index.store import state


def status_answer(home: Home, opened: Catalog | None = None) -> dict[str, Any]:
    """Return what the catalogue holds, with what bundle and index, and what is wrong with which files.

    Parameters
    ----------
    opened
        The home's catalogue, where it is open already.
    """
    bundle = home.bundle()
    sidecar = read_sidecar(home.index_dir)
    catalog = opened or home.existing_catalog()
    with catalog.snapshot() as session:
        counted, listed = _counts(session, bundle.trunk_id), _lists(session)
        progress = ingest_progress(session)
    return {
        "home": str(home.path),
        "database": home.catalog_name,
        **counted,
        "bundle_id": bundle.bundle_id,
        "trunk_id": bundle.trunk_id,
        "labels": list(bundle.labels),
        "index": state(catalog, home.index_dir, bundle.trunk_id),
        "index_tracks": sidecar.tracks if sidecar is not None else 0,
        "ingest": None if progress is None else asdict(progress),
        "index_search": sidecar.inverted or "exact" if sidecar is not None else None,
        "index_recall_at_10": sidecar.recall_at_10 if sidecar is not None else None,
        "hub_reference_tracks": sidecar.reference_tracks if sidecar is not None else 0,
        "hub_reference_frozen_at_tracks": sidecar.frozen_at_tracks if sidecar is not None else 0,
        **listed,
    }


def _counts(session: Session, trunk_id: str) -> dict[str, int]:
    segments, silent = count_segments(session)
    return {
        **asdict(count(session)),
        "segments": segments,
        "silent_segments": silent,
        "to_analyse_again": count_waiting(session, trunk_id),
    }


def _lists(session: Session) -> dict[str, list[dict[str, Any]]]:
    here = remarked(session)
    return {
        "roots": [{"path": r.path, "present": os.path.isdir(r.path)} for r in all_roots(session)],
        "missing_files": [{"path": t.path, "message": "gone"} for t in missing_tracks(session)],
        "failed_files": [{"path": t.path, "message": t.error_message} for t in here if t.error_kind],
        "warnings": [{"path": t.path, "message": t.warning} for t in here if t.warning],
    }


def failures_answer(session: Session) -> list[dict[str, Any]]:
    """Return the files that could not be analysed, with the reason."""
    return [{"path": t.path, "kind": t.error_kind, "message": t.error_message} for t in failures(session)]
