"""Files that ended a whole run, each of them: now each is one failed file, whatever command meets it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED
from tests.dask_cluster import Cluster
from tests.recommender.support import CLI, counts, deepcuts, environment, ingest, write_song

UNBREAKABLE = SHARED / "data" / "cases" / "unbreakable"
REASONS = {
    "channels_1024.aiff": "it claims 255 channels; at most 64 are read",
    "codec_without_name.wav": "its audio cannot be decoded: no decoder knows its codec",
    "nested_atoms.m4a": None,  # its tags are what is wrong
    "rate_0.aiff": "it claims a sampling rate under 1,000 Hz, the lowest that is read",
}
GOOD = {"folk/one.wav": 1, "folk/two.wav": 2, "rock/three.wav": 3, "rock/four.wav": 4}

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbreakable") / "music"
    for name, seed in GOOD.items():
        write_song(folder / name, seed, artist=f"artist {seed}")
    for name in REASONS:
        shutil.copy(UNBREAKABLE / name, folder / "rock" / name)
    return folder


def check(failed: dict[str, str]) -> None:
    """See that each file failed, for its own reason."""
    assert set(failed) == set(REASONS)
    for name, reason in REASONS.items():
        assert reason is None or failed[name] == reason


def by_name(failed: list[dict[str, Any]]) -> dict[str, str]:
    return {Path(each["path"]).name: each["message"] for each in failed}


def test_ingest_and_all_that_follows(music: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    report = ingest(home, music, code=3)
    assert counts(report) == {"found": 8, "analysed": 4, "failed": 4}
    check(by_name(report["failed"]))
    for name in REASONS:  # a copy elsewhere: not one that the catalogue has
        shutil.copy(UNBREAKABLE / name, tmp_path / name)
        ran = deepcuts(home, "similar", tmp_path / name)
        assert ran.code == 1
        assert len(ran.err.strip().splitlines()) == 1
    again = ingest(home, music, code=0)
    assert counts(again) == {"found": 8, "unchanged": 4, "known_failures": 4}


def test_classify(music: Path, tmp_path: Path) -> None:
    files = sorted(file for file in music.rglob("*") if file.is_file())
    ran = deepcuts(tmp_path / "home", "classify", *files, "--json")
    assert ran.code == 3, ran.err
    failed = [answer | answer["error"] for answer in ran.json if "error" in answer]
    assert len(ran.json) == 8
    assert {Path(each["path"]).name for each in failed} == set(REASONS)


def test_tag(music: Path, tmp_path: Path) -> None:
    ran = deepcuts(tmp_path / "home", "tag", music, "--json", "--jobs", "1")
    assert ran.code == 3, ran.err
    assert len(ran.json) == 8
    check(by_name([row | row["error"] for row in ran.json if "error" in row]))


def test_train(music: Path, tmp_path: Path) -> None:
    ran = deepcuts(tmp_path / "home", "train", music, "--json", "--jobs", "1")
    assert ran.code == 0, ran.err
    assert ran.json["songs"] == 4
    check(by_name(ran.json["skipped"]))


def test_watch(music: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [*CLI, "--home", str(home), "watch", str(music), "--json", "--jobs", "1", "--nice", "0"]
    watching = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(home)
    )
    try:
        assert watching.stdout is not None
        report = json.loads(watching.stdout.readline())
        assert counts(report) == {"found": 8, "analysed": 4, "failed": 4}
        check(by_name(report["failed"]))
    finally:
        watching.terminate()
        _, said = watching.communicate(timeout=60)
    assert "Traceback" not in said
    assert watching.returncode == 0


def test_a_cluster(music: Path, tmp_path: Path, dask: Cluster) -> None:
    report = deepcuts(tmp_path / "home", "ingest", music, "--json", "--scheduler", dask.address)
    assert report.code == 3, report.err
    assert counts(report.json) == {"found": 8, "analysed": 4, "failed": 4}
    check(by_name(report.json["failed"]))
