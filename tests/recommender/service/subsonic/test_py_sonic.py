"""OpenSubsonic from without: py-sonic, another independent client, against a running server.

What it reads is what older players read: it knows Subsonic, and nothing of OpenSubsonic.
"""

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import av
import numpy as np
import pytest
from PIL import Image

from tests import synth
from tests.recommender.service.conftest import PASSWORD, USER, running
from tests.recommender.support import SONGS, Library
from tests.waiting import until

libsonic = pytest.importorskip("libsonic", reason="py-sonic is not installed")

RATE, SECONDS = 44_100, 12


@pytest.fixture(scope="module")
def library(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A copy of the small library with a song of twelve notes of a second each, which is an album."""
    copy = ingested.clone(tmp_path_factory.mktemp("py-sonic"))
    notes = np.concatenate([synth.sine(1.0, 220.0 + 55.0 * n, RATE) for n in range(SECONDS)])
    tags = {"title": "Scale", "artist": "Ann Arbor", "album": "Scales", "tracknumber": "1"}
    synth.write_flac(copy.music / "scale.flac", notes, RATE, tags)
    Image.new("RGB", (600, 600), (200, 10, 10)).save(copy.music / "cover.png")
    copy.ingest(copy.music)
    return copy


@pytest.fixture(scope="module")
def client(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    file = tmp_path_factory.mktemp("secret") / "password"
    file.write_text(PASSWORD + "\n")
    with running(library.home, "--user", USER, "--password-file", str(file)) as server:
        address = urlsplit(server.url)
        made = libsonic.Connection(
            f"http://{address.hostname}", USER, PASSWORD, address.port, "/rest", "py-sonic"
        )
        until(made.ping)
        yield made


def scale(client: Any) -> Any:
    return client.search3("scale")["searchResult3"]["song"][0]


def test_it_syncs_the_library(client: Any) -> None:
    found = client.search3("", artistCount=1000, albumCount=1000, songCount=1000)["searchResult3"]
    assert len(found["song"]) == len(SONGS) + 1
    artists = [artist for index in client.getArtists()["artists"]["index"] for artist in index["artist"]]
    assert {a["id"] for a in artists} == {a["id"] for a in found["artist"]}
    albums = client.getAlbumList2("alphabeticalByName", size=1000)["albumList2"]["album"]
    assert {album["id"] for album in albums} == {album["id"] for album in found["album"]}
    songs = [s["id"] for album in albums for s in client.getAlbum(album["id"])["album"]["song"]]
    assert sorted(songs) == sorted(song["id"] for song in found["song"] if "albumId" in song)
    assert len(songs) == 1, "all others are on no album"


def test_it_fetches_one_cover_for_an_album(client: Any) -> None:
    song = scale(client)
    assert song["coverArt"] == song["albumId"]
    with Image.open(io.BytesIO(client.getCoverArt(song["coverArt"], size=120).read())) as image:
        assert image.size == (120, 120)
        assert abs(image.convert("RGB").getpixel((60, 60))[0] - 200) < 12  # type: ignore[index]


@pytest.mark.parametrize("offset", [0, 5])
def test_it_streams_what_it_asks_for_and_seeks(client: Any, offset: int) -> None:
    data = client.stream(scale(client)["id"], maxBitRate=96, tformat="mp3", timeOffset=offset).read()
    with av.open(io.BytesIO(data)) as container:
        assert container.format.name == "mp3"
        rate = container.streams.audio[0].rate
        to_mono = av.AudioResampler("flt", "mono")
        samples = np.concatenate(
            [f.to_ndarray()[0] for one in container.decode(audio=0) for f in to_mono.resample(one)]
        )
    assert len(samples) / rate == pytest.approx(SECONDS - offset, abs=0.1)
    assert len(data) * 8 / (SECONDS - offset) / 1000 == pytest.approx(96, rel=0.03)
    for second in range(offset, SECONDS):
        part = samples[round((second + 0.3 - offset) * rate) :][: rate // 2]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert np.argmax(spectrum) * rate / len(part) == pytest.approx(220.0 + 55.0 * second, abs=3)


def test_it_leaves_and_finds_its_queue(client: Any) -> None:
    ids = [song["id"] for song in client.search3("", songCount=4)["searchResult3"]["song"]]
    client.savePlayQueue(ids, current=ids[2], position=7000)
    queue = client.getPlayQueue()["playQueue"]
    assert [song["id"] for song in queue["entry"]] == ids
    assert (str(queue["current"]), queue["position"], queue["changedBy"]) == (ids[2], 7000, "py-sonic")


def test_bookmarks_plays_and_what_is_played(client: Any) -> None:
    song = scale(client)["id"]
    client.createBookmark(song, 4000, "here")
    [mark] = client.getBookmarks()["bookmarks"]["bookmark"]
    assert (mark["entry"]["id"], mark["position"]) == (song, 4000)
    client.deleteBookmark(song)
    assert client.getBookmarks()["bookmarks"]["bookmark"] == []
    client.scrobble(song, submission=False)
    playing = client.getNowPlaying()["nowPlaying"]["entry"]
    assert (playing[0]["id"], playing[0]["playerName"]) == (song, "py-sonic")
    client.scrobble(song)
    assert client.getSong(song)["song"]["playCount"] == 1


def test_similar_songs_are_those_of_the_command(client: Any, library: Library) -> None:
    song = client.search3("alpha")["searchResult3"]["song"][0]["id"]
    expected = [str(one["track_id"]) for one in library.similar(song, "-n", "5")["results"]]
    found = client.getSimilarSongs2(song, count=5)["similarSongs2"]["song"]
    assert [one["id"] for one in found] == expected


def test_what_is_gone_is_code_70(client: Any) -> None:
    for call in (client.getSong, client.getAlbum, client.getArtist, client.getPlaylist, client.getCoverArt):
        with pytest.raises(libsonic.errors.DataNotFoundError):
            call("4711")


def test_what_there_is_not_is_an_error_it_understands(client: Any) -> None:
    with pytest.raises(libsonic.errors.SonicError):
        client.getAvatar(USER)
    with pytest.raises(libsonic.errors.SonicError):
        client.createShare("1")
