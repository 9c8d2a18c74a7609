"""``export`` and ``import``: labels out of a catalogue, and into another."""

import csv
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from recommender import params
from tests.recommender.support import SONGS, Library, query, tracks

N = len(SONGS)
LABELS = {
    "rock/alpha.mp3": ("Rock", "folders", "rock/a"),
    "rock/beta.flac": ('Röck ☃, "loud"; \r\n und leise', "csv", 'A "group", or\nso'),
    "jazz/delta.wav": ("Jazz", "names", None),
    "jazz/epsilon.opus": ("Jazz", "tags", None),
}
KINDS = pytest.mark.parametrize("ending", [".csv", ".jsonl"])


@pytest.fixture
def library(ingested: Library, tmp_path: Path) -> Library:
    """The small library, a part of it labelled."""
    made = ingested.clone(tmp_path / "one")
    for name, (label, source, group) in LABELS.items():
        values = (label, source, group, os.fsencode(name))
        sql = "UPDATE track SET label = ?, label_source = ?, label_group = ? WHERE rel_path = ?"
        query(made.home, sql, *values)
    return made


def labels(library: Library) -> dict[str, tuple[Any, ...]]:
    rows = tracks(library.home)
    return {path: tuple(row[f"label{x}"] for x in ("", "_source", "_group")) for path, row in rows.items()}


def export(library: Library, ending: str) -> Path:
    path = library.home.parent / f"labels{ending}"
    ran = library.run("export", "-o", path)
    assert (ran.code, ran.out, ran.err) == (0, "", f"{len(tracks(library.home))} tracks written to {path}\n")
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in data.decode().splitlines()]
    text = io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")
    return [{k: v or None for k, v in row.items()} for row in csv.DictReader(text)]


def odd(library: Library) -> None:
    """Give two files names that are no UTF-8, or take several lines."""
    music = os.fsencode(library.music)
    os.rename(library.music / "rock/alpha.mp3", music + b'/rock/\xff\xfe, "x"\n.mp3')
    os.rename(library.music / "rock/beta.flac", music + b"/rock/a\r\nb\rc.flac")
    library.ingest()


@KINDS
@pytest.mark.databases("sqlite", "postgresql")
def test_round_trip_into_another_catalogue(
    library: Library, ingested: Library, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd(library)
    monkeypatch.setattr(params, "TAGGED_TOGETHER", 3)
    exported = export(library, ending)
    assert len(rows_of(exported)) == N
    other = ingested.clone(tmp_path / "two")
    assert {label for label, _, _ in labels(other).values()} == {None}
    ran = other.run("import", exported, "--json")
    assert ran.code == 0
    told = ran.json
    assert (told["lines"], told["matched"], told["tracks"], told["changed"]) == (N, N, N, len(LABELS))
    assert {path: found for path, found in labels(other).items() if found[0]} == {
        str(other.music / name): found for name, found in LABELS.items()
    }
    again = other.run("import", exported, "--json").json
    assert again["changed"] == 0

    columns = ("content_hash", "label", "label_source", "label_group", "genre", "confidence", "artist")
    first, second = (
        sorted([str(row[name]) for name in columns] for row in rows_of(path))
        for path in (exported, export(other, ending))
    )
    assert first == second


def test_both_kinds_say_the_same_and_agree_with_tag(library: Library) -> None:
    odd(library)
    by_csv, by_json = (rows_of(export(library, ending)) for ending in (".csv", ".jsonl"))
    listed = {item["track_id"]: item for item in library.run("tag", "--json").json}
    ids = {path: row["id"] for path, row in tracks(library.home).items()}
    for one, two in zip(by_csv, by_json, strict=True):
        item = listed[ids[two["path"]]]
        assert {name: two[name] for name in ("path", "artist", "genre", "confidence", "facets", "tags")} == {
            name: item[name] for name in ("path", "artist", "genre", "confidence", "facets", "tags")
        }
        for name in ("path", "content_hash", "label", "label_source", "label_group", "genre"):
            assert one[name] == two[name]
        assert one["missing"] is None
        assert (one["file_genres"] or "") == "; ".join(two["file_genres"])
    paths = [os.fsencode(row["path"]) for row in by_json]
    assert any(b"\xff\xfe" in path for path in paths)


def test_files_that_are_gone_or_failed_are_there_too(library: Library) -> None:
    os.remove(library.music / "jazz/delta.wav")
    (library.music / "bad.mp3").write_text("no audio")
    library.ingest(code=3)
    rows = {os.path.basename(row["path"]): row for row in rows_of(export(library, ".jsonl"))}
    assert rows["delta.wav"]["missing"] is True
    assert rows["delta.wav"]["label"] == "Jazz"
    assert rows["bad.mp3"]["error"]["kind"] == "not_audio"
    assert len(rows) == N + 1


def test_moved_files_are_found_by_their_audio_and_copies_by_their_path(library: Library) -> None:
    shutil.copy(library.music / "kappa.flac", library.music / "copy.flac")
    library.ingest()
    exported = export(library, ".csv")
    rows = rows_of(exported)
    for row in rows:
        if row["path"].endswith(("kappa.flac", "copy.flac")):
            row["label"] = os.path.basename(row["path"])
    write_csv(exported, rows)
    (library.music / "rock/alpha.mp3").rename(library.music / "moved.mp3")
    library.ingest()
    query(library.home, "UPDATE track SET label = NULL")
    assert library.run("import", exported).code == 0
    found = {os.path.basename(path): label for path, (label, _, _) in labels(library).items()}
    assert (found["kappa.flac"], found["copy.flac"], found["moved.mp3"]) == (
        "kappa.flac",
        "copy.flac",
        "Rock",
    )


def test_a_line_with_the_path_goes_before_one_of_the_same_audio(library: Library) -> None:
    content = library.row("kappa.flac")["content_hash"]
    table = library.music / "mine.csv"
    table.write_text(f"path,content_hash,label\ngone.flac,{content},Other\nkappa.flac,{content},Own\n")
    ran = library.run("import", table, "--json")
    assert (ran.code, ran.json["matched"], ran.json["changed"]) == (0, 2, 1)
    assert library.row("kappa.flac")["label"] == "Own"


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode("utf-8", "surrogateescape"))


