"""Ingest ended in the middle, by force or by Ctrl-C: the next run goes on, nothing doubled, nothing lost."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from classifier.model import bundle
from recommender.retrieval.index.store import open_index
from tests import synth
from tests.databases import open_catalog
from tests.processes import group_members, kill_all
from tests.recommender import held_ingest, support
from tests.recommender.support import counts, n_rows, query, tracks
from tests.waiting import PATIENCE_S, until

N_FILES = 24
RELEASED = "released"


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough short files for a run to be ended between any two of them."""
    folder = tmp_path_factory.mktemp("many") / "music"
    folder.mkdir()
    for number in range(N_FILES):
        sound = synth.music_like(4.0 if number % 3 else 35.5, number, 16_000)
        synth.write(folder / f"{number:02d}.{'wav' if number % 2 else 'flac'}", sound, 16_000)
    return folder


Sounds = dict[str, list[tuple[float, float, bytes, bytes, bytes]]]


@pytest.fixture(scope="module")
def uninterrupted(database: str, music: Path, tmp_path_factory: pytest.TempPathFactory) -> Sounds:
    """What a run that nobody ends stores."""
    home = tmp_path_factory.mktemp("uninterrupted")
    ran = support.deepcuts(home, "ingest", music, "--json")
    assert counts(ran.json) == {"found": N_FILES, "analysed": N_FILES}
    return support.analyses(home)


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(music: Path) -> Iterator[Start]:
    """Start an ingest in a process group of its own; all that is left of it is ended afterwards.

    It waits before the last two of its tracks, of which `stored` are there already, until it is released.
    """
    started: list[subprocess.Popen[bytes]] = []

    def begin(home: Path, *options: str, stored: int = 0) -> "subprocess.Popen[bytes]":
        command = held_ingest.command(N_FILES - 2 - stored, home / RELEASED)
        process = subprocess.Popen(
            [*command, "--home", str(home), "ingest", str(music), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=support.environment(home),
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        kill_all(process.pid)
        process.communicate()


def assert_complete(home: Path, expected: Sounds) -> None:
    """Every row is that of an uninterrupted run, once, and the index holds just these vectors."""
    assert support.analyses(home) == expected
    assert all(not row["missing"] and row["error_kind"] is None for row in tracks(home).values())
    for table, column in (("feature", "segment_id"), ("prediction", "segment_id"), ("segment", "id")):
        total, distinct = query(home, f"SELECT count(*), count(DISTINCT {column}) FROM {table}")[0]
        assert total == distinct == sum(map(len, expected.values()))
    catalog = open_catalog(home / "catalog.sqlite")
    index, remark = open_index(catalog, home / "index", bundle.load(bundle.SHIPPED).trunk_id)
    catalog.close()
    assert remark is None
    rows = query(
        home,
        "SELECT segment_id, embedding FROM feature JOIN segment ON segment.id = segment_id "
        "ORDER BY track_id, segment.start_s",
    )
    assert_array_equal(index.rows.segment_ids, [row[0] for row in rows])
    vectors = np.stack([np.frombuffer(row[1], "<f4") for row in rows]).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    centred, _, places = index.vectors_of(None)
    assert_allclose(index.uncentred(centred, places), vectors, atol=1e-6)


def test_killed_five_times_then_finished(
    tmp_path: Path, music: Path, start: Start, uninterrupted: Sounds
) -> None:
    kept: dict[str, int] = {}
    n_stored = 0
    for at_rows in (0, 1, 5, 9, 13):
        process = start(tmp_path, stored=n_stored)
        if at_rows:
            until(lambda n=at_rows: n_rows(tmp_path) >= n)
        else:
            until(lambda pid=process.pid: len(group_members(pid)) > 1)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)
        until(lambda pid=process.pid: not group_members(pid))
        n_stored = n_rows(tmp_path)
        if not at_rows:
            continue
        stored = support.analyses(tmp_path)
        assert at_rows <= len(stored) < N_FILES
        assert {path: uninterrupted[path] for path in stored} == stored, "a track was stored in part"
        ids = {path: row["id"] for path, row in tracks(tmp_path).items()}
        assert kept.items() <= ids.items(), "what an earlier run had stored was lost"
        kept = ids

    report = support.deepcuts(tmp_path, "ingest", music, "--json").json

    assert counts(report) == {
        "found": N_FILES,
        "analysed": N_FILES - len(kept),
        "unchanged": len(kept),
    }
    assert_complete(tmp_path, uninterrupted)


def test_killed_while_the_index_is_being_written(
    tmp_path: Path, music: Path, start: Start, uninterrupted: Sounds
) -> None:
    process = start(tmp_path)
    (tmp_path / RELEASED).touch()
    until(lambda: any((tmp_path / "index").glob("*")) if (tmp_path / "index").exists() else False)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_S)
    until(lambda: not group_members(process.pid))
    stored = len(support.analyses(tmp_path))
    assert stored, "an index is written for what is there already"
    left = {"analysed": N_FILES - stored} if stored < N_FILES else {}
    report = counts(support.deepcuts(tmp_path, "ingest", music, "--json").json)
    assert report == {"found": N_FILES, "unchanged": stored, **left}
    assert_complete(tmp_path, uninterrupted)
    assert len(list((tmp_path / "index").iterdir())) == 2


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path, start: Start) -> None:
    process = start(tmp_path)
    until(lambda: n_rows(tmp_path) >= 1)
    assert len(group_members(process.pid)) > 1
    process.kill()
    process.wait(PATIENCE_S)
    until(lambda: not group_members(process.pid))


