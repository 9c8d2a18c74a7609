"""Tempo, key, loudness and energy, for machines and in words."""

from typing import Any, Final

from classifier.measures.measure import Measures
from db.models import MEASURES, Segment, Track

DIGITS: Final = {"tempo_bpm": 2, "loudness_lufs": 1}
"""Of numbers; of all others, 3."""

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
