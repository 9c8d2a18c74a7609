"""``radio`` and ``less`` on a real small library."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.recommender.support import CLI, Library, environment, query


@pytest.fixture
def library(ingested: Library, tmp_path: Path) -> Library:
    return ingested.clone(tmp_path)


def first_id(library: Library) -> int:
    return int(query(library.home, "SELECT min(id) FROM track WHERE error_kind IS NULL")[0][0])


def test_songs_as_m3u8_and_on_from_there(library: Library) -> None:
    seed = first_id(library)
    ran = library.run("radio", str(seed), "-n", "4")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0] == "#EXTM3U"
    paths = [line for line in lines if not line.startswith("#")]
    assert len(set(paths)) == 4 and all(os.path.exists(path) for path in paths)
    assert sum(line.startswith("# ") for line in lines) == 4  # why each
    assert "--resume 1" in ran.err
    more = library.run("radio", "--resume", "1", "-n", "3", "--json").json
    assert [one["position"] for one in more["results"]] == [4, 5, 6]
    assert not {one["path"] for one in more["results"]} & set(paths)


def test_a_kill_loses_nothing_that_was_printed(library: Library) -> None:
    command = [*CLI, "--home", str(library.home), "radio", str(first_id(library)), "-n", "100000"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(library.home)
    )
    assert process.stdout is not None
    heard = []
    while len(heard) < 3:
        line = process.stdout.readline()
        assert line
        if not line.startswith(b"#"):
            heard.append(line.decode().strip())
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    kept = query(
        library.home,
        "SELECT rel_path FROM radio_song JOIN track ON track.id = track_id ORDER BY position LIMIT 3",
    )
    assert [path.endswith(os.fsdecode(row[0])) for path, row in zip(heard, kept, strict=True)] == [True] * 3


def test_one_seed_is_named(library: Library) -> None:
    for arguments in ((), ("1", "--taste"), ("--artist", "nobody at all"), ("--decade", "soon")):
        ran = library.run("radio", *arguments)
        assert ran.code == 1
        assert ran.err.startswith("deepcuts: ")


def test_less_like_some_songs(library: Library) -> None:
    track_id = first_id(library)
    assert [one["track_id"] for one in library.run("less", track_id, "--json").json["tracks"]] == [track_id]
    assert "Less is wanted like 1 songs" in library.run("less").out
    assert library.run("less", track_id, "--undo", "--json").json["tracks"] == []
