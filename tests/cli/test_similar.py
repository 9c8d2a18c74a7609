"""``similar`` on a real small library: every kind of query, held to the brute-force reference."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from recommender import params
from recommender.retrieval.filters import Filters, Range
from recommender.retrieval.request import ListRequest
from tests import synth
from tests.conftest import REPO
from tests.recommender import support
from tests.recommender.hearing import takes_all_for_music
from tests.recommender.random_catalog import RandomSegment, RandomSong
from tests.recommender.retrieval.brute_force import Answer, BruteForce, asked
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
    "score",
    "score_parts",
    "query",
    "query_start_s",
    "query_end_s",
    "match_start_s",
    "match_end_s",
    "year",
    "plays",
    "last_played",
    "genres",
    "tags",
}


@pytest.fixture(scope="module")
def library(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The small library with an identical copy of one song, a failed file, a missing one, and plays."""
    made = ingested.clone(tmp_path_factory.mktemp("similar"))
    copy = Path(shutil.copy(made.music / "rock/alpha.mp3", made.music / "copy of alpha.mp3"))
    synth.tag(copy, {"title": "Alpha Copied", "album": "Copies"})
    (made.music / "bad.mp3").write_text("Omega, not audio")
    os.remove(made.music / "kappa.flac")
    report = made.ingest(code=3)
    assert counts(report) == {"found": N + 1, "copied": 1, "missing": 1, "failed": 1, "unchanged": N - 1}
    query(made.home, "UPDATE track SET plays = (id * 7) % 5, year = 1980 + id")
    shutil.rmtree(made.home / "index")  # so that the reference is of the library as it is now
    assert made.run("similar", "theta").code == 0
    return made


N_OTHERS = N - 2
"""Songs that can be found for one of them: all but itself and the missing one, copies counted once."""


PATCH_S = 2.992


def songs_of(library: Library) -> dict[int, RandomSong]:
    """Read the songs that belong in the index straight from the tables."""
    sql = """
        SELECT track.*, segment.start_s AS from_s, segment.end_s AS to_s, patches, feature.tags, embedding
        FROM feature
        JOIN segment ON segment.id = segment_id JOIN track ON track.id = track_id
        WHERE NOT missing AND error_kind IS NULL ORDER BY track_id, segment.start_s
    """
    found: dict[int, RandomSong] = {}
    contents: dict[str, int] = {}
    for row in query(library.home, sql):
        size = len(row["embedding"]) // 4
        patches = np.frombuffer(row["patches"], "<f2").astype(np.float64).reshape(-1, size)
        tags = np.frombuffer(row["tags"], "<f4")
        heard = Heard(row["from_s"], row["to_s"], patches, tags, tags[:0], PATCH_S, row["embedding"])
        if row["id"] in found:
            found[row["id"]].segments.append(heard)
            continue
        folder = os.path.dirname(os.fsdecode(row["rel_path"]))
        found[row["id"]] = RandomSong(
            number=row["id"],
            recording=contents.setdefault(row["content_hash"], row["id"]),
            content=row["content_hash"],
            artist=row["artist"],
            album=row["album"],
            folder=folder,
            year=row["year"],
            duration_s=row["duration_s"],
            plays=row["plays"],
            last_played=row["last_played"],
            label=row["label"],
            segments=[heard],
            id=row["id"],
        )
    return found


class Heard(RandomSegment):
    """A segment with the embedding that is stored."""

    def __init__(self, *values: Any) -> None:
        super().__init__(*values[:-1])
        object.__setattr__(self, "stored", np.frombuffer(values[-1], "<f4"))

    @property
    def embedding(self) -> Any:
        return self.stored


def expected(
    library: Library,
    track_ids: Sequence[int],
    list_request: ListRequest,
    span: tuple[float, float] | None = None,
    unwanted: Sequence[int] = (),
) -> Answer:
    """Return the answer by brute force over what is stored."""
    truth = BruteForce(songs_of(library))
    queries = [asked(truth.songs[i], span) for i in track_ids]
    return truth.answer(queries, list_request, [asked(truth.songs[i]) for i in unwanted])


