"""Which audio files of a folder its cue sheets cut into tracks, and what the sheets say of these."""

import hashlib
import json
import ntpath
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from classifier.audio.decode import is_audio_path
from classifier.errors import said
from db.file_range import FileRange, file_of, part_path
from recommender.file_tags.read import FileTags, tags_of_words
from recommender.library import params
from recommender.library.cue_sheet import CueSheet, CueSheetError, SheetTrack, parse
from recommender.library.embedded_sheet import embedded_sheet
from recommender.song_paths import folded

CUE: Final = ".cue"


@dataclass(frozen=True)
class SheetPart:
    """A track that a sheet cuts out of a file.

    Attributes
    ----------
    number
        In the sheet.
    start_s, end_s
        In seconds of the file; None: to its end.
    tags
        What the sheet says of it; empty where it says nothing.
    """

    number: int
    start_s: float
    end_s: float | None
    tags: FileTags

    @property
    def sheet_hash(self) -> str:
        """Return a hash of all that the sheet says of the track, 32 digits."""
        said_of_it = json.dumps([self.number, self.start_s, self.end_s, vars(self.tags)], default=str)
        return hashlib.blake2b(said_of_it.encode("utf-8", "replace"), digest_size=16).hexdigest()

    def content_hash(self, of_file: str | None) -> str | None:
        """Return the hash of the part's audio: of the file's hash and of the part's borders."""
        if of_file is None:
            return None
        borders = f"{of_file} {self.start_s:.6f} {'' if self.end_s is None else format(self.end_s, '.6f')}"
        packets = hashlib.blake2b(borders.encode(), digest_size=16).hexdigest()
        return packets + of_file[len(packets) :]

    def described(self, of_file: FileTags) -> FileTags:
        """Return the part's tags: what the sheet says, and for the rest what the file says of the album."""
        said_of_it = {name: value for name, value in vars(self.tags).items() if value}
        own = [] if self.tags.genres else of_file.own_genres
        return replace(of_file, plays=0, last_played=None, own_genres=own, **said_of_it)


@dataclass
class SheetsOfFolder:
    """What the sheets of a folder say.

    Attributes
    ----------
    parts
        The tracks of the files that are cut, by the files' paths.
    warnings
        One sentence for each sheet that is not followed although it is meant to cut a file.
    """

    parts: dict[str, list[SheetPart]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def read_sheets(sheets: Sequence[str], audio: Sequence[str]) -> SheetsOfFolder:
    """Return which of a folder's audio files its sheets cut into tracks.

    A file that holds but one track of a sheet is left as it is. Where several sheets name a file, the one
    that is called as the file counts, else the first that can be followed.

    Parameters
    ----------
    sheets, audio
        Paths of the cue sheets and of the audio files of one folder.
    """
    found, warned = SheetsOfFolder(), {}
    for path in sorted(sheets, key=lambda path: (not _called_as(path, audio), path)):
        try:
            with open(path, "rb") as file:
                sheet = parse(file.read(params.LARGEST_SHEET + 1))
            for name, tracks in sheet.of_files().items():
                cut = _meant(name, path, audio, alone=len(sheet.of_files()) == 1)
                if len(tracks) > 1 and cut is None:
                    raise CueSheetError(f"{os.path.basename(name)} is not there")
                if len(tracks) > 1 and cut is not None:
                    found.parts.setdefault(cut, [_part(sheet, track) for track in tracks])
        except CueSheetError as error:
            warned[path] = str(error)
        except OSError as error:
            warned[path] = f"it cannot be read: {said(error).lower()}"
    found.warnings = [f"{path}: {why}; the sheet is not followed" for path, why in sorted(warned.items())]
    return found


def parts_within(path: str) -> list[SheetPart]:
    """Return the tracks that a file's own sheet, in its comments, cuts it into; none where it has none.

    Raises
    ------
    CueSheetError
        If it has one that cannot be followed.
    """
    data = embedded_sheet(path)
    if data is None:
        return []
    sheet = parse(data)
    of_files = list(sheet.of_files().values())
    return [_part(sheet, track) for track in of_files[0]] if len(of_files) == 1 < len(of_files[0]) else []


def part_at(path: str) -> tuple[str, SheetPart] | None:
    """Return the file and the part of it that a path such as ``album.flac#03`` means, or None.

    It goes by the cue sheets that lie beside the file or in it, whether or not it is catalogued.
    """
    file = file_of(path)
    if file == path or os.path.lexists(path) or not os.path.isfile(file):
        return None
    folder = os.path.dirname(file)
    try:
        paths = [os.path.join(folder, name) for name in os.listdir(folder or os.curdir)]
    except OSError:
        return None
    sheets = [path for path in paths if path.lower().endswith(CUE)]
    parts = read_sheets(sheets, [path for path in paths if is_audio_path(path)]).parts.get(file)
    if parts is None:
        with suppress(CueSheetError):
            parts = parts_within(file)
    parts = parts or []
    return next(((file, part) for part in parts if part_path(file, part.number) == path), None)


def range_at(path: str) -> FileRange:
    """Return what a path means: a file, or as of `part_at` a part of one."""
    found = part_at(path)
    return FileRange(path) if found is None else FileRange(found[0], found[1].start_s, found[1].end_s)


def _called_as(sheet: str, audio: Sequence[str]) -> bool:
    """Whether a sheet has the name of an audio file, with or without its ending."""
    stem = folded(os.path.splitext(sheet)[0])
    return any(stem in (folded(path), folded(os.path.splitext(path)[0])) for path in audio)


def _meant(name: str, sheet: str, audio: Sequence[str], *, alone: bool) -> str | None:
    """Return the audio file that a sheet means by a name, perhaps that from before it was compressed.

    Parameters
    ----------
    alone
        Whether it names no other: where there is none of the name, one that is called as the sheet is meant.
    """
    wanted = folded(ntpath.basename(name))
    by_name = {folded(os.path.basename(path)): path for path in sorted(audio, reverse=True)}
    by_stem = {os.path.splitext(name)[0]: path for name, path in by_name.items()}
    exact = os.path.join(os.path.dirname(sheet), ntpath.basename(name))
    found = exact if exact in audio else by_name.get(wanted) or by_stem.get(os.path.splitext(wanted)[0])
    if found is None and alone:
        stem = folded(os.path.splitext(os.path.basename(sheet))[0])
        found = by_name.get(stem) or by_stem.get(stem)
    return found


def _part(sheet: CueSheet, track: SheetTrack) -> SheetPart:
    """Return a track as a part of its file."""
    words = {"title": track.words.get("TITLE", ""), "track": str(track.number)}
    words["artist"] = track.words.get("PERFORMER") or sheet.words.get("PERFORMER", "")
    words["album"], words["album_artist"] = sheet.words.get("TITLE", ""), sheet.words.get("PERFORMER", "")
    for name, command in (("genre", "GENRE"), ("year", "DATE"), ("disc", "DISCNUMBER")):
        words[name] = track.words.get(command) or sheet.words.get(command, "")
    tags = tags_of_words(words)
    titled = tags if tags.title else replace(tags, title=f"Track {track.number:02d}")
    return SheetPart(track.number, track.start_s, track.end_s, titled)
