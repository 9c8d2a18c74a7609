"""Explain a whole song: its segments' effects put together on the song's own time line.

A song's probability of a genre is the mean of its segments', weighted by their length; so a segment's
effects count by its share in that mean. The file is decoded again, segment by segment, rather
than kept: to draw the curve, and to look closer at the passages that it shows.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.audio.decode import DecodeReport, Range, stream_mono
from classifier.errors import BundleError
from classifier.explanation.explanation import (
    Bands,
    Curve,
    DecisivePassage,
    Explanation,
    Picture,
    ScoredExcerpt,
    decisive,
    silenced,
)
from classifier.features.frontend import FrontEnd, log_mel, segment_patches, to_reference_level
from classifier.features.segments import AudioSegment, iter_segments, patch_starts
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from classifier.model.onnx_trunk import is_onnx
from classifier.model.predictions import TrackAnalysis, song_mean

if TYPE_CHECKING:
    from classifier.explanation.attribution import Explainer

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Song:
    """A song with the genre to be explained: what every pass over its segments needs.

    Attributes
    ----------
    within
        From where to where in the file the song is.
    probabilities, shares
        (segments,) each segment's probability of the genre, 0 where it is silent, and its share in
        the song's.
    """

    path: Path
    within: Range
    trunk: Trunk
    genre: int
    analysis: TrackAnalysis
    probabilities: Curve
    shares: Curve

    def segments(self) -> Iterator[tuple[int, AudioSegment]]:
        """Yield the segments that are not silent, with their indices; the song is decoded again."""
        rate_hz = self.trunk.bundle.front_end.rate_hz
        blocks = stream_mono(self.path, rate_hz, DecodeReport(), *self.within)
        for index, segment in enumerate(iter_segments(blocks, rate_hz)):
            if not segment.silent:
                yield index, segment

    @property
    def weights(self) -> Curve:
        """Return the weight of each segment in the song's mean, (segments,); they sum to 1."""
        lengths = np.array([0.0 if s.silent else s.duration_s for s in self.analysis.segments])
        return np.asarray(lengths / lengths.sum(), np.float64)


def check_explainable(bundle: Bundle) -> None:
    """Raise `BundleError` where a bundle's network gives no gradients: it was brought as an ONNX file."""
    if is_onnx(bundle.architecture):
        raise BundleError(
            "explain needs a network's gradients, and this one was brought as an ONNX file, which has none; "
            "similar --explain compares its embeddings, and 'deepcuts model use shipped' goes back"
        )


def genre_index(bundle: Bundle, name: str) -> int:
    """Return the index of the label of this name, in any case.

    Raises
    ------
    BundleError
        If there is none; the text lists the labels.
    """
    folded = [label.casefold() for label in bundle.labels]
    if name.casefold() not in folded:
        raise BundleError(f"no genre '{name}'; the bundle knows: {', '.join(bundle.labels)}")
    return folded.index(name.casefold())


def explain_song(
    trunk: Trunk,
    explainer: "Explainer",
    path: Path,
    analysis: TrackAnalysis,
    genre: int | None = None,
    passage_s: float = params.EXPLAIN_PASSAGE_S,
    progress: Progress = lambda done, total: None,
    within: Range = (0.0, None),
) -> Explanation:
    """Return why a song has its probability of a genre.

    Parameters
    ----------
    trunk, explainer
        Of the same bundle.
    path, analysis
        An audio file, and its analysis by `trunk`.
    genre
        Index of the label; None for the song's most probable.
    passage_s
        Length of a passage, in seconds.
    progress
        Called with the segments done and their number.
    within
        From where to where in the file the song is.

    Raises
    ------
    AudioError
        If the file can no longer be read.
    BundleError
        As `band_edges` does.
    """
    edges_hz = band_edges(trunk.bundle.front_end)
    song, probability = _song(trunk, path, within, analysis, genre)
    curve, picture = _curve(song, explainer, progress)
    found = decisive(curve, params.EXPLAIN_STEP_S, analysis.duration_s, passage_s, params.EXPLAIN_PASSAGES)
    passages, band_effects = _look_closer(song, explainer, found)
    return _explanation(song, probability, curve, picture, passages, Bands(edges_hz, band_effects))


def _explanation(
    song: _Song,
    probability: float,
    curve: Curve,
    picture: Picture,
    passages: list[DecisivePassage],
    bands: Bands,
) -> Explanation:
    return Explanation(
        genre=song.trunk.bundle.labels[song.genre],
        probability=probability,
        duration_s=song.analysis.duration_s,
        step_s=params.EXPLAIN_STEP_S,
        curve=curve,
        passages=passages,
        bands=bands,
        picture=picture,
        warnings=song.analysis.warnings,
    )


def _song(
    trunk: Trunk, path: Path, within: Range, analysis: TrackAnalysis, genre: int | None
) -> tuple[_Song, float]:
    """Return the song and its probability of the genre."""
    tags, embeddings, durations_s = analysis.features()
    genres = trunk.bundle.genres(tags, embeddings)
    mean = song_mean(genres, durations_s)
    chosen = int(np.argmax(mean)) if genre is None else genre
    probabilities = np.zeros(len(analysis.segments))
    probabilities[[not s.silent for s in analysis.segments]] = genres[:, chosen]
    parts = probabilities * [s.duration_s for s in analysis.segments]
    song = _Song(path, within, trunk, chosen, analysis, probabilities, parts / parts.sum())
    return song, float(mean[chosen])


