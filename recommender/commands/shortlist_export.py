"""``shortlist export``: a shortlist as a table, a playlist, excerpts, or a sheet to print."""

import enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of
from recommender.commands.shortlist import Named, shortlist

if TYPE_CHECKING:
    from recommender.home import Home
    from recommender.shortlists.excerpts import ExcerptFile

__all__ = ["export", "shortlist"]


class ShortlistFormat(enum.StrEnum):
    """What a shortlist may be written as."""

    CSV = "csv"
    M3U8 = "m3u8"
    ZIP = "zip"
    HTML = "html"


class ExcerptFormat(enum.StrEnum):
    """What excerpts may be."""

    FLAC = "flac"
    MP3 = "mp3"


@shortlist.command(short_help="Write it as .csv, .m3u8, .zip of excerpts, or .html.")
def export(
    context: typer.Context,
    name: Named,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", dir_okay=False, help="Where to.")],
    format: Annotated[
        ShortlistFormat | None,
        typer.Option(
            "--format",
            help="A table, a playlist, 30 s of each song, or a sheet to print.",
            show_default="as FILE ends",
        ),
    ] = None,
    absolute: Annotated[
        bool, typer.Option("--absolute/--relative", help="In a playlist: absolute paths, or relative to it.")
    ] = False,
    audio: Annotated[ExcerptFormat, typer.Option("--audio", help="What excerpts are.")] = ExcerptFormat.FLAC,
    as_json: AsJson = False,
) -> None:
    """Write a shortlist into a file: .csv, .m3u8, .zip of excerpts, or .html."""
    from recommender.commands.output import EXIT_SOME_FAILED, printable, say, show_json
    from recommender.commands.output import show as show_line
    from recommender.presentation.shortlists import shortlist_answer
    from recommender.shortlists.excerpts import excerpt_files
    from recommender.shortlists.find import find_shortlist

    chosen = format or _by_ending(output)
    home = home_of(context)
    bundle = home.bundle()
    with home.existing_catalog().snapshot() as session:
        answer = shortlist_answer(session, find_shortlist(session, name), bundle)
        excerpts = excerpt_files(session, answer, bundle) if chosen is ShortlistFormat.ZIP else []
    if chosen is ShortlistFormat.ZIP:
        left_out = _write_archive(home, excerpts, output, audio.value)
    else:
        left_out = _write(answer, output, chosen, absolute=absolute)
    for one, reason in left_out:
        say(f"Left out: {printable(one)}: {printable(reason)}")
    written = answer["songs"] - len(left_out)
    if as_json:
        told = [{"song": one, "reason": reason} for one, reason in left_out]
        show_json({"path": str(output), "songs": written, "left_out": told})
    else:
        show_line(f"{written} {'song is' if written == 1 else 'songs are'} in {printable(str(output))}")
    if left_out:
        raise typer.Exit(EXIT_SOME_FAILED)


def _by_ending(output: Path) -> ShortlistFormat:
    try:
        return ShortlistFormat(output.suffix.lower().removeprefix("."))
    except ValueError:
        known = ", ".join(f".{one}" for one in ShortlistFormat)
        raise typer.BadParameter(f"{output} must end in {known}, or name a --format") from None


def _write(
    answer: dict[str, Any], output: Path, format: ShortlistFormat, *, absolute: bool
) -> list[tuple[str, str]]:
    from classifier.errors import in_words
    from classifier.files import replace_file
    from recommender.errors import RecommenderError
    from recommender.playlist import PlaylistEntry, write_playlist
    from recommender.presentation.text import title_of
    from recommender.shortlists.sheet import shortlist_sheet
    from recommender.shortlists.table import shortlist_csv

    if format is ShortlistFormat.M3U8:
        entries = [
            PlaylistEntry(
                track["path"],
                title_of(track),
                track["artist"],
                track["duration_s"],
                start_s=track.get("range", {}).get("start_s"),
                end_s=track.get("range", {}).get("end_s"),
            )
            for track in (entry["track"] for entry in answer["entries"])
        ]
        return write_playlist(entries, output, "m3u8", None if absolute else output.absolute().parent)[1]
    table = format is ShortlistFormat.CSV
    content = shortlist_csv(answer) if table else shortlist_sheet(answer).encode()
    try:
        replace_file(output, content)
    except OSError as error:
        raise RecommenderError(f"{output} cannot be written: {in_words(error)}") from error
    return []


def _write_archive(
    home: "Home", excerpts: "list[ExcerptFile]", output: Path, format: str
) -> list[tuple[str, str]]:
    """Cut the excerpts one by one in a worker; return what could not be cut, and why."""
    from classifier.errors import in_words
    from classifier.files import whole_file
    from recommender.errors import RecommenderError
    from recommender.library.file_reader import FileReader
    from recommender.library.workers.boundary import Failure
    from recommender.shortlists.archive import StreamedZip, left_out_text
    from recommender.shortlists.excerpts import cut_excerpt, tagged

    left_out: list[tuple[str, str]] = []
    archive = StreamedZip()
    try:
        with whole_file(output) as file, FileReader(None, home.path) as reader:
            for one in excerpts:
                source = one.track.file_range
                start_s, end_s = source.within(one.start_s, one.end_s)
                cut = partial(cut_excerpt, format=format, start_s=start_s, end_s=end_s)
                found = reader.attempt(cut, source.path)
                if isinstance(found, Failure):
                    left_out.append((one.name, found.message))
                    continue
                file.write(archive.add(f"{one.name}.{format}", tagged(found, format, one.tags)))
            if left_out:
                file.write(archive.add("left out.txt", left_out_text(left_out)))
            file.write(archive.close())
    except OSError as error:
        raise RecommenderError(f"{output} cannot be written: {in_words(error)}") from error
    return left_out
