"""Below a prefix, behind a proxy: what a trusted one says counts, what anybody else says does not."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from recommender.errors import ServiceError
from recommender.service.access import AccessSettings
from recommender.service.http.proxies import checked_prefix, checked_proxies
from tests.recommender.service.conftest import BASE, CREDENTIALS, PROGRAM, Service, serving
from tests.recommender.support import Library

HERE, ELSEWHERE = "127.0.0.1", "203.0.113.7"
NAME = "music.example"
TOLD = {"X-Forwarded-Prefix": "/music"}


@pytest.fixture(scope="module")
def below(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that is told a prefix when it is started, and answers to a name of its own."""
    settings = AccessSettings(hosts=frozenset((NAME,)), root_path="/own", proxies=(HERE, "10.0.0.0/8"))
    with serving(ingested.clone(tmp_path_factory.mktemp("below")), settings) as found:
        yield found


def of(service: Service, address: str) -> TestClient:
    """Return a client that asks from an address."""
    headers = {**PROGRAM}
    return TestClient(service.client.app, base_url=BASE, client=(address, 1), headers=headers)


def next_page(client: TestClient, path: str = "/api/tracks", **headers: str) -> str:
    found: str = client.get(f"{path}?limit=1", headers=headers).links["next"]["url"]
    return found


@pytest.mark.parametrize("address", [HERE, "10.20.30.40"])
def test_a_trusted_proxys_prefix_is_in_all_addresses(below: Service, address: str) -> None:
    client = of(below, address)
    assert next_page(client, **TOLD) == "/music/api/tracks?limit=1&offset=1"
    made = client.post("/api/playlists", json={"name": "mine"}, headers=TOLD)
    assert made.headers["location"] == f"/music/api/playlists/{made.json()['playlist_id']}"
    assert client.get("/openapi.json", headers=TOLD).json()["servers"] == [{"url": "/music"}]


def test_nobody_elses_is(below: Service) -> None:
    client = of(below, ELSEWHERE)
    assert next_page(client, **TOLD) == "/own/api/tracks?limit=1&offset=1"
    assert client.get("/openapi.json", headers=TOLD).json()["servers"] == [{"url": "/own"}]


@pytest.mark.parametrize(
    "told",
    [
        "//evil.example",
        "https://evil.example",
        "/../up",
        "/a/./b",
        "/api",
        "/rest/x",
        '/a"b',
        "music",
        "/a//b",
        "/é",
    ],
)
def test_what_is_no_prefix_is_taken_for_none(below: Service, told: str) -> None:
    headers: Any = {"X-Forwarded-Prefix": told.encode()}
    assert next_page(of(below, HERE), **headers) == "/own/api/tracks?limit=1&offset=1"


def test_the_prefix_may_be_in_the_path_or_taken_away(below: Service) -> None:
    client = of(below, ELSEWHERE)
    plain = client.get("/api/tracks/1")
    assert plain.json()["track_id"] == 1
    assert client.get("/own/api/tracks/1").content == plain.content
    assert client.get(next_page(client, "/own/api/tracks")).json()["offset"] == 1
    assert client.get("/own/").content == client.get("/").content
    sent = client.get("/own", follow_redirects=False)
    assert (sent.status_code, sent.headers["location"]) == (307, "/own/")
    assert client.get("/ownership").status_code == 404
    assert client.get("/other/api/tracks/1").status_code == 404
    wrong = client.delete("/own/api/tracks/1")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
    assert client.get("/own/rest/ping.view?u=a&p=b&c=t&f=json").json()["subsonic-response"]["status"] == "ok"
    assert 'route="/api/tracks/{track_id}"' in client.get("/own/metrics").text


def test_another_sites_pages_are_refused_below_a_prefix_too(below: Service) -> None:
    client = of(below, HERE)
    told = {**TOLD, "X-Forwarded-Host": NAME}
    assert client.get("/", headers={**told, "Origin": f"http://{NAME}"}).status_code == 200
    path = "/api/tracks/1/plays"
    assert client.post(path, headers={**told, "Origin": f"http://{NAME}"}).status_code == 200
    assert client.post(path, headers={**told, "Origin": "http://evil.example"}).status_code == 403
    assert client.post(f"/own{path}", headers={**told, "Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post(path, headers={"Origin": f"http://{NAME}"}).status_code == 403, "asked by another name"
    unknown = client.get("/api/tracks/1", headers={"X-Forwarded-Host": "evil.example"})
    assert unknown.status_code == 421
    rebound = {"Host": "evil.example", "Sec-Fetch-Site": "same-origin"}
    for claimed in ("127.0.0.1", NAME, ""):
        answer = client.get("/api/tracks/1", headers={**rebound, "X-Forwarded-Host": claimed})
        assert answer.status_code == 421, "a page whose name was made to point here sends what it likes"
    stranger = of(below, ELSEWHERE)
    assert stranger.post(path, headers={**told, "Origin": f"http://{NAME}"}).status_code == 403
    assert stranger.get("/api/tracks/1", headers={"X-Forwarded-Host": "evil.example"}).status_code == 200


def test_logins_are_counted_by_the_address_that_a_trusted_proxy_tells(
    ingested: Library, caplog: pytest.LogCaptureFixture
) -> None:
    told = {"X-Forwarded-For": "198.51.100.9", "X-API-Key": "a guess"}
    with serving(ingested, AccessSettings(CREDENTIALS)) as service:
        for address in (HERE, ELSEWHERE):
            assert of(service, address).get("/api/tags", headers=told).status_code == 401
    assert caplog.messages == [
        f"wrong login from {address} (REST)" for address in ("198.51.100.9", ELSEWHERE)
    ]


@pytest.mark.parametrize(
    ("told", "prefix"), [("", ""), ("/", ""), ("/music", "/music"), ("/a/b-c.d/", "/a/b-c.d")]
)
def test_prefixes(told: str, prefix: str) -> None:
    assert checked_prefix(told) == prefix


@pytest.mark.parametrize("told", ["music", "/api", "/rest/music", "/a b", "//a", "/a/../b", "http://a"])
def test_what_is_no_prefix_is_refused_at_the_start(told: str) -> None:
    with pytest.raises(ServiceError, match="--root-path"):
        checked_prefix(told)


def test_proxies_are_addresses_and_networks() -> None:
    assert checked_proxies(["10.0.0.0/8", "::1", "192.0.2.1"]) == ("10.0.0.0/8", "::1", "192.0.2.1")
    for wrong in ("proxy.example", "10.0.0.1/8", ""):
        with pytest.raises(ServiceError, match="--trusted-proxy"):
            checked_proxies([wrong])
