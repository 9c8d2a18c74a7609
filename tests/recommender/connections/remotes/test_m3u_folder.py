"""A folder of M3U files, from end to end."""

from pathlib import Path
from typing import Any

import pytest

from recommender.connections.credentials import Credentials
from recommender.connections.remotes.m3u_folder import M3uFolder
from recommender.errors import ConnectionFailedError
from tests.recommender.support import Library, deepcuts


def ran(library: Library, *words: str | Path, code: int = 0) -> Any:
    done = deepcuts(library.home, *words, "--json")
    assert done.code == code, done.err
    return done.json if done.out else done.err


def test_lists_go_out_as_files_that_players_read(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    assert ran(library, "connect", "files", folder)["kind"] == "m3u"
    for outcome in ("made", "unchanged"):
        [pushed] = ran(library, "push", "files", "--like", "alpha rising", "-n", "3")["playlists"]
        assert (pushed["outcome"], pushed["songs"], pushed["left_out"]) == (outcome, 4, [])
    [written] = folder.iterdir()
    assert written.name == "Like Ann Arbor - Alpha Rising.m3u8"
    lines = [line for line in written.read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "../music/rock/alpha.mp3"
    assert all((folder / line).is_file() for line in lines)

    written.write_text(written.read_text() + "/elsewhere/gone.mp3\n")
    [refused] = ran(library, "push", "files", "--like", "alpha rising", "-n", "3", code=3)["playlists"]
    assert "changed there" in refused["reason"]
    [report] = ran(library, "sync", "files")["synced"]
    assert (report["songs"], report["matched"]) == (5, {"path": 4})
    assert [one["song"] for one in report["unmatched"]] == ["/elsewhere/gone.mp3"]


def test_names_that_no_file_can_have_are_written_otherwise(tmp_path: Path) -> None:
    folder = M3uFolder(str(tmp_path), Credentials())
    songs = [str(tmp_path / name) for name in ("a.mp3", "#b.mp3", " c.mp3")]
    made = folder.write_playlist(None, "AC/DC", songs)
    assert (made, folder.playlist_songs(made)) == ("AC_DC.m3u8", songs)
    assert [one.name for one in folder.playlists()] == ["AC_DC"]


def test_what_is_no_folder_is_said(library: Library, tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailedError, match="no folder"):
        M3uFolder(str(tmp_path / "gone"), Credentials())
    assert "is no address" in ran(library, "connect", "files", tmp_path / "gone", code=1)
