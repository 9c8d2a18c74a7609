"""``tag``: a whole library as CSV or JSON."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.recommender import support
from tests.recommender.support import Library, counts, query, tracks

N = len(support.SONGS)


@pytest.fixture(scope="module")
def library(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The small library, a failed file of an odd name, one that was good before, and a missing one."""
    made = ingested.clone(tmp_path_factory.mktemp("tag"))
    (made.music / 'odd, "name"\n.mp3').write_text("not audio")
    (made.music / "rock/gamma.ogg").write_text("not audio any more")
    os.remove(made.music / "kappa.flac")
    assert counts(made.ingest(code=3)) == {"found": N, "unchanged": N - 2, "missing": 1, "failed": 2}
    return made


@pytest.fixture(scope="module")
def listed(library: Library) -> Any:
    ran = library.run("tag", "--json")
    assert (ran.code, ran.err) == (3, "")
    return ran.json


def test_every_present_track_is_listed_by_path(library: Library, listed: Any) -> None:
    rows = {path: row for path, row in tracks(library.home).items() if not row["missing"]}
    assert [item["path"] for item in listed] == sorted(rows)
    for item in listed:
        row = rows[item["path"]]
        assert (item["track_id"], item["title"], item["artist"]) == (row["id"], row["title"], row["artist"])


def test_genres_agree_with_classify(library: Library, listed: Any) -> None:
    by_path = {item["path"]: item for item in listed}
    files = [library.music / "folk/iota.flac", library.music / "rock/alpha.mp3"]
    for answer in library.run("classify", *files, "--json").json:
        item = by_path[answer["path"]]
        found, wanted = (
            {genre["name"]: genre["probability"] for genre in part["genres"]} for part in (item, answer)
        )
        assert found == pytest.approx(wanted, abs=2e-4)
        assert item["tags"] == answer["tags"]
        for told, said in (("genre", "label"), ("unknown", "unknown")):
            assert item[told] == answer[said]
        assert item["confidence"] == pytest.approx(answer["label_probability"], abs=2e-4)
        assert item["nearest"]["name"] == answer["nearest"]["name"]
        for facet, found in answer["facets"].items():
            told = {row["name"]: row["probability"] for row in item["facets"][facet]}
            assert told == pytest.approx({f["name"]: f["probability"] for f in found}, abs=2e-4)


def test_failed_tracks_have_their_reason_instead(library: Library, listed: Any) -> None:
    failed = [item for item in listed if "error" in item]
    expected = [library.music / 'odd, "name"\n.mp3', library.music / "rock/gamma.ogg"]
    assert [item["path"] for item in failed] == list(map(str, expected))
    for item in failed:
        assert item["error"] == {"kind": "not_audio", "message": "not audio, or too damaged to be decoded"}
        assert not {"genre", "confidence", "genres", "tags"} & set(item)


def test_csv_says_the_same(library: Library, listed: Any, tmp_path: Path) -> None:
    output = tmp_path / "library.csv"
    ran = library.run("tag", "-o", output)
    assert (ran.code, ran.out, ran.err) == (3, "", f"{N} tracks written to {output}\n")
    printed = support.deepcuts_process(library.home, "tag")
    assert printed.out.encode("utf-8", "surrogateescape") == output.read_bytes()
    rows = list(csv.DictReader(io.StringIO(output.read_bytes().decode(), newline="")))
    assert [row["path"] for row in rows] == [item["path"] for item in listed]
    for row, item in zip(rows, listed, strict=True):
        assert int(row["track_id"]) == item["track_id"]
        if "error" in item:
            assert (row["genre"], row["genres"], row["error"]) == ("", "", item["error"]["message"])
        else:
            confidence = "" if item["confidence"] is None else str(item["confidence"])
            assert (row["genre"], row["confidence"]) == (item["genre"], confidence)
            assert (row["genre"] in ("not music", "unsure")) == (confidence == "") == bool(row["unknown"])
            assert (row["unknown"], row["nearest"]) == (item["unknown"] or "", item["nearest"]["name"])
            for facet, found in item["facets"].items():
                worth = [f["name"] for f in found if f["probability"] >= 0.1]
                assert row[facet] == "; ".join(worth)
            pairs = [pair.rsplit(":", 1) for pair in row["tags"].split("; ")]
            tags = [{"name": name, "probability": float(value)} for name, value in pairs]
            assert tags == item["tags"]


def test_json_goes_to_a_file_that_is_replaced_whole(library: Library, listed: Any, tmp_path: Path) -> None:
    output = tmp_path / "LIBRARY.JSON"
    output.write_text("old")
    before = output.stat().st_ino
    assert library.run("tag", "-o", output).code == 3
    assert json.loads(output.read_text()) == listed
    assert output.stat().st_ino != before, "written into the old file, which a crash would leave in part"
    assert [path.name for path in tmp_path.iterdir()] == ["LIBRARY.JSON"]


@pytest.mark.parametrize("name", ["library.txt", "csv"])
def test_other_endings_are_refused_before_anything_is_done(
    library: Library, tmp_path: Path, name: str
) -> None:
    ran = library.run("tag", library.music, "-o", tmp_path / name)
    assert (ran.code, ran.out) == (2, "")
    assert "must end in .csv or .json" in ran.err.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["nowhere/library.csv", "folder.csv"])
def test_output_that_cannot_be_written_is_one_plain_line(library: Library, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    ran = support.deepcuts(library.home, "tag", "-o", tmp_path / name)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("deepcuts: ")
    assert str(tmp_path / name) in ran.err
    assert ran.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]


def test_folder_is_ingested_first_and_listed_alone(library: Library, tmp_path: Path) -> None:
    copy = library.clone(tmp_path)
    support.write_song(copy.music / "jazz/new.flac", 55)
    audio = {path: path.read_bytes() for path in copy.music.rglob("*") if path.is_file()}
    ran = copy.run("tag", copy.music / "jazz", "--json")
    assert ran.code == 0
    names = [os.path.basename(item["path"]) for item in ran.json]
    assert names == ["delta.wav", "epsilon.opus", "new.flac", "zeta.m4a"]
    assert {path: path.read_bytes() for path in audio} == audio
    assert query(copy.home, "SELECT count(*) FROM root")[0][0] == 1
