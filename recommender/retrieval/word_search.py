"""Songs by words: tags, genres and labels, wanted or, with a minus before them, not wanted.

A word's strength in a song is p / (p + m): its probability there, against its mean m over the catalogue,
so that a rare tag counts as much as a common one; 0.5 is as usual. A song's score is the geometric mean
of the strengths, of 1 − strength where a word is not wanted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import takewhile

import numpy as np

from classifier.arrays import Array
from db.tracks import search_key
from recommender.errors import FilterError
from recommender.retrieval.synonyms import SYNONYMS

LEAST_MEAN = 1e-3
LEAST_LETTERS = 4
"""A part of a word has so many letters at least."""
SHOWN_NAMES = 12


@dataclass(frozen=True)
class WordTerm:
    """A tag, genre or label that is wanted, or not."""

    name: str
    wanted: bool = True


def parse(text: str, names: Iterable[str]) -> list[WordTerm]:
    """Return words read as names, the longest that fits first.

    Parameters
    ----------
    text
        Such as ``mellow jazz -female vocalists``; a minus belongs to the name that follows. A comma
        ends a name: ``indie pop`` is one tag, ``indie, pop`` are two.
    names
        All that there are; of a path such as ``rock/punk`` its last part will do, and so does what people
        say for a name (`SYNONYMS`), a name with its spaces elsewhere, and the beginning of one alone.

    Raises
    ------
    FilterError
        If a word means none of the names.
    """
    known = _known(names)
    terms = [term for part in text.split(",") for term in _terms(part.split(), known)]
    if not terms:
        raise FilterError("nothing to find; name tags or genres, such as: mellow jazz -acoustic")
    return terms


def _known(names: Iterable[str]) -> dict[str, str]:
    """Return names by all that means them; what is a name means nothing else."""
    known: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (name.count("/"), name), reverse=True):
        known[key(name)] = known[key(name.rpartition("/")[2])] = name
    for said, meant in SYNONYMS.items():
        for name in meant:
            if key(name) in known:
                known.setdefault(key(said), known[key(name)])
    for said, name in list(known.items()):
        known.setdefault(said.replace(" ", ""), name)
    return known


def _terms(words: Sequence[str], known: Mapping[str, str]) -> Iterator[WordTerm]:
    """Yield words read as names; none goes on over a word with a minus."""
    position = 0
    while position < len(words):
        ends = [
            position + 1,
            *takewhile(lambda end: words[end - 1][0] != "-", range(position + 2, len(words) + 1)),
        ]
        meant = ((end, _meaning(_joined(words[position:end]), known)) for end in reversed(ends))
        end, name = next((one for one in meant if one[1]), (position + 1, None))
        name = name or _beginning(key(words[position].lstrip("-")), known)
        if name is None:
            raise FilterError(_unknown(words[position], known))
        yield WordTerm(name, wanted=words[position][0] != "-")
        position = end


def _meaning(said: str, known: Mapping[str, str]) -> str | None:
    """Return the name that words mean, their spaces and a plural aside."""
    joined = said.replace(" ", "")
    return known.get(said) or known.get(joined) or known.get(joined.removesuffix("s"))


def _beginning(said: str, known: Mapping[str, str]) -> str | None:
    """Return the name that a part of a word means: the only one of which a word begins with it."""
    found = {name for words, name in known.items() if any(word.startswith(said) for word in words.split())}
    return found.pop() if len(said) >= LEAST_LETTERS and len(found) == 1 else None


def key(text: str) -> str:
    """Return what names are compared by: no accents, no case, no hyphens."""
    return search_key(text.replace("-", " ").replace("_", " "))


def _joined(words: Sequence[str]) -> str:
    return key(" ".join([words[0].lstrip("-"), *words[1:]]))


def _unknown(word: str, known: Mapping[str, str]) -> str:
    close = [known[name] for name in get_close_matches(key(word), known, 3, 0.7)]
    near = f"; did you mean {' or '.join(dict.fromkeys(close))}?" if close else ""
    plain = sorted({name for name in known.values() if "/" not in name}, key=str.lower)
    some = plain[:: max(1, -(-len(plain) // SHOWN_NAMES))]
    others = f"; there are {len(plain)}, such as: {', '.join(some)}"
    return f"'{word}' is no tag, genre or label{near}" + ("" if close else others)


def strengths(probabilities: Array) -> Array:
    """Return p / (p + m) of a name's probabilities in all songs, (tracks,) in 0..1."""
    usual = max(float(probabilities.mean()), LEAST_MEAN) if len(probabilities) else LEAST_MEAN
    return np.asarray(probabilities / (probabilities + usual), np.float32)


def scores(terms: Sequence[WordTerm], probabilities: Mapping[str, Array]) -> Array:
    """Return the songs' scores, (tracks,) in 0..1."""
    logs = []
    for term in terms:
        strength = strengths(probabilities[term.name])
        logs.append(np.log(np.maximum(strength if term.wanted else 1 - strength, 1e-9)))
    return np.asarray(np.exp(np.mean(logs, axis=0)), np.float32)
