"""Groups of vectors: as many as there are, the same ones while the library grows, and names that differ."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import adjusted_rand_score

from recommender.clusters.grouping import choose_number, find_groups, matched
from recommender.clusters.names import GroupWords, called, name_groups

Vectors = npt.NDArray[np.float32]


def songs(n: int, of: int, seed: int = 0) -> tuple[Vectors, npt.NDArray[Any]]:
    """Return directions about some styles, and which each is of."""
    random = np.random.default_rng(seed)
    owner = np.arange(n) % of
    vectors = np.random.default_rng(99).standard_normal((of, 60))[owner] + 0.25 * random.standard_normal(
        (n, 60)
    )
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), owner


def test_the_data_say_how_many_there_are() -> None:
    for of in (3, 7):
        vectors, owner = songs(240, of)
        groups = find_groups(vectors)
        assert len(groups.centres) == of
        assert adjusted_rand_score(owner, groups.owner) == 1.0
        np.testing.assert_allclose(np.linalg.norm(groups.centres, axis=1), 1, atol=1e-5)
        for group in range(of):
            inside = groups.members(group)
            expected = vectors[groups.owner == group].mean(axis=0)
            np.testing.assert_allclose(groups.centres[group], expected / np.linalg.norm(expected), atol=1e-5)
            assert (np.diff(groups.nearness[inside]) <= 1e-7).all(), "the nearest to the centre first"


def test_few_songs_and_equal_ones_are_one_group() -> None:
    for vectors in (songs(5, 1)[0], np.ones((30, 4), np.float32) / 2, songs(1, 1)[0]):
        groups = find_groups(vectors)
        assert (groups.owner.tolist(), len(groups.centres)) == ([0] * len(vectors), 1)
    assert choose_number(np.ones((30, 4), np.float32)) == 1


def test_the_same_groups_are_found_again_when_songs_come_and_go() -> None:
    vectors, _ = songs(300, 6)
    first = find_groups(vectors[:270])
    for some in (np.arange(300), np.arange(240)):
        after = find_groups(vectors[some], first.centres, first.of)
        assert after.of == 270, "their number is not thought about again"
        both = np.intersect1d(some, np.arange(270))
        assert (after.owner[np.searchsorted(some, both)] == first.owner[both]).all()
    twice = find_groups(np.concatenate([vectors[:270], songs(270, 6, 5)[0]]), first.centres, first.of)
    assert twice.of == 540, "the library has doubled"


def test_the_same_vectors_give_the_same_groups() -> None:
    vectors, _ = songs(100, 4)
    np.testing.assert_array_equal(find_groups(vectors).owner, find_groups(vectors).owner)


def test_sets_are_matched_with_what_they_have_most_in_common_with() -> None:
    before = [np.arange(10), np.arange(10, 20), np.arange(90, 95)]
    after = [np.arange(12, 22), np.arange(50, 60), np.arange(9)]
    assert matched(before, after) == {0: (1, 8 / 12), 2: (0, 0.9)}
    assert matched([], after) == {} and matched(before, []) == {}


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("metal/heavy", "heavy metal"),
        ("rock/indie", "indie rock"),
        ("rock/progressive", "progressive rock"),
        ("electronic/house", "house"),
        ("rock/punk", "punk"),
        ("rock/other", "rock"),
        ("my own/late at night", "late at night"),
        ("not music", "not music"),
        ("other", "other"),
    ],
)
def test_a_label_is_called_what_people_call_it(label: str, name: str) -> None:
    """The last step of a path alone may say nothing: heavy, other."""
    assert called(label, ["heavy metal", "indie rock", "Progressive rock", "House", "punk", "rock"]) == name


def words(label: str, tags: Sequence[str] = (), tempo: str = "", artists: Sequence[str] = ()) -> GroupWords:
    return GroupWords(label, 0.8 if label else 0.0, tags, tempo, 100.0, artists)


def test_no_two_groups_have_the_same_name() -> None:
    some = [
        words("jazz", ["mellow"]),
        words("rock", ["indie", "guitar"]),
        words("rock", ["indie", "female vocalists"]),
        words("rock", ["indie", "guitar"], "fast"),
        words("rock", ["indie", "guitar"], "fast", ["Ann"]),
        words("rock", ["indie", "guitar"], "fast", ["Ann"]),
        words("", ["chillout"]),
        words(""),
    ]
    names = name_groups(some, [None] * len(some))
    assert len({name.casefold() for name in names}) == len(names)
    assert (names[0], names[6], names[7]) == ("Jazz", "Chillout", "Songs")
    assert names[2] == "Rock: indie, female vocalists"
    assert all(name.startswith("Rock: indie") for name in names[1:6])


def test_a_name_that_stays_is_not_given_again() -> None:
    assert name_groups([words("jazz"), words("jazz")], ["Jazz", None]) == ["Jazz", "Jazz 2"]
    assert name_groups([words("rock"), words("jazz")], ["Jazz", "Blues"]) == ["Jazz", "Blues"]


def test_the_reason_says_what_is_known() -> None:
    said = words("jazz", ["mellow", "soul"], "slow", ["Ann", "Bob"]).reason(12)
    expected = "12 songs that sound alike; 80 % jazz; more mellow, soul than elsewhere; about 100 bpm; "
    expected += "most by Ann and Bob"
    assert said == expected
