"""Attacks on a running ``serve``: none may end it, slow others down, write anything, or meet a fault.

Three services are attacked: one without credentials, one with, and one that may open 128 files only. After
each attack it is looked whether all of them live, whether whoever else asks is answered within a second,
what is logged, how much memory is taken, and whether every row is as it was.
"""

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote_to_bytes

from benchmarks.campaign import attack_contents, attack_crowds, attack_meanings, attack_requests
from benchmarks.campaign.attack_requests import GUARDED, OPEN, Attack
from benchmarks.campaign.attacked import STATUS, Attacked, attacked, trouble_of
from benchmarks.campaign.tally import Tally
from tests import synth
from tests.conftest import REPO

FEW = "few files"
LIMIT = ("prlimit", "--nofile=128:128")
SLOWEST_S, SLOWEST_IN_SHORT_S = 1.0, 5.0
HELD_S, HELD_IN_SHORT_S = 2.0, 0.5
FULL = {
    "request lines": 120,
    "headers": 110,
    "lengths": 100,
    "chunks": 80,
    "paths": 130,
    "methods": 90,
    "ranges": 60,
    "parameters": 100,
    "origins": 110,
    "hosts": 60,
    "logins": 80,
    "json": 70,
    "forms": 50,
    "players": 130,
    "covers": 40,
    "uploads": 46,
    "crowds": 15,
    "rushes": 8,
}
"""Attacks of each kind, in full."""


def run(work: Path, seed: int, count: int | None) -> Tally:
    """Attack; with a count, so many attacks, of all kinds as evenly as in full."""
    tally, shares = Tally("attacks"), _shares(count)
    slowest_s, held_s = (SLOWEST_S, HELD_S) if count is None else (SLOWEST_IN_SHORT_S, HELD_IN_SHORT_S)
    home = _library(work)
    secret = work / "password"
    secret.write_text("correct horse battery staple\n")
    with ExitStack() as running:
        services = {
            name: running.enter_context(
                attacked(_copy(home, work / name), work / f"{name}.log", *options, prefix=prefix)
            )
            for name, options, prefix in (
                (OPEN, (), ()),
                (GUARDED, ("--user", "ann", "--password-file", str(secret)), ()),
                (FEW, (), LIMIT),
            )
        }
        rows = {name: service.rows() for name, service in services.items()}
        for kind, n in shares.items():
            rng = random.Random(f"{seed} {kind}")
            for what, trouble in _done(services, kind, n, rng, held_s):
                found = [trouble, *_troubles(services, slowest_s)]
                found += ["rows have changed" for name, one in services.items() if one.rows() != rows[name]]
                tally.count(f"{kind}: {what}", next(filter(None, found), None))
    return tally


def _troubles(services: dict[str, Attacked], slowest_s: float) -> list[str | None]:
    """Return what is wrong with each service: a ping may take longer by what one of the others took at least.

    They are not attacked at the time: what slows them down is the machine.
    """
    worst_s = {name: service.worst_s for name, service in services.items()}
    noise_s = {name: min(s for other, s in worst_s.items() if other != name) for name in services}
    return [service.trouble(slowest_s + noise_s[name]) for name, service in services.items()]


def _done(
    services: dict[str, Attacked], kind: str, n: int, rng: random.Random, held_s: float
) -> Iterator[tuple[str, str | None]]:
    """Make some attacks of a kind; yield what each was, and what was wrong with its answer."""
    if kind == "crowds":
        for crowd, _ in zip(attack_crowds.crowds(rng), range(n), strict=False):
            yield crowd.what, attack_crowds.hold(services[FEW], crowd, held_s)
    elif kind == "rushes":
        for path, number in zip(attack_crowds.rushes(rng), range(n), strict=False):
            service = services[FEW if number % 2 else OPEN]
            yield f"{path} of {service.log.stem}", attack_crowds.rush(service, path)
    else:
        attacks = (attack_requests.KINDS | attack_meanings.KINDS | attack_contents.KINDS)[kind](rng)
        for attack, _ in zip(attacks, range(n), strict=False):
            for service in services.values():
                service.worst_s = 0.0  # making what is sent, some of it large, is not the service's time
            yield attack.what, _attack(services[attack.service], attack)


def _attack(service: Attacked, attack: Attack) -> str | None:
    answer = service.exchange(*attack.blocks, wait_s=attack.wait_s)
    sent = unquote_to_bytes(b"".join(attack.blocks).replace(b"+", b" "))
    trouble = trouble_of(answer, sent)
    if trouble is None and attack.refused:
        taken = [int(status) for status in STATUS.findall(answer) if int(status) < 400]
        trouble = f"it was not refused: {taken}" if taken else None
    return trouble


def _shares(count: int | None) -> dict[str, int]:
    """Return how many attacks of each kind make so many: one at least where there are enough."""
    total = sum(FULL.values())
    if count is None:
        return dict(FULL)
    shares = {kind: min(1, count) if count < total else 0 for kind in FULL}
    wanted = {kind: n * count / total for kind, n in FULL.items()}
    while sum(shares.values()) < count:
        kind = max(FULL, key=lambda one: wanted[one] - shares[one])
        shares[kind] += 1
    while sum(shares.values()) > count:
        shares[max(shares, key=lambda one: (shares[one], one))] -= 1
    return shares


def _library(work: Path) -> Path:
    """Return a home with some songs, hostile pictures beside some, hostile tags in others."""
    music, home = work / "music", work / "home"
    for number, folder in enumerate("abcdefgh"):
        (music / folder).mkdir(parents=True)
        synth.write(
            music / folder / "song.mp3", synth.music_like(8, number), tags={"title": f"Song {folder}"}
        )
    command = [sys.executable, str(REPO / "cli.py"), "--home", str(home), "ingest", str(music), "--jobs", "2"]
    subprocess.run(command, check=True, capture_output=True)
    attack_contents.write_covers(music)
    plain = (music / "h" / "song.mp3").read_bytes()
    for folder, content in attack_contents.hostile_tags(plain).items():
        (music / folder / "song.mp3").write_bytes(content)
    return home


def _copy(home: Path, target: Path) -> Path:
    return Path(shutil.copytree(home, target))
