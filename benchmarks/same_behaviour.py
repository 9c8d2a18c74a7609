"""Whether two checkouts do the same: python benchmarks/same_behaviour.py OLD NEW FOLDER [FOLDER ...].

Each runs every command with ``--json``, every REST operation and forty OpenSubsonic calls on copies of the
same music, in the same folders one after the other, so that paths are equal, too. OLD runs twice: where
it differs from itself (times, ports, ids drawn by chance) nothing is compared, and these fields are printed.
Numbers are equal within one in a million. Of the description of the service its texts are not compared, and
parameters are compared by name. Exits 1 where anything differs.

The first folder names labels by its sub-folders; sixty songs of several genres are enough.
"""

import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import common

CLOSE: Final = 1e-6
TRIES: Final = 60
TEXTS: Final = ("description", "summary", "title")
SUBSONIC: Final = (
    *("ping", "getLicense", "tokenInfo", "getUser?username=admin", "getUsers", "getScanStatus", "startScan"),
    *("getLyrics", "getMusicFolders", "getIndexes", "getArtists", "getGenres", "getStarred", "getStarred2"),
    *("getOpenSubsonicExtensions", "getPlaylists", "getAlbumList?type=alphabeticalByName&size=50"),
    *("getAlbumList2?type=alphabeticalByArtist&size=50", "getSong?id={id}", "getSongsByGenre?genre=rock"),
    *("search2?query=a", "search3?query=", "getSimilarSongs?id={id}", "getSimilarSongs2?id={id}"),
    *("getSonicSimilarTracks?id={id}", "findSonicPath?startSongId={id}&endSongId={other}", "star?id={id}"),
    *("getStarred2", "unstar?id={id}", "setRating?id={id}&rating=4", "scrobble?id={id}&time=1700000000000"),
    *("createPlaylist?name=one&songId={id}", "getPlaylist?id=1", "updatePlaylist?playlistId=1&name=two"),
    *(
        "stream?id={id}",
        "download?id={id}",
        "getCoverArt?id={id}",
        "getMusicDirectory?id=1",
        "deletePlaylist?id=1",
    ),
    *(
        "getTopSongs?artist=nobody",
        "getArtistInfo2?id=ar-1",
        "getSong?id=nothing",
        "noSuchCall",
        "getAlbum?id=x",
    ),
)
REST: Final = (
    *(
        "GET /health",
        "GET /api/status",
        "GET /api/genres",
        "GET /api/tags",
        "GET /api/evaluation",
        "GET /api/tracks",
    ),
    *(
        "GET /api/tracks?sort=title&limit=5&offset=3",
        "GET /api/search?q=a",
        "GET /api/tracks/{id}",
        "GET /api/map",
    ),
    *(
        "GET /api/tracks/{id}/similar?n=20",
        "GET /api/tracks/{id}/similar?n=5&explain=true&per_artist=1&year=1900-",
    ),
    *("GET /api/similar?id={id}&id={other}&not={third}", "GET /api/similar?id={id}&from=0:05&to=0:20"),
    *("GET /api/similar?id={id}&genre=nothing", "GET /api/discover?n=10", "GET /api/find?q=mellow%20jazz"),
    *("GET /api/find?q=xyzzy", "GET /api/path?from={id}&to={other}&n=8", "GET /api/tracks/{id}/waveform"),
    *("GET /api/tracks/{id}/mel.png", "GET /api/tracks/{id}/audio", "GET /api/tracks/{id}/listen", "GET /"),
    *(
        "HEAD /api/tracks/{id}/audio",
        "POST /api/tracks/{id}/plays",
        "POST /api/classify",
        "POST /api/similar",
    ),
    *('POST /api/playlists {"name": "mine", "track_ids": [{id}, {other}]}', "GET /api/playlists"),
    *("GET /api/playlists/1", 'PUT /api/playlists/1 {"name": "ours", "track_ids": [{other}]}'),
    *(
        "GET /api/playlists/1.m3u8",
        "DELETE /api/playlists/1",
        "GET /api/tracks/99999",
        "GET /nowhere",
        "GET /openapi.json",
    ),
)


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        first, second, new = (
            Run(checkout.resolve(), Path(scratch) / "run", args.folders).everything()
            for checkout in (args.old, args.old, args.new)
        )
    answer = compared(first, second, new)
    common.report(answer, args.output)
    raise SystemExit(1 if answer["different"] else 0)


