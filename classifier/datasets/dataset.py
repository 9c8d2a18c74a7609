"""Audio files to what networks learn from, by way of the cache."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.arrays import Array
from classifier.audio.audio_hash import audio_hash
from classifier.audio.decode import DecodeReport, whole_mono
from classifier.datasets.examples import SpectralSong
from classifier.datasets.feature_cache import Arrays, FeatureCache, cache_key
from classifier.datasets.songs import TrunkSong
from classifier.errors import SilentError, TooShortError, UnreadableFileError, said
from classifier.features.frontend import FrontEnd, mel_filters, segment_patches
from classifier.features.heard import heard_by
from classifier.features.segments import iter_segments
from classifier.files import open_regular
from classifier.genres.label_paths import with_leaves
from classifier.progress import made_progress

READ_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class LabelledFile:
    """A file to learn from.

    Attributes
    ----------
    path
        Where it is.
    label
        Its genre; a path such as ``rock/punk`` where there are sub-genres.
    group
        Artist, or whatever must not fall on both sides of a split; None where unknown.
    content
        What identifies its audio; see `content_key`.
    """

    path: str
    label: str
    group: str | None
    content: str


L = TypeVar("L", LabelledFile, TrunkSong)


def with_leaf_labels(items: Sequence[L]) -> list[L]:
    """Return files or songs with labels none of which is an ancestor of another.

    Songs labelled ``rock`` where others are ``rock/punk`` become ``rock/other``.
    """
    leaf = with_leaves(sorted({item.label for item in items}))
    return [replace(item, label=leaf[item.label]) for item in items]


def content_key(path: Path) -> str:
    """Return what identifies a file's audio: the hash of its packets, else of its bytes."""
    found = audio_hash(path)
    if found is not None:
        return found
    state = hashlib.blake2b()
    with open_regular(path) as file:
        while data := file.read(READ_BYTES):
            state.update(data)
            made_progress()
    return state.hexdigest()


def patches_key(content: str, front_end: FrontEnd) -> str:
    """Return the cache's key of a recording's network inputs."""
    return cache_key(params.CACHE_FORMAT, content, front_end.describe())


def patches_of(path: Path, front_end: FrontEnd, filters: Array) -> Arrays:
    """Decode a file and compute what a network reads of it.

    Returns
    -------
    dict
        ``patches`` (patches, frames, bands) float16, ``segments`` (patches,) the segment of each,
        ``durations_s`` (segments,) of the segments that are not silent.

    Raises
    ------
    AudioError
        A subclass that names the reason, if nothing of the file can be used.
    """
    patches: list[npt.NDArray[np.float16]] = []
    durations: list[float] = []
    loud = False
    for segment in iter_segments(whole_mono(path, front_end.rate_hz, DecodeReport()), front_end.rate_hz):
        heard, rms = heard_by(segment, front_end)
        loud |= bool(heard.any()) or (not len(heard) and not segment.silent)
        made = segment_patches(segment.samples, rms, filters, front_end)[heard]
        if len(made):
            patches.append(made.astype(np.float16))  # of a long file there are many
            durations.append(segment.end_s - segment.start_s)
    if not loud:
        raise SilentError("silent throughout")
    if not patches:
        raise TooShortError(f"too short: no segment has the {front_end.read_s:.1f} s of one input")
    return {
        "patches": np.concatenate(patches),
        "segments": np.repeat(np.arange(len(patches)), [len(p) for p in patches]),
        "durations_s": np.array(durations),
    }


def spectral_song(file: LabelledFile, arrays: Arrays) -> SpectralSong:
    """Return a file's cached arrays as a song."""
    return SpectralSong(
        name=file.path,
        label=file.label,
        group=file.group,
        patches=arrays["patches"],
        segments=arrays["segments"],
        durations_s=[float(d) for d in arrays["durations_s"]],
    )


def store_patches(path: str, front_end: FrontEnd, cache: FeatureCache) -> None:
    """Compute what a network reads of a file, and put it into the cache; runs in a worker."""
    key = patches_key(content_key(Path(path)), front_end)
    patches = patches_of(Path(path), front_end, mel_filters(front_end))
    try:
        cache.put(key, patches)
    except OSError as error:
        raise UnreadableFileError(f"its features cannot be made: {said(error).lower()}") from error
