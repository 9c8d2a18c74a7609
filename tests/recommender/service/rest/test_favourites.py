"""Stars, ratings and pictures over REST: as they were set, as players see them, as they are in the files."""

import io
from typing import Any

import pytest
from PIL import Image

from tests.databases import KINDS, query
from tests.recommender.service.conftest import Service

PLAYER = "u=a&p=b&v=1.16.1&c=tests&f=json"


def marks(service: Service, method: str, track_id: int, what: str, status: int = 200, **more: Any) -> Any:
    answer = service.client.request(method, f"/api/tracks/{track_id}/{what}", **more)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.databases(*KINDS)
def test_stars_and_ratings_are_those_that_players_see(own: Service) -> None:
    first, second, third = (own.id_of(f"rock/{name}") for name in ("beta.flac", "alpha.mp3", "gamma.ogg"))
    starred = marks(own, "PUT", first, "star")
    assert (starred["track_id"], starred["rating"]) == (first, None)
    assert starred["starred"].endswith("Z")
    assert marks(own, "PUT", first, "star") == starred, "the first time is kept"
    marks(own, "PUT", third, "rating", json={"rating": 4})
    marks(own, "PUT", second, "star")
    assert marks(own, "PUT", first, "rating", json={"rating": 2.0}) == starred | {"rating": 2}
    page = own.get("/api/favourites")
    assert [(t["track_id"], t["rating"], bool(t["starred"])) for t in page["tracks"]] == [
        (second, None, True),
        (first, 2, True),
        (third, 4, False),
    ]
    assert page["tracks"][1]["title"] == "Beta Motion" and page["total"] == 3
    assert [t["track_id"] for t in own.get("/api/favourites?offset=1&limit=1")["tracks"]] == [first]
    theirs = own.get(f"/rest/getStarred2?{PLAYER}")["subsonic-response"]["starred2"]["song"]
    assert {(song["id"], song["starred"][:19]) for song in theirs if song["id"] == str(first)} == {
        (str(first), starred["starred"][:19])
    }
    details = own.get(f"/api/tracks/{first}")
    assert (details["starred"], details["rating"]) == (starred["starred"], 2)
    own.get(f"/rest/unstar?id={first}&{PLAYER}", headers={"Sec-Fetch-Site": "same-origin"})
    assert own.get(f"/api/tracks/{first}")["starred"] is None
    assert marks(own, "DELETE", first, "rating") == {"track_id": first, "starred": None, "rating": None}
    assert marks(own, "DELETE", second, "star")["starred"] is None
    assert marks(own, "DELETE", second, "star")["starred"] is None, "what is not there may be taken away"
    assert [t["track_id"] for t in own.get("/api/favourites")["tracks"]] == [third]


def test_what_is_no_rating_or_no_track_is_refused(own: Service) -> None:
    track_id = own.id_of("rock/beta.flac")
    for wrong in ({"rating": 0}, {"rating": 6}, {"rating": 2.5}, {"rating": "3"}, {}, {"rating": 3, "x": 1}):
        marks(own, "PUT", track_id, "rating", 422, json=wrong)
    marks(own, "PUT", 999, "star", 404)
    marks(own, "PUT", 999, "rating", 404, json={"rating": 3})
    assert query(own.library.home, "SELECT item FROM favourite") == []


def test_favourites_whose_files_are_gone_are_not_listed(own: Service) -> None:
    track_id = own.id_of("rock/beta.flac")
    marks(own, "PUT", track_id, "star")
    query(own.library.home, "UPDATE track SET missing = 1 WHERE id = ?", track_id)
    assert own.get("/api/favourites") == {"total": 0, "offset": 0, "limit": 50, "tracks": []}


def test_a_picture_is_sent_as_it_is_or_smaller(own: Service) -> None:
    track_id = own.id_of("rock/beta.flac")
    path = f"/api/tracks/{track_id}/cover"
    assert own.get(path, 404)["detail"] == f"track {track_id} has no picture"
    drawn = io.BytesIO()
    Image.new("RGB", (300, 200), (200, 30, 60)).save(drawn, "PNG")
    (own.library.music / "rock/cover.png").write_bytes(drawn.getvalue())
    whole = own.client.get(path)
    assert (whole.headers["content-type"], whole.content) == ("image/png", drawn.getvalue())
    small = own.client.get(f"{path}?size=60")
    with Image.open(io.BytesIO(small.content)) as shown:
        assert shown.size == (60, 40)
        assert shown.convert("RGB").getpixel((30, 20)) == pytest.approx((200, 30, 60), abs=4)
    assert small.headers["etag"] != whole.headers["etag"]
    again = own.client.get(path, headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    own.get(f"{path}?size=5000", 422)