def _curve(song: _Song, explainer: "Explainer", progress: Progress) -> tuple[Curve, Picture]:
    """Return the song's curve and log-mel."""
    front_end, filters = song.trunk.bundle.front_end, song.trunk.bundle.mel_filters
    duration_s, hop_s = song.analysis.duration_s, front_end.hop_length / front_end.rate_hz
    column_s = hop_s * math.ceil(duration_s / hop_s / params.EXPLAIN_COLUMNS)
    curve = np.zeros(math.ceil(duration_s / params.EXPLAIN_STEP_S))
    mel_sums = np.zeros((math.ceil(duration_s / column_s), front_end.n_mels))
    counts = np.zeros(len(mel_sums))
    for index, segment in song.segments():
        effects = explainer.time_effects(song.trunk.patches(segment), song.genre) * song.shares[index]
        _add_at(curve, frame_times(segment, front_end), params.EXPLAIN_STEP_S, effects)
        mel = log_mel(to_reference_level(segment.samples, segment.rms, front_end), filters, front_end)
        times = segment.start_s + np.arange(len(mel), dtype=np.float64) * hop_s
        _add_at(mel_sums, times, column_s, mel)
        _add_at(counts, times, column_s, np.ones(len(mel)))
        progress(index + 1, len(song.analysis.segments))
    return curve, Picture(column_s, (mel_sums / np.maximum(counts, 1)[:, np.newaxis]).astype(np.float32))


def frame_times(segment: AudioSegment, front_end: FrontEnd) -> Curve:
    """Return where in the song the frames of a segment's patches lie, (patches, frames), in seconds."""
    n_frames = max(front_end.patch_frames, 1 + len(segment.samples) // front_end.hop_length)
    starts = patch_starts(n_frames, front_end.patch_frames, front_end.min_rest_frames, front_end.patch_hop)
    frames = np.add.outer(starts, np.arange(front_end.patch_frames))
    return np.asarray(segment.start_s + frames * front_end.hop_length / front_end.rate_hz, np.float64)


def _add_at(sums: Curve, times_s: Curve, step_s: float, values: npt.NDArray[np.floating[Any]]) -> None:
    """Add each value to the step that its time falls in; what a patch's padding holds goes to the last."""
    steps = np.minimum((times_s / step_s + 1e-6).astype(int), len(sums) - 1)
    np.add.at(sums, steps, values)


def _look_closer(
    song: _Song, explainer: "Explainer", found: Sequence[ScoredExcerpt]
) -> tuple[list[DecisivePassage], Curve]:
    """Return the passages, each with its effect when silenced, and what the bands add in them."""
    front_end = song.trunk.bundle.front_end
    without = np.full(len(found), song.probabilities @ song.weights)
    bands = np.zeros(front_end.n_bands)
    for index, segment in song.segments():
        inside = [i for i, p in enumerate(found) if p.start_s < segment.end_s and p.end_s > segment.start_s]
        if not inside:
            continue
        for i in inside:
            changed = probability_without(song.trunk, segment, [found[i]], song.genre)
            without[i] += song.weights[index] * (changed - song.probabilities[index])
        times = frame_times(segment, front_end)
        covered = np.any([(times >= found[i].start_s) & (times < found[i].end_s) for i in inside], axis=0)
        chosen = covered.any(axis=1)
        if chosen.any():
            effects = explainer.band_effects(song.trunk.patches(segment), song.genre, chosen)
            bands += song.shares[index] * effects[covered[chosen]].sum(axis=0)
    passages = [
        DecisivePassage(**asdict(p), probability_without=float(w))
        for p, w in zip(found, without, strict=True)
    ]
    return passages, bands


def probability_without(
    trunk: Trunk,
    segment: AudioSegment,
    excerpts: Sequence[ScoredExcerpt],
    genre: int,
    *,
    keep_level: bool = True,
) -> float:
    """Return a segment's probability of a genre with excerpts of it silenced.

    It is computed as it is served, but for the level: the rest keeps the gain that it has in the
    whole segment, or else silencing would also make the rest louder.

    Parameters
    ----------
    trunk, segment
        What analyses, and what is analysed.
    excerpts
        In the song's time.
    genre
        Index of the label.
    keep_level
        False brings the rest to the reference level, as it would be in a file of its own.
    """
    bundle, samples = trunk.bundle, segment.samples
    for excerpt in excerpts:
        start_s, end_s = excerpt.start_s - segment.start_s, excerpt.end_s - segment.start_s
        samples = silenced(samples, bundle.front_end.rate_hz, start_s, end_s)
    rms = segment.rms if keep_level else replace(segment, samples=samples).rms
    tags, embeddings = trunk.run(segment_patches(samples, rms, bundle.mel_filters, bundle.front_end))
    genres = bundle.genres(tags.mean(axis=0, keepdims=True), embeddings.mean(axis=0, keepdims=True))
    return float(genres[0, genre])


def band_edges(front_end: FrontEnd) -> Curve:
    """Return the frequencies nearest to the centre of each mel band, (n_mels, 2) from and to, in Hz.

    Raises
    ------
    BundleError
        If the network reads coefficients, which stand for no band.
    """
    if front_end.feature != "log-mel":
        raise BundleError(f"a network that reads {front_end.feature} has no bands that could be explained")
    from librosa.core.convert import mel_frequencies

    centres = mel_frequencies(n_mels=front_end.n_mels + 2, fmin=0.0, fmax=front_end.rate_hz / 2)
    edges = np.concatenate([centres[:1], (centres[1:-2] + centres[2:-1]) / 2, centres[-1:]])
    return np.stack([edges[:-1], edges[1:]], axis=1)
