"""Lists chosen under caps and by marginal relevance, held to a plain loop."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.browsing.song_albums import albums_of
from db.models import Root, Track
from recommender.retrieval.diversity import Cap, Caps, caps_of, choose, choose_list
from recommender.song_makers import numbered
from tests.recommender.retrieval.brute_force import unit


def slow(
    scores: list[float], n: int, caps: list[tuple[list[int], int]], vectors: np.ndarray, diversity: float
) -> tuple[list[int], float]:
    """Choose one after another; and how narrow the narrowest choice was."""
    left, chosen, margin = list(range(len(scores))), [], np.inf
    while left and len(chosen) < n:
        worth = {}
        for i in left:
            near = max((float(vectors[i] @ vectors[j]) for j in chosen), default=0.0)
            worth[i] = (1 - diversity) * scores[i] - diversity * near if chosen else scores[i]
        best = max(left, key=lambda i: (worth[i], -i))
        margin = min([margin, *(worth[best] - worth[i] for i in left if i != best)])
        left.remove(best)
        if all(
            not most or groups[best] < 0 or sum(groups[j] == groups[best] for j in chosen) < most
            for groups, most in caps
        ):
            chosen.append(best)
    return sorted(chosen), margin


@given(
    seed=st.integers(0, 1 << 16),
    size=st.integers(0, 25),
    n=st.integers(1, 12),
    limits=st.lists(st.integers(0, 3), max_size=3),
    diversity=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
)
def test_choices_equal_a_loop(seed: int, size: int, n: int, limits: list[int], diversity: float) -> None:
    random = np.random.default_rng(seed)
    scores = -np.sort(-random.uniform(-0.5, 1, size)).astype(np.float32)
    vectors = unit(random.standard_normal((size, 4))) if size else np.zeros((0, 4))
    groups = [random.integers(-1, 5, size) for _ in limits]
    caps = [Cap(one, limit) for one, limit in zip(groups, limits, strict=True)]
    plain = [(one.tolist(), limit) for one, limit in zip(groups, limits, strict=True)]
    expected, margin = slow(scores.tolist(), n, plain, vectors, diversity)
    found = choose(scores, n, caps, vectors.astype(np.float32), diversity)
    if margin > 1e-5 or not diversity:
        assert found == expected
    assert found == sorted(found)
    for one, limit in plain:
        counts = np.bincount([one[i] for i in found if one[i] >= 0], minlength=1)
        assert not limit or counts.max(initial=0) <= limit


def test_equal_scores_keep_their_order() -> None:
    assert choose(np.ones(9, np.float32), 4, []) == [0, 1, 2, 3]


def test_diversity_takes_another_kind_where_the_ranking_has_one_kind_first() -> None:
    kind, other = np.array([1, 0]), np.array([0, 1])
    vectors = np.array([kind, kind, kind, other], np.float32)
    scores = np.array([0.9, 0.89, 0.88, 0.7], np.float32)
    assert choose(scores, 2, [], vectors, 0.0) == [0, 1]
    assert choose(scores, 2, [], vectors, 0.5) == [0, 3]


def test_a_track_without_a_group_is_never_capped() -> None:
    groups = np.array([-1, -1, -1, 0, 0], np.int64)
    assert choose(np.ones(5, np.float32), 5, [Cap(groups, 1)]) == [0, 1, 2, 3]


def track(
    artist: str = "", album: str = "", rel_path: str = "a/x.mp3", root_id: int = 1, title: str = ""
) -> Track:
    return Track(
        root=Root(path="/m"),
        root_id=root_id,
        artist=artist,
        album=album,
        album_artist="",
        rel_path=rel_path,
        title=title,
    )


def partition(groups: Any) -> list[int]:
    """Name groups by their first member, so that numbering does not matter."""
    return [-1 if g < 0 else list(groups).index(g) for g in groups]


def test_names_group_without_case_and_accents_and_albums_by_whose_they_are() -> None:
    tracks = [
        track("Café Müller", "Best Of"),
        track("cafe  muller", "best of", "a/y.mp3"),
        track("Bob", "Best of", "b/x.mp3"),
        track("", ""),
        track("bob", "Best of", root_id=2),
        track("", ""),
        *(track(name, "Best of", "hits/x.mp3") for name in ("Cy", "Dan")),
    ]
    (artists, albums), soft = caps_of(tracks, numbered(albums_of(tracks)), 10, 4, 1)
    assert [cap.at_most for cap in soft] == [1]
    assert (artists.at_most, albums.at_most) == (4, 1)
    assert partition(artists.groups) == [0, 0, 2, -1, 2, -1, 6, 7]
    assert partition(albums.groups) == [0, 0, 2, -1, 2, -1, 6, 6]


@pytest.mark.parametrize(
    ("n", "artist", "album"), [(1, 3, 2), (10, 3, 2), (11, 4, 3), (20, 6, 4), (50, 15, 10)]
)
def test_usual_caps_are_shares_of_the_list_and_yield(n: int, artist: int, album: int) -> None:
    firm, soft = caps_of([track("Ann", "One")], np.zeros(1, np.int64), n, None, None)
    assert (firm, [cap.at_most for cap in soft]) == ([], [1, artist, album])
    firm, soft = caps_of([track("Ann", "One")], np.zeros(1, np.int64), n, 0, None)
    assert ([cap.at_most for cap in firm], [cap.at_most for cap in soft]) == ([0], [1, album])


def test_of_the_versions_of_a_song_one_is_usual() -> None:
    titles = ["Blue", "Blue (live)", "Red", "Blue - Remastered 2011", "blue", ""]
    tracks = [track("Ann", title=title) for title in titles] + [
        track("Bob", title="Blue"),
        track(title="Blue"),
    ]
    (songs, *_), _ = reversed(caps_of(tracks, numbered(albums_of(tracks)), 10, None, None))
    assert songs.at_most == 1
    assert partition(songs.groups) == [0, 0, 2, 0, 0, -1, 6, -1]


def test_soft_caps_yield_to_a_full_list_once_there_are_no_more_tracks() -> None:
    scores, none = np.linspace(1, 0.5, 6).astype(np.float32), np.zeros((6, 1), np.float32)
    one, pairs = np.zeros(6, np.int64), np.array([0, 0, 1, 1, 2, 2])
    caps = Caps([Cap(pairs, 1)], [Cap(one, 2)])
    assert choose_list(scores, 2, caps, none) == [0, 2]
    assert choose_list(scores, 3, caps, none, last=False) == [0, 2]
    assert choose_list(scores, 3, caps, none) == [0, 2, 4]
    assert choose_list(scores, 5, caps, none) == [0, 2, 4]  # the firm ones do not
    assert choose_list(scores, 5, Caps([], []), none) == [0, 1, 2, 3, 4]


def test_a_taste_has_a_third_of_the_list_unless_what_came_instead_were_bad() -> None:
    tastes, none = np.array([0, 0, 0, 0, 1, 1, 2, 2]), np.zeros((8, 1), np.float32)
    good = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.45, 0.4, 0.35], np.float32)
    bad = np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.1, 0.1, 0.1], np.float32)
    assert choose_list(good, 3, Caps([], [], tastes), none) == [0, 4, 6]
    assert choose_list(bad, 3, Caps([], [], tastes), none) == [0, 1, 2]
    assert choose_list(good, 4, Caps([], [], tastes), none) == [0, 1, 4, 5]
