"""Commands with too little of what they need: one line, nothing lost, and afterwards all goes on."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.recommender import support
from tests.recommender.support import CLI, Library, counts, environment, tracks, write_song

NEW = "folk/new.flac"


@pytest.fixture
def library(ingested: Library, tmp_path: Path) -> Library:
    """A copy of the small library, with a song that was not ingested yet."""
    copy = ingested.clone(tmp_path)
    write_song(copy.music / NEW, 77)
    return copy


def in_bash(line: str, home: Path, *prefix: str, **more: str) -> tuple[int, str]:
    """Run a line of bash in which `deepcuts` is the command on a home; return exit code and stderr."""
    words = " ".join(f"'{word}'" for word in (*CLI, "--home", str(home)))
    done = subprocess.run(
        [*prefix, "bash", "-c", f'deepcuts() {{ {words} "$@"; }}; {line}'],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment(home, **more),
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


def assert_plain(code: int, err: str) -> None:
    """It succeeded, or one line says why not."""
    assert code in (0, 1), err
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert "unexpected" not in err
    assert "None" not in err
    if code:
        assert [line.startswith("deepcuts: ") for line in err.splitlines()] == [True], err


def assert_goes_on(library: Library, before: dict[str, object]) -> None:
    """What was there is there, and the new song can be added."""
    after = tracks(library.home)
    assert {path: dict(row) for path, row in after.items() if path in before} == before
    report = library.ingest()
    assert counts(report) in (
        {"found": len(before) + 1, "analysed": 1, "unchanged": len(before)},
        {"found": len(before) + 1, "unchanged": len(before) + 1},
    )
    assert library.row(NEW)["error_kind"] is None


@pytest.mark.parametrize(
    "limit",
    ["ulimit -n 10", "ulimit -n 22", "ulimit -f 0", "ulimit -v 150000", "export TMPDIR=/none HOME=/proc"],
)
def test_an_ingest_that_may_take_too_little(library: Library, limit: str) -> None:
    before = {path: dict(row) for path, row in tracks(library.home).items()}
    code, err = in_bash(f"{limit}; deepcuts ingest '{library.music}' -j 1", library.home)
    assert_plain(code, err)
    assert_goes_on(library, before)


@pytest.mark.parametrize(
    ("limit", "command"),
    [("ulimit -n 6", "similar 1"), ("ulimit -v 40000", "status"), ("ulimit -f 0", "tag -o list.csv")],
)
def test_other_commands_that_may_take_too_little(library: Library, limit: str, command: str) -> None:
    code, err = in_bash(f"cd '{library.music.parent}'; {limit}; deepcuts {command}", library.home)
    assert_plain(code, err)
    assert code == 1


def without_home(line: str, folder: Path, **more: str) -> tuple[int, str]:
    """Run a line where no home is named, on a catalogue in a file."""
    words = " ".join(f"'{word}'" for word in CLI)
    done = subprocess.run(
        ["bash", "-c", f'deepcuts() {{ {words} "$@"; }}; {line}'],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment(None, **more),
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


def test_where_no_home_can_be_made_it_is_said_where_it_was_to_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, err = without_home("deepcuts ingest .", tmp_path, HOME=str(tmp_path / "file"), XDG_DATA_HOME="")
    assert code == 1
    assert err.startswith(f"deepcuts: the home directory {tmp_path / 'file'}/")
    assert err.count("\n") == 1


def mounts() -> bool:
    """Whether file systems can be mounted here."""
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run(probe, capture_output=True, check=False).returncode
    )


needs_mounts = pytest.mark.skipif(not mounts(), reason="mounting is not allowed here")
WITHOUT_SEMAPHORES = {
    "read-only": "mount -t tmpfs -o ro tmpfs /dev/shm",
    "full": "mount -t tmpfs -o size=4k,nr_inodes=1 tmpfs /dev/shm",
    "absent": "mount -t tmpfs tmpfs /dev; mknod /dev/null c 1 3; mknod /dev/urandom c 1 9",
}


@needs_mounts
@pytest.mark.parametrize("how", WITHOUT_SEMAPHORES)
def test_without_shared_memory(library: Library, how: str) -> None:
    before = {path: dict(row) for path, row in tracks(library.home).items()}
    line = f"{WITHOUT_SEMAPHORES[how]}; deepcuts ingest '{library.music}' -j 1"
    assert_plain(*in_bash(line, library.home, "unshare", "-m"))
    assert_goes_on(library, before)


def test_a_clock_that_is_wrong_loses_nothing(library: Library) -> None:
    """Files of the future, and of before all time."""
    os.utime(library.music / NEW, (0, 0))
    report = library.ingest()
    assert report["analysed"] == 1
    os.utime(library.music / NEW, (2**33, 2**33))
    assert counts(library.ingest())["retagged"] == 1
    assert counts(library.ingest()) == {"found": len(support.SONGS) + 1, "unchanged": len(support.SONGS) + 1}
