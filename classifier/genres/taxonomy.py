"""A hierarchy of labels: paths such as ``rock/punk``; children's probabilities sum to their parent's.

A bundle trained by a user predicts leaves, and a node's probability is the sum of its leaves'. The
shipped bundle predicts ten genres; its taxonomy finds more, and finer ones, in the trunk's tags: see
`classifier.genres.tag_rule`. Tags that are no genres (moods, voices, instruments, eras) are facets, true of a
song side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.errors import BundleError
from classifier.genres.label_paths import OTHER, SEPARATOR, ancestors, parent_of, with_leaves
from classifier.genres.tag_rule import TagRule

Vector = npt.NDArray[np.floating[Any]]
FORMAT: Final = 1


@dataclass(frozen=True)
class Placement:
    """The node of the hierarchy that a song is put under, and its probability in 0..1."""

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
    found = None
    while True:
        above = found.path if found else ""
        children = {path: p for path, p in probabilities.items() if parent_of(path) == above}
        best = max(children, key=children.__getitem__, default=None)
        if best is None or children[best] < sure or (above and best == above + SEPARATOR + OTHER):
            return found
        found = Placement(best, children[best])


def finest_of_songs(nodes: Mapping[str, Vector], sure: float = params.SURE) -> list[str | None]:
    """Return the path that `finest` finds for each of many songs, from `Taxonomy.node_columns`."""
    n_songs = len(next(iter(nodes.values()), ()))
    found: list[str | None] = [None] * n_songs
    todo: list[tuple[str, npt.NDArray[np.int64]]] = [("", np.arange(n_songs))]
    while todo:
        above, songs = todo.pop()
        children = [path for path in nodes if parent_of(path) == above]
        if not children or not len(songs):
            continue
        p = np.stack([nodes[path][songs] for path in children])
        best = np.where(p.max(axis=0) >= sure, p.argmax(axis=0), -1)
        for number, path in enumerate(children):
            if above and path == above + SEPARATOR + OTHER:
                continue
            chosen = songs[best == number]
            for song in chosen:
                found[song] = path
            todo.append((path, chosen))
    return found


@dataclass(frozen=True)
class Taxonomy:
    """A hierarchy, and how probabilities of labels and tags become those of its nodes.

    Attributes
    ----------
    labels
        What the bundle's head predicts, in order.
    leaves
        Each label's path, in the same order.
    rule
        How tags add to it; None where the labels are all there is.
    facet_tags
        For each facet, its tags' names and their columns in the trunk's tags.
    """

    labels: tuple[str, ...]
    leaves: tuple[str, ...]
    rule: TagRule | None = None
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
            columns = {tag: column for column, tag in enumerate(tags)}
            facets = _facets(described, tags)
            rule = TagRule.load(described, labels, columns)
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
        one = self.node_columns(np.asarray(genres)[None], np.asarray(tags)[None])
        return {node: float(p[0]) for node, p in one.items()}

    def node_columns(self, genres: Vector, tags: Vector) -> dict[str, Vector]:
        """Return the probability of every node for many songs at once.

        Parameters
        ----------
        genres, tags
            (songs, labels) and (songs, tags), as `node_probabilities` takes those of one.

        Returns
        -------
        dict
            Path to (songs,) float64 in 0..1; every path is there though there be no song.
        """
        of_leaves = self._leaf_columns(genres)
        if self.rule:
            of_leaves = self.rule.leaf_probabilities(of_leaves, tags.T)
        nodes: dict[str, Vector] = {}
        for leaf, p in of_leaves.items():
            for node in (*ancestors(leaf), leaf):
                nodes[node] = nodes.get(node, 0.0) + p
        return nodes

    def top_columns(self, genres: Vector, tags: Vector) -> dict[str, Vector]:
        """Return the top level alone of what `node_columns` returns: quicker than all of it."""
        of_leaves = self._leaf_columns(genres)
        if self.rule:
            return self.rule.top_probabilities(of_leaves, tags.T)
        tops: dict[str, Vector] = {}
        for leaf, p in of_leaves.items():
            top = leaf.split(SEPARATOR, 1)[0]
            tops[top] = tops.get(top, 0.0) + p
        return tops

    def _leaf_columns(self, genres: Vector) -> dict[str, Vector]:
        """Return the probability of each label's leaf, (songs,), from (songs, labels)."""
        of_leaves: dict[str, Vector] = {}
        for leaf, p in zip(self.leaves, np.array(genres.T, np.float64, order="C"), strict=True):
            of_leaves[leaf] = of_leaves.get(leaf, 0.0) + p
        return of_leaves

    def facet_names(self) -> dict[str, list[str]]:
        """Return the names of each facet's tags, as a bundle describes them."""
        return {facet: [name for name, _ in named] for facet, named in self.facet_tags.items()}

    def facets(self, tags: Vector) -> dict[str, list[tuple[str, float]]]:
        """Return each facet's tags with their probabilities, the most probable first.

        They are the trunk's own, do not exclude each other and sum to nothing in particular.
        """
        return {
            facet: sorted(((name, float(tags[column])) for name, column in named), key=lambda row: -row[1])
            for facet, named in self.facet_tags.items()
        }


def _facets(described: Mapping[str, Any], tags: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
    columns = {tag: column for column, tag in enumerate(tags)}
    return {facet: [(name, columns[name]) for name in names] for facet, names in described["facets"].items()}


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
