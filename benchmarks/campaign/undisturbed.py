"""Commands that write, the states that they begin with, and what they lead to where nothing disturbs them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.campaign.places import Place, Ran, difference, misbehaviour


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
BY_NAME: Final = {command.name: command for command in COMMANDS}
MADE_BY: Final = {"ingested": "ingest", "trained": "train", "tagged": "tag --write"}
"""The command that each state but the first is what follows of."""


class Undisturbed:
    """What commands begin with and lead to, found out when it is first asked for."""

    def __init__(self, work: Path) -> None:
        self.place = Place(work)
        self.place.fill()
        self._expected: dict[str, dict[str, Any]] = {}

    def put_back(self, state: str) -> None:
        """Make everything as it is in a state."""
        if state not in self.place.states:
            self.expected(BY_NAME[MADE_BY[state]])
            self.put_back(state)
            return
        self.place.put_back(state)

    def words(self, command: Command) -> list[str]:
        """Return what follows ``deepcuts --home HOME``."""
        return [word.format(at=self.place.at) for word in command.words]

    def expected(self, command: Command) -> dict[str, Any]:
        """Return everything that a command leaves; the state that it makes is kept."""
        if command.name not in self._expected:
            self.put_back(command.before)
            ran = self.place.run(*self.words(command))
            if ran.code:
                raise RuntimeError(f"{command.name} fails undisturbed: {ran.err}")
            self._expected[command.name] = self.place.everything()
            for state, name in MADE_BY.items():
                if name == command.name:
                    self.place.keep(state)
        return self._expected[command.name]

    def after(self, command: Command, ran: Ran, old: dict[str, bytes]) -> str | None:
        """Return which promise was broken by a command that was disturbed, None where all were kept.

        What it should lead to must have been asked for before: that changes everything.

        Parameters
        ----------
        ran
            How it ended.
        old
            The files as they were before.
        """
        expected = self._expected[command.name]
        trouble = misbehaviour(ran) or _odd_file(self.place.files(), old, expected["files"])
        if trouble is None and ran.code == 0:
            now = {**expected, "rows": self.place.rows()}
            trouble = _prefixed("reported done, but ", difference(now, expected))
        return trouble

    def again(self, command: Command) -> str | None:
        """Run a command once more, undisturbed; return in what that does not lead to what it should."""
        ran = self.place.run(*self.words(command))
        if ran.code:
            return f"does not succeed afterwards: {ran.err[-300:]!r}"
        found = difference(self.place.everything(), self.expected(command))
        return misbehaviour(ran) or _prefixed("afterwards ", found)


def _odd_file(found: dict[str, bytes], old: dict[str, bytes], new: dict[str, bytes]) -> str | None:
    """Return which file is neither as it was nor as it should be; copies left behind are not counted."""
    for name in {**old, **new}:
        if name not in found and name in old:
            return f"{name} is gone"
        if name in found and found[name] not in (old.get(name), new.get(name)):
            return f"{name} is neither the old nor the new one"
    return None


def _prefixed(words: str, trouble: str | None) -> str | None:
    return None if trouble is None else words + trouble
