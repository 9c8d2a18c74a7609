"""A hierarchy of labels: paths such as ``rock/punk``; children's probabilities sum to their parent's.

A bundle trained by a user predicts leaves, and a node's probability is the sum of its leaves'. The
shipped bundle predicts ten genres; its taxonomy finds more, and finer ones, in the trunk's tags:

1. *Top level.* Every genre that only tags know ("electronic") has for evidence its strongest tag, less
   what is usual for songs of the head's genres: the level that one in ten songs of such a label
   exceeds, averaged over the labels as the head has them. Much soul is nothing new in what the head
   calls disco, and is in what it calls metal. With the evidence summing to ``e``, these genres share
   ``e / (e + new_genre)`` of the probability in proportion to theirs; the head's genres keep the rest.
2. *Below.* A node's probability is shared among its children by their strongest tags' probabilities,
   raised to ``sharpness``: listeners call one song indie and alternative, and what is asked for is which
   it is most. One more child, ``other``, has what the parent's own tags exceed the children's by, and
   ``weak`` at the least.

Both rules end in probabilities of leaves that sum to 1, and all else is their sum. Tags that are no
genres (moods, voices, instruments, eras) are facets, true of a song side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.errors import BundleError
from classifier.label_paths import OTHER, SEPARATOR, ancestors, parent_of, with_leaves

Vector = npt.NDArray[np.floating[Any]]
FORMAT: Final = 1


@dataclass(frozen=True)
class Placement:
    """Where in the hierarchy a song is put: a node, and its probability in 0..1."""

    path: str
    probability: float


def finest(probabilities: Mapping[str, float], sure: float = params.SURE) -> Placement | None:
    """Return the finest node that is sure enough.

    Parameters
    ----------
    probabilities
        Of every node, as `Taxonomy.node_probabilities` returns them.
    sure
        From the top, the walk goes on to the most probable child as long as that one's probability is at
        least this. It ends above a child named "other", which says nothing that its parent does not.

    Returns
    -------
    Placement or None
        None where not even a top node is sure enough.
    """
    placed = None
    while True:
        above = placed.path if placed else ""
        children = {path: p for path, p in probabilities.items() if parent_of(path) == above}
        best = max(children, key=children.__getitem__, default=None)
        if best is None or children[best] < sure or (above and best == above + SEPARATOR + OTHER):
            return placed
        placed = Placement(best, children[best])


@dataclass(frozen=True)
class Taxonomy:
    """How probabilities of labels and tags become those of a hierarchy's nodes.

    Attributes
    ----------
    labels
        What the bundle's head predicts, in order.
    leaves
        Each label's path, in the same order.
    rule
        How tags add to it; None where the labels are all there is.
    facet_tags
        For each facet, its tags' names and their places among the trunk's tags.
    """

    labels: tuple[str, ...]
    leaves: tuple[str, ...]
    rule: "TagRule | None" = None
    facet_tags: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)

    @classmethod
    def from_labels(cls, labels: Sequence[str]) -> "Taxonomy":
        """Return the hierarchy that the labels' own names make, with `with_leaves`."""
        leaves = with_leaves(labels)
        return cls(tuple(labels), tuple(leaves[label] for label in labels))

    @classmethod
    def of_bundle(
        cls, described: Mapping[str, Any] | None, labels: Sequence[str], tags: Sequence[str]
    ) -> "Taxonomy":
        """Return the hierarchy of a bundle: as `load` where it describes genres, else that of its labels.

        A description of facets alone adds those to the labels' own hierarchy.
        """
        if described is not None and "genres" in described:
            return cls.load(described, labels, tags)
        plain = cls.from_labels(labels)
        return plain if described is None else replace(plain, facet_tags=_facets(described, tags))

    @classmethod
    def load(cls, described: Mapping[str, Any], labels: Sequence[str], tags: Sequence[str]) -> "Taxonomy":
        """Return the hierarchy that a bundle's description spells out, as ``build/taxonomy.json`` does.

        Parameters
        ----------
        described
            The JSON object: ``genres``, ``facets`` and the rule's constants.
        labels, tags
            Names of the head's labels and of the trunk's tags, in order.

        Raises
        ------
        BundleError
            If it is of another format, or names what the bundle does not have, or not all that it has.
        """
        if described.get("format") != FORMAT:
            raise BundleError(f"taxonomy of format {described.get('format')}; this version reads {FORMAT}")
        try:
            _check_names(described, labels, tags)
            places = {tag: place for place, tag in enumerate(tags)}
            facets = _facets(described, tags)
            rule = TagRule.load(described, labels, places)
        except (AttributeError, KeyError, TypeError) as error:
            raise BundleError(f"the taxonomy does not fit its bundle ({error!r})") from error
        return cls(tuple(labels), tuple(labels), rule, facets)

    def node_probabilities(self, genres: Vector, tags: Vector) -> dict[str, float]:
        """Return the probability of every node of the hierarchy for a song.

        Parameters
        ----------
        genres
            (labels,) probabilities that sum to 1.
        tags
            (tags,) probabilities of the trunk's tags; not looked at where the labels are all there is.

        Returns
        -------
        dict
            Path to probability; the children of a node sum to it, the top nodes to 1.
        """
        of_leaves: dict[str, float] = {}
        for leaf, p in zip(self.leaves, np.asarray(genres, np.float64).tolist(), strict=True):
            of_leaves[leaf] = of_leaves.get(leaf, 0.0) + p
        if self.rule:
            of_leaves = self.rule.leaf_probabilities(of_leaves, np.asarray(tags, np.float64))
        nodes: dict[str, float] = {}
        for leaf, p in of_leaves.items():
            for node in (*ancestors(leaf), leaf):
                nodes[node] = nodes.get(node, 0.0) + p
        return nodes

    def facet_names(self) -> dict[str, list[str]]:
        """Return the names of each facet's tags, as a bundle describes them."""
        return {facet: [name for name, _ in named] for facet, named in self.facet_tags.items()}

    def facets(self, tags: Vector) -> dict[str, list[tuple[str, float]]]:
        """Return each facet's tags with their probabilities, the most probable first.

        They are the trunk's own, do not exclude each other and sum to nothing in particular.
        """
        return {
            facet: sorted(((name, float(tags[place])) for name, place in named), key=lambda row: -row[1])
            for facet, named in self.facet_tags.items()
        }


