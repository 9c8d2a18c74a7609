"""A home and a small library that commands are run on, put back before each attempt, and compared."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from recommender.answers.status import status_answer
from recommender.home import Home
from tests import synth
from tests.recommender.support import CLI, environment

TIMEOUT_S: Final = 120
SONGS: Final = ("rock/a.mp3", "rock/b.flac", "rock/c.ogg", "jazz/d.m4a", "jazz/e.wav")
NEVER_SHOWN: Final = re.compile(
    r"Traceback|Exception ignored|\bNone\b|\[Errno|\[SQL|sqlalche|Error:|  File \"|unexpected", re.I
)
CODES: Final = (0, 1, 3)
OF_THE_MOMENT: Final = re.compile(r"\.sqlite-(wal|shm)$|deepcuts\.log|before-\d+|\.bak")
"""Files of a home that need not be there, or be the same."""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Place:
    """A folder with a home, music, lists to read and a place for what is written.

    Parameters
    ----------
    root
        An existing folder.
    """

    root: Path
    states: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.at = self.root / "at"
        self.home, self.music, self.out = (self.at / name for name in ("home", "music", "out"))

    def fill(self) -> None:
        """Write the music, labelled by its folders, and a list of plays; keep that as ``empty``."""
        for seed, name in enumerate(SONGS):  # two kinds of sound, so that a genre can be sure of itself
            sound = synth.tone(3.2, 90.0 + 7 * seed) if name.startswith("rock") else synth.noise(3.2, seed)
            (self.music / name).parent.mkdir(parents=True, exist_ok=True)
            tags = {"title": name[5], "artist": f"Artist {seed}", "genre": "Pop"}
            synth.write(self.music / name, sound, tags=tags)
        self.out.mkdir()
        rows = "".join(f"music/{name},{number + 3}\n" for number, name in enumerate(SONGS))
        (self.at / "plays.csv").write_text(f"path,plays\n{rows}", encoding="utf-8")
        self.keep("empty")

    def keep(self, state: str) -> None:
        """Remember everything as it is now."""
        self.states[state] = self.root / f"kept-{state}"
        shutil.copytree(self.at, self.states[state])

    def put_back(self, state: str) -> None:
        """Make everything as it was."""
        shutil.rmtree(self.at)
        shutil.copytree(self.states[state], self.at)

    def run(
        self, *words: str | Path, more: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
    ) -> Ran:
        """Run a command on the home; one that hangs raises `subprocess.TimeoutExpired`."""
        done = subprocess.run(
            [*prefix, *CLI, "--home", str(self.home), *map(str, words)],
            capture_output=True,
            env=environment(self.home, **(more or {})),
            timeout=TIMEOUT_S,
            check=False,
        )
        return Ran(
            done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )

    def files(self) -> dict[str, bytes]:
        """Return the music and what was written beside it, by path."""
        found = [*self.music.rglob("*"), *self.out.rglob("*")]
        return {str(p.relative_to(self.at)): p.read_bytes() for p in found if p.is_file()}

    def rows(self) -> dict[str, Any]:
        """Return what the catalogue holds, without what differs from run to run."""
        with sqlite3.connect(self.home / "catalog.sqlite") as connection:
            connection.row_factory = sqlite3.Row
            tracks = {row["id"]: dict(row) for row in connection.execute("SELECT * FROM track")}
            names = {i: os.fsdecode(row["rel_path"]) for i, row in tracks.items()}
            segments = connection.execute(SEGMENTS).fetchall()
            writes = connection.execute(
                "SELECT track_id, action, state, before, after FROM tag_write"
            ).fetchall()
        connection.close()
        for i, row in tracks.items():
            status = os.stat(self.music / names[i])
            row["as its file is"] = (row.pop("size"), row.pop("mtime_ns")) == (
                status.st_size,
                status.st_mtime_ns,
            )
            del row["id"], row["root_id"]
        return {
            "tracks": {names[i]: row for i, row in tracks.items()},
            "segments": sorted((names[row[0]], *row[1:]) for row in segments),
            "writes": sorted((names[row[0]], *row[1:]) for row in writes),
        }

    def home_files(self) -> list[str]:
        """Return the names of what lies in the home; the index's folder is named by its content."""
        names = (str(p.relative_to(self.home)) for p in self.home.rglob("*"))
        return sorted(
            re.sub("segments-[0-9a-f]+", "segments-*", n) for n in names if not OF_THE_MOMENT.search(n)
        )

    def index_state(self) -> str:
        """Return the state of the index; `current` is the good one."""
        home = Home(self.home)
        try:
            return str(status_answer(home)["index"])
        finally:
            home.close()

    def everything(self) -> dict[str, Any]:
        """Return all that a command leaves."""
        return {
            "rows": self.rows(),
            "files": self.files(),
            "home": self.home_files(),
            "active": _text(self.home / "bundles" / "active"),
            "index": self.index_state(),
        }


SEGMENTS: Final = (
    "SELECT track_id, start_s, end_s, level_dbfs, silent, trunk_id, embedding, tags, patches, "
    "bundle_id, genres FROM segment LEFT JOIN feature ON feature.segment_id = segment.id "
    "LEFT JOIN prediction ON prediction.segment_id = segment.id"
)


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def difference(found: Mapping[str, Any], expected: Mapping[str, Any]) -> str | None:
    """Return in which of their parts two of `Place.everything` differ, None where in none."""
    for name, value in expected.items():
        if found[name] != value:
            if isinstance(value, list):
                return f"{name}: {sorted(set(found[name]) ^ set(value))}"
            if isinstance(value, dict):
                keys = [k for k in {*value, *found[name]} if value.get(k) != found[name].get(k)]
                return f"{name}: {', '.join(map(str, keys[:4]))} {_short(found[name].get(keys[0]))}"
            return f"{name}: {_short(found[name])}"
    return None


def _short(value: object) -> str:
    return json.dumps(value, default=repr)[:160]


def misbehaviour(ran: Ran, codes: Sequence[int] = CODES) -> str | None:
    """Return which promise the end of a command broke, None where it kept them."""
    if ran.code not in codes:
        return f"exit code {ran.code}: {ran.err[-300:]!r}"
    odd = NEVER_SHOWN.search(ran.err)
    if odd:
        return f"shows {odd[0]!r}: {ran.err[max(0, odd.start() - 100) : odd.end() + 300]!r}"
    if ran.code and not ran.err.strip():
        return f"exit code {ran.code} without a word"
    if ran.code == 1 and sum(line.startswith("deepcuts: ") for line in ran.err.splitlines()) != 1:
        return f"not one line: {ran.err[-300:]!r}"
    return None
