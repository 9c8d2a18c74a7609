"""What a look at a home finds: one line a thing."""

from dataclasses import dataclass
from typing import Final

WELL, NOTED, MENDED, WRONG = "well", "noted", "mended", "wrong"

REPAIR: Final = "deepcuts check --repair"


@dataclass(frozen=True)
class Finding:
    """What was found of one thing, and what was done.

    Attributes
    ----------
    thing
        ``catalogue``, ``index``, …
    state
        ``well``; ``noted``, which is as it may be; ``mended``; or ``wrong``, and left so.
    found
        A phrase.
    done
        What was done about it, or is to be done; nothing where all is well.
    """

    thing: str
    state: str
    found: str
    done: str = ""

    def line(self) -> str:
        """Return it in one line."""
        return f"{self.state}: {self.thing}: {self.found}" + (f"; {self.done}" if self.done else "")


def mended(thing: str, found: str, done: str, *, repair: bool) -> Finding:
    """Return the finding of what was mended, or would be."""
    return (
        Finding(thing, MENDED, found, done) if repair else Finding(thing, WRONG, found, f"mend it: {REPAIR}")
    )
