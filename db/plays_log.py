"""Of which tracks the plays were written last: what is kept of all others' is still so.

The log is a setting: how many changes there were, and the tracks of the last of them. Only a file has it, in
which one writes at a time; on a server all plays are read again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from db.models import Setting, Track

PLAYS_LOG: Final = "plays_log"
LONGEST: Final = 200
"""Changes of which the tracks are told."""


@dataclass(frozen=True)
class PlaysLog:
    """How many changes there were, and the tracks of the last ones, the newest at the end."""

    number: int = 0
    last: tuple[int, ...] = ()

    def since(self, number: int) -> tuple[int, ...] | None:
        """Return the tracks whose plays were written since there were so many changes; None if unknown."""
        new = self.number - number
        if not 0 <= new <= len(self.last):
            return None
        return self.last[len(self.last) - new :]

    def with_more(self, track_ids: Iterable[int]) -> "PlaysLog":
        """Return what it is when the plays of some tracks have been written."""
        more = tuple(track_ids)
        return PlaysLog(self.number + len(more), (*self.last, *more)[-LONGEST:])


def read_log(text: str | None) -> PlaysLog:
    """Return a log from the setting's value."""
    number, _, last = (text or "0:").partition(":")
    return PlaysLog(int(number), tuple(map(int, last.split())))


def note_plays(session: Session, track_ids: Iterable[int]) -> None:
    """Note that the plays of some tracks are written in this transaction."""
    if session.get_bind().dialect.name != "sqlite":
        return
    found = session.scalar(select(Setting.value).where(Setting.name == PLAYS_LOG))
    log = read_log(found).with_more(track_ids)
    value = f"{log.number}:{' '.join(map(str, log.last))}"
    if found is None:
        session.execute(insert(Setting).values(name=PLAYS_LOG, value=value))
    else:
        session.execute(update(Setting).where(Setting.name == PLAYS_LOG).values(value=value))


def plays_state(session: Session) -> str:
    """Return what is another whenever plays were written: by the log, else by their sums."""
    if session.get_bind().dialect.name == "sqlite":
        return str(read_log(session.scalar(select(Setting.value).where(Setting.name == PLAYS_LOG))).number)
    sums = select(func.count(), func.sum(Track.plays), func.max(Track.last_played)).where(Track.plays > 0)
    return " ".join(map(str, session.execute(sums).one()))
