"""What AudioMuse-AI's plugins for Navidrome and Jellyfin ask, and what they read, by their public source."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from db.connections import ConnectionSong, add_connection
from recommender.service.access import AccessSettings
from tests.recommender.service.conftest import CREDENTIALS, KEY, Service, serving
from tests.recommender.support import SONGS, Library

LEFT_OUT = "jazz/delta.wav"
"""Not on the other server."""
BOTH = "rock/alpha.mp3"


def name_there(path: str) -> str:
    """Return what Navidrome calls a song, in these tests."""
    return f"nd{path.replace('/', '-')}"


def artist_there(path: str) -> str:
    return f"artist of {SONGS[path][2]}".replace(" ", "-")


@pytest.fixture(scope="module")
def asked(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose songs are those of a Navidrome but for one; a Jellyfin knows one of them."""
    with serving(ingested.clone(tmp_path_factory.mktemp("audiomuse"))) as service:
        with service.state.session() as session:
            for name, kind in (("navidrome", "subsonic"), ("jellyfin", "jellyfin")):
                add_connection(session, name, kind, "http://there")
            for path in SONGS:
                row = service.id_of(path)
                how = "doubtful" if path == LEFT_OUT else "path"
                song = ConnectionSong(
                    connection="navidrome", remote_id=name_there(path), described="", how=how
                )
                song.track_id, song.artist_id = row, artist_there(path)
                session.add(song)
            guid = "0f" * 16
            first = ConnectionSong(connection="jellyfin", remote_id=guid, described="", how="names")
            first.track_id = service.id_of(BOTH)
            session.add(first)
        yield service


def ask(service: Service, call: str, status: int = 200, **parameters: object) -> Any:
    return service.get(f"/api/{call}?{urlencode(parameters)}", status)


def expected(service: Service, path: str, n: int) -> list[tuple[str, float]]:
    """Return what the service's own interface lists of the songs that are there, in the other's ids."""
    track_id = service.id_of(path)
    own = service.get(f"/api/tracks/{track_id}/similar?n=50&per_artist=0&per_album=0")["results"]
    names = {service.id_of(one): name_there(one) for one in SONGS if one != LEFT_OUT}
    found = [(names[one["track_id"]], one["similarity"]) for one in own if one["track_id"] in names]
    assert len(own) == len(found) + 1
    return found[:n]


def test_navidromes_plugin_asks_for_similar_songs(asked: Service) -> None:
    sent = {"eliminate_duplicates": "false", "radius_similarity": "true", "server": "navidrome"}
    found = ask(asked, "similar_tracks", item_id=name_there(BOTH), n=5, **sent)
    assert [(one["item_id"], pytest.approx(1 - one["distance"], abs=2e-6)) for one in found] == expected(
        asked, BOTH, 5
    )
    by_id = {name_there(path): song for path, song in SONGS.items()}
    for one in found:
        assert set(one) == {"item_id", "title", "author", "album", "distance"}
        _, title, artist, _ = by_id[one["item_id"]]
        assert (one["title"], one["author"], one["album"]) == (title or "kappa", artist, "unknown")


def test_a_song_that_the_server_does_not_know_is_in_no_list(asked: Service) -> None:
    found = ask(asked, "similar_tracks", item_id=name_there(BOTH), n=200, eliminate_duplicates="false")
    assert len(found) == len(SONGS) - 2
    assert name_there(LEFT_OUT) not in [one["item_id"] for one in found]


def test_duplicates_are_songs_of_one_artist(asked: Service) -> None:
    def artists(said: str) -> list[str]:
        songs = ask(asked, "similar_tracks", item_id="ndkappa.flac", n=3, eliminate_duplicates=said)
        return [one["author"] for one in songs]

    assert len(set(artists("true"))) == 3
    assert artists("false") == [
        one["author"]
        for one in ask(asked, "similar_tracks", item_id="ndkappa.flac", n=9, eliminate_duplicates="false")[:3]
    ]


def test_jellyfins_plugin_gets_ids_of_jellyfin(asked: Service) -> None:
    guid = "0f" * 16
    refused = ask(asked, "similar_tracks", 404, n=10, item_id=guid)
    assert refused == {"error": "no song of the server sounds like it"}  # it knows no other
    assert ask(asked, "similar_tracks", 404, n=10, item_id=guid, server="jellyfin") == refused
    assert "is called 'plex'" in ask(asked, "similar_tracks", 400, item_id=guid, server="plex")["error"]


