"""A home is its owner's alone: new ones from the beginning, older ones from the first command on."""

import os
import stat
from pathlib import Path

import pytest

from recommender import private
from recommender.private import CONTENTS, OTHERS, close_to_others
from tests.recommender.support import Library, deepcuts_here, write_song

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
            ran = deepcuts_here(home, *command)
            assert ran.code == 0, ran.err
            assert REMARK not in ran.err
    finally:
        os.umask(before)
    found = modes(home)
    assert {"catalog.sqlite", "index", "bundles/active", "cache/features", "writer.lock"} <= set(found)
    assert open_to_others(home) == []


def test_an_older_home_is_closed_once_with_a_line(quick_library: Library) -> None:
    home = quick_library.home
    open_all(home)
    n_open = len(open_to_others(home)) - 1

    first = quick_library.run("status")
    second = quick_library.run("status")

    line = f"{home} {REMARK} ({n_open} of its files and folders); now only by you\n"
    assert (first.code, first.err) == (0, line)
    assert (second.code, second.err) == (0, "")
    assert open_to_others(home) == []
    assert first.out == second.out


def test_a_folder_with_other_things_in_it_is_left_as_it_is(quick_library: Library) -> None:
    home = quick_library.home
    theirs = [home / "notes.txt", home / "cache" / "of another program", home / "photos" / "index" / "1.jpg"]
    for path in theirs:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("theirs")
    outside = quick_library.music / "rock"
    (home / "bundles" / "bundle-link").symlink_to(outside)
    open_all(home)
    outside.chmod(0o755)

    assert REMARK in quick_library.run("status").err
    assert quick_library.run("status").err == ""

    expected = {".", "cache", "notes.txt", "cache/of another program", "photos", "photos/index"}
    assert set(open_to_others(home)) == expected | {"photos/index/1.jpg"}
    assert stat.S_IMODE(outside.stat().st_mode) == 0o755


def test_an_empty_folder_is_closed_without_a_word(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    ran = deepcuts_here(home, "status")
    assert "is empty" in ran.err and REMARK not in ran.err
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_files_that_nobody_could_reach_are_closed_without_a_word(quick_library: Library) -> None:
    open_all(quick_library.home)
    quick_library.home.chmod(0o700)
    assert close_to_others(quick_library.home) is None
    assert open_to_others(quick_library.home) == []


def test_a_file_system_that_knows_no_rights_is_no_error(
    quick_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_all(quick_library.home)
    monkeypatch.setattr(private.os, "chmod", lambda *_: None)
    assert close_to_others(quick_library.home) is None

    def refuse(*_: object) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(private.os, "chmod", refuse)
    assert close_to_others(quick_library.home) is None
    ran = quick_library.run("status")
    assert (ran.code, ran.err) == (0, "")


def test_little_is_looked_at_where_nothing_is_to_be_done(
    quick_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = quick_library.home

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


def test_a_catalogue_that_is_linked_to_is_closed_too(quick_library: Library) -> None:
    elsewhere = quick_library.music.parent / "disk" / "their name.sqlite"
    elsewhere.parent.mkdir()
    (quick_library.home / "catalog.sqlite").rename(elsewhere)
    (quick_library.home / "catalog.sqlite").symlink_to(elsewhere)
    open_all(quick_library.home)
    elsewhere.chmod(0o644)
    assert close_to_others(quick_library.home) is not None
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600
    assert close_to_others(quick_library.home) is None


def test_what_belongs_to_another_user_is_left_alone(
    quick_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_all(quick_library.home)
    monkeypatch.setattr(private.os, "geteuid", lambda: 12345)
    assert close_to_others(quick_library.home) is None
    assert "catalog.sqlite" in open_to_others(quick_library.home)


def test_all_that_a_home_holds_is_known(quick_library: Library) -> None:
    names = {entry.name for entry in quick_library.home.iterdir()}
    open_all(quick_library.home)
    assert quick_library.home in private.loose(quick_library.home), names
    assert set(CONTENTS) - {"", "evaluation"} <= names
