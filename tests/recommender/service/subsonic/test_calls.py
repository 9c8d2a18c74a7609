"""OpenSubsonic within this process: envelope, logins, errors, and what each call answers."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from recommender import params
from recommender.service.app import AccessSettings
from recommender.service.http.auth import Credentials
from recommender.service.subsonic.router import ANSWERS, EVERY, UNLOCKED
from recommender.service.subsonic.system import EXTENSIONS, NOTHING
from tests.conftest import REPO
from tests.recommender.service.conftest import CREDENTIALS, KEY, PASSWORD, USER, Service, serving
from tests.recommender.service.subsonic import shapes
from tests.recommender.service.subsonic.player import Player
from tests.recommender.service.subsonic.shapes import as_xml, canonical, checked, error_of
from tests.recommender.support import SONGS


@pytest.fixture(autouse=True)
def _no_brake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let wrong logins be as many as there are cases; how they are braked is in test_security.py."""
    monkeypatch.setattr(params, "WRONG_LOGINS", 10**6)


@pytest.fixture(scope="module")
def guarded(service: Service) -> Iterator[Player]:
    """A player of a service with a user, a password and a key."""
    with serving(service.library, AccessSettings(CREDENTIALS)) as found:
        yield Player(found)


def calls(player: Player) -> dict[str, dict[str, Any]]:
    """Return calls of endpoints whose answers do not change."""
    songs = player.songs()
    song = player.ask("getSong", id=songs["Beta Motion"])
    one = {"id": song["id"]}
    return {
        "ping": {},
        "getLicense": {},
        "getOpenSubsonicExtensions": {},
        "getMusicFolders": {},
        "getIndexes": {},
        "getMusicDirectory": {"id": song["artistId"]},
        "getArtists": {},
        "getArtist": {"id": song["artistId"]},
        "getAlbum": {"id": song["albumId"]},
        "getAlbumList": {"type": "newest"},
        "getAlbumList2": {"type": "alphabeticalByName"},
        "getSong": one,
        "getGenres": {},
        "getSongsByGenre": {"genre": "Jazz"},
        "getTopSongs": {"artist": "Ann Arbor"},
        "search2": {"query": "a"},
        "search3": {"query": "a"},
        "getStarred": {},
        "getStarred2": {},
        "getSimilarSongs": one,
        "getSimilarSongs2": one,
        "getArtistInfo": one,
        "getArtistInfo2": {"id": song["artistId"]},
        "getSonicSimilarTracks": one,
        "findSonicPath": {"startSongId": songs["Beta Motion"], "endSongId": songs["Iota"]},
        "getPlaylists": {},
        "getScanStatus": {},
        "tokenInfo": {},
        "getUser": {"username": "deepcuts"},
        "getUsers": {},
        "getLyrics": {"artist": "Bob", "title": "Gamma Ray"},
        "getLyricsBySongId": one,
        "getAlbumInfo": one,
        "getAlbumInfo2": {"id": song["albumId"]},
        "getBookmarks": {},
        "getNowPlaying": {},
        **dict.fromkeys(NOTHING, one),
    }


NOT_CALLED = {
    "getRandomSongs", "getCoverArt", "getPlaylist", "getPlayQueue", "getPlayQueueByIndex", "startScan",
}  # fmt: skip


def test_every_answer_has_its_shape_in_json_and_in_xml(player: Player) -> None:
    made = calls(player)
    assert (
        set(made)
        == (set(ANSWERS) | set(UNLOCKED) | set(NOTHING) | {"getOpenSubsonicExtensions"}) - NOT_CALLED
    )
    for endpoint, parameters in made.items():
        body = player.body(endpoint, **parameters)
        checked(endpoint, body)
        written = player.get(f"{endpoint}.view", **parameters)
        assert written.headers["Content-Type"] == "text/xml; charset=utf-8"
        expected = as_xml("subsonic-response", body["subsonic-response"])
        assert canonical(written.text) == expected, endpoint
        posted = player.service.client.post(f"/rest/{endpoint}", data={"f": "json", **parameters})
        assert posted.json() == body, endpoint


