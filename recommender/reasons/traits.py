"""Reasons why two songs are similar: shared traits, similarity over time, the parts of the score.

A tag that both have counts by the lesser of its two probabilities p, and by how unusual that is in the
catalogue, where its mean is u: p² / (p + u). So a tag as common as everywhere counts half of p, and a
rare one wholly. A genre counts by the lesser of its two probabilities.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array
from classifier.genres.label_paths import OTHER, SEPARATOR
from classifier.measures.measure import UNKNOWN, Measures
from recommender import params
from recommender.retrieval.index.unit_vectors import unit_rows

if TYPE_CHECKING:
    from recommender.retrieval.alignment import PassagePair, PatchSequence


SAME_TIME_S: Final = 1e-3
PART_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "cosine": ("sounds alike", "sounds alike"),
    "centring": ("what all songs here share", "what all songs here share"),
    "alignment": ("between segment borders", "between segment borders"),
    "hub": ("near to many songs", "near to few songs"),
    "agreement": ("the queries disagree", "the queries agree"),
    "unwanted": ("like what is unwanted", "unlike what is unwanted"),
    "discovery": ("played before", "rarely played"),
}
"""The meaning of each part of a score, where it is below zero and where it is above."""


@dataclass(frozen=True)
class SoundProfile:
    """Tags, genres and patches of one of two songs.

    Attributes
    ----------
    tags
        (tags,) probabilities.
    nodes
        Probability of every node of the hierarchy of genres.
    patches
        All its patches, in one sequence; None where none are stored.
    """

    tags: Array
    nodes: Mapping[str, float]
    patches: "PatchSequence | None"


@dataclass(frozen=True)
class TraitPair:
    """A tag or a genre, and how probable it is of each song.

    Attributes
    ----------
    query, match
        0..1.
    weight
        What it counts; see above. Of a difference: ``match - query``.
    """

    name: str
    query: float
    match: float
    weight: float

    def describe(self) -> dict[str, Any]:
        """Return it as JSON shows it."""
        numbers = {name: round(getattr(self, name), 4) for name in ("query", "match", "weight")}
        return {"name": self.name, **numbers}


@dataclass(frozen=True)
class PatchSimilarities:
    """The similarity of two passages, patch by patch as they are aligned.

    Attributes
    ----------
    query_s, match_s
        (patches,) where each patch begins, in seconds of its own song.
    patch_s
        How long a patch is.
    cosines
        (patches,) cosines of the centred embeddings, −1..1.
    together
        Cosine of both passages' centred mean embeddings. The score of the passages is the mean of this
        and of the mean of `cosines`.
    """

    query_s: Array
    match_s: Array
    patch_s: float
    cosines: Array
    together: float

    @property
    def score(self) -> float:
        """Return the score of the two passages, −1..1."""
        return (self.together + float(self.cosines.mean())) / 2

    @property
    def best(self) -> int:
        """Return the index of the most similar patch."""
        return int(self.cosines.argmax())

    def describe(self) -> list[dict[str, float]]:
        """Return it as JSON shows it."""
        rows = zip(self.query_s.tolist(), self.match_s.tolist(), self.cosines.tolist(), strict=True)
        return [{"query_s": round(q, 2), "match_s": round(m, 2), "alike": round(a, 4)} for q, m, a in rows]


@dataclass(frozen=True)
class MatchReasons:
    """The reasons why a track is in a list.

    Attributes
    ----------
    tags, genres
        Those that both songs have, what counts most first; of genres the finest alone.
    more, less
        Tags that the match has more, and less, of than the query, the largest difference first.
    parts
        The score's parts by their names; they sum to it.
    passage, similarities
        Which passages match, and how similar they are over time; None where no patches are stored.
    measures
        Of the query and of the match.
    """

    tags: list[TraitPair]
    genres: list[TraitPair]
    more: list[TraitPair]
    less: list[TraitPair]
    parts: dict[str, float]
    passage: "PassagePair | None"
    similarities: PatchSimilarities | None
    measures: tuple[Measures, Measures] = (UNKNOWN, UNKNOWN)

    def describe(self) -> dict[str, Any]:
        """Return them as JSON shows them."""
        traits = {name: getattr(self, name) for name in ("tags", "genres", "more", "less")}
        shown = {name: [trait.describe() for trait in found] for name, found in traits.items()}
        return {
            "shared_tags": shown["tags"],
            "shared_genres": shown["genres"],
            "more": shown["more"],
            "less": shown["less"],
            "parts": [
                {"words": words, "adds": round(value, 4)} for words, value in parts_in_words(self.parts)
            ],
            "passages_score": round(self.similarities.score, 4) if self.similarities else None,
            "curve": self.similarities.describe() if self.similarities else [],
        }


def reasons(
    query: SoundProfile,
    match: SoundProfile,
    names: Sequence[str],
    usual: Array,
    parts: Mapping[str, float],
    passage: "PassagePair | None",
    centre: Array,
) -> MatchReasons:
    """Return why a match is similar to a query.

    Parameters
    ----------
    query, match
        What is known of them.
    names
        Of the tags.
    usual
        (tags,) their mean probabilities in the catalogue.
    parts
        Of the score, by name.
    passage
        Which passages match, as `recommender.retrieval.alignment.align` found them; or None.
    centre
        (dimensions,) taken off every unit vector, as the index has it.
    """
    more = differences(names, query.tags, match.tags)
    found = None
    if passage is not None and query.patches is not None and match.patches is not None:
        found = patch_similarities(query.patches, match.patches, passage, centre)
    return MatchReasons(
        shared_tags(names, query.tags, match.tags, usual),
        shared_genres(query.nodes, match.nodes),
        [trait for trait in more if trait.weight > 0],
        [trait for trait in more if trait.weight < 0],
        dict(parts),
        passage,
        found,
    )


def shared_tags(names: Sequence[str], query: Array, match: Array, usual: Array) -> list[TraitPair]:
    """Return the tags that both songs have, what counts most first.

    Parameters
    ----------
    names
        (tags,).
    query, match, usual
        (tags,) probabilities: of the two songs, and the mean of the catalogue.
    """
    least = np.minimum(query, match).astype(np.float64)
    weights = least**2 / np.maximum(least + usual, 1e-9)
    rows = np.flatnonzero(least >= params.TAG_PRESENT)
    order = rows[np.argsort(-weights[rows], kind="stable")]
    return [TraitPair(names[i], float(query[i]), float(match[i]), float(weights[i])) for i in order]


def shared_genres(query: Mapping[str, float], match: Mapping[str, float]) -> list[TraitPair]:
    """Return the finest nodes that both songs may well be of, the surest first.

    Parameters
    ----------
    query, match
        Probability of every node; a node with a child that both may be of, too, is left out, and so is
        what is "other" than all children.
    """
    least = {name: min(p, match.get(name, 0.0)) for name, p in query.items()}
    both = [
        name for name, p in least.items() if p >= params.SHARED_GENRE and not name.endswith(SEPARATOR + OTHER)
    ]
    finest = [name for name in both if not any(other.startswith(name + SEPARATOR) for other in both)]
    finest.sort(key=lambda name: -least[name])
    return [TraitPair(name, query[name], match[name], least[name]) for name in finest]


def differences(names: Sequence[str], query: Array, match: Array) -> list[TraitPair]:
    """Return the tags of which one song has much more than the other, the largest difference first."""
    change = match.astype(np.float64) - query
    rows = np.flatnonzero(np.abs(change) >= params.DIFFERENT_TAG)
    order = rows[np.argsort(-np.abs(change[rows]), kind="stable")]
    return [TraitPair(names[i], float(query[i]), float(match[i]), float(change[i])) for i in order]


def patch_similarities(
    query: "PatchSequence", match: "PatchSequence", passage: "PassagePair", centre: Array
) -> PatchSimilarities:
    """Return how similar two passages are over time.

    Parameters
    ----------
    query, match
        All patches of the songs, or of what was asked for.
    passage
        Which of them are aligned.
    centre
        (dimensions,) taken off every unit vector.
    """
    mine = _between(query.starts_s, query.patch_s, passage.query_start_s, passage.query_end_s)
    its = _between(match.starts_s, match.patch_s, passage.match_start_s, passage.match_end_s)
    ours, theirs = query.embeddings[mine], match.embeddings[its]
    return PatchSimilarities(
        query.starts_s[mine],
        match.starts_s[its],
        query.patch_s,
        cosines(ours, theirs, centre),
        float(cosines(ours.mean(axis=0, keepdims=True), theirs.mean(axis=0, keepdims=True), centre)[0]),
    )


def _between(starts_s: Array, patch_s: float, start_s: float, end_s: float) -> npt.NDArray[np.int64]:
    """Return which patches lie wholly in a passage."""
    inside = (starts_s >= start_s - SAME_TIME_S) & (starts_s + patch_s <= end_s + SAME_TIME_S)
    return np.flatnonzero(inside)


def cosines(one: Array, other: Array, centre: Array) -> Array:
    """Return the cosine of each centred row with the row beside it, (rows,)."""
    pairs = unit_rows(unit_rows(one) - centre) * unit_rows(unit_rows(other) - centre)
    return np.asarray(pairs.sum(axis=1), np.float32)


def parts_in_words(parts: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return what each part of a score says and adds; what adds nothing is left out."""
    return [
        (PART_WORDS[name][value > 0] if name in PART_WORDS else name, value)
        for name, value in parts.items()
        if abs(value) >= params.SHOWN_PART
    ]