def assert_equal(answer: Any, wanted: Answer) -> None:
    """Compare ids, where there are no copies, scores and parts."""
    assert wanted.margin > 1e-5
    contents = [one.song.content for one in wanted.found]
    assert len(answer["results"]) == len(contents)
    for result, one in zip(answer["results"], wanted.found, strict=True):
        assert result["track_id"] == one.song.id or one.song.album == "Copies" or "Alpha" in result["title"]
        assert_allclose(result["score"], one.score, atol=2e-5)
        assert_allclose(result["similarity"], np.clip(one.score, 0, 1), atol=2e-5)
        assert set(result["score_parts"]) == set(one.parts)
        for name, value in one.parts.items():
            assert_allclose(result["score_parts"][name], value, atol=2e-5, err_msg=name)


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
    asked_for = copy if kind == "copy" else alpha
    answer = library.similar(argument, "-n", 5)
    check(answer, 5)
    assert answer["shortfall"] is None
    assert answer["query"]["track_id"] == asked_for["id"]
    assert (answer["query"]["title"], answer["query"]["artist"]) == (asked_for["title"], "Ann Arbor")
    assert_equal(answer, expected(library, [asked_for["id"]], ListRequest(n=5)))
    for result in answer["results"]:
        stored = {r["id"]: r for r in tracks(library.home).values()}[result["track_id"]]
        for name in ("title", "artist", "album", "duration_s", "plays"):
            assert result[name] == stored[name]
        assert tracks(library.home)[result["path"]]["id"] == result["track_id"]


def test_a_process_of_its_own_prints_the_same_json_alone(library: Library) -> None:
    arguments = ["similar", "theta", str(library.music / "kappa.flac"), "-n", "4", "--json"]
    (library.music / "kappa.flac").write_bytes((library.music / "folk/iota.flac").read_bytes())
    ran = support.deepcuts_process(library.home, *arguments)
    (library.music / "kappa.flac").unlink()
    assert (ran.code, ran.err) == (0, "")
    iota = row(library, "folk/iota.flac")["id"]
    assert ran.json["queries"][1]["track_id"] == iota
    assert ran.json["results"] == library.similar("theta", iota, "-n", 4)["results"]


def test_all_that_there_is_with_a_reason_for_the_rest(library: Library) -> None:
    answer = library.similar("gamma ray", "-n", 500)
    check(answer, N_OTHERS)
    assert answer["shortfall"] == (
        f"the catalogue holds only {N_OTHERS + 1} other analysed tracks; other files of the same recording, "
        "and what a limit shuts out, are not listed"
    )
    ids = {result["track_id"] for result in answer["results"]}
    assert not ids & {row(library, name)["id"] for name in ("rock/gamma.ogg", "kappa.flac", "bad.mp3")}
    assert len(ids & {row(library, name)["id"] for name in ("rock/alpha.mp3", "copy of alpha.mp3")}) == 1
    shown = support.deepcuts(library.home, "similar", "gamma ray", "-n", "500")
    assert shown.code == 0
    assert f"Fewer than asked for: {answer['shortfall']}." in shown.err


@pytest.mark.parametrize("options", [["--duration", "0:01-"], ["--duration", "0:01-", "--diversity", "0.9"]])
def test_filters_bring_nothing_unrelated_into_a_list(library: Library, options: list[str]) -> None:
    plain = library.similar("gamma ray", "-n", 500)["results"]
    found = library.similar("gamma ray", "-n", 500, *options)
    related = {result["track_id"] for result in plain if result["score"] > 0}
    assert 0 < len(related) < len(plain)
    assert {result["track_id"] for result in found["results"]} == related
    assert "; what sounds unrelated, other files of the same recording, and" in found["shortfall"]
    for others in (["--max-plays", "99999"], ["--not-artist", "nobody at all"]):
        listed = library.similar("gamma ray", "-n", 500, *others)["results"]
        assert len(listed) == len(plain)


BETA, IOTA, ZETA, THETA = "rock/beta.flac", "folk/iota.flac", "jazz/zeta.m4a", "folk/deep/theta.mp3"


