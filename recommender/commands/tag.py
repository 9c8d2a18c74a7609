"""``tag``: genres and tags of a whole library: listed, written into the files, or taken back."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.commands.options import AsJson, Jobs, home_of, only_folders, only_numbers

if TYPE_CHECKING:
    from recommender.home import Home
    from recommender.tagging.file_plan import TagOptions


def tag(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            exists=True,
            file_okay=False,
            callback=only_folders,
            help="Ingested first (not for --undo); without it, the whole catalogue.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="List to FILE, as its ending says: .csv or .json. On stdout control characters are escaped.",
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write genres into the files' tags; --undo takes that back.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show file by file what --write, or --undo, would change: old → new."),
    ] = False,
    undo: Annotated[
        bool,
        typer.Option("--undo", help="Restore what was in the files before deepcuts wrote into them."),
    ] = False,
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also",
            metavar="sub-genres|moods|voices|eras|tempo|key",
            help="Write these, too; several with commas.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also replace what was set by hand.")
    ] = False,
    append: Annotated[bool, typer.Option("--append", help="Add to what was set by hand.")] = False,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            "--min-confidence",
            min=0.0,
            max=1.0,
            callback=only_numbers,
            metavar="0..1",
            help="Write nothing that is less probable, be it a genre, mood, voice or era.",
            show_default="0.1; of genres, what is not unsure",
        ),
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(
            "--map",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Your own names: CSV with the columns label and name, or a JSON object; a label whose "
            "name is empty is not written, one that is not there is written as ever.",
        ),
    ] = None,
    keep_mtime: Annotated[
        bool, typer.Option("--keep-mtime", help="Leave the files' time of change as it is.")
    ] = False,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """List genres and tags of every track as CSV or JSON, or write them into the files' own tags.

    Files are changed by --write and --undo alone. On a terminal, and with any option that is about
    writing, it shows what --write would change; otherwise it lists. What a person set is left alone
    unless you say otherwise. A file that could not be used has its reason (exit code 3).
    """
    from recommender.commands.ingest import run_ingest
    from recommender.commands.tag_files import undo_tags, write_tags

    home = home_of(context)
    about_names = bool(also or overwrite or append or names or min_confidence is not None)
    about_files = write or dry_run or undo or about_names or keep_mtime
    for wrong, message in (
        (write and dry_run, "--write and --dry-run exclude each other"),
        (write and undo, "--write and --undo exclude each other"),
        (overwrite and append, "--overwrite and --append exclude each other"),
        (undo and about_names, "--undo takes back whatever was written; leave the other options out"),
        (output is not None and about_files, "-o is for the listing, not for what is written into files"),
    ):
        if wrong:
            raise typer.BadParameter(message)
    root = os.path.abspath(folder) if folder else None
    if undo:
        undo_tags(home, root, write=not dry_run, keep_mtime=keep_mtime, as_json=as_json)
        return
    listing = not about_files and (output is not None or as_json or not sys.stdout.isatty())
    kind = _kind(output, as_json)
    options = _tag_options(also or (), overwrite, append, min_confidence, names)
    if folder is not None:
        run_ingest(home, [str(folder)], "none", 1, jobs, quiet=as_json or (listing and output is None))
    if listing:
        _list(home, root, output, kind, as_json=as_json)
    else:
        write_tags(home, root, options, write=write, keep_mtime=keep_mtime, as_json=as_json)


def _tag_options(
    also: Iterable[str],
    overwrite: bool,
    append: bool,
    min_confidence: float | None,
    names: Path | None,
) -> "TagOptions":
    """Return what the options say of what is to be written."""
    from recommender import params
    from recommender.tagging.canon import Canon, read_canon
    from recommender.tagging.file_plan import ALSO, TagOptions

    chosen = frozenset(word.strip() for words in also for word in words.split(",") if word.strip())
    if not chosen <= set(ALSO):
        wrong = ", ".join(sorted(chosen - set(ALSO)))
        raise typer.BadParameter(f"'{wrong}' is none of {', '.join(ALSO)}", param_hint="--also")
    least = params.WRITTEN_CONFIDENCE if min_confidence is None else min_confidence
    return TagOptions(chosen, overwrite, append, least, Canon(read_canon(names) if names else {}))


def _kind(output: Path | None, as_json: bool) -> str:
    kind = output.suffix.lower() if output is not None else ".json" if as_json else ".csv"
    if kind not in (".csv", ".json"):
        raise typer.BadParameter(f"{output} must end in .csv or .json", param_hint="-o")
    return kind


def _list(home: "Home", folder: str | None, output: Path | None, kind: str, *, as_json: bool) -> None:
    from classifier.errors import in_words
    from classifier.files import replace_file
    from recommender.commands.last_resort import printing
    from recommender.commands.output import EXIT_SOME_FAILED, counted, say
    from recommender.errors import RecommenderError
    from recommender.labels.table import as_csv, as_json_text, rows

    with home.existing_catalog().transaction() as session:
        found = list(rows(session, home.bundle(), folder))
    if output is not None:
        try:
            replace_file(output, as_csv(found) if kind == ".csv" else as_json_text(found))
        except OSError as error:
            raise RecommenderError(f"{output} cannot be written: {in_words(error)}") from error
        say(f"{counted(len(found), 'track')} written to {output}")
    if output is None or as_json:
        with printing():
            sys.stdout.buffer.write(as_json_text(found) if as_json else as_csv(found, shown=True))
            sys.stdout.buffer.flush()
    if any("error" in row for row in found):
        raise typer.Exit(EXIT_SOME_FAILED)
