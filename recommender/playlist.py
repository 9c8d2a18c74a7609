"""A list of songs as a file that players and spreadsheets read: M3U8, CSV or JSON."""

import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from urllib.parse import unquote, urlsplit

from classifier.errors import in_words
from classifier.files import replace_file
from db.file_range import file_of
from recommender import params
from recommender.errors import RecommenderError
from recommender.text_files import csv_bytes, lines_of, open_text

FORMATS = {".m3u8": "m3u8", ".m3u": "m3u8", ".csv": "csv", ".json": "json"}
"""What a file name's suffix asks for."""

COLUMNS = ("path", "title", "artist", "duration_s")
UNKNOWN_LENGTH = -1
FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\x85\u2028\u2029\u202a-\u202e\u2066-\u2069<>:"/\\|?*]')
"""What names of files may not have, on one system or another; or that shows them otherwise than they are."""
START = re.compile(r"#EXTVLCOPT:start-time=(\d+(?:\.\d+)?)")
LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


@dataclass(frozen=True)
class PlaylistEntry:
    """A song of a playlist.

    Attributes
    ----------
    path
        Its absolute path, as the operating system decodes it.
    duration_s
        Seconds, or None where not known.
    extra
        Further columns of a CSV, and members of a JSON object, such as a similarity.
    start_s, end_s
        From where to where in its file it is; None of a whole file, or for the file's end.
    """

    path: str
    title: str = ""
    artist: str = ""
    duration_s: float | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    start_s: float | None = None
    end_s: float | None = None


def format_of(path: Path) -> str:
    """Return the format that a file name asks for: ``m3u8``, ``csv`` or ``json``.

    Raises
    ------
    RecommenderError
        If its suffix is none of those known.
    """
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise RecommenderError(f"{path} must end in {', '.join(FORMATS)}") from None


def write_playlist(
    entries: Sequence[PlaylistEntry],
    path: Path | None,
    format: str | None = None,
    relative_to: Path | None = None,
) -> tuple[bytes, list[tuple[str, str]]]:
    """Write a playlist whole or not at all; without a path, only return its bytes.

    Parameters
    ----------
    entries, path
        In the order to play them; and where to, None for what the caller writes itself.
    format
        ``m3u8``, ``csv`` or ``json``; None to go by the path's suffix.
    relative_to
        The folder that song paths are relative to; None for absolute ones.

    Returns
    -------
    tuple
        The bytes, and (path, reason) of each song that the format cannot name.

    Raises
    ------
    RecommenderError
        If the format is not known or the file cannot be written.
    """
    chosen = format or (format_of(path) if path is not None else "m3u8")
    if chosen not in WRITERS:
        raise RecommenderError(f"no playlist format '{chosen}'; there are: {', '.join(WRITERS)}")
    base = None if relative_to is None else os.path.abspath(relative_to)
    named = [(entry, entry.path if base is None else os.path.relpath(entry.path, base)) for entry in entries]
    content, skipped = WRITERS[chosen](named)
    if path is not None:
        try:
            replace_file(path, content)
        except OSError as error:
            raise RecommenderError(f"{path} cannot be written: {in_words(error)}") from error
    return content, skipped


def common_folder(folders: Sequence[str]) -> str:
    """Return the folder that holds all of some; the root of all where they have no other in common."""
    return os.path.commonpath([os.path.abspath(folder) for folder in folders]) if folders else os.sep


def safe_file_name(words: str) -> str:
    """Return words as a file may be called anywhere, without what a file system may refuse, not too long."""
    clean = FORBIDDEN.sub("_", unicodedata.normalize("NFC", words.encode("utf-8", "replace").decode()))
    cut = " ".join(clean.split()).encode()[: params.LONGEST_NAME_BYTES].decode(errors="ignore")
    return cut.strip(" .") or "_"


Named = Sequence[tuple[PlaylistEntry, str]]
Skipped = list[tuple[str, str]]


