"""``status``, ``failures`` and ``relocate``: what the catalogue holds, and where."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of, only_folders

UNKNOWN = "–"
"""Stands for what is not known, such as the recall of an index that searches exactly."""
NO_REASON = "no reason was kept"


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show counts, the active bundle, the index's state, missing and failed files, warnings."""
    from recommender.commands.output import show_json
    from recommender.presentation.status import status_answer

    answer = status_answer(home_of(context))
    if as_json:
        show_json(answer)
    else:
        _print(answer)


def _print(answer: dict[str, Any]) -> None:
    from recommender.commands.output import printable, show

    for name, value in answer.items():
        title = name.replace("_", " ")
        if isinstance(value, dict):
            show(f"{title}: {value['done']} of {value['found']} files")
        elif not isinstance(value, list):
            show(f"{title}: {UNKNOWN if value is None else value}")
        elif name == "labels":
            show(f"{title}: {', '.join(map(printable, value))}")
        for row in value if isinstance(value, list) and name != "labels" else []:
            there = "there" if row.get("present") else "not there now"
            remark = there if "present" in row else row["message"] or NO_REASON
            show(f"{title.removesuffix('s')}: {printable(row['path'])}: {remark}")


def failures(context: typer.Context, as_json: AsJson = False) -> None:
    """List the files that could not be analysed, with the reason; each is tried again when it changes."""
    from recommender.commands.output import printable, show, show_json
    from recommender.presentation.status import failures_answer

    with home_of(context).existing_catalog().transaction() as session:
        found = failures_answer(session)
    if as_json:
        show_json(found)
        return
    for row in found:
        show(f"{printable(str(row['path']))}: {row['message'] or NO_REASON}")
    if not found:
        show("No file failed.")


def relocate(
    context: typer.Context,
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The root as the catalogue has it.")],
    new: Annotated[
        Path,
        typer.Argument(
            metavar="NEW", exists=True, file_okay=False, callback=only_folders, help="Where it is now."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Tell the catalogue that a library root is now another folder; nothing is analysed again."""
    from db.tracks import relocate as move
    from recommender.commands.output import counted, printable, show, show_json

    home = home_of(context)
    with home.writer_lock(), home.existing_catalog().transaction() as session:
        moved = move(session, os.path.abspath(old), os.path.abspath(new))
    answer = {"old": os.path.abspath(old), "new": os.path.abspath(new), "tracks": moved}
    if as_json:
        show_json(answer)
    else:
        tracks = f"{counted(moved, 'track')} {'is' if moved == 1 else 'are'}"
        show(f"{tracks} now below {printable(str(answer['new']))}")
