"""Commands on disks of ten sizes, from one on which nothing fits to one that is just large enough.

The home, or the music, is a file system in memory of its own. The command must end with a line that says
so, or do without; with more room, the same command must lead to what it leads to anywhere.
"""

import random
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.campaign.tally import Tally
from benchmarks.campaign.undisturbed import BY_NAME, COMMANDS, Command, Undisturbed

SIZES: Final = 10
PAGE: Final = 4096
AMPLE: Final = 2**16
"""Pages, that any of the commands has enough of."""
LOOK_S: Final = 0.005


@dataclass(frozen=True)
class Full:
    """A command on a disk of some size: the home's, or that of the music.

    Attributes
    ----------
    share
        Of the room that the command needs beyond what is taken when it begins.
    """

    command: Command
    which: str
    share: float

    def __str__(self) -> str:
        return f"{self.command.name}, the {self.which} on a disk with {self.share:.0%} of the room"


ALL: Final = tuple(
    Full(command, which, number / (SIZES - 1))
    for command in COMMANDS
    for which in ("home", "music")
    for number in range(SIZES)
    if which == "home" or command.name.startswith("tag")
)


def missing() -> str | None:
    """Return why no file system can be mounted here, or None where one can."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return "there is no mount here"
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    done = subprocess.run(probe, capture_output=True, check=False)
    return None if done.returncode == 0 else "mounting is not allowed here"


class Disk:
    """A file system in memory that lies over a folder, what was there copied into it."""

    def __init__(self, at: Path) -> None:
        self.at = at

    def resize(self, pages: int) -> None:
        """Give it another size."""
        subprocess.run(["mount", "-o", f"remount,size={pages * PAGE}", str(self.at)], check=True)

    @property
    def used_pages(self) -> int:
        """How much of it is taken."""
        return shutil.disk_usage(self.at).used // PAGE

    @contextmanager
    def most_used(self) -> Iterator[list[int]]:
        """Give a list that, in the end, holds how much was taken at most meanwhile."""
        most, ended = [self.used_pages], threading.Event()

        def look() -> None:
            while not ended.wait(LOOK_S):
                most[0] = max(most[0], self.used_pages)

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield most
        finally:
            ended.set()
            looking.join()


@contextmanager
def disk(at: Path) -> Iterator[Disk]:
    """Mount an ample file system over a folder."""
    at.mkdir(exist_ok=True)
    kept = at.with_name(f"{at.name}-below")
    shutil.copytree(at, kept)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={AMPLE * PAGE}", "tmpfs", str(at)], check=True)
    try:
        shutil.copytree(kept, at, dirs_exist_ok=True)
        yield Disk(at)
    finally:
        subprocess.run(["umount", str(at)], check=True)
        shutil.rmtree(kept)


class Disks:
    """The commands, and how much room each of them needs."""

    def __init__(self, work: Path) -> None:
        self.undisturbed = Undisturbed(work)
        self.place = self.undisturbed.place
        self._needed: dict[tuple[str, str], int] = {}

    def _folder(self, which: str) -> Path:
        return self.place.home if which == "home" else self.place.music

    def _needs(self, command: Command, which: str) -> int:
        """Return how many pages a command takes at most, beyond those taken before."""
        if (command.name, which) not in self._needed:
            self.undisturbed.put_back(command.before)
            with disk(self._folder(which)) as mounted:
                before = mounted.used_pages
                with mounted.most_used() as most:
                    self.place.run(*self.undisturbed.words(command))
                self._needed[command.name, which] = most[0] - before
        return self._needed[command.name, which]

    def attempt(self, full: Full) -> str | None:
        """Run a command where there is too little room, then with more; return which promise was broken."""
        command = full.command
        self.undisturbed.expected(command)
        needed = self._needs(command, full.which)
        self.undisturbed.put_back(command.before)
        with disk(self._folder(full.which)) as mounted:
            old = self.place.files()
            mounted.resize(max(1, mounted.used_pages + round(full.share * needed)))
            try:
                ran = self.place.run(*self.undisturbed.words(command))
            except subprocess.TimeoutExpired:
                return "hangs"
            finally:
                mounted.resize(AMPLE)
            return self.undisturbed.after(command, ran, old) or self.undisturbed.again(command)


def run(work: Path, seed: int, count: int | None) -> Tally:
    """Try ten sizes for every command, or so many for making a home and an ingest."""
    tally = Tally("disks")
    if (why := missing()) is not None:
        print(f"disks: skipped: {why}")
        return tally
    disks = Disks(work)
    ingest = [full for full in ALL if full.command == BY_NAME["ingest"]]
    chosen = ALL if count is None else random.Random(seed).sample(ingest, min(count, SIZES))
    for full in chosen:
        tally.count(str(full), disks.attempt(full))
    return tally
