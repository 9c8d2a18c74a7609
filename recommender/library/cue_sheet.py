"""A cue sheet to the tracks that it cuts files into.

The format: CDRWIN's, as its manual (appendix "Cuesheet commands") has it and as rippers and editors write it.
What a sheet says in commands that are not known here is passed over; what would cut a file elsewhere than was
meant is an error that names the line.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from recommender.errors import RecommenderError
from recommender.library import params

FRAMES_A_SECOND: Final = 75
"""Times are ``mm:ss:ff``, the last in frames of a CD."""
_TIME: Final = re.compile(r"([0-9]{1,6}):([0-9]{1,2}):([0-9]{1,2})")
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_KANA: Final = re.compile("[\u3041-\u30ff]")
_FILE_KINDS: Final = frozenset(("wave", "mp3", "aiff", "binary", "motorola", "flac", "ape", "wavpack", "ogg"))


class CueSheetError(RecommenderError):
    """A cue sheet that cannot be followed; the message names the line, where there is one."""


@dataclass
class SheetTrack:
    """A track of a cue sheet.

    Attributes
    ----------
    number, line
        Its number in the sheet, and the line that begins it.
    file
        The file as the sheet names it.
    start_s
        In seconds of the file, of its index 01: what is before is the gap, which belongs to the track before.
    end_s
        Where the next track of the file begins; None: at the file's end.
    is_audio
        Whether it is: a disc may hold data, too.
    words
        What the sheet says of it: ``TITLE``, ``PERFORMER``.
    """

    number: int
    line: int
    file: str
    start_s: float = -1.0
    end_s: float | None = None
    is_audio: bool = True
    words: dict[str, str] = field(default_factory=dict)


@dataclass
class CueSheet:
    """A cue sheet: its tracks in order, and what it says of them all.

    Attributes
    ----------
    words
        ``TITLE``, ``PERFORMER``; ``GENRE``, ``DATE``, ``DISCNUMBER`` from remarks.
    """

    tracks: list[SheetTrack] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)

    def of_files(self) -> dict[str, list[SheetTrack]]:
        """Return the tracks of audio of each file that the sheet names."""
        found: dict[str, list[SheetTrack]] = {}
        for track in self.tracks:
            found.setdefault(track.file, []).append(track)
        return {name: kept for name, of in found.items() if (kept := [t for t in of if t.is_audio])}


def decoded(data: bytes) -> str:
    """Return the text of a sheet: in UTF-8 or UTF-16, else Windows' western encoding or Japan's.

    Old sheets do not say in which they are. What is in Shift-JIS may pass for western text, too; kana, which
    western text hardly ever spells, tell that it does not.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    zeros = data[:256].count(0)
    if zeros and zeros >= len(data[:256]) // 3:
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")
    for encoding in ("utf-8", "cp932", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "cp932" or _KANA.search(text):
            return text
    try:
        return data.decode("cp932")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def parse(data: bytes) -> CueSheet:
    """Return what a cue sheet says.

    Raises
    ------
    CueSheetError
        If it cannot be followed; with the line.
    """
    if len(data) > params.LARGEST_SHEET:
        raise CueSheetError(f"it is larger than {params.LARGEST_SHEET / 2**20:g} MB")
    reader = _Reader()
    lines = decoded(data).splitlines()
    for number, line in enumerate(lines, start=1):
        command, rest = _first_word(line)
        reader.read(number, command.upper(), rest)
    return reader.finished(len(lines))


class _Reader:
    """Reads a sheet line by line."""

    def __init__(self) -> None:
        self._sheet = CueSheet()
        self._file: str | None = None
        self._last_s = 0.0

    def read(self, line: int, command: str, rest: str) -> None:
        """Take in a line."""
        tracks = self._sheet.tracks
        if command == "FILE":
            name = _file_name(rest)
            if not name:
                raise CueSheetError(f"line {line}: FILE names no file")
            if name != self._file and any(track.file == name for track in tracks):
                raise CueSheetError(f"line {line}: {name} comes again, after another file")
            self._file, self._last_s = name, 0.0
        elif command == "TRACK":
            self._begin(line, rest)
        elif command == "INDEX":
            self._index(line, rest)
        elif command in ("TITLE", "PERFORMER"):
            words = tracks[-1].words if tracks else self._sheet.words
            words.setdefault(command, _unquoted(rest))
        elif command == "REM":
            name, value = _first_word(rest)
            if name.upper() in ("GENRE", "DATE", "DISCNUMBER"):
                words = tracks[-1].words if tracks else self._sheet.words
                words.setdefault(name.upper(), _unquoted(value))

    def _begin(self, line: int, rest: str) -> None:
        """Take in the first line of a track."""
        number, kind = _first_word(rest)
        if self._file is None:
            raise CueSheetError(f"line {line}: a TRACK before the FILE that it is in")
        if not (number.isascii() and number.isdigit() and len(number) <= 4):
            raise CueSheetError(f"line {line}: {number[:20]!r} is no track number")
        self._check_whole(line)
        if len(self._sheet.tracks) == params.MOST_SHEET_TRACKS:
            raise CueSheetError(f"line {line}: more than {params.MOST_SHEET_TRACKS:,} tracks")
        audio = kind.upper() in ("AUDIO", "")
        self._sheet.tracks.append(SheetTrack(int(number), line, self._file, is_audio=audio))

    def _index(self, line: int, rest: str) -> None:
        """Take in an index: 01 is where a track begins, 00 where the gap before it does."""
        number, time = _first_word(rest)
        if not self._sheet.tracks:
            raise CueSheetError(f"line {line}: an INDEX before any TRACK")
        match = _TIME.fullmatch(time)
        if not (number.isascii() and number.isdigit()) or match is None:
            raise CueSheetError(f"line {line}: an INDEX is a number and a time as 03:25:74 (mm:ss:ff)")
        minutes, seconds, frames = map(int, match.groups())
        if seconds >= 60 or frames >= FRAMES_A_SECOND:
            raise CueSheetError(f"line {line}: {match[0]} is no time: seconds go to 59, frames to 74")
        at_s = 60 * minutes + seconds + frames / FRAMES_A_SECOND
        if at_s < self._last_s:
            raise CueSheetError(f"line {line}: {match[0]} is before the index above it")
        self._last_s = at_s
        track = self._sheet.tracks[-1]
        if int(number) == 1:
            if track.start_s >= 0:
                raise CueSheetError(f"line {line}: a second INDEX 01 of track {track.number}")
            track.file, track.start_s = self._file or track.file, at_s  # its gap may be in the file before

    def _check_whole(self, line: int) -> None:
        """See that the track before a line has its beginning."""
        if self._sheet.tracks and self._sheet.tracks[-1].start_s < 0:
            last = self._sheet.tracks[-1]
            raise CueSheetError(f"line {last.line}: track {last.number} has no INDEX 01 (up to line {line})")

    def finished(self, n_lines: int) -> CueSheet:
        """Return the sheet, the end of each track being where the next of its file begins."""
        self._check_whole(n_lines)
        if not self._sheet.tracks:
            raise CueSheetError("it names no tracks")
        for track, following in zip(self._sheet.tracks, self._sheet.tracks[1:], strict=False):
            if track.file != following.file:
                continue
            if following.start_s <= track.start_s:
                where = f"line {following.line}"
                raise CueSheetError(f"{where}: track {following.number} begins where the one before does")
            track.end_s = following.start_s
        for of in self._sheet.of_files().values():
            _check_numbers(of)
        return self._sheet


def _check_numbers(tracks: list[SheetTrack]) -> None:
    """See that no two tracks of a file have the same number."""
    seen: set[int] = set()
    for track in tracks:
        if track.number in seen:
            raise CueSheetError(f"line {track.line}: a second track {track.number}")
        seen.add(track.number)


def _first_word(text: str) -> tuple[str, str]:
    """Return the first word of a text, and the rest."""
    word, *rest = text.split(maxsplit=1) or [""]
    return word, "".join(rest).strip()


def _unquoted(text: str) -> str:
    """Return a text without the quotes around it; programs leave those within it as they are."""
    is_quoted = text.startswith('"') and text.count('"') > 1
    return text[1 : text.rindex('"')].strip() if is_quoted else text.strip('"')


def _file_name(rest: str) -> str:
    """Return the name in a FILE line: in quotes, or up to the kind of file."""
    if rest.startswith('"') and rest.count('"') > 1:
        return _unquoted(rest)
    name, _, kind = rest.rpartition(" ")
    return name.strip() if kind.lower() in _FILE_KINDS else rest