def test_a_table_made_by_hand(library: Library, tmp_path: Path) -> None:
    table = library.music / "mine.csv"
    table.write_text("Path, LABEL \nkappa.flac, Lo-Fi \nnowhere.mp3,Pop\nrock/alpha.mp3,\n")
    ran = library.run("import", table)
    assert ran.code == 3
    assert ran.out == "2 of 3 lines speak of 2 tracks; 1 label changed.\n"
    assert ran.err == (
        f"Unmatched: line 3: nowhere.mp3: the catalogue has no track at {library.music / 'nowhere.mp3'}\n"
    )
    found = labels(library)
    assert found[str(library.music / "kappa.flac")] == ("Lo-Fi", "csv", None)
    assert found[str(library.music / "rock/alpha.mp3")] == LABELS["rock/alpha.mp3"]
    ran = library.run("import", table, "--remove")
    assert ran.out == "2 of 3 lines speak of 2 tracks; 1 label changed, 1 of them removed.\n"
    assert labels(library)[str(library.music / "rock/alpha.mp3")] == (None, None, None)


BAD_CSV = "path,label,label_source,content_hash\n"
BAD = {
    "columns.csv": ("path,genre\na,b\n", "needs the columns label"),
    "empty.csv": ("", "needs the columns label"),
    "cells.csv": (BAD_CSV + "kappa.flac,X,,\nb,c\n,Y,,\n", "line 3: it has 2 columns instead of 4; line 4"),
    "quote.csv": (BAD_CSV + 'kappa.flac,X,,\n"b', "line 3"),
    "source.csv": (BAD_CSV + "kappa.flac,X,guess,\n", "line 2: label_source 'guess' is none of"),
    "hash.csv": (BAD_CSV + "kappa.flac,X,,XYZ\n", "line 2: 'XYZ' is no content_hash"),
    "twice.csv": (BAD_CSV + "kappa.flac,X,,\nkappa.flac,Y,,\n", "line 2: lines 2, 3 disagree"),
    "several.csv": (BAD_CSV + '"a\nb",X,,\n,Z,,\n', "line 4: it has neither"),
    "json.jsonl": ('{"path": "kappa.flac", "label": "X"}\n{"path"\n[1]\n', "line 2: it is no JSON"),
    "list.jsonl": ('{"path": "kappa.flac", "label": "X"}\n[1]\n', "line 2: it is no JSON object"),
    "type.jsonl": ('\n{"path": "kappa.flac", "label": 5}\n', "line 2: its label is no text"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_named_and_nothing_is_imported(library: Library, name: str) -> None:
    text, message = BAD[name]
    (library.music / name).write_text(text)
    before = labels(library)
    ran = library.run("import", library.music / name)
    assert (ran.code, ran.out) == (1, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert labels(library) == before


@pytest.mark.parametrize(
    "arguments", [("export",), ("export", "-o", "x.txt"), ("import", "cli.py")], ids=" ".join
)
def test_wrong_usage(library: Library, arguments: tuple[str, ...]) -> None:
    ran = library.run(*arguments)
    assert (ran.code, ran.out) == (2, "")


def test_what_cannot_be_written_is_one_plain_line(library: Library, tmp_path: Path) -> None:
    ran = library.run("export", "-o", tmp_path / "nowhere/labels.csv")
    assert (ran.code, ran.out) == (1, "")
    assert (
        ran.err == f"deepcuts: {tmp_path}/nowhere/labels.csv cannot be written: No such file or directory\n"
    )
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    assert library.run("export", "-o", folder).code == 1
    assert [path.name for path in tmp_path.glob(".*")] == []
