"""OpenSubsonic: playlists, plays, stars and ratings, against the rows of the catalogue."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.recommender.service.conftest import at_once, put_on_albums
from tests.recommender.service.subsonic.player import Player
from tests.recommender.service.subsonic.shapes import checked
from tests.recommender.support import query

PLAYED_MS = 1_700_000_000_000
PLAYED = "2023-11-14 22:13:20"


def plays(player: Player, title: str) -> tuple[int, str | None]:
    [row] = query(player.service.library.home, "SELECT plays, last_played FROM track WHERE title = ?", title)
    return row[0], row[1] and str(row[1])[:19]


def titles(playlist: Any) -> list[str]:
    return [song["title"] for song in playlist["entry"]]


def test_a_playlist_is_made_and_read(mine: Player) -> None:
    songs = mine.songs()
    wanted = ["Zeta", "Alpha Rising", "Zeta"]
    made = mine.ask("createPlaylist", name="Nächte", songId=[songs[title] for title in wanted])
    assert (titles(made), made["songCount"], made["name"]) == (wanted, 3, "Nächte")
    assert mine.ask("getPlaylist", id=made["id"]) == made
    listed = {name: value for name, value in made.items() if name != "entry"}
    assert mine.ask("getPlaylists")["playlist"] == [listed]
    assert made["duration"] == round(sum(song["duration"] for song in made["entry"]))
    assert made["created"] == made["changed"]
    assert abs(datetime.fromisoformat(made["created"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_songs_of_a_playlist_are_replaced(mine: Player) -> None:
    songs = mine.songs()
    made = mine.ask("createPlaylist", name="one", songId=[songs["Zeta"]])
    other = mine.ask("createPlaylist", playlistId=made["id"], songId=[songs["Iota"], songs["Theta"]])
    assert (other["id"], other["name"], titles(other)) == (made["id"], "one", ["Iota", "Theta"])
    assert other["changed"] > made["changed"]
    emptied = mine.ask("createPlaylist", playlistId=made["id"], name="none")
    assert (emptied["name"], emptied["entry"], emptied["songCount"]) == ("none", [], 0)


def test_a_playlist_is_changed(mine: Player) -> None:
    songs = mine.songs()
    some = [songs[title] for title in ("Zeta", "Iota", "Theta")]
    made = mine.ask("createPlaylist", name="one", songId=some)
    mine.ask(
        "updatePlaylist", playlistId=made["id"], songIndexToRemove=["0", "2"], songIdToAdd=[some[0], some[0]]
    )
    changed = mine.ask("getPlaylist", id=made["id"])
    assert titles(changed) == ["Iota", "Zeta", "Zeta"]
    assert (changed["name"], changed["comment"], changed["public"]) == ("one", "", False)
    mine.ask("updatePlaylist", playlistId=made["id"], name="two", comment="c", public="true")
    said = mine.ask("getPlaylist", id=made["id"])
    assert (said["name"], said["comment"], said["public"]) == ("two", "c", True)
    assert titles(said) == titles(changed)
    mine.ask("updatePlaylist", playlistId=made["id"], comment="", public="false")
    said = mine.ask("getPlaylist", id=made["id"])
    assert (said["name"], said["comment"], said["public"]) == ("two", "", False)


def test_an_unknown_song_changes_nothing(mine: Player) -> None:
    songs = mine.songs()
    made = mine.ask("createPlaylist", name="one", songId=[songs["Zeta"]])
    assert mine.fail("createPlaylist", playlistId=made["id"], songId=[songs["Iota"], "999"]) == 70
    assert mine.fail("updatePlaylist", playlistId=made["id"], name="two", songIdToAdd="999") == 70
    assert mine.fail("createPlaylist", name="two", songId="x") == 70
    assert mine.ask("getPlaylists")["playlist"] == [{n: v for n, v in made.items() if n != "entry"}]
    assert mine.ask("getPlaylist", id=made["id"]) == made


def test_a_playlist_is_deleted(mine: Player) -> None:
    made = [mine.ask("createPlaylist", name=name)["id"] for name in ("b", "a")]
    mine.ask("deletePlaylist", id=made[0])
    assert [one["id"] for one in mine.ask("getPlaylists")["playlist"]] == made[1:]
    assert mine.fail("getPlaylist", id=made[0]) == mine.fail("deletePlaylist", id=made[0]) == 70


def test_a_long_playlist_is_posted(mine: Player) -> None:
    ids = list(mine.songs().values()) * 2000
    answer = mine.service.client.post(
        "/rest/createPlaylist", data={"f": "json", "name": "long", "songId": ids}
    )
    made = checked("createPlaylist", answer.json())
    assert [song["id"] for song in made["entry"]] == ids
    assert made["songCount"] == 20_000


def test_two_who_add_at_once_lose_nothing(mine: Player) -> None:
    songs = list(mine.songs().values())
    made = mine.ask("createPlaylist", name="ours")["id"]
    failed: list[Any] = []

    def add(song: str) -> None:
        for _ in range(10):
            answer = mine.get("updatePlaylist", f="json", playlistId=made, songIdToAdd=song)
            if answer.status_code != 200 or answer.json()["subsonic-response"]["status"] != "ok":
                failed.append(answer.text)

    with at_once(add, songs[:4]):
        pass
    assert failed == []
    held = [song["id"] for song in mine.ask("getPlaylist", id=made)["entry"]]
    assert sorted(held) == sorted(songs[:4] * 10)


def test_plays_of_several_players_at_once_are_all_counted(mine: Player) -> None:
    song, failed = mine.songs()["Zeta"], []

    def play(_number: int) -> None:
        for _ in range(10):
            answer = mine.get("scrobble", f="json", id=song)
            if answer.json()["subsonic-response"]["status"] != "ok":
                failed.append(answer.text)

    with at_once(play, range(4)):
        pass
    assert failed == []
    assert plays(mine, "Zeta")[0] == 40


def test_plays_are_counted(mine: Player) -> None:
    songs = mine.songs()
    mine.ask("scrobble", id=songs["Zeta"], time=str(PLAYED_MS))
    assert plays(mine, "Zeta") == (1, PLAYED)
    mine.ask("scrobble", id=songs["Zeta"], time=str(PLAYED_MS - 86_400_000), submission="true")
    assert plays(mine, "Zeta") == (2, PLAYED)
    mine.ask("scrobble", id=songs["Zeta"], submission="false", time=str(PLAYED_MS + 1000))
    mine.ask("scrobble", id=songs["Iota"], submission="false")
    assert plays(mine, "Zeta") == (2, PLAYED)
    assert plays(mine, "Iota") == (0, None)
    mine.ask("scrobble", id=songs["Iota"])
    count, when = plays(mine, "Iota")
    assert count == 1
    assert abs(datetime.fromisoformat(str(when)) - datetime.now(UTC).replace(tzinfo=None)) < timedelta(
        minutes=1
    )
    assert mine.ask("getSong", id=songs["Zeta"])["played"] == "2023-11-14T22:13:20Z"


def test_several_plays_at_once(mine: Player) -> None:
    songs = mine.songs()
    ids = [songs["Zeta"], songs["Theta"], songs["Zeta"]]
    times = [str(PLAYED_MS), str(PLAYED_MS - 1000), str(PLAYED_MS - 2000)]
    mine.ask("scrobble", id=ids, time=times)
    assert plays(mine, "Zeta") == (2, PLAYED)
    assert plays(mine, "Theta") == (1, "2023-11-14 22:13:19")
    assert mine.fail("scrobble", id=ids[:1], time=times) == 0
    assert mine.fail("scrobble", id=[ids[0], "999"]) == 70
    assert plays(mine, "Zeta") == (2, PLAYED)


@pytest.mark.parametrize("time", ["-1", "99999999999999", "4000000000000"])
def test_a_time_that_cannot_be_is_now(mine: Player, time: str) -> None:
    mine.ask("scrobble", id=mine.songs()["Zeta"], time=time)
    count, when = plays(mine, "Zeta")
    assert count == 1
    assert abs(datetime.fromisoformat(str(when)) - datetime.now(UTC).replace(tzinfo=None)) < timedelta(
        minutes=1
    )


def test_stars(mine: Player) -> None:
    put_on_albums(mine.service.library)
    songs = mine.songs()
    song = mine.ask("getSong", id=songs["Zeta"])
    mine.ask("star", id=[songs["Iota"], songs["Zeta"]], albumId=song["albumId"], artistId=song["artistId"])
    found = mine.ask("getStarred2")
    assert {one["title"] for one in found["song"]} == {"Iota", "Zeta"}
    assert [one["id"] for one in found["album"]] == [song["albumId"]]
    assert [one["id"] for one in found["artist"]] == [song["artistId"]]
    since = mine.ask("getSong", id=songs["Zeta"])["starred"]
    mine.ask("star", id=songs["Zeta"])
    assert mine.ask("getSong", id=songs["Zeta"])["starred"] == since
    assert mine.ask("getAlbumList2", type="starred")["album"] == found["album"]
    assert mine.ask("getAlbum", id=song["albumId"])["starred"] == since
    assert mine.ask("getArtist", id=song["artistId"])["starred"] == since
    mine.ask("star", id=song["albumId"])  # players send ids of albums as those of folders, too
    mine.ask("unstar", id=songs["Zeta"], albumId=song["albumId"])
    found = mine.ask("getStarred2")
    assert [one["title"] for one in found["song"]] == ["Iota"]
    assert found["album"] == []
    assert "starred" not in mine.ask("getSong", id=songs["Zeta"])
    assert mine.fail("star", id=[songs["Zeta"], "999"]) == 70
    assert "starred" not in mine.ask("getSong", id=songs["Zeta"])


def test_ratings(mine: Player) -> None:
    put_on_albums(mine.service.library)
    songs = mine.songs()
    albums = mine.ask("getAlbumList2", type="newest", size=3)["album"]
    for stars, wanted in (
        (3, songs["Zeta"]),
        (2, albums[0]["id"]),
        (5, albums[1]["id"]),
        (4, albums[2]["id"]),
    ):
        mine.ask("setRating", id=wanted, rating=stars)
    assert mine.ask("getSong", id=songs["Zeta"])["userRating"] == 3
    highest = mine.ask("getAlbumList2", type="highest")["album"]
    assert [(one["id"], one["userRating"]) for one in highest] == [
        (albums[1]["id"], 5),
        (albums[2]["id"], 4),
        (albums[0]["id"], 2),
    ]
    mine.ask("setRating", id=albums[1]["id"], rating=0)
    assert [one["id"] for one in mine.ask("getAlbumList2", type="highest")["album"]] == [
        albums[2]["id"],
        albums[0]["id"],
    ]
    assert mine.ask("getStarred2")["album"] == []
