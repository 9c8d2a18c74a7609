"""``status``, ``failures`` and ``relocate``: what the catalogue holds, and where."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from recommender.home import Home


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show counts, the active bundle, the index's state, missing and failed files, warnings."""
    from recommender.commands.output import show_json

    answer = _state(home_of(context))
    if as_json:
        show_json(answer)
    else:
        _tell(answer)


def _state(home: "Home") -> dict[str, Any]:
    from recommender.retrieval.index import state
    from recommender.retrieval.index_files import read_sidecar

    bundle = home.bundle()
    sidecar = read_sidecar(home.index_dir)
    catalog = home.existing_catalog()
    with catalog.transaction() as session:
        counted, listed = _counts(session, bundle.trunk_id), _lists(session)
    return {
        "home": str(home.path),
        "database": home.catalog_name,
        **counted,
        "bundle_id": bundle.bundle_id,
        "trunk_id": bundle.trunk_id,
        "labels": list(bundle.labels),
        "index": state(catalog, home.index_dir, bundle.trunk_id),
        "index_search": sidecar.inverted or "exact" if sidecar is not None else None,
        "index_recall_at_10": sidecar.recall_at_10 if sidecar is not None else None,
        "hub_reference_tracks": sidecar.reference_tracks if sidecar is not None else 0,
        "hub_reference_frozen_at_tracks": sidecar.frozen_at_tracks if sidecar is not None else 0,
        **listed,
    }


def _counts(session: "Session", trunk_id: str) -> dict[str, int]:
    from db.features import count_segments, tracks_with_features
    from db.tracks import count, good_ids

    segments, silent = count_segments(session)
    waiting = len(good_ids(session) - tracks_with_features(session, trunk_id))
    return {
        **asdict(count(session)),
        "segments": segments,
        "silent_segments": silent,
        "to_analyse_again": waiting,
    }


def _lists(session: "Session") -> dict[str, list[dict[str, Any]]]:
    from db.tracks import all_roots, missing_tracks, remarked

    here = remarked(session)
    return {
        "roots": [{"path": r.path, "present": os.path.isdir(r.path)} for r in all_roots(session)],
        "missing_files": [{"path": t.path, "message": "gone"} for t in missing_tracks(session)],
        "failed_files": [{"path": t.path, "message": t.error_message} for t in here if t.error_kind],
        "warnings": [{"path": t.path, "message": t.warning} for t in here if t.warning],
    }


def _tell(answer: dict[str, Any]) -> None:
    from recommender.commands.output import printable, show

    for name, value in answer.items():
        title = name.replace("_", " ")
        if not isinstance(value, list):
            show(f"{title}: {value}")
        elif name == "labels":
            show(f"{title}: {', '.join(map(printable, value))}")
        for row in value if isinstance(value, list) and name != "labels" else []:
            remark = row.get("message") or ("there" if row["present"] else "not there now")
            show(f"{title.removesuffix('s')}: {printable(row['path'])}: {remark}")


def failures(context: typer.Context, as_json: AsJson = False) -> None:
    """List the files that could not be analysed, with the reason; each is tried again when it changes."""
    from db.tracks import failures as failed
    from recommender.commands.output import printable, show, show_json

    with home_of(context).existing_catalog().transaction() as session:
        found = [{"path": t.path, "kind": t.error_kind, "message": t.error_message} for t in failed(session)]
    if as_json:
        show_json(found)
        return
    for row in found:
        show(f"{printable(str(row['path']))}: {row['message']}")
    if not found:
        show("No file failed.")


def relocate(
    context: typer.Context,
    old: Annotated[Path, typer.Argument(help="The root as the catalogue has it.")],
    new: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Where it is now.")],
    as_json: AsJson = False,
) -> None:
    """Tell the catalogue that a library root is now another folder; nothing is analysed again."""
    from db.tracks import relocate as move
    from recommender.commands.output import printable, show, show_json

    home = home_of(context)
    with home.writer_lock(), home.existing_catalog().transaction() as session:
        moved = move(session, os.path.abspath(old), os.path.abspath(new))
    answer = {"old": os.path.abspath(old), "new": os.path.abspath(new), "tracks": moved}
    if as_json:
        show_json(answer)
    else:
        show(f"{moved} tracks are now below {printable(str(answer['new']))}")
