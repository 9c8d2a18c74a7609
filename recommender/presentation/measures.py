"""Tempo, key, loudness and energy, for machines and in words."""

from typing import Any, Final

from classifier.measures.key import neighbours
from classifier.measures.measure import Measures
from db.models import MEASURES, Segment, Track

DIGITS: Final = {"tempo_bpm": 2, "loudness_lufs": 1}
"""Of numbers; of all others, 3."""

SAME_TEMPO: Final = 0.04
"""Share by which tempi may differ that are said to be the same."""
TIMES: Final = {0.5: "half", 2.0: "twice"}
"""Multiples of a tempo that are said in words."""
FORMS: Final = {
    "tempo_bpm": "{:.0f} bpm",
    "key": "{}",
    "loudness_lufs": "{:.1f} LUFS",
    "energy": "energy {:.1f}",
}


def measures_json(of: Track | Segment | Measures) -> dict[str, Any]:
    """Return what is measured of a song or segment; null where there is none, or it was not measured yet."""
    values = {name: getattr(of, name) for name in MEASURES}
    return {n: round(v, DIGITS.get(n, 3)) if isinstance(v, float) else v for n, v in values.items()}


def measures_in_words(item: dict[str, Any], *, confidence: bool = False) -> list[str]:
    """Return ``120 bpm``, ``A minor``, ``-9.3 LUFS`` and ``energy 0.7``, so far as they are known.

    Parameters
    ----------
    item
        As `measures_json` has it.
    confidence
        Whether each is followed by how sure it is, in percent.
    """
    words = []
    for name, form in FORMS.items():
        if item.get(name) is not None:
            sure = item[f"{name.split('_', maxsplit=1)[0]}_confidence"]
            words.append(form.format(item[name]) + (f" ({100 * sure:.0f} %)" if confidence else ""))
    return words


def measures_compared(mine: Measures, its: Measures) -> str:
    """Return how tempo and key of two songs go together: ``your 120 bpm are twice its 60; both in A minor``.

    What one of them does not have is not compared.
    """
    return "; ".join(filter(None, (_tempi(mine.tempo_bpm, its.tempo_bpm), _keys(mine.key, its.key))))


def _tempi(mine: float | None, its: float | None) -> str:
    if mine is None or its is None:
        return ""
    said, other = f"{mine:.0f} bpm", f"{its:.0f}"
    if abs(its / mine - 1) <= SAME_TEMPO:
        return f"both about {said}"
    for times, word in TIMES.items():
        if abs(mine / its / times - 1) <= SAME_TEMPO:
            return f"your {said} are {word} its {other}"
    return f"your {said}, its {other}"


def _keys(mine: str | None, its: str | None) -> str:
    if mine is None or its is None:
        return ""
    if mine == its:
        return f"both in {mine}"
    if its in neighbours(mine):
        same_mode = mine.split()[1] == its.split()[1]
        return f"your {mine}, its {its}, a fifth away" if same_mode else f"your {mine}, its relative {its}"
    return f"your {mine}, its {its}"
