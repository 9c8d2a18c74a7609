"""``similar`` on a real small library: every kind of query, held to a search written here."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests import synth
from tests.conftest import REPO
from tests.recommender import support
from tests.recommender.support import Library, counts, query, tracks

N = len(support.SONGS)
RESULT_NAMES = {
    "rank",
    "track_id",
    "path",
    "title",
    "artist",
    "album",
    "duration_s",
    "similarity",
    "plays",
    "genres",
    "tags",
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The small library with an identical copy of one song, a failed file, a missing one, and plays."""
    made = support.ingested_library(tmp_path_factory.getbasetemp()).clone(
        tmp_path_factory.mktemp("similar"), here=True
    )
    copy = Path(shutil.copy(made.music / "rock/alpha.mp3", made.music / "copy of alpha.mp3"))
    synth.tag(copy, {"title": "Alpha Copied", "album": "Copies"})
    (made.music / "bad.mp3").write_text("Omega, not audio")
    os.remove(made.music / "kappa.flac")
    report = made.ingest(code=3)
    assert counts(report) == {"found": N + 1, "copied": 1, "missing": 1, "failed": 1, "unchanged": N - 1}
    query(made.home, "UPDATE track SET plays = (id * 7) % 5")
    return made


N_OTHERS = N - 2
"""Songs that can be found for one of them: all but itself and the missing one, copies counted once."""


def expected(library: Library, track_ids: list[int]) -> list[tuple[int, float]]:
    """Return (track id, score) by brute force over the stored embeddings."""
    sql = """
        SELECT track_id, embedding, content_hash FROM feature JOIN segment ON segment.id = segment_id
        JOIN track ON track.id = track_id WHERE NOT missing AND error_kind IS NULL ORDER BY start_s
    """
    vectors: dict[int, list[np.ndarray]] = {}
    contents = {}
    for row in query(library.home, sql):
        vector = np.frombuffer(row["embedding"], "<f4").astype(np.float64)
        vectors.setdefault(row["track_id"], []).append(vector / np.linalg.norm(vector))
        contents[row["track_id"]] = row["content_hash"]
    heard = {contents[i] for i in track_ids}
    scored = []
    for track, segments in vectors.items():
        scores = []
        for query_id in track_ids:
            cosines = np.stack(vectors[query_id]) @ np.stack(segments).T
            scores.append((cosines.max(axis=1).mean() + cosines.max(axis=0).mean()) / 2)
        scored.append((-np.mean(scores), track))
    found = []
    for score, track in sorted(scored):
        if contents[track] not in heard:
            heard.add(contents[track])
            found.append((track, -score))
    return found


def check(answer: Any, n: int) -> None:
    """Hold an answer to what every answer must be."""
    assert {"query", "queries", "trunk_id", "results", "shortfall"} <= set(answer)
    assert answer["query"] == answer["queries"][0]
    assert {"track_id", "path", "title", "artist"} <= set(answer["query"])
    results = answer["results"]
    assert len(results) == n
    assert [result["rank"] for result in results] == list(range(1, n + 1))
    similarities = [result["similarity"] for result in results]
    assert similarities == sorted(similarities, reverse=True)
    assert all(0 <= similarity <= 1 for similarity in similarities)
    for result in results:
        assert set(result) >= RESULT_NAMES
        for kind in ("genres", "tags"):
            probabilities = [item["probability"] for item in result[kind]]
            assert all(set(item) == {"name", "probability"} for item in result[kind])
            assert probabilities == sorted(probabilities, reverse=True)
        assert sum(item["probability"] for item in result["genres"]) == pytest.approx(1, abs=1e-3)


def row(library: Library, name: str) -> Any:
    return tracks(library.home)[str(library.music / name)]


