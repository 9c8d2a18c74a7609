"""``ingest --scheduler``: the rows of a local run, whatever becomes of the workers."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recommender.library import params
from recommender.library.workers import cluster_members
from recommender.library.workers.cluster_worker import versions
from tests import synth
from tests.dask_cluster import Cluster
from tests.processes import group_members
from tests.recommender import held_ingest, support
from tests.recommender.support import counts, deepcuts, deepcuts_process, n_rows, query
from tests.waiting import PATIENCE_S, until

N_FILES = 24
RELEASED = "released"
TRACK = "title, duration_s, size, mtime_ns, content_hash, analysed_hash, error_kind, error_message, warning"


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs of two segments and of three, a copy of one of them, and a file that is not audio."""
    folder = tmp_path_factory.mktemp("shared storage") / "music"
    folder.mkdir()
    for number in range(N_FILES):
        sound = synth.music_like(33.5 if number % 4 else 61.0, number, 16_000)
        suffix = (".flac", ".mp3", ".ogg", ".wav")[number % 4]
        synth.write(folder / f"{number:02d}{suffix}", sound, 16_000, tags={"title": f"Song {number}"})
    shutil.copy(folder / "00.flac", folder / "copy.flac")
    (folder / "bad.mp3").write_text("not audio")
    return folder


@pytest.fixture(scope="module")
def local(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home that the songs were ingested into by this machine alone."""
    home = tmp_path_factory.mktemp("local")
    ran = deepcuts(home, "ingest", music, "--json")
    assert counts(ran.json) == COUNTS
    return home


COUNTS = {"found": N_FILES + 2, "analysed": N_FILES, "copied": 1, "failed": 1}


def rows(home: Path) -> dict[str, tuple[Any, ...]]:
    """Return what is known of each file: its row, and its segments with all that is stored of them."""
    described = query(home, f"SELECT rel_path, {TRACK} FROM track")
    patches = query(
        home,
        "SELECT rel_path, patches FROM track JOIN segment ON track_id = track.id "
        "JOIN feature ON segment_id = segment.id ORDER BY segment.start_s",
    )
    sounds = {os.path.basename(path): rows for path, rows in support.analyses(home).items()}
    return {
        name: (*values, *sounds[os.fsdecode(name)], *(p[1] for p in patches if p[0] == name))
        for name, *values in described
    }


def started(home: Path, cluster: Cluster, music: Path) -> "subprocess.Popen[bytes]":
    """Start an ingest that waits before its last tracks until it is released."""
    command = held_ingest.command(N_FILES - 4, home / RELEASED)
    return subprocess.Popen(
        [*command, "--home", str(home), "ingest", str(music), "--scheduler", cluster.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=support.environment(home),
        start_new_session=True,
    )


def test_the_rows_of_a_local_run(tmp_path: Path, dask: Cluster, music: Path, local: Path) -> None:
    ran = deepcuts_process(tmp_path, "ingest", music, "--scheduler", dask.address, "--json")
    assert (ran.code, ran.err) == (3, "")
    assert counts(ran.json) == COUNTS
    assert [(Path(f["path"]).name, f["kind"]) for f in ran.json["failed"]] == [("bad.mp3", "not_audio")]
    assert rows(tmp_path) == rows(local)


def test_a_worker_killed_half_way(tmp_path: Path, dask: Cluster, music: Path, local: Path) -> None:
    victims = dask.wait_for(2)
    process = started(tmp_path, dask, music)
    until(lambda: n_rows(tmp_path) >= 3)
    os.kill(next(iter(victims.values())), signal.SIGKILL)
    (tmp_path / RELEASED).touch()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3, err
    assert rows(tmp_path) == rows(local)
    assert dask.wait_for(2) != victims


def test_ctrl_c_keeps_what_is_done(tmp_path: Path, dask: Cluster, music: Path, local: Path) -> None:
    dask.wait_for(2)
    process = started(tmp_path, dask, music)
    until(lambda: n_rows(tmp_path) >= 2)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (130, b""), err.decode()
    assert err.decode() == "Stopped; what was analysed is kept, and the next ingest goes on from there.\n"
    until(lambda: not group_members(process.pid))
    kept, expected = rows(tmp_path), rows(local)
    assert 2 <= len(kept) < N_FILES
    assert {name: expected[name] for name in kept} == kept
    report = deepcuts(tmp_path, "ingest", music, "--scheduler", dask.address, "--json").json
    assert report["unchanged"] + report["known_failures"] == len(kept)
    assert rows(tmp_path) == expected


def test_files_that_workers_cannot_see_are_no_lasting_failures(
    tmp_path: Path, dask: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    support.write_song(tmp_path / "music/a.flac", 1)
    monkeypatch.chdir(tmp_path)
    place = "/proc/self/cwd/music"  # the folder that this process works in, and no worker
    home = tmp_path / "home"
    dask.wait_for(2)
    ran = deepcuts(home, "ingest", place, "--scheduler", dask.address, "--json")
    assert ran.code == 3, ran.err
    (failed,) = ran.json["failed"]
    assert (failed["path"], failed["kind"]) == (f"{place}/a.flac", "not_shared")
    assert failed["message"].startswith("cannot be read: no such file or directory on the worker tcp://")
    assert failed["message"].endswith("the music must be on storage that all workers have at the same path")
    assert support.tracks(home) == {}
    local = deepcuts_process(home, "ingest", place, "--json", "--jobs", "1")  # its worker is here, too
    assert local.code == 0, local.err
    assert counts(local.json) == {"found": 1, "analysed": 1}


def test_workers_of_other_versions_are_named(
    tmp_path: Path, dask: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = versions()
    monkeypatch.setattr(cluster_members, "versions", lambda: {**mine, "numpy": "0.1", "av": "0.2"})
    support.write_song(tmp_path / "music/a.flac", 1)
    ran = deepcuts(tmp_path / "home", "ingest", tmp_path, "--scheduler", dask.address)
    assert (ran.code, ran.out) == (1, "")
    *refusals, last = ran.err.splitlines()
    assert last == f"deepcuts: no worker of {dask.address} can be used"
    assert refusals
    for line in refusals:
        assert line.startswith("The worker tcp://127.0.0.1:")
        assert f" gets no work: its numpy is {mine['numpy']}, here it is 0.1; " in line
        assert line.endswith(f"; its av is {mine['av']}, here it is 0.2.")


def test_no_scheduler_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(params, "CONNECT_S", 0.3)
    ran = deepcuts(tmp_path / "home", "ingest", tmp_path, "--scheduler", "tcp://127.0.0.1:1")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "deepcuts: no Dask scheduler answers at tcp://127.0.0.1:1; start one with: dask scheduler, "
        "and name the address that it shows, such as tcp://HOST:8786\n"
    )


def test_without_dask_the_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    ran = deepcuts(tmp_path / "home", "ingest", tmp_path, "--scheduler", "tcp://127.0.0.1:1")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "deepcuts: --scheduler needs Dask: pip install 'deepcuts[cluster]'\n"


def test_jobs_are_the_clusters_to_decide(tmp_path: Path) -> None:
    ran = deepcuts(tmp_path, "ingest", tmp_path, "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1")
    assert ran.code == 2
    assert "leave --jobs out" in ran.err
