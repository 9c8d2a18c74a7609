"""The command line as a user runs it, a small library to run it on, and the rows it leaves."""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import cli
from classifier.model import bundle
from recommender.library.workers import pool
from recommender.library.workers.process import WorkerSettings
from recommender.library.workers.process_queue import WorkerPool
from recommender.retrieval.index.store import open_index
from tests import databases, synth
from tests.databases import no_table_yet, open_catalog, query
from tests.processes import REPO

CLI = (sys.executable, str(REPO / "cli.py"))
TIMEOUT_S = 300
WITHOUT_PRIVILEGE = (
    sys.executable,
    "-c",
    "import ctypes, os, sys\n"
    "prctl = getattr(ctypes.CDLL(None), 'prctl', None)\n"
    "for capability in (1, 2) if prctl else ():  # to override, and to search past, permissions\n"
    "    prctl(24, capability, 0, 0, 0)  # out of the bounding set: gone with the next exec\n"
    "os.execv(sys.argv[1], sys.argv[1:])",
)
"""Before a command: permissions hold for it even where the tests run as root."""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What stdout says, which must be JSON and nothing else."""
        return json.loads(self.out)


def environment(home: Path | None = None, **more: str) -> dict[str, str]:
    """Return the environment of commands on a home: the caller's, but for the home and its database."""
    own = ("DEEPCUTS_HOME", "DEEPCUTS_DATABASE")
    kept = {name: value for name, value in os.environ.items() if name not in own}
    if home is None and "DEEPCUTS_HOME" in more:
        home = Path(more["DEEPCUTS_HOME"])
    return kept | databases.variables(home) | more


def index_files(home: Path) -> dict[str, bytes]:
    """Return the files of a home's index by their paths in it."""
    folder = home / "index"
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _words(home: Path | None, arguments: Sequence[str | bytes | Path | int]) -> list[str]:
    place = [] if home is None else ["--home", str(home)]
    return [*place, *(os.fsdecode(word) if isinstance(word, bytes) else str(word) for word in arguments)]


def deepcuts_process(
    home: Path | None, *arguments: str | bytes | Path | int, prefix: Sequence[str] = (), **more: str
) -> Ran:
    """Run the command line as a user does, `prefix` before it and `more` in its environment."""
    done = subprocess.run(
        [*prefix, *CLI, *_words(home, arguments)],
        capture_output=True,
        env=environment(home, **more),
        timeout=TIMEOUT_S,
        check=False,
    )
    ran = Ran(
        done.returncode,
        done.stdout.decode("utf-8", "surrogateescape"),
        done.stderr.decode("utf-8", "surrogateescape"),
    )
    assert "Traceback" not in ran.err, ran.err
    return ran


class _LentPool(WorkerPool):
    """A worker that stays for the next command: to start one takes longer than to analyse a song."""

    def close(self) -> None:
        """Leave it running; it ends with this process."""


@functools.cache
def _lent_pool(settings: WorkerSettings) -> WorkerPool:
    return _LentPool(settings, 1)


def _pool(settings: WorkerSettings, jobs: int) -> WorkerPool:
    lent = jobs == 1 and settings.bundle_path in (None, str(bundle.SHIPPED))
    return _lent_pool(settings) if lent else WorkerPool(settings, jobs)


def deepcuts(home: Path | None, *arguments: str | bytes | Path | int, **more: str) -> Ran:
    """Run the command line as `deepcuts_process` does, but within this process, which is quicker."""
    variables = environment(home, **more)
    absent = dict.fromkeys(os.environ.keys() - variables.keys())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "WorkerPool", _pool)
        ran = CliRunner().invoke(cli.app, _words(home, arguments), env=variables | absent)
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return Ran(ran.exit_code, ran.stdout, ran.stderr)


def ingest(home: Path, *arguments: str | Path, code: int = 0) -> Any:
    """Run ``ingest --json`` on one worker and return its report."""
    ran = deepcuts(home, "ingest", *arguments, "--json", "--jobs", "1")
    assert ran.code == code, ran.err
    return ran.json


OUTCOMES = ("analysed", "unchanged", "measured", "retagged", "moved", "copied", "missing")
COUNTS = ("found", *OUTCOMES, "known_failures")


def counts(report: Any) -> dict[str, int]:
    """Return what a report counts, leaving out zeros."""
    found = {name: report[name] for name in COUNTS if report[name]}
    return found | ({"failed": len(report["failed"])} if report["failed"] else {})


def tracks(home: Path) -> dict[str, Any]:
    """Return the track rows by their absolute path."""
    found = query(home, "SELECT track.*, root.path AS root FROM track JOIN root ON root.id = track.root_id")
    rows = {os.path.join(os.fsdecode(row["root"]), os.fsdecode(row["rel_path"])): row for row in found}
    assert len(rows) == len(found), "two rows share a path"
    return rows


def names(home: Path) -> dict[str, Any]:
    """Return the track rows by file name."""
    found = tracks(home)
    rows = {os.path.basename(path): row for path, row in found.items()}
    assert len(rows) == len(found), "two tracks share a file name"
    return rows


