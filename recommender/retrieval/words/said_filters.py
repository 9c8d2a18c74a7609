"""Words that are filters rather than sounds: "120 bpm", "in A minor", "1994", "never played", "vocals"."""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal

from classifier.measures.key import key_named

NUMBER: Final = r"(\d{2,3}(?:\.\d+)?)"
TEMPO: Final = re.compile(
    rf"(?<!\S)(?:around |about |at )?{NUMBER}(?: *(?:-|–|to) *{NUMBER})? *bpm(?![^\s,])", re.IGNORECASE
)
SIGN: Final = r"(?: ?(?:#|♯|♭|b(?![a-z])|sharp|flat))?"
KEY: Final = re.compile(
    rf"(?<!\S)(?:in )?(?:the )?(?:key of )?([a-g]{SIGN} ?(?:major|minor|maj|min))(?![^\s,])", re.IGNORECASE
)
SHORT_KEY: Final = re.compile(r"(?<!\S)(?:in|key of) ([A-G][#b♯♭]?m?)(?![^\s,])")
YEARS: Final = re.compile(r"(?<!\S)(?:from )?((?:19|20)\d\d)(?: *(?:-|–|to) *((?:19|20)\d\d))?(?![^\s,])")
DECADE: Final = re.compile(r"((?:19|20)?\d0)s")
UNPLAYED: Final = re.compile(
    r"(?<!\S)(?:never[ -](?:played|heard)|unplayed|unheard)(?![^\s,])", re.IGNORECASE
)
VOICES: Final = frozenset(("sings", "singing", "sung", "vocal", "vocals", "voice", "voices"))
"""What is sung, where no tag is called so; with a minus, what is instrumental."""
THIS_CENTURY: Final = 30
"""A decade below this, "20s", is of this century; others are of the last one."""


@dataclass(frozen=True)
class SaidFilters:
    """The filters that words say.

    Attributes
    ----------
    tempo_bpm, years
        From and to; both the same where one is named.
    keys
        Names of `classifier.measures.key.KEYS`.
    """

    tempo_bpm: tuple[float, float] | None = None
    keys: tuple[str, ...] = ()
    years: tuple[int, int] | None = None
    unplayed: bool = False
    voice: Literal["sung", "instrumental"] | None = None

    def words(self) -> list[str]:
        """Return them as they are shown."""
        tempo = [f"{_span(self.tempo_bpm)} bpm"] if self.tempo_bpm else []
        years = [_span(self.years)] if self.years else []
        voice = [self.voice] if self.voice else []
        return [*tempo, *self.keys, *years, *voice, *(["never played"] if self.unplayed else [])]


def _span(ends: tuple[float, float]) -> str:
    low, high = (f"{end:g}" for end in ends)
    return low if low == high else f"{low}-{high}"


def take_out(text: str) -> tuple[str, SaidFilters]:
    """Return what of a text is no filter, a comma in the place of each, and the filters."""
    said = SaidFilters(unplayed=UNPLAYED.search(text) is not None)
    rest = UNPLAYED.sub(", ", text)
    if (tempo := TEMPO.search(rest)) is not None:
        low, high = sorted(float(end) for end in (tempo[1], tempo[2] or tempo[1]))
        said, rest = replace(said, tempo_bpm=(low, high)), TEMPO.sub(", ", rest, count=1)
    for form in (KEY, SHORT_KEY):
        keys = (key_named(" ".join(found[1].split())) for found in form.finditer(rest))
        said = replace(said, keys=tuple(dict.fromkeys((*said.keys, *(key for key in keys if key)))))
        rest = form.sub(", ", rest)
    if (years := YEARS.search(rest)) is not None:
        first, last = sorted(int(end) for end in (years[1], years[2] or years[1]))
        said, rest = replace(said, years=(first, last)), YEARS.sub(", ", rest, count=1)
    return rest, said


def decade_of(word: str) -> tuple[int, int] | None:
    """Return the years of "1990s" or "90s"; None where a word is no decade."""
    found = DECADE.fullmatch(word)
    if found is None:
        return None
    first = int(found[1])
    if first < 100:
        first += 2000 if first < THIS_CENTURY else 1900
    return first, first + 9
