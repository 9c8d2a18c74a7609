"""The inverted file: candidates against an exact search, filters, growth, and its place in the index."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from db.models import Track
from db.session import Catalog, open_catalog
from db.tracks import root_for
from recommender import params
from recommender.retrieval.index import inverted_build, inverted_file
from recommender.retrieval.index.files import read_sidecar
from recommender.retrieval.index.segment_index import PASSAGE, PLAIN, SONG, SegmentIndex
from recommender.retrieval.index.store import open_index, state
from tests.db.rows import TRUNK, new_track, store_embeddings

DIMENSIONS, TRACKS, SEGMENTS = 22, 600, 3
PLACES = np.arange(TRACKS)


def add_songs(catalog: Catalog, n: int, seed: int) -> None:
    """Add songs of a few styles, three segments each."""
    random = np.random.default_rng(seed)
    styles = np.random.default_rng(1).standard_normal((12, DIMENSIONS))
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        for number in range(n):
            song = styles[random.integers(12)] + 0.5 * random.standard_normal(DIMENSIONS)
            vectors = song + 0.4 * random.standard_normal((SEGMENTS, DIMENSIONS))
            track = new_track(session, root, f"{seed} {number}.mp3")
            store_embeddings(session, track, vectors.astype(np.float32))


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "EXACT_SEGMENTS", 100)
    monkeypatch.setattr(params, "FIRST_NEIGHBOURS", 30)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inverted") / "catalog.sqlite"
    catalog = open_catalog(path)
    add_songs(catalog, TRACKS, seed=2)
    catalog.close()
    return path


@pytest.fixture
def catalog(source: Path, tmp_path: Path) -> Iterator[Catalog]:
    (tmp_path / "catalog.sqlite").write_bytes(source.read_bytes())
    made = open_catalog(tmp_path / "catalog.sqlite")
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


def worths(index: SegmentIndex, queries: np.ndarray, kind: tuple[float, float]) -> np.ndarray:
    """Return the corrected score of every segment for every query, in double precision."""
    counts = np.diff(np.append(index.rows.starts, len(index)))
    pulls = kind[0] * index.rows.song_offsets + kind[1] * index.rows.passage_offsets
    return queries.astype(np.float64) @ index.vectors.T.astype(np.float64) - np.repeat(pulls, counts)


def owners(index: SegmentIndex) -> np.ndarray:
    return np.repeat(np.arange(len(index.rows.starts)), np.diff(np.append(index.rows.starts, len(index))))


def recall(index: SegmentIndex, queries: np.ndarray, kind: tuple[float, float]) -> float:
    """Return the share of each query's ten nearest segments whose tracks are candidates."""
    nearest = owners(index)[np.argsort(-worths(index, queries, kind), axis=1)[:, :10]]
    everything = np.arange(len(index.rows.starts))
    found = [index.candidates(query[None], kind, 1, everything) for query in queries]
    return float(np.mean([np.isin(n, f).mean() for n, f in zip(nearest, found, strict=True)]))


def test_it_finds_what_an_exact_search_finds(catalog: Catalog, folder: Path) -> None:
    index, _ = open_index(catalog, folder, TRUNK)
    assert index.inverted is not None
    queries = index.vectors[::37]
    for kind in (SONG, PASSAGE, PLAIN):
        assert recall(index, queries, kind) > 0.97
        found = index.candidates(queries[:1], kind, 1, PLACES)
        assert len(found) <= 30 < TRACKS
        assert_array_equal(found, np.unique(found))


def test_hub_offsets_count_as_the_query_asks(catalog: Catalog, folder: Path) -> None:
    index, _ = open_index(catalog, folder, TRUNK)
    hubs = np.argsort(-index.rows.song_offsets)[:150]
    index.rows.song_offsets[hubs] += 2.0  # far worse than anything else
    index.inverted = inverted_build.fill(index)
    index.inverted.probes = index.inverted.n_lists
    query = index.block(int(hubs[0]))[:1]
    found = {kind: index.candidates(query, kind, 1, PLACES) for kind in (SONG, PASSAGE, PLAIN)}
    assert not set(found[SONG]) & set(hubs.tolist())
    assert hubs[0] in found[PLAIN]
    assert hubs[0] in found[PASSAGE]
    assert recall(index, index.vectors[::31], SONG) > 0.97


