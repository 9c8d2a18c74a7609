"""The genres of songs for players: the files' own, and the model's where a file names none."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from classifier.genres.taxonomy import finest_of_songs
from classifier.params import SURE
from recommender.retrieval.sound_filters import are_music, song_genres, song_tags
from recommender.service.state import Held

GenreByTrack = Mapping[int, str]
"""The model's finest genre by track id, where it is sure of one."""


class PredictedGenres:
    """The model's genres, kept for as long as the index is the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Held | None = None
        self._genres: GenreByTrack = {}

    def of(self, session: Session, held: Held) -> GenreByTrack:
        """Return the model's genres of all tracks in the index."""
        with self._lock:
            if self._held is not held:
                self._genres, self._held = _read(session, held), held
            return self._genres


def _read(session: Session, held: Held) -> GenreByTrack:
    ids, bundle = held.index.rows.track_ids, held.bundle
    if not len(ids):
        return {}
    genres = song_genres(session, bundle, ids)
    nodes = bundle.taxonomy.node_columns(genres, song_tags(held.index, bundle))
    finest = finest_of_songs(nodes, SURE)
    music = are_music(held.index, bundle)
    found = zip(ids.tolist(), finest, music.tolist(), strict=True)
    return {track_id: path for track_id, path, is_music in found if path is not None and is_music}


def genres_of_song(track_id: int, own: Iterable[str], predicted: GenreByTrack) -> list[str]:
    """Return a song's own genres, or else the one that the model is sure of, if any."""
    named = list(own)
    return named or ([predicted[track_id]] if track_id in predicted else [])


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