def playlist_entries(path: Path) -> Iterator[PlaylistEntry]:
    """Yield the songs of an M3U playlist, by absolute paths; of a part of a file also where it begins.

    Raises
    ------
    RecommenderError
        If it cannot be read, or is no text.
    """
    start_s: float | None = None
    try:
        with open_text(path) as file:
            for line in lines_of(file, path):
                text = line.rstrip("\r\n")
                if found := START.fullmatch(text):
                    start_s = float(found[1])
                elif text.strip() and not text.startswith("#"):
                    yield PlaylistEntry(_absolute(text, path.parent), start_s=start_s)
                    start_s = None
    except OSError as error:
        raise RecommenderError(f"{path} cannot be read: {in_words(error)}") from error


def _absolute(named: str, folder: Path) -> str:
    """Return the path that a line of a playlist names, which may be a file's address."""
    path = unquote(urlsplit(named).path) if named.lower().startswith("file:") else named
    return os.path.abspath(os.path.join(folder, path))


def m3u8(named: Named) -> tuple[bytes, Skipped]:
    """Return an extended M3U in UTF-8, without a byte order mark, and what it cannot name.

    A song that is a part of a file has that file's path, with where it begins and ends in lines before it.
    Each line of the file is a path, so a name that holds a line break cannot be in it. A name that
    is not UTF-8 is written as the bytes that the file system has: players open just these bytes.
    """
    lines = [b"#EXTM3U"]
    skipped = []
    for entry, path in named:
        if "\n" in path or "\r" in path:
            skipped.append((entry.path, "its name holds a line break, which M3U8 cannot express"))
            continue
        seconds = UNKNOWN_LENGTH if entry.duration_s is None else round(entry.duration_s)
        title = entry.title or PurePath(entry.path).stem
        words = f"{entry.artist} - {title}" if entry.artist else title
        lines.append(f"#EXTINF:{seconds},{_one_line(words)}".encode(errors="replace"))
        lines += _range_lines(entry)
        lines.append(os.fsencode(_not_a_comment(path if entry.start_s is None else file_of(path))))
    return b"\n".join(lines) + b"\n", skipped


def _range_lines(entry: PlaylistEntry) -> list[bytes]:
    """Return what says which part of a file a song is, as VLC has it; other players play all of it."""
    bounds = (("start", entry.start_s), ("stop", entry.end_s))
    return [f"#EXTVLCOPT:{name}-time={at_s:.3f}".encode() for name, at_s in bounds if at_s is not None]


def _one_line(words: str) -> str:
    return LINE_BREAKS.sub(" ", words).strip()


def _not_a_comment(path: str) -> str:
    """Return the same path spelt so that a reader neither skips nor trims it."""
    return os.path.join(os.curdir, path) if path[0] in "#\ufeff" or path[0].isspace() else path


def as_csv(named: Named) -> tuple[bytes, Skipped]:
    """Return a CSV in UTF-8 with a header: path, title, artist, duration_s, and the extras.

    A name that is not UTF-8 keeps its bytes.
    """
    extras = list(dict.fromkeys(name for entry, _ in named for name in entry.extra))
    rows = [
        (path, entry.title, entry.artist, entry.duration_s, *(entry.extra.get(name) for name in extras))
        for entry, path in named
    ]
    return csv_bytes([(*COLUMNS, *extras), *rows]), []


def as_json(named: Named) -> tuple[bytes, Skipped]:
    """Return a JSON array of objects in ASCII; odd bytes of a name are escapes, as ``--json`` has them."""
    songs = [
        dict(zip(COLUMNS, (path, entry.title, entry.artist, entry.duration_s), strict=True))
        | dict(entry.extra)
        for entry, path in named
    ]
    return (json.dumps(songs, indent=2) + "\n").encode("ascii"), []


WRITERS: dict[str, Callable[[Named], tuple[bytes, Skipped]]] = {
    "m3u8": m3u8,
    "csv": as_csv,
    "json": as_json,
}