def _facets(described: Mapping[str, Any], tags: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
    places = {tag: place for place, tag in enumerate(tags)}
    return {facet: [(name, places[name]) for name in names] for facet, names in described["facets"].items()}


def _check_names(described: Mapping[str, Any], labels: Sequence[str], tags: Sequence[str]) -> None:
    """Raise `BundleError` unless every label and every tag is named exactly once, and nothing else."""
    genres = described["genres"]
    named = [tag for genre in genres.values() for tag in genre["tags"]]
    named += [tag for names in described["facets"].values() for tag in names]
    if sorted(named) != sorted(tags):
        raise BundleError("the taxonomy does not name each of the trunk's tags once")
    if not set(labels) <= set(genres) or any(SEPARATOR in label for label in labels):
        raise BundleError("the taxonomy does not have each of the bundle's labels as a top genre")
    orphans = [path for path in genres if SEPARATOR in path and parent_of(path) not in genres]
    if orphans:
        raise BundleError(f"the taxonomy has no node above '{orphans[0]}'")


@dataclass(frozen=True)
class TagRule:
    """The shipped taxonomy's rule; see the head of this module.

    Attributes
    ----------
    tags_of
        Each node's own tags, as places among the trunk's.
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
        cls, described: Mapping[str, Any], labels: Sequence[str], places: Mapping[str, int]
    ) -> "TagRule":
        """Return the rule of a checked ``taxonomy.json``."""
        genres = described["genres"]
        only_tags = [path for path in genres if SEPARATOR not in path and path not in labels]
        return cls(
            tags_of={path: [places[tag] for tag in genre["tags"]] for path, genre in genres.items()},
            usual={
                path: {label: float(genres[path]["usual"][label]) for label in labels} for path in only_tags
            },
            **{name: float(described[name]) for name in ("new_genre", "weak", "sharpness")},
        )

    def evidence(self, path: str, tags: Vector) -> float:
        """Return the highest probability among the tags of a node and of those below it; 0 without any."""
        below = path + SEPARATOR
        places = [
            place
            for node, own in self.tags_of.items()
            if node == path or node.startswith(below)
            for place in own
        ]
        return max((float(tags[place]) for place in places), default=0.0)

    def leaf_probabilities(self, of_labels: Mapping[str, float], tags: Vector) -> dict[str, float]:
        """Return the probabilities of all leaves, from those of the labels and the tags."""
        leaves: dict[str, float] = {}
        todo = self._top(of_labels, tags)
        while todo:
            path, p = todo.popitem()
            shares = self._shares(path, tags)
            if shares:
                todo.update({child: p * share for child, share in shares.items()})
            else:
                leaves[path] = p
        return leaves

    def _top(self, of_labels: Mapping[str, float], tags: Vector) -> dict[str, float]:
        beyond = {}
        for path, usual in self.usual.items():
            expected = sum(p * usual[label] for label, p in of_labels.items())
            beyond[path] = max(0.0, self.evidence(path, tags) - expected)
        whole = sum(beyond.values()) + self.new_genre
        top = {label: p * self.new_genre / whole for label, p in of_labels.items()}
        return top | {path: evidence / whole for path, evidence in beyond.items()}

    def _shares(self, path: str, tags: Vector) -> dict[str, float]:
        """Return the children's shares of their parent, `OTHER` among them; nothing below a leaf."""
        weights = {node: self.evidence(node, tags) for node in self.tags_of if parent_of(node) == path}
        if not weights:
            return {}
        own = max((float(tags[place]) for place in self.tags_of[path]), default=0.0)
        weights[path + SEPARATOR + OTHER] = max(self.weak, own - sum(weights.values()))
        weights = {node: weight**self.sharpness for node, weight in weights.items()}
        return {node: weight / sum(weights.values()) for node, weight in weights.items()}
