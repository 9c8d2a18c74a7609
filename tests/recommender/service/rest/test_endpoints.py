"""The REST interface, against what the commands print and what the catalogue's rows say."""

import functools
import math
from pathlib import Path
from typing import Any

import httpx2
import pytest

from recommender import params
from tests.recommender.service.conftest import Server, Service
from tests.recommender.support import SONGS
from tests.waiting import until

BY_ARTIST = ["kappa", "Alpha Rising", "Beta Motion", "Gamma Ray", "Delta Blues", "Epsilon", "Zeta", "Theta"]


def titles(answer: Any) -> list[str]:
    return [track["title"] for track in answer["tracks"]]


def test_status_is_the_commands(service: Service) -> None:
    assert service.get("/api/status") == service.library.run("status", "--json").json


def test_status_opens_the_catalogue_only_once(service: Service) -> None:
    before = len(service.state.home._opened)
    for _ in range(3):
        service.get("/api/status")
    assert len(service.state.home._opened) == before


def test_health(service: Service) -> None:
    assert service.get("/health") == {"status": "ok"}


def test_tracks_come_in_pages_that_lead_to_each_other(service: Service) -> None:
    path, seen, pages = "/api/tracks?limit=4&sort=title", [], 0
    while path:
        answer = service.client.get(path)
        assert answer.json()["total"] == len(SONGS)
        assert len(answer.json()["tracks"]) == (4 if pages < 2 else 2)
        seen += titles(answer.json())
        link = answer.links.get("next", {})
        offset = answer.json()["next_offset"]
        assert (offset is None) == (not link)
        path, pages = link.get("url", ""), pages + 1
    assert pages == 3
    assert seen == sorted((title or "kappa" for _, title, _, _ in SONGS.values()), key=str.casefold)


def test_tracks_by_path_artist_and_id(service: Service) -> None:
    by_path = [track["path"] for track in service.get("/api/tracks")["tracks"]]
    assert by_path == sorted(str(service.library.music / name) for name in SONGS)
    by_artist = service.get("/api/tracks?sort=artist")["tracks"]
    keys = [
        f"{t['artist']} {t['title']}".strip().casefold().replace("é", "e").replace("ü", "u")
        for t in by_artist
    ]
    assert keys == sorted(keys)
    ids = [track["track_id"] for track in service.get("/api/tracks?sort=id&offset=3&limit=5")["tracks"]]
    assert ids == sorted(ids) and len(ids) == 5


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"artist": "Ann Arbor"}, {"Alpha Rising", "Beta Motion"}),
        ({"artist": "Ann"}, set()),
        ({"q": "cafe muller"}, {"Delta Blues", "Epsilon"}),
        ({"q": "BLUES delta"}, {"Delta Blues"}),
        ({"q": "100%"}, {"Eta 100%"}),
        ({"q": "emil_folk"}, {"Eta 100%"}),  # neither % nor _ is a wildcard
        ({"q": "' OR 1=1 --"}, set()),
        ({"q": "nothing like it"}, set()),
    ],
)
def test_tracks_that_fit(service: Service, asked: dict[str, str], expected: set[str]) -> None:
    answer = service.get("/api/tracks", params=asked)
    assert set(titles(answer)) == expected
    assert answer["total"] == len(expected)
    if "q" in asked:
        assert set(titles(service.get("/api/search", params=asked))) == expected


def test_search_reads_albums_too(own: Service) -> None:
    from tests.databases import query

    query(own.library.home, "UPDATE track SET album = ? WHERE title = ?", "Été à Rome", "Zeta")
    assert titles(own.get("/api/search?q=ete+rome")) == ["Zeta"]
    assert titles(own.get("/api/search?q=ete+dora")) == ["Zeta"]
    assert titles(own.get("/api/tracks", params={"album": "Été à Rome"})) == ["Zeta"]


def test_tracks_by_sound_are_those_that_the_commands_filter_by(service: Service) -> None:
    found = service.get("/api/tracks/1/similar", params={"n": 50, "tag": "instrumental"})
    by_tag = service.get("/api/tracks", params={"tag": "instrumental", "limit": 50})
    expected = {track["track_id"] for track in by_tag["tracks"]} - {1}
    assert {track["track_id"] for track in found["results"]} == expected


def test_every_list_gives_each_song_its_one_verdict(service: Service) -> None:
    tracks = service.get("/api/tracks", params={"limit": 500})["tracks"]
    verdicts = {track["track_id"]: track["verdict"] for track in tracks}
    for track_id, verdict in verdicts.items():
        assert service.get(f"/api/tracks/{track_id}")["judgement"]["verdict"] == verdict
    similar = service.get(f"/api/tracks/{min(verdicts)}/similar", params={"n": 50})["results"]
    assert similar
    assert all(one["verdict"] == verdicts[one["track_id"]] for one in similar)


