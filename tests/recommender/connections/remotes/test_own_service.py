"""Our own service as the server: plays in, of one catalogue into another, and playlists out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.recommender.service.conftest import KEY, PASSWORD, USER, running, serving
from tests.recommender.support import SONGS, Library, deepcuts, names

libsonic = pytest.importorskip("libsonic", reason="py-sonic is not installed")

NAMED = (("id", "title"), ("artistId", "artist"))
ENVIRONMENT = {"DEEPCUTS_DC_USER": USER, "DEEPCUTS_DC_PASSWORD": PASSWORD}


@pytest.fixture(scope="module")
def served(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Library]]:
    """A service on a copy of the small library that was ingested anew, so that its ids are others."""
    folder = tmp_path_factory.mktemp("served")
    copy = ingested.clone(folder)
    again = Library(copy.music, folder / "again")
    for name in sorted(SONGS, reverse=True)[:3]:
        again.ingest(copy.music / Path(name).parent)
    again.ingest(copy.music)
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "key").write_text(KEY + "\n")
    options = ("--user", USER, "--password-file", str(folder / "password"))
    with running(again.home, *options) as server:
        yield server.url, again


def client(url: str) -> Any:
    address = urlsplit(url)
    made = libsonic.Connection(
        f"http://{address.hostname}", USER, PASSWORD, address.port, "/rest", "py-sonic"
    )
    assert made.ping()
    return made


def ran(library: Library, *words: str, code: int = 0) -> Any:
    done = deepcuts(library.home, *words, "--json", **ENVIRONMENT)
    assert done.code == code, done.err
    return done.json if done.out else done.err


def synced(library: Library) -> Any:
    [report] = ran(library, "sync", "dc")["synced"]
    return report


def test_plays_come_in_once_and_then_what_is_new(library: Library, served: tuple[str, Library]) -> None:
    url, _ = served
    other = client(url)
    songs = {s["title"]: s["id"] for s in other.search3("", songCount=100)["searchResult3"]["song"]}
    for _ in range(3):
        other.scrobble(songs["Delta Blues"])
    connected = ran(library, "connect", "dc", url)
    assert (connected["kind"], connected["answers"].split()[0]) == ("subsonic", "deepcuts")

    first = synced(library)
    assert (sum(first["matched"].values()), first["plays"]) == (len(SONGS), 1)
    row = names(library.home)["delta.wav"]
    assert (row["plays"], row["last_played"] is not None) == (3, True)
    assert synced(library)["plays"] == 0

    other.scrobble(songs["Delta Blues"])
    other.scrobble(songs["Epsilon"])
    assert synced(library)["plays"] == 2
    rows = names(library.home)
    assert (rows["delta.wav"]["plays"], rows["epsilon.opus"]["plays"]) == (4, 1)


def test_who_asks_us_for_similar_songs_is_answered_in_the_ids_of_the_server(
    library: Library, served: tuple[str, Library]
) -> None:
    url, _ = served
    songs = client(url).search3("", songCount=100)["searchResult3"]["song"]
    titles, artists = ({s[key]: s[named] for s in songs if key in s} for key, named in NAMED)
    wanted = next(song for song in songs if song["title"] == "Delta Blues")
    ran(library, "connect", "dc", url)
    synced(library)
    with serving(library) as service:
        found = service.get(f"/api/similar_tracks?item_id={wanted['id']}&n=4")
        assert len(found) == 4 and wanted["id"] not in [one["item_id"] for one in found]
        assert [titles[one["item_id"]] for one in found] == [one["title"] for one in found]
        alike = service.get(f"/api/similar_artists?artist={wanted['artistId']}&n=4")
        assert len(alike) == 4 and wanted["artistId"] not in [one["artist_id"] for one in alike]
        assert [artists[one["artist_id"]] for one in alike] == [one["artist"] for one in alike]


def test_a_list_goes_to_it_and_stays(library: Library, served: tuple[str, Library]) -> None:
    url, _ = served
    ran(library, "connect", "dc", url)
    synced(library)
    for outcome in ("made", "unchanged"):
        [pushed] = ran(library, "push", "--like", "alpha rising", "-n", "3")["playlists"]
        assert (pushed["outcome"], pushed["songs"]) == (outcome, 4)
    [found] = [
        one
        for one in client(url).getPlaylists()["playlists"]["playlist"]
        if one["name"] == "Like Ann Arbor - Alpha Rising"
    ]
    entries = client(url).getPlaylist(found["id"])["playlist"]["entry"]
    assert (len(entries), entries[0]["title"]) == (4, "Alpha Rising")
    client(url).deletePlaylist(found["id"])


def test_a_service_of_the_same_catalogue_is_refused(served: tuple[str, Library]) -> None:
    url, library = served
    ran(library, "connect", "dc", url)
    assert "this very catalogue" in ran(library, "sync", code=1)
    ran(library, "disconnect", "dc")
