"""``shortlist`` on a real small library, through the command line."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.recommender.support import Library

LONG, SHORT, THIRD = "folk/iota.flac", "rock/beta.flac", "jazz/delta.wav"


def shown(library: Library, name: str = "Dinner scene") -> list[tuple[str, str]]:
    """Return title and note of each song."""
    answer = library.run("shortlist", "show", name, "--json").json
    return [(entry["track"]["title"], entry["note"]) for entry in answer["entries"]]


@pytest.mark.databases("sqlite", "postgresql")
def test_a_shortlist_is_filled_and_changed(library: Library, tmp_path: Path) -> None:
    found = library.run("similar", library.music / SHORT, "-n", "2", "--json")
    (tmp_path / "found.json").write_text(found.out)
    library.run("shortlist", "add", "Dinner scene", library.music / LONG, "delta blues", "--note", "quiet")
    answer = library.run("shortlist", "add", "dinner SCENE", "--from", tmp_path / "found.json", "--json").json
    results = found.json["results"]
    assert [entry["track"]["track_id"] for entry in answer["entries"][2:]] == [r["track_id"] for r in results]
    for entry, result in zip(answer["entries"][2:], results, strict=True):
        names = ("query_start_s", "query_end_s", "match_start_s", "match_end_s", "similarity")
        assert {name: entry[name] for name in names} == {name: result[name] for name in names}
        assert entry["query"]["title"] == "Beta Motion"
    titles = [result["title"] for result in results]
    assert shown(library) == [("Iota", "quiet"), ("Delta Blues", "quiet"), *((title, "") for title in titles)]
    library.run("shortlist", "move", "Dinner scene", 3, 1)
    library.run("shortlist", "note", "Dinner scene", 1, "no voice")
    library.run("shortlist", "remove", "Dinner scene", 2, 4)
    assert shown(library) == [(titles[0], "no voice"), ("Delta Blues", "quiet")]
    library.run("shortlist", "rename", "Dinner scene", "Titles")
    (one,) = library.run("shortlist", "list", "--json").json["shortlists"]
    assert (one["name"], one["songs"]) == ("Titles", 2)
    table = library.run("shortlist", "show", str(one["shortlist_id"]))
    assert "no voice" in table.out and "Café Müller - Delta Blues" in table.out
    assert library.run("shortlist", "delete", "Titles", "--json").json["deleted"]["name"] == "Titles"
    assert library.run("shortlist", "list", "--json").json == {"shortlists": []}


def test_it_is_exported(library: Library, tmp_path: Path) -> None:
    library.run("shortlist", "add", "x", library.music / LONG, library.music / SHORT)

    def exported(name: str, *options: Any, code: int = 0) -> bytes:
        ran = library.run("shortlist", "export", "x", "-o", tmp_path / name, *options)
        assert (ran.code, ran.err == "" or code > 0) == (code, True), ran.err
        return (tmp_path / name).read_bytes()

    rows = list(csv.DictReader(io.StringIO(exported("x.csv").decode("utf-8-sig"))))
    assert [row["path"] for row in rows] == [str(library.music / name) for name in (LONG, SHORT)]
    absolute = exported("x.m3u8", "--absolute").decode().splitlines()
    assert absolute[2::2] == [str(library.music / name) for name in (LONG, SHORT)]
    relative = exported("y.m3u8").decode().splitlines()
    assert [(tmp_path / line).resolve() for line in relative[2::2]] == [
        (library.music / name).resolve() for name in (LONG, SHORT)
    ]
    assert b"<style>" in exported("x.html") and b"Iota" in exported("sheet", "--format", "html")
    with zipfile.ZipFile(io.BytesIO(exported("x.zip", "--audio", "mp3"))) as archive:
        assert archive.namelist() == ["01 Frida - Iota.mp3", "02 Ann Arbor - Beta Motion.mp3"]
    (library.music / SHORT).unlink()
    with zipfile.ZipFile(io.BytesIO(exported("x.zip", code=3))) as archive:
        assert archive.namelist() == ["01 Frida - Iota.flac", "left out.txt"]


def test_mistakes_are_one_line_each(library: Library, tmp_path: Path) -> None:
    library.run("shortlist", "add", "x", library.music / LONG)
    (tmp_path / "no.json").write_text(json.dumps({"results": [{"path": "x"}]}))
    for arguments, said, code in (
        (("show", "y"), "no shortlist is called 'y'; there are: x", 1),
        (("note", "x", 2, "a"), "the shortlist x has no song number 2; it has 1", 1),
        (("add", "x", "nothing of the kind"), "'nothing of the kind' is no file", 1),
        (("add", "x", "a"), "tracks match 'a'", 2),
        (("add", "x"), "name songs", 2),
        (("add", "x", "--from", tmp_path / "no.json"), "this is no list of songs", 1),
        (("export", "x", "-o", tmp_path / "x.doc"), "must end in .csv, .m3u8, .zip, .html", 2),
        (("export", "x", "-o", tmp_path / "none/x.csv"), "cannot be written", 1),
        (("export", "x", "-o", tmp_path / "none/x.zip"), "cannot be written", 1),
    ):
        ran = library.run("shortlist", *arguments)
        assert ran.code == code, arguments
        assert said in " ".join(ran.err.replace("│", " ").split()), arguments
    assert shown(library, "x") == [("Iota", "")]
