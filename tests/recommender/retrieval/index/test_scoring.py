"""Scores by their definitions, and what no score may do."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from recommender import params
from recommender.retrieval.index import scoring
from recommender.retrieval.index.scoring import agreement, passage_scores, song_scores
from tests.recommender.retrieval import brute_force
from tests.recommender.retrieval.brute_force import agreed, passage_score, song_score, unit

Vectors = npt.NDArray[np.float32]
Scores = Callable[[Vectors, Vectors, npt.NDArray[np.int64]], Vectors]
RULES = [(song_scores, song_score), (passage_scores, passage_score)]

sizes_of_tracks = st.lists(st.integers(1, 6), min_size=1, max_size=8)


def tracks_of(sizes: list[int], seed: int, dimensions: int = 5) -> list[Vectors]:
    random = np.random.default_rng(seed)
    return [unit(random.standard_normal((size, dimensions))).astype(np.float32) for size in sizes]


def side_by_side(tracks: list[Vectors]) -> tuple[Vectors, npt.NDArray[np.int64]]:
    starts = np.cumsum([0, *(len(track) for track in tracks[:-1])]).astype(np.int64)
    return np.concatenate(tracks), starts


def scores_of(rule: Scores, query: Vectors, tracks: list[Vectors]) -> Vectors:
    return rule(query, *side_by_side(tracks))


@given(sizes=sizes_of_tracks, n_query=st.integers(1, 6), seed=st.integers(0, 999))
def test_scores_equal_their_definitions(sizes: list[int], n_query: int, seed: int) -> None:
    query, *tracks = tracks_of([n_query, *sizes], seed)
    for rule, naive in RULES:
        expected = [naive(query.astype(np.float64), track.astype(np.float64)) for track in tracks]
        assert_allclose(scores_of(rule, query, tracks), expected, atol=2e-6)


@given(one=st.integers(1, 6), other=st.integers(1, 6), seed=st.integers(0, 999))
def test_song_scores_are_symmetric_and_within_their_range(one: int, other: int, seed: int) -> None:
    a, b = tracks_of([one, other], seed)
    there, back = scores_of(song_scores, a, [b])[0], scores_of(song_scores, b, [a])[0]
    assert_allclose(there, back, atol=1e-6)
    cosines = a @ b.T
    assert cosines.min() - 1e-6 <= there <= cosines.max() + 1e-6


@given(
    n_query=st.integers(1, 5), n_track=st.integers(1, 5), times=st.integers(2, 9), seed=st.integers(0, 999)
)
def test_a_long_track_gains_nothing_by_being_long(n_query: int, n_track: int, times: int, seed: int) -> None:
    """One that repeats a short track, and a query that repeats itself, score as these do."""
    query, track = tracks_of([n_query, n_track], seed)
    for rule, _ in RULES:
        once = scores_of(rule, query, [track])
        assert_allclose(scores_of(rule, query, [np.tile(track, (times, 1))]), once, atol=2e-6)
        assert_allclose(scores_of(rule, np.tile(query, (times, 1)), [track]), once, atol=2e-6)


def test_one_lucky_segment_among_many_others_makes_no_match() -> None:
    query = np.array([[1, 0, 0]], np.float32)
    long = np.tile(np.array([[0, 1, 0]], np.float32), (20, 1))
    long[7] = query[0]
    both = np.array([[1, 0, 0]], np.float32)
    lucky, whole = scores_of(song_scores, query, [long, both])
    tau = params.MATCH_TEMPERATURE
    of_query = tau * math.log((math.exp(1 / tau) + 19) / 20)
    assert_allclose(lucky, (of_query + 1 / 20) / 2, atol=1e-6)
    assert_allclose(whole, 1, atol=1e-6)
    assert_allclose(scores_of(passage_scores, query, [long]), [1], atol=1e-6)  # a passage asks for no more


@pytest.mark.parametrize("cells", [1, 7, 30])
def test_scores_do_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    query, *tracks = tracks_of([9, 3, 1, 4], 3)
    whole = [scores_of(rule, query, tracks) for rule, _ in RULES]
    monkeypatch.setattr(scoring, "CELLS", cells)
    for (rule, _), expected in zip(RULES, whole, strict=True):
        assert_allclose(scores_of(rule, query, tracks), expected, atol=1e-6)


def test_no_tracks_have_no_scores_whatever_the_dimensions() -> None:
    query, starts = np.ones((2, 200), np.float32), np.zeros(0, np.int64)
    for rule, _ in RULES:
        assert rule(query, np.zeros((0, 1), np.float32), starts).shape == (0,)


@settings(max_examples=50)
@given(
    queries=st.integers(1, 5),
    tracks=st.integers(0, 6),
    seed=st.integers(0, 999),
    spread=st.sampled_from([0.0, 0.01, 1.0]),
)
def test_agreement_is_a_soft_minimum(queries: int, tracks: int, seed: int, spread: float) -> None:
    random = np.random.default_rng(seed)
    scores = (0.3 + spread * random.uniform(-1, 1, (queries, tracks))).astype(np.float32)
    found = agreement(scores)
    assert_allclose(found, [agreed(column) for column in scores.T.astype(np.float64)], atol=2e-6)
    assert (found >= scores.min(axis=0) - 1e-6).all()
    assert (found <= scores.mean(axis=0) + 1e-6).all()


def test_agreement_prefers_what_suits_both_to_what_suits_one_perfectly() -> None:
    scores = np.array([[0.5, 1.0], [0.5, 0.2]], np.float32)
    both, one = agreement(scores)
    assert_allclose(both, 0.5, atol=1e-6)
    assert one < 0.24
    assert scores.mean(axis=0)[1] > 0.5  # where an average would have it first


def test_the_reference_is_no_copy_of_the_code() -> None:
    """That a wrong temperature would be seen: the reference against numbers worked out by hand."""
    one, other = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0]])
    tau = 0.05
    mean_of_rows = (1 + 0) / 2
    column = tau * math.log((math.exp(20) + 1) / 2)
    assert_allclose(brute_force.song_score(one, other), (mean_of_rows + column) / 2, atol=1e-9)
    assert_allclose(brute_force.passage_score(one, other), 0.5, atol=1e-9)


@pytest.mark.parametrize("cells", [1, 12, 40, 10**6])
def test_a_table_in_parts_has_the_scores_of_each_song(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    songs, candidates = tracks_of([2, 1, 3], 1), tracks_of([3, 1, 4, 2, 6], 2)
    table = (*side_by_side(songs), *side_by_side(candidates))
    expected = [scores_of(song_scores, song, candidates) for song in songs]
    monkeypatch.setattr(scoring, "CELLS", cells)
    assert_allclose(scoring.song_score_table(*table), expected, atol=1e-6)
