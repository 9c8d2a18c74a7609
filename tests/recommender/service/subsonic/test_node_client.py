"""OpenSubsonic from without: subsonic-api for Node, against a running server.

It runs where Node is there and `npm install subsonic-api` was run in a folder that `NODE_PATH` names.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.recommender.service.conftest import PASSWORD, USER, running
from tests.recommender.support import SONGS, Library

PLACES = [Path(place) for place in os.environ.get("NODE_PATH", "").split(os.pathsep) if place]
PACKAGE = next((p / "subsonic-api/lib/index.js" for p in PLACES if (p / "subsonic-api").is_dir()), None)
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(not NODE or PACKAGE is None, reason="Node or subsonic-api is not installed")

SCRIPT = """
const [library, url, username, password] = process.argv.slice(2);
const { SubsonicAPI } = await import(library);
const said = {};
for (const post of [false, true]) {
  const api = new SubsonicAPI({ url, auth: { username, password }, post });
  const all = { query: "", songCount: 1000, albumCount: 1000, artistCount: 1000 };
  const found = (await api.search3(all)).searchResult3;
  const ids = found.song.map((song) => song.id);
  await api.savePlayQueue({ id: ids.slice(0, 3), current: ids[1], position: 5000 });
  const queue = (await api.getPlayQueue()).playQueue;
  const like = (await api.getSimilarSongs2({ id: ids[0], count: 3 })).similarSongs2.song;
  const audio = await api.stream({ id: ids[0], format: "mp3", maxBitRate: 64, timeOffset: 1 });
  const cover = await api.getCoverArt({ id: found.album[0].coverArt, size: 50 });
  await api.scrobble({ id: ids[0], submission: false });
  const playing = (await api.getNowPlaying()).nowPlaying.entry;
  const gone = await api.getSong({ id: "4711" }).then((answer) => answer.error?.code ?? 0, String);
  const entries = queue.entry.map((song) => song.id).join();
  said[post] = {
    ping: (await api.ping()).status,
    extensions: (await api.getOpenSubsonicExtensions()).openSubsonicExtensions.map((one) => one.name),
    songs: ids.length,
    queue: [entries === ids.slice(0, 3).join(), queue.current === ids[1], queue.position],
    similar: like.length,
    audio: [audio.headers.get("content-type"), (await audio.arrayBuffer()).byteLength],
    cover: [cover.headers.get("content-type"), (await cover.arrayBuffer()).byteLength > 50],
    playing: playing.some((one) => one.id === ids[0]),
    gone,
  };
}
console.log(JSON.stringify(said));
"""


def test_it_syncs_streams_and_leaves_its_queue(
    ingested: Library, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("node")
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "asks.mjs").write_text(SCRIPT)
    copy = ingested.clone(folder)
    with running(copy.home, "--user", USER, "--password-file", str(folder / "password")) as server:
        command = [str(NODE), str(folder / "asks.mjs"), str(PACKAGE), server.url, USER, PASSWORD]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for said in json.loads(done.stdout).values():
        assert (said["ping"], said["songs"], said["similar"]) == ("ok", len(SONGS), 3)
        assert {"transcoding", "indexBasedQueue", "formPost"} <= set(said["extensions"])
        assert said["queue"] == [True, True, 5000]
        assert said["audio"][0] == "audio/mpeg" and 3 * 8000 * 0.9 < said["audio"][1] < 3 * 8000 * 1.2
        assert said["cover"][0].startswith("image/") and said["cover"][1]
        assert said["playing"]
        assert said["gone"] == 70 or "70" in str(said["gone"]) or "no song has the id" in str(said["gone"])
