"""Figures of lists of neighbours, held to plain loops and to examples worked out by hand."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recommender.evaluation import exposure, list_metrics, relevance
from recommender.evaluation.list_metrics import TrackFacts, choose_neighbours, figures, numbered

Ints = npt.NDArray[np.int64]


def facts(n: int, seed: int = 0, *, unknown: float = 0.2) -> TrackFacts:
    random = np.random.default_rng(seed)

    def names(words: str) -> list[str | None]:
        return [None if random.random() < unknown else str(random.choice(list(words))) for _ in range(n)]

    durations = [None if random.random() < unknown else float(random.uniform(60, 400)) for _ in range(n)]
    return TrackFacts(
        names("abc"), names("pqrstuv"), names("vwxyz"), random.poisson(3.0, n).tolist(), durations
    )


def lists_of(n: int, k: int, seed: int = 0) -> Ints:
    """Lists that end at different lengths, without the track itself."""
    random = np.random.default_rng(seed)
    rows = np.full((n, k), -1)
    for i in range(n):
        others = random.permutation(np.delete(np.arange(n), i))[: random.integers(0, k + 1)]
        rows[i, : len(others)] = others
    return rows


# Neighbours.


def slow_neighbours(scores: Any, queries: Any, k: int, groups: Any, recordings: Any) -> list[list[int]]:
    rows = []
    for row, query in zip(scores.tolist(), queries.tolist(), strict=True):
        candidates = []
        for position, score in enumerate(row):
            kin = any(key is not None and key[query] == key[position] != -1 for key in (groups, recordings))
            if position != query and not kin and not math.isnan(score) and score != -math.inf:
                candidates.append((-score, position))
        best = [position for _, position in sorted(candidates)[:k]]
        rows.append(best + [-1] * (k - len(best)))
    return rows


@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 12), st.booleans(), st.booleans())
def test_neighbours_equal_a_loop(seed: int, n: int, k: int, by_artist: bool, by_recording: bool) -> None:
    """With many equal scores, some that are none, and artists and recordings, some of them unknown."""
    random = np.random.default_rng(seed)
    queries = random.permutation(n)[: random.integers(1, n + 1)]
    scores = random.choice([-np.inf, np.nan, -1.0, 0.0, 0.5, 1.0], (len(queries), n)).astype(np.float32)
    groups = random.integers(-1, 3, n) if by_artist else None
    recordings = random.integers(-1, 5, n) if by_recording else None
    found = choose_neighbours(scores, queries, k, groups=groups, recordings=recordings)
    assert found.tolist() == slow_neighbours(scores, queries, k, groups, recordings)


def test_neighbours_do_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(1).integers(0, 5, (30, 30)).astype(float)
    groups = np.random.default_rng(2).integers(-1, 4, 30)
    whole = choose_neighbours(scores, np.arange(30), 7, groups=groups)
    for cells in (1, 30, 100):
        monkeypatch.setattr(list_metrics, "CELLS", cells)
        np.testing.assert_array_equal(choose_neighbours(scores, np.arange(30), 7, groups=groups), whole)


def test_the_artist_filter_lets_the_next_best_in() -> None:
    """Filtered while neighbours are chosen: the list stays full."""
    scores = np.array([[9.0, 8.0, 7.0, 6.0, 5.0]])
    artists = numbered(["Ann", "Ann", "Bob", None, None])
    assert choose_neighbours(scores, np.array([0]), 3).tolist() == [[1, 2, 3]]
    assert choose_neighbours(scores, np.array([0]), 3, groups=artists).tolist() == [[2, 3, 4]]
    # Nobody knows that the two unknown are of one artist.
    assert choose_neighbours(scores, np.array([3]), 4, groups=artists).tolist() == [[0, 1, 2, 4]]


def test_names_become_numbers() -> None:
    assert numbered(["b", "a", None, "", "b"]).tolist() == [0, 1, -1, -1, 0]


# By genre, artist and album.


def slow_genres(lists: Ints, genres: Any, artists: Any) -> tuple[int, float | None, float | None]:
    """Count, precision and nDCG; `artists` where the filter was on."""
    shares, gains = [], []
    for i, row in enumerate(lists.tolist()):
        listed = [j for j in row if j != -1 and genres[j] is not None]
        if genres[i] is None or not listed:
            continue
        hits = [genres[j] == genres[i] for j in listed]
        shares.append(sum(hits) / len(hits))
        rivals = [
            j
            for j in range(len(genres))
            if j != i
            and genres[j] == genres[i]
            and (artists is None or artists[j] is None or artists[j] != artists[i])
        ]
        ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(listed), len(rivals)) + 1))
        gain = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(hits, 1) if hit)
        if ideal:
            gains.append(gain / ideal)
    return (
        len(shares),
        float(np.mean(shares)) if shares else None,
        float(np.mean(gains)) if gains else None,
    )


def slow_retrieval(lists: Ints, names: Any) -> tuple[int, float | None, float | None]:
    precisions, recalls = [], []
    for i, row in enumerate(lists.tolist()):
        own = {j for j in range(len(names)) if j != i and names[i] is not None and names[j] == names[i]}
        listed = [j for j in row if j != -1]
        if own:
            precisions.append(len(own & set(listed)) / max(1, len(listed)))
            recalls.append(len(own & set(listed)) / len(own))
    if not precisions:
        return 0, None, None
    return len(precisions), float(np.mean(precisions)), float(np.mean(recalls))


@given(st.integers(0, 10_000), st.integers(1, 25), st.integers(1, 7), st.sampled_from([0.0, 0.3, 1.0]))
@settings(max_examples=60)
def test_labels_equal_a_loop(seed: int, n: int, k: int, unknown: float) -> None:
    tracks, lists = facts(n, seed, unknown=unknown), lists_of(n, k, seed)
    filtered = lists_of(n, k, seed + 1)
    for artists in (None, tracks.artists):
        chosen = lists if artists is None else filtered
        found = figures(lists, tracks, k, None if artists is None else filtered)
        genre = (found.genre_queries, found.genre_precision, found.genre_ndcg)
        assert genre == pytest.approx(slow_genres(chosen, tracks.genres, artists))
        artist = (found.artist_queries, found.artist_precision, found.artist_recall)
        assert artist == pytest.approx(slow_retrieval(lists, tracks.artists))
        album = (found.album_queries, found.album_precision, found.album_recall)
        assert album == pytest.approx(slow_retrieval(lists, tracks.albums))


def test_a_list_worked_out_by_hand() -> None:
    """Jazz, rock, jazz: hits at ranks 1 and 3, with three jazz tracks to be found."""
    labels = numbered(["jazz", "jazz", "rock", "jazz", "jazz"])
    lists = np.array([[1, 2, 3], *[[-1, -1, -1]] * 4])
    assert relevance.precision(lists, labels) == (1, pytest.approx(2 / 3))
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    # The four empty lists have nothing that could be judged.
    assert relevance.ndcg(lists, labels) == pytest.approx((1 + 1 / 2) / ideal)
    assert relevance.retrieval(lists[:1].repeat(5, axis=0), labels)[0] == 4


def test_ndcg_rewards_early_hits_and_is_whole_where_all_there_are_come_first() -> None:
    labels = numbered(["a", "a", "b", "b", "b", "c"])
    empty = np.full((6, 4), -1)

    def worth(*row: int) -> float | None:
        lists = empty.copy()
        lists[0] = row
        return relevance.ndcg(lists, labels)

    assert worth(1, 2, 3, 4) == 1.0  # there is one other
    assert worth(2, 1, 3, 4) == pytest.approx(1 / math.log2(3))
    assert worth(2, 3, 4, 5) == 0.0
    # With the artist filter on, the only other track of the genre may not be found.
    lists = empty.copy()
    lists[0] = [2, 3, 4, 5]
    assert relevance.ndcg(lists, labels, numbered(["p", "p", "q", "r", "s", "t"])) is None


def test_the_filter_is_for_genres_only() -> None:
    """Artists' own tracks are looked for in the lists as users get them."""
    tracks = TrackFacts(["a", "a", "b"], ["p", "p", "q"], ["x", "y", "y"], [0, 0, 0], [1.0, 2.0, 3.0])
    lists, filtered = np.array([[1], [0], [0]]), np.array([[2], [2], [0]])
    found = figures(lists, tracks, 1, filtered)
    assert (found.genre_precision, found.artist_precision, found.artist_recall) == (0.0, 1.0, 1.0)
    assert found.coverage == pytest.approx(2 / 3)
    assert figures(lists, tracks, 1).genre_precision == pytest.approx(2 / 3)


