"""A head of genres that songs, tags or both tell: on made-up tags, of which everything is known."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from classifier.model.linear_head import softmax
from classifier.training.genre_head import GenreFit, GenreSongs, fit_genre_head

Array64 = npt.NDArray[np.float64]
GENRES = ("folk", "jazz", "metal", "waltz")
FIT = GenreFit(
    GENRES,
    {"folk": {0: 1.0}, "jazz": {1: 1.0}, "metal": {2: 1.0}},
    ("folk",),
    np.full(4, 0.25),
    free_penalty=0.1,
)


def drawn(truth: list[int], seed: int = 0, windows: int = 3) -> list[Array64]:
    """Songs whose own genre's tag is 4 higher than usual; the waltz shows in a fourth column."""
    random = np.random.default_rng(seed)
    songs = []
    for genre in truth:
        mean = random.normal(-4, 0.7, 5)
        mean[genre] += 4
        songs.append(mean + random.normal(0, 0.5, (windows, 5)))
    return songs


def a_set(genres: list[int], n: int, seed: int = 0) -> GenreSongs:
    truth = [genre for genre in genres for _ in range(n)]
    return GenreSongs(drawn(truth, seed), np.eye(4)[truth], np.zeros((len(truth), 4), bool))


def said(songs: GenreSongs, fit: GenreFit, genres: list[int], n: int = 30) -> Array64:
    head, tested = fit_genre_head(songs, fit), a_set(genres, n, seed=9)
    return softmax((tested.means() @ head.kernel + head.bias).astype(np.float32)).astype(np.float64)


def test_genres_with_songs_and_one_that_only_its_tag_tells() -> None:
    p = said(a_set([1, 2, 3], 25), FIT, [0, 1, 2, 3])
    right = (p.argmax(axis=1) == np.repeat([0, 1, 2, 3], 30)).reshape(4, 30).mean(axis=1)
    assert (right >= [0.95, 0.85, 0.9, 0.6]).all()


def test_what_a_genre_without_songs_takes_from_others_is_its_leak() -> None:
    songs = a_set([1, 2, 3], 25)
    for leak in (0.04, 0.4):
        head = fit_genre_head(songs, replace(FIT, leak=leak))
        p = softmax((songs.means() @ head.kernel + head.bias).astype(np.float32))
        assert p[:, 0].mean() == pytest.approx(leak * 0.25, rel=0.02)


def test_without_labelled_songs_a_strong_penalty_leaves_the_evidence_of_tags() -> None:
    head = fit_genre_head(a_set([1, 2, 3], 25), replace(FIT, penalty=1e9))
    for genre, own in ((0, 0), (1, 1), (2, 2)):
        others = np.delete(head.kernel[:, genre], own)
        assert head.kernel[own, genre] > 0.1
        assert np.abs(others).max() < 1e-4


def test_of_the_tags_of_genres_without_songs_the_others_learn_nothing() -> None:
    """Though every jazz song has the folk tag."""
    songs = a_set([1, 2, 3], 25)
    folky = [window + (5.0 if song < 25 else 0.0) * np.eye(5)[0] for song, window in enumerate(songs.windows)]
    head = fit_genre_head(replace(songs, windows=folky), FIT)
    assert (head.kernel[0, 1:] == 0).all()
    assert np.abs(head.kernel[1:, 1:]).min(axis=0).max() > 0.01


def test_a_genre_without_songs_moves_with_the_one_whose_label_holds_it() -> None:
    """Their tags alone then tell the two apart."""
    songs = a_set([1, 2, 3], 25)
    evidence = fit_genre_head(songs, replace(FIT, penalty=1e9)).kernel
    apart = fit_genre_head(songs, FIT).kernel
    together = fit_genre_head(songs, replace(FIT, moves_with={"folk": "metal"})).kernel
    np.testing.assert_allclose(apart[:, 0], evidence[:, 0], atol=1e-4)
    np.testing.assert_allclose(together[:, 1:], apart[:, 1:])
    np.testing.assert_allclose(together[:, 0] - together[:, 2], evidence[:, 0] - evidence[:, 2], atol=1e-4)
    assert np.abs(together[1:, 0]).min() > 0.01


def test_a_song_whose_label_may_hold_a_genre_counts_half_against_it() -> None:
    songs = a_set([1, 2, 3], 25)
    songs.may_be[:25, 0] = True
    head = fit_genre_head(songs, FIT)
    p = softmax((songs.means() @ head.kernel + head.bias).astype(np.float32))[:, 0]
    assert np.average(p, weights=np.repeat([0.5, 1.0], [25, 50])) == pytest.approx(0.25 * 0.25, rel=0.02)


def test_a_prior_moves_what_is_in_doubt() -> None:
    rare = replace(FIT, prior=np.array([0.25, 0.6, 0.1, 0.05]), prior_power=1.0)
    songs = a_set([1, 2, 3], 25)
    even, uneven = said(songs, FIT, [1, 2, 3]), said(songs, rare, [1, 2, 3])
    assert uneven[:, 1].mean() > even[:, 1].mean()
    assert uneven[:, 3].mean() < even[:, 3].mean()
    heads = fit_genre_head(songs, rare), fit_genre_head(songs, replace(rare, prior_power=0.0))
    assert heads[0].bias[1:] - heads[1].bias[1:] == pytest.approx(np.log(rare.prior[1:] * 4), abs=1e-3)


def test_a_song_of_two_genres_counts_half_for_each() -> None:
    songs = a_set([1, 2, 3], 25)
    targets = songs.targets.copy()
    targets[:25] = [0, 0.5, 0.5, 0]
    weights = GenreSongs(songs.windows, targets, songs.may_be).weights()
    by_hand = np.repeat([0.5 / 12.5 + 0.5 / 37.5, 1 / 37.5, 1 / 25], 25) / 3
    assert weights == pytest.approx(by_hand)


def test_no_genre_with_both_is_an_error() -> None:
    with pytest.raises(ValueError, match="both tags and labelled songs"):
        fit_genre_head(a_set([3], 25), FIT)
