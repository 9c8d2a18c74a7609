"""``export`` and ``import``: what the catalogue knows of every track, out; the user's labels, in again."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.commands.options import AsJson, check_ending, home_of

if TYPE_CHECKING:
    from recommender.labels.import_labels import ImportReport

ENDINGS = (".csv", ".jsonl")
SHOWN_UNMATCHED = 20


def export(
    context: typer.Context,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", help="As its ending says: .csv or .jsonl (JSON Lines)."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Write your labels and what the sound tells of every track, a line each.

    Another catalogue, or this one after you edited it, takes the labels back: deepcuts import FILE.
    """
    from classifier.errors import in_words
    from recommender.commands.output import counted, say, show_json
    from recommender.errors import TransferError
    from recommender.labels.export import export_labels

    check_ending(output, "-o", *ENDINGS)
    home = home_of(context)
    try:
        n_tracks = export_labels(home.existing_catalog(), home.bundle(), output)
    except OSError as error:
        raise TransferError(f"{output} cannot be written: {in_words(error)}") from error
    if as_json:
        show_json({"file": os.path.abspath(output), "tracks": n_tracks})
    else:
        say(f"{counted(n_tracks, 'track')} written to {output}")


def import_(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="What export wrote; or a CSV, or JSON Lines, with label, and path or content_hash.",
        ),
    ],
    remove: Annotated[
        bool,
        typer.Option("--remove", help="Take the label of a track away where its line gives none."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Set your labels as FILE says; tracks that it does not speak of are left alone.

    A track is found by its audio, so that it may have moved, else by its path. If any line cannot be
    used, nothing is imported; lines that fit no track are listed (exit code 3).
    """
    from recommender.commands.output import EXIT_SOME_FAILED, show_json
    from recommender.labels.import_labels import import_labels

    check_ending(file, "FILE", *ENDINGS)
    home = home_of(context)
    with home.writer_lock():
        report = import_labels(home.existing_catalog(), file, remove=remove)
    if as_json:
        show_json({"file": os.path.abspath(file)} | asdict(report))
    else:
        _print(report)
    if report.unmatched:
        raise typer.Exit(EXIT_SOME_FAILED)


def _print(report: "ImportReport") -> None:
    from recommender.commands.output import counted, printable, say, show

    removed = f", {report.removed} of them removed" if report.removed else ""
    lines = f"{report.matched} of {counted(report.lines, 'line')} speak{'s' * (report.lines == 1)}"
    tracks, labels = counted(report.tracks, "track"), counted(report.changed, "label")
    show(f"{lines} of {tracks}; {labels} changed{removed}.")
    for item in report.unmatched[:SHOWN_UNMATCHED]:
        say(f"Unmatched: line {item.line}: {printable(item.path)}: {item.reason}")
    if len(report.unmatched) > SHOWN_UNMATCHED:
        say(f"… and {len(report.unmatched) - SHOWN_UNMATCHED} more; --json lists them all.")
