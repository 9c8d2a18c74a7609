"""The plugin in beets itself: 100 tracks imported, asked for, and their likes listed."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.recommender import support
from tests.recommender.connections.albums import tags, write_sound
from tests.recommender.support import deepcuts, query

pytest.importorskip("beets", reason="beets is not installed")

TRACKS, PER_ALBUM, SECONDS = 100, 10, 8.0


@dataclass(frozen=True)
class Beets:
    """A library of beets, and the home of deepcuts that its plugin fills."""

    folder: Path

    @property
    def home(self) -> Path:
        """Of deepcuts."""
        return self.folder / "home"

    def run(self, *words: str, code: int = 0) -> str:
        """Run beets as a user does, and return what it prints."""
        more = {"BEETSDIR": str(self.folder), "PYTHONPATH": str(REPO), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [sys.executable, "-m", "beets", *words],
            env=support.environment(self.home, **more),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def beets(database: str, tmp_path_factory: pytest.TempPathFactory) -> Beets:
    """A library of beets into which 100 tracks of ten albums were imported."""
    made = Beets(tmp_path_factory.mktemp(f"beets-{database}"))
    incoming = made.folder / "incoming"
    for number in range(TRACKS):
        album, place = divmod(number, PER_ALBUM)
        said = tags(f"Song {number}", f"Artist {album}", f"Album {album}", place + 1)
        write_sound(incoming / f"album {album}" / f"{place:02}.flac", number, said, SECONDS)
    (made.folder / "config.yaml").write_text(
        f"directory: {made.folder / 'music'}\nlibrary: {made.folder / 'library.db'}\n"
        "plugins: deepcuts\nimport: {copy: yes}\n"
        f"deepcuts: {{home: '{made.home}', genre: yes, confidence: 0.5}}\n"
    )
    made.run("import", "-A", "-q", str(incoming))
    return made


def test_what_is_imported_is_analysed_and_has_fields(beets: Beets) -> None:
    [[tracks]] = query(beets.home, "SELECT COUNT(*) FROM track WHERE error_kind IS NULL")
    assert tracks == TRACKS
    labelled = beets.run(
        "ls", "-f", "$title|$deepcuts_label|$deepcuts_confidence|$deepcuts_tags", "deepcuts_label::."
    )
    rows = [line.split("|") for line in labelled.splitlines()]
    assert len(rows) == TRACKS
    assert all(label and 0 < float(sure) <= 1 for _, label, sure, _ in rows)
    assert any(said for *_, said in rows)
    assert len(beets.run("ls", "deepcuts_key::.").splitlines()) > TRACKS / 2
    assert len(beets.run("ls", "deepcuts_bpm:20..400").splitlines()) > TRACKS / 2


def test_a_genre_is_set_where_the_sound_is_sure_enough_and_else_not(beets: Beets) -> None:
    lines = beets.run("ls", "-f", "$deepcuts_confidence|$deepcuts_label|$genres").splitlines()
    rows = [line.split("|") for line in lines]
    sure = [row for row in rows if float(row[0]) > 0.501]
    assert sure
    assert all(genres == label for _, label, genres in sure)
    assert all(not genres for confidence, _, genres in rows if float(confidence) < 0.499)


def test_what_sounds_alike_is_listed_as_deepcuts_lists_it(beets: Beets) -> None:
    found = beets.run("deepcuts", "similar", "-n", "5", "-p", "title::^Song\\ 7$").splitlines()
    assert len(found) == 5
    path = beets.run("ls", "-p", "title::^Song\\ 7$").strip()
    with_home = deepcuts(beets.home, "similar", path, "-n", "25", "--json")
    assert found == [one["path"] for one in with_home.json["results"]][:5]


def test_a_list_is_written_for_players(beets: Beets) -> None:
    beets.run("deepcuts", "similar", "-n", "4", "-o", str(beets.folder / "mix.m3u8"), "artist:Artist 3")
    lines = (beets.folder / "mix.m3u8").read_text().splitlines()
    songs = [line for line in lines if not line.startswith("#")]
    assert len(songs) == 4
    assert all((beets.folder / song).is_file() for song in songs)
    assert not any("Artist 3" in song for song in songs)


def test_fields_are_set_again_on_demand(beets: Beets) -> None:
    said = beets.run("deepcuts", "tag", "artist:Artist 2")
    assert said.startswith(f"{PER_ALBUM} songs")


def test_mistakes_are_said_in_a_line(beets: Beets) -> None:
    assert "say what to do" in beets.run("deepcuts", code=1)
    assert "finds no song" in beets.run("deepcuts", "similar", "title:nothing-of-that-name", code=1)
