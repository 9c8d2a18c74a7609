"""Mel bands in parts, so that no band is summed over bins far from it."""

from typing import Final

import numpy as np

from classifier.arrays import Array

N_PARTS: Final = 6


def band_parts(mel_filters: Array) -> list[tuple[slice, slice, Array]]:
    """Return neighbouring bands, the bins that their filters cover, and the filters there.

    Parameters
    ----------
    mel_filters
        (bands, bins), each band's weights 0 outside a range of bins.

    Returns
    -------
    list of (slice, slice, numpy.ndarray)
        Bands, bins and (bins, bands) weights of each part; together all that is not 0.
    """
    parts = []
    for bands in np.array_split(np.arange(len(mel_filters)), N_PARTS):
        if len(bands):
            filters = mel_filters[bands]
            covered = np.flatnonzero(filters.any(axis=0))
            first, last = (covered[0], covered[-1]) if len(covered) else (0, 0)
            bins = slice(first, last + 1)
            parts.append((slice(bands[0], bands[-1] + 1), bins, np.ascontiguousarray(filters[:, bins].T)))
    return parts