def test_the_checker_knows_every_endpoint() -> None:
    binary = {"stream", "download", "getCoverArt", "getTranscodeStream"}
    known = EVERY | set(NOTHING) | {"getOpenSubsonicExtensions"}
    assert known - binary - {"startScan"} == set(shapes.ANSWERS)


@pytest.mark.parametrize("change", [{"title": None}, {"track": "3"}, {"titel": "x"}, {"created": "now"}])
def test_the_checker_sees_what_is_wrong(player: Player, change: dict[str, Any]) -> None:
    body = player.body("getSong", id=player.songs()["Iota"])
    song = body["subsonic-response"]["song"] | change
    body["subsonic-response"]["song"] = {name: value for name, value in song.items() if value is not None}
    with pytest.raises(AssertionError):
        checked("getSong", body)


def token(password: str, salt: str = "salt") -> str:
    return hashlib.md5((password + salt).encode()).hexdigest()


HEX = PASSWORD.encode().hex()
LOGINS: list[tuple[dict[str, str], int | None]] = [
    ({"u": USER, "t": token(PASSWORD), "s": "salt"}, None),
    ({"u": USER, "t": token(PASSWORD).upper(), "s": "salt"}, None),
    ({"u": USER, "p": PASSWORD}, None),
    ({"u": USER, "p": f"enc:{HEX}"}, None),
    ({"u": USER, "p": f"enc:{HEX.upper()}"}, None),
    ({"apiKey": KEY}, None),
    ({}, 10),
    ({"u": USER}, 10),
    ({"t": token(PASSWORD), "s": "salt"}, 10),
    ({"p": PASSWORD}, 10),
    ({"u": USER, "t": token(PASSWORD)}, 10),
    ({"u": USER, "t": token("guess"), "s": "salt"}, 40),
    ({"u": USER, "t": token(PASSWORD), "s": "other"}, 40),
    ({"u": USER, "t": "", "s": ""}, 40),
    ({"u": "bob", "t": token(PASSWORD), "s": "salt"}, 40),
    ({"u": USER, "p": "guess"}, 40),
    ({"u": USER, "p": ""}, 40),
    ({"u": USER, "p": "enc:zz"}, 40),
    ({"u": USER, "p": f"enc:{HEX}0"}, 40),
    ({"u": USER, "p": "enc:ff"}, 40),
    ({"u": USER, "p": KEY}, 40),
    ({"u": "ann\0", "p": PASSWORD}, 40),
    ({"apiKey": "guess"}, 44),
    ({"apiKey": ""}, 44),
    ({"apiKey": PASSWORD}, 44),
    ({"apiKey": KEY, "u": USER}, 43),
    ({"apiKey": KEY, "u": USER, "p": PASSWORD}, 43),
    ({"apiKey": KEY, "t": token(PASSWORD), "s": "salt"}, 43),
    ({"u": USER, "p": PASSWORD, "t": token(PASSWORD), "s": "salt"}, 43),
]


@pytest.mark.parametrize(("login", "code"), LOGINS)
def test_logins(guarded: Player, login: dict[str, str], code: int | None) -> None:
    if code is None:
        guarded.ask("ping", **login)
        assert guarded.ask("getUser", username=USER, **login)["username"] == USER
    else:
        assert guarded.fail("ping", **login) == code
        assert guarded.fail("getArtists", **login) == code


def test_two_values_of_a_login_are_a_conflict(guarded: Player) -> None:
    answer = guarded.service.client.get(f"/rest/ping?f=json&u={USER}&u=bob&p=x")
    assert error_of(answer.json())[0] == 43
    posted = guarded.service.client.post(f"/rest/ping?f=json&apiKey={KEY}", data={"apiKey": "guess"})
    assert error_of(posted.json())[0] == 43


@pytest.mark.parametrize("endpoint", [*sorted(EVERY), *NOTHING, "noSuchCall"])
def test_nothing_but_the_extensions_is_for_everybody(guarded: Player, endpoint: str) -> None:
    for login in ({}, {"u": USER, "p": "guess"}, {"apiKey": "guess"}):
        answer = guarded.get(f"{endpoint}.view", id="1", f="json", **login)
        assert answer.status_code == 200
        assert error_of(answer.json())[0] in (10, 40, 44)