def test_only_the_first_k_count() -> None:
    tracks, lists = facts(20, 3), lists_of(20, 8, 3)
    assert figures(lists, tracks, 4) == figures(lists[:, :4], tracks, 4)
    assert figures(lists, tracks, 4) != replace(figures(lists, tracks, 8), k=4)


def test_lists_that_do_not_fit_are_refused() -> None:
    tracks = facts(5)
    for lists, k in ((lists_of(4, 3), 3), (lists_of(5, 3), 4)):
        with pytest.raises(ValueError, match="do not fit 5 tracks"):
            figures(lists, tracks, k)
    with pytest.raises(ValueError, match="do not fit"):
        figures(lists_of(5, 3), tracks, 3, filtered=lists_of(5, 2))


# Exposure.


def test_exposure_worked_out_by_hand() -> None:
    """Four lists of one: three show the first track, one the second."""
    lists = np.array([[1], [0], [0], [0]])
    counts = exposure.occurrence(lists, 4)
    assert counts.tolist() == [3, 1, 0, 0]
    found = exposure.figures(lists, [7, 1, 0, 0], [400.0, 300.0, 200.0, 100.0])
    assert (found["coverage"], found["in_no_list"]) == (0.5, 0.5)
    # All pairs of tracks differ by 3, 3, 2, 1, 1, 0: Σ|xi − xj| over ordered pairs is 20, over 2·n²·mean.
    assert found["gini"] == pytest.approx(20 / (2 * 16 * 1))
    # Deviations 2, 0, −1, −1: third moment (8 − 1 − 1) / 4, variance (4 + 1 + 1) / 4.
    assert found["skewness"] == pytest.approx(1.5 / 1.5**1.5)
    assert found["plays_correlation"] == pytest.approx(1.0)
    # Ranks 4, 3, 1.5, 1.5 against 4, 3, 2, 1.
    assert found["duration_correlation"] == pytest.approx(4.5 / math.sqrt(4.5 * 5))
    assert found["mean_plays"] == pytest.approx((7 * 3 + 1) / 4)
    # 12 plays with one more each: shares 8/12 and 2/12, and 1/12 for the never played.
    bits = [3 * math.log2(12 / 8), math.log2(12 / 2)]
    assert found["novelty"] == pytest.approx(sum(bits) / 4 / math.log2(12))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40))