def test_a_track(service: Service) -> None:
    name = "folk/iota.flac"
    answer = service.get(f"/api/tracks/{service.id_of(name)}")
    assert (answer["title"], answer["artist"], answer["plays"]) == ("Iota", "Frida", 0)
    assert [(s["start_s"], s["end_s"]) for s in answer["segments"]] == [(0.0, 30.0), (30.0, 36.0)]
    heard = service.library.run("classify", service.library.music / name, "--json").json[0]
    assert answer["judgement"]["label"] == heard["label"]
    for mine, its in zip(answer["segments"], heard["segments"], strict=True):
        assert (mine["start_s"], mine["level_dbfs"]) == (its["start_s"], its["level_dbfs"])
        for kind in ("genres", "tags"):
            known = {one["name"]: one["probability"] for one in its[kind]}
            for one in mine[kind]:
                assert math.isclose(one["probability"], known.get(one["name"], 0), abs_tol=2e-3)
    assert answer["file"]["size_bytes"] == (service.library.music / name).stat().st_size
    assert answer["file"]["genres"] == ["Folk"]


@pytest.mark.parametrize("path", ["/api/tracks/999", "/api/tracks/999/audio", "/api/tracks/999/similar"])
def test_no_such_track(service: Service, path: str) -> None:
    answer = service.client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Not Found"


SIMILAR: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "plain": ({}, ()),
    "options": ({"n": 3, "discover": 0.5, "diversity": 0.4}, ("-n3", "--discover=0.5", "--diversity=0.4")),
    "caps": ({"per_artist": 1, "per_album": 0}, ("--per-artist=1", "--per-album=0")),
    "plain cosines": ({"hub_correction": False}, ("--no-hub-correction",)),
    "filters": (
        {"duration_from_s": 4.2, "duration_to_s": 60, "unplayed": True},
        ("--duration=4.2-1:00", "--unplayed"),
    ),
    "sound": (
        {"tempo_from": 60, "tempo_to": 100, "energy_from": 0.2, "energy_to": 0.9},
        ("--tempo=60-100", "--energy=0.2-0.9"),
    ),
    "keys": (
        {"key": ["Am", "F"], "related_keys": True, "tempo_to": 300},
        ("--key=A minor", "--key=F major", "--related-keys", "--tempo=-300"),
    ),
    "voice and mood": (
        {"voice": "sung", "mood": ["Mellow"], "tag": ["chill"]},
        ("--voice=sung", "--mood=mellow", "--tag=chill"),
    ),
    "left out": (
        {"not_artist": ["Frida", "emil folk"], "not_album": ["Nothing"], "voice": "sung"},
        ("--not-artist=frida", "--not-artist=Emil Folk", "--not-album=nothing", "--voice=sung"),
    ),
    "one tempo": ({"tempo_from": 120, "tempo_to": 120}, ("--tempo=120 bpm",)),
    "passage": ({"from_s": 30, "to_s": 36}, ("--from=0:30", "--to=0:36")),
    "not the artist": ({"exclude_same_artist": True}, ("--exclude-same-artist",)),
    "explained": ({"explain": True}, ("--explain",)),
}


@pytest.mark.parametrize("case", SIMILAR)
def test_similar_is_the_commands(service: Service, case: str) -> None:
    asked, options = SIMILAR[case]
    track_id = service.id_of("folk/iota.flac")
    expected = service.library.similar(track_id, *options)
    assert service.get(f"/api/tracks/{track_id}/similar", params=asked) == expected
    assert service.get("/api/similar", params={**asked, "id": track_id}) == expected


def test_similar_to_several_and_unlike_others(service: Service) -> None:
    expected = service.library.similar(1, 2, "--not", 3)
    assert service.get("/api/similar?id=1&id=2&not=3") == expected


def test_similar_to_a_playlist_is_similar_to_any_of_its_songs(own: Service, tmp_path: Path) -> None:
    names = ["folk/iota.flac", "rock/alpha.mp3", "rock/beta.flac"]
    ids = [own.id_of(name) for name in names]
    made = own.client.post("/api/playlists", json={"name": "mix", "track_ids": [*ids, ids[0]]}).json()
    (tmp_path / "mix.m3u8").write_text("\n".join(str(own.library.music / name) for name in names))
    ran = own.library.run("similar", tmp_path / "mix.m3u8", "-n", "6", "--energy", "0-1", "--json")
    asked = {"playlist": made["playlist_id"], "n": 6, "energy_from": 0, "energy_to": 1}
    assert own.get("/api/similar", params=asked) == ran.json
    zeta = own.id_of("jazz/zeta.m4a")
    unlike = own.get("/api/similar", params={"playlist": made["playlist_id"], "not": zeta})
    assert [one["track_id"] for one in unlike["unwanted"]] == [zeta]
    empty = own.client.post("/api/playlists", json={"name": "empty"}).json()["playlist_id"]
    assert own.get(f"/api/similar?playlist={empty}", 404)["detail"].startswith("no song of the playlist")
    assert own.get("/api/similar?playlist=999", 404)["detail"] == "no playlist has the id 999"
    assert own.get("/api/similar", 422)["detail"].startswith("there is nothing to go by")
    passage = own.get(f"/api/similar?playlist={empty}&from_s=1", 422)
    assert passage["detail"].startswith("a passage is of one song")