@pytest.mark.parametrize(
    ("options", "list_request"),
    [
        (["-n", "4"], ListRequest(n=4)),
        (["--no-hub-correction"], ListRequest(hub_correction=False)),
        (["--discover", "0.7", "-n", "5"], ListRequest(n=5, discover=0.7)),
        (["--diversity", "0.6", "-n", "4"], ListRequest(n=4, diversity=0.6)),
        (["--per-artist", "1", "--per-album", "0"], ListRequest(per_artist=1, per_album=0)),
        (["--exclude-same-artist"], ListRequest(exclude_same_artist=True)),
        (["--unplayed"], ListRequest(filters=Filters(max_plays=0))),
        (["--max-plays", "2"], ListRequest(filters=Filters(max_plays=2))),
        (["--year", "1983-1987"], ListRequest(filters=Filters(years=Range(1983, 1987)))),
        (["--year", "-1984"], ListRequest(filters=Filters(years=Range(None, 1984)))),
        (["--duration", "0:00-0:04.2"], ListRequest(filters=Filters(duration_s=Range(0, 4.2)))),
        (["--duration", "-4.6"], ListRequest(filters=Filters(duration_s=Range(None, 4.6)))),
    ],
    ids=str,
)
@pytest.mark.parametrize("names", [[IOTA], [THETA], [BETA, IOTA, ZETA]], ids=str)
def test_every_option_gives_what_brute_force_gives(
    library: Library, names: list[str], options: list[str], list_request: ListRequest
) -> None:
    ids = [row(library, name)["id"] for name in names]
    answer = library.similar(*ids, *options)
    wanted = expected(library, ids, list_request)
    check(answer, len(wanted.found))
    assert [item["track_id"] for item in answer["queries"]] == ids
    assert_equal(answer, wanted)


def test_a_folder_or_a_playlist_stands_for_its_songs_each_a_taste(library: Library, tmp_path: Path) -> None:
    """A song must be like one of them; none of them is a match; the other way round they are unlike."""
    names = sorted(name for name in tracks(library.home) if f"{os.sep}jazz{os.sep}" in name)
    ids = [tracks(library.home)[name]["id"] for name in names]
    assert len(ids) > 1
    truth = BruteForce(songs_of(library))
    wanted = truth.answer([asked(truth.songs[i]) for i in ids], ListRequest(n=6), tastes=[1.0] * len(ids))
    answer = library.similar(library.music / "jazz", "-n", 6)
    assert_equal(answer, wanted)
    assert {query["track_id"] for query in answer["queries"]} == set(ids)
    assert not {result["track_id"] for result in answer["results"]} & set(ids)
    lines = ["#EXTM3U", *(os.path.relpath(name, tmp_path) for name in names), "gone.mp3"]
    (tmp_path / "mix.m3u8").write_text("\n".join(lines))
    ran = library.run("similar", tmp_path / "mix.m3u8", "-n", 6, "--json")
    assert ran.code == 0
    assert ran.json["results"] == answer["results"]
    assert "gone.mp3" in ran.err
    shown = library.run("similar", library.music / "jazz", "-n", 2)
    said = f"Songs that sound like one of {len(ids)} songs: {library.music}/jazz"
    assert shown.out.splitlines()[0] == said
    iota = row(library, IOTA)["id"]
    unlike = library.similar(iota, "--not", library.music / "jazz", "-n", 5)
    assert_equal(unlike, expected(library, [iota], ListRequest(n=5), unwanted=ids))


def test_what_no_song_is_in_is_one_plain_line(library: Library, tmp_path: Path) -> None:
    ran = library.run("similar", tmp_path)
    assert (ran.code, ran.err) == (1, f"deepcuts: {tmp_path} holds no song that can be a query\n")
    ran = library.run("similar", library.music / "jazz", "--from", "0:01")
    assert ran.code == 2
    assert "a passage is of one song; name no folder or playlist" in ran.err


