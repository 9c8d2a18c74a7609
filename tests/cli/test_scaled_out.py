"""The set-up of docs/SCALING.md on one machine: each of its parts is ended by force once, and all goes on."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from recommender.retrieval.index.files import read_sidecar
from tests import dask_cluster, postgres, scaled_out, synth
from tests.cli.test_database import Remote
from tests.nginx import NGINX
from tests.recommender import support
from tests.recommender.service.conftest import PROGRAM
from tests.scaled_out import SeveralMachines, ended, kill
from tests.waiting import until

pytestmark = pytest.mark.databases("sqlite")  # what it is compared with is a file

N_SONGS = 24
"""More than are stored by the time that an ingest notices that its scheduler is gone."""
LASTING = {**postgres.SETTINGS, "synchronous_commit": "on"}
"""What was committed is there when the server was ended by force."""
AGAIN = "what was analysed is kept, and the next ingest goes on from there"


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short songs of two genres, two of each artist."""
    folder = tmp_path_factory.mktemp("shared storage") / "music"
    for number in range(N_SONGS):
        genre, sound = (
            ("rain", synth.noise(3.2, number)) if number % 2 else ("hum", synth.tone(3.2, 90.0 + 3 * number))
        )
        path = folder / genre / f"artist {number // 4}" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        synth.write(path, sound)
    return folder


@pytest.fixture
def machines(music: Path, tmp_path: Path) -> Iterator[SeveralMachines]:
    """Several machines: all that runs on them is this test's own, for it is ended by force."""
    pytest.importorskip("distributed", reason="Dask is not installed (pip install 'deepcuts[cluster]')")
    missing = postgres.what_is_missing()
    if missing is not None or NGINX is None:
        pytest.skip(missing or "no nginx is installed (Debian: apt install nginx-light)")
    for name in ("dask", "machines"):
        (tmp_path / name).mkdir()
    with postgres.running(LASTING) as server, dask_cluster.running(tmp_path / "dask") as cluster:
        for _ in range(2):
            cluster.start_worker()
        with scaled_out.running(tmp_path / "machines", server, cluster, music) as made:
            yield made


def test_each_part_is_ended_by_force_and_all_goes_on(
    machines: SeveralMachines, music: Path, tmp_path: Path
) -> None:
    machines.gate.make()
    a_worker_and_the_scheduler(machines)
    the_ingest(machines)
    a_service_and_the_database(machines)
    the_rest_is_ingested(machines)
    support.ingest(tmp_path / "alone", music, "--labels", "folders")
    assert Remote(machines.homes[0], machines.url).analyses() == support.analyses(tmp_path / "alone")
    both_services_answer_the_same(machines)
    what_is_trained_is_in_both(machines)


def a_worker_and_the_scheduler(machines: SeveralMachines) -> None:
    """The files of a lost worker go to the other; without a scheduler the ingest says so and ends."""
    machines.gate.at(3)
    ingest = machines.ingest()
    machines.gate.wait()
    before = machines.tracks()
    assert len(before) == 3
    victim = next(iter(machines.cluster.workers().values()))
    os.kill(victim, signal.SIGKILL)
    machines.gate.at(6)
    until(lambda: len(machines.tracks()) == 6)
    machines.gate.wait()
    assert len(machines.tracks()) == 6
    machines.cluster.end_scheduler()
    machines.gate.open()
    code, out, err = ended(ingest)
    address = machines.cluster.address
    assert (code, out, err) == (1, "", f"deepcuts: the scheduler at {address} is gone; {AGAIN}\n")
    kept = machines.tracks()
    assert 6 < len(kept) < N_SONGS - 4
    assert before.items() <= kept.items()
    machines.cluster.start_scheduler_again()
    for _ in range(2):
        machines.cluster.start_worker()


def the_ingest(machines: SeveralMachines) -> None:
    """What it had stored is stored; what it was storing is not, and the next one waits for no lock."""
    before = machines.tracks()
    machines.gate.at(len(before) + 1)
    ingest = machines.ingest()
    machines.gate.wait()
    kill(ingest)
    machines.gate.open()
    machines.gate.wait_for_nobody()
    kept = machines.tracks()
    assert before.items() < kept.items()


def a_service_and_the_database(machines: SeveralMachines) -> None:
    """While an ingest goes on: the other service answers; without a database none does, with it both do."""
    before = machines.tracks()
    machines.gate.at(len(before) + 1)
    ingest = machines.ingest()
    machines.gate.wait()
    page = "/api/tracks?limit=1"
    machines.kill_service(0)
    assert [machines.status_of(number, page) for number in (0, 1)] == [0, 200]
    assert [machines.status_of(None, page) for _ in range(6)] == [200] * 6
    machines.serve(0)
    assert machines.status_of(0, page) == 200
    stored = machines.tracks()
    machines.server.end(signal.SIGKILL)
    code, out, err = ended(ingest)
    assert (code, out) == (1, "")
    assert err.startswith("deepcuts: the catalogue at ") and err.count("\n") == 1
    until(lambda: [machines.status_of(number, page) for number in (0, 1)] == [503, 503])
    machines.server.start()
    until(lambda: [machines.status_of(number, page) for number in (0, 1, None)] == [200] * 3)
    assert machines.tracks() == stored


def the_rest_is_ingested(machines: SeveralMachines) -> None:
    """A run that nobody ends analyses what is missing, and that alone."""
    machines.gate.open()
    kept = machines.tracks()
    code, out, err = ended(machines.ingest())
    assert (code, err) == (0, "")
    report = support.counts(json.loads(out))
    assert report == {"found": N_SONGS, "analysed": N_SONGS - len(kept), "unchanged": len(kept)}
    assert kept.items() < machines.tracks().items()


def both_services_answer_the_same(machines: SeveralMachines) -> None:
    """The one that follows has the index that the ingest wrote; what one is told, the other knows at once."""
    folders = [home / "index" for home in machines.homes]
    until(lambda: read_sidecar(folders[0]) == read_sidecar(folders[1]))
    song = min(machines.tracks())
    wanted = f"/api/tracks/{song}/similar?n={N_SONGS}"
    until(lambda: len(machines.get(1, wanted)["results"]) == N_SONGS - 1)
    until(lambda: machines.get(0, wanted) == machines.get(1, wanted))
    assert machines.get(None, wanted) == machines.get(0, wanted)
    star = f"{machines.address(0)}/api/tracks/{song}/star"
    assert httpx2.put(star, headers=PROGRAM, timeout=60).status_code == 200
    assert machines.get(1, "/api/favourites")["total"] == 1


def what_is_trained_is_in_both(machines: SeveralMachines) -> None:
    """A new classifier reaches the service that follows, with what it says of every song."""
    shipped = machines.get(1, "/api/status")["bundle_id"]
    code, out, err = ended(machines.start(0, "train", "--folds", "2", "--json"))
    assert code == 0, err
    trained = json.loads(out)["bundle_id"]
    assert trained != shipped

    songs = sorted(machines.tracks())[:4]

    def said(number: int) -> list[Any]:
        """Return what a service has of the genres of some songs."""
        segments = [machines.get(number, f"/api/tracks/{song}")["segments"] for song in songs]
        return [[one["genres"] for one in some] for some in segments]

    until(lambda: [machines.get(number, "/api/status")["bundle_id"] for number in (0, 1)] == [trained] * 2)
    until(lambda: {one["name"] for song in said(1) for genres in song for one in genres} == {"hum", "rain"})
    until(lambda: said(0) == said(1))
