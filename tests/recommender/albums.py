"""Albums in one file with a cue sheet, and the same as separate files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from tests import synth

Frames = npt.NDArray[np.int16]
FRAME = 75
"""Of a CD: so many a second."""


@dataclass
class Album:
    """An album in one file.

    Attributes
    ----------
    tracks
        (samples, channels) of each track.
    starts
        Where each begins, in frames of a CD.
    """

    file: Path
    sheet: Path
    rate_hz: int
    tracks: list[Frames]
    starts: list[int]

    def start_s(self, number: int) -> float:
        """Return where a track begins, counted from 1."""
        return self.starts[number - 1] / FRAME

    def write_sheet(self, *head: str, starts: Sequence[int] | None = None, name: str = "") -> None:
        """Write the sheet, with other lines at its head, other starts or another name of the file."""
        lines = [*head, f'FILE "{name or self.file.stem + ".wav"}" WAVE']
        for number, start in enumerate(self.starts if starts is None else starts, start=1):
            lines += [
                f"  TRACK {number:02d} AUDIO",
                f'    TITLE "Song {number}"',
                f"    INDEX 01 {time(start)}",
            ]
        self.sheet.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")

    def write_separately(self, folder: Path) -> list[Path]:
        """Write the same tracks as files of their own."""
        folder.mkdir(parents=True)
        paths = [folder / f"{number:02d}.flac" for number in range(1, len(self.tracks) + 1)]
        for path, samples in zip(paths, self.tracks, strict=True):
            soundfile.write(path, samples, self.rate_hz)
        return paths


def time(frames: int) -> str:
    """Return a time as a sheet has it."""
    return f"{frames // FRAME // 60:02d}:{frames // FRAME % 60:02d}:{frames % FRAME:02d}"


HEAD = ("REM GENRE Test-Pop", "REM DATE 1999", 'PERFORMER "The Band"', 'TITLE "The Album"')


def write_album(file: Path, songs: Sequence[Frames], rate_hz: int) -> Album:
    """Write songs as one file, cut to whole frames of a CD, with a sheet beside it."""
    step = rate_hz // FRAME
    tracks = [song[: len(song) // step * step] for song in songs]
    ends = np.cumsum([len(track) // step for track in tracks])
    album = Album(file, file.with_suffix(".cue"), rate_hz, tracks, [0, *ends[:-1].tolist()])
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, np.concatenate(tracks), rate_hz)
    album.write_sheet(*HEAD)
    return album


def made_up(n: int, seconds: float = 4.0, rate_hz: int = 44_100, first: int = 100) -> list[Frames]:
    """Return songs of two channels that differ from each other."""
    songs = []
    for seed in range(first, first + n):
        left = synth.music_like(seconds + seed % 3, seed, rate_hz)
        both = np.stack([left, np.roll(left, 40) * 0.8], axis=1)
        songs.append(np.asarray(np.rint(both * 32_000), np.int16))
    return songs
