"""``tag``: genres and tags of a whole library in one batch."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from recommender.commands.options import AsJson, Jobs, home_of


def tag(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            exists=True,
            file_okay=False,
            help="Ingested first; without it, the whole catalogue.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write to FILE, as its ending says: .csv or .json."
        ),
    ] = None,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Write genres and tags of every track, with their confidences, as CSV or JSON.

    No audio file is changed. A file that could not be analysed has its reason instead (exit code 3).
    """
    from recommender.commands.ingest import run_ingest
    from recommender.commands.output import EXIT_SOME_FAILED, say
    from recommender.errors import RecommenderError
    from recommender.home import replace_file
    from recommender.tagging.report import as_csv, as_json_text, rows

    kind = output.suffix.lower() if output is not None else ".json" if as_json else ".csv"
    if kind not in (".csv", ".json"):
        raise typer.BadParameter(f"{output} must end in .csv or .json", param_hint="-o")
    home = home_of(context)
    if folder is not None:
        run_ingest(home, [str(folder)], "none", 1, jobs, quiet=as_json or output is None)
    with home.existing_catalog().transaction() as session:
        found = list(rows(session, home.bundle(), os.path.abspath(folder) if folder else None))
    if output is not None:
        try:
            replace_file(output, as_csv(found) if kind == ".csv" else as_json_text(found))
        except OSError as error:
            raise RecommenderError(f"{output} cannot be written: {error.strerror}") from error
        say(f"{len(found)} tracks written to {output}")
    if output is None or as_json:
        sys.stdout.buffer.write(as_json_text(found) if as_json else as_csv(found))
        sys.stdout.buffer.flush()
    if any("error" in row for row in found):
        raise typer.Exit(EXIT_SOME_FAILED)
