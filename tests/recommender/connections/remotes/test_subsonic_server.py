"""An OpenSubsonic server from end to end: Debian's supysonic, asked by our commands and read by py-sonic."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recommender.connections import params
from recommender.connections.remotes.http_client import HttpClient
from tests.recommender.connections.albums import EXPECTED
from tests.recommender.connections.remotes import supysonic
from tests.recommender.connections.remotes.supysonic import PASSWORD, USER, Supysonic
from tests.recommender.support import Library, deepcuts, deepcuts_process, query

libsonic = pytest.importorskip("libsonic", reason="py-sonic is not installed")

ENVIRONMENT = {"DEEPCUTS_NAS_USER": USER, "DEEPCUTS_NAS_PASSWORD": PASSWORD}
HOW = Counter(one.how for one in EXPECTED if one.there)


@pytest.fixture(scope="module")
def server(both: tuple[Library, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supysonic]:
    """A server of the copy; what a test changes in it, the test takes back, or nobody else looks at."""
    with supysonic.serving(tmp_path_factory.mktemp("supysonic") / "server", both[1]) as started:
        yield started


@pytest.fixture
def connected(both: tuple[Library, Path], server: Supysonic, tmp_path: Path) -> Library:
    """A copy of the library, connected to the server as 'nas'."""
    copy = both[0].clone(tmp_path)
    ran(copy, "connect", "nas", server.url)
    return copy


def ran(library: Library, *words: str, code: int = 0) -> Any:
    """Run a command with --json and return its answer."""
    done = deepcuts(library.home, *words, "--json", **ENVIRONMENT)
    assert done.code == code, done.err
    return done.json if done.out else done.err


def client(server: Supysonic) -> Any:
    """Return another program that asks the server."""
    made = libsonic.Connection(
        "http://127.0.0.1", USER, PASSWORD, server.port, "/rest", "py-sonic", "1.10.2", legacyAuth=True
    )
    assert made.ping()
    return made


def synced(library: Library) -> Any:
    [report] = ran(library, "sync", "nas")["synced"]
    return report


def paths(library: Library) -> dict[str, str]:
    """Return the paths here by the ids that the songs have there."""
    sql = "SELECT remote_id, rel_path FROM connection_song JOIN track ON track.id = connection_song.track_id"
    return {row[0]: bytes(row[1]).decode() for row in query(library.home, sql)}


def paths_there(server: Supysonic) -> dict[str, str]:
    songs = client(server).search3("", songCount=1000, artistCount=0, albumCount=0)["searchResult3"]["song"]
    return {song["id"]: song["path"] for song in songs}


def test_songs_are_matched_as_planted_and_doubts_are_listed(connected: Library, server: Supysonic) -> None:
    report = synced(connected)

    assert report["songs"] == report["new"] == sum(HOW.values())
    assert report["matched"] == {how: HOW[how] for how in ("path", "names")}
    there = paths_there(server)
    expected = {one.there: one.here for one in EXPECTED if one.how in ("path", "names")}
    assert {there[one]: here for one, here in paths(connected).items()} == {
        path: here for path, here in expected.items() if path
    }
    assert [one["song"] for one in report["doubtful"]] == ["Twins - Again"]
    assert len(report["doubtful"][0]["candidates"]) == 2
    assert {there[one["remote_id"]] for one in report["unmatched"]} == {
        one.there for one in EXPECTED if one.how == "unmatched"
    }


def test_a_second_sync_changes_nothing(connected: Library) -> None:
    first = synced(connected)
    rows = query(connected.home, "SELECT * FROM connection_song ORDER BY remote_id")

    second = synced(connected)

    assert second == first | {"new": 0}
    again = query(connected.home, "SELECT * FROM connection_song ORDER BY remote_id")
    assert [tuple(row) for row in again] == [tuple(row) for row in rows]


def test_a_dry_run_says_the_same_and_keeps_nothing(connected: Library) -> None:
    [report] = ran(connected, "sync", "--dry-run")["synced"]
    assert (report["dry_run"], report["songs"]) == (True, sum(HOW.values()))
    assert list(query(connected.home, "SELECT * FROM connection_song")) == []
    assert synced(connected) == report | {"dry_run": False}


def test_stars_and_ratings_come_in_and_what_changes_there_later(
    connected: Library, server: Supysonic
) -> None:
    other, songs = client(server), sorted(paths_there(server).items(), key=lambda one: one[1])[:2]
    (one, _), (two, _) = songs
    other.star([one])
    other.setRating(two, 4)
    try:
        report = synced(connected)
        assert (report["starred"], report["rated"], report["plays"]) == (1, 1, 0)
        assert marks(connected) == {(songs[0][1], True, None), (songs[1][1], False, 4)}
        again = synced(connected)
        assert (again["starred"], again["rated"]) == (0, 0)

        other.unstar([one])
        other.setRating(two, 2)
        assert synced(connected)["starred"] == 1
        assert marks(connected) == {(songs[1][1], False, 2)}
    finally:
        other.unstar([one])
        other.setRating(two, 0)


def marks(library: Library) -> set[tuple[str, bool, int | None]]:
    sql = "SELECT rel_path, starred, rating FROM favourite JOIN track ON CAST(track.id AS TEXT) = item"
    return {(bytes(row[0]).decode(), row[1] is not None, row[2]) for row in query(library.home, sql)}


def listed(server: Supysonic, name: str) -> list[str] | None:
    """Return the paths of a playlist there, as another program reads it; None where there is none."""
    other = client(server)
    found = other.getPlaylists()["playlists"].get("playlist", [])
    ids = [one["id"] for one in found if one["name"] == name]
    assert len(ids) < 2
    if not ids:
        return None
    return [song["path"] for song in other.getPlaylist(ids[0])["playlist"].get("entry", [])]


def make_list(library: Library, name: str, wanted: list[str]) -> None:
    """Make a playlist here of tracks by their paths, or give it other tracks."""
    rows = query(library.home, "SELECT id, rel_path FROM track")
    ids = {bytes(row[1]).decode(): row[0] for row in rows}
    at = "2026-01-01 00:00:00"
    query(
        library.home,
        "INSERT INTO playlist (name, comment, owner, public, created, changed) "
        "SELECT ?, '', '', FALSE, ?, ? WHERE NOT EXISTS (SELECT 1 FROM playlist WHERE name = ?)",
        *(name, at, at, name),
    )
    [[playlist]] = query(library.home, "SELECT id FROM playlist WHERE name = ?", name)
    query(library.home, "DELETE FROM playlist_track WHERE playlist_id = ?", playlist)
    for position, path in enumerate(wanted):
        query(library.home, "INSERT INTO playlist_track VALUES (?, ?, ?)", playlist, position, ids[path])


PLAIN = [one.here for one in EXPECTED if one.how == "path" and one.here == one.there]
LOST = next(one.here for one in EXPECTED if one.how == "unmatched" and one.here)


def test_a_playlist_goes_out_is_updated_in_place_and_left_as_it_is(
    connected: Library, server: Supysonic
) -> None:
    synced(connected)
    make_list(connected, "Évening: {mix}", [*PLAIN[:100], LOST])

    [made] = ran(connected, "push")["playlists"]
    assert (made["outcome"], made["songs"], len(made["left_out"])) == ("made", 100, 1)
    assert listed(server, "Évening: {mix}") == PLAIN[:100]
    [again] = ran(connected, "push", "nas", "Évening: {mix}")["playlists"]
    assert again["outcome"] == "unchanged"

    make_list(connected, "Évening: {mix}", PLAIN[40:50])
    [would] = ran(connected, "push", "--dry-run")["playlists"]
    assert (would["outcome"], listed(server, "Évening: {mix}")) == ("updated", PLAIN[:100])
    [updated] = ran(connected, "push")["playlists"]
    assert (updated["outcome"], listed(server, "Évening: {mix}")) == ("updated", PLAIN[40:50])


def test_what_others_wrote_there_is_left_alone_unless_told(connected: Library, server: Supysonic) -> None:
    synced(connected)
    there = {path: one for one, path in paths_there(server).items()}
    other = client(server)
    other.createPlaylist(name="Theirs", songIds=[there[PLAIN[3]]])
    make_list(connected, "Theirs", PLAIN[:2])
    make_list(connected, "Ours", PLAIN[:2])

    theirs, ours = sorted(
        ran(connected, "push", code=3)["playlists"], key=lambda one: one["name"], reverse=True
    )
    assert (theirs["outcome"], ours["outcome"]) == ("refused", "made")
    assert "--replace" in theirs["reason"]
    assert listed(server, "Theirs") == [PLAIN[3]]

    [written] = [one["id"] for one in other.getPlaylists()["playlists"]["playlist"] if one["name"] == "Ours"]
    other.updatePlaylist(written, songIdsToAdd=[there[PLAIN[7]]])
    make_list(connected, "Ours", PLAIN[:3])
    [changed] = ran(connected, "push", "Ours", code=3)["playlists"]
    assert "changed there" in changed["reason"]
    assert listed(server, "Ours") == [*PLAIN[:2], PLAIN[7]]
    [forced] = ran(connected, "push", "Ours", "--replace")["playlists"]
    assert (forced["outcome"], listed(server, "Ours")) == ("updated", PLAIN[:3])


def test_a_list_of_what_sounds_alike_goes_out(connected: Library, server: Supysonic) -> None:
    synced(connected)
    [made] = ran(connected, "push", "--like", "adele hello", "-n", "12")["playlists"]
    assert made["name"] == "Like Adele - Hello"
    found = listed(server, "Like Adele - Hello")
    assert found is not None
    assert found[0] == "x/a.flac"
    assert len(found) == made["songs"] == 13 - len(made["left_out"])


class Killer:
    """Ends the server by force before the request of a number, and lets the request go on."""

    def __init__(self, server: Supysonic, before: int) -> None:
        self.server, self.left = server, before

    def count(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.server.stop()


@pytest.fixture
def killed(server: Supysonic, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """End the server before a request; it is started again at the end."""
    answer = HttpClient._answer

    def at(before: int) -> None:
        killer = Killer(server, before)

        def counted(self: HttpClient, request: Any) -> Any:
            killer.count()
            return answer(self, request)

        monkeypatch.setattr(HttpClient, "_answer", counted)

    yield at
    monkeypatch.setattr(HttpClient, "_answer", answer)
    if server.process is None:
        server.start()


def test_a_server_killed_in_the_middle_leaves_all_as_it_was(
    connected: Library, server: Supysonic, killed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(params, "PAGE", 50)
    killed(5)

    said = ran(connected, "sync", code=1)

    assert said.strip().count("\n") == 0
    assert server.url in said
    assert "is it running" in said
    assert list(query(connected.home, "SELECT * FROM connection_song")) == []
    server.start()
    assert sum(synced(connected)["matched"].values()) == HOW["path"] + HOW["names"]


def test_a_server_killed_between_lists_has_whole_ones_and_goes_on(
    connected: Library, server: Supysonic, killed: Any
) -> None:
    synced(connected)
    for name, wanted in (("K1", PLAIN[:5]), ("K2", PLAIN[5:9])):
        make_list(connected, name, wanted)
    killed(6)  # ping without and with the password, lists, K1, lists again: then K2

    said = ran(connected, "push", "nas", "K1", "K2", code=1)

    assert said.strip().count("\n") == 0
    server.start()
    assert listed(server, "K1") == PLAIN[:5]
    assert listed(server, "K2") is None
    outcomes = [one["outcome"] for one in ran(connected, "push", "nas", "K1", "K2")["playlists"]]
    assert outcomes == ["unchanged", "made"]
    assert listed(server, "K2") == PLAIN[5:9]


def test_no_password_is_in_the_catalogue_or_printed(
    both: tuple[Library, Path], server: Supysonic, tmp_path: Path
) -> None:
    copy = both[0].clone(tmp_path)
    typed = deepcuts_process(copy.home, "connect", "nas", server.url, "--user", USER, **ENVIRONMENT)
    assert typed.code == 0, typed.err
    wrong = deepcuts_process(copy.home, "sync", **{**ENVIRONMENT, "DEEPCUTS_NAS_PASSWORD": "wr0ng-secret"})
    assert wrong.code == 1
    assert "refuses the user" in wrong.err
    said = typed.out + typed.err + wrong.out + wrong.err + json.dumps(ran(copy, "connections"))
    for secret in (PASSWORD, PASSWORD.encode().hex(), "wr0ng-secret"):
        assert secret not in said
        for file in copy.home.rglob("*"):
            assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def test_what_is_disconnected_is_forgotten_here_and_left_there(connected: Library, server: Supysonic) -> None:
    synced(connected)
    before = paths_there(server)
    ran(connected, "disconnect", "nas")
    assert ran(connected, "connections") == []
    assert list(query(connected.home, "SELECT * FROM connection_song")) == []
    assert "nothing is connected" in ran(connected, "sync", code=1)
    assert paths_there(server) == before
