"""``playlist``: those of the catalogue, made by --keep, filled anew, frozen, deleted."""

from pathlib import Path
from typing import Any

from tests.recommender.support import Library, query, write_song


def songs(library: Library, name: str) -> list[int]:
    shown = library.run("playlist", "show", name, "--json").json
    return [one["track_id"] for one in shown["results"]]


def test_lists_are_kept_filled_and_frozen(library: Library, tmp_path: Path) -> None:
    seed = int(query(library.home, "SELECT min(id) FROM track WHERE error_kind IS NULL")[0][0])
    wanted = library.run("similar", str(seed), "-n", "4", "--keep", "Like it", "--json")
    assert wanted.code == 0, wanted.err
    assert "keeps itself up to date" in wanted.err
    like = [one["track_id"] for one in wanted.json["results"]]
    assert songs(library, "Like it") == like
    assert library.run("playlist", "keep", "Unplayed", "--unplayed", "--sort", "path").code == 0
    before = songs(library, "Unplayed")
    plays = tmp_path / "plays.csv"
    path = query(library.home, "SELECT rel_path FROM track WHERE id = ?", before[0])[0][0]
    plays.write_text(f"path,plays\n{library.music / path.decode()},3\n")
    assert library.run("plays", "import", plays).code == 0
    listed = {one["name"]: one for one in library.run("playlist", "list", "--json").json["playlists"]}
    assert listed["Unplayed"]["songs"] == len(before)  # a list of lists makes none anew
    assert listed["Unplayed"]["rules_in_words"][:2] == ["all songs", "never played"]
    done: Any = library.run("playlist", "refresh", "--json").json["playlists"]
    assert {one["name"]: (one["changed"], one["songs"]) for one in done} == {
        "Like it": (False, 4),
        "Unplayed": (True, len(before) - 1),
    }
    assert library.run("playlist", "freeze", "unplayed").code == 1
    assert library.run("playlist", "freeze", "Unplayed").code == 0
    again = library.run("playlist", "keep", "Unplayed", "--unplayed")
    assert again.code == 1 and "filled by hand" in again.err
    other = library.run("similar", str(seed), "-n", "2", "--keep", "Like it")
    assert other.code == 0, other.err
    assert songs(library, "Like it") == like[:2]  # in place of what was kept under the name
    written = library.run("playlist", "show", "Like it", "-o", tmp_path / "like.m3u8")
    assert written.code == 0 and "like " in written.out
    assert len([x for x in (tmp_path / "like.m3u8").read_text().splitlines() if x[0] != "#"]) == 2
    assert library.run("playlist", "delete", "Unplayed").code == 0
    assert [one["name"] for one in library.run("playlist", "list", "--json").json["playlists"]] == ["Like it"]


def test_a_list_of_songs_like_a_strangers_file_is_not_kept(library: Library, tmp_path: Path) -> None:
    ran = library.run("similar", write_song(tmp_path / "new.flac", 77), "--keep", "x")
    assert ran.code == 1 and "not in the catalogue" in ran.err
    assert library.run("playlist", "list").code == 0
    assert library.run("playlist", "show", "x").code == 1
