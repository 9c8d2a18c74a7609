"""The choice under limits: lists of everyone, by a plain loop, show every track, and more evenly."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from recommender import params
from recommender.evaluation.exposure import gini
from recommender.retrieval.index.exposure import LIMITED_SHARE, Groups, limit_offsets
from recommender.retrieval.index.hubness import centre_of, centred, freeze, offsets
from tests.recommender.retrieval.brute_force import corrected, song_score, unit

N = 120
NONE = np.full(N, -1, np.int64)


class Songs:
    """Songs of two segments around styles, a few of them near everything of their artist."""

    def __init__(self, groups: Groups) -> None:
        random = np.random.default_rng(3)
        styles = random.standard_normal((4, 12))
        middles = styles[random.integers(4, size=N)] + 0.8 * random.standard_normal((N, 12))
        units = unit(np.repeat(middles, 2, axis=0) + 0.3 * random.standard_normal((2 * N, 12)))
        starts, self.ids = np.arange(0, 2 * N, 2), np.arange(1, N + 1)
        units = units.astype(np.float32)
        centre = centre_of(units, starts)
        self.vectors = centred(units, centre)
        reference = freeze(centre, self.vectors, self.ids, starts)
        self.hubs = offsets(reference, self.vectors, self.ids, starts)[0]
        asked = (reference, self.vectors, self.ids, starts, self.hubs)
        self.groups = groups
        self.found = limit_offsets(*asked, groups)
        assert_array_equal(self.found, limit_offsets(*asked, groups))  # the same again

    def scores(self) -> np.ndarray:
        pairs = self.vectors.reshape(N, 2, -1)
        table = np.array([[song_score(one, other) for other in pairs] for one in pairs])
        hub = [[corrected(score, self.hubs[j]) for j, score in enumerate(row)] for row in table]
        return table + np.array(hub)

    def lists(self, scores: np.ndarray, set_back: Sequence[float]) -> list[list[int]]:
        worth = scores + np.array([[corrected(s, set_back[j]) for j, s in enumerate(row)] for row in scores])
        found = []
        for query in range(N):
            chosen: list[int] = []
            for j in np.argsort(-worth[query]):
                limits = self.groups.limits
                full = [g[j] >= 0 and sum(g[i] == g[j] for i in chosen) >= most for g, most in limits]
                if j != query and not any(full) and len(chosen) < params.N_RESULTS:
                    chosen.append(int(j))
            found.append(chosen)
        return found


def test_everyone_is_shown_and_more_evenly() -> None:
    artists = np.array([0] * 50 + [1] * 30 + [-1] * 40, np.int64)
    songs = Songs(Groups(artists, np.where(artists == 0, np.arange(N) // 25, -1)))
    assert 0 < np.abs(songs.found).max() <= params.LIMITED_MOST
    scores = songs.scores()
    before, after = songs.lists(scores, np.zeros(N)), songs.lists(scores, songs.found)
    shown = [np.bincount([i for one in some for i in one], minlength=N) for some in (before, after)]
    assert (gini(shown[1]) or 0) < 0.9 * (gini(shown[0]) or 0)
    assert (shown[1] == 0).sum() <= (shown[0] == 0).sum()
    kept = [best[0] in some for best, some in zip(before, after, strict=True)]
    assert np.mean(kept) > 0.95  # the nearest song is still there


@pytest.mark.parametrize("artists", [NONE, np.arange(N), np.arange(N) // params.USUAL_PER_ARTIST])
def test_where_no_limit_can_keep_a_song_out_nothing_is_set_back(artists: np.ndarray) -> None:
    assert not Songs(Groups(artists, NONE)).found.any()


def test_where_limits_keep_few_songs_out_little_is_set_back() -> None:
    artists = np.array([0] * 20 + [-1] * (N - 20), np.int64)
    songs = Songs(Groups(artists, NONE))
    scores = songs.scores()
    out = 0
    for query in range(N):
        nearest = [j for j in np.argsort(-scores[query]) if j != query][: params.N_RESULTS]
        out += max(0, sum(artists[j] == 0 for j in nearest) - params.USUAL_PER_ARTIST)
    share = out / (N * params.N_RESULTS)
    assert 0 < share < LIMITED_SHARE
    assert np.abs(songs.found).max() == pytest.approx(params.LIMITED_MOST * share / LIMITED_SHARE)


def test_a_catalogue_of_too_many_tracks_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "LIMITED_TRACKS", N - 1)
    assert not Songs(Groups(np.zeros(N, np.int64), NONE)).found.any()
