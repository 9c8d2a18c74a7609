"""The same recording under another file, recognised by sound, length and tags; in doubt, both are kept.

Two recordings may sound very similar, as songs of one album do, but they do not *change* in the same way.
So beside the cosine of the aligned patches it is their temporal correlation that decides: the correlation of
what is left of the patches when each file's mean is taken away. See benchmarks/duplicates.py for the figures.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array, Ints
from recommender import params

Floats = npt.NDArray[np.float64]


class TrackPatches(Protocol):
    """A track's patch embeddings, (patches, dimensions), and where they begin, in seconds, ascending."""

    @property
    def starts_s(self) -> Array: ...  # noqa: D102

    @property
    def embeddings(self) -> Array: ...  # noqa: D102


@dataclass(frozen=True)
class Agreement:
    """The agreement of two files where they are aligned best.

    Attributes
    ----------
    offset_s
        What is at t seconds of one is at t + offset_s of the other.
    patches
        How many were compared.
    cosine
        Their mean cosine, −1..1.
    temporal_correlation
        Correlation of how they change, −1..1; 0 for a single patch, which does not change.
    share
        Of the patches whose cosine is not plainly that of other music, 0..1.
    smooth_cosine, smooth_correlation
        The same two of the means of neighbouring patches. Where files are shifted by half a patch, as by a
        second of silence, a patch is compared with a mixture of two, which is smoother; of means both are.
    """

    offset_s: float
    patches: int
    cosine: float
    temporal_correlation: float
    share: float
    smooth_cosine: float = 0.0
    smooth_correlation: float = 0.0


def sound_agreement(
    one: TrackPatches, other: TrackPatches, reach_s: float = params.SAME_LENGTH_S
) -> Agreement | None:
    """Return how well two files agree where they are aligned best.

    An encoder's delay or a trimmed beginning shifts one file's patches against the other's, so that each
    covers parts of two: it is compared with these two mixed in proportion.

    Parameters
    ----------
    reach_s
        The largest shift that is tried, in seconds.

    Returns
    -------
    Agreement or None
        None where too few patches of either have a counterpart.
    """
    there, back = _one_way(one, other, reach_s), _one_way(other, one, reach_s)
    if back is not None:
        back = replace(back, offset_s=-back.offset_s)
    found = [way for way in (there, back) if way is not None]
    return max(found, key=lambda way: (way.cosine, way.temporal_correlation)) if found else None


def _one_way(one: TrackPatches, other: TrackPatches, reach_s: float) -> Agreement | None:
    """Return the agreement by the patches of one and mixtures of the other's."""
    steps = round(reach_s / params.ALIGN_STEP_S)
    offsets = np.arange(-steps, steps + 1, dtype=np.float32) * np.float32(params.ALIGN_STEP_S)
    left, right, part, there = _counterparts(other.starts_s, one.starts_s + offsets[:, None])
    compared = there.sum(axis=1)
    x, y = one.embeddings.astype(np.float32), other.embeddings.astype(np.float32)
    if compared.max() < max(1.0, params.ALIGNED_SHARE * max(len(x), len(y))):
        return None
    across, rows = x @ y.T, np.arange(len(x))
    dots = (1 - part) * across[rows, left] + part * across[rows, right]
    own, beside = (y * y).sum(axis=1), (y * np.roll(y, -1, axis=0)).sum(axis=1)
    mixed = (1 - part) ** 2 * own[left] + 2 * part * (1 - part) * beside[left] + part**2 * own[right]
    cosines = dots / np.sqrt(np.maximum((x * x).sum(axis=1) * mixed, 1e-12))
    means = (cosines * there).sum(axis=1) / np.maximum(compared, 1)
    means[compared < max(1.0, params.ALIGNED_SHARE * max(len(x), len(y)))] = -np.inf
    best = int(np.lexsort((np.abs(offsets), -means))[0])
    kept, weight = there[best], part[best][:, None]
    counterparts = ((1 - weight) * y[left[best]] + weight * y[right[best]])[kept]
    correlation = _temporal_correlation(x[kept], counterparts)
    share = float((cosines[best][kept] >= params.OTHER_MUSIC).mean())
    found = Agreement(float(offsets[best]), int(compared[best]), float(means[best]), correlation, share)
    one_smooth, other_smooth = _neighbours(x[kept]), _neighbours(counterparts)
    norms = np.sqrt((one_smooth**2).sum(axis=1) * (other_smooth**2).sum(axis=1))
    cosine = float(((one_smooth * other_smooth).sum(axis=1) / np.maximum(norms, 1e-12)).mean())
    smooth = _temporal_correlation(one_smooth, other_smooth)
    return replace(found, smooth_cosine=cosine, smooth_correlation=smooth)


