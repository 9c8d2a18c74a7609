"""``similar --explain`` and ``--pictures``: through the real command line, held to the catalogue's rows."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from PIL import Image

from classifier.model.bundle import Bundle
from recommender.commands.why import file_name
from recommender.retrieval.index.store import open_index
from tests import synth
from tests.databases import open_catalog
from tests.recommender import support
from tests.recommender.hearing import takes_all_for_music
from tests.recommender.support import Library, query

IOTA = "folk/iota.flac"


@pytest.fixture(scope="module")
def musical(database: str, ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The library, with a model to which its sounds are music."""
    copy = ingested.clone(tmp_path_factory.mktemp("musical"))
    takes_all_for_music(copy.home)
    return copy


@pytest.fixture(scope="module")
def answer(musical: Library) -> Any:
    """Songs like Iota, explained."""
    return musical.similar("iota", "-n", 9, "--explain")


def stored(ingested: Library, track_id: int) -> list[tuple[float, Any, Any]]:
    """Return (start, tags, patches) of a track's segments."""
    sql = """
        SELECT start_s, tags, patches FROM feature JOIN segment ON segment.id = segment_id
        WHERE track_id = ? ORDER BY segment.start_s
    """
    return [
        (row["start_s"], np.frombuffer(row["tags"], "<f4"), np.frombuffer(row["patches"], "<f2"))
        for row in query(ingested.home, sql, track_id)
    ]


def test_only_on_demand(musical: Library, answer: Any) -> None:
    plain = musical.similar("iota", "-n", 9)
    assert not any("reasons" in result or "picture" in result for result in plain["results"])
    reasoned = [{k: v for k, v in result.items() if k != "reasons"} for result in answer["results"]]
    assert reasoned == plain["results"]


def test_of_what_is_no_music_neither_genres_nor_tags_are_reasons(ingested: Library) -> None:
    found = ingested.similar("iota", "-n", 9, "--explain")
    assert found["query"]["verdict"] == "not music"
    for result in found["results"]:
        why = result["reasons"]
        assert (why["shared_tags"], why["shared_genres"], why["more"], why["less"]) == ([], [], [], [])


def test_shared_tags_are_those_of_the_catalogue(musical: Library, answer: Any, shipped: Bundle) -> None:
    """Of songs that are one segment long, whose tags are that segment's."""
    usual = np.zeros(len(shipped.tag_names))
    of_track = {}
    for row in support.tracks(musical.home).values():
        segments = stored(musical, row["id"])
        seconds = [30.0, 6.0] if len(segments) > 1 else [1.0]
        of_track[row["id"]] = np.average([tags for _, tags, _ in segments], axis=0, weights=seconds)
        usual += of_track[row["id"]] / len(support.SONGS)
    asked = of_track[answer["query"]["track_id"]]
    n_shared = 0
    for result in answer["results"]:
        least = np.minimum(asked, of_track[result["track_id"]])
        weights = least**2 / (least + usual)
        order = [i for i in np.argsort(-weights) if least[i] >= 0.1]
        shared = result["reasons"]["shared_tags"]
        assert [t["name"] for t in shared] == [shipped.tag_names[i] for i in order]
        assert_allclose([t["weight"] for t in shared], weights[order], atol=1e-3)
        n_shared += len(shared)
    assert n_shared > 5


def test_curve_is_that_of_the_stored_patches(musical: Library, answer: Any, shipped: Bundle) -> None:
    catalog = open_catalog(musical.home / "catalog.sqlite")
    centre = open_index(catalog, musical.home / "index", shipped.trunk_id)[0].reference.centre.astype(float)
    catalog.close()

    def centred(vector: Any) -> Any:
        moved = vector / np.linalg.norm(vector) - centre
        return moved / np.linalg.norm(moved)

    patch_s = shipped.front_end.patch_s
    asked = [
        (start_s + i * patch_s, patch)
        for start_s, _, patches in stored(musical, answer["query"]["track_id"])
        for i, patch in enumerate(patches.reshape(-1, 200).astype(float))
    ]
    for result in answer["results"]:
        why = result["reasons"]
        (its,) = (p.reshape(-1, 200).astype(float) for _, _, p in stored(musical, result["track_id"]))
        assert len(why["curve"]) == len(its)
        for number, step in enumerate(why["curve"]):
            patch = next(p for start_s, p in asked if abs(start_s - step["query_s"]) < 0.4)
            assert step["match_s"] == pytest.approx(number * patch_s, abs=0.01) or number == len(its) - 1
            assert step["alike"] == pytest.approx(float(centred(patch) @ centred(its[number])), abs=2e-4)
        assert why["curve"][0]["query_s"] == result["query_start_s"]
        assert why["curve"][-1]["match_s"] + patch_s == pytest.approx(result["match_end_s"], abs=0.02)


def test_parts_sum_to_the_score_and_are_put_into_words(answer: Any) -> None:
    for result in answer["results"]:
        why = result["reasons"]
        said = {part["words"]: part["adds"] for part in why["parts"]}
        assert sum(said.values()) == pytest.approx(result["score"], abs=0.02)
        assert said["sounds alike"] == pytest.approx(result["score_parts"]["cosine"], abs=1e-4)
        hub = result["score_parts"]["hub"]
        if abs(hub) > 0.005:
            assert said[f"near to {'few' if hub > 0 else 'many'} songs"] == pytest.approx(hub, abs=1e-4)
        (score,) = [line for line in why["words"] if line.startswith("score")]
        assert score.startswith(f"score {result['score']:.2f}: sounds alike {said['sounds alike']:+.2f}")


