"""Damaged files of every format through ingest, classify, tag --write, tag --undo and uploads.

Each folder of some hundred files is ingested twice, tagged, and put back, by the commands as users run
them, and each file is sent to a running service. The same seed makes the same files.
"""

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.campaign import commands, fuzz_seeds
from benchmarks.campaign.fuzz_damage import damage
from benchmarks.campaign.fuzz_files import State, states, worse
from benchmarks.campaign.service import Service
from benchmarks.campaign.tally import Tally

COUNT: Final = 6000
TOGETHER: Final = 300
"""Files in a folder."""
WHOLE: Final = 0.03
"""Of the files, so many are left as they are: they must be analysed, and tagged."""
MOST_S: Final = 300.0
MOST_MB: Final = 2600.0
NEW: Final = ("analysed", "retagged", "moved", "copied", "missing")
"""What a second ingest of the same files must not count."""
KEPT: Final = "DEEPCUTS_CAMPAIGN_KEPT"
"""Names a folder for the files that broke a promise."""


@dataclass
class _Folder:
    """One folder of files and what came of each: its first trouble."""

    path: Path
    number: int
    files: list[Path] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)
    troubles: dict[str, str] = field(default_factory=dict)
    together: list[str] = field(default_factory=list)

    def blame(self, name: str, trouble: str | None) -> None:
        if trouble is not None:
            self.troubles.setdefault(name, trouble)

    def ran(self, what: str, ran: commands.Ran) -> None:
        trouble = ran.trouble(MOST_S, MOST_MB)
        if trouble is not None:
            self.together.append(f"folder {self.number}, {what}: {trouble}")


def run(work: Path, seed: int, count: int | None) -> Tally:
    """Damage so many files and have all of them read, tagged and put back."""
    tally = Tally("fuzz")
    seeds = fuzz_seeds.make(work / "seeds")
    contents = [path.read_bytes() for path in seeds]
    left = count or COUNT
    with Service(work / "served", seeds) as service:
        for number in range(-(-left // TOGETHER)):
            chance = random.Random(f"{seed}/{number}")
            folder = _write(work / f"files-{number}", number, min(TOGETHER, left), chance, seeds, contents)
            left -= len(folder.files)
            _examine(folder, work / "homes" / str(number), service)
            for path in folder.files:
                tally.count(f"seed {seed}, {path}", folder.troubles.get(path.name))
            tally.failed += folder.together
            _keep(folder, seed)
            shutil.rmtree(folder.path)
        tally.failed += [f"serve: {trouble}" for trouble in service.troubles()]
    return tally


def _write(
    path: Path,
    number: int,
    n_files: int,
    chance: random.Random,
    seeds: Sequence[Path],
    contents: Sequence[bytes],
) -> _Folder:
    folder = _Folder(path, number)
    for place in ("music", "copies"):
        (path / place).mkdir(parents=True)
    for i in range(n_files):
        which = chance.randrange(len(seeds))
        data, ending = contents[which], seeds[which].suffix
        if chance.random() >= WHOLE:
            data, ending = damage(data, ending, chance, contents)
        name = f"{i:04d} {seeds[which].stem}{ending}"
        if data == contents[which] and ending == seeds[which].suffix:
            folder.whole.add(name)
        for place in ("music", "copies"):
            (path / place / name).write_bytes(data)
        folder.files.append(path / "music" / name)
    return folder


def _examine(folder: _Folder, home: Path, service: Service) -> None:
    with ThreadPoolExecutor(2) as threads:
        beside = threads.submit(_classify_and_send, folder, home, service)
        _ingest(folder, home)
        before = states(folder.files)
        _tag(folder, home, before)
        beside.result()


def _ingest(folder: _Folder, home: Path) -> None:
    music = folder.path / "music"
    ran = commands.deepcuts(home, "ingest", music, "--json", timeout_s=2 * MOST_S)
    folder.ran("ingest", ran)
    try:
        rows = commands.rows(home)
    except (sqlite3.Error, RuntimeError) as error:
        folder.together.append(f"folder {folder.number}, ingest: {error}")
        return
    for path in folder.files:
        if path.name not in rows:
            folder.blame(path.name, "it is neither a track nor a failure")
            continue
        kind, message = rows[path.name]
        if kind is not None:
            folder.blame(path.name, commands.not_plain(message))
        if kind is not None and path.name in folder.whole:
            folder.blame(path.name, f"a whole file failed: {message}")
        if kind in ("crash", "unexpected"):
            folder.blame(path.name, f"{kind}: {message}")
    again = commands.deepcuts(home, "ingest", music, "--json", timeout_s=2 * MOST_S)
    folder.ran("ingest again", again)
    if again.code in commands.ALLOWED:
        found = json.loads(again.out)
        new = {name: found[name] for name in NEW if found[name]}
        if new or found["failed"]:
            folder.together.append(
                f"folder {folder.number}: a second ingest found {new} {found['failed'][:2]}"
            )


def _tag(folder: _Folder, home: Path, before: dict[str, State]) -> None:
    options = ("--write", "--overwrite", "--min-confidence", "0", "--also", "moods,eras", "--json")
    ran = commands.deepcuts(home, "tag", *options, timeout_s=2 * MOST_S)
    folder.ran("tag --write", ran)
    written = _outcomes(folder, ran)
    after = states(folder.files)
    for name, state in before.items():
        folder.blame(name, worse("--write", state, after[name], tags_too=name not in written))
    ran = commands.deepcuts(home, "tag", "--undo", "--json", timeout_s=2 * MOST_S)
    folder.ran("tag --undo", ran)
    _outcomes(folder, ran)
    undone = states(folder.files)
    for name, state in before.items():
        folder.blame(name, worse("--undo", state, undone[name], tags_too=True))
    left = [path.name for path in (folder.path / "music").iterdir() if path.name.startswith(".")]
    if left:
        folder.together.append(f"folder {folder.number}: left behind: {left[:3]}")


def _outcomes(folder: _Folder, ran: commands.Ran) -> set[str]:
    """Return the names of the files that were written; blame those whose reason is none."""
    if ran.code not in commands.ALLOWED:
        return {path.name for path in folder.files}
    written = set()
    for file in json.loads(ran.out)["files"]:
        name = os.path.basename(file["path"])
        if file["skipped"] is not None:
            folder.blame(name, commands.not_plain(file["skipped"]))
            if name in folder.whole and "raw AAC" not in file["skipped"]:
                folder.blame(name, f"a whole file was not tagged: {file['skipped']}")
        if file["written"]:
            written.add(name)
    return written


def _classify_and_send(folder: _Folder, home: Path, service: Service) -> None:
    copies = [folder.path / "copies" / path.name for path in folder.files]
    ran = commands.deepcuts(home.with_name("none"), "classify", "--json", *copies, timeout_s=2 * MOST_S)
    folder.ran("classify", ran)
    if ran.code in commands.ALLOWED:
        for answer in json.loads(ran.out):
            if "error" in answer:
                folder.blame(os.path.basename(answer["path"]), commands.not_plain(answer["error"]["message"]))
    for path in copies:
        folder.blame(path.name, service.similar(path))


def _keep(folder: _Folder, seed: int) -> None:
    if place := os.environ.get(KEPT):
        for name in folder.troubles:
            commands.keep(folder.path / "copies" / name, Path(place), f"{seed}-{folder.number}-{name}")