def _neighbours(rows: Floats) -> Floats:
    """Return the means of rows that follow each other, one fewer; a single row as it is."""
    return (rows[:-1] + rows[1:]) / 2 if len(rows) > 1 else rows


def _counterparts(starts_s: Array, times_s: Floats) -> tuple[Ints, Ints, Floats, npt.NDArray[np.bool_]]:
    """Return the patches on both sides of some times, the right one's part, and whether there are any.

    Across a gap, where a silent segment has no patches, and at the ends only the nearest one counts.
    """
    left = np.clip(np.searchsorted(starts_s, times_s, side="right") - 1, 0, max(len(starts_s) - 2, 0))
    right = np.minimum(left + 1, len(starts_s) - 1)
    gap = starts_s[right] - starts_s[left]
    part = np.clip((times_s - starts_s[left]) / np.maximum(gap, 1e-9), 0.0, 1.0)
    gaps_s = np.sort(np.diff(starts_s))
    # Their median; numpy's own loads masked arrays first, which takes longer than a search.
    usual_s = float(gaps_s[[(len(gaps_s) - 1) // 2, len(gaps_s) // 2]].mean()) if len(gaps_s) else 0.0
    part = np.where(gap > 1.5 * usual_s, np.round(part), part)
    away_s = np.abs(times_s - (starts_s[left] + part * gap))
    return left, right, part, away_s <= params.NEAR_PATCH_S


def _temporal_correlation(one: Floats, other: Floats) -> float:
    """Return the correlation of two sequences of vectors, (patches, dimensions), about their means."""
    x, y = one - one.mean(axis=0), other - other.mean(axis=0)
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if len(one) > 1 and scale > 0 else 0.0


def lengths_agree(one_s: float | None, other_s: float | None) -> bool:
    """Return whether two files, by their lengths in seconds, can be the same recording."""
    if one_s is None or other_s is None:
        return False
    return abs(one_s - other_s) <= leeway_s(max(one_s, other_s))


def leeway_s(duration_s: float) -> float:
    """Return by how many seconds files of one recording may differ, by the longer one's length."""
    return max(params.SAME_LENGTH_S, params.SAME_LENGTH * duration_s)


def sounds_the_same(agreement: Agreement | None, tags_agree: bool | None) -> bool:
    """Return whether files of the same length are one recording.

    Parameters
    ----------
    agreement
        Of their sound; None where it cannot be compared.
    tags_agree
        What their tags say of it; None where they say nothing. Tags never suffice, but the sound
        has less to prove where they agree, and more where they name different songs.
    """
    if agreement is None or agreement.share < params.SAME_SHARE:
        return False
    if tags_agree and agreement.cosine >= params.SAME_COSINE_ALONE:
        return True
    if agreement.patches < params.SAME_PATCHES:
        return False
    correlation, cosine = params.SAME_SOUND_BARS[tags_agree]
    if agreement.temporal_correlation >= correlation and agreement.cosine >= cosine:
        return True
    return any(
        agreement.patches >= patches
        and agreement.smooth_correlation >= correlation
        and agreement.smooth_cosine >= cosine
        for patches, correlation, cosine in params.SAME_SMOOTH_BARS[tags_agree]
    )


def is_same_recording(
    query: TrackPatches,
    query_s: float | None,
    candidate: TrackPatches,
    candidate_s: float | None,
    tags_agree: bool | None = None,
) -> bool:
    """Return whether two files, of which one need not be in the catalogue, hold the same recording.

    Parameters
    ----------
    query_s, candidate_s
        Their lengths, in seconds.
    tags_agree
        See `sounds_the_same`.
    """
    if query_s is None or candidate_s is None or not lengths_agree(query_s, candidate_s):
        return False
    agreement = sound_agreement(query, candidate, leeway_s(max(query_s, candidate_s)))
    return sounds_the_same(agreement, tags_agree)
