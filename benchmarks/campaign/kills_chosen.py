"""Which commands are ended by force, at which moments, and with which of their processes."""

import random
from dataclasses import dataclass
from typing import Final

from benchmarks.campaign.undisturbed import COMMANDS, MADE_BY, Command

EARLIEST: Final = 0.2
"""Of the time that a command takes undisturbed: before that it has only loaded its libraries."""
LATEST: Final = 1.1
WATCH: Final = Command("watch", "arriving", ("watch", *COMMANDS[0].words[1:], "--settle-s", "0.2"))
SERVE: Final = Command("serve", "ingested", ("serve", "--port", "0"))
OWN: Final = (
    Command("relocate", "away", ("relocate", "{at}/elsewhere", "{at}/music")),
    Command("import", "ingested", ("import", "{at}/labels.csv")),
    WATCH,
    SERVE,
)
BY_NAME: Final = {command.name: command for command in (*COMMANDS, *OWN)}
OFTEN: Final = {
    "ingest": 12,
    "tag --write": 6,
    "tag --undo": 5,
    "train": 5,
    "serve": 5,
    "watch": 4,
    "plays import": 3,
    "relocate": 3,
    "reindex": 3,
    "import": 3,
    "export": 1,
}
STATES: Final = {
    **{state: (BY_NAME[name].before, name) for state, name in MADE_BY.items()},
    "away": ("ingested", ""),
    "arriving": ("empty", ""),
}
"""The state that each but the first follows on, and the command that leads there."""

WHOM: Final = ("all", "all", "all", "main", "worker")
APPEARS: Final = {
    "tag --write": ("music", ".deepcuts-tag-"),
    "tag --undo": ("music", ".deepcuts-tag-"),
    "reindex": ("home/index", "segments-"),
    "train": ("home/bundles", ""),
}
"""Files that half of the kills wait for: what is done with them takes hardly any time."""


@dataclass(frozen=True)
class Kill:
    """When a command is ended, and which of its processes.

    Attributes
    ----------
    share
        Of the time that the command takes.
    after_s
        So long after its files appear, where that is waited for; else None.
    """

    command: Command
    whom: str
    share: float
    after_s: float | None

    def __str__(self) -> str:
        when = (
            f"at {self.share:.0%}" if self.after_s is None else f"{1000 * self.after_s:.1f} ms into its files"
        )
        return f"{self.command.name}, {self.whom}, {when}"


def chosen(seed: int, count: int) -> list[Kill]:
    """Return so many kills, the same for a seed, of all commands in their proportion."""
    random_ = random.Random(seed)
    names = [name for name, times in OFTEN.items() for _ in range(times)]
    order = list(OFTEN)  # each once, then by how often
    while len(order) < count:
        random_.shuffle(names)
        order += names
    found = []
    for name in order[:count]:
        waits = name in APPEARS and random_.random() < 0.5
        after_s = random_.expovariate(1 / 0.004) if waits else None
        share = random_.uniform(EARLIEST, LATEST)
        found.append(Kill(BY_NAME[name], random_.choice(WHOM), share, after_s))
    return found
