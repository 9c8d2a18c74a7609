"""What a part of the campaign counts."""

import sys
from dataclasses import dataclass, field

SHOWN = 20
PROGRESS = 50
"""Attempts from one line of progress to the next."""


@dataclass
class Tally:
    """How many attempts there were, and which of them broke a promise of docs/RELIABILITY.md.

    Attributes
    ----------
    part
        Name of the part of the campaign.
    failed
        One line an attempt: what was done, and what came of it.
    """

    part: str
    tried: int = 0
    failed: list[str] = field(default_factory=list)

    def count(self, what: str, trouble: str | None) -> None:
        """Count an attempt; `trouble` says how it broke a promise, or None where it kept them all."""
        self.tried += 1
        if trouble is not None:
            self.failed.append(f"{what}: {trouble}")
            print(f"{self.part}: {self.failed[-1]}", file=sys.stderr, flush=True)
        if self.tried % PROGRESS == 0:
            print(f"{self.part}: {self.tried} tried, {len(self.failed)} failed", file=sys.stderr, flush=True)

    def lines(self) -> list[str]:
        """Return the result as it is printed."""
        survived = self.tried - len(self.failed)
        total = f"{self.part}: tried {self.tried}, survived {survived}, failed {len(self.failed)}"
        return [total, *(f"  {line}" for line in self.failed[:SHOWN])]
