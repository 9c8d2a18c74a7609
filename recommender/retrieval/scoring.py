"""How alike two tracks are, from the cosines between their segments.

The score is symmetric: the mean, over the segments of each side, of the best match on the other,
averaged over both sides. A one-sided best match would favour long tracks, which have more chances.
"""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def track_scores(queries: Array, candidates: Array, starts: npt.NDArray[np.int64]) -> Array:
    """Score candidate tracks against a query track.

    Parameters
    ----------
    queries
        (query segments, dimensions) of length 1.
    candidates
        (candidate segments, dimensions) of length 1, the segments of a track side by side.
    starts
        (tracks,) index of each track's first segment, ascending, the first being 0.

    Returns
    -------
    numpy.ndarray
        (tracks,) in −1..1.
    """
    cosines = queries @ candidates.T
    lengths = np.diff(np.append(starts, cosines.shape[1]))
    of_query = np.maximum.reduceat(cosines, starts, axis=1).mean(axis=0)
    of_track = np.add.reduceat(cosines.max(axis=0), starts) / lengths
    return np.asarray((of_query + of_track) / 2, np.float32)