def test_of_a_large_folder_some_songs_are_asked_for_and_none_is_a_match(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(params, "QUERY_SONGS", 2)
    found = library.run("similar", library.music / "folk", "-n", 50, "--json").json
    inside = {one["id"] for name, one in tracks(library.home).items() if f"{os.sep}folk{os.sep}" in name}
    assert len(inside) > 2 == len(found["queries"])
    assert not {result["track_id"] for result in found["results"]} & inside


def test_what_is_not_wanted_is_told_and_costs(library: Library) -> None:
    iota, theta = row(library, IOTA)["id"], row(library, THETA)["id"]
    answer = library.similar(iota, "--not", theta, "-n", 5)
    check(answer, 5)
    assert [item["track_id"] for item in answer["unwanted"]] == [theta]
    assert_equal(answer, expected(library, [iota], ListRequest(n=5), unwanted=[theta]))
    shown = library.run("similar", iota, "--not", theta)
    assert "and unlike Emil Folk - Theta" in shown.out


# Passages.


def test_a_passage_of_a_catalogued_song(library: Library) -> None:
    iota = row(library, IOTA)["id"]
    answer = library.similar(iota, "--from", "0:08", "--to", "0:30.5", "-n", 6)
    check(answer, 6)
    asked_for = answer["query"]
    assert (asked_for["passage"], asked_for["start_s"], asked_for["end_s"]) == (True, 8, 30.5)
    assert_equal(answer, expected(library, [iota], ListRequest(n=6), (8.0, 30.5)))
    for result in answer["results"]:
        assert 8 - PATCH_S <= result["query_start_s"] < result["query_end_s"] <= 30.5 + PATCH_S
        lasts = result["match_end_s"] - result["match_start_s"]
        assert 0 <= result["match_start_s"] < result["match_end_s"] <= result["duration_s"] + 0.1
        assert_allclose(lasts, result["query_end_s"] - result["query_start_s"], atol=PATCH_S)
    whole = library.similar(iota, "-n", 6)
    assert not whole["query"]["passage"]
    scores = [[result["score"] for result in one["results"]] for one in (answer, whole)]
    assert scores[0] != scores[1]


def test_only_one_end_of_a_passage_means_thirty_seconds(library: Library) -> None:
    for options, span in ((["--from", "5"], (5, 35)), (["--to", "0:20"], (0, 20))):
        answer = library.similar("iota", *options, "-n", 2)
        assert (answer["query"]["start_s"], answer["query"]["end_s"]) == span


def test_a_passage_of_a_file_outside_the_catalogue_finds_its_song_and_its_place(
    library: Library, tmp_path: Path
) -> None:
    """Nine seconds of another song, then 12.5 to 30.5 s of iota: only these are asked for."""
    iota = synth.music_like(36.0, list(support.SONGS).index(IOTA))
    start, end = round(12.5 * synth.RATE_HZ), round(30.5 * synth.RATE_HZ)
    before, after = synth.music_like(9.0, 71), synth.music_like(6.0, 72)
    sound = np.concatenate([before, iota[start:end], after])
    outside = synth.write(tmp_path / "mixed.flac", sound, tags={"title": "Mixed"})
    answer = library.similar(outside, "--from", "0:09", "--to", "0:27", "-n", 3)
    check(answer, 3)
    assert answer["query"]["track_id"] is None
    assert (answer["query"]["start_s"], answer["query"]["end_s"]) == (9, 27)
    best = answer["results"][0]
    assert best["title"] == "Iota"
    assert best["similarity"] > answer["results"][1]["similarity"] + 0.05
    assert_allclose([best["query_start_s"], best["query_end_s"]], [9, 27], atol=0.1)
    assert_allclose([best["match_start_s"], best["match_end_s"]], [12.5, 30.5], atol=2.0)
    shown = library.run("similar", outside, "--from", "0:09", "--to", "0:27", "-n", "1")
    assert shown.out.splitlines()[0] == "Songs that sound like Mixed, 0:09-0:27"
    assert "0:09-0:2" in shown.out.splitlines()[-1] or "≈" in shown.out


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (
            ["--from", "0:30", "--to", "0:10"],
            1,
            "a passage is 3 s long at least; --from must lie before --to",
        ),
        (
            ["--from", "0:10", "--to", "0:11"],
            1,
            "a passage is 3 s long at least; --from must lie before --to",
        ),
        (["--from", "ten"], 1, "--from ten is no time; write seconds, m:ss or h:mm:ss"),
        (["--to", "1:2:3:4"], 1, "--to 1:2:3:4 is no time; write seconds, m:ss or h:mm:ss"),
        (["--from", "0:20", "--to", "0:50"], 1, "is 36 s long; the passage ends at 50 s"),
        (["--from", "9:00", "--to", "9:30"], 1, "is 36 s long; the passage ends at 570 s"),
        (["--genre", "polka"], 1, "no genre is called 'polka'; there are: "),
        (["--tag", "polka"], 1, "no tag is called 'polka'; there are: rock, pop"),
        (["--year", "19941999"], 1, "--year 19941999 cannot be read"),
        (["--duration", "5:00-2:00"], 1, "--duration 5:00-2:00 ends before it begins"),
        (["--not-played-since", "monday"], 1, "--not-played-since monday is no day; write YYYY-MM-DD"),
        (["--not", "nobody knows it"], 1, "'nobody knows it' is no file, no track id, and no words"),
        (["theta", "--from", "0:10"], 2, "a passage is of one query; name only one"),
        (["-n", "0"], 2, "-n"),
        (["--discover", "1.5"], 2, "--discover"),
        (["--diversity", "-0.1"], 2, "--diversity"),
        (["--max-plays", "-1"], 2, "--max-plays"),
    ],
    ids=str,
)
def test_bad_options_are_one_plain_line_and_the_right_exit_code(
    library: Library, options: list[str], code: int, message: str
) -> None:
    ran = library.run("similar", "iota", *options)
    assert (ran.code, ran.out) == (code, "")
    assert message in " ".join(ran.err.replace("│", " ").split())
    if code == 1:
        assert ran.err.startswith("deepcuts: ")
        assert ran.err.count("\n") == 1