@pytest.mark.parametrize("kind", ["path", "id", "words", "copy"])
def test_catalogued_track_by_path_id_or_words(library: Library, kind: str) -> None:
    alpha, copy = row(library, "rock/alpha.mp3"), row(library, "copy of alpha.mp3")
    argument = {
        "path": library.music / "rock/../rock/alpha.mp3",
        "id": alpha["id"],
        "words": "ARBOR rising",
        "copy": library.music / "copy of alpha.mp3",
    }[kind]
    asked = copy if kind == "copy" else alpha
    answer = library.similar(argument, "-n", 5)
    check(answer, 5)
    assert answer["shortfall"] is None
    assert answer["query"]["track_id"] == asked["id"]
    assert (answer["query"]["title"], answer["query"]["artist"]) == (asked["title"], "Ann Arbor")
    found = [(result["track_id"], result["similarity"]) for result in answer["results"]]
    wanted = expected(library, [asked["id"]])[:5]
    assert [i for i, _ in found] == [i for i, _ in wanted]
    assert_allclose([s for _, s in found], [s for _, s in wanted], atol=2e-6)
    for result in answer["results"]:
        stored = {r["id"]: r for r in tracks(library.home).values()}[result["track_id"]]
        for name in ("title", "artist", "album", "duration_s", "plays"):
            assert result[name] == stored[name]
        assert tracks(library.home)[result["path"]]["id"] == result["track_id"]


def test_a_process_of_its_own_prints_the_same_json_alone(library: Library) -> None:
    arguments = ["similar", "theta", str(library.music / "kappa.flac"), "-n", "4", "--json"]
    (library.music / "kappa.flac").write_bytes((library.music / "folk/iota.flac").read_bytes())
    ran = support.deepcuts(library.home, *arguments)
    (library.music / "kappa.flac").unlink()
    assert (ran.code, ran.err) == (0, "")
    iota = row(library, "folk/iota.flac")["id"]
    assert ran.json["queries"][1]["track_id"] == iota
    assert ran.json["results"] == library.similar("theta", iota, "-n", 4)["results"]


def test_all_that_there_is_with_a_reason_for_the_rest(library: Library) -> None:
    answer = library.similar("gamma ray", "-n", 500)
    check(answer, N_OTHERS)
    assert answer["shortfall"] == f"the catalogue holds only {N_OTHERS} other analysed tracks"
    ids = {result["track_id"] for result in answer["results"]}
    assert not ids & {row(library, name)["id"] for name in ("rock/gamma.ogg", "kappa.flac", "bad.mp3")}
    assert len(ids & {row(library, name)["id"] for name in ("rock/alpha.mp3", "copy of alpha.mp3")}) == 1
    shown = support.deepcuts(library.home, "similar", "gamma ray", "-n", "500")
    assert shown.code == 0
    assert f"Fewer than asked for: {answer['shortfall']}." in shown.err


def test_several_queries_by_their_mean(library: Library) -> None:
    ids = [row(library, name)["id"] for name in ("rock/beta.flac", "folk/iota.flac", "jazz/zeta.m4a")]
    answer = library.similar(*ids, "-n", 4)
    check(answer, 4)
    assert [item["track_id"] for item in answer["queries"]] == ids
    wanted = expected(library, ids)[:4]
    assert [result["track_id"] for result in answer["results"]] == [i for i, _ in wanted]
    assert_allclose([result["similarity"] for result in answer["results"]], [s for _, s in wanted], atol=2e-6)


def test_a_file_outside_the_catalogue(library: Library, tmp_path: Path) -> None:
    """It is alpha in another encoding: no identical copy, but nothing sounds more like it."""
    outside = synth.write(
        tmp_path / "out.flac", synth.music_like(4.0, 0), tags={"title": "Out", "artist": "Side"}
    )
    before = len(tracks(library.home))
    answer = library.similar(outside, "-n", 3)
    check(answer, 3)
    asked = answer["query"]
    assert (asked["track_id"], asked["path"]) == (None, str(outside))
    assert (asked["title"], asked["artist"]) == ("Out", "Side")
    assert answer["results"][0]["title"].startswith("Alpha")
    assert answer["results"][0]["similarity"] > 0.95
    assert len(tracks(library.home)) == before


def test_a_retagged_copy_outside_is_the_song_itself(library: Library, tmp_path: Path) -> None:
    outside = Path(shutil.copy(library.music / "rock/alpha.mp3", tmp_path / "elsewhere.mp3"))
    synth.tag(outside, {"title": "Another Name", "artist": "Nobody"})
    answer = library.similar(outside, "-n", N_OTHERS)
    check(answer, N_OTHERS)
    same = {row(library, name)["id"] for name in ("rock/alpha.mp3", "copy of alpha.mp3")}
    assert not same & {result["track_id"] for result in answer["results"]}
    assert answer["query"]["track_id"] in same


