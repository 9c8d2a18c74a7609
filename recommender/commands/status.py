"""``status``, ``failures`` and ``relocate``: what the catalogue holds, and where."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show counts, the active bundle, the index's state, missing and failed files, warnings."""
    from db.features import count_segments, tracks_with_features
    from db.tracks import all_roots, count, present
    from recommender.commands.output import printable, show, show_json
    from recommender.retrieval.index import state

    home = home_of(context)
    bundle = home.bundle()
    catalog = home.existing_catalog()
    with catalog.transaction() as session:
        counts = count(session)
        segments, silent = count_segments(session)
        roots = [root.path for root in all_roots(session)]
        here = present(session)
        warnings = [{"path": t.path, "message": t.warning} for t in here if t.warning]
        analysed = tracks_with_features(session, bundle.trunk_id)
        waiting = sum(t.error_kind is None and t.id not in analysed for t in here)
    answer: dict[str, Any] = {
        "home": str(home.path),
        "roots": [{"path": path, "present": os.path.isdir(path)} for path in roots],
        **asdict(counts),
        "segments": segments,
        "silent_segments": silent,
        "to_analyse_again": waiting,
        "bundle_id": bundle.bundle_id,
        "trunk_id": bundle.trunk_id,
        "labels": bundle.labels,
        "index": state(catalog, home.index_dir, bundle.trunk_id),
        "warnings": warnings,
    }
    if as_json:
        show_json(answer)
        return
    for name, value in answer.items():
        if name == "roots":
            for root in value:
                show(f"root: {printable(root['path'])}{'' if root['present'] else ' (not there now)'}")
        elif name == "warnings":
            for warning in value:
                show(f"warning: {printable(warning['path'])}: {warning['message']}")
        else:
            text = ", ".join(value) if isinstance(value, tuple) else str(value)
            show(f"{name.replace('_', ' ')}: {text}")


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
