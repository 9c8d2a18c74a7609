"""Commands whose n-th write, fsync, open, rename, link, chmod … fails, for every n that occurs.

Once, or from then on. The command must end with a line that says so, or do without; and the same command,
run again without faults, must lead to exactly what an undisturbed one leads to. See also faults.c.
"""

import errno
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.campaign.places import Place, difference, misbehaviour
from benchmarks.campaign.shim import ERRORS, FOREVER, KINDS, Shim, missing
from benchmarks.campaign.tally import Tally


@dataclass(frozen=True)
class Command:
    """A command, and the state of a `Place` that it begins with."""

    name: str
    before: str
    words: tuple[str, ...]


COMMANDS: Final = (
    Command("ingest", "empty", ("ingest", "{at}/music", "--labels", "folders", "-j", "1")),
    Command("tag --write", "trained", ("tag", "--write", "--min-confidence", "0", "--overwrite")),
    Command("tag --undo", "tagged", ("tag", "--undo")),
    Command("train", "ingested", ("train", "-j", "1")),
    Command("plays import", "ingested", ("plays", "import", "{at}/plays.csv")),
    Command("similar", "ingested", ("similar", "1", "-o", "{at}/out/list.m3u8")),
    Command("export", "ingested", ("export", "-o", "{at}/out/labels.csv")),
    Command("reindex", "ingested", ("ingest", "{at}/music", "--labels", "folders", "-j", "1", "--reindex")),
)
STATES: Final = {
    "ingested": ("empty", "ingest"),
    "trained": ("ingested", "train"),
    "tagged": ("trained", "tag --write"),
}


@dataclass(frozen=True)
class Fault:
    """Calls of a kind that fail, from the n-th on, or that one alone."""

    command: Command
    kind: str
    error: int
    at: int
    until: int
    folders_only: bool = False

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


class Faults:
    """The commands, what they lead to undisturbed, and the library that makes calls fail."""

    def __init__(self, work: Path) -> None:
        self.place = Place(work)
        self.place.fill()
        self.shim = Shim(work, (self.place.home, self.place.music, self.place.out))
        self.expected: dict[Command, dict[str, Any]] = {}

    def prepare(self) -> None:
        """Run each command undisturbed."""
        by_name = {command.name: command for command in COMMANDS}
        for state, (before, name) in STATES.items():
            self.place.put_back(before)
            self._undisturbed(by_name[name])
            self.place.keep(state)
        for command in COMMANDS:
            self.place.put_back(command.before)
            self._undisturbed(command)
            self.expected[command] = self.place.everything()

    def words(self, command: Command) -> list[str]:
        """Return what follows ``deepcuts --home HOME``."""
        return [word.format(at=self.place.at) for word in command.words]

    def _undisturbed(self, command: Command) -> None:
        ran = self.place.run(*self.words(command))
        if ran.code:
            raise RuntimeError(f"{command.name} fails without a fault: {ran.err}")

    def counts(self, command: Command) -> dict[str, int]:
        """Return how often a command makes calls of each kind."""
        found = {}
        for kind in KINDS:
            self.place.put_back(command.before)
            self.shim.set([kind])
            self.place.run(*self.words(command), more=self.shim.environment())
            found[kind] = self.shim.counted
        return found

    def every(self, chosen: random.Random) -> Iterator[Fault]:
        """Yield a fault for every call of every command; some of them with other errors, and for good."""
        for command in COMMANDS:
            for kind, n in self.counts(command).items():
                for at in range(1, n + 1):
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
        place, expected = self.place, self.expected[fault.command]
        place.put_back(fault.command.before)
        old = place.files()
        self.shim.set([fault.kind], fault.error, fault.at, fault.until, folders_only=fault.folders_only)
        try:
            ran = place.run(*self.words(fault.command), more=self.shim.environment())
        except subprocess.TimeoutExpired:
            return "hangs"
        trouble = misbehaviour(ran) or _files(place.files(), old, expected["files"])
        if trouble is None and fault.at == 1 and (fault.kind, fault.error, fault.folders_only) in REFUSED:
            trouble = None if ran.code == 0 else f"cannot do without: {ran.err[-300:]!r}"
        if trouble is None and ran.code == 0:
            trouble = _prefixed(
                "reported done, but ", difference({**expected, "rows": place.rows()}, expected)
            )
        return trouble or self._again(fault, expected)

    def _again(self, fault: Fault, expected: dict[str, Any]) -> str | None:
        """Run the command again without faults."""
        ran = self.place.run(*self.words(fault.command))
        if ran.code:
            return f"does not succeed afterwards: {ran.err[-300:]!r}"
        trouble = misbehaviour(ran)
        return trouble or _prefixed("afterwards ", difference(self.place.everything(), expected))


def _files(found: dict[str, bytes], old: dict[str, bytes], new: dict[str, bytes]) -> str | None:
    """Return which file is neither as it was nor as it should be; copies left behind are not counted."""
    for name in {**old, **new}:
        if name not in found and name in old:
            return f"{name} is gone"
        if name in found and found[name] not in (old.get(name), new.get(name)):
            return f"{name} is neither the old nor the new one"
    return None


def _prefixed(words: str, trouble: str | None) -> str | None:
    return None if trouble is None else words + trouble


def run(work: Path, seed: int, count: int | None) -> Tally:
    """Try every fault, or so many of them."""
    tally, chosen = Tally("faults"), random.Random(seed)
    if (why := missing()) is not None:
        print(f"faults: skipped: {why}")
        return tally
    faults = Faults(work)
    faults.prepare()
    every = [*faults.refused(), *faults.every(chosen)] if count is None else _some(faults, chosen, count)
    for fault in every:
        trouble = faults.attempt(fault)
        tally.count(f"{fault} ({faults.shim.first})", trouble)
    return tally


def _some(faults: Faults, chosen: random.Random, count: int) -> list[Fault]:
    """Return faults of each kind in turn, at places that are likely to occur."""
    found, refused = [], list(faults.refused())
    kinds = [kind for kind in KINDS if kind != "link"]
    chosen.shuffle(kinds)
    for number in range(count):
        if number % 4 == 3:
            found.append(chosen.choice(refused))
            continue
        kind, command = kinds[number % len(kinds)], COMMANDS[0] if number % 2 else chosen.choice(COMMANDS)
        at = 1 + int(chosen.expovariate(0.1 if kind in ("write", "read", "open", "lock") else 0.5))
        found.append(Fault(command, kind, chosen.choice(ERRORS[kind]), at, chosen.choice((at, FOREVER))))
    return found
