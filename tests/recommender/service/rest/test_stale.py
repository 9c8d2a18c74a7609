"""The REST interface with an index that is older than the catalogue, and while an ingest writes."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from db.backends import sqlite_file
from db.errors import CatalogError
from recommender import params
from recommender.service.rest import catalogue
from tests.databases import query
from tests.recommender.service.conftest import Service, at_once, serving
from tests.recommender.support import Library, write_song

LISTS = (
    "/api/tracks/{id}/similar?n=50&explain=true",
    "/api/tracks/{id}/similar?n=50&diversity=0.5&discover=0.5",
    "/api/similar?id={id}&id={other}&n=50",
    "/api/find?words=instrumental&n=50",
    "/api/path?from={id}&to={other}&n=20",
    "/api/discover?n=50",
)
CHANGES = {
    "missing": "UPDATE track SET missing = TRUE WHERE title = 'Gamma Ray'",
    "not analysed": "DELETE FROM segment WHERE track_id IN (SELECT id FROM track WHERE title = 'Gamma Ray')",
    "gone": "DELETE FROM track WHERE title = 'Gamma Ray'",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_has_gone_since_is_in_no_list(own: Service, change: str) -> None:
    query(own.library.home, "UPDATE track SET plays = 3 WHERE artist = 'Bob' OR artist = 'Dora'")
    query(own.library.home, "UPDATE track SET label = 'instrumental'")
    first, other = own.id_of("rock/alpha.mp3"), own.id_of("folk/iota.flac")
    gone = own.id_of("rock/gamma.ogg")
    paths = [path.format(id=first, other=other) for path in LISTS]
    before = [ids(own.get(path)) for path in paths]
    assert all(gone in found for found in before[:-1])
    query(own.library.home, CHANGES[change])
    # As whatever drops segments does, or the arrays beside the catalogue would be taken for its own.
    query(own.library.home, "UPDATE setting SET value = 'another' WHERE name = 'vectors_token'")
    assert gone in own.state.held.index.rows.track_ids
    for path in paths:
        found = ids(own.get(path))
        assert found, path
        assert change == "not analysed" or gone not in found, path
    own.get(f"/api/tracks/{gone}/similar", 404)


def ids(answer: Any) -> set[int]:
    return {one["track_id"] for one in (*answer["results"], *answer.get("seeds", ()))}


def test_no_request_fails_while_an_ingest_writes(own: Service) -> None:
    query(own.library.home, "UPDATE track SET plays = 3 WHERE artist = 'Bob'")
    first, other = own.id_of("rock/alpha.mp3"), own.id_of("folk/iota.flac")
    paths = [path.format(id=first, other=other) for path in LISTS]
    paths += ["/api/tracks", "/api/search?q=a", f"/api/tracks/{first}", "/api/status", "/api/genres"]
    paths += [f"/api/tracks/{first}/audio"]
    stop, wrong, asked = threading.Event(), [], 0

    def ask(_number: int) -> None:
        nonlocal asked
        while not stop.is_set():
            for path in paths:
                answer = own.client.get(path)
                asked += 1
                if answer.status_code != 200:
                    wrong.append((path, answer.status_code, answer.text))
            counted = own.client.post(f"/api/tracks/{other}/plays")
            if counted.status_code != 200:
                wrong.append((path, counted.status_code, counted.text))

    with at_once(ask, range(3)):
        for seed in range(200, 206):
            write_song(own.library.music / f"new/{seed}.flac", seed)
        write_song(own.library.music / "rock/gamma.ogg", 300)
        (own.library.music / "jazz/zeta.m4a").unlink()
        report = own.library.ingest()
        own.state.refresh()
        stop.set()
    assert wrong == []
    assert asked > 3 * len(paths)
    assert (report["analysed"], report["missing"]) == (7, 1)
    assert own.get("/api/tracks")["total"] == 15


@pytest.mark.databases("sqlite")
def test_while_another_writes_readers_are_answered_and_writers_told_to_come_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_MS", 100)
    with serving(library) as service:
        track_id = service.id_of("rock/beta.flac")
        other = sqlite3.connect(library.home / "catalog.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        for path in (
            "/api/tracks",
            f"/api/tracks/{track_id}",
            f"/api/tracks/{track_id}/similar",
            "/api/status",
        ):
            service.get(path)
        for method, path, body in (
            ("POST", f"/api/tracks/{track_id}/plays", None),
            ("POST", "/api/playlists", {"name": "x"}),
        ):
            answer = service.client.request(method, path, json=body)
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert int(answer.headers["retry-after"]) > 0
        other.execute("ROLLBACK")
        other.close()
        assert service.client.post(f"/api/tracks/{track_id}/plays").json()["plays"] == 1


def test_health_reads_the_catalogue_and_names_no_server(
    own: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_session: object) -> None:
        raise CatalogError("postgresql://me@secret-host cannot be used")

    monkeypatch.setattr(catalogue, "vectors_token", away)
    answer = own.client.get("/health")
    assert (answer.status_code, answer.json()["detail"]) == (503, "the catalogue cannot be read")


def test_a_fault_tells_nothing_and_leaves_with_the_safe_headers(
    own: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret place /etc/shadow")

    monkeypatch.setattr(catalogue, "status_answer", broken)
    answer = own.client.get("/api/status")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert 'route="/api/status",status="500"' in own.client.get("/metrics").text


def test_answers_that_wait_for_their_turn_hold_up_nothing_else(own: Service) -> None:
    track_id = own.id_of("rock/beta.flac")
    for _ in range(params.CORES):
        own.state._turns.acquire()
    with ThreadPoolExecutor(65) as pool:
        waiting = [pool.submit(own.client.get, f"/api/tracks/{track_id}/similar") for _ in range(60)]
        paths = ("/api/tracks", f"/api/tracks/{track_id}/audio", f"/api/tracks/{track_id}", "/health")
        others = [pool.submit(own.client.get, path) for path in paths]
        try:
            assert [other.result(60).status_code for other in others] == [200] * len(paths)
            assert not any(one.done() for one in waiting)
        finally:
            for _ in range(params.CORES):
                own.state._turns.release()
        assert {one.result(60).status_code for one in waiting} == {200}
