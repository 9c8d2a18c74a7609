"""Stretches of patches, and alignments held to a search of every shift; planted passages are found."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from recommender.retrieval.alignment import PatchSequence, align, align_all
from tests.recommender.retrieval import brute_force
from tests.recommender.retrieval.brute_force import SongPatches

Vectors = npt.NDArray[np.float32]
PATCH_S = 2.992
DIMENSIONS = 12


def sequence_of(
    vectors: Vectors, first_s: float = 0.0, gaps: dict[int, float] | None = None
) -> PatchSequence:
    """Return patches that follow each other; `gaps`: seconds of silence before some of them."""
    steps = np.full(len(vectors), PATCH_S)
    for position, gap_s in (gaps or {}).items():
        steps[position] += gap_s
    starts = first_s + np.cumsum(steps) - PATCH_S
    return PatchSequence(starts.astype(np.float32), vectors.astype(np.float32), PATCH_S)


def noise(n: int, seed: int) -> Vectors:
    return np.random.default_rng(seed).standard_normal((n, DIMENSIONS)).astype(np.float32)


def naive(sequence: PatchSequence) -> SongPatches:
    return SongPatches([float(s) for s in sequence.starts_s], sequence.embeddings.astype(np.float64), PATCH_S)


@given(
    n_query=st.integers(1, 8),
    n_track=st.integers(1, 20),
    seed=st.integers(0, 999),
    centring=st.floats(0, 0.5),
    gap=st.none() | st.integers(1, 19),
)
def test_alignments_equal_a_search_of_every_shift(
    n_query: int, n_track: int, seed: int, centring: float, gap: int | None
) -> None:
    gaps = {gap: 30.0} if gap is not None and gap < n_track else {}
    query, track = sequence_of(noise(n_query, seed), 7.0), sequence_of(noise(n_track, seed + 1000), 0.0, gaps)
    centre = (centring * brute_force.unit(noise(1, 5)[0])).astype(np.float32)
    found = align(query, track, centre)
    expected = brute_force.align(naive(query), naive(track), centre.astype(np.float64))
    assert_allclose(found.score, expected.score, atol=2e-6)
    here, there = (found.query_start_s, found.query_end_s), (found.match_start_s, found.match_end_s)
    assert_allclose([*here, *there], [*expected.query, *expected.match], atol=1e-4)
    assert -1 <= found.score <= 1 + 1e-6


@pytest.mark.parametrize("position", [0, 3, 17, 31])
@pytest.mark.parametrize("loud", [0.0, 0.3])
def test_a_planted_passage_is_found_off_the_segment_grid(position: int, loud: float) -> None:
    """Nine patches of the query lie in a track of 40; segments begin at every tenth."""
    query, track = noise(9, 1), noise(40, 2)
    track[position : position + 9] = query + loud * noise(9, 3)
    found = align(sequence_of(query, 30.0), sequence_of(track), np.zeros(DIMENSIONS, np.float32))
    assert_allclose([found.query_start_s, found.query_end_s], [30.0, 30.0 + 9 * PATCH_S], atol=1e-4)
    assert_allclose(
        [found.match_start_s, found.match_end_s], [position * PATCH_S, (position + 9) * PATCH_S], atol=1e-3
    )
    assert found.score > 0.9
    back = align(sequence_of(track), sequence_of(query, 30.0), np.zeros(DIMENSIONS, np.float32))
    assert back.query_start_s == found.match_start_s  # the longer one may as well be the query
    assert back.match_end_s == found.query_end_s
    assert_allclose(back.score, found.score, atol=1e-6)


def test_the_order_of_the_patches_counts() -> None:
    query = noise(9, 1)
    there, backwards = noise(40, 2), noise(40, 2)
    there[4:13], backwards[4:13] = query, query[::-1]
    centre = np.zeros(DIMENSIONS, np.float32)
    forward, back = (align(sequence_of(query), sequence_of(t), centre).score for t in (there, backwards))
    assert_allclose(forward, 1, atol=1e-6)
    assert back < 0.8


def test_a_run_across_silence_is_taken_only_where_there_is_no_other() -> None:
    query, track = noise(4, 1), noise(12, 2)
    track[4:8] = query  # the best match, but half a minute of silence lies within it
    centre = np.zeros(DIMENSIONS, np.float32)
    found = align(sequence_of(query), sequence_of(track, gaps={6: 30.0}), centre)
    assert found.match_end_s - found.match_start_s < 4.5 * PATCH_S
    assert found.score < 0.9
    short = align(sequence_of(query), sequence_of(track[4:8], gaps={2: 30.0}), centre)
    assert_allclose(short.score, 1, atol=1e-6)
    assert_allclose(short.match_end_s, 4 * PATCH_S + 30, atol=1e-3)


def test_the_short_last_patch_of_a_segment_is_no_gap() -> None:
    vectors = noise(20, 4)
    starts = [*(3.0 * i for i in range(4)), 10.5, *(13.5 + 3.0 * i for i in range(15))]
    track = PatchSequence(np.array(starts, np.float32), vectors, 3.0)
    found = align(
        PatchSequence(np.array(starts[:5], np.float32), vectors[3:8], 3.0), track, np.zeros(12, np.float32)
    )
    assert (found.match_start_s, found.match_end_s) == (9.0, 22.5)


def test_nothing_aligns_with_nothing() -> None:
    some, none = sequence_of(noise(3, 1)), sequence_of(noise(0, 1))
    centre = np.zeros(DIMENSIONS, np.float32)
    assert align(some, none, centre) is None
    assert align(none, some, centre) is None


@given(
    n=st.integers(1, 60),
    size=st.integers(1, 12),
    seed=st.integers(0, 99),
)
@example(n=6, size=5, seed=0)  # the second of two runs is so short that it joins the first
def test_windows_are_the_means_of_runs_and_leave_no_patch_out(n: int, size: int, seed: int) -> None:
    sequence = sequence_of(noise(n, seed))
    found = sequence.windows(size)
    rest = n % size
    full = [sequence.embeddings[i : i + size] for i in range(0, n, size)]
    if len(full) > 1 and 0 < rest <= size // 5:
        full[-2:] = [np.concatenate(full[-2:])]
    assert_allclose(found, [run.astype(np.float64).mean(axis=0) for run in full], atol=1e-5)
    assert sum(map(len, full)) == n


@given(n=st.integers(0, 30), start_s=st.floats(0, 90), length_s=st.floats(0, 60))
def test_within_keeps_the_patches_of_which_half_lies_inside(n: int, start_s: float, length_s: float) -> None:
    sequence = sequence_of(noise(n, 1))
    end_s = start_s + length_s
    inside = sequence.within(start_s, end_s)
    kept = [
        position
        for position, begin in enumerate(sequence.starts_s)
        if start_s <= begin + np.float32(PATCH_S / 2) <= end_s
    ]
    assert len(inside) == len(kept)
    assert_array_equal(inside.starts_s, sequence.starts_s[kept])
    assert_array_equal(inside.embeddings, sequence.embeddings[kept])


@given(lengths=st.lists(st.integers(0, 9), max_size=12), n_query=st.integers(0, 6), seed=st.integers(0, 99))
def test_many_tracks_are_aligned_as_each_alone(lengths: list[int], n_query: int, seed: int) -> None:
    centre = (0.2 * brute_force.unit(noise(1, 5)[0])).astype(np.float32)
    query = sequence_of(noise(n_query, seed))
    tracks = [
        sequence_of(noise(n, seed + 1 + i), 0.0, {2: 30.0} if i % 2 and n > 2 else {})
        for i, n in enumerate(lengths)
    ]
    assert align_all(query, tracks, centre) == [align(query, track, centre) for track in tracks]