@pytest.mark.parametrize("share", [0.1, 0.3, 0.9])
def test_only_allowed_tracks_are_found(catalog: Catalog, folder: Path, share: float) -> None:
    index, _ = open_index(catalog, folder, TRUNK)
    allowed = np.flatnonzero(np.random.default_rng(4).random(TRACKS) < share)
    allowed = allowed[allowed != 5]
    found = index.candidates(index.block(5), SONG, 1, allowed)
    assert set(found.tolist()) <= set(allowed.tolist())
    worth = worths(index, index.block(5), SONG)[:, np.isin(owners(index), allowed)]
    best = np.repeat(allowed, SEGMENTS)[np.argsort(-worth, axis=1)[:, :5]]
    assert np.isin(best, found).mean() > 0.9


def test_the_next_nearest_are_found_where_all_that_is_near_was_given_already(
    catalog: Catalog, folder: Path
) -> None:
    index, _ = open_index(catalog, folder, TRUNK)
    assert index.inverted is not None
    index.inverted.probes = index.inverted.n_lists
    query = index.block(9)[:1]
    worth = worths(index, query, SONG)[0]
    near = np.unique(owners(index)[np.argsort(-worth)[:60]])  # twice as far as is looked
    allowed = np.setdiff1d(PLACES, near)
    assert len(allowed) > 0.9 * TRACKS
    found = index.candidates(query, SONG, 1, allowed)
    of_allowed = np.isin(owners(index), allowed)
    best = np.repeat(allowed, SEGMENTS)[np.argsort(-worth[of_allowed])[:20]]
    assert np.isin(best, found).mean() > 0.9


def test_few_allowed_tracks_are_all_scored(catalog: Catalog, folder: Path) -> None:
    index, _ = open_index(catalog, folder, TRUNK)
    allowed = np.array([3, 77, 401])
    assert_array_equal(index.candidates(index.block(9), SONG, 1, allowed), allowed)


def test_more_effort_finds_more_until_all_are_there(catalog: Catalog, folder: Path) -> None:
    index, _ = open_index(catalog, folder, TRUNK)
    assert index.inverted is not None
    index.inverted.probes = 1
    found = [set(index.candidates(index.block(9), SONG, 4**i, PLACES).tolist()) for i in range(5)]
    assert all(one <= other for one, other in pairwise(found))
    assert len(found[0]) < len(found[1]) < len(found[2])
    assert found[-1] == set(range(TRACKS))


