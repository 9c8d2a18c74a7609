"""A catalogue moved, replaced or deleted under the service: it says so, and takes up what is there."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from recommender import params
from tests import databases
from tests.recommender.service.conftest import Service, running
from tests.recommender.service.test_workers import both_answer, crew_of
from tests.recommender.support import Library
from tests.waiting import until

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.usefixtures("looks_often")]

SONG = "rock/beta.flac"


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "LOOK_FOR_INDEX_S", 0.1)


def files(own: Service) -> list[Path]:
    return sorted(own.library.home.glob("catalog.sqlite*"))


def move(some: list[Path], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for file in some:
        os.rename(file, folder / file.name)


def plays_in(path: Path, track_id: int) -> int:
    with closing(sqlite3.connect(path)) as catalogue:
        found: int = catalogue.execute("SELECT plays FROM track WHERE id = ?", (track_id,)).fetchone()[0]
    return found


def copy_of(path: Path, target: Path, title: str) -> None:
    """Copy a catalogue whole, and give all its songs a title."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute("UPDATE track SET title = ?", (title,))
        copy.commit()


def status(own: Service, path: str = "/api/tracks") -> Callable[[], int]:
    return lambda: int(own.client.get(path).status_code)


def test_one_that_is_moved_away_is_missed_and_taken_up_when_it_is_back(own: Service, tmp_path: Path) -> None:
    song, away = own.id_of(SONG), tmp_path / "away"
    like = f"/api/tracks/{song}/similar"
    assert own.client.get(like).status_code == 200  # and kept
    move(files(own), away)
    for path in ("/api/tracks", like, f"/api/tracks/{song}"):
        answer = own.client.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert "moved, replaced or deleted" in answer.json()["detail"]
    assert own.client.get("/health").status_code == 503
    assert own.client.post(f"/api/tracks/{song}/plays").status_code == 503
    told = own.client.get(f"/rest/scrobble?id={song}&u=ann&p=any&f=json")
    assert told.status_code == 503 and told.json()["subsonic-response"]["status"] == "failed"
    time.sleep(0.3)
    assert files(own) == []  # none is made in its place
    move(sorted(away.iterdir()), own.library.home)
    assert own.client.post(f"/api/tracks/{song}/plays").json()["plays"] == 1
    assert own.client.get(like).status_code == 200


def test_one_that_is_deleted_stays_so(own: Service) -> None:
    for file in files(own):
        file.unlink()
    assert status(own)() == 503
    time.sleep(0.3)
    assert status(own)() == 503 and files(own) == []


def test_another_in_its_place_is_taken_up_and_gets_the_plays(own: Service, tmp_path: Path) -> None:
    song = own.id_of(SONG)
    own.client.post(f"/api/tracks/{song}/plays")  # is in the write-ahead log of the old one, not in its file
    other = tmp_path / "other.sqlite"
    copy_of(own.library.home / "catalog.sqlite", other, "Replaced")
    os.rename(own.library.home / "catalog.sqlite", tmp_path / "old.sqlite")
    os.rename(other, own.library.home / "catalog.sqlite")
    until(lambda: status(own)() == 200)
    assert {track["title"] for track in own.get("/api/tracks")["tracks"]} == {"Replaced"}
    assert own.client.post(f"/api/tracks/{song}/plays").json()["plays"] == 2
    with closing(databases.home_at(own.library.home)) as home, home.catalog().transaction() as session:
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert plays_in(tmp_path / "old.sqlite", song) == 1  # what was written to the old one is in it
    assert own.get(f"/api/tracks/{song}/similar")["results"]


def test_what_the_old_one_left_is_not_read_into_the_new_one(own: Service, tmp_path: Path) -> None:
    path, song = own.library.home / "catalog.sqlite", own.id_of(SONG)
    shutil.copy(path, tmp_path / "before.sqlite")
    own.client.post(f"/api/tracks/{song}/plays")
    assert (own.library.home / "catalog.sqlite-wal").stat().st_size > 0
    os.rename(tmp_path / "before.sqlite", path)
    until(lambda: status(own)() == 200)
    assert own.get(f"/api/tracks/{song}")["plays"] == 0
    with closing(databases.home_at(own.library.home)) as home, home.catalog().transaction() as session:
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_all_processes_follow_and_one_that_dies_makes_none(library: Library, tmp_path: Path) -> None:
    with running(library.home, "--workers", "2") as server:
        crew = both_answer(server)
        away = tmp_path / "away"
        move(sorted(library.home.glob("catalog.sqlite*")), away)
        assert {httpx2.get(f"{server.url}/api/tracks", timeout=60).status_code for _ in range(6)} == {503}
        os.kill(crew[1], 9)
        time.sleep(3)
        assert not (library.home / "catalog.sqlite").exists()
        copy_of(away / "catalog.sqlite", tmp_path / "new.sqlite", "Replaced")
        os.rename(tmp_path / "new.sqlite", library.home / "catalog.sqlite")
        until(lambda: len(crew_of(server)) == 2)

        def titles() -> set[str]:
            answers = [httpx2.get(f"{server.url}/api/tracks", timeout=60) for _ in range(8)]
            if any(answer.status_code != 200 for answer in answers):
                return set()
            return {track["title"] for answer in answers for track in answer.json()["tracks"]}

        until(lambda: titles() == {"Replaced"})
