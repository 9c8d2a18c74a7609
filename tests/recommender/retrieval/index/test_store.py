"""The index: what it holds, what it takes over from an older one, and when it is built again."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from db.models import Track
from db.session import Catalog
from db.sound.features import renew_vectors_token
from db.sound.index_rows import index_rows
from recommender.retrieval.index import store as index_module
from recommender.retrieval.index.files import FORMAT, read_sidecar
from recommender.retrieval.index.hubness import offsets
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.index.store import StoredIndex, build, open_index, state
from recommender.retrieval.index.unit_vectors import nearest, unit_rows
from tests.databases import open_catalog
from tests.db.rows import TRUNK, store_embeddings
from tests.recommender.retrieval.index.index_truth import (
    DIMENSIONS,
    SENTENCE,
    add_tracks,
    assert_right,
    vectors,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@given(st.integers(1, 40), st.integers(1, 20), st.integers(0, 1 << 16))
def test_unit_rows_have_length_one_and_zero_stays_zero(n: int, dimensions: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).standard_normal((n, dimensions)).astype(np.float32) * 1e3
    matrix[0] = 0
    units = unit_rows(matrix)
    assert units.dtype == np.float32
    assert_allclose(np.linalg.norm(units, axis=1)[1:], 1, atol=1e-6)
    assert not units[0].any()


def test_nearest_is_best_first_and_ties_keep_their_order() -> None:
    matrix = np.array([[1, 0], [0, 1], [0.6, 0.8], [1, 0]], np.float32)
    cosines, ids = nearest(matrix, np.array([10, 20, 30, 40]), np.array([[1, 0]], np.float32), 3)
    assert ids.tolist() == [[10, 40, 30]]
    assert_allclose(cosines, [[1, 1, 0.6]], atol=1e-7)


def test_absent_index_is_built_with_a_sentence_and_then_current(catalog: Catalog, folder: Path) -> None:
    assert state(catalog, folder, TRUNK) == "absent"
    index, sentence = open_index(catalog, folder, TRUNK)
    assert sentence == SENTENCE.format("absent", 18)
    assert_right(index, catalog)
    assert state(catalog, folder, TRUNK) == "current"
    again, sentence = open_index(catalog, folder, TRUNK)
    assert sentence is None
    assert_right(again, catalog)


def test_sidecar_says_what_the_index_holds(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    sidecar = json.loads((folder / "segments.json").read_text())
    assert sidecar["trunk_id"] == TRUNK
    assert (sidecar["dimension"], sidecar["metric"], sidecar["count"]) == (DIMENSIONS, "cosine", 18)
    assert (sidecar["tracks"], sidecar["reference_tracks"], sidecar["frozen_at_tracks"]) == (9, 9, 9)
    assert (sidecar["inverted"], sidecar["recall_at_10"]) == (None, None)
    assert sidecar["format"] == FORMAT
    held = folder / f"segments-{sidecar['fingerprint']}"
    assert sorted(folder.iterdir()) == sorted([folder / "segments.json", held])
    assert {p.name: p.stat().st_size for p in held.iterdir()} == {
        n: s for n, (s, _) in sidecar["files"].items()
    }
    open_index(catalog, folder, TRUNK, anew=True)
    assert read_sidecar(folder).fingerprint == sidecar["fingerprint"]


def test_fingerprint_depends_on_vectors_and_on_their_owners(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    found = {read_sidecar(folder).fingerprint}
    with catalog.transaction() as session:
        store_embeddings(session, session.get(Track, 5), [np.arange(1.0, 1.0 + DIMENSIONS)])
    open_index(catalog, folder, TRUNK, anew=True)
    found.add(read_sidecar(folder).fingerprint)
    with catalog.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE segment SET track_id = 1 WHERE id = (SELECT min(id) FROM segment)")
    open_index(catalog, folder, TRUNK, anew=True)
    assert len(found | {read_sidecar(folder).fingerprint}) == 3


@pytest.mark.parametrize("positions", [[1, 4, 6], [6, 1, 4], [3], [], [*range(9)], [8, 0, *range(1, 8)]])
def test_vectors_of_tracks_come_in_the_order_asked_for(catalog: Catalog, positions: list[int]) -> None:
    index, _ = build(catalog, TRUNK)
    ids, owners, matrix = vectors(catalog)
    wanted = [
        i
        for position in positions
        for i, owner in enumerate(owners)
        if owner == index.rows.track_ids[position]
    ]
    found, starts, rows = index.vectors_of(np.array(positions, np.int64))
    assert_array_equal(rows, wanted)
    assert_array_equal(index.rows.segment_ids[rows], [ids[i] for i in wanted])
    assert_allclose(index.uncentred(found, rows), matrix[wanted], atol=1e-6)
    lengths = [owners.count(int(index.rows.track_ids[position])) for position in positions]
    assert_array_equal(starts, [sum(lengths[:i]) for i in range(len(positions))])
    means = index.mean_vectors(np.array(positions, np.int64))
    for position, mean in zip(positions, means, strict=True):
        sums = index.block(position).astype(np.float64).sum(axis=0)
        assert_allclose(mean, sums / np.linalg.norm(sums), atol=1e-6)


def test_places_of_tracks_by_their_ids(catalog: Catalog) -> None:
    index, _ = build(catalog, TRUNK)
    assert_array_equal(index.track_positions(np.array([9, 100, 2, 0])), [1, 8])
    assert_array_equal(index.track_positions(np.zeros(0, np.int64)), [])
    some = np.array([2, 5, 7])
    assert index.n_segments(some) == sum(len(index.block(position)) for position in some)
    assert index.n_segments(np.arange(9)) == 18


def test_changed_vectors_make_it_stale(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    with catalog.transaction() as session:
        session.get(Track, 4).missing = True
        renew_vectors_token(session)
    assert state(catalog, folder, TRUNK) == "stale"
    index, sentence = open_index(catalog, folder, TRUNK)
    assert sentence == SENTENCE.format("stale", 16)
    assert 4 not in index.rows.track_ids
    assert state(catalog, folder, TRUNK) == "current"


def test_another_trunk_makes_it_stale(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    index, sentence = open_index(catalog, folder, "trunk-b")
    assert sentence == SENTENCE.format("stale", 0)
    assert len(index) == 0
    assert open_index(catalog, folder, "trunk-b")[1] is None
    assert open_index(catalog, folder, TRUNK)[1] == SENTENCE.format("stale", 18)


def test_empty_catalogue_has_an_empty_index(tmp_path: Path, folder: Path) -> None:
    catalog = open_catalog(tmp_path / "empty.sqlite")
    assert open_index(catalog, folder, TRUNK)[1] == SENTENCE.format("absent", 0)
    index, sentence = open_index(catalog, folder, TRUNK)
    assert (len(index), sentence) == (0, None)
    catalog.close()


# What is frozen from one build to the next.


def values_of(index: SegmentIndex, n_tracks: int) -> list[np.ndarray]:
    """Return all that decides the scores of the first tracks."""
    rows, end = index.rows, index.rows.starts[n_tracks] if n_tracks < len(index.rows.starts) else len(index)
    return [
        np.array(index.vectors_of(None)[0][:end]),
        rows.lengths[:end],
        rows.song_offsets[:n_tracks],
        rows.passage_offsets[:n_tracks],
        rows.tags[:n_tracks],
        index.reference.centre,
    ]


@pytest.mark.parametrize("n_new", [1, 4])
def test_new_tracks_leave_all_others_exactly_as_they_were(catalog: Catalog, folder: Path, n_new: int) -> None:
    before = open_index(catalog, folder, TRUNK)[0]
    add_tracks(catalog, n_new)  # up to 13 of 9 · 1.5
    after = open_index(catalog, folder, TRUNK)[0]
    assert len(after.rows.track_ids) == 9 + n_new
    for old, new in zip(values_of(before, 9), values_of(after, 9), strict=True):
        assert_array_equal(old, new)
    assert np.abs(after.rows.song_offsets[9:]).min() > 0  # the new ones have theirs
    assert read_sidecar(folder).frozen_at_tracks == 9
    assert_right(after, catalog)


def test_a_track_that_changed_gets_its_offset_anew(catalog: Catalog) -> None:
    before = build(catalog, TRUNK)[0]
    (position,) = before.track_positions(np.array([5]))
    with catalog.transaction() as session:
        n_segments = len(session.get(Track, 5).segments)
        changed = np.random.default_rng(77).standard_normal((n_segments, DIMENSIONS)).astype(np.float32)
        store_embeddings(session, session.get(Track, 5), changed)
    after = build(catalog, TRUNK, StoredIndex("stale", before))[0]
    others = np.arange(9) != position
    for name in ("song_offsets", "passage_offsets"):
        old, new = getattr(before.rows, name), getattr(after.rows, name)
        assert_array_equal(old[others], new[others])
        assert old[position] != new[position]


def test_reference_is_chosen_anew_once_the_catalogue_has_grown_or_when_asked(
    catalog: Catalog, folder: Path
) -> None:
    first = open_index(catalog, folder, TRUNK)[0]
    asked = open_index(catalog, folder, TRUNK, anew=True)[0]
    assert_array_equal(first.reference.centre, asked.reference.centre)  # nothing has changed
    add_tracks(catalog, 4)
    kept = open_index(catalog, folder, TRUNK)[0]
    assert_array_equal(first.reference.centre, kept.reference.centre)
    anew, sentence = open_index(catalog, folder, TRUNK, anew=True)
    assert "built again" in sentence
    assert anew.reference.n_tracks == 13
    assert not np.array_equal(first.reference.centre, anew.reference.centre)
    add_tracks(catalog, 7)  # 20 > 13 · 1.5
    grown = open_index(catalog, folder, TRUNK)[0]
    assert grown.reference.n_tracks == 20
    fresh = build(catalog, TRUNK)[0]
    for one, other in zip(values_of(grown, 20), values_of(fresh, 20), strict=True):
        assert_array_equal(one, other)


def test_reference_is_chosen_anew_once_the_catalogue_has_shrunk(catalog: Catalog) -> None:
    whole = build(catalog, TRUNK)[0]
    for n_left, frozen in ((6, 9), (5, 5)):
        with catalog.transaction() as session:
            for track_id in range(n_left + 1, 10):
                session.get(Track, track_id).missing = True
        assert build(catalog, TRUNK, StoredIndex("stale", whole))[0].reference.n_tracks == frozen


@pytest.mark.parametrize("how", ["none", "removed", "changed", "added", "all", "unknown content"])
def test_taking_over_gives_what_building_anew_would(catalog: Catalog, how: str) -> None:
    before = build(catalog, TRUNK)[0]
    with catalog.transaction() as session:
        if how in ("removed", "all"):
            for track_id in (1, 4, 9) if how == "removed" else (2,):
                session.get(Track, track_id).missing = True
        if how in ("changed", "all"):
            for track_id in (3, 7, 8):
                store_embeddings(session, session.get(Track, track_id), np.eye(3, DIMENSIONS)[: track_id - 5])
        if how == "unknown content":
            for track in session.query(Track):
                track.analysed_hash = None
    if how in ("added", "all"):
        add_tracks(catalog, 3)
    read = []

    def counted(*asked: object) -> object:
        for block in index_rows(*asked):
            read.extend(np.unique(block.track_ids).tolist())
            yield block

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "index_rows", counted)
        after = build(catalog, TRUNK, StoredIndex("stale", before))[0]
    assert_right(after, catalog)
    expected = {
        "none": [],
        "removed": [],
        "changed": [3, 7, 8],
        "added": [10, 11, 12],
        "all": [3, 7, 8, 10, 11, 12],
        "unknown content": [*range(1, 10)],
    }
    assert read == expected[how]  # and nothing else
    vectors, starts, _ = after.vectors_of(None)
    song, passage = offsets(before.reference, vectors, after.rows.track_ids, starts)
    assert_allclose(after.rows.song_offsets, song, atol=1e-5)
    assert_allclose(after.rows.passage_offsets, passage, atol=1e-5)
    assert_allclose(after.rows.tags, 0.02, atol=1e-6)
