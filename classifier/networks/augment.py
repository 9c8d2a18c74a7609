"""Vary training examples: shift in time, gain, masks, mixup, and the study's image shifts.

All in numpy, on batches of patches (batch, frames, bands), with the caller's generator.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array, Ints
from classifier.errors import TrainingDataError
from classifier.features.frontend import FrontEnd

if TYPE_CHECKING:
    from classifier.networks.recipes import Augment

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Batch:
    """Examples of one training step.

    Attributes
    ----------
    patches
        (batch, frames, bands) float32.
    targets
        (batch, labels) float32; every row sums to 1.
    weights
        (batch,) float32.
    """

    patches: Array
    targets: Array
    weights: Array


def augmented(batch: Batch, augment: "Augment", front_end: FrontEnd, rng: np.random.Generator) -> Batch:
    """Return a varied batch, each example with draws of its own.

    Parameters
    ----------
    batch
        Left alone.
    augment
        How far each kind goes; 0 turns it off.
    front_end
        What made the patches: the scale that a gain is expressed on.
    rng
        Where all draws come from.
    """
    x, n = batch.patches, len(batch.patches)
    frames, bands = x.shape[1:]
    if augment.gain_db:
        x = with_gain(x, rng.uniform(-augment.gain_db, augment.gain_db, n), front_end)
    if augment.image_shift or augment.image_zoom:
        shifts = rng.uniform(-augment.image_shift, augment.image_shift, n) * bands
        zooms = rng.uniform(1 - augment.image_zoom, 1 + augment.image_zoom, (n, 2))
        x = moved(x, shifts, zooms)
    if augment.time_shift:
        reach = round(augment.time_shift * frames)
        x = rolled(x, rng.integers(-reach, reach, n, endpoint=True))
    if augment.time_mask:
        x = masked(x, *_spans(frames, augment.time_mask, n, rng), axis=1)
    if augment.band_mask:
        x = masked(x, *_spans(bands, augment.band_mask, n, rng), axis=2)
    batch = replace(batch, patches=x)
    if augment.mixup:
        batch = mixed(batch, rng.permutation(n), rng.beta(augment.mixup, augment.mixup, n))
    return batch


def rolled(patches: Array, shifts: Ints) -> Array:
    """Return each patch turned round in time: by ``shifts[i]`` frames, later for a positive number."""
    frames = patches.shape[1]
    source = (np.arange(frames)[None] - shifts[:, None]) % frames
    return np.asarray(patches[np.arange(len(patches))[:, None], source])


def with_gain(patches: Array, gains_db: Floats, front_end: FrontEnd) -> Array:
    """Return patches as if the audio had been louder by ``gains_db[i]``.

    Exact where the front end keeps what it takes; where `limits` have cut a value, it stays cut.
    Patches scaled to standard deviation 1 are returned as they are: their level is gone.

    Raises
    ------
    TrainingDataError
        If the features do not say what the power was: decibels taken twice, and MFCCs of ``log10``.
    """
    if front_end.normalise == "standard":
        return patches
    gains = gains_db.astype(np.float32)[:, None, None]
    if front_end.normalise == "none":
        return _with_gain_on_scale(patches, gains, front_end)
    low, high = (np.float32(limit) for limit in front_end.limits)
    values = _with_gain_on_scale(patches * (high - low) + low, gains, front_end)
    kept = (patches > 0) & (patches < 1)
    return np.where(kept, np.clip((values - low) / (high - low), 0, 1), patches)


def _with_gain_on_scale(values: Array, gains: Array, front_end: FrontEnd) -> Array:
    if front_end.scale == "db-twice" or (front_end.feature, front_end.scale) == ("mfcc", "log10"):
        raise TrainingDataError(f"a gain cannot be applied to {front_end.feature} of scale {front_end.scale}")
    if front_end.feature == "mfcc":
        out = values.copy()
        # The orthonormal transform of a constant is that constant times √n_mels, in coefficient 0.
        out[:, :, :1] += gains * np.float32(np.sqrt(front_end.n_mels))
        return out
    if front_end.scale == "log10":
        return np.asarray(np.log10((np.float32(10) ** values - 1) * np.float32(10) ** (gains / 10) + 1))
    return values + gains


def _spans(length: int, share: float, n: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return the starts and ends of n spans drawn, of 0 to ``share · length``."""
    widths = rng.integers(0, round(share * length), n, endpoint=True)
    starts = np.floor(rng.random(n) * (length - widths + 1)).astype(np.int64)
    return starts, starts + widths


def masked(patches: Array, starts: Ints, ends: Ints, axis: int) -> Array:
    """Return patches with their means where ``starts[i] <= position < ends[i]`` on an axis (1 time, 2 bands).

    Source: D. Park et al., "SpecAugment" (2019).
    """
    position = np.arange(patches.shape[axis])[None]
    inside = (position >= starts[:, None]) & (position < ends[:, None])
    inside = inside[:, :, None] if axis == 1 else inside[:, None, :]
    return np.where(inside, patches.mean(axis=(1, 2), keepdims=True), patches)


def mixed(batch: Batch, partners: Ints, shares: Floats) -> Batch:
    """Return each example mixed with another: ``share`` of its own, the rest of its partner's.

    Source: H. Zhang et al., "mixup" (2018). Cross-entropy is linear in the targets, so that mixing
    them by weight keeps what each example contributes.
    """
    own = shares.astype(np.float32)
    patches = batch.patches * own[:, None, None] + batch.patches[partners] * (1 - own)[:, None, None]
    mine, theirs = own * batch.weights, (1 - own) * batch.weights[partners]
    weights = mine + theirs
    targets = batch.targets * mine[:, None] + batch.targets[partners] * theirs[:, None]
    return Batch(patches, np.asarray(targets / weights[:, None], np.float32), weights)


def moved(patches: Array, shifts: Floats, zooms: Floats) -> Array:
    """Return patches shifted along the bands and zoomed about their middle; the border is drawn out.

    Parameters
    ----------
    patches
        (batch, frames, bands).
    shifts
        (batch,) bands, towards higher ones where positive.
    zooms
        (batch, 2) of time and bands: how much of the patch is seen, so that less than 1 enlarges.
    """
    frames, bands = patches.shape[1:]
    out = _sampled(patches, _sources(frames, np.zeros(len(patches)), zooms[:, 0]))
    turned = _sampled(out.transpose(0, 2, 1), _sources(bands, shifts, zooms[:, 1]))
    return np.ascontiguousarray(turned.transpose(0, 2, 1))


def _sources(length: int, shifts: Floats, zooms: Floats) -> Floats:
    """Return where along an axis each position is read, (batch, length)."""
    middle = (length - 1) / 2
    positions = (np.arange(length)[None] - middle) * zooms[:, None] + middle - shifts[:, None]
    return np.clip(positions, 0, length - 1)


def _sampled(patches: Array, positions: Floats) -> Array:
    """Return patches at fractional positions of axis 1, interpolated between neighbours."""
    low = np.floor(positions).astype(np.int64)
    high = np.minimum(low + 1, patches.shape[1] - 1)
    share = (positions - low).astype(np.float32)[:, :, None]
    row = np.arange(len(patches))[:, None]
    return np.asarray(patches[row, low] * (1 - share) + patches[row, high] * share)
