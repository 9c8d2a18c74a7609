"""Who may change something where no credentials are checked: no page of another site, in no browser."""

from typing import Any

import pytest

from recommender.service.subsonic.router import ACTIONS
from tests.databases import query
from tests.recommender.service.conftest import (
    BASE,
    CREDENTIALS,
    KEY,
    PASSWORD,
    PROGRAM,
    USER,
    AccessSettings,
    Service,
    serving,
)
from tests.recommender.service.subsonic.shapes import error_of

TABLES = ("playlist", "playlist_track", "favourite")
MOZILLA = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/15.0 Safari/605.1.15"
MEANT = {
    "a header that says so": PROGRAM,
    "any authorization": {"Authorization": "Bearer x"},
    "any key": {"X-API-Key": "x"},
    "the own site": {"Origin": BASE},
    "the own page": {"Sec-Fetch-Site": "same-origin"},
    "a person": {"Sec-Fetch-Site": "none"},
}
FOREIGN: dict[str, dict[str, str]] = {
    "another site": {"Origin": "http://evil.example"},
    "a hidden site": {"Origin": "null"},
    "another site in a new browser": {"Sec-Fetch-Site": "cross-site"},
    "another port": {"Sec-Fetch-Site": "same-site", "Origin": BASE},
}
SILENT: dict[str, dict[str, str]] = {
    "nothing": {},
    "an old browser": {"User-Agent": MOZILLA, "Referer": "http://evil.example/", "Cookie": "a=b"},
    "a form": {"Content-Type": "text/plain", "User-Agent": MOZILLA},
}
CHANGES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/api/tracks/1/plays", None),
    ("POST", "/api/playlists", {"name": "x"}),
    ("PUT", "/api/playlists/1", {"name": "y"}),
    ("DELETE", "/api/playlists/1", None),
)
PARAMETERS = {
    "createPlaylist": "name=x&songId=1",
    "updatePlaylist": "playlistId=pl-1&name=y",
    "deletePlaylist": "id=pl-1",
    "setRating": "id=1&rating=3",
}


@pytest.fixture
def listed(own: Service) -> Service:
    """A service with a playlist, whose client says nothing of where it comes from."""
    assert own.client.post("/api/playlists", json={"name": "kept", "track_ids": [1]}).status_code == 201
    del own.client.headers["X-Requested-With"]
    own.client.headers["User-Agent"] = "curl/8"
    return own


def stored(service: Service) -> list[Any]:
    """Return all that a client could change."""
    found = [query(service.library.home, f"SELECT * FROM {table}") for table in TABLES]
    return [*found, query(service.library.home, "SELECT id, plays, last_played FROM track ORDER BY id")]


@pytest.mark.parametrize("how", [*FOREIGN, *SILENT])
def test_others_change_nothing(listed: Service, how: str) -> None:
    before = stored(listed)
    headers = FOREIGN.get(how) or SILENT[how]
    for method, path, body in CHANGES:
        more = {"json": body} if body and "Content-Type" not in headers else {}
        answer = listed.client.request(method, path, headers=headers, **more)
        assert answer.status_code == 403, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        if how in SILENT:
            assert "X-Requested-With" in answer.json()["detail"]
    for name in ACTIONS:
        asked = f"{PARAMETERS.get(name, 'id=1')}&f=json"
        for path in (f"/rest/{name}?{asked}", f"/rest/{name}.view?{asked}"):
            for method in ("GET", "POST", "HEAD"):
                answer = listed.client.request(method, path, headers=headers)
                if how in FOREIGN:
                    assert answer.status_code == 403
                elif method != "HEAD":
                    assert error_of(answer.json())[0] == 10
    assert stored(listed) == before


def test_a_login_that_a_page_made_up_changes_nothing(listed: Service) -> None:
    """In a browser that does not say which site asks: what any login is good for, any page can write."""
    before = stored(listed)
    for name in ACTIONS:
        asked = f"{PARAMETERS.get(name, 'id=1')}&f=json&u=a&p=b"
        for method in ("GET", "POST"):
            answer = listed.client.request(method, f"/rest/{name}?{asked}", headers={"User-Agent": MOZILLA})
            assert error_of(answer.json())[0] == 50
        form = dict(pair.split("=") for pair in asked.split("&"))
        answer = listed.client.post(f"/rest/{name}", data=form, headers={"User-Agent": MOZILLA})
        assert error_of(answer.json())[0] == 50
    assert stored(listed) == before


@pytest.mark.parametrize("how", MEANT)
def test_who_says_where_it_comes_from_changes_things(listed: Service, how: str) -> None:
    for method, path, body in CHANGES:
        more = {"json": body} if body else {}
        answer = listed.client.request(method, path, headers=MEANT[how], **more)
        assert answer.status_code in (200, 201, 204), answer.text
    answer = listed.client.get("/rest/star?id=1&f=json", headers=MEANT[how])
    assert answer.json()["subsonic-response"]["status"] == "ok"
    assert [row["item"] for row in query(listed.library.home, "SELECT item FROM favourite")] == ["1"]


LOGINS = ("u=ann&p=any", "u=ann&t=any&s=salt", "apiKey=any")


@pytest.mark.parametrize("login", LOGINS)
def test_players_change_things_by_any_login(listed: Service, login: str) -> None:
    client = listed.client
    assert client.get(f"/rest/star?id=1&f=json&{login}").json()["subsonic-response"]["status"] == "ok"
    posted = client.post(
        "/rest/scrobble?f=json", data={"id": "1", **dict(p.split("=") for p in login.split("&"))}
    )
    assert posted.json()["subsonic-response"]["status"] == "ok"
    assert query(listed.library.home, "SELECT plays FROM track WHERE id = 1")[0][0] == 1
    assert len(query(listed.library.home, "SELECT * FROM favourite")) == 1


def test_what_only_looks_needs_nothing(listed: Service) -> None:
    for path in ("/api/tracks", "/rest/ping?f=json", "/rest/getPlaylists?f=json", "/rest/stream?id=1"):
        assert listed.client.get(path).status_code == 200
    sound = (listed.library.music / "rock/beta.flac").read_bytes()
    assert listed.client.post("/api/classify", files={"file": sound}).status_code == 200


def test_right_credentials_are_enough(listed: Service) -> None:
    with serving(listed.library, AccessSettings(CREDENTIALS)) as guarded:
        del guarded.client.headers["X-Requested-With"]
        url = "/api/tracks/1/plays"
        assert guarded.client.post(url).status_code == 401
        assert guarded.client.post(url, headers=PROGRAM).status_code == 401
        assert guarded.client.post(url, auth=(USER, PASSWORD)).status_code == 200
        assert guarded.client.post(url, headers={"X-API-Key": KEY}).status_code == 200
        asked = f"/rest/star?id=1&f=json&apiKey={KEY}"
        elsewhere = {"User-Agent": MOZILLA, "Origin": "https://player.example"}
        for headers in ({}, {"User-Agent": MOZILLA}, elsewhere):
            answer = guarded.client.get(asked, headers=headers)
            assert answer.json()["subsonic-response"]["status"] == "ok"
        assert error_of(guarded.client.get("/rest/star?id=1&f=json", headers=PROGRAM).json())[0] == 10