def test_the_extensions_are_for_everybody(guarded: Player) -> None:
    found = {one["name"]: one["versions"] for one in guarded.ask("getOpenSubsonicExtensions")}
    assert found["sonicSimilarity"] == found["formPost"] == found["apiKeyAuthentication"] == [1]
    assert found["transcoding"] == found["transcodeOffset"] == found["indexBasedQueue"] == [1]
    assert "songLyrics" not in found


def test_only_keys(service: Service) -> None:
    with serving(service.library, AccessSettings(Credentials(api_keys=(KEY,)))) as found:
        player = Player(found)
        player.ask("ping", apiKey=KEY)
        assert player.fail("ping", u=USER, t=token(PASSWORD), s="salt") == 41
        assert player.fail("ping", u=USER, p=PASSWORD) == 42


def test_without_credentials_anything_is_accepted(player: Player) -> None:
    player.ask("ping", u="anybody", p="anything")
    assert player.ask("getUser", username="anybody", u="anybody", t="x", s="y")["username"] == "anybody"


def test_credentials_in_headers_do_not_count_here(guarded: Player) -> None:
    answer = guarded.service.client.get("/rest/ping?f=json", headers={"X-API-Key": KEY})
    assert error_of(answer.json())[0] == 10


def test_pages_of_other_sites_may_use_it_only_with_credentials(player: Player, guarded: Player) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    assert player.service.client.get("/rest/ping", headers=foreign).status_code == 403
    assert "Access-Control-Allow-Origin" not in player.get("ping").headers
    answer = guarded.service.client.get(f"/rest/ping?f=json&apiKey={KEY}", headers=foreign)
    checked("ping", answer.json())
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_browsers_may_ask_first_whether_a_player_on_another_site_may(player: Player, guarded: Player) -> None:
    """As the Fetch standard has it: a preflight names method and headers, and carries no login."""
    headers = {
        "Origin": "https://player.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,range",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "cors",
    }
    for endpoint in ("ping.view", "stream"):
        answer = guarded.service.client.options(f"/rest/{endpoint}", headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        allowed = answer.headers["Access-Control-Allow-Methods"].split(", ")
        assert set(allowed) == {"GET", "POST", "HEAD"}
        assert answer.headers["Access-Control-Allow-Headers"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert guarded.service.client.options("/api/tracks", headers=headers).status_code == 403
    for sent, status in ((headers, 403), ({}, 405)):
        refused = player.service.client.options("/rest/ping", headers=sent)
        assert refused.status_code == status
        assert not [name for name in refused.headers if name.startswith("access-control")]


HOSTILE = ["", "0", "-1", "999999", "9" * 40, "1.0", " 1", "١", "../../etc/passwd", "al-", "ar-x", "pl-0"]
HOSTILE += ["pl-99", "pl--1", "1' OR '1'='1", "1\0", "al-%", "\U0001f600"]


@pytest.mark.parametrize(
    "endpoint", ["getSong", "getAlbum", "getArtist", "getPlaylist", "deletePlaylist", "stream"]
)
def test_ids_that_lead_nowhere(player: Player, endpoint: str) -> None:
    for wanted in HOSTILE:
        assert player.fail(endpoint, id=wanted) == 70, wanted


@pytest.mark.parametrize(
    "endpoint", ["download", "getCoverArt", "getMusicDirectory", "getSimilarSongs", "getSonicSimilarTracks"]
)
def test_other_ids_that_lead_nowhere(player: Player, endpoint: str) -> None:
    for wanted in HOSTILE:
        assert player.fail(endpoint, id=wanted) == 70, wanted


MISSING = {
    "getSong": {},
    "getAlbum": {},
    "getArtist": {},
    "getMusicDirectory": {},
    "getAlbumList2": {},
    "getSongsByGenre": {},
    "search3": {},
    "getSimilarSongs": {},
    "getSonicSimilarTracks": {},
    "findSonicPath": {"startSongId": "1"},
    "getPlaylist": {},
    "createPlaylist": {},
    "updatePlaylist": {},
    "deletePlaylist": {},
    "scrobble": {},
    "reportPlayback": {},
    "star": {},
    "setRating": {"id": "1"},
    "stream": {},
    "download": {},
    "getCoverArt": {},
    "getTopSongs": {},
    "getUser": {},
}


@pytest.mark.parametrize("endpoint", MISSING)
def test_what_is_missing_is_named(player: Player, endpoint: str) -> None:
    code, message = error_of(player.body(endpoint, **MISSING[endpoint]))
    assert code == 10
    assert "is missing" in message


@pytest.mark.parametrize(
    ("endpoint", "parameters"),
    [
        ("getAlbumList2", {"type": "best"}),
        ("getAlbumList2", {"type": "newest", "size": "many"}),
        ("getAlbumList2", {"type": "byYear", "fromYear": "x", "toYear": "2000"}),
        ("search3", {"query": "a", "songCount": "1e3"}),
        ("search3", {"query": "a", "songOffset": "9" * 5000}),
        ("setRating", {"id": "1", "rating": "6"}),
        ("setRating", {"id": "1", "rating": "-1"}),
        ("updatePlaylist", {"playlistId": "pl-1", "public": "maybe"}),
        ("scrobble", {"id": "1", "time": "yesterday"}),
        ("scrobble", {"id": "1", "submission": "perhaps"}),
    ],
)
def test_values_that_cannot_be_read(mine: Player, endpoint: str, parameters: dict[str, str]) -> None:
    mine.ask("createPlaylist", name="one")
    assert mine.fail(endpoint, **parameters) == 0


def test_numbers_out_of_bounds_are_brought_within_them(player: Player) -> None:
    assert len(player.ask("getRandomSongs", size="99999999999")["song"]) == len(SONGS)
    assert player.ask("getRandomSongs", size="-5")["song"] == []
    assert player.ask("search3", query="", songOffset="99999999999")["song"] == []


def test_forms_of_answers(player: Player) -> None:
    for unknown in ("jsonp", "yaml", "JSON"):
        answer = player.get("ping", f=unknown, callback="alert")
        assert answer.headers["Content-Type"].startswith("text/xml")
        assert 'status="failed"' in answer.text
        assert "alert" not in answer.text
    assert player.fail("noSuchCall") == 0
    assert error_of(player.get("noSuchCall", f="json").json())[0] == 0


@pytest.mark.parametrize(
    ("version", "code"), [("0.9", 20), ("2.0.0", 30), ("1.1.0", None), ("1.99", None), ("x", None)]
)
def test_generations_of_the_protocol(player: Player, version: str, code: int | None) -> None:
    if code is None:
        player.ask("ping", v=version)
    else:
        assert player.fail("ping", v=version) == code


def test_a_form_that_is_too_large_is_refused(player: Player) -> None:
    player.service.client.post("/rest/ping", data={"c": "x" * (2**20 - 2)}).raise_for_status()
    answer = player.service.client.post("/rest/ping", data={"c": "x" * (2**20 - 1)})
    assert answer.status_code == 413


def test_the_documentation_has_a_line_for_every_endpoint() -> None:
    """What it says is served is served, what is empty answers with nothing, and the rest is not there."""
    text = (REPO / "docs" / "SERVICE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (served|empty|not served) \|", text, re.MULTILINE)
    assert len(rows) == len({name for name, _ in rows}) == 87
    told = {kind: {name for name, of in rows if of == kind} for kind in ("served", "empty", "not served")}
    empty = {*NOTHING, "getAlbumInfo", "getAlbumInfo2", "getLyrics", "getLyricsBySongId"}
    assert told["empty"] == empty
    assert told["served"] == {*EVERY, "getOpenSubsonicExtensions"} - empty
    assert not told["not served"] & {*EVERY, *NOTHING}
    named = set(re.findall(r"`(\w+)`", text[text.index("Extensions:") :].partition("\n\n")[0]))
    assert named == set(EXTENSIONS)