def test_words_of_one_song_need_no_quotes_where_they_can_mean_nothing_else(library: Library) -> None:
    def asked(*words: str) -> list[str]:
        return [query["title"] for query in library.similar(*words, "-n", "1")["queries"]]

    assert asked("ann", "arbor", "rising") == asked("ann arbor rising") == ["Alpha Rising"]
    assert asked("arbor", "rising", "--from", "0:00", "--to", "0:04") == ["Alpha Rising"]
    assert asked("beta", "motion") == ["Beta Motion", "Beta Motion"]  # either names a song by itself
    assert asked("beta", "gamma") == ["Beta Motion", "Gamma Ray"]
    for words, fit in ((["ann", "arbor", "alpha"], "ann arbor alpha"), (["ann", "iota"], "ann")):
        ran = library.run("similar", *words)
        assert (ran.code, ran.out) == (2, "")
        assert f"tracks match '{fit}'" in ran.err


@pytest.mark.parametrize(
    "options", [["--year", "1800"], ["--genre", "jazz", "--year", "1800"], ["--duration", "9:00-"]]
)
def test_filters_that_leave_nothing_are_no_error(library: Library, options: list[str]) -> None:
    ran = library.run("similar", "iota", *options)
    assert ran.code == 0
    assert ran.err == "The catalogue holds no other tracks that pass the filters.\n"
    assert "alike" not in ran.out  # no table of nothing
    assert library.similar("iota", *options)["results"] == []


def test_an_empty_catalogue_answers_with_nothing(library: Library, tmp_path: Path) -> None:
    copy = library.clone(tmp_path)
    outside = Path(shutil.copy(copy.music / IOTA, tmp_path / "outside.flac"))
    for name in ("rock", "jazz", "folk"):
        shutil.rmtree(copy.music / name)
    for file in ("copy of alpha.mp3", "bad.mp3"):
        (copy.music / file).unlink()
    synth.write(copy.music / "silent.wav", np.zeros(5 * synth.RATE_HZ, np.float32))
    copy.ingest(code=3)
    fresh = synth.write(outside.with_name("fresh.flac"), synth.music_like(5.0, 90))
    for options in ([], ["--from", "0:00", "--to", "0:04"]):
        ran = copy.run("similar", fresh, "--json", *options)
        assert ran.code == 0
        assert ran.json["results"] == []
        assert ran.json["shortfall"] == "the catalogue holds no other analysed tracks"


def test_a_file_outside_the_catalogue(library: Library, tmp_path: Path) -> None:
    """It is alpha in another encoding: no identical copy, but nothing sounds more like it."""
    outside = synth.write(
        tmp_path / "out.flac", synth.music_like(4.0, 0), tags={"title": "Out", "artist": "Side"}
    )
    before = len(tracks(library.home))
    answer = library.similar(outside, "-n", 3)
    check(answer, 3)
    heard = answer["query"]
    assert (heard["track_id"], heard["path"]) == (None, str(outside))
    assert (heard["title"], heard["artist"]) == ("Out", "Side")
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
        ("{music}/bad.mp3", "{music}/bad.mp3: not audio, or too damaged to be decoded"),
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
    shutil.rmtree(copy.home / "index")
    copy.run("similar", "theta")
    before = copy.similar("theta", "-n", 9)
    (damaged,) = (copy.home / "index").glob("*/vectors.npy")
    damaged.write_bytes(damaged.read_bytes()[:-100])
    for remark in ("the index was damaged; built again from the catalogue (11 segments)\n", ""):
        ran = copy.run("similar", "theta", "-n", "9", "--json")
        assert (ran.code, ran.json, ran.err) == (0, before, remark)


def test_table_tells_tags_before_genres(library: Library, tmp_path: Path) -> None:
    strict = library.run("similar", "theta", "-n", "2").out.splitlines()
    assert strict[1] == "  genres: not music"  # and no tags, to the shipped model
    library = library.clone(tmp_path)
    takes_all_for_music(library.home)
    ran = library.run("similar", "theta", "-n", "2")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith("Songs that sound like Emil Folk - Theta")
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
