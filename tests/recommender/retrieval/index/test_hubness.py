"""The hub correction: offsets that balance, a fade that spares perfect matches, nothing that runs away."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from recommender import params
from recommender.retrieval.index.hubness import (
    NONE,
    Reference,
    balance,
    centre_of,
    centred,
    correction,
    freeze,
    offsets,
)
from tests.recommender.retrieval.brute_force import passage_score, sinkhorn, song_score, spread, unit

Vectors = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def catalogue(sizes: list[int], seed: int = 0, dimensions: int = 8) -> tuple[Vectors, Ints, Ints]:
    """Return unit vectors of tracks with one direction in common, their ids and starts."""
    random = np.random.default_rng(seed)
    common = random.standard_normal(dimensions)
    vectors = unit(random.standard_normal((sum(sizes), dimensions)) + common).astype(np.float32)
    ids = 10 + 3 * np.arange(len(sizes), dtype=np.int64)
    return vectors, ids, np.cumsum([0, *sizes[:-1]]).astype(np.int64) if sizes else np.zeros(0, np.int64)


def frozen(sizes: list[int], seed: int = 0) -> tuple[Reference, Vectors, Ints, Ints]:
    units, ids, starts = catalogue(sizes, seed)
    centre = centre_of(units, starts)
    vectors = centred(units, centre)
    return freeze(centre, vectors, ids, starts), vectors, ids, starts


SIZES = [1, 3, 2, 5, 1, 4, 2, 2, 6, 1, 3]


@pytest.mark.parametrize("n", [1, 2, 5, 50])
def test_the_centre_is_the_mean_of_the_tracks_means_shrunk_where_they_are_few(n: int) -> None:
    sizes = [1 + i % 4 for i in range(n)]
    units, _, starts = catalogue(sizes, n)
    means = [
        units[a : a + size].astype(np.float64).mean(axis=0) for a, size in zip(starts, sizes, strict=True)
    ]
    assert_allclose(
        centre_of(units, starts), np.mean(means, axis=0) * n / (n + params.SHRINK_TRACKS), atol=1e-6
    )
    assert_array_equal(centre_of(np.zeros((0, 4), np.float32), np.zeros(0, np.int64)), np.zeros(4))


def test_centring_gives_unit_vectors_of_the_differences() -> None:
    units, _, starts = catalogue(SIZES)
    centre = centre_of(units, starts)
    found = centred(units, centre)
    assert_allclose(found, unit(units.astype(np.float64) - centre), atol=1e-6)
    assert np.linalg.norm(found.mean(axis=0)) < np.linalg.norm(units.mean(axis=0)) / 1.5


# Sinkhorn.


@settings(max_examples=50, deadline=None)
@given(
    rows=st.integers(2, 12),
    columns=st.integers(2, 12),
    seed=st.integers(0, 999),
    shares=st.booleans(),
    holes=st.booleans(),
)
def test_balance_makes_the_columns_alike_and_the_rows_their_weights(
    rows: int, columns: int, seed: int, shares: bool, holes: bool
) -> None:
    random = np.random.default_rng(seed)
    scores = random.uniform(0, 0.9, (rows, columns))
    counted = np.ones(scores.shape, bool)
    if holes and min(rows, columns) > 3:
        np.fill_diagonal(counted, False)
    weights = random.uniform(0.2, 1, rows) if shares else np.ones(rows)
    weights *= columns / weights.sum()
    potentials, found = balance(np.where(counted, scores, NONE), np.log(weights))
    by_hand = sinkhorn(scores, counted, weights)
    assert_allclose(potentials, by_hand[0], atol=1e-6)
    assert_allclose(found, params.HUB_TEMPERATURE * by_hand[1], atol=1e-6)
    kernel = np.where(counted, np.exp((scores - found) / params.HUB_TEMPERATURE), 0)
    sums = (kernel / np.exp(potentials)[:, None]).sum(axis=0)
    assert_allclose(sums, 1, atol=1e-9)  # the last half step was of the columns
    if not holes:  # those of a small table with gaps need more rounds than there are
        assert_allclose((kernel / np.exp(potentials)[:, None]).sum(axis=1), weights, rtol=5e-3)


def test_what_is_near_to_everything_has_the_largest_offset() -> None:
    scores = np.full((6, 6), 0.2) + np.random.default_rng(0).uniform(-0.02, 0.02, (6, 6))
    scores[:, 2] = 0.7  # a hub
    scores[:, 4] = -0.2  # in nobody's list
    _, found = balance(scores, np.zeros(6))
    assert found.argmax() == 2
    assert found.argmin() == 4
    assert_allclose(found[2] - found[[0, 1, 3, 5]].mean(), 0.5, atol=0.03)


# The frozen reference.


def test_offsets_of_the_samples_own_tracks_are_those_that_balance_it() -> None:
    """As songs, written out: a table of scores, its columns' divisors, their mean taken off, shrunk."""
    reference, vectors, ids, starts = frozen(SIZES)
    songs, passages = offsets(reference, vectors, ids, starts)
    assert_array_equal(reference.track_ids, ids)
    assert_array_equal(reference.passages, np.arange(sum(SIZES)))
    ends = np.append(starts[1:], len(vectors))
    blocks = [vectors[a:b].astype(np.float64) for a, b in zip(starts, ends, strict=True)]
    trust = len(ids) / (len(ids) + params.SHRINK_TRACKS)
    table = np.array([[song_score(a, b) for b in blocks] for a in blocks])
    _, found = balance(np.where(np.eye(len(ids), dtype=bool), NONE, table), np.zeros(len(ids)))
    assert_allclose(songs, np.clip((found - found.mean()) * trust, -0.19, 0.19), atol=2e-5)
    owners = np.repeat(np.arange(len(ids)), SIZES)
    table = np.array([[passage_score(v[None], b) for b in blocks] for v in vectors.astype(np.float64)])
    own = owners[:, None] == np.arange(len(ids))
    _, found = balance(np.where(own, NONE, table), np.log(1 / np.array(SIZES)[owners]))
    assert_allclose(passages, np.clip((found - found.mean()) * trust, -0.19, 0.19), atol=2e-5)
    assert np.ptp(songs) > 0.05


