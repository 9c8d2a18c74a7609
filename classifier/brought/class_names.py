"""From the names of a model's classes to labels of a tree of genres, tags, and facets.

Essentia's models write a Discogs style as ``Genre---Style``; some put what kind of word it is before it,
``genre---rock`` or ``mood/theme---happy``. Others have plain words: those that the shipped bundle's tree
knows as tags of a genre, or of a facet, are put where it has them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from classifier.genres.label_paths import SEPARATOR
from classifier.model.bundle import Bundle

BETWEEN: Final = "---"
GENRE: Final = "genre"
FACET_OF_KIND: Final[Mapping[str, str]] = {
    "mood/theme": "mood",
    "mood": "mood",
    "theme": "mood",
    "instrument": "instrument",
}
"""What kinds of words are called that stand before a class, and which facet each is of."""
FACET_WORDS: Final = (
    ("voice", "voice"),
    ("gender", "voice"),
    ("vocal", "voice"),
    ("mood", "mood"),
    ("instrument", "instrument"),
    ("genre", "style"),
)
"""A head whose name has the word is of the facet; the first that fits."""
_NEGATION = re.compile(r"(?:non|not|no)[-_ ](.+)", re.IGNORECASE)


@dataclass(frozen=True)
class NamedClass:
    """A class of a model, by its column.

    Attributes
    ----------
    tag
        The name that it is shown by.
    label
        Its path in the tree of genres; None where it is no genre.
    facet
        The facet that it belongs to; None where it belongs to none.
    """

    column: int
    tag: str
    label: str | None = None
    facet: str | None = None


@dataclass(frozen=True)
class KnownWords:
    """Words whose place in a tree is known: path, or facet, by the word in lower case."""

    genres: Mapping[str, str] = field(default_factory=dict)
    facets: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, bundle: Bundle) -> "KnownWords":
        """Return the words that are tags of a bundle's tree."""
        rule, tags = bundle.taxonomy.rule, bundle.tag_names
        genres = {} if rule is None else {tags[c]: path for path, own in rule.tags_of.items() for c in own}
        facets = {tag: facet for facet, own in bundle.taxonomy.facet_names().items() for tag in own}
        return cls(
            {tag.casefold(): path for tag, path in genres.items()},
            {tag.casefold(): facet for tag, facet in facets.items()},
        )


def classes_of_trunk(classes: Sequence[str], known: KnownWords) -> list[NamedClass]:
    """Return what a trunk's own classes are."""
    return [
        _spelt(column, name)
        or NamedClass(column, name, known.genres.get(name.casefold()), known.facets.get(name.casefold()))
        for column, name in enumerate(classes)
    ]


def classes_of_head(classes: Sequence[str], head_name: str) -> list[NamedClass]:
    """Return what a head's classes are; one that only denies another is left out."""
    folded = {name.casefold() for name in classes}
    facet = facet_of(head_name)
    found = []
    for column, name in enumerate(classes):
        denied = _NEGATION.fullmatch(name)
        if denied is None or denied[1].casefold() not in folded:
            found.append(_spelt(column, name) or NamedClass(column, name, facet=facet))
    return found


def facet_of(head_name: str) -> str:
    """Return the facet that a head's classes are of, by its name."""
    words = head_name.lower().replace("_", " ").replace("-", " ")
    return next((facet for word, facet in FACET_WORDS if word in words), " ".join(words.split()) or "other")


def _spelt(column: int, name: str) -> NamedClass | None:
    """Return what a class is that says its kind, or its genre, before its name; None where it does not."""
    kind, between, rest = name.partition(BETWEEN)
    if not between or not kind.strip() or not rest.strip():
        return None
    folded = kind.strip().casefold()
    if folded in FACET_OF_KIND:
        return NamedClass(column, rest.strip(), facet=FACET_OF_KIND[folded])
    label = step(rest) if folded == GENRE else step(kind) + SEPARATOR + step(rest)
    return NamedClass(column, label, label)


def step(name: str) -> str:
    """Return a name as a step of a path: in lower case, and without what stands between steps."""
    parts = [part.strip() for part in name.lower().split(SEPARATOR)]
    return " & ".join(part for part in parts if part) or "other"


def without_genres(classes: Sequence[NamedClass]) -> list[NamedClass]:
    """Return the same as a facet: where the genres are another model's."""
    return [replace(one, label=None, facet="style") if one.label is not None else one for one in classes]


def apart(groups: Sequence[tuple[str, Sequence[NamedClass]]]) -> list[list[NamedClass]]:
    """Return the classes of several models, each by a name of its own: the model follows one that is taken.

    Parameters
    ----------
    groups
        Each model's name and classes.
    """
    taken: set[str] = set()
    found = []
    for model, classes in groups:
        named = []
        for one in classes:
            tag, number = one.tag, 1
            while tag in taken:
                tag = f"{one.tag} ({model})" if number == 1 else f"{one.tag} ({model}, {number})"
                number += 1
            taken.add(tag)
            named.append(replace(one, tag=tag))
        found.append(named)
    return found
