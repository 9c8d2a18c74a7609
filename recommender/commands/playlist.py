"""``playlist``: any list of songs, as a file for players; and the playlists of the catalogue."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from recommender.commands.options import AsJson

LONGEST_S = 1e9
"""No song is longer; NaN and infinity are not shorter either."""
BOUNDS = ("start_s", "end_s")


class FileOrCommand(TyperGroup):
    """The commands of `playlist`; what is none of them is the file to write."""

    otherwise = "write"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words behind ``playlist``."""
        helps = ctx.help_option_names
        named = args and (args[0] in self.commands or args[0] in helps)
        return super().parse_args(ctx, args if named or not args else [self.otherwise, *args])


playlist = typer.Typer(
    cls=FileOrCommand,
    help="Write what list commands print as .m3u8, .csv or .json: deepcuts playlist FILE; and playlists that "
    "are kept in the catalogue.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@playlist.callback()
def _group() -> None:
    """Write lists as files, and keep playlists."""


@playlist.command(short_help="What a list command printed, as a file; also: deepcuts playlist FILE.")
def write(
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
    from recommender.commands.output import printable, show, show_json

    if source is None and sys.stdin.isatty():
        raise typer.BadParameter("nothing is piped in; name a file", param_hint="--from")
    content = source.read_bytes() if source is not None else sys.stdin.buffer.read()
    written = write_results(_results(content, source), output, absolute=absolute)
    if as_json:
        show_json({"path": str(output), "songs": written})
    else:
        show(f"{written} {'song is' if written == 1 else 'songs are'} in {printable(str(output))}")


def _results(content: bytes, source: Path | None) -> list[dict[str, Any]]:
    """Return the songs of what a list command printed; relative paths are from its file's folder."""
    import json

    from recommender.errors import RecommenderError

    try:
        found = _songs(json.loads(content))
    except (ValueError, RecursionError):
        found = None
    if found is None or not all(_is_song(song) for song in found):
        raise RecommenderError(
            "this is no list of songs; use what similar, discover, find, path or duplicates print with --json"
        )
    folder = Path() if source is None else source.absolute().parent
    return [{**song, "path": str(folder.absolute() / song["path"])} for song in found]


def _songs(answer: Any) -> list[Any] | None:
    """Return the items of an answer, or of a list; those of the groups of duplicates, each once."""
    if isinstance(answer, dict) and isinstance(answer.get("groups"), list):
        tracks = [track for group in answer["groups"] for track in _members(group)]
        return list({repr(track): track for track in tracks}.values())
    found = answer.get("results") if isinstance(answer, dict) else answer
    return found if isinstance(found, list) else None


def _members(group: Any) -> list[Any]:
    tracks = group.get("tracks") if isinstance(group, dict) else None
    return tracks if isinstance(tracks, list) else [None]


def _is_song(item: Any) -> bool:
    """Say whether an item has a path that a file can have, and is otherwise as list commands print it."""
    import os

    if not isinstance(item, dict) or not isinstance(item.get("path"), str):
        return False
    try:
        raw = os.fsencode(item["path"])
    except UnicodeEncodeError:
        return False
    length = item.get("duration_s")
    known = length is None or _is_time(length)
    named = all(isinstance(item.get(name) or "", str) for name in ("title", "artist"))
    return bool(raw) and b"\0" not in raw and known and named


def _bounds(result: dict[str, Any]) -> dict[str, Any]:
    """Return from where to where in its file a song is, where it is a part of one.

    List commands say it in ``range``, a playlist as JSON beside the path.
    """
    said = result["range"] if isinstance(result.get("range"), dict) else result
    found = {name: said.get(name) for name in BOUNDS}
    start_s, end_s = found.values()
    return found if _is_time(start_s) and (end_s is None or _is_time(end_s)) else {}


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < LONGEST_S


def write_results(results: list[dict[str, Any]], output: Path, *, absolute: bool = False) -> int:
    """Write results as a playlist, say what had to be left out, and return how many songs are in it."""
    from recommender.commands.output import printable, say
    from recommender.playlist import PlaylistEntry, format_of, write_playlist

    kept = ("rank", "track_id", "album", "year", "similarity", "score", "plays")
    entries = [
        PlaylistEntry(
            path=result["path"],
            title=result.get("title") or "",
            artist=result.get("artist") or "",
            duration_s=result.get("duration_s"),
            **_bounds(result),
            extra={name: result[name] for name in kept if name in result} | _bounds(result),
        )
        for result in results
    ]
    base = None if absolute else output.absolute().parent
    _, skipped = write_playlist(entries, output, format_of(output), base)
    for path, reason in skipped:
        say(f"Left out: {printable(path)}: {reason}")
    return len(entries) - len(skipped)


def tell_written(songs: int, output: Path) -> None:
    """Say below a list how many of its songs a file has."""
    from recommender.commands.output import counted, printable, say

    say(f"{counted(songs, 'song')} written to {printable(str(output))}")
