"""Robustness: songs that are found though their files were encoded again, resampled, louder, softer, cut."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from classifier.audio.transcode import Recoding, recode
from classifier.errors import AudioError
from recommender.library.workers.boundary import Failure, attempt

ALTERATIONS: Final[Mapping[str, Recoding]] = {
    "mp3 64k": Recoding("mp3", bit_rate=64_000),
    "mp3 128k": Recoding("mp3", bit_rate=128_000),
    "opus 96k": Recoding("opus", bit_rate=96_000),
    "resampled": Recoding(other_rate_hz=(22_050, 44_100)),
    "6 dB louder": Recoding(gain_db=6.0),
    "6 dB softer": Recoding(gain_db=-6.0),
    "cut by 10 s": Recoding(skip_s=10.0),
}
"""The alterations of a song, by name. Resampled to 22.05 kHz, or to 44.1 from there; cut at the beginning."""
TOP: Final = 10
LONGEST_STEM: Final = 40
"""Characters of a song's name in its copies': the end of it, by which numbered songs differ."""

Progress = Callable[[int, int], None]
RankOf = Callable[[Path, int], int | None]


@dataclass(frozen=True)
class Survival:
    """The number of originals that were found for one kind of altered copy.

    Attributes
    ----------
    kind
        One of `ALTERATIONS`.
    songs
        Copies that were asked about.
    first, in_top_10
        How many of them had the original as the first answer, and among the first ten.
    skipped
        Songs no such copy could be made of, with the reason: too short to be cut, unreadable.
    """

    kind: str
    songs: int = 0
    first: int = 0
    in_top_10: int = 0
    skipped: tuple[tuple[int, str], ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return counts and shares, the shares rounded to 4 digits and None where there was no song."""
        first, top = (round(n / self.songs, 4) if self.songs else None for n in (self.first, self.in_top_10))
        return {
            "kind": self.kind,
            "songs": self.songs,
            "first": self.first,
            "in_top_10": self.in_top_10,
            "share_first": first,
            "share_in_top_10": top,
            "skipped": [{"track_id": i, "message": reason} for i, reason in self.skipped],
        }


def altered(path: Path, kind: str, folder: Path) -> Path:
    """Return the path of an altered copy of a song, written into a folder; one of the same name is replaced.

    The copy has no tags: nothing but its sound shows what it is.

    Parameters
    ----------
    path
        The song.
    kind
        One of `ALTERATIONS`.
    folder
        Where to; it must exist.

    Raises
    ------
    AudioError
        If the song cannot be decoded, the copy cannot be written, or too little would be left of it.
    """
    how = ALTERATIONS[kind]
    copy = folder / f"{path.stem[-LONGEST_STEM:]} ({kind}).{how.codec}"
    recode(path, copy, how)
    return copy


def robustness(
    songs: Sequence[tuple[int, Path]],
    rank_of_original: RankOf,
    kinds: Sequence[str] = tuple(ALTERATIONS),
    progress: Progress = lambda done, total: None,
) -> list[Survival]:
    """Return how often the original is found for songs altered in every way, one copy on disk at a time.

    Parameters
    ----------
    songs
        Track ids and files.
    rank_of_original
        Called with an altered copy and the original's track id; returns the rank, from 1, at which the
        original is found, or None where it is not. An `AudioError` of its own counts as not found.
    kinds
        Which of `ALTERATIONS`.
    progress
        Called with the copies done of how many.

    Returns
    -------
    list of Survival
        One a kind, in their order.
    """
    ranks: dict[str, list[int | None]] = {kind: [] for kind in kinds}
    skipped: dict[str, list[tuple[int, str]]] = {kind: [] for kind in kinds}
    total = len(songs) * len(kinds)
    with tempfile.TemporaryDirectory(prefix="deepcuts-") as folder:
        for number, (track_id, path) in enumerate(songs):
            for done, kind in enumerate(kinds, number * len(kinds) + 1):
                copy = attempt(partial(altered, path, kind, Path(folder)))
                if isinstance(copy, Failure):
                    skipped[kind].append((track_id, copy.message))
                else:
                    ranks[kind].append(_rank(rank_of_original, copy, track_id))
                    copy.unlink()
                progress(done, total)
    return [_count(kind, ranks[kind], skipped[kind]) for kind in kinds]


def _rank(rank_of_original: RankOf, copy: Path, track_id: int) -> int | None:
    try:
        return rank_of_original(copy, track_id)
    except AudioError:
        return None


def _count(kind: str, ranks: Sequence[int | None], skipped: Sequence[tuple[int, str]]) -> Survival:
    found = [rank for rank in ranks if rank is not None]
    return Survival(
        kind, len(ranks), sum(r == 1 for r in found), sum(r <= TOP for r in found), tuple(skipped)
    )