def test_lists_are_the_commands(own: Service) -> None:
    run = own.library.run
    first, last = own.id_of("rock/alpha.mp3"), own.id_of("folk/iota.flac")
    expected = run("find", "instrumental", "--not", "rock", "-n", "4", "--json").json
    assert own.get("/api/find", params={"words": "instrumental", "not": "rock", "n": 4}) == expected
    expected = run("path", first, last, "-n", "5", "--json").json
    assert own.get("/api/path", params={"from": first, "to": last, "n": 5}) == expected
    counts = own.library.music / "plays.csv"
    counts.write_text("path,plays\nrock/alpha.mp3,7\n")
    assert own.get("/api/discover", 404)["detail"].startswith("no song has been played yet")
    run("plays", "import", counts, "--json")
    narrow = {"n": 9, "voice": "sung", "genre": "rock", "not_artist": "Frida", "energy_from": 0.1}
    options = ("-n9", "--voice=sung", "--genre=rock", "--not-artist=Frida", "--energy=0.1-")
    assert own.get("/api/discover", params=narrow) == run("discover", *options, "--json").json
    assert (
        own.get("/api/find", params=narrow | {"words": "rock"})
        == run("find", "rock", *options, "--json").json
    )
    asked = {"from": first, "to": last, "n": 5, "voice": "sung", "not_artist": "Frida"}
    options = ("-n5", "--voice=sung", "--not-artist=Frida")
    assert own.get("/api/path", params=asked) == run("path", first, last, *options, "--json").json
    assert own.get("/api/discover?n=3") == run("discover", "-n", "3", "--json").json


def test_a_misspelt_parameter_is_not_ignored(service: Service) -> None:
    answer = service.get("/api/tracks?genere=rock", 422)
    assert "no parameter is called 'genere'" in answer["detail"]
    assert "genre" in answer["detail"]


def test_the_map_is_computed_once(own: Service) -> None:
    answer = own.client.get("/api/map")
    assert (answer.status_code, answer.json()) == (202, {"status": "computing"})
    assert int(answer.headers["retry-after"]) > 0
    until(lambda: own.client.get("/api/map").status_code == 200)
    answer = own.client.get("/api/map")
    points = {point["track_id"]: point for point in answer.json()["tracks"]}
    assert len(points) == len(SONGS)
    assert all(-1 <= point[axis] <= 1 for point in points.values() for axis in "xy")
    assert all(set(region) == {"name", "x", "y", "level", "tracks"} for region in answer.json()["regions"])
    kept = list((own.library.home / "cache" / "maps").glob("*.json"))
    assert len(kept) == 1
    stamp = kept[0].stat().st_mtime_ns
    assert own.get("/api/map")["tracks"] == answer.json()["tracks"]
    assert kept[0].stat().st_mtime_ns == stamp


def test_head_is_answered_wherever_get_is(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same status and headers, and no body."""
    monkeypatch.setattr(params, "LISTENERS", 1)
    client, track_id = own.client, own.id_of("folk/iota.flac")
    made = client.post("/api/playlists", json={"name": "one", "track_ids": [track_id]}).json()
    ids = {"{track_id}": str(track_id), "{playlist_id}": str(made["playlist_id"])}
    needed = {"/api/search": "q=iota", "/api/find": "words=iota", "/api/similar": f"id={track_id}"}
    asked = ["/", "/openapi.json", "/api/tracks/999", "/nothing", "/api/tracks?limit=0"]
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        if "get" in operations:
            made_of = functools.reduce(lambda text, one: text.replace(*one), ids.items(), path)
            asked.append(f"{made_of}?{needed[path]}" if path in needed else made_of)
    assert len(asked) > 25
    until(lambda: client.get("/api/map").status_code == 200)  # before it is laid out both say 202
    for address in asked:
        got, head = client.get(address), client.head(address)
        assert (head.status_code, head.content) == (got.status_code, b""), address
        moving = {"date", "content-length"} if address in ("/metrics", "/api/status") else {"date"}
        heads, gots = ({k: v for k, v in one.headers.items() if k not in moving} for one in (head, got))
        assert heads == gots, address
    assert client.head(f"/api/tracks/{track_id}/listen").status_code == 200  # the last gave its place back
    refused = client.head(f"/api/tracks/{track_id}/plays")
    assert (refused.status_code, refused.headers["allow"], refused.content) == (405, "POST", b"")
    assert client.request("BREW", "/api/tags").headers["allow"] == "GET, HEAD"
    assert client.head("/api/tags", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    counted = 'deepcuts_requests_total{method="HEAD",route="/api/tags",status="200"} 1.0'
    assert counted in client.get("/metrics").text


def test_a_head_of_a_song_that_is_decoded_decodes_none_of_it(live: Server, service: Service) -> None:
    url = f"{live.url}/api/tracks/{service.id_of('folk/iota.flac')}/listen"
    with httpx2.Client(timeout=60) as client:
        got = client.get(url)
        head = client.head(url, headers={"Range": "bytes=0-9"})
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))
        assert client.get(f"{live.url}/health").json() == {"status": "ok"}  # on the same connection
