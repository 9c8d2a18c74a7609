"""Commands that are ended by force at a random moment: all of their processes, the main one, or a worker.

Afterwards the home opens and is whole, and the same command, run again, leads to exactly what one that nobody
ended leads to: rows, tags, files, index. A worker that ends is no reason for the command to fail.
"""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, Final

from benchmarks.campaign import kills_serve
from benchmarks.campaign.kills_chosen import APPEARS, BY_NAME, SERVE, STATES, WATCH, Kill, chosen
from benchmarks.campaign.places import SONGS, Place, difference, misbehaviour
from benchmarks.campaign.tally import Tally
from benchmarks.campaign.undisturbed import Command
from tests.processes import group_members, kill_all, workers
from tests.recommender.support import CLI, environment

FULL: Final = 240
AT_ONCE: Final = 2
PATIENCE_S: Final = 120.0


class Kills:
    """The commands, what they lead to when nobody ends them, and how long they take.

    Parameters
    ----------
    work
        An empty folder.
    names
        Of the commands that are to be ended.
    """

    def __init__(self, work: Path, names: set[str]) -> None:
        self.place = Place(work)
        self.place.fill()
        rows = "".join(f"music/{name},Label {name[0]}\n" for name in SONGS)
        (self.place.states["empty"] / "labels.csv").write_text(f"path,label\n{rows}", encoding="utf-8")
        self.commands = [command for command in BY_NAME.values() if command.name in names]
        self.expected: dict[str, dict[str, Any]] = {}
        self.seconds: dict[str, float] = {}
        for command in self.commands:
            self._prepare(command.before)
            self._expect(command)

    def _prepare(self, state: str) -> None:
        """Make a state, and those before it."""
        if state in self.place.states:
            return
        before, name = STATES[state]
        self._prepare(before)
        self.place.put_back(before)
        if state == "away":
            elsewhere = self.place.at / "elsewhere"
            elsewhere.mkdir()
            self._undisturbed(["relocate", str(self.place.music), str(elsewhere)])
        elif state == "arriving":
            for song in SONGS[::2]:
                (self.place.music / song).rename(self.place.at / Path(song).name)
        else:
            self._undisturbed(self.words(BY_NAME[name]))
        self.place.keep(state)

    def words(self, command: Command) -> list[str]:
        """Return what follows ``deepcuts --home HOME``."""
        return [word.format(at=self.place.at) for word in command.words]

    def _undisturbed(self, words: list[str]) -> float:
        started = time.perf_counter()
        ran = self.place.run(*words)
        if ran.code:
            raise RuntimeError(f"{words} fails, although nobody ends it: {ran.err}")
        return time.perf_counter() - started

    def _expect(self, command: Command) -> None:
        """Note what a command leads to, and how long it takes; a watch does what an ingest does."""
        finishing = BY_NAME["ingest"] if command is WATCH else command
        self.place.put_back("empty" if command is WATCH else command.before)
        self.seconds[command.name] = 1.0 if command is SERVE else self._undisturbed(self.words(finishing))
        self.expected[command.name] = self.place.everything()

    def attempt(self, kill: Kill) -> str | None:
        """End a command; return which promise was broken, None where all were kept."""
        self.place.put_back(kill.command.before)
        if kill.command is SERVE:
            return kills_serve.attempt(self.place, kill.share, self._trouble)
        with self._started(kill) as process:
            if self._end(process, kill):
                return self._goes_on(process, kill)
            if not _all_gone(process):
                return "processes are left"
        return self._trouble() or self._again(kill)

    @contextmanager
    def _started(self, kill: Kill) -> Iterator["subprocess.Popen[str]"]:
        """Run a command in a session of its own, of which nothing is left at the end."""
        process = subprocess.Popen(
            [*CLI, "--home", str(self.place.home), *self.words(kill.command)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(self.place.home),
            start_new_session=True,
        )
        try:
            yield process
        finally:
            kill_all(process.pid)
            process.communicate()

    def _end(self, process: "subprocess.Popen[str]", kill: Kill) -> bool:
        """Wait for the moment, and end those that are meant; return whether that was a worker alone.

        Where there is no worker to be ended, all are.
        """
        started = time.perf_counter()
        moment = started + kill.share * self.seconds[kill.command.name]
        if kill.command is WATCH:
            time.sleep(max(0.0, (moment - started) / 2))
            self._arrive()
        if kill.after_s is not None:
            self._appearance(process, kill.command.name)
            moment = time.perf_counter() + kill.after_s
        time.sleep(max(0.0, moment - time.perf_counter()))
        one = workers(process.pid)[:1] if kill.whom == "worker" else []
        whom = [process.pid] if kill.whom == "main" else one or group_members(process.pid)
        for pid in whom:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(one)

    def _arrive(self) -> None:
        """Put the songs where they belong that were left out."""
        for song in SONGS:
            if not (self.place.music / song).exists():
                (self.place.at / Path(song).name).rename(self.place.music / song)

    def _appearance(self, process: "subprocess.Popen[str]", name: str) -> None:
        """Wait until a file appears that the command makes, or the command is over."""
        folder, start = APPEARS[name]
        before = set(_files(self.place.at / folder))
        while process.poll() is None:
            if any(
                path.name.startswith(start) for path in _files(self.place.at / folder) if path not in before
            ):
                return
            time.sleep(0.0005)

    def _goes_on(self, process: "subprocess.Popen[str]", kill: Kill) -> str | None:
        """Say what is wrong with a command that a worker was taken from."""
        if kill.command is WATCH:
            kill_all(process.pid)
            return self._trouble() or self._again(kill)
        try:
            _, said = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            return "it hangs without its worker"
        if process.returncode:
            return f"without its worker it ends with {process.returncode}: {said[-300:]!r}"
        return self._trouble() or difference(self.place.everything(), self.expected[kill.command.name])

    def _trouble(self) -> str | None:
        """Say what is wrong with the home as it was left."""
        catalog = self.place.home / "catalog.sqlite"
        if catalog.exists():
            with closing(sqlite3.connect(catalog)) as opened:
                for question in ("integrity_check", "foreign_key_check"):
                    found = opened.execute(f"PRAGMA {question}").fetchall()
                    if found not in ([("ok",)], []):
                        return f"{question} says {found[:3]}"
        ran = self.place.run("status")
        return None if ran.code in (0, 1) and misbehaviour(ran) is None else f"status: {ran.err[-300:]!r}"

    def _again(self, kill: Kill) -> str | None:
        """Run the command again to its end, and compare."""
        if kill.command is WATCH:
            self._arrive()
        command = BY_NAME["ingest"] if kill.command is WATCH else kill.command
        words = self.words(command)
        ran = self.place.run(*words)
        done_before = kill.command.name == "relocate" and "is not a library root" in ran.err
        if ran.code and not done_before:
            return f"does not succeed afterwards: {ran.err[-300:]!r}"
        found = difference(self.place.everything(), self.expected[kill.command.name])
        return misbehaviour(ran) or (None if found is None else f"afterwards {found}")


def _all_gone(process: "subprocess.Popen[str]") -> bool:
    """Whether all processes of a command end by themselves once the main one has been ended."""
    process.wait(PATIENCE_S)
    patience = time.monotonic() + PATIENCE_S
    while group_members(process.pid) and time.monotonic() < patience:
        time.sleep(0.01)
    return not group_members(process.pid)


def _files(folder: Path) -> list[Path]:
    # What goes meanwhile is left out by `os.walk`.
    return [Path(place) / name for place, *names in os.walk(folder) for name in chain(*names)]


def run(work: Path, seed: int, count: int | None) -> Tally:
    """End so many commands, two of them at a time where there are many."""
    tally, every = Tally("kills"), chosen(seed, count or FULL)
    at_once = AT_ONCE if len(every) >= FULL // 2 else 1

    def some(number: int) -> list[tuple[Kill, str | None]]:
        mine = every[number::at_once]
        folder = work / str(number)
        folder.mkdir()
        kills = Kills(folder, {kill.command.name for kill in mine})
        return [(kill, kills.attempt(kill)) for kill in mine]

    with ThreadPoolExecutor(at_once) as pool:
        for outcomes in pool.map(some, range(at_once)):
            for kill, trouble in outcomes:
                tally.count(str(kill), trouble)
    return tally
