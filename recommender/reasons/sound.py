"""The sound of two passages that match, from their files: their log-mels, and the bands that count."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array
from classifier.audio.decode import Range, read_clip
from classifier.errors import SilentError
from classifier.explanation.explain_song import band_edges
from classifier.features.frontend import log_mel, segment_patches, silent_patch, to_reference_level
from classifier.features.segments import AudioSegment, without_offset
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from db.file_range import FileRange
from recommender import params
from recommender.reasons.traits import cosines

Curve = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PassageSound:
    """A passage of a file.

    Attributes
    ----------
    start_s, end_s
        Seconds.
    mel
        (columns, bands) mean log-mel at the reference level.
    column_s
        Seconds a column.
    patches
        (patches, frames, bands) some of what the network reads of it, evenly spread.
    """

    start_s: float
    end_s: float
    mel: Array
    column_s: float
    patches: Array


@dataclass(frozen=True)
class BandShares:
    """The shares of groups of mel bands in the similarity of two passages.

    With f the similarity, and a group sounding (1) or silent (0) in the query and in the match, its share is
    f(1, 1) + f(0, 0) − f(1, 0) − f(0, 1). Of sounds that add up it is the product of what the group adds
    to either embedding: above zero where both agree in it, below where they differ in it.
    (That f(1, 1) − f(0, 0) is no measure: silence in both is something in common.)

    Attributes
    ----------
    edges_hz
        (groups, 2) from and to.
    shares
        (groups,) in units of cosine; they need not sum to the similarity.
    """

    edges_hz: Curve
    shares: Curve


class PassageAnalyser:
    """Analyses passages with a bundle's front end and trunk.

    Attributes
    ----------
    edges_hz
        (bands, 2) where the mel bands begin and end, in Hz.
    """

    def __init__(self, bundle: Bundle) -> None:
        front_end = bundle.front_end
        self._bundle, self._trunk = bundle, Trunk(bundle)
        self.edges_hz = band_edges(replace(front_end, feature="log-mel"))
        self._silent = silent_patch(bundle.mel_filters, front_end)

    def passage(self, path: Path, starts_s: Sequence[float], within: Range = (0.0, None)) -> PassageSound:
        """Return what a passage sounds like, decoded from its file.

        Parameters
        ----------
        path
            An audio file.
        starts_s
            Where the passage's patches begin, in seconds of the song.
        within
            From where to where in the file the song is.

        Raises
        ------
        AudioError
            A subclass that names the reason why the file cannot be analysed there.
        """
        front_end, filters = self._bundle.front_end, self._bundle.mel_filters
        start_s, end_s = starts_s[0], starts_s[-1] + front_end.read_s
        first_s, last_s = FileRange(str(path), *within).within(start_s, end_s)
        samples = read_clip(path, front_end.rate_hz, first_s, last_s - first_s)
        samples = without_offset(samples, front_end.rate_hz)
        segment = AudioSegment(start_s, end_s, samples)
        if segment.silent:
            raise SilentError(f"silent from {start_s:.0f} to {end_s:.0f} s")
        mel = log_mel(to_reference_level(samples, segment.rms, front_end), filters, front_end)
        width = -(-len(mel) // params.PICTURE_COLUMNS)
        firsts = np.arange(0, len(mel), width)
        counts = np.diff(np.append(firsts, len(mel)))
        columns = np.asarray(np.add.reduceat(mel, firsts, axis=0) / counts[:, None], np.float32)
        column_s = width * front_end.hop_length / front_end.rate_hz
        return PassageSound(start_s, end_s, columns, column_s, self._patches(segment, starts_s))

    def _patches(self, segment: AudioSegment, starts_s: Sequence[float]) -> Array:
        """Return what the network reads of some patches; what the file does not hold is silence."""
        front_end = self._bundle.front_end
        length = front_end.patch_frames * front_end.hop_length
        chosen = np.linspace(0, len(starts_s) - 1, min(len(starts_s), params.EXPLAINED_PATCHES))
        found = []
        for row in chosen.round().astype(int):
            first = round((starts_s[row] - segment.start_s) * front_end.rate_hz)
            samples = segment.samples[first : first + length]
            samples = np.pad(samples, (0, length - len(samples)))
            found.append(segment_patches(samples, segment.rms, self._bundle.mel_filters, front_end)[0])
        return np.stack(found)

    def band_shares(self, query: PassageSound, match: PassageSound, centre: Array) -> BandShares | None:
        """Return what each group of bands adds to the similarity of two passages of equally many patches.

        None where the network does not read bands, but coefficients.

        Parameters
        ----------
        query, match
            The passages.
        centre
            (dimensions,) taken off every unit vector, as the index has it.
        """
        if self._bundle.front_end.feature != "log-mel":
            return None
        n_bands, size = query.patches.shape[2], params.EXPLAINED_BANDS
        firsts = np.arange(0, n_bands, size)
        both = np.stack([query.patches, match.patches])
        versions = [both]
        for first in firsts:
            silenced = both.copy()
            silenced[..., first : first + size] = self._silent[:, first : first + size]
            versions.append(silenced)
        stacked = np.concatenate(versions).reshape(-1, *both.shape[2:])
        embeddings = self._trunk.run(stacked)[1].reshape(len(versions), 2, len(query.patches), -1)
        mine, its = embeddings[:, 0], embeddings[:, 1]
        shares = [
            _score(mine[0], its[0], centre)
            + _score(mine[group], its[group], centre)
            - _score(mine[0], its[group], centre)
            - _score(mine[group], its[0], centre)
            for group in range(1, len(versions))
        ]
        last = np.minimum(firsts + size, n_bands) - 1
        edges_hz = np.stack([self.edges_hz[firsts, 0], self.edges_hz[last, 1]], axis=1)
        return BandShares(edges_hz, np.array(shares))


def _score(one: Array, other: Array, centre: Array) -> float:
    """Return how similar two passages of some patches are, as `recommender.retrieval.alignment` has it."""
    together = cosines(one.mean(axis=0, keepdims=True), other.mean(axis=0, keepdims=True), centre)[0]
    return float(together + cosines(one, other, centre).mean()) / 2
