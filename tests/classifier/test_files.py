"""Files and folders that are replaced: whichever call fails, the old one stays, alone."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from classifier.files import replace_file, replace_folder, sync, whole_file


def failing(error: int, after: int = 0) -> Callable[..., None]:
    """Return a call that does nothing so many times, and fails then."""
    left = iter(range(after))

    def call(*_arguments: object, **_more: object) -> None:
        if next(left, None) is None:
            raise OSError(error, os.strerror(error))

    return call


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"old", b"new"):
        replace_file(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("call", "error"), [("fsync", errno.EIO), ("replace", errno.EACCES)])
def test_where_a_call_fails_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing(error))
        with pytest.raises(OSError, match=os.strerror(error)):
            replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_told_is_why_it_could_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that what was begun could not be taken away."""
    monkeypatch.setattr(os, "replace", failing(errno.EIO))
    monkeypatch.setattr(Path, "unlink", failing(errno.EACCES))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        replace_file(tmp_path / "file", b"new")


def test_a_folder_that_cannot_be_synced_undoes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(errno.EINVAL, after=1))
    replace_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("error", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_where_no_file_can_be_synced_it_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    monkeypatch.setattr(os, "fsync", failing(error))
    replace_file(tmp_path / "file", b"new")
    sync(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_whatever_ends_the_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def folder(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "file").write_text(content)
    return path


def test_a_folder_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "target"
    for content in ("old", "new"):
        replace_folder(folder(tmp_path / "part", content), target)
        assert (target / "file").read_text() == content
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("nth", [1, 2])
def test_where_a_folder_cannot_be_replaced_the_old_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    target, part = folder(tmp_path / "target", "old"), folder(tmp_path / "part", "new")
    replace, calls = os.replace, iter(range(1, 10))

    def failing_once(old: Path, new: Path) -> None:
        if next(calls) == nth:
            raise OSError(errno.EACCES, "Permission denied")
        replace(old, new)

    monkeypatch.setattr(os, "replace", failing_once)
    with pytest.raises(OSError, match="Permission denied"):
        replace_folder(part, target)
    assert (target / "file").read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [part, target]


def test_a_folder_that_cannot_even_be_put_back_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, part = folder(tmp_path / "target", "old"), folder(tmp_path / "part", "new")
    replace, calls = os.replace, iter(range(10))
    monkeypatch.setattr(
        os, "replace", lambda old, new: failing(errno.EIO)() if next(calls) else replace(old, new)
    )
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        replace_folder(part, target)
    assert [p.read_text() for p in tmp_path.glob(".old-*/file")] == ["old"]


def test_what_a_killed_process_left_of_a_file_goes_when_it_is_written_again(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, names = tmp_path / f".file.part-{ended.pid}", (".file.part-", ".file.part-x", ".other.part-1")
    for name in (left.name, f".file.part-{os.getppid()}", *names):
        (tmp_path / name).write_bytes(b"half")
    replace_file(tmp_path / "file", b"new")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["file", f".file.part-{os.getppid()}", *names]
    )
