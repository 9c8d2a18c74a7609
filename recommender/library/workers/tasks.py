"""What a worker does with a file: hash it, read its tags, analyse it. Whatever is wrong with it is raised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from classifier.audio.audio_hash import audio_identity
from classifier.audio.decode import Range
from classifier.datasets.dataset import content_key
from classifier.model import bundle
from classifier.model.predictions import TrackAnalysis
from recommender.file_tags.cover_art import picture_hash
from recommender.file_tags.open_file import check_tags
from recommender.file_tags.read import FileTags, read_tags
from recommender.library.sheet_parts import SheetPart, part_at, range_at
from recommender.library.workers.boundary import Failure, attempt, unfailed

if TYPE_CHECKING:
    from classifier.measures.measure import MeasuredTrack
    from classifier.model.inference import Trunk

_trunk: "Trunk | None" = None


@dataclass(frozen=True)
class Identity:
    """What can be told of a file without decoding it, in so many seconds.

    `content_hash` and `length_s` are those of `classifier.audio.audio_hash.AudioIdentity`.
    """

    content_hash: str | None
    tags: FileTags
    seconds: float = field(default=0.0, compare=False)
    length_s: float | None = None

    def of(self, part: SheetPart | None) -> "Identity":
        """Return what that makes of a part of the file; of None all of it."""
        if part is None:
            return self
        content_hash = part.content_hash(self.content_hash)
        return replace(self, content_hash=content_hash, tags=part.described(self.tags), length_s=None)


def load(bundle_path: str | None, threads: int) -> None:
    """Load what the tasks of a worker process need.

    Raises
    ------
    BundleError
        If the bundle cannot be used.
    """
    global _trunk  # noqa: PLW0603 - one model a process is what a worker is for
    if bundle_path is not None:
        # Not at the top: the process that starts the workers runs no network.
        from classifier.model.inference import Trunk

        _trunk = Trunk(bundle.load(Path(bundle_path)), threads=threads)


def loaded_trunk() -> "Trunk":
    """Return the trunk that this worker process has loaded."""
    if _trunk is None:
        raise RuntimeError("this runs in a worker process that has loaded a bundle")
    return _trunk


def identify(path: str) -> Identity:
    """Hash a file's audio packets and read its tags; those of a part are of its file and of its cue sheet."""
    found = part_at(path)
    if found is not None:
        return identify(found[0]).of(found[1])
    started = perf_counter()
    tags = tags_of(path)  # first: a demuxer takes them in without any limit
    audio = audio_identity(Path(path))
    return Identity(audio.hash, tags, perf_counter() - started, audio.length_s)


def identify_by_content(path: str) -> Identity:
    """Do as `identify` does; where no audio packet can be read, the hash is that of all bytes."""
    known = identify(path)
    return known if known.content_hash is not None else replace(known, content_hash=content_key(Path(path)))


def hash_of(path: str) -> str | None:
    """Hash a file's audio packets."""
    return identify(path).content_hash


def tags_of(path: str) -> FileTags:
    """Read a file's tags, and which picture is among them."""
    tags = read_tags(Path(path))
    return replace(tags, picture=picture_hash(Path(path)))


def analyse(path: str) -> TrackAnalysis:
    """Decode a file and run the trunk on it."""
    return analyse_with(loaded_trunk(), path)


@dataclass(frozen=True)
class RangesAnalysis:
    """The task to decode a file once and run the trunk on ranges of it; an analysis or failure for each.

    Attributes
    ----------
    ranges
        Of each file by its path, in ascending order.
    """

    ranges: Mapping[str, Sequence[Range]]

    def __call__(self, path: str) -> list[TrackAnalysis | Failure]:
        """Analyse a file's ranges in a worker process."""
        return self.with_trunk(loaded_trunk(), path)

    def with_trunk(self, trunk: "Trunk", path: str) -> list[TrackAnalysis | Failure]:
        """Analyse a file's ranges."""
        check_tags(Path(path))
        return [attempt(analysis) for analysis in trunk.analyse_ranges(Path(path), self.ranges[path])]


def measure(path: str) -> "MeasuredTrack":
    """Decode a file and measure it, as `analyse` does, without the network."""
    # Not at the top: the process that starts the workers measures nothing.
    from classifier.features.measured import measure_file

    check_tags(Path(path))
    used = loaded_trunk().bundle
    return measure_file(Path(path), used.mel_filters, used.front_end)


def analyse_with(trunk: "Trunk", path: str) -> TrackAnalysis:
    """Decode a file, or a part of one, and run a trunk on it."""
    source = range_at(path)
    if not source.whole:
        of_part = RangesAnalysis({source.path: [(source.start_s, source.end_s)]})
        return unfailed(of_part.with_trunk(trunk, source.path)[0])
    check_tags(Path(path))
    return trunk.analyse_file(Path(path))