def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(
    tmp_path: Path, music: Path, start: Start, uninterrupted: Sounds
) -> None:
    process = start(tmp_path)
    until(lambda: n_rows(tmp_path) >= 3)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of the group
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert out == b""
    assert err.decode() == "Stopped; what was analysed is kept, and the next ingest goes on from there.\n"
    until(lambda: not group_members(process.pid))
    n_kept = n_rows(tmp_path)
    assert 3 <= n_kept < N_FILES
    report = support.deepcuts(tmp_path, "ingest", music, "--json").json
    assert counts(report) == {"found": N_FILES, "analysed": N_FILES - n_kept, "unchanged": n_kept}
    assert_complete(tmp_path, uninterrupted)


def test_ctrl_c_while_the_workers_start_is_as_quiet(tmp_path: Path, start: Start) -> None:
    process = start(tmp_path)
    until(lambda: len(group_members(process.pid)) >= 3)
    time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (130, b"")
    assert err.decode() == "Stopped; what was analysed is kept, and the next ingest goes on from there.\n"


def test_a_second_writer_is_turned_away_while_readers_work(tmp_path: Path, music: Path, start: Start) -> None:
    process = start(tmp_path)
    until(lambda: n_rows(tmp_path) >= 1)
    os.kill(process.pid, signal.SIGSTOP)  # it holds the lock for as long as this test needs
    ran = support.deepcuts(tmp_path, "ingest", music)
    status = support.deepcuts(tmp_path, "status", "--json")
    (tmp_path / RELEASED).touch()
    os.kill(process.pid, signal.SIGCONT)
    assert 1 <= status.json["tracks"] < N_FILES
    assert (ran.code, ran.out) == (1, "")
    assert (
        ran.err == f"deepcuts: another deepcuts is writing to {tmp_path}; wait until it is done, or stop it\n"
    )
    _, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, b"")
    assert n_rows(tmp_path) == N_FILES


def test_nice_holds_for_the_workers_too(tmp_path: Path, start: Start) -> None:
    process = start(tmp_path, "--nice", "7", "--jobs", "2")
    until(lambda: n_rows(tmp_path) >= 1)
    members = group_members(process.pid)
    assert len(members) >= 3
    expected = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 7)
    assert {os.getpriority(os.PRIO_PROCESS, member) for member in members} == {expected}
