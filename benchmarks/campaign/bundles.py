"""Bundles from strangers: by `train --use PATH`, and put into a home by hand and named in `bundles/active`.

Each must be refused with one line and exit code 1, within bounded time and memory; what was active is
active still and works, nothing half copied is left, and nothing outside the bundle is read or written. The
odd ones that are good are taken, their known files alone.
"""

import multiprocessing
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from benchmarks.campaign.catalogues import some
from benchmarks.campaign.commands import Ran, deepcuts, not_plain
from benchmarks.campaign.forge import stranger
from benchmarks.campaign.hostile_bundles import EITHER, REFUSED, TAKEN, Hostile, hostile
from benchmarks.campaign.tally import Tally
from classifier.errors import ClassifierError
from classifier.model import bundle
from classifier.model.bundle_values import is_bundle_id
from recommender.home import Home

LONGEST_S: Final = 150.0
LARGEST_MB: Final = 3_000.0
BY_HAND: Final = (("status",), ("classify", "song.wav"), ("ingest", "music"), ("serve", "--port", "0"))
KEPT: Final = {bundle.DESCRIPTION, *bundle.KNOWN_FILES}
FORK: Final = multiprocessing.get_context("fork")
CANARY: Final = b"nobody else's business"


def run(work: Path, seed: int, count: int | None) -> Tally:
    """Try bundles on a home; see the head of this module."""
    tally = Tally("bundles")
    canary = work / "canary.bin"
    canary.write_bytes(CANARY)
    (work / "music").mkdir()
    home = work / "home"
    made = deepcuts(home, "ingest", work / "music")
    if made.code:
        tally.count("a home", made.err)
        return tally
    good = stranger(work / "good")
    for number, one in enumerate(some(hostile(canary, random.Random(seed)), count, seed)):
        folder = Path(shutil.copytree(good, work / "strangers" / "bundle"))
        making = FORK.Process(target=one.make, args=(folder,))  # what it takes is not the command's
        making.start()
        making.join()
        how = number % (2 * len(BY_HAND))
        by_path = one.wanted == TAKEN or how % 2 == 0
        trouble = _by_path(home, folder, one) if by_path else _by_hand(home, folder, one, BY_HAND[how // 2])
        tally.count(one.name, trouble or _after(home, canary, one, by_path))
        shutil.rmtree(work / "strangers")
        shutil.rmtree(home / "bundles", ignore_errors=True)
    return tally


def _by_path(home: Path, folder: Path, one: Hostile) -> str | None:
    """Return what was wrong with how a bundle was taken, or refused."""
    ran = deepcuts(home, "train", "--use", folder, timeout_s=2 * LONGEST_S)
    if one.wanted == TAKEN or (one.wanted == EITHER and ran.code == 0):
        return ran.trouble(LONGEST_S, LARGEST_MB, (0,))
    return _refusal(ran)


def _refusal(ran: Ran) -> str | None:
    lines = ran.err.splitlines()
    said = ran.trouble(LONGEST_S, LARGEST_MB, (1,))
    if said is None and (len(lines) != 1 or not lines[0].startswith("deepcuts: ") or ran.out):
        return f"it says {ran.err[-400:]!r} and {ran.out[-100:]!r}"
    return said or not_plain(lines[0])


def _by_hand(home: Path, folder: Path, one: Hostile, command: tuple[str, ...]) -> str | None:
    """Return what was wrong with what a command said of a bundle that somebody put into the home."""
    name = f"bundle-{'5' * 16}"
    with suppress(ClassifierError):
        found = bundle.read_description(folder).get("bundle_id")
        name = found if isinstance(found, str) and is_bundle_id(found) else name
    (home / "bundles").mkdir(exist_ok=True)
    shutil.move(folder, home / "bundles" / name)
    (home / "bundles" / "active").write_text(name)
    words = [home.parent / word if word in ("music", "song.wav") else word for word in command]
    ran = deepcuts(home, *(words if one.wanted == REFUSED else ["status"]), timeout_s=2 * LONGEST_S)
    if one.wanted == EITHER and ran.code == 0:
        return ran.trouble(LONGEST_S, LARGEST_MB, (0,))
    return _refusal(ran) or _goes_back(home, ran)


def _goes_back(home: Path, ran: Ran) -> str | None:
    """Return what is wrong with the way back that the refusal names."""
    if "deepcuts train --use shipped" not in ran.err:
        return f"it does not say what to do: {ran.err[-300:]!r}"
    return deepcuts(home, "train", "--use", "shipped").trouble(LONGEST_S, LARGEST_MB, (0,))


def _after(home: Path, canary: Path, one: Hostile, by_path: bool) -> str | None:
    """Return what is wrong with a home after all, or with what lies outside."""
    left = [path.name for path in _below(home / "bundles") if path.name.startswith((".part-", ".old-"))]
    if left:
        return f"it left {left}"
    if canary.read_bytes() != CANARY or (home.parent / "x").exists():
        return "something outside was written"
    for path in _below(home):
        if path.is_file() and not path.is_symlink() and CANARY in path.read_bytes():
            return f"what lies outside is in {path.name}"
    try:
        active = Home(home).bundle()
    except ClassifierError as error:
        return f"what was active is not: {error}"
    others = set(os.listdir(active.path)) - KEPT
    if by_path and others and active.path != bundle.SHIPPED:
        return f"{sorted(others)} were copied, too"
    return None if one.wanted != REFUSED or active.path == bundle.SHIPPED else "it is active"


def _below(folder: Path) -> Iterator[Path]:
    for above, _, names in os.walk(folder):
        yield Path(above)
        yield from (Path(above, name) for name in names)
