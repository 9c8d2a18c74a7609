"""``evaluate recommender`` on a real small library."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from recommender.evaluation.robustness import ALTERATIONS
from tests.recommender import support
from tests.recommender.support import Library, query, tracks

N = len(support.SONGS)
METHODS = ["none", "centred", "csls", "local scaling", "mutual proximity", "sinkhorn"]
SHARES = ("genre_precision", "genre_ndcg", "artist_recall", "coverage", "in_no_list", "gini", "novelty")


@pytest.fixture(scope="module")
def library(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The small library with labels and plays of its user."""
    made = ingested.clone(tmp_path_factory.mktemp("evaluated"))
    for label in ("rock", "jazz", "folk"):
        sql = "UPDATE track SET label = ? WHERE substr(rel_path, 1, 5) = ?"
        query(made.home, sql, label, f"{label}/".encode())
    query(made.home, "UPDATE track SET plays = (id * 7) % 5")
    return made


@pytest.fixture(scope="module")
def judged(library: Library, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The answer with one song altered in every way, and where it was written to."""
    folder = tmp_path_factory.mktemp("out") / "new" / "folder"
    ran = library.run("evaluate", "recommender", "-k", 3, "--robustness", 1, "-o", folder, "--json")
    assert (ran.code, ran.err) == (0, "")
    return ran.json, folder


def test_json_has_figures_of_every_correction(judged: tuple[Any, Path]) -> None:
    answer, _ = judged
    assert set(answer) == {
        "tracks",
        "sampled_of",
        "k",
        "methods",
        "discover",
        "robustness",
        "notes",
    }
    assert (answer["tracks"], answer["sampled_of"], answer["k"]) == (N, N, 3)
    assert [method["method"] for method in answer["methods"]] == METHODS
    for method in answer["methods"]:
        assert all(0 <= method[name] <= 1 for name in SHARES)
        assert -1 <= method["plays_correlation"] <= 1
        assert method["skewness"] is not None
    assert [point["discover"] for point in answer["discover"]] == [0, 0.1, 0.25, 0.5, 0.75, 1]
    novelties = [point["novelty"] for point in answer["discover"]]
    assert novelties[-1] > novelties[0]
    assert answer["notes"] == [f"with {N} tracks every figure is a coarse one"]


def test_the_ranking_s_figures_are_of_the_lists_that_similar_gives(
    library: Library, judged: tuple[Any, Path]
) -> None:
    rows = {row["id"]: row for row in tracks(library.home).values()}
    shares, listed = [], set()
    for i, row in rows.items():
        results = library.similar(i, "-n", N, "--per-artist", 0, "--per-album", 0)["results"]
        assert len(results) == N - 1  # no two are one recording
        listed.update(result["track_id"] for result in results[:3])
        others = [r["track_id"] for r in results if not r["artist"] or r["artist"] != row["artist"]][:3]
        labels = [rows[j]["label"] for j in others if rows[j]["label"]]
        if row["label"] and labels:
            shares.append(sum(label == row["label"] for label in labels) / len(labels))
    found = judged[0]["methods"][-1]
    assert found["genre_precision"] == pytest.approx(np.mean(shares), abs=1e-4)
    assert found["coverage"] == pytest.approx(len(listed) / N, abs=1e-4)


def test_altered_copies_lead_to_their_original(judged: tuple[Any, Path]) -> None:
    found = {survival["kind"]: survival for survival in judged[0]["robustness"]}
    assert list(found) == list(ALTERATIONS)
    for kind in ("resampled", "6 dB softer", "6 dB louder"):
        assert (found[kind]["songs"], found[kind]["first"], found[kind]["share_first"]) == (1, 1, 1.0)
    cut = found["cut by 10 s"]  # of a song of four seconds nothing would be left
    assert (cut["songs"], cut["share_first"], len(cut["skipped"])) == (0, None, 1)


def test_what_is_written_is_what_is_printed_and_a_picture(judged: tuple[Any, Path]) -> None:
    answer, folder = judged
    assert sorted(path.name for path in folder.iterdir()) == ["recommender.json", "recommender.png"]
    assert json.loads((folder / "recommender.json").read_text()) == answer
    with Image.open(folder / "recommender.png") as image:
        assert image.format == "PNG"
        assert image.width > 600
        assert np.asarray(image.convert("L")).std() > 3


def test_the_table_has_a_line_for_every_correction(library: Library, judged: tuple[Any, Path]) -> None:
    ran = library.run("evaluate", "recommender", "-k", 3, "--robustness", 0)
    assert ran.code == 0
    assert f"Lists of 3 for {N} tracks; the last is how similar ranks" in ran.out
    lines = ran.out.splitlines()
    for method in judged[0]["methods"]:
        (line,) = [line for line in lines if line.strip().startswith(method["method"])]
        shown = line.removeprefix(f"  {method['method']}").split()
        names = ("genre_precision", "genre_ndcg", "artist_recall")
        assert shown[:3] == [f"{method[name]:.3f}" for name in names]
        assert shown[-1] == f"{method['novelty']:.3f}"
    (last,) = [line for line in lines if line.split()[:1] == ["1"]]
    assert last.split()[1] == f"{judged[0]['discover'][-1]['novelty']:.3f}"
    assert ran.err == f"Note: with {N} tracks every figure is a coarse one\n"


def test_a_sample_and_the_artist_filter(library: Library) -> None:
    arguments = ("evaluate", "recommender", "--robustness", 0, "--json", "-k", 2)
    part = library.run(*arguments, "--sample", 5, "--seed", 3).json
    assert (part["tracks"], part["sampled_of"], part["k"]) == (5, N, 2)
    assert part["notes"][0] == f"5 of {N} tracks were drawn; hubs look smaller in a sample"
    assert part == library.run(*arguments, "--sample", 5, "--seed", 3).json
    everything = (*arguments[:-1], N)
    plain = library.run(*everything, "--no-artist-filter").json["methods"][-1]
    filtered = library.run(*everything).json["methods"][-1]
    assert plain["genre_precision"] != filtered["genre_precision"]
    assert plain["coverage"] == filtered["coverage"]
    assert library.run(*arguments, "-k", "9" * 20).json["k"] == N - 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("-k", "0"), 2, "-k"),
        (("--sample", "1"), 2, "--sample"),
        (("--robustness", "-1"), 2, "--robustness"),
        (("--seed", "-1"), 2, "--seed"),
        (("--robustness", "0", "-o", "{file}"), 1, "deepcuts: {file} cannot be written: File exists\n"),
    ],
    ids=str,
)
def test_bad_uses(library: Library, arguments: tuple[str, ...], code: int, message: str) -> None:
    names = {"file": str(library.music / "rock/alpha.mp3")}
    ran = library.run("evaluate", "recommender", *(word.format(**names) for word in arguments))
    assert (ran.code, ran.out) == (code, "")
    assert message.format(**names) in ran.err


def test_fewer_than_two_tracks_are_nothing_to_judge(library: Library, tmp_path: Path) -> None:
    one = library.clone(tmp_path)
    query(one.home, "UPDATE track SET missing = true WHERE title != 'Theta'")
    shutil.rmtree(one.home / "index")
    ran = one.run("evaluate", "recommender", "--json")
    assert (ran.code, ran.out) == (1, "")
    message = "deepcuts: the catalogue holds fewer than two analysed tracks: there is nothing to judge"
    assert ran.err.splitlines()[-1] == message
