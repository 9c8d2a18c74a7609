"""What `evaluate recommender` judges is what `similar` answers, by value, and its figures are of that."""

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from db.models import Track
from recommender.evaluation import run as evaluating
from recommender.evaluation.list_metrics import figures
from recommender.evaluation.run import Evaluated, evaluate_recommender, warnings_of
from recommender.evaluation.score_tables import METHODS, Tables, facts_of, recordings_of, score_tables
from recommender.retrieval.index.hubness import centred
from recommender.retrieval.query import from_track
from recommender.retrieval.request import ListRequest
from recommender.retrieval.similar import similar
from tests.recommender.random_catalog import Made, RandomSong, make_songs, store
from tests.recommender.retrieval.brute_force import unit
from tests.recommender.retrieval.test_song_path import song_score


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    made = store(tmp_path_factory.mktemp("random"), make_songs(103))
    yield made
    made.catalog.close()


@pytest.fixture(scope="module")
def tables(made: Made) -> Tables:
    with made.catalog.transaction() as session:
        return score_tables(session, made.index, made.bundle, 1000, 0)


def row_of(made: Made, number: int) -> int:
    return made.index.rows.track_ids.tolist().index(made.numbered(number).id)


def some_numbers(made: Made) -> list[int]:
    """Songs of one segment, which are asked for as passages, and of several; some with copies."""
    short = [s.number for s in made.songs.values() if len(s.audible) == 1]
    long = [s.number for s in made.songs.values() if len(s.audible) > 1]
    return [*short[:4], long[0], 3, 50]


@pytest.mark.parametrize(("method", "hub_correction"), [("sinkhorn", True), ("none", False)])
def test_the_tables_are_what_similar_returns(
    made: Made, tables: Tables, method: str, hub_correction: bool
) -> None:
    list_request = ListRequest(n=500, hub_correction=hub_correction, per_artist=0, per_album=0)
    ids = made.index.rows.track_ids
    for number in some_numbers(made):
        with made.catalog.transaction() as session:
            query = from_track(session, session.get(Track, made.numbered(number).id), made.bundle)
            answer = similar(session, made.index, made.bundle, [query], list_request)
        found = {match.track.id: match.score for match in answer.matches}
        assert len(found) > 85
        row = dict(zip(ids.tolist(), tables.scores[method][row_of(made, number)].tolist(), strict=True))
        assert_allclose([row[i] for i in found], list(found.values()), atol=2e-6)


def test_the_other_tables_are_of_centred_scores(made: Made, tables: Tables) -> None:
    assert tuple(tables.scores) == METHODS
    assert tables.positions.tolist() == list(range(len(made.songs)))
    songs = [made.songs[i] for i in made.index.rows.track_ids.tolist()]
    centre = made.index.reference.centre
    vectors = [
        centred(unit([s.embedding for s in song.audible]).astype(np.float32), centre).astype(float)
        for song in songs
    ]
    for one, other in ((0, 1), (5, 5), (17, 70), (90, 3)):
        expected = song_score(vectors[one], vectors[other])
        assert tables.scores["centred"][one, other] == pytest.approx(expected, abs=5e-6)
    table = tables.scores["centred"].astype(float)
    means = [np.mean(sorted(np.delete(table[i], i))[-20:]) for i in (4, 8)]
    assert tables.scores["csls"][4, 8] == pytest.approx(2 * table[4, 8] - sum(means), abs=1e-5)


def test_a_sample_is_of_the_seed(made: Made, tables: Tables) -> None:
    with made.catalog.transaction() as session:
        ticks: list[tuple[int, int]] = []
        one, same, other = (
            score_tables(session, made.index, made.bundle, 25, seed, lambda *done: ticks.append(done))
            for seed in (1, 1, 2)
        )
    assert len(set(one.positions.tolist())) == 25
    assert (
        one.positions.tolist()
        == sorted(one.positions.tolist())
        == same.positions.tolist()
        != other.positions.tolist()
    )
    assert ticks[:25] == [(i, 25) for i in range(1, 26)]
    part = np.ix_(one.positions, one.positions)
    assert_allclose(one.scores["centred"], tables.scores["centred"][part], atol=1e-6)


def test_facts_and_recordings_are_the_catalogue_s(made: Made) -> None:
    positions = np.arange(len(made.songs))
    songs = [made.songs[i] for i in made.index.rows.track_ids.tolist()]
    with made.catalog.transaction() as session:
        track = session.get(Track, songs[0].id)
        track.file_genres, track.label_group = ["Swing", "Bop"], "someone"
        facts = facts_of(session, made.index, positions)
        recordings = recordings_of(session, made.index, positions)
        session.rollback()
    assert songs[0].label is None
    assert facts.genres == ["Swing", *(song.label for song in songs[1:])]
    assert facts.artists == [songs[0].artist or "someone", *(song.artist or None for song in songs[1:])]
    assert facts.plays == [song.plays for song in songs]
    assert facts.durations_s == [song.duration_s for song in songs]
    named = [None if not song.album else (song.album, song.artist) for song in songs]
    for i in range(len(songs)):
        assert [facts.albums[i] == album for album in facts.albums] == [named[i] == name for name in named]
        assert (recordings == recordings[i]).tolist() == [songs[i].content == s.content for s in songs]


def evaluated(made: Made, **changed: Any) -> Evaluated:
    wanted = {"k": 10, "at_most": 1000, "altered_songs": 0, "seed": 0, "artist_filter": True} | changed
    quiet = {"progress": lambda *_: None, "altering": lambda *_: None}
    with made.catalog.transaction() as session:
        return evaluate_recommender(session, made.index, made.bundle, **wanted, **quiet)


