"""Radios over REST: made, played on, told what became of songs, and the same for every process."""

from typing import Any

import pytest

from tests.databases import KINDS
from tests.recommender.service.conftest import Service


def ask(service: Service, method: str, path: str, status: int = 200, **more: Any) -> Any:
    answer = service.client.request(method, path, **more)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


@pytest.mark.databases(*KINDS)
def test_a_radio_is_made_and_goes_on(own: Service) -> None:
    seed = own.id_of("rock/beta.flac")
    made = ask(own, "POST", "/api/radios", 201, json={"kind": "song", "seed": str(seed), "far": 0.5})
    assert (made["kind"], made["seed"], made["far"], made["songs"]) == ("song", str(seed), 0.5, 0)
    path = f"/api/radios/{made['radio_id']}"
    first = ask(own, "POST", f"{path}/next", json={"n": 3})["results"]
    more = ask(own, "POST", f"{path}/next", json={"n": 2})["results"]
    assert [one["position"] for one in first + more] == [0, 1, 2, 3, 4]
    ids = [one["track_id"] for one in first + more]
    assert len(set(ids)) == 5 and seed not in ids
    assert all(one["reason"] and one["outcome"] == "given" for one in first)
    noted = ask(own, "PUT", f"{path}/songs/1", json={"outcome": "skipped"})
    assert [one["outcome"] for one in noted["played"]] == ["given", "skipped", "given", "given", "given"]
    assert ask(own, "PUT", path, json={"far": 0, "name": "Mine"})["name"] == "Mine"
    assert own.get(path)["far"] == 0.0
    assert [one["radio_id"] for one in own.get("/api/radios")["radios"]] == [made["radio_id"]]
    ask(own, "DELETE", path, 204)
    ask(own, "GET", path, 404)


def test_what_is_no_radio_is_refused(own: Service) -> None:
    ask(own, "POST", "/api/radios", 422, json={"kind": "mood", "seed": "x"})
    ask(own, "POST", "/api/radios", 404, json={"kind": "artist", "seed": "nobody at all"})
    ask(own, "POST", "/api/radios", 404, json={"kind": "song", "seed": "99999"})
    ask(own, "POST", "/api/radios/77/next", 404, json={})
    ask(own, "PUT", "/api/radios/77/songs/0", 404, json={"outcome": "finished"})


def test_less_like_is_kept_and_undone(own: Service) -> None:
    track_id = own.id_of("rock/beta.flac")
    assert ask(own, "PUT", f"/api/tracks/{track_id}/less-like") == {"track_id": track_id, "less_like": True}
    assert [one["track_id"] for one in own.get("/api/less-like")["tracks"]] == [track_id]
    seed = own.id_of("rock/alpha.mp3")
    made = ask(own, "POST", "/api/radios", 201, json={"kind": "song", "seed": str(seed)})
    played = ask(own, "POST", f"/api/radios/{made['radio_id']}/next", json={"n": 5})["results"]
    assert track_id not in [one["track_id"] for one in played]
    assert not ask(own, "DELETE", f"/api/tracks/{track_id}/less-like")["less_like"]
    assert own.get("/api/less-like")["tracks"] == []
    ask(own, "PUT", "/api/tracks/99999/less-like", 404)
