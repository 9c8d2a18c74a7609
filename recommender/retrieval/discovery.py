"""Deep cuts: how much a song's rarity in the user's own plays counts, stated as a formula.

    rarity = 1 / (1 + ln(1 + plays))          1 for a song never played, 0.59 for one play, 0.18 for 100
    score' = score · (1 − d · (1 − rarity))   with d of `--discover`, 0..1

At d = 0 plays have no influence at all; at d = 1 a song's score is multiplied by its rarity, so that
among the never played the sound alone decides.
"""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def rarity(plays: npt.NDArray[np.int64]) -> Array:
    """Return each song's rarity, 1 for one never played, falling towards 0."""
    return np.asarray(1 / (1 + np.log1p(plays)), np.float32)


def discovery_part(scores: Array, plays: npt.NDArray[np.int64], discover: float) -> Array:
    """Return what discovery adds to scores: nothing to the never played, a loss to the often played.

    Parameters
    ----------
    scores
        (tracks,); one below 0 is left as it is.
    plays
        (tracks,).
    discover
        0..1.
    """
    return np.asarray(-discover * (1 - rarity(plays)) * np.maximum(scores, 0), np.float32)
