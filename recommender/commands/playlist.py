"""``playlist``: any list of songs, as a file for players."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from recommender.commands.options import AsJson


def playlist(
    context: typer.Context,
    output: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="Where to: .m3u8 or .m3u, .csv, .json.", dir_okay=False)
    ],
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE.json",
            exists=True,
            dir_okay=False,
            help="What similar, discover, find, path or duplicates printed with --json.",
            show_default="standard input",
        ),
    ] = None,
    absolute: Annotated[
        bool, typer.Option("--absolute/--relative", help="Write absolute paths, or relative to the playlist.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a list as a playlist: deepcuts similar song.mp3 -n 30 --json | deepcuts playlist mix.m3u8.

    The list commands write one themselves with -o.
    """
    from recommender.commands.output import show, show_json

    text = source.read_text(encoding="utf-8") if source is not None else sys.stdin.read()
    written = write_results(_results(text), output, absolute=absolute)
    if as_json:
        show_json({"path": str(output), "songs": written})
    else:
        show(f"{written} songs are in {output}")


def _results(text: str) -> list[dict[str, Any]]:
    """Return the songs of what a list command printed."""
    import json

    from recommender.errors import RecommenderError

    wrong = "this is no list of songs; pipe in what similar, discover, find or path print with --json"
    try:
        answer = json.loads(text)
    except ValueError:
        raise RecommenderError(wrong) from None
    found = answer.get("results") if isinstance(answer, dict) else answer
    if not isinstance(found, list) or not all(isinstance(r, dict) and "path" in r for r in found):
        raise RecommenderError(wrong)
    return found


def write_results(results: list[dict[str, Any]], output: Path, *, absolute: bool = False) -> int:
    """Write results as a playlist, say what had to be left out, and return how many songs are in it."""
    from recommender.commands.output import printable, say
    from recommender.playlist import Entry, format_of, write_playlist

    kept = ("rank", "track_id", "album", "year", "similarity", "score", "plays")
    entries = [
        Entry(
            path=result["path"],
            title=result.get("title") or "",
            artist=result.get("artist") or "",
            duration_s=result.get("duration_s"),
            extra={name: result[name] for name in kept if name in result},
        )
        for result in results
    ]
    base = None if absolute else output.absolute().parent
    _, skipped = write_playlist(entries, output, format_of(output), base)
    for path, reason in skipped:
        say(f"Left out: {printable(path)}: {reason}")
    return len(entries) - len(skipped)
