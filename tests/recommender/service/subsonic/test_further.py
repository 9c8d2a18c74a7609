"""Players that ask again for songs like the same one are given further ones, whichever process they ask."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from db.listening.tables import SimilarGiven
from db.values import utc_now
from tests.databases import KINDS
from tests.recommender.service.conftest import Service, serving
from tests.recommender.service.subsonic.player import Player


def three(player: Player, song: str, endpoint: str = "getSimilarSongs2") -> list[str]:
    """Ask for three songs like one."""
    answer = player.ask(endpoint, id=song, count=3)
    if endpoint == "getSonicSimilarTracks":
        return [match["entry"]["id"] for match in answer]
    return [one["id"] for one in answer["song"]]


@pytest.mark.databases(*KINDS)
@pytest.mark.parametrize("endpoint", ["getSimilarSongs", "getSimilarSongs2", "getSonicSimilarTracks"])
def test_they_go_on_until_none_is_left_and_begin_anew(own: Service, endpoint: str) -> None:
    mine = Player(own, c="car")
    seed = mine.songs()["Iota"]
    first = three(mine, seed, endpoint)
    assert first == [str(one["track_id"]) for one in own.get(f"/api/tracks/{seed}/similar?n=3")["results"]]
    with serving(own.library) as other:  # as another process of the service
        second = three(Player(other, c="car"), seed, endpoint)
        assert three(Player(other, c="phone"), seed, endpoint) == first
    third = three(mine, seed, endpoint)
    heard = [*first, *second, *third]
    assert len(set(heard)) == 9 and seed not in heard  # all of the library
    assert three(mine, seed, endpoint) == first
    assert three(mine, seed, endpoint) == second


def test_each_song_and_each_endpoint_is_remembered_for_itself(mine: Player) -> None:
    songs = mine.songs()
    first = three(mine, songs["Iota"])
    other = three(mine, songs["Zeta"])
    assert three(mine, songs["Iota"], "getSimilarSongs") == first
    again = three(mine, songs["Iota"])
    assert not {*again} & {*first}
    assert not {*three(mine, songs["Zeta"])} & {*other}


def test_after_some_hours_it_begins_anew(mine: Player) -> None:
    song = mine.songs()["Iota"]
    first = three(mine, song)
    with mine.service.state.change() as session:
        session.execute(update(SimilarGiven).values(at=utc_now() - timedelta(hours=7)))
    assert three(mine, song) == first


def test_artists_alike_are_the_same_each_time(mine: Player) -> None:
    song = mine.ask("getSong", id=mine.songs()["Iota"])
    asked = [mine.ask("getArtistInfo2", id=song["artistId"], count=3) for _ in range(2)]
    assert asked[0] == asked[1]
