"""What the REST interface changes, plays and playlists, and what it counts."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from recommender import params
from tests.databases import KINDS, query
from tests.recommender.hearing import takes_all_for_music
from tests.recommender.service.conftest import Service, serving
from tests.recommender.support import Library, write_song


def test_a_play_is_counted(own: Service) -> None:
    track_id = own.id_of("rock/beta.flac")
    assert own.client.post(f"/api/tracks/{track_id}/plays").json()["plays"] == 1
    answer = own.client.post(f"/api/tracks/{track_id}/plays").json()
    row = own.library.row("rock/beta.flac")
    assert (answer["plays"], row["plays"]) == (2, 2)
    assert row["last_played"].replace(" ", "T") + "Z" == answer["last_played"]
    assert own.get(f"/api/tracks/{track_id}")["last_played"] == answer["last_played"]
    assert own.client.post("/api/tracks/999/plays").status_code == 404


@pytest.mark.databases(*KINDS)
def test_plays_that_come_at_once_are_all_counted(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "WRITE_WAIT_S", 60.0)  # none is refused, however slow this machine is
    track_id = own.id_of("rock/beta.flac")
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(own.client.post, f"/api/tracks/{track_id}/plays") for _ in range(40)]
    assert {one.result().status_code for one in asked} == {200}
    assert own.library.row("rock/beta.flac")["plays"] == 40


def test_a_later_date_of_a_play_stays_and_counts_do_not_overflow(own: Service) -> None:
    sql = "UPDATE track SET plays = ?, last_played = ? WHERE title = 'Beta Motion'"
    query(own.library.home, sql, 2**31 - 1, "2999-01-01 00:00:00.000000")
    answer = own.client.post(f"/api/tracks/{own.id_of('rock/beta.flac')}/plays").json()
    assert (answer["plays"], answer["last_played"]) == (2**31 - 1, "2999-01-01T00:00:00Z")


def test_playlists(own: Service) -> None:
    names = ["rock/beta.flac", "folk/iota.flac", "rock/beta.flac"]
    ids = [own.id_of(name) for name in names]
    made = own.client.post("/api/playlists", json={"name": "Für mich/\r\n", "track_ids": ids})
    assert made.status_code == 201
    url = made.headers["location"]
    shown = own.get(url)
    assert shown == made.json()
    assert [track["track_id"] for track in shown["tracks"]] == ids
    assert (shown["songs"], shown["duration_s"]) == (3, pytest.approx(4.5 + 36 + 4.5, abs=0.1))
    listed = own.get("/api/playlists")["playlists"]
    assert listed == [{key: shown[key] for key in listed[0]}]
    changed = own.client.put(url, json={"name": "Mix", "track_ids": ids[:1]}).json()
    assert (changed["name"], [t["track_id"] for t in changed["tracks"]]) == ("Mix", ids[:1])
    assert own.client.put(url, json={"comment": "quiet"}).json()["name"] == "Mix"
    assert own.client.delete(url).status_code == 204
    assert own.client.get(url).status_code == 404
    assert own.get("/api/playlists") == {"playlists": []}


def test_a_playlist_is_answered_as_it_is_stored(own: Service) -> None:
    """No catalogue keeps NUL characters."""
    made = own.client.post("/api/playlists", json={"name": "x\0y", "comment": "\0a"})
    assert (made.json()["name"], made.json()["comment"]) == ("xy", "a")
    url = made.headers["location"]
    assert own.get(url) == made.json()
    changed = own.client.put(url, json={"name": "z\0", "comment": "b\0c"}).json()
    assert (changed["name"], changed["comment"]) == ("z", "bc")
    assert own.get(url) == changed
    row = query(own.library.home, "SELECT name, comment FROM playlist")[0]
    assert tuple(row) == ("z", "bc")


def test_a_playlist_as_a_file(own: Service) -> None:
    ids = [own.id_of("rock/beta.flac"), own.id_of("folk/iota.flac")]
    made = own.client.post("/api/playlists", json={"name": 'a"\r\nX: y', "track_ids": ids}).json()
    answer = own.client.get(f"/api/playlists/{made['playlist_id']}.m3u8")
    assert answer.text.splitlines() == [
        "#EXTM3U",
        "#EXTINF:4,Ann Arbor - Beta Motion",
        str(own.library.music / "rock/beta.flac"),
        "#EXTINF:36,Frida - Iota",
        str(own.library.music / "folk/iota.flac"),
    ]
    assert "x" not in answer.headers
    assert "filename*=UTF-8''a%22%0D%0AX%3A%20y.m3u8" in answer.headers["content-disposition"]


def test_a_playlist_as_a_file_says_how_many_songs_it_cannot_name(library: Library) -> None:
    for n, name in enumerate(("a\nb.flac", "c\rd.flac")):
        os.rename(write_song(library.music / "made.flac", 60 + n), library.music / name)
    library.ingest()
    with serving(library) as service:
        found = {t["path"]: t["track_id"] for t in service.get("/api/tracks?limit=50")["tracks"]}
        broken = [i for path, i in found.items() if "\n" in path or "\r" in path]
        whole = service.id_of("folk/iota.flac")
        for ids, said in (([whole, *broken, whole, broken[0]], "3"), ([whole], None)):
            url = service.client.post("/api/playlists", json={"name": "x", "track_ids": ids})
            answer = service.client.get(f"{url.headers['location']}.m3u8")
            assert answer.headers.get("x-left-out") == said
            assert answer.text.count("iota.flac\n") == ids.count(whole)
        described = service.get("/openapi.json")["paths"]["/api/playlists/{playlist_id}.m3u8"]["get"]
        assert described["responses"]["200"]["headers"]["X-Left-Out"]["schema"]["type"] == "integer"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", 422),
        (b"[", 422),
        (b'{"name": ""}', 422),
        (b'{"name": "x", "track_ids": ["1"]}', 422),
        (b'{"name": "x", "track_ids": [true]}', 422),
        (b'{"name": "x", "track_ids": [0]}', 422),
        (b'{"name": "x", "track_ids": [999]}', 404),
        (b'{"name": "x", "track_ids": [1e400]}', 422),
        (b'{"name": "x", "owner": "root"}', 422),
        (b'{"name": "\\ud800"}', 422),
        (b"[" * 100_000, 400),
        (b'{"name": ' + b"9" * 5000 + b"}", 400),
        (b'{"name": "' + b"x" * 2**20 + b'"}', 413),
    ],
    ids=lambda value: str(value[:40]) if isinstance(value, bytes) else None,
)
def test_a_playlist_that_cannot_be_made(own: Service, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    answer = own.client.post("/api/playlists", content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert own.get("/api/playlists") == {"playlists": []}


def test_genres_and_tags_count_what_the_filters_pass(own: Service) -> None:
    assert not any(one["tracks"] for one in own.get("/api/tags")["tags"])  # it is no music
    takes_all_for_music(own.library.home)
    own.state.refresh()
    query(own.library.home, "UPDATE track SET label = 'Folk/Nordic' WHERE artist = 'Frida'")
    genres = {one["name"]: one["tracks"] for one in own.get("/api/genres")["genres"]}
    assert genres["Folk/Nordic"] == 1
    tags = {one["name"]: one["tracks"] for one in own.get("/api/tags")["tags"]}
    assert list(tags.values()) == sorted(tags.values(), reverse=True)
    for name, counts in (("genre", genres), ("tag", tags)):
        assert any(counts.values())
        for word, n in counts.items():
            assert own.get("/api/tracks", params={name: word})["total"] == n, word


def test_evaluation(own: Service) -> None:
    bundle = own.state.held.bundle
    answer = own.get("/api/evaluation")
    assert answer["training"] == bundle.training
    assert (answer["classifier"], answer["recommender"]) == (None, None)
    ran = own.library.run("evaluate", "recommender", "-o", own.library.home / "evaluation", "--json")
    assert own.get("/api/evaluation")["recommender"] == ran.json


def figures(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_metrics_count_requests_by_route(own: Service) -> None:
    for path in ("/api/tracks/1", "/api/tracks/2", "/api/tracks/999", "/nothing/1", "/nothing/2"):
        own.client.get(path)
    own.client.request("BREW", "/api/tracks/1")
    answer = own.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = figures(answer.text)

    def counted(method: str, route: str, status: int) -> float:
        return found[f'deepcuts_requests_total{{method="{method}",route="{route}",status="{status}"}}']

    assert counted("GET", "/api/tracks/{track_id}", 200) == 2
    assert counted("GET", "/api/tracks/{track_id}", 404) == 1
    assert counted("GET", "other", 404) == 2
    assert "BREW" not in answer.text
    assert found['deepcuts_request_seconds_count{route="/api/tracks/{track_id}"}'] >= 3
    assert found["deepcuts_index_tracks"] == 10
    assert found["deepcuts_index_segments"] == len(own.state.held.index)
    assert found["process_resident_memory_bytes"] > 2**24


def test_metrics_of_two_services_do_not_mix(own: Service, service: Service) -> None:
    def total(one: Service) -> float:
        found = figures(one.client.get("/metrics").text)
        return sum(value for name, value in found.items() if name.startswith("deepcuts_requests_total"))

    before = total(service)
    for _ in range(5):
        own.client.get("/health")
    assert total(service) == before + 1


def test_a_misspelt_path_is_a_problem(service: Service) -> None:
    answer: Any = service.client.get("/api/trackz")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")
