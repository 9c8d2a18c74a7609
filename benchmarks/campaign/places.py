"""A home and a small library that commands are run on, put back before each attempt, and compared."""

import itertools
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from recommender.home import Home
from recommender.presentation.status import status_answer
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
            del row["id"], row["root_id"], row["added"]
        return {
            "tracks": {names[i]: row for i, row in tracks.items()},
            "segments": sorted(
                ([names[row["track_id"]], *_vectors(row)] for row in segments), key=lambda row: row[:2]
            ),
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


class Vector:
    """An array of the catalogue: equal to one that another decoder of the same file leads to."""

    def __init__(self, stored: bytes, kind: str) -> None:
        self.values = np.frombuffer(stored, kind).astype(np.float64)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vector) or self.values.shape != other.values.shape:
            return False
        return bool(np.allclose(self.values, other.values, atol=NEAR, rtol=NEAR))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{self.values[:4]} …"


NEAR: Final = 0.01
"""How near numbers of two decoders are to each other."""


def _vectors(row: sqlite3.Row) -> list[Any]:
    """Return a segment with its arrays; its level, which decoders differ in, is left to them."""
    kinds = {"embedding": "<f4", "tags": "<f4", "patches": "<f2", "genres": "<f4"}
    kept = {name: row[name] for name in row.keys() if name not in ("track_id", "level_dbfs")}  # noqa: SIM118
    return [Vector(v, kinds[n]) if n in kinds and v is not None else v for n, v in kept.items()]


def difference(found: Any, expected: Any) -> str | None:
    """Return in which of their parts two of `Place.everything` differ first, None where in none."""
    if found == expected:
        return None
    if isinstance(found, dict) and isinstance(expected, dict):
        name = next(n for n in {**expected, **found} if found.get(n, ABSENT) != expected.get(n, ABSENT))
        return f"{name}: {difference(found.get(name, ABSENT), expected.get(name, ABSENT))}"
    if isinstance(found, list) and isinstance(expected, list):
        pairs = itertools.zip_longest(found, expected, fillvalue=ABSENT)
        return next(f"{a!r:.150} for {b!r:.150}" for a, b in pairs if a != b)
    return f"{found!r:.150} for {expected!r:.150}"


ABSENT: Final = "nothing"


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
