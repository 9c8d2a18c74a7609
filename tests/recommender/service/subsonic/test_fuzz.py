"""OpenSubsonic with whatever a player may send: every call is answered in an envelope, or with a file."""

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.service.subsonic.router import EVERY
from recommender.service.subsonic.system import NOTHING
from tests.recommender.service.conftest import serving
from tests.recommender.service.subsonic.player import Player
from tests.recommender.service.subsonic.shapes import ANSWERS, NAMESPACE, checked, error_of
from tests.recommender.support import Library

CODES = {0, 10, 20, 30, 40, 41, 42, 43, 44, 50, 70}
ENDPOINTS = sorted(EVERY | set(NOTHING))
WORDS = """
    id ids albumId artistId name query type size offset count fromYear toYear genre musicFolderId songCount
    songOffset albumCount albumOffset artistCount artistOffset playlistId songId songIdToAdd songIndexToRemove
    public comment time submission rating startSongId endSongId artist username ifModifiedSince f v u p t s
    apiKey format maxBitRate timeOffset estimateContentLength current currentIndex position mediaId mediaType
    transcodeParams c
"""
NAMES = WORDS.split()


@pytest.fixture(scope="module")
def player(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """A player of a copy of the small library, that may change it."""
    with serving(ingested.clone(tmp_path_factory.mktemp("fuzz"))) as found:
        made = Player(found)
        made.ask("createPlaylist", name="one", songId=list(made.songs().values()))
        yield made


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, list[tuple[str, str]]]:
    values = st.one_of(
        st.sampled_from(
            ["1", "2", "0", "-1", "pl-1", "ar-", "al-x", "true", "false", "json", "newest", "byYear", ""]
        ),
        st.integers().map(str),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    )
    pairs = draw(st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=6))
    likely = {
        "id": "1",
        "type": "newest",
        "query": "a",
        "startSongId": "1",
        "endSongId": "2",
        "playlistId": "pl-1",
        "mediaId": "2",
        "mediaType": "song",
        "format": "mp3",
        "transcodeParams": "mp3-64000-0-0",
    }
    pairs += [(name, likely[name]) for name in draw(st.sets(st.sampled_from(sorted(likely))))]
    return draw(st.sampled_from(ENDPOINTS)), pairs


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(request=requests(), post=st.booleans(), as_json=st.booleans())
def test_every_call_is_answered(
    player: Player, request: tuple[str, list[tuple[str, str]]], post: bool, as_json: bool
) -> None:
    endpoint, pairs = request
    if as_json:
        pairs = [("f", "json"), *pairs]
    sent: dict[str, list[str]] = {}
    for name, value in pairs:
        sent.setdefault(name, []).append(value)
    client = player.service.client
    path = f"/rest/{endpoint}"
    answer = client.post(path, data=sent) if post else client.get(path, params=sent)
    of_http = (400, 404) if endpoint.startswith("getTranscodeStream") else ()  # as the specification has it
    assert answer.status_code in (200, 206, *of_http)
    check(endpoint, answer)


def check(endpoint: str, answer: Any) -> None:
    kind = answer.headers["Content-Type"].partition(";")[0]
    if kind == "application/json":
        body = answer.json()
        if body["subsonic-response"]["status"] == "failed":
            assert error_of(body)[0] in CODES
        else:
            assert endpoint in ANSWERS
            checked(endpoint, body)
    elif kind == "text/xml":
        whole = ElementTree.fromstring(answer.content)
        assert whole.tag == f"{{{NAMESPACE}}}subsonic-response"
        assert whole.get("status") in ("ok", "failed")
    else:
        assert endpoint in ("stream", "download", "getCoverArt", "getTranscodeStream")
        assert kind.split("/")[0] in ("audio", "image")


@pytest.mark.parametrize(
    "query",
    [b"id=%FF%FE", b"id=%00", b"id=1&&&=&a", b"%", b"id=%ed%a0%80", b"f=json&f=xml", b"x=" + b"y" * 50_000],
)
@pytest.mark.parametrize("endpoint", ["getSong", "search3", "createPlaylist", "getCoverArt", "star"])
def test_addresses_that_are_no_text(player: Player, endpoint: str, query: bytes) -> None:
    answer = player.service.client.get(f"/rest/{endpoint}?{query.decode('latin-1')}")
    assert answer.status_code == 200
    check(endpoint, answer)


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b"id=\xff", b"", b"=" * 1000, b"&" * 1000, b'{"id": 1}'])
@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "application/json", "multipart/form-data", "x"]
)
def test_bodies_that_are_no_form(player: Player, body: bytes, kind: str) -> None:
    answer = player.service.client.post("/rest/getSong?f=json", content=body, headers={"Content-Type": kind})
    assert error_of(answer.json())[0] in (10, 70)


def test_paths_are_endpoints_only(player: Player) -> None:
    paths = [
        "/",
        "/../health",
        "/a/b",
        "/getSong.view.view",
        "/%2e%2e%2fetc",
        "",
        "/%ff%fe",
        "/%00",
        "/%0d%0aX:1",
    ]
    for path in paths:
        answer = player.service.client.get(f"/rest{path}", follow_redirects=False)
        assert answer.status_code in (200, 307, 404), path
        assert "X" not in answer.headers
    assert player.service.client.get("/rest/../health").json() == {"status": "ok"}  # as clients resolve it
    assert player.service.client.put("/rest/ping").status_code == 405
