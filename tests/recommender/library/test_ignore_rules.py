"""What scans leave out by themselves, and by patterns as in a .gitignore file."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.library.ignore_rules import IgnoreRules, compiled, excluding
from recommender.library.scan import ScanNotes, find_files
from tests.recommender.support import Library, counts, tracks


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def found(folder: Path, *exclude: str) -> list[str]:
    rules = excluding(str(folder), exclude)
    return sorted(os.path.relpath(file.path, folder) for file in find_files(str(folder), rules=rules))


@pytest.mark.parametrize(
    "name",
    [
        *("#recycle", "@eaDir", "$RECYCLE.BIN", "$Recycle.Bin", "lost+found", ".Trash-1000", "FOUND.000"),
        *("System Volume Information", "system volume information", ".git", "@Recycle", "#snapshot"),
    ],
)
def test_what_was_thrown_away_is_no_music(tmp_path: Path, name: str) -> None:
    make(tmp_path, f"{name}/a.mp3", f"rock/{name}/b/c.mp3", "rock/d.mp3", "recycle/e.mp3", "found/f.mp3")
    assert found(tmp_path) == ["found/f.mp3", "recycle/e.mp3", "rock/d.mp3"]


def test_a_nomedia_file_hides_its_folder_and_what_is_below(tmp_path: Path) -> None:
    make(tmp_path, "a.mp3", "tones/.nomedia", "tones/b.mp3", "tones/deep/c.mp3", "rock/d.mp3")
    assert found(tmp_path) == ["a.mp3", "rock/d.mp3"]
    make(tmp_path, ".nomedia")
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ("*.mp3\n", ["b.ogg", "x/c.ogg", "x/y/b.ogg"]),
        ("/b.ogg\n", ["a.mp3", "x/a.mp3", "x/c.ogg", "x/y/b.ogg"]),
        ("x/\n", ["a.mp3", "b.ogg"]),
        ("b.ogg/\n", ["a.mp3", "b.ogg", "x/a.mp3", "x/c.ogg", "x/y/b.ogg"]),
        ("**/y\n", ["a.mp3", "b.ogg", "x/a.mp3", "x/c.ogg"]),
        ("# a comment\n\n*.ogg\n!/x/c.ogg\n", ["a.mp3", "x/a.mp3", "x/c.ogg"]),
        ("x/\n!x/c.ogg\n", ["a.mp3", "b.ogg"]),
        ("\ufeff*.ogg\r\n", ["a.mp3", "x/a.mp3"]),
        ("[\n!\n*.ogg\n", ["a.mp3", "x/a.mp3"]),
    ],
)
def test_patterns_are_gits(tmp_path: Path, lines: str, left: list[str]) -> None:
    make(tmp_path, "a.mp3", "b.ogg", "x/a.mp3", "x/c.ogg", "x/y/b.ogg")
    (tmp_path / ".deepcutsignore").write_text(lines, newline="")
    assert found(tmp_path) == left


def test_patterns_further_down_count_more_and_the_command_line_most(tmp_path: Path) -> None:
    make(tmp_path, "a.mp3", "a.ogg", "x/a.mp3", "x/a.ogg", "x/y/a.mp3")
    (tmp_path / ".deepcutsignore").write_text("*.mp3\n")
    (tmp_path / "x" / ".deepcutsignore").write_text("!*.mp3\n/a.ogg\n")
    assert found(tmp_path) == ["a.ogg", "x/a.mp3", "x/y/a.mp3"]
    assert found(tmp_path, "/x/y", "*.ogg") == ["x/a.mp3"]
    assert found(tmp_path, "!a.mp3") == ["a.mp3", "a.ogg", "x/a.mp3", "x/y/a.mp3"]


def test_notes_say_what_was_left_out_and_passed_over(tmp_path: Path) -> None:
    make(
        tmp_path,
        "a.mp3",
        "b.JPG",
        "c.jpg",
        "README",
        "x/d.mp3",
        "x/e.txt",
        "f.ogg",
        ".g.mp3",
        "h.a long ending",
    )
    notes = ScanNotes()
    paths = [file.path for file in find_files(str(tmp_path), notes, excluding(str(tmp_path), ["x", "*.ogg"]))]
    assert paths == [str(tmp_path / "a.mp3")]
    assert notes.left_out == {str(tmp_path / name) for name in ("x", "f.ogg", ".g.mp3")}
    assert notes.passed_over == {".jpg": 2, "": 2}


def test_patterns_that_cannot_be_read_hide_the_folder_and_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a.mp3", "x/.deepcutsignore", "x/b.mp3")
    within = IgnoreRules.within

    def failing(self: IgnoreRules, folder: str, names: set[str]) -> IgnoreRules:
        if folder.endswith("x"):
            raise PermissionError(13, "Permission denied", os.path.join(folder, ".deepcutsignore"))
        return within(self, folder, names)

    monkeypatch.setattr(IgnoreRules, "within", failing)
    notes = ScanNotes()
    assert [file.path for file in find_files(str(tmp_path), notes)] == [str(tmp_path / "a.mp3")]
    assert list(notes.unlisted) == [str(tmp_path / "x")]


@given(st.lists(st.text(max_size=12), max_size=5))
def test_any_lines_can_be_patterns(lines: list[str]) -> None:
    spec = compiled(lines)
    assert spec is None or spec.check_file("some/file.mp3").include in (True, False, None)


def test_what_is_excluded_goes_missing_and_comes_back(library: Library) -> None:
    n = len(tracks(library.home))
    report = library.ingest(library.music, "--exclude", "folk/")
    gone = sum(row["missing"] for row in tracks(library.home).values())
    assert (report["missing"], report["analysed"]) == (gone, 0)
    assert gone == sum("/folk/" in path for path in tracks(library.home))
    assert counts(library.ingest()) == {"found": n, "unchanged": n}
    assert not any(row["missing"] for row in tracks(library.home).values())


def test_a_pattern_that_is_none_is_refused(library: Library) -> None:
    ran = library.run("ingest", library.music, "--exclude", "# nothing")
    assert ran.code == 2
    assert "is no pattern" in ran.err


def test_failures_are_tried_again_when_asked(library: Library) -> None:
    n = len(tracks(library.home))
    (library.music / "broken.mp3").write_bytes(b"nothing" * 99)
    assert len(library.ingest(code=3)["failed"]) == 1
    assert counts(library.ingest()) == {"found": n + 1, "unchanged": n, "known_failures": 1}
    again = library.ingest(library.music, "--retry", code=3)
    assert counts(again) == {"found": n + 1, "unchanged": n, "failed": 1}
    assert [os.path.basename(row["path"]) for row in again["failed"]] == ["broken.mp3"]
