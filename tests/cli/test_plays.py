"""``plays`` on a real small library, through the command line."""

import csv
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen import id3

from tests.databases import home_at
from tests.recommender import support
from tests.recommender.support import SONGS, Library, deepcuts, deepcuts_process, query, tracks

pytestmark = pytest.mark.databases("sqlite", "postgresql")

START = 1_600_000_000


def plays(library: Library) -> dict[str, int]:
    """Return the plays of those tracks that have any, by path relative to the library."""
    found = {os.path.relpath(path, library.music): row["plays"] for path, row in tracks(library.home).items()}
    return {path: count for path, count in found.items() if count}


def listen(artist: str, title: str, at: int) -> str:
    song = {"artist_name": artist, "track_name": title, "release_name": None}
    return json.dumps({"listened_at": START + at, "track_metadata": song}) + "\n"


def listenbrainz(path: Path) -> Path:
    """Write an export of 23 listens: 3 of Alpha Rising, 20 of songs that are not there."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("user.json", '{"username": "x"}')
        alpha = (listen("ann arbor", "Alpha Rising", at) for at in (0, 60))
        archive.writestr("listens/2020/9.jsonl", "".join(alpha) + listen("Ann Arbor", "ALPHA RISING", 86_400))
        archive.writestr(
            "listens/2020/10.jsonl", "".join(listen("Nobody", f"Song {n}", n) for n in range(20))
        )
    return path


def test_a_csv_in_a_process_of_its_own(library: Library) -> None:
    file = library.music / "counts.csv"
    file.write_text(
        "path,plays,last_played\nrock/alpha.mp3,7,2024-02-28\nfolk/../kappa.flac,2,\nnope.mp3,1,\n"
    )
    ran = deepcuts_process(library.home, "plays", "import", file)
    assert (ran.code, ran.out) == (3, "2 of 3 lines count for 2 tracks; 2 changed.\n")
    assert ran.err.splitlines() == [
        f"Unmatched: line 4: nope.mp3: the catalogue has no track at {library.music}/nope.mp3",
        "1 line counts for no track.",
    ]
    assert plays(library) == {"rock/alpha.mp3": 7, "kappa.flac": 2}
    ran = deepcuts(library.home, "plays", "top")
    assert (ran.code, ran.err) == (0, "")
    names, _, first, second = [line.split() for line in ran.out.splitlines() if line.strip()]
    assert names == ["song", "plays", "last", "played", "id"]
    alpha, kappa = library.row("rock/alpha.mp3"), library.row("kappa.flac")
    assert first == ["Ann", "Arbor", "-", "Alpha", "Rising", "7", "2024-02-28", "00:00", str(alpha["id"])]
    assert second == ["kappa", "2", str(kappa["id"])]


def test_a_listenbrainz_zip_in_a_process_of_its_own(library: Library, tmp_path: Path) -> None:
    file, unmatched = listenbrainz(tmp_path / "export.zip"), tmp_path / "unmatched.csv"
    token = query(library.home, "SELECT value FROM setting WHERE name = 'vectors_token'")[0][0]
    ran = deepcuts_process(library.home, "plays", "import", file, "--json", "--unmatched", unmatched)
    assert (ran.code, ran.err) == (3, "")
    answer = ran.json
    lost = answer.pop("unmatched")
    assert answer == {
        "file": str(file),
        "kind": "zip",
        "lines": 23,
        "matched": 3,
        "now_playing": 0,
        "tracks": 1,
        "changed": 1,
        "lowered": 0,
    }
    assert [(item["part"], item["line"], item["lines"], item["text"]) for item in lost] == [
        ("listens/2020/10.jsonl", n + 1, 1, f"Nobody - Song {n}") for n in range(20)
    ]
    with open(unmatched, newline="") as written:
        assert list(csv.DictReader(written)) == [{k: str(v) for k, v in item.items()} for item in lost]
    assert library.row("rock/alpha.mp3")["last_played"] == "2020-09-14 12:26:40.000000"
    assert library.run("plays", "import", file, "--json").json["changed"] == 0
    assert library.run("plays", "import", file, "--json", "--add").json["changed"] == 1
    assert plays(library) == {"rock/alpha.mp3": 6}
    assert query(library.home, "SELECT value FROM setting WHERE name = 'vectors_token'")[0][0] == token


def test_twenty_unmatched_are_shown_and_the_rest_counted(library: Library, tmp_path: Path) -> None:
    file = tmp_path / "listens.jsonl"
    file.write_text("".join(listen("Nobody", f"\x1b[31m {n}", n) for n in [*range(25), 0, 0]))
    ran = library.run("plays", "import", file)
    lines = ran.err.splitlines()
    assert ran.code == 3
    assert lines[0] == "Unmatched: line 1 (3 lines): Nobody - \\x1b[31m 0: the catalogue has no such artist"
    assert [line.split(":")[1] for line in lines[1:20]] == [f" line {n}" for n in range(2, 21)]
    assert lines[20:] == [
        "… and 5 more; --unmatched FILE.csv writes them all.",
        "27 lines count for no track.",
    ]


def test_done_without_remarks(library: Library, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("Café Müller,Any,Delta Blues,31 Dec 2020 12:34\n")
    ran = library.run("plays", "import", file, "--unmatched", tmp_path / "u.csv")
    assert (ran.code, ran.out, ran.err) == (0, "1 of 1 line counts for 1 track; 1 changed.\n", "")
    assert (tmp_path / "u.csv").read_text() == "part,line,lines,text,reason\n"
    (answer,) = library.run("plays", "top", "--json").json
    row = library.row("jazz/delta.wav")
    assert answer == {
        "rank": 1,
        "track_id": row["id"],
        "path": str(library.music / "jazz/delta.wav"),
        "title": "Delta Blues",
        "artist": "Café Müller",
        "album": "",
        "plays": 1,
        "last_played": "2020-12-31T12:34:00Z",
    }


def test_lower_counts_are_remarked_on(library: Library, tmp_path: Path) -> None:
    query(library.home, "UPDATE track SET plays = 5")
    file = tmp_path / "x.csv"
    file.write_text(f"path,plays\n{library.music}/kappa.flac,4\n{library.music}/rock/alpha.mp3,9\n")
    ran = library.run("plays", "import", file)
    assert (ran.code, ran.err) == (0, "1 track has fewer plays than before; --add would have added them.\n")
    assert plays(library) == dict.fromkeys(SONGS, 5) | {"kappa.flac": 4, "rock/alpha.mp3": 9}


def test_top_of_n_and_of_none(library: Library) -> None:
    ran = library.run("plays", "top")
    assert (ran.code, ran.out) == (0, "")
    assert "plays import" in ran.err
    assert library.run("plays", "top", "--json").json == []
    query(library.home, "UPDATE track SET plays = id")
    answer = library.run("plays", "top", "--json", "-n", 3).json
    assert [item["plays"] for item in answer] == [10, 9, 8]
    assert len(library.run("plays", "top", "--json", "-n", 99).json) == len(SONGS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"nothing,known\n1,2\n", "needs a first line that names the columns path and plays"),
        (b"{", "is JSON that cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used(library: Library, tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    ran = library.run("plays", "import", file, "--json")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (1, "", 1)
    assert ran.err.startswith("deepcuts: ") and message in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["import"],
        ["import", "{tmp}/nowhere.csv"],
        ["import", "{tmp}"],
        ["import", "{tmp}/x.csv", "--unmatched", "{tmp}/x.csv"],
        ["import", "{tmp}/x.csv", "--unmatched", "{tmp}/nowhere/u.csv"],
        ["import", "{tmp}/x.csv", "--unmatched", "{tmp}/u.txt"],
        ["top", "-n", "0"],
    ],
    ids=" ".join,
)
def test_wrong_use(library: Library, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "x.csv").write_text(f"path,plays\n{library.music}/kappa.flac,4\n")
    ran = library.run("plays", *(word.format(tmp=tmp_path) for word in arguments))
    assert (ran.code, ran.out) == (2, "")
    assert plays(library) == {}


def test_without_a_catalogue(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("path,plays\n")
    for arguments in (["import", tmp_path / "x.csv"], ["top"]):
        ran = support.deepcuts(tmp_path / "home", "plays", *arguments)
        assert (ran.code, ran.out) == (1, "")
        assert "deepcuts ingest FOLDER" in ran.err
        assert not (tmp_path / "home").exists()


def test_one_writer_at_a_time(library: Library, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f"path,plays\n{library.music}/kappa.flac,4\n")
    with home_at(library.home).writer_lock():
        ran = library.run("plays", "import", tmp_path / "x.csv")
        assert (ran.code, ran.out) == (1, "")
        assert "another deepcuts is writing" in ran.err
        assert library.run("plays", "top").code == 0
    assert plays(library) == {}


def retag(path: Path, count: str, last_played: str) -> None:
    """Write what a player writes of its plays."""
    file = mutagen.File(path)
    if path.suffix == ".mp3":
        file.tags.add(id3.TXXX(encoding=3, desc="FMPS_Playcount", text=count))
        file.tags.add(id3.TXXX(encoding=3, desc="Last_Played", text=last_played))
    else:
        file["FMPS_PLAYCOUNT"], file["LAST_PLAYED"] = count, last_played
    file.save()


def test_ingest_takes_a_files_own_count_where_it_is_greater(library: Library) -> None:
    low, high = library.music / "rock/alpha.mp3", library.music / "rock/beta.flac"
    query(library.home, "UPDATE track SET plays = 5, last_played = '2021-01-01 00:00:00.000000'")
    retag(low, "3.0", "2020-05-05")
    retag(high, "8.0", "2022-05-05T10:00:00+02:00")
    new = shutil.copy(high, library.music / "new copy.flac")
    assert support.counts(library.ingest()) == {"found": 11, "retagged": 2, "copied": 1, "unchanged": 8}
    rows: dict[str, Any] = tracks(library.home)
    found = [(rows[str(path)]["plays"], rows[str(path)]["last_played"]) for path in (low, high, new)]
    assert found == [
        (5, "2021-01-01 00:00:00.000000"),
        (8, "2022-05-05 08:00:00.000000"),
        (8, "2022-05-05 08:00:00.000000"),
    ]
    retag(high, "1", "2019-05-05")
    assert support.counts(library.ingest()) == {"found": 11, "retagged": 1, "unchanged": 10}
    assert library.row("rock/beta.flac")["plays"] == 8
