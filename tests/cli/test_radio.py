"""``radio`` and ``less`` on a real small library."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from db.listening.tables import Radio, RadioSong
from recommender.commands.results import opened
from recommender.home import Home
from recommender.radio.station import Sessions, make_radio, play_on
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


def test_a_playlist_and_a_shortlist_are_seeds_by_their_names(library: Library) -> None:
    seed = str(first_id(library))
    assert library.run("playlist", "keep", "All of it").code == 0
    made = library.run("shortlist", "add", "Scene 12", seed, "--json").json
    for option, name in (("--playlist", "All of it"), ("--shortlist", "Scene 12")):
        by_name = library.run("radio", option, name, "-n", 2, "--json").json
        assert by_name["kind"] == option.removeprefix("--")
        assert by_name["name"] == name
        unknown = library.run("radio", option, "nothing")
        assert (unknown.code, unknown.out) == (1, "")
        assert unknown.err == f"deepcuts: no {by_name['kind']} is called 'nothing'; there are: {name}\n"
    by_id = library.run("radio", "--shortlist", made["shortlist_id"], "-n", 1, "--json").json
    assert by_id["name"] == "Scene 12"


def test_one_seed_is_named(library: Library) -> None:
    for arguments in ((), ("1", "--taste"), ("--artist", "nobody at all"), ("--decade", "soon")):
        ran = library.run("radio", *arguments)
        assert ran.code == 1
        assert ran.err.startswith("deepcuts: ")


def test_less_like_some_songs(library: Library) -> None:
    track_id = first_id(library)
    assert [one["track_id"] for one in library.run("less", track_id, "--json").json["tracks"]] == [track_id]
    assert "Less is wanted like 1 song:" in library.run("less").out
    assert library.run("less", track_id, "--undo", "--json").json["tracks"] == []


def test_two_that_play_on_at_once_get_no_song_twice(library: Library) -> None:
    seed, home = first_id(library), Home(library.home)
    catalog, bundle, index = opened(home)
    with catalog.change() as session:
        made = make_radio(session, index, bundle, "song", str(seed)).id

    def songs(reading: Sessions) -> list[int]:
        def ids(_session: object, found: list[tuple[RadioSong, object]]) -> list[int]:
            return [song.track_id for song, _ in found]

        return play_on(reading, catalog.change, lambda s: s.get_one(Radio, made), index, bundle, 2, ids)

    others: list[int] = []

    @contextmanager
    def overtaken() -> Iterator[Session]:
        with catalog.snapshot() as session:
            yield session
        if not others:
            others.extend(songs(catalog.snapshot))

    mine = songs(overtaken)
    assert len({*mine, *others}) == 4
    rows = query(library.home, f"SELECT track_id FROM radio_song WHERE radio_id = {made} ORDER BY position")
    assert [row[0] for row in rows] == others + mine
    catalog.close()
