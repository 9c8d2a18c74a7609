"""What commands print for people holds no control characters, and no value that is none."""

import csv
import io
import os
import re
from pathlib import Path
from typing import Any

import pytest

from recommender.labels.table import as_csv
from tests.recommender.support import Library, query

EVIL = "\x1b[2J\x1b]0;title\x07\x9b31m\r"
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@pytest.fixture(scope="module")
def library(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The small library, whose names, labels and reasons would take a terminal over."""
    made = ingested.clone(tmp_path_factory.mktemp("evil"))
    os.rename(made.music / "kappa.flac", made.music / f"kappa{EVIL}.flac")
    (made.music / f"bad{EVIL}.mp3").write_text("not audio")
    made.ingest(code=3)
    query(made.home, "UPDATE track SET title = title || ?, artist = artist || ?, label = ?", *[EVIL] * 3)
    query(made.home, "UPDATE track SET error_message = ? WHERE error_kind IS NOT NULL", f"odd {EVIL}")
    return made


def commands(library: Library, folder: Path) -> dict[str, tuple[Any, ...]]:
    table = folder / "plays.csv"
    table.write_text(f"path,plays\nnowhere{EVIL.strip()}.mp3,3\n")
    labels = folder / "labels.csv"
    labels.write_text(f"path,label\nnowhere{EVIL.strip()}.mp3,x{EVIL.strip()}\n")
    names = folder / "names.csv"
    names.write_text(f"label,name\nmetal{EVIL.strip()},x\n")
    alpha = library.music / "rock/alpha.mp3"
    evil = library.music / f"kappa{EVIL}.flac"
    return {
        "tag": ("tag",),
        "tag dry run": ("tag", "--dry-run", "--overwrite", "--min-confidence", "0", "--map", names),
        "status": ("status",),
        "failures": ("failures",),
        "similar": ("similar", alpha),
        "similar to it": ("similar", evil),
        "why": ("why", alpha, evil),
        "find": ("find", "rock"),
        "duplicates": ("duplicates",),
        "classify": ("classify", evil, library.music / f"bad{EVIL}.mp3"),
        "plays": ("plays", "import", table),
        "top": ("plays", "top"),
        "import": ("import", labels),
        "export": ("export", "-o", folder / f"x{EVIL}.csv"),
        "ingest": ("ingest", library.music),
        "check": ("check",),
        "no such song": ("similar", f"nothing{EVIL}"),
    }


NAMES = (
    *("tag", "tag dry run", "status", "failures", "similar", "similar to it", "why", "find", "duplicates"),
    *("classify", "plays", "top", "import", "export", "ingest", "check", "no such song"),
)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_is_printed_takes_a_terminal_over(library: Library, tmp_path: Path, name: str) -> None:
    ran = library.run(*commands(library, tmp_path)[name])
    said = ran.out + ran.err
    assert said.strip()
    found = CONTROLS.search(said.replace("\r\n", "\n"))
    assert found is None, said[max(0, found.start() - 100) : found.end() + 100]
    assert "None" not in said


def test_a_listing_for_programs_keeps_names_as_they_are(library: Library, tmp_path: Path) -> None:
    path = str(library.music / f"kappa{EVIL}.flac")
    listed = {row["path"] for row in library.run("tag", "--json").json}
    assert path in listed
    library.run("tag", "-o", tmp_path / "x.csv")
    with open(tmp_path / "x.csv", encoding="utf-8", newline="") as file:
        assert {row["path"] for row in csv.DictReader(file)} == listed
    shown = library.run("tag").out
    assert len(list(csv.DictReader(io.StringIO(shown, newline="")))) == len(listed)
    assert r"kappa\x1b[2J\x1b]0;title\x07\x9b31m\r.flac" in shown


def test_lines_and_tabs_stay_in_a_listing_that_is_shown() -> None:
    row = {"track_id": 1, "path": "a\tb\nc\x1b", "title": "é☃"}
    shown = as_csv([row], shown=True).decode()
    assert '1,"a\tb\nc\\x1b",,é☃' in shown
    assert shown.endswith("\r\n")
    assert as_csv([row]).decode() == shown.replace("\\x1b", "\x1b")


def test_what_is_not_known_is_no_none(library: Library) -> None:
    lines = library.run("status").out.splitlines()
    assert "index recall at 10: –" in lines
    query(library.home, "UPDATE track SET error_message = NULL WHERE error_kind IS NOT NULL")
    assert library.run("failures").out.endswith(
        "bad\\x1b[2J\\x1b]0;title\\x07\\x9b31m\\r.mp3: no reason was kept\n"
    )
    assert ": no reason was kept" in library.run("status").out