def n_rows(home: Path) -> int:
    """Return how many tracks have been analysed so far, also while a home is being made."""
    try:
        found: int = query(home, "SELECT count(*) FROM track WHERE analysed_hash IS NOT NULL")[0][0]
    except no_table_yet():
        return 0
    return found


def analyses(home: Path) -> dict[str, list[tuple[float, float, bytes, bytes, bytes]]]:
    """Return what is stored of each track's sound, by path: segments with embedding, tags, genres."""
    found: dict[str, list[Any]] = {path: [] for path in tracks(home)}
    sql = """
        SELECT root.path, rel_path, segment.start_s, segment.end_s, embedding, tags, genres FROM segment
        JOIN track ON track.id = segment.track_id JOIN root ON root.id = track.root_id
        LEFT JOIN feature ON feature.segment_id = segment.id
        LEFT JOIN prediction ON prediction.segment_id = segment.id ORDER BY segment.start_s
    """
    for root, rel_path, *stored in query(home, sql):
        found[os.path.join(os.fsdecode(root), os.fsdecode(rel_path))].append(tuple(stored))
    return found


SONGS: dict[str, tuple[float, str, str, str]] = {
    "rock/alpha.mp3": (4.0, "Alpha Rising", "Ann Arbor", "Rock"),
    "rock/beta.flac": (4.5, "Beta Motion", "Ann Arbor", "Rock"),
    "rock/gamma.ogg": (4.0, "Gamma Ray", "Bob", "Rock"),
    "jazz/delta.wav": (5.0, "Delta Blues", "Café Müller", "Jazz"),
    "jazz/epsilon.opus": (4.0, "Epsilon", "Café Müller", "Jazz"),
    "jazz/zeta.m4a": (4.0, "Zeta", "Dora", "Jazz"),
    "folk/deep/eta.flac": (4.0, "Eta 100%", "Emil_Folk", "Folk"),
    "folk/deep/theta.mp3": (4.5, "Theta", "Emil Folk", "Folk"),
    "folk/iota.flac": (36.0, "Iota", "Frida", "Folk"),
    "kappa.flac": (4.0, "", "", ""),
}
"""Relative path to length in seconds, title, artist and genre of the small library."""


def write_song(path: Path, seed: int, seconds: float = 4.0, **tags: str) -> Path:
    """Write a song of its own sound, in the format that its extension names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return synth.write(path, synth.music_like(seconds, seed), tags={k: v for k, v in tags.items() if v})


def write_library(folder: Path) -> Path:
    """Write the small library."""
    for seed, (name, (seconds, title, artist, genre)) in enumerate(SONGS.items()):
        write_song(folder / name, seed, seconds, title=title, artist=artist, genre=genre)
    return folder


@dataclass(frozen=True)
class Library:
    """A library and the home that it was ingested into."""

    music: Path
    home: Path

    def ingest(self, *arguments: str | Path, code: int = 0) -> Any:
        """Ingest the library again, or other folders."""
        return ingest(self.home, *(arguments or (self.music,)), code=code)

    def indexed(self) -> set[int]:
        """Return the ids of the tracks in the index on disk, which must be current."""
        catalog = open_catalog(self.home / "catalog.sqlite")
        trunk_id = bundle.load(bundle.SHIPPED).trunk_id
        index, remark = open_index(catalog, self.home / "index", trunk_id)
        catalog.close()
        assert remark is None
        return set(index.rows.track_ids.tolist())

    def run(self, *arguments: str | bytes | Path | int, **more: Any) -> Ran:
        """Run a command on the home."""
        run = deepcuts_process if "prefix" in more else deepcuts
        return run(self.home, *arguments, **more)

    def row(self, name: str) -> Any:
        """Return the row of the track at a path relative to the library."""
        return tracks(self.home)[str(self.music / name)]

    def similar(self, *arguments: str | bytes | Path | int) -> Any:
        """Run ``similar --json`` and return its answer."""
        ran = self.run("similar", *arguments, "--json")
        assert ran.code == 0, ran.err
        return ran.json

    def clone(self, folder: Path) -> "Library":
        """Return a copy of the library and its home, to be changed."""
        copy = Library(folder / "music", folder / "home")
        shutil.copytree(self.music, copy.music, symlinks=True)
        shutil.copytree(self.home, copy.home)
        databases.copy_catalog(self.home, copy.home)
        query(copy.home, "UPDATE root SET path = ?", os.fsencode(copy.music))
        return copy


def ingested_library(temporary: Path) -> Library:
    """Return the small library, ingested below a session's folder: one for all, so only to be read."""
    return _ingested_library(temporary / f"small library, {databases.kind()}")


@functools.cache
def _ingested_library(folder: Path) -> Library:
    library = Library(write_library(folder / "music"), folder / "home")
    ran = deepcuts_process(library.home, "ingest", library.music, "--json", "--jobs", "1")
    assert counts(ran.json) == {"found": len(SONGS), "analysed": len(SONGS)}
    return library
