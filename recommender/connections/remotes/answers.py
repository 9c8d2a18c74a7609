"""Values of answers, as servers write them: texts, numbers and times, or nothing where they are none."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from db.models import LARGEST
from recommender.connections.values import SongState

BEST_RATING: Final = 5


def text(value: object) -> str:
    """Return a text as a catalogue can keep it, a number as one; nothing for all else."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode().strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def objects(found: object) -> list[dict[str, Any]]:
    """Return the objects of a list; nothing for all else."""
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def number(value: object) -> float | None:
    """Return a number that is 0 or more, also one that is written as a text; None for all else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return min(found, float(LARGEST)) if math.isfinite(found) and found >= 0 else None


def count(value: object) -> int | None:
    """Return a whole number that is 0 or more."""
    found = number(value)
    return None if found is None else int(found)


def time_of(value: object) -> datetime | None:
    """Return a time, naive UTC: of ISO 8601, or seconds since 1970; without a zone it is UTC."""
    found: datetime | None
    try:
        if isinstance(value, str) and not value.strip().isdigit():
            found = datetime.fromisoformat(value.strip())
        else:
            seconds = number(value)
            found = datetime.fromtimestamp(seconds, UTC) if seconds else None
        if found is not None and found.tzinfo is not None:
            found = found.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found is not None and found.year > 1 else None


def state_of(state: SongState, rating: float | None, best: float = BEST_RATING) -> SongState:
    """Return a state with a rating, of 1 to 5 from one of 0 to `best`; 0 is none."""
    stars = None if not rating else min(max(round(rating * BEST_RATING / best), 1), BEST_RATING)
    return replace(state, rating=stars)
