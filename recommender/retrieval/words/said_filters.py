"""Words that are filters rather than sounds: "over 120 bpm", "in A minor", "1994", "unplayed", "vocals"."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from classifier.measures.key import key_named

Span = tuple[float | None, float | None]
"""From and to, both included; None leaves an end open, and both are the same where one number is named."""

BEGIN, END = r"(?<!\S)", r"(?![^\s,])"
LEAST: Final = r"over|above|at least|more than|faster than|longer than|minimum"
MOST: Final = r"under|below|at most|less than|slower than|shorter than|up to|maximum"
ABOUT: Final = r"around|about|at|between|from"
MORE: Final = r"\+| (?:or|and) (?:more|above|over|up|faster|longer)"
LESS: Final = r" (?:or|and) (?:less|below|under|slower|shorter)"


def _spanning(number: str, unit: str, before: str = ABOUT) -> re.Pattern[str]:
    """Return what numbers of a unit are found by: one, from one to another, or from or up to one."""
    return re.compile(
        rf"{BEGIN}(?:(?P<least>{LEAST}) |(?P<most>{MOST}) |(?:{before}) )?(?P<low>{number})"
        rf"(?: *(?:-|–|to|and) *(?P<high>{number})|(?P<more>{MORE})|(?P<less>{LESS}))?"
        rf" *{unit}(?:(?P<more_>{MORE})|(?P<less_>{LESS}))?{END}",
        re.IGNORECASE,
    )


TEMPO: Final = _spanning(r"\d{2,3}(?:\.\d+)?", "bpm")
MINUTES: Final = _spanning(r"\d{1,3}(?:\.\d+)?", "(?:minutes?|mins?)(?: long)?")
ENERGY: Final = re.compile(
    rf"{BEGIN}(?P<how>high|low)[ -]energy{END}|{BEGIN}(?P<loud>loud){END}", re.IGNORECASE
)
SIGN: Final = r"(?:[ -]?(?:#|♯|♭|b(?![a-z])|sharp|flat))"
KEY: Final = re.compile(
    rf"{BEGIN}(?:in )?(?:the )?(?:key of )?([a-g]{SIGN}?[ -]?(?:major|minor|maj|min)){END}", re.IGNORECASE
)
SHORT_KEY: Final = re.compile(rf"{BEGIN}(?:in|key of) ((?:[A-G]{SIGN}?|[a-g]{SIGN})m?){END}")
YEAR: Final = r"(?:19|20)\d\d"
YEARS: Final = re.compile(
    rf"{BEGIN}(?:(?P<before>before|until|till) |(?P<after>after|since) |(?:between|from|in) )?"
    rf"(?P<low>{YEAR})(?: *(?:-|–|to|and) *(?P<high>{YEAR}))?{END}",
    re.IGNORECASE,
)
DECADE: Final = re.compile(r"((?:19|20)?\d0)s")
UNPLAYED: Final = re.compile(rf"{BEGIN}(?:never[ -](?:played|heard)|unplayed|unheard){END}", re.IGNORECASE)
VOICES: Final = frozenset(("sings", "singing", "sung", "vocal", "vocals", "voice", "voices"))
"""What is sung, where no tag is called so; with a minus, what is instrumental."""
THIS_CENTURY: Final = 30
"""A decade below this, "20s", is of this century; others are of the last one."""
MUCH_ENERGY: Final = (0.65, None)
LITTLE_ENERGY: Final = (None, 0.35)
"""What is meant by "high energy", or "loud", and by "low energy"."""
ABOUT_MINUTES: Final = 0.5
"""How much longer or shorter "3 minutes" may be."""


@dataclass(frozen=True)
class SaidFilters:
    """The filters that words say.

    Attributes
    ----------
    tempo_bpm, years, minutes, energy
        From and to.
    keys
        Names of `classifier.measures.key.KEYS`.
    """

    tempo_bpm: Span | None = None
    keys: tuple[str, ...] = ()
    years: Span | None = None
    unplayed: bool = False
    voice: Literal["sung", "instrumental"] | None = None
    minutes: Span | None = None
    energy: Span | None = None

    def words(self) -> list[str]:
        """Return them as they are shown."""
        spans = (
            (self.tempo_bpm, "{} bpm", "more", "less"),
            (self.years, "{}", "later", "earlier"),
            (self.minutes, "{} min", "more", "less"),
            (self.energy, "energy {}", "more", "less"),
        )
        tempo, years, minutes, energy = (
            [] if span is None else [_in_words(span, *words)] for span, *words in spans
        )
        voice = [self.voice] if self.voice else []
        unplayed = ["never played"] if self.unplayed else []
        return [*tempo, *self.keys, *years, *minutes, *energy, *voice, *unplayed]


def _in_words(span: Span, form: str, more: str, less: str) -> str:
    low, high = ("" if end is None else f"{end:g}" for end in span)
    if not high:
        return f"{form.format(low)} or {more}"
    if not low:
        return f"{form.format(high)} or {less}"
    return form.format(low if low == high else f"{low}-{high}")


def take_out(text: str) -> tuple[str, SaidFilters]:
    """Return what of a text is no filter, a comma in the place of each, and the filters."""
    unplayed = UNPLAYED.search(text) is not None
    tempo, rest = _span_of(TEMPO, UNPLAYED.sub(", ", text))
    minutes, rest = _span_of(MINUTES, rest)
    if minutes is not None and minutes[0] is not None and minutes[0] == minutes[1]:
        minutes = (max(0.0, minutes[0] - ABOUT_MINUTES), minutes[0] + ABOUT_MINUTES)
    keys: list[str] = []
    for form in (KEY, SHORT_KEY):
        keys += filter(None, (key_named(" ".join(found[1].split())) for found in form.finditer(rest)))
        rest = form.sub(", ", rest)
    years, rest = _years_of(rest)
    energy, rest = _energy_of(rest)
    once = tuple(dict.fromkeys(keys))
    return rest, SaidFilters(tempo, once, years, unplayed=unplayed, minutes=minutes, energy=energy)


def _energy_of(text: str) -> tuple[Span | None, str]:
    found = ENERGY.search(text)
    if found is None:
        return None, text
    little = (found["how"] or "").lower() == "low"
    return LITTLE_ENERGY if little else MUCH_ENERGY, ENERGY.sub(", ", text)


def _span_of(form: re.Pattern[str], text: str) -> tuple[Span | None, str]:
    """Return what a text says first of a number, and the text without it."""
    found = form.search(text)
    if found is None:
        return None, text
    rest = form.sub(", ", text, count=1)
    low = float(found["low"])
    if found["high"] is not None:
        ends = sorted((low, float(found["high"])))
        return (ends[0], ends[1]), rest
    if found["least"] or found["more"] or found["more_"]:
        return (low, None), rest
    if found["most"] or found["less"] or found["less_"]:
        return (None, low), rest
    return (low, low), rest


def _years_of(text: str) -> tuple[Span | None, str]:
    found = YEARS.search(text)
    if found is None:
        return None, text
    rest = YEARS.sub(", ", text, count=1)
    low, high = sorted(int(end) for end in (found["low"], found["high"] or found["low"]))
    if found["high"] is None and found["before"]:
        return (None, low - (found["before"].lower() == "before")), rest
    if found["high"] is None and found["after"]:
        return (low + (found["after"].lower() == "after"), None), rest
    return (low, high), rest


def decade_of(word: str) -> tuple[int, int] | None:
    """Return the years of "1990s" or "90s"; None where a word is no decade."""
    found = DECADE.fullmatch(word)
    if found is None:
        return None
    first = int(found[1])
    if first < 100:
        first += 2000 if first < THIS_CENTURY else 1900
    return first, first + 9
