"""``watch`` as a process: what appears, moves and goes is in the catalogue; it starts again where it was."""

import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import run_python
from tests.recommender.support import CLI, deepcuts, environment, names, write_song

PATIENCE_S = 180


class Watching:
    """A running ``watch`` whose lines of JSON are awaited."""

    def __init__(self, home: Path, *arguments: str | Path, settle_s: float = 0.4) -> None:
        command = [*CLI, "--home", str(home), "watch", *map(str, arguments), "--json", "--jobs", "1"]
        self.process = subprocess.Popen(
            [*command, "--settle-s", str(settle_s), "--nice", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(home),
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def report(self) -> Any:
        """Return what the next ingest did that had something to do."""
        return json.loads(self._lines.get(timeout=PATIENCE_S))

    def analysed(self, count: int) -> None:
        """Wait until so many files were analysed, in one ingest or in several."""
        done = 0
        while done < count:
            report = self.report()
            assert report["failed"] == []
            done += report["analysed"]
        assert done == count

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    write_song(folder / "first.flac", 1)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def watching(home: Path, music: Path) -> Iterator[Watching]:
    started = Watching(home, music)
    yield started
    if started.process.poll() is None:
        started.process.kill()
        started.process.communicate()


def put(song: int, place: Path) -> None:
    """Let a song appear as a whole: made elsewhere, and moved in."""
    made = write_song(place.parent.parent / f"{song}.part" / place.name, song)
    os.rename(made, place)


def test_what_appears_moves_and_goes_is_followed(
    watching: Watching, home: Path, music: Path, tmp_path: Path
) -> None:
    assert watching.report()["analysed"] == 1
    album = tmp_path / "album"
    album.mkdir()
    for number in (2, 3):
        write_song(album / f"{number}.flac", number)
    shutil.copytree(album, music / "album")
    watching.analysed(2)
    os.rename(music / "album", music / "renamed")
    moved = watching.report()
    assert (moved["moved"], moved["analysed"], moved["missing"]) == (2, 0, 0)
    (music / "first.flac").unlink()
    assert watching.report()["missing"] == 1
    assert {name for name, row in names(home).items() if not row["missing"]} == {"2.flac", "3.flac"}
    code, said = watching.stop()
    assert (code, "No longer watching." in said) == (0, True)


def test_a_file_is_read_when_it_is_whole(home: Path, music: Path, tmp_path: Path) -> None:
    watching = Watching(home, music, settle_s=3)  # this process may be held up between two parts
    try:
        watching.report()
        content = write_song(tmp_path / "late.flac", 4).read_bytes()
        pause = threading.Event()
        with open(music / "late.flac", "wb", buffering=0) as file:
            for start in range(0, len(content), len(content) // 5):
                file.write(content[start : start + len(content) // 5])
                pause.wait(0.15)
        found = watching.report()
        assert (found["analysed"], found["failed"], found["warned"]) == (1, [], [])
    finally:
        watching.stop()


def test_a_bad_file_is_told_and_the_watch_goes_on(watching: Watching, music: Path) -> None:
    watching.report()
    (music / "bad.mp3").write_bytes(b"no music at all")
    failed = watching.report()
    assert [Path(f["path"]).name for f in failed["failed"]] == ["bad.mp3"]
    put(5, music / "good.flac")
    assert watching.report()["analysed"] == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_what_changed_meanwhile_is_found_at_the_next_start(
    watching: Watching, home: Path, music: Path, number: int
) -> None:
    watching.report()
    code, _ = watching.stop(number)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    write_song(music / "meanwhile.flac", 6)
    again = Watching(home, music)
    try:
        found = again.report()
        assert (found["analysed"], found["unchanged"]) == (1, 1)
    finally:
        again.stop()


def test_it_waits_while_another_writes(home: Path, music: Path) -> None:
    from filelock import FileLock

    home.mkdir()
    lock = FileLock(home / "writer.lock")
    with lock:
        waiting = Watching(home, music)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.process.wait(4)
    try:
        assert waiting.report()["analysed"] == 1
    finally:
        waiting.stop()


def test_folders_of_another_place_wait_until_they_are_mounted(
    home: Path, music: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    watching = Watching(home, music, other, "--rescan-s", "1")
    try:
        assert watching.report()["analysed"] == 1
        os.rename(other, tmp_path / "away")
        write_song(tmp_path / "away" / "far.flac", 7)
        os.rename(tmp_path / "away", other)
        assert watching.report()["analysed"] == 1
        put(8, other / "near.flac")
        assert watching.report()["analysed"] == 1
    finally:
        watching.stop()


def test_with_sync_connections_are_synced_after_each_ingest(home: Path, music: Path, tmp_path: Path) -> None:
    deepcuts(home, "ingest", music, "--jobs", "1")
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "mix.m3u8").write_text("../music/first.flac\n../music/second.flac\n")
    assert deepcuts(home, "connect", "files", lists).code == 0
    watching = Watching(home, music, "--sync")
    try:
        first = watching.report()
        assert (first["connection"], first["matched"], len(first["unmatched"])) == ("files", {"path": 1}, 1)
        write_song(music / "second.flac", 2)
        assert watching.report()["analysed"] == 1
        assert watching.report()["matched"] == {"path": 2}
    finally:
        code, said = watching.stop()
    assert "Traceback" not in said
    assert code == 0


LOST = """
import gc, os, signal, sys, threading
from recommender.commands.watch import end_by
from recommender.library.watch import changed_folders
class Dropped:
    def __del__(self):
        os.kill(os.getpid(), getattr(signal, sys.argv[2]))
        sum(range(10**5))  # by then the handler has run
stop = threading.Event()
end_by(stop)
for folders in changed_folders([sys.argv[1]], stop):
    Dropped()
    print("goes on", flush=True)
print("ended")
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_it_ends_though_the_exception_is_lost(music: Path, name: str) -> None:
    ran = run_python(LOST, music, name)
    assert ran.stdout.splitlines() == ["goes on", "ended"]
    assert "KeyboardInterrupt" in ran.stderr  # dropped, as Python says
