"""A home is its owner's alone: new ones from the beginning, older ones from the first command on."""

import errno
import os
import stat
from pathlib import Path

import pytest

from recommender import private
from recommender.home import Home
from recommender.private import CONTENTS, OTHERS, close_to_others
from tests.recommender.support import Library, deepcuts, write_song

REMARK = "could be read by others"


def modes(folder: Path) -> dict[str, int]:
    """Return the permissions of a folder and of all that is in it, by paths in it."""
    paths = [folder, *folder.rglob("*")]
    return {str(p.relative_to(folder)): stat.S_IMODE(p.lstat().st_mode) for p in paths if not p.is_symlink()}


def open_to_others(folder: Path) -> list[str]:
    return [name for name, mode in modes(folder).items() if mode & OTHERS]


def open_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_whatever_is_written_into_a_home(tmp_path: Path) -> None:
    for number in range(4):
        write_song(tmp_path / "music" / "ab"[number % 2] / f"{number}.flac", number)
    home = tmp_path / "home"
    before = os.umask(0)
    try:
        for command in (
            ("ingest", tmp_path / "music", "--labels", "folders", "--jobs", "1"),
            ("train",),
            ("similar", "1"),
            ("train", tmp_path / "music", "--jobs", "1"),
        ):
            ran = deepcuts(home, *command)
            assert ran.code == 0, ran.err
            assert REMARK not in ran.err
    finally:
        os.umask(before)
    found = modes(home)
    assert {"catalog.sqlite", "index", "bundles/active", "cache/features", "writer.lock"} <= set(found)
    assert open_to_others(home) == []


def test_an_older_home_is_closed_once_with_a_line(library: Library) -> None:
    home = library.home
    open_all(home)
    n_open = len(open_to_others(home)) - 1

    first = library.run("status")
    second = library.run("status")

    line = f"{home} {REMARK} ({n_open} of its files and folders); now only by you\n"
    assert (first.code, first.err) == (0, line)
    assert (second.code, second.err) == (0, "")
    assert open_to_others(home) == []
    assert first.out == second.out


def test_a_folder_with_other_things_in_it_is_left_as_it_is(library: Library) -> None:
    home = library.home
    theirs = [home / "notes.txt", home / "cache" / "of another program", home / "photos" / "index" / "1.jpg"]
    for path in theirs:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("theirs")
    outside = library.music / "rock"
    (home / "bundles" / "bundle-link").symlink_to(outside)
    open_all(home)
    outside.chmod(0o755)

    assert REMARK in library.run("status").err
    assert library.run("status").err == ""

    expected = {".", "cache", "notes.txt", "cache/of another program", "photos", "photos/index"}
    assert set(open_to_others(home)) == expected | {"photos/index/1.jpg"}
    assert stat.S_IMODE(outside.stat().st_mode) == 0o755


def test_an_empty_folder_is_closed_without_a_word(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    ran = deepcuts(home, "status")
    assert "is empty" in ran.err and REMARK not in ran.err
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_files_that_nobody_could_reach_are_closed_without_a_word(library: Library) -> None:
    open_all(library.home)
    library.home.chmod(0o700)
    assert close_to_others(library.home) is None
    assert open_to_others(library.home) == []


def test_a_file_system_that_knows_no_rights_is_no_error(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_all(library.home)
    monkeypatch.setattr(private.os, "chmod", lambda *_: None)
    assert close_to_others(library.home) is None

    def refuse(*_: object) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(private.os, "chmod", refuse)
    assert close_to_others(library.home) is None
    ran = library.run("status")
    assert (ran.code, ran.err) == (0, "")


def test_little_is_looked_at_where_nothing_is_to_be_done(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = library.home

    def refuse(_home: Path) -> list[Path]:
        raise AssertionError("all files are looked at")

    (home / "theirs.txt").touch()
    open_all(home)
    assert close_to_others(home) is not None
    monkeypatch.setattr(private, "loose", refuse)
    assert stat.S_IMODE(home.stat().st_mode) == 0o755  # with something else in it
    assert close_to_others(home) is None
    (home / "theirs.txt").unlink()
    monkeypatch.setattr(private.os, "chmod", lambda *_: None)
    assert close_to_others(home) is None


def test_a_catalogue_that_is_linked_to_is_closed_too(library: Library) -> None:
    elsewhere = library.music.parent / "disk" / "their name.sqlite"
    elsewhere.parent.mkdir()
    (library.home / "catalog.sqlite").rename(elsewhere)
    (library.home / "catalog.sqlite").symlink_to(elsewhere)
    open_all(library.home)
    elsewhere.chmod(0o644)
    assert close_to_others(library.home) is not None
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600
    assert close_to_others(library.home) is None


def test_what_belongs_to_another_user_is_left_alone(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_all(library.home)
    monkeypatch.setattr(private.os, "geteuid", lambda: 12345)
    assert close_to_others(library.home) is None
    assert "catalog.sqlite" in open_to_others(library.home)


def test_all_that_a_home_holds_is_known(library: Library) -> None:
    names = {entry.name for entry in library.home.iterdir()}
    open_all(library.home)
    assert library.home in private.loose(library.home), names
    assert set(CONTENTS) - {"", "evaluation"} <= names


def test_a_file_system_without_permissions_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object, **_more: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    for name in ("chmod", "fchmod", "chown", "fchown"):
        monkeypatch.setattr(os, name, refused)
    home = Home(tmp_path / "home")
    with home.writer_lock():
        home.catalog().close()
    assert (tmp_path / "home" / "writer.lock").stat().st_mode & 0o077 == 0


def test_what_is_no_folder_stays_open(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"  # as a device, such as /dev/null
    os.mkfifo(pipe)
    pipe.chmod(0o666)
    assert close_to_others(pipe) is None
    assert stat.S_IMODE(pipe.stat().st_mode) == 0o666