@pytest.mark.parametrize(
    ("asks", "status", "said"),
    [
        ({"item_id": "nobody's"}, 404, "no connection knows the song 'nobody's' as a track: deepcuts sync"),
        ({"item_id": name_there(LEFT_OUT)}, 404, "no connection knows the song"),
        ({"n": 3}, 400, "item_id is missing"),
    ],
)
def test_why_there_is_no_list(asked: Service, asks: dict[str, object], status: int, said: str) -> None:
    assert ask(asked, "similar_tracks", status, **asks)["error"].startswith(said)


def test_one_id_of_two_servers_needs_the_servers_name(asked: Service) -> None:
    with asked.state.session() as session:
        add_connection(session, "second", "subsonic", "http://second")
        other = ConnectionSong(connection="second", remote_id=name_there(BOTH), described="", how="path")
        other.track_id = asked.id_of("folk/iota.flac")
        session.add(other)
    try:
        said = ask(asked, "similar_tracks", 400, item_id=name_there(BOTH))["error"]
        assert said == "several connections know it; name one as the plugin's server: navidrome, second"
        assert ask(asked, "similar_tracks", item_id=name_there(BOTH), server="navidrome", n=1)
    finally:
        with asked.state.session() as session:
            session.delete(session.get_one(ConnectionSong, ("second", name_there(BOTH))))


def test_navidromes_plugin_asks_for_a_path(asked: Service) -> None:
    ends = {"start_song_id": name_there(BOTH), "end_song_id": name_there("folk/iota.flac")}
    sent = {"count": 4, "max_steps": 4, "path_fix_size": "false", "mood_pct": "100"}
    found = ask(asked, "find_path", **ends, **sent)
    assert set(found) == {"path", "total_distance"}
    ids = [one["item_id"] for one in found["path"]]
    assert (ids[0], ids[-1], len(set(ids))) == (*ends.values(), 4)
    assert name_there(LEFT_OUT) not in ids
    assert set(found["path"][0]) == {"item_id", "title", "author", "album"}
    assert 0 < found["total_distance"] < 2 * 3
    assert (
        "different" in ask(asked, "find_path", 404, **{**ends, "end_song_id": ends["start_song_id"]})["error"]
    )
    assert ask(asked, "find_path", 400, start_song_id=name_there(BOTH))["error"] == "end_song_id is missing"


def test_navidromes_plugin_asks_for_similar_artists_by_id(asked: Service) -> None:
    wanted = artist_there(BOTH)
    found = ask(asked, "similar_artists", artist=wanted, n=3, include_component_matches="false")
    assert all(set(one) == {"artist", "artist_id", "divergence"} for one in found)
    names = {artist_there(path): song[2] for path, song in SONGS.items() if path != LEFT_OUT}
    assert [names[one["artist_id"]] for one in found] == [one["artist"] for one in found]
    assert wanted not in [one["artist_id"] for one in found] and len(found) == 3
    assert [one["divergence"] for one in found] == sorted(one["divergence"] for one in found)
    assert ask(asked, "similar_artists", artist_id=wanted, n=3) == found  # as Jellyfin's plugin does
    said = ask(asked, "similar_artists", 404, artist="nobody")["error"]
    assert said == "no connection knows the artist 'nobody': deepcuts sync"


def test_artist_radio_reads_the_songs_of_both(asked: Service) -> None:
    wanted = artist_there(BOTH)
    found = ask(asked, "similar_artists", artist=wanted, n=10, include_component_matches="true")
    own = [name_there(path) for path in SONGS if artist_there(path) == wanted]
    for one in found:
        (match,) = one["component_matches"]
        mine, theirs = match["artist1_representative_songs"], match["artist2_representative_songs"]
        assert sorted(song["item_id"] for song in mine) == sorted(own)
        songs = [(song["item_id"], song["title"]) for song in theirs]
        assert songs and all(
            (artist_there(path), SONGS[path][1] or "kappa") == (one["artist_id"], title)
            for item_id, title in songs
            for path in SONGS
            if name_there(path) == item_id
        )


def test_they_are_let_in_by_a_key(ingested: Library) -> None:
    with serving(ingested, AccessSettings(CREDENTIALS)) as service:
        for call in ("similar_tracks", "find_path", "similar_artists"):
            assert service.client.get(f"/api/{call}").status_code == 401
            with_key = service.client.get(f"/api/{call}", headers={"Authorization": f"Bearer {KEY}"})
            assert with_key.status_code == 400, with_key.text
        health = service.client.get("/", headers={"Authorization": f"Bearer {KEY}"})
        assert health.status_code == 200  # what Jellyfin's plugin asks to see whether anybody is there
