"""``plays``: play counts from players and listening services, and what is played most."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of
from recommender.params import N_RESULTS

if TYPE_CHECKING:
    from recommender.plays.import_plays import PlaysReport

SHOWN_UNMATCHED = 20
UNMATCHED_COLUMNS = ("part", "line", "lines", "text", "reason")

plays = typer.Typer(help="Import and list play counts.", no_args_is_help=True, rich_markup_mode=None)


@plays.callback()
def _group() -> None:
    """Import and list play counts."""


@plays.command("import", short_help="Import play counts from a CSV, ListenBrainz or Last.fm.")
def import_(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="A CSV with the columns path, plays and perhaps last_played (a path is relative to the "
            "CSV, or absolute); the export of ListenBrainz (zip, JSON); or one of Last.fm (CSV, JSON).",
        ),
    ],
    add: Annotated[
        bool,
        typer.Option(
            "--add",
            help="Add to the counts. Without it they become what FILE says, higher or lower, so that "
            "importing FILE again changes nothing.",
        ),
    ] = False,
    unmatched: Annotated[
        Path | None,
        typer.Option(
            "--unmatched", metavar="FILE.csv", help="Write all that count for no track, with the reason."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import play counts; tracks that FILE does not speak of are left alone.

    Songs of a history are found by artist, title and, where that leaves several, album. Dates without
    a zone are UTC. Lines that count for no track are listed with their reason (exit code 3).
    """
    from recommender.commands.output import EXIT_SOME_FAILED, show_json
    from recommender.plays.import_plays import import_plays

    _check(file, unmatched)
    home = home_of(context)
    catalog = home.existing_catalog()
    with home.writer_lock():
        report = import_plays(catalog, file, add)
    if unmatched is not None:
        _write(report, unmatched)
    if as_json:
        show_json(_as_json(report, file))
    else:
        _print(report)
    if report.unmatched:
        raise typer.Exit(EXIT_SOME_FAILED)


def _check(file: Path, unmatched: Path | None) -> None:
    """Refuse, before anything is changed, a file into which the unmatched cannot be written."""
    if unmatched is None:
        return
    folder = os.path.dirname(os.path.abspath(unmatched))
    if unmatched.suffix.lower() != ".csv" or not os.path.isdir(folder):
        raise typer.BadParameter(
            f"{unmatched} must end in .csv, in a folder that exists", param_hint="--unmatched"
        )
    if unmatched.exists() and os.path.samefile(file, unmatched):
        raise typer.BadParameter(f"{unmatched} is the file to import", param_hint="--unmatched")


def _write(report: "PlaysReport", path: Path) -> None:
    from classifier.errors import in_words
    from classifier.files import replace_file
    from recommender.errors import PlaysError
    from recommender.text_files import csv_bytes

    rows = [[getattr(item, name) for name in UNMATCHED_COLUMNS] for item in report.unmatched]
    try:
        replace_file(path, csv_bytes([UNMATCHED_COLUMNS, *rows], "\n"))
    except OSError as error:
        raise PlaysError(
            f"the plays are imported, but {path} cannot be written: {in_words(error)}"
        ) from error


def _as_json(report: "PlaysReport", file: Path) -> dict[str, Any]:
    from dataclasses import asdict

    return {"file": os.path.abspath(file)} | asdict(report)


def _print(report: "PlaysReport") -> None:
    from recommender.commands.output import counted, printable, say, show

    lines = f"{report.matched} of {counted(report.lines, 'line')} count{'s' * (report.lines == 1)}"
    show(f"{lines} for {counted(report.tracks, 'track')}; {report.changed} changed.")
    if report.lowered:
        have = f"{counted(report.lowered, 'track')} {'has' if report.lowered == 1 else 'have'}"
        say(f"{have} fewer plays than before; --add would have added them.")
    if report.now_playing:
        say(f"{report.now_playing} entries were being played and are no listens yet.")
    for item in report.unmatched[:SHOWN_UNMATCHED]:
        where = f"{item.part} line {item.line}" if item.part else f"line {item.line}"
        more = f" ({item.lines} lines)" if item.lines > 1 else ""
        say(f"Unmatched: {printable(where)}{more}: {printable(item.text)}: {printable(item.reason)}")
    if len(report.unmatched) > SHOWN_UNMATCHED:
        say(f"… and {len(report.unmatched) - SHOWN_UNMATCHED} more; --unmatched FILE.csv writes them all.")
    if report.unmatched:
        n = sum(item.lines for item in report.unmatched)
        say(f"{counted(n, 'line')} count{'s' * (n == 1)} for no track.")


@plays.command()
def top(
    context: typer.Context,
    n: Annotated[int, typer.Option("-n", min=1, help="How many tracks.")] = N_RESULTS,
    as_json: AsJson = False,
) -> None:
    """List the tracks that were played most."""
    from db.listening.plays import most_played
    from db.values import iso_utc
    from recommender.commands.output import say, show_json, show_table

    with home_of(context).existing_catalog().transaction() as session:
        found = [
            {
                "rank": rank,
                "track_id": track.id,
                "path": track.path,
                "title": track.title,
                "artist": track.artist,
                "album": track.album,
                "plays": track.plays,
                "last_played": iso_utc(track.last_played) if track.last_played else None,
            }
            for rank, track in enumerate(most_played(session, n), start=1)
        ]
    if as_json:
        show_json(found)
    elif found:
        show_table(("song", "plays", "last played", "id"), [_cells(item) for item in found])
    else:
        say("No track here was ever played, as far as is known; see: deepcuts plays import --help")


def _cells(item: dict[str, Any]) -> tuple[str, str, str, str]:
    song = f"{item['artist']} - {item['title']}" if item["artist"] else str(item["title"])
    when = (item["last_played"] or "")[:16].replace("T", " ")
    return song, str(item["plays"]), when, str(item["track_id"])