def test_sidecar_keeps_the_recall_that_was_measured(catalog: Catalog, folder: Path) -> None:
    index, _ = open_index(catalog, folder, TRUNK)
    sidecar = read_sidecar(folder)
    lists = min(2 ** round(np.log2(4 * np.sqrt(TRACKS * SEGMENTS))), TRACKS * SEGMENTS // 32)
    assert sidecar.inverted == f"IVF{lists},SQ8"
    assert sidecar.learnt_at == TRACKS * SEGMENTS
    assert index.inverted is not None
    assert (index.inverted.probes, index.inverted.n_lists) == (sidecar.probes, lists)
    assert sidecar.probes < lists  # not every list need be looked at
    chosen = np.sort(np.random.default_rng(0).choice(len(index), 200, replace=False))
    scores = worths(index, index.vectors[chosen], SONG)
    scores[owners(index)[chosen][:, None] == owners(index)] = -np.inf
    nearest = owners(index)[np.argsort(-scores, axis=1)[:, :10]]
    found = [index.candidates(index.vectors[i : i + 1], SONG, 1, PLACES) for i in chosen]
    by_hand = np.mean([np.isin(n, f).mean() for n, f in zip(nearest, found, strict=True)])
    assert_allclose(sidecar.recall_at_10, by_hand, atol=0.003)
    assert sidecar.recall_at_10 >= params.LEAST_RECALL


def test_nearest_owners_are_those_of_a_full_sort(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inverted_build, "SEGMENTS_AT_ONCE", 101)
    index, _ = open_index(catalog, folder, TRUNK)
    own = np.array([4, 5, 6])
    queries = np.concatenate([index.block(position)[:1] for position in own])
    scores = worths(index, queries, SONG)
    scores[own[:, None] == owners(index)] = -np.inf
    expected = index.rows.track_ids[owners(index)[np.argsort(-scores, axis=1)[:, :10]]]
    assert_array_equal(inverted_build.nearest_owners(index, queries, index.rows.track_ids[own]), expected)


def test_tracks_come_and_go_without_learning_anew(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_index(catalog, folder, TRUNK)
    with catalog.transaction() as session:
        for track_id in (1, 100, 600):
            session.get(Track, track_id).missing = True
        changed = np.random.default_rng(8).standard_normal((2, DIMENSIONS)).astype(np.float32)
        store_embeddings(session, session.get(Track, 50), changed)
    add_songs(catalog, 90, seed=3)
    monkeypatch.setattr(inverted_build, "train", lambda *_args: pytest.fail("learnt anew"))
    index, _ = open_index(catalog, folder, TRUNK)
    assert state(catalog, folder, TRUNK) == "current"
    assert index.inverted is not None
    n = SEGMENTS * (TRACKS - 3 + 90) - 1
    assert len(index) == len(index.inverted) == n
    assert read_sidecar(folder).learnt_at == TRACKS * SEGMENTS
    index.inverted.probes = index.inverted.n_lists
    ids = index.inverted.near(inverted_file.asked(index.vectors[:1], PLAIN), n)
    assert_array_equal(ids, index.rows.track_ids)
    assert_array_equal(ids, sorted({*range(2, 691)} - {100, 600}))
    position = int(index.track_positions(np.array([50]))[0])
    assert position in index.candidates(changed / np.linalg.norm(changed, axis=1)[:, None], PLAIN, 1, PLACES)
    assert recall(index, index.vectors[::41], SONG) > 0.97


def test_a_catalogue_that_has_grown_much_is_learnt_anew(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    add_songs(catalog, 400, seed=5)
    index, _ = open_index(catalog, folder, TRUNK)
    assert read_sidecar(folder).learnt_at == len(index) == SEGMENTS * 1000


def test_a_damaged_inverted_file_is_noticed(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    (path,) = folder.glob("segments-*/inverted.faiss")
    raw = path.read_bytes()
    for content in (raw[: len(raw) // 2], raw[:-1] + b"\x00\x01", b"\xff" * len(raw)):
        path.write_bytes(content)
        assert state(catalog, folder, TRUNK) == "damaged"
    index, sentence = open_index(catalog, folder, TRUNK)
    assert sentence is not None
    assert recall(index, index.vectors[::41], SONG) > 0.97


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (200_000, "IVF2048,SQ8"),
        (1_000_000, "IVF4096,SQ8"),
        (10_000_000, "IVF8192,SQ8"),
        (16_000_001, "IVF8192,PQ52"),
        (80_000_000, "IVF8192,PQ52"),
        (70, "IVF2,SQ8"),
        (1, "IVF1,SQ8"),
    ],
)
def test_the_kind_is_chosen_by_size(n: int, expected: str) -> None:
    assert inverted_file.description(n, 208) == expected


def test_product_quantisation_finds_them_too(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(params, "SCALAR_QUANTISED", 1000)
    index, _ = open_index(catalog, folder, TRUNK)
    assert read_sidecar(folder).inverted.endswith(",PQ8")
    assert recall(index, index.vectors[::37], SONG) > 0.9


def test_an_index_that_cannot_be_written_has_one_too(catalog: Catalog, tmp_path: Path) -> None:
    obstacle = tmp_path / "a file where the folder should be"
    obstacle.write_bytes(b"")
    index, _ = open_index(catalog, obstacle / "index", TRUNK)
    assert recall(index, index.vectors[::41], SONG) > 0.97