def test_offsets_of_one_track_do_not_depend_on_who_else_is_asked_for() -> None:
    reference, vectors, ids, starts = frozen(SIZES)
    together = offsets(reference, vectors, ids, starts)
    ends = np.append(starts[1:], len(vectors))
    for position, (start, end) in enumerate(zip(starts, ends, strict=True)):
        alone = offsets(reference, vectors[start:end], ids[[position]], np.zeros(1, np.int64))
        for whole, one in zip(together, alone, strict=True):
            assert_allclose(one[0], whole[position], atol=1e-6)


def test_a_track_outside_the_sample_gets_the_offset_that_one_like_it_has() -> None:
    """A catalogued track, asked for under another id, counts as a neighbour of itself no more than a copy."""
    reference, vectors, *_ = frozen([1, 1, 1, 1, 1, 1, 1])
    known = offsets(reference, vectors[2:3], reference.track_ids[[2]], np.zeros(1, np.int64))
    copy = offsets(reference, vectors[2:3], np.array([999]), np.zeros(1, np.int64))
    for one, other in zip(known, copy, strict=True):
        assert_allclose(one, other, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=0, max_size=8),
    seed=st.integers(0, 99),
    twins=st.booleans(),
)
def test_offsets_stay_within_their_limit(sizes: list[int], seed: int, twins: bool) -> None:
    units, ids, starts = catalogue(sizes, seed)
    if twins and sizes:
        units[:] = units[0]  # a catalogue of copies of one song
    centre = centre_of(units, starts)
    vectors = centred(units, centre)
    reference = freeze(centre, vectors, ids, starts)
    for found in offsets(reference, vectors, ids, starts):
        assert found.shape == (len(sizes),)
        assert np.isfinite(found).all()
        assert (np.abs(found) <= params.HUB_LIMIT).all()
        if len(sizes) < 2:
            assert not found.any()


def test_of_a_large_catalogue_a_sample_is_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "REFERENCE_TRACKS", 5)
    monkeypatch.setattr(params, "REFERENCE_TRACK_SEGMENTS", 3)
    monkeypatch.setattr(params, "REFERENCE_PASSAGES", 4)
    sizes = [1, 3, 7, 5, 1, 3, 21, 2, 5]
    reference, vectors, ids, starts = frozen(sizes)
    assert len(set(reference.track_ids)) == 5
    assert set(reference.track_ids) < set(ids)
    assert reference.n_tracks == 9
    assert reference.weight == 5 / (5 + params.SHRINK_TRACKS)
    assert len(reference.passages) == 4
    expected = [
        vectors[start + k]
        for i, start, size in zip(ids, starts, sizes, strict=True)
        if i in reference.track_ids
        for k in spread(size, 3)
    ]
    assert_array_equal(reference.vectors, expected)
    again, *_ = frozen(sizes)
    assert_array_equal(reference.track_ids, again.track_ids)  # the choice is seeded


def test_offsets_of_a_sample_are_near_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [1 + i % 3 for i in range(120)]
    whole = offsets(*frozen(sizes))
    monkeypatch.setattr(params, "REFERENCE_TRACKS", 60)
    monkeypatch.setattr(params, "REFERENCE_PASSAGES", 60)
    sampled = offsets(*frozen(sizes))
    for one, other in zip(whole, sampled, strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.7


# The correction.

any_offset = st.floats(-params.HUB_LIMIT, params.HUB_LIMIT)


@given(
    scores=hnp.arrays(np.float32, st.integers(1, 20), elements=st.floats(-1, 1, width=32)),
    offset=any_offset,
)
def test_correction_fades_and_never_lets_a_better_match_fall_behind(scores: Vectors, offset: float) -> None:
    scores = np.sort(scores)
    added = correction(scores, np.full(len(scores), offset, np.float32))
    faded = [min(1.0, max(0.0, (1 - float(s)) / params.HUB_FADE)) for s in scores]
    assert_allclose(added, [-offset * fade for fade in faded], atol=1e-6)
    after = scores + added
    assert (np.diff(after) >= -1e-6).all()
    assert (after <= 1 + 1e-6).all()


@given(offset=any_offset)
def test_a_perfect_copy_keeps_its_score_whatever_its_offset(offset: float) -> None:
    one, off = np.array([1.0], np.float32), np.array([offset], np.float32)
    assert correction(one, off)[0] == 0
    assert_allclose(correction(np.array([0.3], np.float32), off), [-offset], atol=1e-7)


def test_limit_and_fade_leave_the_correction_monotone() -> None:
    assert params.HUB_LIMIT < params.HUB_FADE