def test_gini_is_half_the_mean_difference_over_the_mean(values: list[int]) -> None:
    found = exposure.gini(np.array(values))
    if not sum(values):
        assert found is None
        return
    differences = [abs(x - y) for x in values for y in values]
    assert found == pytest.approx(np.mean(differences) / (2 * np.mean(values)))
    assert exposure.gini(np.array(values) * 3) == pytest.approx(found)
    assert 0 <= found < 1


@given(st.integers(0, 10_000), st.integers(4, 30))
def test_exposure_does_not_depend_on_who_is_who(seed: int, n: int) -> None:
    """Tracks renumbered: every figure but by rounding the same."""
    random = np.random.default_rng(seed)
    tracks, lists = facts(n, seed), lists_of(n, 4, seed)
    order = random.permutation(n)
    position = np.append(np.argsort(order), -1)
    moved = TrackFacts(
        *([getattr(tracks, name)[i] for i in order] for name in ("genres", "artists", "albums")),
        plays=[tracks.plays[i] for i in order],
        durations_s=[tracks.durations_s[i] for i in order],
    )
    before, after = figures(lists, tracks, 4), figures(position[lists[order]], moved, 4)
    assert after.to_json() == pytest.approx(before.to_json(), abs=2e-4)


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_statistics_equal_scipys_own_moments(seed: int) -> None:
    random = np.random.default_rng(seed)
    counts = random.poisson(2.0, 30)
    values = random.choice([np.nan, 1.0, 2.0, 3.0], 30)
    if np.ptp(counts):
        deviations = counts - counts.mean()
        third = (deviations**3).mean() / (deviations**2).mean() ** 1.5
        assert exposure.skewness(counts) == pytest.approx(third)
    known = ~np.isnan(values)
    if np.ptp(counts[known]) and np.ptp(values[known]):
        ranks = stats.rankdata(counts[known]), stats.rankdata(values[known])
        expected = np.corrcoef(*ranks)[0, 1]
        assert exposure.rank_correlation(counts, values) == pytest.approx(expected)


def test_nothing_to_count_is_none_and_not_a_number() -> None:
    even = np.array([[1], [2], [0]])
    found = exposure.figures(even, [0, 0, 0], [None, float("nan"), 3.0])
    assert (found["coverage"], found["in_no_list"], found["gini"], found["novelty"]) == (1.0, 0.0, 0.0, 1.0)
    assert (found["skewness"], found["plays_correlation"], found["duration_correlation"]) == (
        None,
        None,
        None,
    )
    uneven = np.array([[1], [0], [0]])
    assert exposure.figures(uneven, [4, 4, 4], [1.0, 1.0, 1.0])["plays_correlation"] is None
    alone = figures(np.array([[-1]]), TrackFacts(["a"], ["p"], ["x"], [3], [9.0]), 1)
    assert (alone.coverage, alone.in_no_list) == (0.0, 1.0)
    assert {alone.gini, alone.novelty, alone.mean_plays, alone.genre_precision, alone.genre_ndcg} == {None}
    nobody = figures(np.zeros((0, 3), np.int64), TrackFacts([], [], [], [], []), 3)
    assert {v for v in nobody.to_json().values() if v not in (0, 3)} == {None}


def test_novelty_is_highest_for_the_never_played_and_falls_with_plays() -> None:
    plays = [100, 10, 1, 0]
    row = [exposure.novelty(np.array([[i]]), plays) for i in range(4)]
    assert row == sorted(row)
    assert row[3] == 1.0
    assert row[0] > 0
    shares = [(p + 1) / (sum(plays) + 4) for p in plays]
    assert row == pytest.approx([-math.log2(p) / math.log2(115) for p in shares])
    assert sum(shares) == pytest.approx(1)


def test_json_is_plain_and_rounded() -> None:
    found = figures(lists_of(30, 5), facts(30), 5).to_json()
    assert set(found) == set(list_metrics.ListFigures.__dataclass_fields__)
    assert all(type(v) in (int, float) or v is None for v in found.values())
    assert all(v == round(v, 4) for v in found.values() if v is not None)
