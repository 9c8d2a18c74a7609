"""``map`` on a real small library."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests import databases
from tests.recommender import support
from tests.recommender.support import Library, deepcuts, query, tracks


@pytest.fixture(scope="module")
def library(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The small library with labels of its user, one track missing."""
    made = ingested.clone(tmp_path_factory.mktemp("map"))
    for label in ("rock", "jazz"):
        folder = f"{label}/".encode()
        query(made.home, "UPDATE track SET label = ? WHERE substr(rel_path, 1, 5) = ?", label, folder)
    query(made.home, "UPDATE track SET missing = true WHERE title = 'Beta Motion'")
    return made


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        image.load()
        assert image.format == "PNG"
        assert np.asarray(image.convert("L")).std() > 3
        return image.size


@pytest.mark.databases("sqlite")  # whose bytes show that nothing is written
def test_a_map_from_the_real_command_line(library: Library, tmp_path: Path) -> None:
    before = (library.home / "catalog.sqlite").read_bytes()
    ran = support.deepcuts_process(library.home, "map", "-o", tmp_path / "map.png")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"{len(support.SONGS) - 1} tracks drawn in {tmp_path / 'map.png'}\n"
    width, height = size_of(tmp_path / "map.png")
    assert width == 1200
    assert 1200 < height < 1400
    assert [path.name for path in tmp_path.iterdir()] == ["map.png"]
    assert (library.home / "catalog.sqlite").read_bytes() == before


def test_json_names_every_track_with_its_place(library: Library, tmp_path: Path) -> None:
    ran = library.run("map", "-o", tmp_path / "map.png", "--seed", 5, "--json")
    assert (ran.code, ran.err) == (0, "")
    answer: Any = ran.json
    assert (answer["picture"], answer["seed"]) == (str(tmp_path / "map.png"), 5)
    rows = {row["id"]: row for row in tracks(library.home).values() if not row["missing"]}
    assert [row["track_id"] for row in answer["tracks"]] == sorted(rows)
    for point in answer["tracks"]:
        said = {"year", "tempo_bpm", "plays"}
        assert set(point) == {"track_id", "title", "artist", "x", "y", "genre"} | said
        for name in ("title", "artist", *said):
            assert point[name] == rows[point["track_id"]][name]
        if rows[point["track_id"]]["label"]:
            assert point["genre"] == rows[point["track_id"]]["label"]
    places = np.array([(point["x"], point["y"]) for point in answer["tracks"]])
    assert np.abs(places).max() == 1
    assert len(np.unique(places, axis=0)) == len(rows)
    assert sum(row["label"] is not None for row in rows.values()) == 5


def test_the_same_seed_draws_the_same_picture(library: Library, tmp_path: Path) -> None:
    pictures = []
    for number, more in enumerate(([], [], ["--no-titles"])):
        path = tmp_path / f"{number}.png"
        assert library.run("map", "-o", path, "--size", 600, *more).code == 0
        assert size_of(path)[0] == 600
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1]
    assert pictures[0] != pictures[2]


def test_other_colours_draw_other_pictures(library: Library, tmp_path: Path) -> None:
    pictures = set()
    for colour in ("label", "tempo", "plays", "decade"):
        path = tmp_path / f"{colour}.png"
        ran = library.run("map", "-o", path, "--size", 400, "--no-titles", "--colour", colour, "--json")
        assert (ran.code, ran.err) == (0, "")
        pictures.add(path.read_bytes())
        for region in ran.json["regions"]:
            assert set(region) == {"name", "x", "y", "level", "tracks"}
    assert len(pictures) == 4
    assert len({region["name"] for region in ran.json["regions"]}) == len(ran.json["regions"])


def test_mistakes_are_one_plain_line(library: Library, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    ran = deepcuts(empty, "map", "-o", tmp_path / "map.png")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"deepcuts: the catalogue {databases.place(empty)} is empty")
    assert ran.err.count("\n") == 1
    ran = library.run("map", "-o", tmp_path / "nowhere" / "map.png", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"deepcuts: cannot write {tmp_path / 'nowhere' / 'map.png'}: ")
    assert ran.err.count("\n") == 1
    gone = library.clone(tmp_path / "gone")
    query(gone.home, "UPDATE track SET missing = true")
    ran = gone.run("map", "-o", tmp_path / "map.png")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "deepcuts: no track is analysed with the active bundle: run ingest\n"
    assert not (tmp_path / "map.png").exists()


@pytest.mark.parametrize(
    "arguments",
    [[], ["-o", "map.jpg"], ["-o", "map.png", "--size", "10"], ["-o", "map.png", "--colour", "red"]],
    ids=" ".join,
)
def test_usage_errors(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = library.run("map", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage:" in ran.err
    assert list(tmp_path.iterdir()) == []
