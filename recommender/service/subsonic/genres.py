"""The genres of songs for players: the files' own, and what the model hears where a file names none."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from sqlalchemy.orm import Session

from db.predictions import song_predictions
from recommender.params import WRITTEN_CONFIDENCE
from recommender.service.state import Held

Heard = Mapping[int, str]
"""The model's most probable genre by track id, where it is as sure as one that is written into files."""


class HeardGenres:
    """What the model hears, kept for as long as the index is the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Held | None = None
        self._heard: Heard = {}

    def of(self, session: Session, held: Held) -> Heard:
        """Return the model's genres of all tracks in the index."""
        with self._lock:
            if self._held is not held:
                self._heard, self._held = _read(session, held), held
            return self._heard


def _read(session: Session, held: Held) -> Heard:
    ids, labels = held.index.rows.track_ids, held.bundle.labels
    if not len(ids):
        return {}
    genres = song_predictions(session, held.bundle.bundle_id, ids, len(labels))
    sure = genres.max(axis=1) >= WRITTEN_CONFIDENCE
    best = genres.argmax(axis=1)
    return {int(ids[i]): labels[best[i]] for i in np.flatnonzero(sure)}


def genres_of_song(track_id: int, own: Iterable[str], heard: Heard) -> list[str]:
    """Return a song's own genres, or else the one that the model hears, if any."""
    named = list(own)
    return named or ([heard[track_id]] if track_id in heard else [])


def same_genre(name: str) -> str:
    """Return what two spellings of a genre have in common."""
    return " ".join(name.split()).casefold()


def most_common(genres: Iterable[str]) -> list[str]:
    """Return genres without repeats, the most frequent first, in their most frequent spelling."""
    counted, spellings = Counter[str](), dict[str, Counter[str]]()
    for name in genres:
        counted[same_genre(name)] += 1
        spellings.setdefault(same_genre(name), Counter())[name] += 1
    ranked = sorted(counted, key=lambda key: (-counted[key], key))
    return [max(spellings[key], key=lambda name: (spellings[key][name], name)) for key in ranked]
