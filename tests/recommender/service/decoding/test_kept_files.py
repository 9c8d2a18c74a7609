"""Files that are kept while there is room: whole, private; those not looked at for longest go first."""

import os
import time
from pathlib import Path

import pytest

from recommender.service.decoding.kept_files import KeptFiles


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_is_kept_is_whole_and_private(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "kept", 10**6)
    assert kept.read("a") is None
    kept.keep("a", b"one")
    assert kept.read("a") == b"one"
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "kept" / "a").stat().st_mode & 0o777 == 0o600
    with pytest.raises(RuntimeError), kept.writing("b") as file:
        assert file is not None
        file.write(b"half")
        raise RuntimeError
    assert names(tmp_path / "kept") == {"a"}


def test_of_two_who_write_the_same_one_does(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, 10**6)
    with kept.writing("a") as one, kept.writing("a") as other:
        assert other is None and one is not None
        one.write(b"whole")
    assert kept.read("a") == b"whole"


def test_what_was_not_looked_at_for_longest_goes(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, 10_000)
    for number in range(8):
        kept.keep(str(number), bytes(1000))
        time.sleep(0.002)
    written = (tmp_path / "0").stat().st_mtime_ns
    assert kept.read("0") == bytes(1000)
    assert (tmp_path / "0").stat().st_mtime_ns == written  # by which a player knows it
    for number in range(8, 11):
        time.sleep(0.002)
        kept.keep(str(number), bytes(1000))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000
    assert "0" in names(tmp_path)
    assert not {"1", "2"} & names(tmp_path)
    assert "10" in names(tmp_path)


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    (tmp_path / ".b.part-999999997").write_bytes(bytes(5000))
    (tmp_path / f".c.part-{os.getppid()}").write_bytes(b"is being written")
    KeptFiles(tmp_path, 100).keep("a", b"one")
    assert names(tmp_path) == {"a", f".c.part-{os.getppid()}"}


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    kept = KeptFiles(tmp_path / "file" / "folder", 10**6)
    kept.keep("a", b"one")
    assert kept.read("a") is None
