"""Splits: no group on both sides, contiguous blocks where no group is known."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.datasets.folds import assign_folds, label_units, n_folds_possible

LABELS = st.sampled_from(["blues", "jazz", "rock"])
GROUPS = st.none() | st.sampled_from(["A", "B", "C", "D", "E"])
SONGS = st.lists(st.tuples(LABELS, GROUPS), min_size=1, max_size=60)


def names_of(n: int) -> list[str]:
    """Names whose sorted order is not the order of the songs."""
    return [f"{number:03d}.mp3" for number in np.random.default_rng(n).permutation(n)]


@given(songs=SONGS, n_folds=st.integers(2, 8))
def test_every_song_has_a_fold_and_no_group_is_split(
    songs: list[tuple[str, str | None]], n_folds: int
) -> None:
    labels, groups = [s[0] for s in songs], [s[1] for s in songs]
    folds = assign_folds(labels, groups, names_of(len(songs)), n_folds)
    assert folds.shape == (len(songs),)
    assert set(folds.tolist()) <= set(range(n_folds))
    of_group = defaultdict(set)
    for group, fold in zip(groups, folds.tolist(), strict=True):
        if group is not None:
            of_group[group].add(fold)
    assert all(len(found) == 1 for found in of_group.values())


@given(labels=st.lists(LABELS, min_size=1, max_size=80), n_folds=st.integers(2, 8))
def test_without_groups_each_label_is_cut_into_even_contiguous_blocks(
    labels: list[str], n_folds: int
) -> None:
    names = names_of(len(labels))
    folds = assign_folds(labels, [None] * len(labels), names, n_folds)
    for label in set(labels):
        songs = sorted((i for i in range(len(labels)) if labels[i] == label), key=lambda i: names[i])
        in_order = folds[songs].tolist()
        assert in_order == sorted(in_order)
        sizes = [in_order.count(fold) for fold in range(n_folds)]
        assert max(sizes) - min(sizes) <= 1


@given(songs=SONGS, n_folds=st.integers(2, 5), seed=st.integers(0, 5))
def test_the_order_of_the_songs_does_not_matter(
    songs: list[tuple[str, str | None]], n_folds: int, seed: int
) -> None:
    labels, groups = [s[0] for s in songs], [s[1] for s in songs]
    names = names_of(len(songs))
    folds = assign_folds(labels, groups, names, n_folds)
    order = np.random.default_rng(seed).permutation(len(songs))
    shuffled = assign_folds(
        [labels[i] for i in order], [groups[i] for i in order], [names[i] for i in order], n_folds
    )
    np.testing.assert_array_equal(shuffled, folds[order])


def test_six_numbered_songs_a_genre_and_three_folds_give_pairs() -> None:
    names = [f"{genre}/{genre}.{n:05d}.flac" for n in range(6) for genre in ("rock", "jazz")]
    labels = [name.split("/")[0] for name in names]
    folds = assign_folds(labels, [None] * len(names), names, 3)
    for name, fold in zip(names, folds, strict=True):
        assert fold == int(name[-10:-5]) // 2


def test_groups_are_spread_evenly_over_folds() -> None:
    """Four artists a genre, three songs each, two folds: six songs of each genre in each."""
    labels = [genre for genre in ("jazz", "rock") for _ in range(12)]
    groups = [f"{labels[i]} {i % 4}" for i in range(24)]
    folds = assign_folds(labels, groups, names_of(24), 2)
    assert Counter(zip(labels, folds.tolist(), strict=True)) == {
        ("jazz", 0): 6,
        ("jazz", 1): 6,
        ("rock", 0): 6,
        ("rock", 1): 6,
    }


def test_a_labels_evenness_goes_before_that_of_the_whole() -> None:
    """Largest first: jazz 4 | rock 4; rock 3 joins jazz; rock 2 joins them too, since rock is rarer there."""
    sizes = {"jazz A": 4, "rock B": 4, "rock C": 3, "rock D": 2}
    groups = [group for group, n in sizes.items() for _ in range(n)]
    folds = assign_folds([group[:4] for group in groups], groups, names_of(13), 2)
    assert dict(zip(groups, folds.tolist(), strict=True)) == {
        "jazz A": 0,
        "rock B": 1,
        "rock C": 0,
        "rock D": 0,
    }


def test_groups_go_where_their_label_has_no_songs_without_a_group() -> None:
    labels = ["jazz"] * 4
    folds = assign_folds(labels, [None, None, "A", "B"], ["1", "2", "3", "4"], 4)
    assert sorted(folds.tolist()) == [0, 1, 2, 3]


def test_units_are_groups_and_songs_without_one() -> None:
    labels = ["jazz", "jazz", "jazz", "rock", "rock", "rock"]
    groups = ["A", "A", None, "B", None, None]
    assert label_units(labels, groups) == {"jazz": 2, "rock": 3}


@pytest.mark.parametrize(
    ("units", "at_most", "folds"),
    [
        ({"jazz": 6, "rock": 6}, 5, 5),
        ({"jazz": 3, "rock": 6}, 5, 3),
        ({"jazz": 2, "rock": 9}, 5, 2),
        ({"jazz": 1, "rock": 4}, 5, 4),  # one unit can never be tested: it limits nothing
        ({"jazz": 1, "rock": 1}, 5, 5),
        ({"jazz": 6, "rock": 6}, 3, 3),
    ],
)
def test_number_of_folds_possible(units: dict[str, int], at_most: int, folds: int) -> None:
    labels = [label for label, n in units.items() for _ in range(n)]
    assert n_folds_possible(labels, [None] * len(labels), at_most) == folds
    # Two songs by each artist change nothing: the artist is the unit.
    doubled = [label for label in labels for _ in range(2)]
    artists = [str(i // 2) for i in range(len(doubled))]
    assert n_folds_possible(doubled, artists, at_most) == folds