@pytest.fixture(scope="module")
def whole(made: Made) -> Evaluated:
    return evaluated(made)


def naive(table: Any, songs: list[RandomSong], k: int, *, artist_filter: bool) -> list[list[int]]:
    """Lists without the song, its copies and, if so wanted, its artist's other songs."""
    lists = []
    for i, song in enumerate(songs):
        order = sorted(range(len(songs)), key=lambda j: (-table[i][j], j))
        kin = {
            j
            for j, other in enumerate(songs)
            if other.content == song.content
            or (artist_filter and song.artist and other.artist == song.artist)
        }
        lists.append([j for j in order if j not in kin][:k])
    return lists


def precision(lists: list[list[int]], songs: list[RandomSong]) -> float:
    shares = []
    for song, row in zip(songs, lists, strict=True):
        labels = [songs[j].label for j in row if songs[j].label]
        if song.label and labels:
            shares.append(sum(label == song.label for label in labels) / len(labels))
    return float(np.mean(shares))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_judged_on_its_own_lists(
    made: Made, tables: Tables, whole: Evaluated, method: str
) -> None:
    songs = [made.songs[i] for i in made.index.rows.track_ids.tolist()]
    found = next(judged for judged in whole.methods if judged.method == method)
    plain = naive(tables.scores[method], songs, 10, artist_filter=False)
    assert found.neighbours.tolist() == plain
    listed = {j for row in plain for j in row}
    assert found.lists.coverage == pytest.approx(len(listed) / len(songs))
    filtered = naive(tables.scores[method], songs, 10, artist_filter=True)
    assert found.lists.genre_precision == pytest.approx(precision(filtered, songs))
    assert found.top_5.genre_precision == pytest.approx(precision([row[:5] for row in filtered], songs))


def test_without_artist_filter_genres_are_judged_on_the_plain_lists(made: Made, tables: Tables) -> None:
    songs = [made.songs[i] for i in made.index.rows.track_ids.tolist()]
    found = evaluated(made, artist_filter=False, k=3).methods[-1]
    plain = naive(tables.scores["sinkhorn"], songs, 5, artist_filter=False)
    assert found.lists.genre_precision == pytest.approx(precision([row[:3] for row in plain], songs))
    assert found.top_5.genre_precision == pytest.approx(precision(plain, songs))
    assert found.neighbours.tolist() == [row[:3] for row in plain]


def test_the_curve_is_of_the_stated_formula(made: Made, tables: Tables, whole: Evaluated) -> None:
    songs = [made.songs[i] for i in made.index.rows.track_ids.tolist()]
    assert [point.discover for point in whole.curve] == [0.0, 0.1, 0.25, 0.5, 0.75, 1.0]
    with made.catalog.transaction() as session:
        facts = facts_of(session, made.index, tables.positions)
    for point in whole.curve:
        factors = [1 - point.discover * (1 - 1 / (1 + math.log(1 + song.plays))) for song in songs]
        moved = [
            [s * f if s > 0 else s for s, f in zip(row, factors, strict=True)]
            for row in tables.scores["sinkhorn"]
        ]
        lists = naive(moved, songs, 10, artist_filter=False)
        assert point.genre_precision == pytest.approx(precision(lists, songs), abs=2e-3)
        assert point.novelty == pytest.approx(figures(np.array(lists), facts, 10).novelty, abs=1e-4)
    assert all(later.novelty > before.novelty for before, later in pairwise(whole.curve))


def test_lists_are_never_longer_than_all_others(made: Made, whole: Evaluated) -> None:
    long = evaluated(made, k=10**12, at_most=20)
    assert (long.k, long.tracks, long.sampled_of) == (19, 20, len(made.songs))
    assert whole.k == 10
    assert long.to_json()["k"] == 19


@pytest.mark.parametrize("n", [2, 3, 7])
def test_a_tiny_catalogue_is_judged(tmp_path: Path, n: int) -> None:
    few = store(tmp_path, make_songs(n))
    found = evaluated(few)
    assert (found.tracks, found.k) == (n, n - 1)
    for judged in found.methods:
        assert (judged.lists.coverage, judged.lists.in_no_list) == (1.0, 0.0)
        assert judged.neighbours.shape == (n, n - 1)
    few.catalog.close()


def test_json_has_every_method_and_figure(whole: Evaluated) -> None:
    answer = whole.to_json()
    assert [method["method"] for method in answer["methods"]] == list(METHODS)
    for method, judged in zip(answer["methods"], whole.methods, strict=True):
        assert method["top_5_genre_precision"] == judged.top_5.genre_precision
        assert method["gini"] == pytest.approx(judged.lists.gini, abs=1e-3)
        assert method["k"] == 10
    assert [point["discover"] for point in answer["discover"]] == list(evaluating.DISCOVER_STEPS)


def test_what_makes_the_figures_worth_less_is_said(made: Made, whole: Evaluated, tmp_path: Path) -> None:
    assert warnings_of(whole) == []
    assert warnings_of(evaluated(made, at_most=30)) == [
        f"30 of {len(made.songs)} tracks were drawn; hubs look smaller in a sample",
        "with 30 tracks every figure is a coarse one",
    ]
    few = store(tmp_path, make_songs(2)[:1] + make_songs(5)[4:])  # without labels
    found = evaluated(few)
    assert warnings_of(found) == [
        "no track has a label or a genre tag: nothing can be said about genres",
        "with 2 tracks every figure is a coarse one",
    ]
    assert found.curve == []
    few.catalog.close()
