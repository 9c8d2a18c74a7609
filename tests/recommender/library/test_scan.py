"""Which files a scan finds, in which order, and what it does not trip over."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.library.scan import FoundFile, ScanNotes, find_files, look_at


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def found(folder: Path) -> list[str]:
    return [os.path.relpath(file.path, folder) for file in find_files(str(folder))]


def test_audio_files_of_any_case_sorted_within_each_folder(tmp_path: Path) -> None:
    make(
        tmp_path,
        "b.mp3",
        "A.MP3",
        "c.FlaC",
        "a/z.ogg",
        "a/b/y.Opus",
        "c/x.m4a",
        "cover.jpg",
        "list.m3u",
        "mp3",
    )
    assert found(tmp_path) == ["A.MP3", "b.mp3", "c.FlaC", "a/z.ogg", "a/b/y.Opus", "c/x.m4a"]


@pytest.mark.parametrize(
    "extension", ["mp3", "flac", "ogg", "opus", "m4a", "aac", "wav", "aiff", "aif", "wma", "ape", "wv"]
)
def test_every_promised_format_is_found(tmp_path: Path, extension: str) -> None:
    make(tmp_path, f"a.{extension}", f"B.{extension.upper()}")
    assert found(tmp_path) == [f"B.{extension.upper()}", f"a.{extension}"]


def test_names_that_begin_with_a_dot_are_skipped(tmp_path: Path) -> None:
    make(tmp_path, ".a.mp3", ".hidden/b.mp3", "shown/.c.mp3", "shown/._d.mp3", "shown/e.mp3", "a/.git/f.mp3")
    assert found(tmp_path) == ["shown/e.mp3"]


def test_a_dot_in_the_folder_that_is_named_does_not_hide_it(tmp_path: Path) -> None:
    make(tmp_path, ".music/a.mp3")
    assert found(tmp_path / ".music") == ["a.mp3"]


def test_size_and_time_are_those_of_the_file(tmp_path: Path) -> None:
    make(tmp_path, "a.mp3")
    os.utime(tmp_path / "a.mp3", ns=(5, 1_234_567_890_123_456_789))
    assert list(find_files(str(tmp_path))) == [
        FoundFile(str(tmp_path / "a.mp3"), 5, 1_234_567_890_123_456_789)
    ]


def test_linked_file_is_found_under_its_link_with_the_size_of_its_target(tmp_path: Path) -> None:
    make(tmp_path, "else/long name.mp3", "music/a.mp3")
    (tmp_path / "music/link.mp3").symlink_to(tmp_path / "else/long name.mp3")
    files = list(find_files(str(tmp_path / "music")))
    assert [(os.path.basename(f.path), f.size) for f in files] == [("a.mp3", 11), ("link.mp3", 18)]


def test_symlink_loops_end(tmp_path: Path) -> None:
    make(tmp_path, "a/b/x.mp3", "a/y.mp3")
    (tmp_path / "a/b/up").symlink_to(tmp_path / "a")
    (tmp_path / "a/b/top").symlink_to(tmp_path)
    (tmp_path / "a/self").symlink_to(".")
    assert found(tmp_path) == ["a/y.mp3", "a/b/x.mp3"]


def test_folder_reached_by_two_links_is_visited_once(tmp_path: Path) -> None:
    make(tmp_path, "else/x.mp3", "music/a.mp3")
    for name in ("one", "two"):
        (tmp_path / "music" / name).symlink_to(tmp_path / "else")
    assert len(found(tmp_path / "music")) == 2
    assert found(tmp_path / "music")[0] == "a.mp3"
    assert found(tmp_path / "music")[1] in ("one/x.mp3", "two/x.mp3")


def test_folder_and_a_link_to_it_is_found_under_its_own_name(tmp_path: Path) -> None:
    make(tmp_path, "real/x.mp3", "z/real/y.mp3")
    (tmp_path / "a link").symlink_to(tmp_path / "real")
    (tmp_path / "b link").symlink_to(tmp_path / "z")
    assert sorted(found(tmp_path)) == ["real/x.mp3", "z/real/y.mp3"]


def test_links_within_linked_folders_are_followed(tmp_path: Path) -> None:
    make(tmp_path, "disk/x.mp3", "other/y.mp3", "music/a.mp3")
    (tmp_path / "disk/more").symlink_to(tmp_path / "other")
    (tmp_path / "music/disk").symlink_to(tmp_path / "disk")
    assert found(tmp_path / "music") == ["a.mp3", "disk/x.mp3", "disk/more/y.mp3"]


def test_broken_link_is_reported_without_a_size(tmp_path: Path) -> None:
    (tmp_path / "gone.mp3").symlink_to(tmp_path / "nowhere.mp3")
    (tmp_path / "gone folder").symlink_to(tmp_path / "nowhere")
    assert list(find_files(str(tmp_path))) == [FoundFile(str(tmp_path / "gone.mp3"), -1, -1)]
    assert look_at(str(tmp_path / "gone.mp3")) == FoundFile(str(tmp_path / "gone.mp3"), -1, -1)


def test_a_link_to_itself_does_not_stop_the_scan(tmp_path: Path) -> None:
    make(tmp_path, "a.mp3", "z.mp3")
    (tmp_path / "loop.mp3").symlink_to("loop.mp3")
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    assert found(tmp_path) == ["a.mp3", "loop.mp3", "z.mp3"]
    assert [f.size for f in find_files(str(tmp_path))] == [5, -1, 5]


def test_a_folder_is_not_a_file_whatever_its_name(tmp_path: Path) -> None:
    make(tmp_path, "album.mp3/a.mp3")
    assert found(tmp_path) == ["album.mp3/a.mp3"]


def test_pipes_and_sockets_are_ignored(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp3")
    make(tmp_path, "a.mp3")
    assert found(tmp_path) == ["a.mp3"]


def test_a_link_to_a_pipe_is_ignored_too(tmp_path: Path) -> None:
    """Opening one would wait for ever for somebody to write into it."""
    os.mkfifo(tmp_path / "pipe")
    make(tmp_path, "a.mp3")
    (tmp_path / "link.mp3").symlink_to("pipe")
    assert found(tmp_path) == ["a.mp3"]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert found(tmp_path / "nowhere") == []


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@given(
    raw=st.binary(min_size=1, max_size=30).map(
        lambda b: b.replace(b"\0", b"0").replace(b"/", b"~").lstrip(b".") or b"x"
    )
)
def test_any_name_of_bytes_is_found_under_that_name(scratch: Path, raw: bytes) -> None:
    folder = os.fsencode(scratch) + b"/\xffdir"
    os.makedirs(folder, exist_ok=True)
    path = folder + b"/" + raw + b".mp3"
    with open(path, "wb"):
        pass
    try:
        assert [os.fsencode(file.path) for file in find_files(os.fsdecode(folder))] == [path]
    finally:
        os.unlink(path)


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bad/a.mp3", "good/b.mp3"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    listed = os.scandir

    def failing(path: str) -> object:
        if path.endswith("bad"):
            raise OSError(errno.EIO, "Input/output error", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", failing)
    notes = ScanNotes()
    found = [file.path for file in find_files(str(tmp_path), notes)]
    assert found == [str(tmp_path / "good" / "b.mp3")]
    assert {path: e.errno for path, e in notes.unlisted.items()} == {str(tmp_path / "bad"): errno.EIO}
    notes.unlisted.clear()
    assert list(find_files(str(tmp_path / "none"), notes)) == []
    assert notes.unlisted == {}
