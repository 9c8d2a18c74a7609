"""Ways to free similarities of hubs, on whole tables of scores; the ranking's own is one of them.

They are here to be compared: `docs/RECOMMENDER.md` says why the ranking uses the one it does.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NEIGHBOURS: Final = 20


def _others(scores: Floats) -> Floats:
    """Return a copy in which no track is its own neighbour."""
    found = scores.copy()
    np.fill_diagonal(found, np.nan)
    return found


def csls(scores: Floats, k: int = NEIGHBOURS) -> Floats:
    """Return 2 · score − the mean of each side's k best: cross-domain scaling (Conneau et al. 2018)."""
    nearest = np.sort(_others(scores), axis=1)  # NaN comes last
    k = min(k, len(scores) - 1)
    means = nearest[:, len(scores) - 1 - k : len(scores) - 1].mean(axis=1)
    return np.asarray(2 * scores - means[:, None] - means[None, :])


def local_scaling(scores: Floats, k: int = 10) -> Floats:
    """Return −distance² over both distances to the k-th neighbour (Zelnik-Manor and Perona 2005)."""
    distances = np.sort(_others(1 - scores), axis=1)
    scales = np.maximum(distances[:, min(k, len(scores) - 1) - 1], 1e-9)
    return np.asarray(-((1 - scores) ** 2) / (scales[:, None] * scales[None, :]))


def mutual_proximity(scores: Floats) -> Floats:
    """Return the log chance to be nearer than both sides' others, all normal (Schnitzer et al. 2012)."""
    from scipy.special import log_ndtr

    others = _others(scores)
    means, spreads = np.nanmean(others, axis=1), np.maximum(np.nanstd(others, axis=1), 1e-9)
    rows = log_ndtr((scores - means[:, None]) / spreads[:, None])
    columns = log_ndtr((scores - means[None, :]) / spreads[None, :])
    return np.asarray(rows + columns)


ON_CENTRED: Final[Mapping[str, Callable[[Floats], Floats]]] = {
    "csls": csls,
    "local scaling": local_scaling,
    "mutual proximity": mutual_proximity,
}
"""Methods for symmetric tables of centred scores, (tracks, tracks)."""
