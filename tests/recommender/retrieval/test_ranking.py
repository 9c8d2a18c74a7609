"""Scores in parts, tables of everyone's neighbours and candidates, held to the reference."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from db.models import Track
from db.sound.patches import track_patches
from recommender import params
from recommender.retrieval.alignment import PatchSequence
from recommender.retrieval.index import inverted_build, inverted_file
from recommender.retrieval.index.scoring import best_of
from recommender.retrieval.query import Query, from_track
from recommender.retrieval.ranking import Ranked, candidates, rank_tracks, with_cosines
from recommender.retrieval.request import ListRequest
from tests.db.rows import TRUNK
from tests.recommender.random_catalog import PATCH_S, Made, make_songs, store
from tests.recommender.retrieval.brute_force import BruteForce, asked, limit_offsets_of, patches_of

pytestmark = pytest.mark.databases("sqlite", "postgresql")


@dataclass(repr=False)
class Small:
    """The first songs of the random catalogue, the reference, and which patches were read."""

    made: Made
    truth: BruteForce
    read: list[list[int]] = field(default_factory=list)

    def query(self, number: int) -> Query:
        with self.made.catalog.transaction() as session:
            return from_track(session, session.get(Track, self.made.numbered(number).id), self.made.bundle)

    def patches_of(self, track_ids: Sequence[int]) -> dict[int, PatchSequence]:
        self.read.append(list(track_ids))
        with self.made.catalog.transaction() as session:
            found = track_patches(session, track_ids, TRUNK, PATCH_S)
        return {i: PatchSequence(p.starts_s, p.embeddings, PATCH_S) for i, p in found.items()}

    def ranked(self, numbers: Sequence[int], positions: np.ndarray, *, hub_correction: bool = True) -> Ranked:
        queries = [self.query(number) for number in numbers]
        found = rank_tracks(
            self.made.index, queries, [], positions, self.patches_of, hub_correction=hub_correction
        )
        return with_cosines(self.made.index, queries, found)

    def expected(self, numbers: Sequence[int], positions: np.ndarray, *, hub_correction: bool = True) -> dict:
        ids = [int(self.made.index.rows.track_ids[position]) for position in positions]
        queries = [asked(self.made.numbered(number)) for number in numbers]
        found, _ = self.truth.scored(queries, [], ListRequest(hub_correction=hub_correction), ids)
        return {one.song.id: one for one in found}


@pytest.fixture(scope="module")
def small(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    made = store(tmp_path_factory.mktemp("ranking"), make_songs(70))
    yield Small(made, BruteForce(made.songs, limit_offsets_of(made.index)))
    made.catalog.close()


LONG, SHORT = 0, 5


def test_the_songs_are_long_and_short(small: Small) -> None:
    assert len(small.made.numbered(LONG).audible) > 1
    assert len(small.made.numbered(SHORT).audible) == 1


@pytest.mark.parametrize("hub_correction", [True, False])
@pytest.mark.parametrize("numbers", [[LONG], [SHORT], [LONG, SHORT, 9]])
@pytest.mark.parametrize("order", ["ascending", "backwards", "some", "one"])
def test_parts_equal_the_reference_in_whatever_order_tracks_are_asked_for(
    small: Small, numbers: list[int], hub_correction: bool, order: str
) -> None:
    everything = np.arange(len(small.made.songs))
    positions = {
        "ascending": everything,
        "backwards": everything[::-1],
        "some": everything[40:9:-3],
        "one": everything[7:8],
    }[order]
    found = small.ranked(numbers, positions, hub_correction=hub_correction)
    assert_array_equal(found.positions, positions)
    expected = small.expected(numbers, positions, hub_correction=hub_correction)
    for row, position in enumerate(positions):
        one = expected[int(small.made.index.rows.track_ids[position])]
        for name, values in found.parts.items():
            assert_allclose(values[row], one.parts.get(name, 0), atol=5e-6, err_msg=name)
        assert_allclose(found.scores[row], one.score, atol=5e-6)


def test_plain_cosines_need_no_correction(small: Small) -> None:
    positions = np.arange(len(small.made.songs))
    parts = small.ranked([LONG], positions, hub_correction=False).parts
    assert_allclose(parts["centring"], 0, atol=1e-6)
    assert not parts["hub"].any()
    assert small.ranked([LONG], positions).parts["hub"].any()


def test_patches_are_read_of_the_best_for_a_passage_alone(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(params, "ALIGNED_TRACKS", 4)
    positions = np.arange(len(small.made.songs))
    small.read.clear()
    small.ranked([LONG], positions)
    assert small.read == []
    found = small.ranked([SHORT], positions)
    (read,) = small.read
    worth = found.scores - found.parts["alignment"]
    best = small.made.index.rows.track_ids[np.argsort(-worth)[:4]]
    assert set(read) == set(best.tolist())
    gained = np.flatnonzero(found.parts["alignment"])
    assert set(small.made.index.rows.track_ids[gained].tolist()) <= set(read)


def test_a_track_without_patches_keeps_its_score(small: Small) -> None:
    positions = np.arange(len(small.made.songs))
    query = small.query(SHORT)
    none = rank_tracks(small.made.index, [query], [], positions, lambda _: {}, hub_correction=True)
    assert not none.parts["alignment"].any()
    assert len(patches_of(small.made.numbered(SHORT)).starts_s) > 3


def test_chosen_tracks_keep_their_parts_and_winners() -> None:
    ranked = Ranked(
        np.array([5, 7, 9]), {"sound": np.array([0.3, 0.2, 0.1], np.float32)}, np.array([1, 0, 1])
    )
    some = ranked.chosen([2, 0])
    assert (some.positions.tolist(), some.winners.tolist()) == ([9, 5], [1, 1])
    assert_allclose(some.scores, [0.1, 0.3])
    assert Ranked(ranked.positions, ranked.parts).chosen([1]).winners is None


@pytest.mark.parametrize("hub_correction", [True, False])
def test_candidates_of_a_large_catalogue_own_the_nearest_segments(
    small: Small, monkeypatch: pytest.MonkeyPatch, hub_correction: bool
) -> None:
    index, queries = small.made.index, [small.query(LONG), small.query(SHORT)]
    allowed = np.arange(3, 60)
    everything = candidates(index, queries, 1, allowed, hub_correction=hub_correction)
    assert_array_equal(everything, allowed)  # so few are all scored
    monkeypatch.setattr(params, "EXACT_SEGMENTS", 10)
    monkeypatch.setattr(params, "FIRST_NEIGHBOURS", 3)
    monkeypatch.setattr(inverted_file, "description", lambda *_sizes: "IVF4,Flat")  # what it finds is exact
    monkeypatch.setattr(index, "inverted", inverted_build.fill(index))
    index.inverted.probes = 2  # twice as many, and twice as far, are asked for below
    ids = index.rows.track_ids
    expected = set()
    for number in (LONG, SHORT):
        query = asked(small.made.numbered(number))
        offsets = small.truth.passage_offsets if query.passage else small.truth.song_offsets
        units = query.units - small.truth.centre
        for one in units / np.linalg.norm(units, axis=1, keepdims=True):
            worth = [
                (-float(one @ vector) + (offsets[int(ids[position])] if hub_correction else 0), position)
                for position in allowed
                for vector in small.truth.vectors[int(ids[position])]
            ]
            expected |= {position for _, position in sorted(worth)[:6]}
    found = candidates(index, queries, 2, allowed, hub_correction=hub_correction)
    assert found.tolist() == sorted(int(position) for position in expected)


def test_the_best_are_those_that_an_order_of_all_begins_with() -> None:
    random = np.random.default_rng(3)
    for n in (1, 5, 16, 40, 41, 100):
        scores = random.integers(0, 9, 41).astype(np.float32)  # many are equal
        ids = random.permutation(1000)[:41]
        expected = np.lexsort((ids, -scores))[:n]
        assert best_of(scores, ids, n).tolist() == expected.tolist()