class Run:
    """A checkout at work in a folder of its own, which is empty before and gone afterwards."""

    def __init__(self, checkout: Path, work: Path, folders: list[Path]) -> None:
        self.checkout, self.work, self.home = checkout, work, work / "home"
        self.found: dict[str, Any] = {}
        shutil.rmtree(work, ignore_errors=True)
        self.music = []
        for folder in folders:
            self.music.append(work / "music" / folder.resolve().name)
            shutil.copytree(folder, self.music[-1])
        self.songs = [f for folder in self.music for f in sorted(folder.rglob("*")) if _is_song(f)]

    def everything(self) -> dict[str, Any]:
        """Return what every command and every call answered, by what was asked."""
        for number, words in enumerate(self._commands()):
            print(f"{self.checkout.name}: {' '.join(map(str, words))}"[:100], file=sys.stderr, flush=True)
            self._command(number, words)
        self._calls()
        shutil.rmtree(self.work)
        return self.found

    def _commands(self) -> Iterator[list[Any]]:
        labelled, *others = self.music
        song, other, last = self.songs[0], self.songs[len(self.songs) // 3], self.songs[-1]
        plays, out = self.work / "plays.csv", self.work / "out"
        plays.write_text("path,plays\n" + "".join(f"{s},{n % 7}\n" for n, s in enumerate(self.songs)))
        out.mkdir()
        (self.work / "broken.mp3").write_bytes(b"ID3 and nothing else" * 99)
        yield [
            "ingest",
            labelled,
            "--labels",
            "folders",
            "--jobs",
            "1",
        ]
        yield ["ingest", *others, "--jobs", "1"]
        yield ["ingest", *self.music, "--jobs", "1"]
        yield ["ingest", self.work / "broken.mp3"]
        for name in ("status", "failures", "check", "duplicates"):
            yield [name]
        yield ["plays", "import", plays]
        yield ["plays", "top", "-n", "10"]
        yield ["similar", song]
        yield ["similar", "2", "-n", "30", "--explain", "--diversity", "0.5", "--per-artist", "2"]
        yield ["similar", song, other, "--not", last, "-n", "15", "--max-plays", "3"]
        yield ["similar", other, "--from", "0:05", "--to", "0:20", "-o", out / "list.m3u8"]
        yield ["similar", song, "--discover", "0.5", "--genre", "rock", "--duration", "10-600"]
        yield ["similar", self.work / "broken.mp3"]
        yield ["similar", "no such song"]
        yield ["discover", "-n", "15"]
        yield ["find", "mellow", "jazz", "-n", "12"]
        yield ["find", "guitar", "--not", "female vocalists", "-o", out / "found.csv"]
        yield ["path", song, last, "-n", "8"]
        yield ["duplicates", "--kind", "same-recording"]
        yield ["classify", song, last, self.work / "broken.mp3"]
        yield ["explain", song, "-o", out / "why.png"]
        yield ["train", "--seed", "1"]
        yield ["train", labelled, "--labels", "folders", "--folds", "3", "--seed", "2", "--use"]
        yield [
            "tune",
            "--arch",
            "cnn-mel",
            "--grid",
            "n_mels=64,96",
            "--epochs",
            "1",
            "--one-fold",
            "--seed",
            "1",
        ]
        yield ["evaluate", "classifier", "--folds", "3"]
        yield ["evaluate", "recommender", "--sample", "12", "-k", "5"]
        yield ["tag"]
        yield ["tag", *others[:1], "--write"]
        yield ["tag", *others[:1], "--write", "--overwrite", "--min-confidence", "0.3"]
        yield ["ingest", *self.music, "--jobs", "1"]
        yield ["tag", *others[:1], "--undo"]
        yield ["ingest", *self.music, "--jobs", "1"]
        yield ["export", "-o", out / "export.csv"]
        yield ["import", out / "export.csv"]
        yield ["map", "-o", out / "map.png"]
        yield ["plot", "features", song, "-o", out / "features.png"]
        yield ["relocate", labelled, self.work / "nowhere"]
        yield ["status"]
        yield ["check"]

    def _command(self, number: int, words: list[Any]) -> None:
        command = [sys.executable, str(self.checkout / "cli.py"), "--home", str(self.home), *map(str, words)]
        if words[:2] != ["plot", "features"]:
            command.append("--json")
        environment = os.environ | {"PYTHONPATH": str(self.checkout), "COLUMNS": "80"}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=self.work
        )
        name = f"{number} {' '.join(Path(str(word)).name for word in words)}"
        self.found[name] = {
            "code": done.returncode,
            "out": _parsed(done.stdout.encode()),
            "err": [line for line in done.stderr.splitlines() if "\r" not in line],
            "files": {str(f): _digest(f) for f in sorted((self.work / "out").rglob("*")) if f.is_file()},
        }

    def _calls(self) -> None:
        environment = os.environ | {"PYTHONPATH": str(self.checkout)}
        command = [
            sys.executable,
            str(self.checkout / "cli.py"),
            "--home",
            str(self.home),
            "serve",
            "--port",
            "0",
        ]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as service:
            assert service.stderr is not None  # noqa: S101
            port = re.search(r":(\d+)/", service.stderr.readline())
            if port is None:
                raise SystemExit("the service did not start")
            base = f"http://127.0.0.1:{port[1]}"
            ids = {"id": "1", "other": str(len(self.songs) // 2), "third": str(len(self.songs) - 1)}
            for number, call in enumerate(REST):
                method, path, *body = _filled(call, ids).split(" ", 2)
                sent = body[0].encode() if body else self.songs[0].read_bytes() if method == "POST" else None
                self.found[f"{number} {call}"] = self._call(base + path, method, sent, bool(body))
            for number, call in enumerate(SUBSONIC):
                asked = _filled(call, ids) + ("&" if "?" in call else "?") + "v=1.16.1&c=compare&u=x&p=y"
                for form in ("json", "xml"):
                    name = f"{number} {call} {form}"
                    self.found[name] = self._call(f"{base}/rest/{asked}&f={form}", "GET", None, False)
            service.terminate()

    def _call(self, url: str, method: str, body: bytes | None, is_json: bool) -> Any:
        kind = "application/json" if is_json else "audio/mpeg"
        headers = {"X-Requested-With": "compare", **({"Content-Type": kind} if body is not None else {})}
        asked = urllib.request.Request(url, body if method != "GET" else None, headers, method=method)
        try:
            for _ in range(TRIES):
                with urllib.request.urlopen(asked, timeout=120) as answer:
                    found = _answer(answer)
                if found["status"] != HTTPStatus.ACCEPTED:
                    break
                time.sleep(1)  # it is still being made
            return found
        except urllib.error.HTTPError as error:
            return _answer(error)


def _answer(answer: Any) -> dict[str, Any]:
    dull = ("date", "server")
    headers = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in dull}
    return {"status": answer.status, "headers": headers, "body": _parsed(answer.read())}


def _filled(call: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        call = call.replace(f"{{{name}}}", value)
    return call


def _is_song(path: Path) -> bool:
    return path.suffix.lower() in (".mp3", ".ogg", ".opus", ".flac", ".wav", ".m4a")


def _digest(path: Path) -> Any:
    return _parsed(path.read_bytes())


def _parsed(raw: bytes) -> Any:
    """Return JSON as what it says, short text as its lines, anything else as a hash."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return hashlib.sha256(raw).hexdigest()
    try:
        return json.loads(text)
    except ValueError:
        pieces = text.replace("><", ">\n<").splitlines()
        return pieces if len(pieces) <= 2_000 else hashlib.sha256(raw).hexdigest()


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what stands in nested lists and objects, by where it stands."""
    if isinstance(value, dict):
        described = "openapi" in at
        for key, inner in value.items():
            if described and key == "parameters" and isinstance(inner, list):
                yield from leaves({one["name"]: one for one in inner}, f"{at} / {key}")
            elif not (described and key in TEXTS and isinstance(inner, str)):
                yield from leaves(inner, f"{at} / {key}")
    elif isinstance(value, list):
        yield f"{at} / length", len(value)
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{at} / {number}")
    else:
        yield at, value


def compared(first: Any, second: Any, new: Any) -> dict[str, Any]:
    """Return how many values were compared, which never are the same, and which are different."""
    old, again, now = (dict(leaves(found)) for found in (first, second, new))
    unsettled = {at for at in old.keys() | again.keys() if not _equal(old.get(at), again.get(at))}
    different = {
        at: [old.get(at, "absent"), now.get(at, "absent")]
        for at in sorted(old.keys() | now.keys())
        if at not in unsettled and not _equal(old.get(at, "absent"), now.get(at, "absent"))
    }
    kinds = {re.sub(r"\d+", "N", at.split(" / ", 2)[-1]) for at in unsettled}
    return {
        "asked": len(first),
        "exit_codes": Counter(one["code"] for one in first.values() if "code" in one),
        "statuses": Counter(one["status"] for one in first.values() if "status" in one),
        "compared": len(old.keys() - unsettled),
        "differ_from_run_to_run": {"values": len(unsettled), "fields": sorted(kinds)},
        "different": different,
    }


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=CLOSE, abs_tol=CLOSE)
    return type(one) is type(other) and bool(one == other)


if __name__ == "__main__":
    main()
