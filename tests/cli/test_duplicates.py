"""``duplicates`` on real files: one song under several encodings, a live take, and songs of their own."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import databases, synth
from tests.recommender.support import Library, counts, deepcuts, deepcuts_process, query

pytestmark = pytest.mark.databases("sqlite", "postgresql")

SECONDS = 18.0
SONG = ("rock/hill.flac", "hill.mp3", "old/hill.opus", "copy of hill.flac")


def song(seed: int) -> synth.Samples:
    """Music that changes every few seconds, as songs do and tones do not."""
    parts = [synth.music_like(SECONDS / 6, 100 * seed + number) for number in range(6)]
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def library(database: str, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Four files of one song, a live take of it, and two others of the same length, one under its name."""
    made = Library(tmp_path_factory.mktemp("music"), tmp_path_factory.mktemp("home") / "home")
    for folder in ("rock", "old"):
        (made.music / folder).mkdir()
    hill, ann = song(1), {"title": "Hill", "artist": "Ann"}
    synth.write(made.music / SONG[0], hill, tags=ann)
    synth.write(made.music / SONG[1], hill)
    synth.write(made.music / SONG[2], hill / 2, tags={"title": "Hill (Remastered 2011)", "artist": "Ann"})
    copy = Path(shutil.copy(made.music / SONG[0], made.music / SONG[3]))
    synth.tag(copy, {"title": "Valley", "artist": "Bob"})
    synth.write(made.music / "live.flac", song(2), tags={"title": "Hill - Live in Rome", "artist": "Ann"})
    synth.write(made.music / "valley.flac", song(3), tags={"title": "Valley", "artist": "Bob"})
    synth.write(made.music / "river.flac", song(4), tags={"title": "River", "artist": "Ann"})
    assert counts(made.ingest()) == {"found": 7, "analysed": 6, "copied": 1}
    return made


def groups(library: Library, *arguments: str) -> list[Any]:
    ran = library.run("duplicates", *arguments, "--json")
    assert ran.code == 0, ran.err
    assert set(ran.json) == {"trunk_id", "not_analysed", "groups"}
    assert ran.json["not_analysed"] == 0
    return ran.json["groups"]


def files(library: Library, group: Any) -> set[str]:
    return {os.path.relpath(track["path"], library.music) for track in group["tracks"]}


def test_every_encoding_of_a_song_is_one_set_and_a_live_take_is_apart(library: Library) -> None:
    found = groups(library)
    assert {group["kind"] for group in found} == {"same recording", "other version"}
    (same,) = [group for group in found if group["kind"] == "same recording"]
    assert files(library, same) == set(SONG)
    names = {track["track_id"]: os.path.relpath(track["path"], library.music) for track in same["tracks"]}
    kinds = {frozenset((names[p["one"]], names[p["other"]])): p["kind"] for p in same["pairs"]}
    assert kinds.pop(frozenset((SONG[0], SONG[3]))) == "identical"
    assert set(kinds.values()) == {"same recording"}
    for pair in same["pairs"]:
        assert pair["one"] < pair["other"]
        assert pair["why"]
        if pair["kind"] == "identical":
            assert pair["agreement"] is None
        else:
            plain = {"offset_s", "patches", "cosine", "course", "share"}
            assert set(pair["agreement"]) == plain | {"smooth_cosine", "smooth_course"}
            assert abs(pair["agreement"]["offset_s"]) <= 0.5
            assert pair["agreement"]["patches"] == int(SECONDS / 2.992)
            assert pair["agreement"]["cosine"] > 0.9
            assert pair["agreement"]["course"] > 0.8
    for track in same["tracks"]:
        assert set(track) == {"track_id", "path", "title", "artist", "album", "duration_s"}
        assert track["duration_s"] == pytest.approx(SECONDS, abs=0.1)
    (others,) = [group for group in found if group["kind"] == "other version"]
    # One file, the first analysed, stands for the song; the copy's false tags, of Bob's song, bring that one
    # in, and no further.
    assert files(library, others) == {names[min(names)], "live.flac", "valley.flac"}


@pytest.mark.parametrize("kind", ["identical", "same-recording", "other-version"])
def test_one_kind_alone(library: Library, kind: str) -> None:
    name = kind.replace("-", " ")
    assert groups(library, "--kind", kind) == [g for g in groups(library) if g["kind"] == name]


def test_the_list_for_people_names_every_file_and_why(library: Library) -> None:
    ran = library.run("duplicates")
    assert ran.code == 0
    for number, group in enumerate(groups(library), start=1):
        (head,) = [line for line in ran.out.splitlines() if line.startswith(f"{number}. {group['kind']}: ")]
        assert all(pair["why"] in head for pair in group["pairs"])
        for track in group["tracks"]:
            assert any(
                line.endswith(f"{track['track_id']}  {track['path']}") for line in ran.out.splitlines()
            )
    assert "0:18  sound 0.9" in ran.out or "0:18  sound 1.0" in ran.out


def test_as_a_process_it_prints_the_same_and_nothing_else(library: Library) -> None:
    ran = deepcuts_process(library.home, "duplicates", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["groups"] == groups(library)


def test_without_duplicates_it_says_so(library: Library, tmp_path: Path) -> None:
    copy = library.clone(tmp_path)
    query(copy.home, "UPDATE track SET missing = true WHERE title != 'River'")
    ran = copy.run("duplicates")
    assert (ran.code, ran.out) == (0, "No duplicates.\n")
    assert groups(copy) == []


def test_what_another_bundle_analysed_is_named_as_not_compared(library: Library, tmp_path: Path) -> None:
    copy = library.clone(tmp_path)
    query(copy.home, "UPDATE feature SET trunk_id = 'older'")
    ran = copy.run("duplicates", "--json")
    assert ran.code == 0
    assert ran.json["not_analysed"] == 7
    assert "7 tracks are not analysed with the active bundle and were not compared: run ingest" in ran.err
    assert "identical" in {group["kind"] for group in ran.json["groups"]}  # needs no analysis
    assert "same recording" not in {group["kind"] for group in ran.json["groups"]}


def test_bad_uses(tmp_path: Path, library: Library) -> None:
    ran = deepcuts(tmp_path / "none", "duplicates")
    assert ran.code == 1
    assert ran.err.startswith(f"deepcuts: the catalogue {databases.place(tmp_path / 'none')} is empty")
    assert len(ran.err.splitlines()) == 1
    assert library.run("duplicates", "--kind", "alike").code == 2
