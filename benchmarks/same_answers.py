"""Whether two checkouts answer the same about one catalogue: python benchmarks/same_answers.py HOME OLD NEW.

Each serves a copy of HOME. Both are asked REPEATS times, at once, for songs, albums, artists, lists, searches
and what sounds alike, over REST and OpenSubsonic, each time of others, and are told of plays between; what is
drawn at random is not asked. Status and body are compared, byte for byte. Exits 1 where any differ.
"""

import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import common
from service_load import Served

SHOWN = 20
LISTS = ("newest", "highest", "frequent", "recent", "alphabeticalByName", "alphabeticalByArtist", "starred")
WHO = {"f": "json", "u": "player", "p": "any", "c": "benchmark"}


def call(name: str, **parameters: object) -> str:
    """Return the address of an OpenSubsonic call."""
    return f"/rest/{name}?{urlencode({**WHO, **parameters}, doseq=True)}"


def once() -> Iterator[str]:
    """Yield what has no song in it."""
    for name in ("getArtists", "getIndexes", "getGenres", "getMusicFolders", "getStarred2", "getScanStatus"):
        yield call(name)
    for kind in LISTS:
        for first in (0, 400):
            yield call("getAlbumList2", type=kind, size=500, offset=first)
        yield call("getAlbumList", type=kind, size=20)
    yield call("getAlbumList2", type="byYear", fromYear=2000, toYear=1950, size=500)
    yield call("search3", query="", songCount=300, songOffset=150, albumCount=300, artistCount=300)
    yield from ("/api/tracks", "/api/tracks?sort=plays&limit=100", "/api/genres", "/api/tags")


def of_song(song: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    """Yield what is asked of a song, its album and its artist."""
    ids = (song["id"], song["albumId"], song["artistId"])
    yield call("getAlbum", id=ids[1])
    yield call("getArtist", id=ids[2])
    yield call("getTopSongs", id=ids[2], count=30)
    yield call("getSong", id=ids[0])
    for wanted in ids:
        yield call("getSimilarSongs2", id=wanted)
        yield call("getArtistInfo2", id=wanted)
        yield call("getMusicDirectory", id=wanted) if wanted != ids[0] else call("getSong", id=wanted)
    yield call("getSonicSimilarTracks", id=ids[0], count=100)
    yield call("findSonicPath", startSongId=ids[0], endSongId=other["id"])
    for query in (
        song["title"],
        song["artist"],
        song["title"][:-1],
        song["artist"][:4],
        song["album"] + " x",
    ):
        yield call("search3", query=query, songCount=40)
        yield call("search2", query=query, songOffset=15)
        yield f"/api/search?{urlencode({'q': query})}"
    for genre in [genre["name"] for genre in song["genres"]]:
        yield call("getSongsByGenre", genre=genre, count=100)
        yield call("getAlbumList2", type="byGenre", genre=genre, size=50)
    track = f"/api/tracks/{ids[0]}"
    yield from (track, f"{track}/similar?n=20&explain=true", f"{track}/similar?discover=0.5&diversity=0.3")
    yield f"{track}/similar?from_s=5&to_s=20&per_artist=1"
    yield f"/api/similar?id={ids[0]}&id={other['id']}"
    yield f"/api/path?from={ids[0]}&to={other['id']}&n=12"
    yield from ("/api/discover?n=20", "/api/find?words=mellow%20jazz")


def changes(song: dict[str, Any], when: int) -> Iterator[str]:
    """Yield what changes something of a song, always alike."""
    yield call("scrobble", id=[song["id"]] * 2, time=[1_600_000_000_000 + when, 1_500_000_000_000])
    yield call("setRating", id=song["id"], rating=1 + when % 5)
    yield call("setRating", id=song["albumId"], rating=1 + when % 5)


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("home", type=Path)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--scratch", type=Path, help="Where the copies of HOME are put.")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch:
        services = []
        try:
            for name, checkout in (("old", args.old), ("new", args.new)):
                shutil.copytree(args.home, Path(scratch) / name / "home")
                services.append(Served(Path(scratch) / name / "home", checkout.resolve()))
            answer = compared(services, args.repeats)
        finally:
            for service in services:
                service.stop()
    common.report(answer, args.output)
    raise SystemExit(1 if answer["n_different"] else 0)


def compared(services: list[Served], repeats: int) -> dict[str, Any]:
    """Return how many answers were compared, and which differed."""
    n, different = 0, []
    whole = json.loads(services[0].get(call("search3", query="", songCount=10**6))[1])
    songs = random.Random(0).sample(whole["subsonic-response"]["searchResult3"]["song"], 2 * repeats)
    for number in range(repeats):
        song, other = songs[2 * number : 2 * number + 2]
        for path in (*once(), *of_song(song, other), *changes(song, number)):
            answers = [service.get(path) for service in services]
            n += 1
            if answers[0] != answers[1]:
                different.append({"path": path, "from": _first_difference(answers[0][1], answers[1][1])})
    return {"compared": n, "n_different": len(different), "different": different[:SHOWN]}


def _first_difference(old: bytes, new: bytes) -> list[str]:
    at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    return [text[max(0, at - 60) : at + 60].decode("utf-8", "replace") for text in (old, new)]


if __name__ == "__main__":
    main()
