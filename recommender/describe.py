"""What a song sounds like, in words: genres and tags with their probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from classifier.analysis import song_mean
from classifier.bundle import Bundle
from db.features import track_features, track_predictions

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sound:
    """A song's probabilities: (labels,) genres and (50,) tags, in the bundle's order."""

    genres: Array
    tags: Array


def named(names: Sequence[str], values: Array, at_most: int | None = None) -> list[dict[str, object]]:
    """Return ``{"name", "probability"}``, the most probable first."""
    order = np.argsort(-values, kind="stable")[:at_most]
    return [{"name": names[i], "probability": round(float(values[i]), 4)} for i in order]


def track_sound(session: Session, track_id: int, bundle: Bundle) -> Sound | None:
    """Return what a catalogued track sounds like, or None where it is not analysed."""
    features = track_features(session, track_id, bundle.trunk_id)
    if features is None:
        return None
    stored = track_predictions(session, track_id, bundle.bundle_id)
    if stored is None:
        genres = bundle.genres(features.tags, features.embeddings)
        stored = features.durations_s, genres
    return Sound(song_mean(stored[1], stored[0]), song_mean(features.tags, features.durations_s))