def test_table_has_a_block_for_each_result(musical: Library, answer: Any) -> None:
    ran = musical.run("similar", "iota", "-n", 9, "--explain")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    for result in answer["results"]:
        heading = f"{result['rank']:>3}  {result['artist']} - {result['title']}".removesuffix(" - ")
        if not result["artist"]:
            heading = f"{result['rank']:>3}  {result['title']}"
        place = lines.index(heading)
        words = result["reasons"]["words"]
        assert 2 <= len(words) <= 5
        assert lines[place + 1 : place + 1 + len(words)] == [f"     {line}" for line in words]
        assert any(line.startswith("your 0:") and " ≈ its 0:0" in line for line in words)


def test_a_picture_a_result(ingested: Library, tmp_path: Path) -> None:
    """In a process of its own; the query is a passage of a file that is in no catalogue."""
    outside = synth.write(tmp_path / "out.ogg", synth.music_like(24.0, 77), tags={"title": "Out"})
    folder = tmp_path / "new" / "pictures"
    asked = ("similar", outside, "--from", "0:10", "--to", "0:20", "-n", 2, "--explain", "--json")
    ran = support.deepcuts_process(ingested.home, *asked, "--pictures", folder)
    assert (ran.code, ran.err) == (0, "")
    results = ran.json["results"]
    assert len(results) == 2
    for result in results:
        name = f"{result['artist']} - {result['title']}" if result["artist"] else result["title"]
        assert result["picture"] == str(folder / f"{result['rank']:02d} {name}.png")
        with Image.open(result["picture"]) as picture:
            assert (picture.format, picture.size) == ("PNG", (1050, 660))
        assert os.path.getsize(result["picture"]) <= 80_000
        assert 10 - 1.5 <= result["reasons"]["curve"][0]["query_s"] <= 20
    assert len(list(folder.iterdir())) == 2


def test_a_file_that_cannot_be_heard_costs_its_own_picture_alone(ingested: Library, tmp_path: Path) -> None:
    copy = ingested.clone(tmp_path)
    whole = [result["track_id"] for result in copy.similar("theta", "-n", 3)["results"]]
    first, second = (
        next(Path(path) for path, row in support.tracks(copy.home).items() if row["id"] == track_id)
        for track_id in whole[:2]
    )
    first.unlink()
    second.write_text("no longer audio")
    folder = tmp_path / "pictures"
    ran = copy.run("similar", "theta", "-n", 3, "--pictures", folder, "--json")
    assert ran.code == 3
    assert ran.err.splitlines() == [
        f"No picture: {first}: cannot be read: no such file or directory",
        f"No picture: {second}: not audio, or too damaged to be decoded",
    ]
    assert [result["track_id"] for result in ran.json["results"]] == whole
    assert [result["picture"] is None for result in ran.json["results"]] == [True, True, False]
    assert "reasons" not in ran.json["results"][2]
    assert [str(path) for path in folder.iterdir()] == [ran.json["results"][2]["picture"]]


def test_a_query_that_is_gone_costs_all_pictures_with_one_line(ingested: Library, tmp_path: Path) -> None:
    copy = ingested.clone(tmp_path)
    (copy.music / IOTA).unlink()
    ran = copy.run("similar", "iota", "-n", 3, "--pictures", tmp_path / "pictures")
    assert ran.code == 3
    line = f"No picture: {copy.music / IOTA}: cannot be read: no such file or directory"
    assert ran.err.splitlines() == [line]
    assert ran.out.startswith("Songs that sound like Frida - Iota")
    assert list((tmp_path / "pictures").iterdir()) == []


def test_folders_that_cannot_be(ingested: Library, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a file")
    ran = ingested.run("similar", "theta", "--pictures", file)
    assert (ran.code, ran.out) == (2, "")
    assert "--pictures" in ran.err
    ran = ingested.run("similar", "theta", "--pictures", file / "below")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"deepcuts: {file / 'below'} cannot be made: Not a directory\n"


def test_said_on_the_terminal_where_the_pictures_are(ingested: Library, tmp_path: Path) -> None:
    ran = ingested.run("similar", "theta", "-n", 1, "--pictures", tmp_path)
    assert (ran.code, ran.err) == (0, f"Pictures in {tmp_path}: 1\n")
    assert "both" not in ran.out


def test_file_names_by_example() -> None:
    assert file_name(1, "AC/DC - What?: <Live>") == "01 AC_DC - What__ _Live_.png"
    assert file_name(12, "Ends in dots...") == "12 Ends in dots.png"
    assert file_name(100, "Café - 曲") == "100 Café - 曲.png"
    assert file_name(3, "odd \udcff byte\n") == "03 odd ? byte_.png".replace("?", "_")


@given(st.integers(1, 500), st.text(st.characters(), max_size=300))
def test_any_name_can_be_a_file_on_any_system(rank: int, name: str) -> None:
    made = file_name(rank, name)
    assert made.startswith(f"{rank:02d}")
    assert made.endswith(".png")
    assert len(made.encode()) <= 200
    assert not set(made) & set('<>:"/\\|?*\0\n\r\x7f')
    assert made.removesuffix(".png") == made.removesuffix(".png").rstrip(" .")


def test_long_names_that_agree_are_told_apart_by_rank(ingested: Library, tmp_path: Path) -> None:
    """A pair of songs of one long name, in letters that take three bytes each."""
    copy = ingested.clone(tmp_path)
    query(copy.home, "UPDATE track SET title = ?, artist = ''", "曲" * 120)
    shutil.rmtree(copy.home / "index")
    ids = [row["id"] for name, row in support.names(copy.home).items() if name.startswith("theta")]
    ran = copy.run("similar", ids[0], "-n", 2, "--pictures", tmp_path / "p", "--json")
    assert ran.code == 0
    assert sorted(p.name for p in (tmp_path / "p").iterdir()) == [f"0{i} {'曲' * 60}.png" for i in (1, 2)]
