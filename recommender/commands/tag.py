"""``tag``: genres and tags of a whole library in one batch."""

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
    import io
    import json
    import os

    from recommender.commands.ingest import run_ingest
    from recommender.commands.output import EXIT_SOME_FAILED, say
    from recommender.home import replace_file
    from recommender.tagging.report import rows, write_csv

    if output is not None and output.suffix.lower() not in (".csv", ".json"):
        raise typer.BadParameter(f"{output} must end in .csv or .json", param_hint="-o")
    home = home_of(context)
    if folder is not None:
        run_ingest(home, [str(folder)], "none", 1, jobs, quiet=as_json or output is None)
    bundle = home.bundle()
    with home.existing_catalog().transaction() as session:
        found = list(rows(session, bundle, os.path.abspath(folder) if folder else None))
    text = io.StringIO(newline="")
    if as_json or (output is not None and output.suffix.lower() == ".json"):
        json.dump(found, text, indent=2)
        text.write("\n")
    else:
        write_csv(text, found)
    encoded = text.getvalue().encode("utf-8", "surrogateescape")
    if output is not None:
        replace_file(output, encoded)
        say(f"{len(found)} tracks written to {output}")
    if output is None or as_json:
        sys.stdout.buffer.write(encoded)
        sys.stdout.buffer.flush()
    if any("error" in row for row in found):
        raise typer.Exit(EXIT_SOME_FAILED)
