"""Songs by words: tags, genres, labels and filters, wanted or, with a minus before them, not wanted.

A word's strength in a song is p / (p + m): its probability there, against its mean m over the catalogue,
so that a rare tag counts as much as a common one; 0.5 is as usual. A song's score is the geometric mean
of the strengths, of 1 − strength where a word is not wanted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import takewhile

import numpy as np

from classifier.arrays import Array
from db.tracks import search_key
from recommender.errors import FilterError
from recommender.retrieval.words.said_filters import VOICES, SaidFilters, decade_of, take_out
from recommender.retrieval.words.synonyms import SYNONYMS

LEAST_MEAN = 1e-3
LEAST_CLOSE = 0.74
"""How alike a word and a name that might be meant are, as difflib has it: "punc" and "punk" are."""
LEAST_LETTERS = 4
"""A part of a word has so many letters at least."""
SHOWN_NAMES = 12
PASSED_OVER = frozenset(
    {
        "",
        "a",
        "an",
        "and",
        "are",
        "but",
        "by",
        "for",
        "from",
        "in",
        "is",
        "like",
        "music",
        "of",
        "some",
        "something",
    }
    | {"song", "songs", "that", "the", "track", "tracks", "very", "with"}
)
"""Words between others that mean nothing by themselves."""
NEGATIONS = frozenset(("except", "minus", "no", "non", "nor", "not", "without"))
"""Words after which what follows is not wanted, as after a minus."""
NO_NAME = "is no tag, genre or label"
HINTS = {
    **dict.fromkeys(
        ("bpm", "fast", "faster", "quick", "slower", "speed", "tempo"),
        f"{NO_NAME}; say a tempo, such as 140 bpm",
    ),
    **dict.fromkeys(
        ("duration", "length", "long", "longer", "short"), f"{NO_NAME}; say a length, such as under 3 minutes"
    ),
    **dict.fromkeys(("key", "tonality"), f"{NO_NAME}; say a key, such as in A minor"),
    **dict.fromkeys(
        ("modern", "new", "newer", "newest", "recent", "year"), f"{NO_NAME}; say years, such as after 2015"
    ),
    "or": "is not understood: all words count together",
}
"""What is said of words that are about something else than how it sounds."""


@dataclass(frozen=True)
class WordTerm:
    """A tag, genre or label that is wanted, or not."""

    name: str
    wanted: bool = True


@dataclass(frozen=True)
class ParsedWords:
    """What words mean.

    Attributes
    ----------
    terms
        What the songs should be, or not.
    said
        Filters: tempo, key, years and the like.
    unknown
        A line for each word that cannot be searched for.
    """

    terms: tuple[WordTerm, ...]
    said: SaidFilters
    unknown: tuple[str, ...]


def parse(text: str, names: Iterable[str], *, voices: bool = False) -> ParsedWords:
    """Return words read as names and filters, the longest name that fits first.

    Parameters
    ----------
    text
        Such as ``mellow jazz -female vocalists 120 bpm``; a minus belongs to the name that follows. A comma
        ends a name: ``indie pop`` is one tag, ``indie, pop`` are two.
    names
        All that there are; of a path such as ``rock/punk`` its last part will do, and so does what people
        say for a name (`SYNONYMS`), a name with its spaces elsewhere, and the beginning of one alone.
    voices
        Whether the model tells what is sung.

    Raises
    ------
    FilterError
        If no word means anything.
    """
    known = _known(names)
    rest, said = take_out(text)
    terms: list[WordTerm] = []
    unknown: list[str] = []
    for part in rest.split(","):
        for term in _terms(part.split(), known, voices=voices):
            if term.name is not None:
                terms.append(WordTerm(term.name, term.wanted))
            elif (filters := _as_filter(term, said, voices=voices)) is not None:
                said = filters
            elif key(term.word) not in PASSED_OVER:
                unknown.append(_unknown(term.word, known))
    if not terms and said == SaidFilters():
        raise FilterError(
            "; ".join(unknown) or "nothing to find; name tags or genres, such as: mellow jazz -acoustic"
        )
    return ParsedWords(tuple(dict.fromkeys(terms)), said, tuple(dict.fromkeys(unknown)))


def _as_filter(term: "_ReadWord", said: SaidFilters, *, voices: bool) -> SaidFilters | None:
    """Return the filters with what a word says that is no name: a decade, or that it is sung; else None."""
    word = key(term.word)
    years = decade_of(word) if term.wanted else None
    if years is not None:
        low, high = said.years or years
        ends = (None if low is None else min(low, years[0]), None if high is None else max(high, years[1]))
        return replace(said, years=ends)
    if voices and word in VOICES:
        return replace(said, voice="sung" if term.wanted else "instrumental")
    return None


@dataclass(frozen=True)
class _ReadWord:
    """Words, with the name that they mean, if any."""

    word: str
    name: str | None
    wanted: bool


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


def _terms(words: Sequence[str], known: Mapping[str, str], *, voices: bool) -> Iterator[_ReadWord]:
    """Yield words read as names; none goes on over a word with a minus, which belongs to the next name."""
    position, negated = 0, False
    while position < len(words):
        ends = [
            position + 1,
            *takewhile(lambda end: words[end - 1][0] != "-", range(position + 2, len(words) + 1)),
        ]
        meant = ((end, _meaning(_joined(words[position:end]), known)) for end in reversed(ends))
        end, name = next((one for one in meant if one[1]), (position + 1, None))
        word = key(words[position].lstrip("-"))
        if name is None and word in NEGATIONS and position + 1 < len(words):
            negated, position = True, end
            continue
        if name is None and not (voices and word in VOICES):
            name = _beginning(word, known)
        minus = words[position][0] == "-"
        yield _ReadWord(words[position][minus:], name, not (minus or negated))
        negated = negated and name is None and word in PASSED_OVER
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
    called = {name: said for name, said in known.items() if not said.endswith("/other")}
    if (hint := HINTS.get(key(word))) is not None:
        return f"'{word}' {hint}"
    close = [called[name] for name in get_close_matches(key(word), called, 3, LEAST_CLOSE)]
    near = f"; did you mean {' or '.join(dict.fromkeys(close))}?" if close else ""
    plain = sorted({name for name in known.values() if "/" not in name}, key=str.lower)
    some = plain[:: max(1, -(-len(plain) // SHOWN_NAMES))]
    others = f"; there are {len(plain)}, such as: {', '.join(some)}"
    return f"'{word}' {NO_NAME}{near}" + ("" if close else others)


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
