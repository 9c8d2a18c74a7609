"""The reasons why a song is in a list, for machines and in a few lines of words."""

from collections.abc import Sequence
from typing import Any

from recommender.params import SHOWN_GENRES, SHOWN_TAGS
from recommender.presentation.measures import measures_compared
from recommender.presentation.songs import passage_json
from recommender.presentation.text import clock, passages_in_words
from recommender.reasons.traits import MatchReasons, TraitPair, parts_in_words


def reasons_json(why: MatchReasons) -> dict[str, Any]:
    """Return reasons for machines, with the same in words."""
    return {"words": words_of(why), **why.describe()}


def words_of(why: MatchReasons) -> list[str]:
    """Return reasons as a few lines."""
    lines = [
        _shared(why),
        _similarities(why),
        _score(why),
        measures_compared(*why.measures),
        _differences(why),
    ]
    return [line for line in lines if line]


def _shared(why: MatchReasons) -> str:
    found = (("of genre", why.genres[:SHOWN_GENRES]), ("tagged", why.tags[:SHOWN_TAGS]))
    phrases = [f"{word} {_names(traits)}" for word, traits in found if traits]
    return f"both {'; '.join(phrases)}" if phrases else "no genre and no tag in common"


def _names(traits: Sequence[TraitPair]) -> str:
    return ", ".join(trait.name for trait in traits)


def _similarities(why: MatchReasons) -> str:
    found = why.similarities
    if found is None:
        return ""
    mine, its = passages_in_words(dict(passage_json(why.passage))).split(" ≈ ")
    line = f"your {mine} ≈ its {its}: alike {found.score:.2f}"
    if len(found.cosines) == 1:
        return line
    best = found.best
    at = " ≈ ".join(clock(round(float(starts[best]))) for starts in (found.query_s, found.match_s))
    return f"{line}, most at {at} ({found.cosines[best]:.2f})"


def _score(why: MatchReasons) -> str:
    parts = ", ".join(f"{words} {value:+.2f}" for words, value in parts_in_words(why.parts))
    return f"score {sum(why.parts.values()):.2f}: {parts}" if parts else ""


def _differences(why: MatchReasons) -> str:
    found = (("more", why.more), ("less", why.less))
    phrases = [f"{word} {_names(traits[:SHOWN_TAGS])}" for word, traits in found if traits]
    return f"it is {', '.join(phrases)}" if phrases else ""
