"""``mixes`` on a real small library, and what the service says of them."""

import time
from typing import Any

from tests.recommender.service.conftest import serving
from tests.recommender.support import SONGS, Library


def test_mixes_are_listed_and_saved(library: Library) -> None:
    first = library.run("mixes", "--save", "--json")
    assert first.code == 0, first.err
    mixes: list[Any] = first.json["mixes"]
    assert sum(mix["of_tracks"] for mix in mixes if mix["kind"] == "sound") <= len(SONGS)
    assert mixes and all(mix["playlist_id"] and mix["covers"] for mix in mixes)
    assert library.run("mixes", "--again", "--save", "--json").json["mixes"] == mixes
    shown = library.run("mixes")
    assert shown.code == 0
    assert all(mix["name"] in shown.out for mix in mixes)


def test_the_service_makes_them_in_the_background(library: Library) -> None:
    with serving(library) as own:
        answer = own.client.get("/api/mixes")
        assert (answer.status_code, answer.json()) == (202, {"status": "computing"})
        end = time.monotonic() + 60
        while answer.status_code == 202 or answer.json()["status"] != "ready":
            assert time.monotonic() < end
            time.sleep(0.1)
            answer = own.client.get("/api/mixes")
        mixes = answer.json()["mixes"]
        assert mixes == library.run("mixes", "--json").json["mixes"]
        mix = own.get(f"/api/mixes/{mixes[0]['mix_id']}")
        assert [track["track_id"] for track in mix["tracks"]][:4] == mix["covers"] == mixes[0]["covers"]
        saved = [own.client.put(f"/api/mixes/{mix['mix_id']}/playlist").json() for _ in range(2)]
        assert saved[0] == saved[1]
        playlist = own.get(f"/api/playlists/{saved[0]['playlist_id']}")
        assert [t["track_id"] for t in playlist["tracks"]] == [t["track_id"] for t in mix["tracks"]]
        assert own.get("/api/mixes/99", 404)["detail"] == "no mix has the id 99"
        assert own.client.put("/api/mixes/99/playlist").status_code == 404
