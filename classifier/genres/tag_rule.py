"""The shipped taxonomy's rule: how the trunk's tags make more genres, and finer ones, of the head's.

1. *Top level.* Every genre that only tags know ("electronic") has for evidence its strongest tag, less
   what is usual for songs of the head's genres: the level that one in ten songs of such a label
   exceeds, averaged over the labels as the head has them. Much soul is nothing new in what the head
   calls disco, and is in what it calls metal. With the evidence summing to ``e``, these genres share
   ``e / (e + new_genre)`` of the probability in proportion to theirs; the head's genres keep the rest.
2. *Below.* A node's probability is shared among its children by their strongest tags' probabilities,
   raised to ``sharpness``: listeners call one song indie and alternative, and what is asked for is which
   it is most. One more child, ``other``, has what the parent's own tags exceed the children's by, and
   ``weak`` at the least.

Both rules end in probabilities of leaves that sum to 1, and all else is their sum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.genres.label_paths import OTHER, SEPARATOR, parent_of

Vector = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class TagRule:
    """The rule, for many songs at once; see the head of this module.

    Attributes
    ----------
    tags_of
        Each node's own tags, as columns of the trunk's.
    usual
        For each genre that only tags know, the evidence that is usual under each label.
    new_genre, weak, sharpness
        The rule's constants.
    """

    tags_of: Mapping[str, Sequence[int]]
    usual: Mapping[str, Mapping[str, float]]
    new_genre: float
    weak: float
    sharpness: float

    @classmethod
    def load(
        cls, described: Mapping[str, Any], labels: Sequence[str], columns: Mapping[str, int]
    ) -> "TagRule":
        """Return the rule of a checked ``taxonomy.json``."""
        genres = described["genres"]
        only_tags = [path for path in genres if SEPARATOR not in path and path not in labels]
        return cls(
            tags_of={path: [columns[tag] for tag in genre["tags"]] for path, genre in genres.items()},
            usual={
                path: {label: float(genres[path]["usual"][label]) for label in labels} for path in only_tags
            },
            **{name: float(described[name]) for name in ("new_genre", "weak", "sharpness")},
        )

    def evidence(self, path: str, tags: Vector) -> Vector:
        """Return the highest probability among the tags of a node and of those below it; 0 without any.

        Parameters
        ----------
        tags
            (tags, songs).

        Returns
        -------
        array
            (songs,).
        """
        return _highest(tags, self._columns_below.get(path, ()))

    @cached_property
    def _columns_below(self) -> dict[str, list[int]]:
        """The columns of the tags of every node and of those below it."""

        def inside(path: str) -> list[int]:
            below = path + SEPARATOR
            own = [tags for node, tags in self.tags_of.items() if node == path or node.startswith(below)]
            return [column for tags in own for column in tags]

        return {path: inside(path) for path in self.tags_of}

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        """The nodes right below every node that has some."""
        found: dict[str, list[str]] = {}
        for node in self.tags_of:
            found.setdefault(parent_of(node), []).append(node)
        return found

    def leaf_probabilities(self, of_labels: Mapping[str, Vector], tags: Vector) -> dict[str, Vector]:
        """Return the probabilities of all leaves, each (songs,), from those of the labels and the tags.

        Parameters
        ----------
        of_labels
            Each label's probability, (songs,).
        tags
            (tags, songs).
        """
        leaves: dict[str, Vector] = {}
        todo = self.top_probabilities(of_labels, tags)
        while todo:
            path, p = todo.popitem()
            shares = self._shares(path, tags)
            if shares:
                todo.update({child: p * share for child, share in shares.items()})
            else:
                leaves[path] = p
        return leaves

    def top_probabilities(self, of_labels: Mapping[str, Vector], tags: Vector) -> dict[str, Vector]:
        """Return the probabilities of the top level alone, as `leaf_probabilities` takes them."""
        beyond = {}
        for path, usual in self.usual.items():
            expected = sum(p * usual[label] for label, p in of_labels.items())
            beyond[path] = np.maximum(0.0, self.evidence(path, tags) - expected)
        whole = sum(beyond.values()) + self.new_genre
        top = {label: p * self.new_genre / whole for label, p in of_labels.items()}
        return top | {path: evidence / whole for path, evidence in beyond.items()}

    def _shares(self, path: str, tags: Vector) -> dict[str, Vector]:
        """Return the children's shares of their parent, `OTHER` among them; nothing below a leaf."""
        weights = {node: self.evidence(node, tags) for node in self._children.get(path, ())}
        if not weights:
            return {}
        own = _highest(tags, self.tags_of[path])
        weights[path + SEPARATOR + OTHER] = np.maximum(self.weak, own - sum(weights.values()))
        weights = {node: weight**self.sharpness for node, weight in weights.items()}
        whole = sum(weights.values())
        return {node: weight / whole for node, weight in weights.items()}


def _highest(tags: Vector, columns: Sequence[int]) -> Vector:
    """Return the highest of some tags in every song, (songs,) float64; 0 where there are none."""
    return np.asarray(tags[columns].max(axis=0, initial=0.0), np.float64)
