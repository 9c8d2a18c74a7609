"""Why a song is in a list, for machines and in a few lines of words."""

from collections.abc import Sequence
from typing import Any

from recommender.params import SHOWN_GENRES, SHOWN_TAGS
from recommender.presentation.songs import passage_json
from recommender.presentation.text import clock, passages_in_words
from recommender.reasons.traits import Reasons, Trait, parts_in_words


def reasons_json(why: Reasons) -> dict[str, Any]:
    """Return reasons for machines, with the same in words."""
    return {"words": words_of(why), **why.describe()}


def words_of(why: Reasons) -> list[str]:
    """Return reasons as a few lines."""
    lines = [_shared(why), _course(why), _score(why), _differences(why)]
    return [line for line in lines if line]


def _shared(why: Reasons) -> str:
    found = (("of genre", why.genres[:SHOWN_GENRES]), ("tagged", why.tags[:SHOWN_TAGS]))
    said = [f"{word} {_names(traits)}" for word, traits in found if traits]
    return f"both {'; '.join(said)}" if said else "no genre and no tag in common"


def _names(traits: Sequence[Trait]) -> str:
    return ", ".join(trait.name for trait in traits)


def _course(why: Reasons) -> str:
    course = why.course
    if course is None:
        return ""
    mine, its = passages_in_words(dict(passage_json(why.passage))).split(" ≈ ")
    line = f"your {mine} ≈ its {its}: alike {course.score:.2f}"
    if len(course.alike) == 1:
        return line
    best = course.best
    at = " ≈ ".join(clock(round(float(starts[best]))) for starts in (course.query_s, course.match_s))
    return f"{line}, most at {at} ({course.alike[best]:.2f})"


def _score(why: Reasons) -> str:
    parts = ", ".join(f"{words} {value:+.2f}" for words, value in parts_in_words(why.parts))
    return f"score {sum(why.parts.values()):.2f}: {parts}" if parts else ""


def _differences(why: Reasons) -> str:
    found = (("more", why.more), ("less", why.less))
    said = [f"{word} {_names(traits[:SHOWN_TAGS])}" for word, traits in found if traits]
    return f"it is {', '.join(said)}" if said else ""