def test_plays_have_no_influence_and_are_shown(library: Library, tmp_path: Path) -> None:
    copy = library.clone(tmp_path)
    query(copy.home, "UPDATE track SET plays = 1000 - plays * plays * 37")
    before, after = library.similar("theta", "-n", 9)["results"], copy.similar("theta", "-n", 9)["results"]
    without = [
        [{k: v for k, v in r.items() if k not in ("plays", "path")} for r in part] for part in (before, after)
    ]
    assert without[0] == without[1]
    assert [r["plays"] for r in after] == [1000 - r["plays"] ** 2 * 37 for r in before]


def test_words_that_fit_several_songs_list_them(library: Library) -> None:
    ran = support.deepcuts(library.home, "similar", "cafe muller")
    assert (ran.code, ran.out) == (2, "")
    delta, epsilon = row(library, "jazz/delta.wav"), row(library, "jazz/epsilon.opus")
    assert ran.err.splitlines() == [
        "deepcuts: 2 tracks match 'cafe muller'; name one by its id or path",
        f"  {delta['id']}  Café Müller - Delta Blues  ({library.music}/jazz/delta.wav)",
        f"  {epsilon['id']}  Café Müller - Epsilon  ({library.music}/jazz/epsilon.opus)",
    ]


@pytest.mark.parametrize(("words", "title"), [("emil_folk", "Eta 100%"), ("MÜLLER delta", "Delta Blues")])
def test_words_are_taken_literally(library: Library, words: str, title: str) -> None:
    assert library.similar(words, "-n", 1)["query"]["title"] == title


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("99999999999999999999999", "no track has the id 99999999999999999999999"),
        ("{music}", "{music} is a folder; name a song"),
        ("{music}/bad.mp3", "not audio, or too damaged to be decoded"),
        ("{music}/nothing.mp3", "'{music}/nothing.mp3' is no file, no track id"),
        ("{bad}", "cannot be a query: not audio, or too damaged to be decoded"),
    ],
)
def test_what_cannot_be_a_query_is_one_plain_line(library: Library, argument: str, message: str) -> None:
    names = {"music": str(library.music), "bad": str(row(library, "bad.mp3")["id"])}
    ran = support.deepcuts(library.home, "similar", argument.format(**names), "--json")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("deepcuts: ")
    assert message.format(**names) in ran.err
    assert ran.err.count("\n") == 1


def test_lost_index_is_built_again_with_a_line_saying_so(library: Library, tmp_path: Path) -> None:
    copy = library.clone(tmp_path)
    before = copy.similar("theta", "-n", 9)
    (damaged,) = (copy.home / "index").glob("*.faiss")
    damaged.write_bytes(damaged.read_bytes()[:-100])
    for remark in ("the index was damaged; built again from the catalogue (11 segments)\n", ""):
        ran = copy.run("similar", "theta", "-n", "9", "--json")
        assert (ran.code, ran.json, ran.err) == (0, before, remark)


def test_table_tells_tags_before_genres(library: Library) -> None:
    ran = library.run("similar", "theta", "-n", "2")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "Songs that sound like Emil Folk - Theta"
    assert lines[1].startswith("  tags: ")
    assert lines[2].startswith("  genres: ")
    results = library.similar("theta", "-n", 2)["results"]
    for result in results:
        (line,) = [line for line in lines if result["title"] in line]
        assert f"{result['similarity']:.2f}" in line
        assert line.rstrip().endswith(str(result["track_id"]))


def test_real_music_finds_its_own_kind(tmp_path: Path) -> None:
    folders = [REPO / "demo/catalog" / name for name in ("metal", "classical")]
    report = support.ingest(tmp_path, *folders)
    assert (report["analysed"], report["failed"], report["warned"]) == (report["found"], [], [])
    (outside,) = (REPO / "demo/outside").glob("Muldjord*")
    answer = support.deepcuts(tmp_path, "similar", outside, "-n", "3", "--json").json
    check(answer, 3)
    assert {Path(result["path"]).parent.name for result in answer["results"]} == {"metal"}
    assert answer["query"]["tags"][0]["name"] in ("metal", "heavy metal", "Metal", "rock")
