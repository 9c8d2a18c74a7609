"""Debian's MPD from end to end: songs, stickers, stored playlists, and a queue that does not end."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mpd
import pytest

from recommender.connections import params
from recommender.connections.credentials import Credentials
from recommender.connections.remotes.http_client import Patience
from recommender.connections.remotes.mpd_player import UNFINISHED, MpdPlayer
from recommender.errors import ConnectionFailedError, OneRefusedError
from recommender.params import AHEAD
from tests.recommender import support
from tests.recommender.connections.albums import EXPECTED
from tests.recommender.connections.remotes import mpd_server
from tests.recommender.connections.remotes.mpd_server import Mpd
from tests.recommender.connections.remotes.supysonic import free_port
from tests.recommender.support import CLI, Library, deepcuts, query

HOW = Counter(one.how for one in EXPECTED if one.there)
SONGS = 60
APART = 8
WAIT_S = 300.0


@pytest.fixture(scope="module")
def player(both: tuple[Library, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mpd]:
    """A player of the server's copy of the music."""
    with mpd_server.playing(tmp_path_factory.mktemp("mpd") / "mpd", both[1]) as started:
        yield started


@pytest.fixture
def connected(both: tuple[Library, Path], player: Mpd, tmp_path: Path) -> Library:
    """A copy of the library, connected to the player as 'mpd', and synced."""
    copy = both[0].clone(tmp_path)
    assert ran(copy, "connect", "mpd", player.url)["kind"] == "mpd"
    return copy


def ran(library: Library, *words: str, code: int = 0) -> Any:
    done = deepcuts(library.home, *words, "--json")
    assert done.code == code, done.err
    return done.json if done.out else done.err


def synced(library: Library) -> Any:
    [report] = ran(library, "sync", "mpd")["synced"]
    return report


PLAIN = [one.there for one in EXPECTED if one.how == "path" and one.here == one.there]


def test_songs_are_matched_as_planted_and_stickers_come_in(connected: Library, player: Mpd) -> None:
    with player.client() as client:
        client.sticker_set("song", PLAIN[0], "playCount", "7")
        client.sticker_set("song", PLAIN[0], "lastPlayed", "1700000000")
        client.sticker_set("song", PLAIN[1], "rating", "8")
        client.sticker_set("song", PLAIN[2], "like", "2")

    report = synced(connected)

    assert report["matched"] == {how: HOW[how] for how in ("path", "names")}
    assert (report["plays"], report["rated"], report["starred"]) == (1, 1, 1)
    rows = query(connected.home, "SELECT rel_path, plays, last_played FROM track WHERE plays > 0")
    assert [(bytes(r[0]).decode(), r[1], str(r[2])[:10]) for r in rows] == [(PLAIN[0], 7, "2023-11-14")]
    marked = query(connected.home, "SELECT rating FROM favourite WHERE rating IS NOT NULL")
    assert [row[0] for row in marked] == [4]
    again = synced(connected)
    assert (again["new"], again["plays"], again["rated"], again["starred"]) == (0, 0, 0, 0)


def test_a_list_is_stored_and_read_by_another_client_twice(connected: Library, player: Mpd) -> None:
    synced(connected)
    for outcome in ("made", "unchanged"):
        [pushed] = ran(connected, "push", "--like", "adele hello", "-n", "9")["playlists"]
        assert pushed["outcome"] == outcome
        with player.client() as client:
            stored = client.listplaylist("Like Adele - Hello")
            noted = client.sticker_get("song", "x/a.flac", "deepcuts_similar")
        assert (stored[0], len(stored)) == ("x/a.flac", pushed["songs"])
    assert stored[1] in noted


def test_names_that_no_file_can_have_are_written_otherwise_and_found_again(
    connected: Library, player: Mpd
) -> None:
    song = MpdPlayer(player.url, Credentials())
    made = song.write_playlist(None, "AC/DC\nlive", PLAIN[:2])
    assert song.playlist_songs(made) == PLAIN[:2]
    assert song.write_playlist(made, "AC/DC\nlive", PLAIN[2:3]) == made
    assert song.playlist_songs(made) == PLAIN[2:3]
    song.close()


