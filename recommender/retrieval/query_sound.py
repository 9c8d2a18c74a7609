"""What a bundle says of what was asked for: worked out where it is shown, for no ranking looks at it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from classifier.arrays import Array
from classifier.model.bundle import Bundle
from classifier.model.predictions import song_mean
from recommender.describe import sound_of


@dataclass(frozen=True)
class QuerySound:
    """What a bundle says of what was asked for.

    Attributes
    ----------
    tags, genres
        (tags,) and (labels,) probabilities.
    verdict
        What it is, in words.
    """

    tags: Array
    genres: Array
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Described:
    """What can be asked what it sounds like.

    Attributes
    ----------
    sound
        Works that out, once.
    """

    sound: Callable[[], QuerySound]

    @property
    def tags(self) -> Array:
        """As `QuerySound` has them."""
        return self.sound().tags

    @property
    def genres(self) -> Array:
        """As `QuerySound` has them."""
        return self.sound().genres

    @property
    def verdict(self) -> str:
        """As `QuerySound` has it."""
        return self.sound().verdict


def heard_later(
    bundle: Bundle, tags: Array, embeddings: Array, durations_s: Sequence[float]
) -> Callable[[], QuerySound]:
    """Return what works out the sound of a song's segments, once; parameters as of `sound_of`."""

    @cache
    def sound() -> QuerySound:
        genres = bundle.genres(tags, embeddings)
        said = sound_of(bundle, tags, embeddings, durations_s, genres)
        return QuerySound(said.tags, song_mean(genres, durations_s), said.verdict)

    return sound
