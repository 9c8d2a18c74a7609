"""Commands whose n-th write, fsync, open, rename, link, chmod … fails, for every n that occurs.

Once, or from then on. The command must end with a line that says so, or do without; and the same command,
run again without faults, must lead to exactly what an undisturbed one leads to. See also faults.c.
"""

import errno
import random
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.campaign.places import Ran
from benchmarks.campaign.shim import ERRORS, FOREVER, KINDS, Shim, missing
from benchmarks.campaign.tally import Tally
from benchmarks.campaign.undisturbed import BY_NAME, COMMANDS, Command, Undisturbed


@dataclass(frozen=True)
class Fault:
    """Calls of a kind that fail, from the n-th on, or that one alone."""

    command: Command
    kind: str
    error: int
    at: int
    until: int
    folders_only: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether it is what some file systems never do, so that nothing may need it."""
        always = (self.at, self.until) == (1, FOREVER)
        return always and (self.kind, self.error, self.folders_only) in REFUSED

    def __str__(self) -> str:
        which = (
            f"call {self.at}"
            if self.until == self.at
            else "every call"
            if self.at == 1
            else f"calls from {self.at}"
        )
        folders = " of folders" if self.folders_only else ""
        return f"{self.command.name}, {self.kind}{folders}, {which}, {errno.errorcode[self.error]}"


REFUSED: Final = (
    ("link", errno.EPERM, False),
    ("mode", errno.EPERM, False),
    ("times", errno.EPERM, False),
    ("sync", errno.EINVAL, True),
)
"""What some file systems never do, and nothing may need: kind, error, whether of folders alone."""
CHANGING: Final = KINDS[: KINDS.index("map")]
"""Kinds of calls that change what is on a disk."""


class Faults:
    """The commands, what they lead to undisturbed, and the library that makes calls fail."""

    def __init__(self, work: Path) -> None:
        self.undisturbed = Undisturbed(work)
        self.place = self.undisturbed.place
        self.shim = Shim(work, (self.place.home, self.place.music, self.place.out))

    def _run(self, command: Command) -> Ran:
        return self.place.run(*self.undisturbed.words(command), more=self.shim.environment())

    def counts(self, command: Command, kinds: Sequence[str] = KINDS) -> dict[str, int]:
        """Return how often a command makes calls of some kinds."""
        found = {}
        for kind in kinds:
            self.undisturbed.put_back(command.before)
            self.shim.set([kind])
            self._run(command)
            found[kind] = self.shim.counted
        return found

    def every(self, chosen: random.Random) -> Iterator[Fault]:
        """Yield a fault for every call by which an ingest changes a disk, and for one in ten of all others.

        Some come with other errors, too, or for good.
        """
        for command in COMMANDS:
            kinds = sorted(KINDS, key=lambda kind: kind not in CHANGING)
            for kind, n in self.counts(command, kinds).items():
                whole = command.name == "ingest" and kind in CHANGING
                for at in range(1, n + 1):
                    if not whole and chosen.random() >= 0.1:
                        continue
                    yield Fault(command, kind, ERRORS[kind][0], at, at)
                    if chosen.random() < 0.2:
                        yield Fault(command, kind, chosen.choice(ERRORS[kind]), at, FOREVER)
                    if len(ERRORS[kind]) > 1 and chosen.random() < 0.2:
                        yield Fault(command, kind, ERRORS[kind][1], at, at)

    def refused(self) -> Iterator[Fault]:
        """Yield what a file system may refuse for good."""
        for command in COMMANDS:
            for kind, error, folders_only in REFUSED:
                yield Fault(command, kind, error, 1, FOREVER, folders_only)

    def attempt(self, fault: Fault) -> str | None:
        """Let calls fail; return which promise was broken, None where all were kept."""
        command = fault.command
        self.undisturbed.expected(command)
        self.undisturbed.put_back(command.before)
        old = self.place.files()
        self.shim.set([fault.kind], fault.error, fault.at, fault.until, folders_only=fault.folders_only)
        try:
            ran = self._run(command)
        except subprocess.TimeoutExpired:
            return "hangs"
        trouble = self.undisturbed.after(command, ran, old)
        if trouble is None and ran.code and fault.is_refused:
            trouble = f"cannot do without: {ran.err[-300:]!r}"
        return trouble or self.undisturbed.again(command)


def run(work: Path, seed: int, count: int | None) -> Tally:
    """Try every fault, or so many of them."""
    tally, chosen = Tally("faults"), random.Random(seed)
    if (why := missing()) is not None:
        print(f"faults: skipped: {why}")
        return tally
    faults = Faults(work)
    every = [*faults.refused(), *faults.every(chosen)] if count is None else _some(faults, chosen, count)
    for fault in every:
        trouble = faults.attempt(fault)
        tally.count(f"{fault} ({faults.shim.first})", trouble)
    return tally


def _some(faults: Faults, chosen: random.Random, count: int) -> list[Fault]:
    """Return faults of each kind in turn, at places that are likely to occur, of the quicker commands."""
    quick = [command for command in COMMANDS if command.before == "ingested" and command.name != "train"]
    refused = [fault for fault in faults.refused() if fault.command in quick]
    kinds = [kind for kind in KINDS if kind != "link"]
    chosen.shuffle(kinds)
    found = []
    for number in range(count):
        if number % 4 == 3:
            found.append(chosen.choice(refused))
            continue
        kind = kinds[number % len(kinds)]
        command = BY_NAME["ingest"] if number % 2 else chosen.choice(quick)
        at = 1 + int(chosen.expovariate(0.1 if kind in ("write", "read", "open", "lock") else 0.5))
        found.append(Fault(command, kind, chosen.choice(ERRORS[kind]), at, chosen.choice((at, FOREVER))))
    return found