def test_a_list_with_a_song_that_is_gone_there_is_left_as_it_is(
    player: Mpd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it takes several lists of commands to write it."""
    monkeypatch.setattr(params, "COMMANDS_AT_ONCE", 2)
    there = MpdPlayer(player.url, Credentials())
    made = there.write_playlist(None, "Whole", PLAIN[:5])
    assert (made, there.playlist_songs(made)) == ("Whole", PLAIN[:5])
    for known, name in ((made, "Whole"), (None, "New")):
        with pytest.raises(OneRefusedError):
            there.write_playlist(known, name, [*PLAIN[5:9], "Gone/from there.flac"])
    assert there.playlist_songs(made) == PLAIN[:5]
    assert {one.name for one in there.playlists()} & {"New", UNFINISHED.format(name="New")} == set()
    assert there.write_playlist(made, "Whole", PLAIN[5:9]) == made
    assert there.playlist_songs(made) == PLAIN[5:9]
    there.close()


def test_a_song_whose_adding_was_not_answered_is_in_the_queue_once(
    player: Mpd, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = MpdPlayer(player.url, Credentials(), Patience(20.0, 2, 0.0))
    there.check()
    assert there._client is not None
    lost = type(there._client)
    add = lost.add
    answers = iter([True, False])

    def unanswered(client: Any, path: str) -> None:
        add(client, path)
        if next(answers):
            raise mpd.ConnectionError("lost")

    monkeypatch.setattr(lost, "add", unanswered, raising=False)
    with player.client() as client:
        client.clear()
        there.append(PLAIN[0])
        assert there.queue().songs == (PLAIN[0],)
        monkeypatch.undo()
        client.play()
        client.stop()
        assert (there.queue().playing, there.queue().stopped_at) == (None, 0)
        client.clear()
        assert (there.queue().songs, there.queue().stopped_at) == ((), None)
    there.close()


def test_a_player_that_is_away_is_said_in_one_line_and_found_again(connected: Library, player: Mpd) -> None:
    player.stop()
    try:
        said = ran(connected, "sync", code=1)
    finally:
        player.start()
    assert said.strip().count("\n") == 0
    assert "is MPD running" in said
    assert synced(connected)["songs"] == sum(HOW.values())


@pytest.mark.parametrize("url", ["mpd://", "mpd:", "http://a", "mpd://a:b@c", "mpd://a:99999"])
def test_what_is_no_player_is_refused(url: str) -> None:
    with pytest.raises(ConnectionFailedError):
        MpdPlayer(url, Credentials())


def test_nobody_there_is_an_error() -> None:
    away = MpdPlayer(f"mpd://127.0.0.1:{free_port()}", Credentials())
    with pytest.raises(ConnectionFailedError, match="is MPD running"):
        away.check()


def test_the_queue_of_sixty_songs_never_ends_and_repeats_nothing(
    connected: Library, player: Mpd, tmp_path: Path
) -> None:
    """The radio fills it: what becomes of songs is noted, artists are apart."""
    synced(connected)
    heard: list[str] = []
    with radio(connected, player, tmp_path) as filling, player.client() as client:
        while len(heard) < SONGS:
            song = following(client, filling, heard)
            heard.append(song)
            client.next()
        assert client.status()["state"] == "play"
    assert heard[0] == "x/a.flac"
    assert len(set(heard)) == SONGS
    put_in = [json.loads(line) for line in (tmp_path / "put in").read_text().splitlines()]
    assert all(one["reason"] for one in put_in)
    artists = [one["artist"] for one in put_in]
    for place, artist in enumerate(artists):
        assert not artist or artist not in artists[max(0, place - APART) : place]
    noted = query(connected.home, "SELECT outcome FROM radio_song ORDER BY position")
    assert any(row[0] != "given" for row in noted)  # songs of 4 s: how many were seen to be skipped is chance


@contextmanager
def radio(library: Library, player: Mpd, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Let a radio fill the player's queue, empty at first, until the end; what it puts in is in a file."""
    with player.client() as client:
        client.clear()
    words = [*CLI, "--home", str(library.home), "radio", "adele hello", "--mpd", "mpd", "--json"]
    with open(folder / "put in", "wb") as out:
        filling = subprocess.Popen(
            words, env=support.environment(library.home), stdout=out, stderr=subprocess.PIPE
        )
    try:
        yield filling
    finally:
        filling.terminate()
        _, said = filling.communicate(timeout=60)
        with player.client() as client:
            client.clear()
    assert b"Traceback" not in said


def test_a_radio_goes_on_in_a_queue_that_is_cleared_and_on_a_player_that_is_started_again(
    connected: Library, player: Mpd, tmp_path: Path
) -> None:
    synced(connected)
    with radio(connected, player, tmp_path) as filling:
        with player.client() as client:
            first = going_on(client, filling, set())
            client.clear()
            second = going_on(client, filling, first)
        player.stop()
        player.start()
        with player.client() as client:
            going_on(client, filling, first | second)


def going_on(client: Any, filling: "subprocess.Popen[bytes]", before: set[str]) -> set[str]:
    """Return the songs of the queue, once it plays and is filled with none of those before."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        assert filling.poll() is None, filling.stderr.read() if filling.stderr else ""
        songs = {song["file"] for song in client.playlistinfo()}
        if client.status()["state"] == "play" and len(songs) >= AHEAD:
            assert not songs & before
            return songs
        time.sleep(0.05)
    raise AssertionError("it does not go on")


def following(client: Any, filling: "subprocess.Popen[bytes]", heard: list[str]) -> str:
    """Return the song that plays now, once it is another one and one follows it."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        assert filling.poll() is None, filling.stderr.read() if filling.stderr else ""
        status, song = client.status(), client.currentsong()
        if not heard and "file" not in song:
            time.sleep(0.05)
            continue
        assert status["state"] != "stop", "the queue ran empty"
        follows = int(status["playlistlength"]) > int(status["song"]) + 1
        if follows and song["file"] not in heard[-1:]:
            client.pause(0)
            return str(song["file"])
        if not follows:  # it is to come, however slow this machine is: songs are of 4 s
            client.pause(1)
        time.sleep(0.05)
    raise AssertionError(f"nothing follows song {len(heard)}")
