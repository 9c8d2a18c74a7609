"""The index: equal to an exact search, and never trusted where it does not fit the catalogue."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from db.features import renew_vectors_token
from db.models import Track
from db.session import Catalog, open_catalog
from db.tracks import root_for
from recommender.retrieval import index as index_module
from recommender.retrieval.exact import nearest, unit_rows
from recommender.retrieval.index import SegmentIndex, build, open_index, read_sidecar, save, state
from tests.db.rows import TRUNK, new_track, store_embeddings

DIMENSIONS = 8
SENTENCE = "the index was {}; built again from the catalogue ({} segments)"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Nine tracks of one to three segments, stored so that ids are not in the order of tracks."""
    made = open_catalog(tmp_path / "catalog.sqlite")
    random = np.random.default_rng(7)
    with made.transaction() as session:
        root = root_for(session, "/music")
        tracks = [new_track(session, root, f"{n}.mp3") for n in range(9)]
        for track in reversed(tracks):
            vectors = random.standard_normal((1 + track.id % 3, DIMENSIONS)).astype(np.float32)
            store_embeddings(session, track, vectors)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


def vectors(catalog: Catalog) -> tuple[list[int], list[int], np.ndarray]:
    """Return segment ids, track ids and unit vectors of all features, straight from the tables."""
    with catalog.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT segment.id, track_id, embedding FROM segment JOIN feature ON segment_id = segment.id "
            "ORDER BY segment.id"
        ).all()
    matrix = np.stack([np.frombuffer(row[2], "<f4") for row in rows]).astype(np.float64)
    return [r[0] for r in rows], [r[1] for r in rows], matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def assert_right(index: SegmentIndex, catalog: Catalog) -> None:
    """Hold an index to a search written here, in double precision."""
    ids, tracks, matrix = vectors(catalog)
    assert_array_equal(index.segment_ids, ids)
    assert_array_equal(index.track_ids, tracks)
    assert len(index) == len(ids)
    queries = np.random.default_rng(3).standard_normal((5, DIMENSIONS))
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    cosines, found = index.search(queries.astype(np.float32), len(ids))
    expected = queries @ matrix.T
    order = np.argsort(-expected, axis=1)
    assert_array_equal(found, np.array(ids)[order])
    assert_allclose(cosines, np.take_along_axis(expected, order, axis=1), atol=1e-5)
    assert_allclose(index.vectors_of(np.array(ids[::-1])), matrix[::-1], atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 300), dimensions=st.integers(2, 50), k=st.integers(1, 400), seed=st.integers(0, 1 << 16)
)
def test_search_equals_exact_search_by_value(n: int, dimensions: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    matrix = unit_rows(random.standard_normal((n, dimensions)).astype(np.float32))
    queries = unit_rows(random.standard_normal((3, dimensions)).astype(np.float32))
    ids = np.sort(random.choice(10 * n, n, replace=False)).astype(np.int64)
    flat = faiss.IndexIDMap2(faiss.IndexFlatIP(dimensions))
    flat.add_with_ids(matrix, ids)

    cosines, found = SegmentIndex(flat, ids, ids).search(queries, k)

    wanted_cosines, wanted = nearest(matrix, ids, queries, min(k, n))
    assert cosines.shape == wanted_cosines.shape
    assert_allclose(cosines, wanted_cosines, atol=2e-6)
    differ = found != wanted  # only where cosines are equal within rounding
    assert (np.abs(cosines - wanted_cosines)[differ] < 2e-6).all()
    assert [set(row) for row in found] == [set(row) for row in wanted] or k < n


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
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["segments.json", sidecar["file"], sidecar["file"].replace(".faiss", ".tracks")]
    )
    index, made = build(catalog, TRUNK)
    assert made.fingerprint == sidecar["fingerprint"]
    with catalog.transaction() as session:
        store_embeddings(session, session.get(Track, 5), [np.arange(1.0, 1.0 + DIMENSIONS)])
    assert build(catalog, TRUNK)[1].fingerprint != sidecar["fingerprint"]
    assert len(index) == 18


def test_fingerprint_depends_on_the_owners_of_the_vectors(catalog: Catalog) -> None:
    before = build(catalog, TRUNK)[1]
    with catalog.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE segment SET track_id = 1 WHERE id = (SELECT min(id) FROM segment)")
    assert build(catalog, TRUNK)[1].fingerprint != before.fingerprint


def test_segments_of_tracks_lie_side_by_side(catalog: Catalog) -> None:
    index, _ = build(catalog, TRUNK)
    segment_ids, owners = index.segments_of(np.array([2, 5, 7]))
    ids, tracks, _ = vectors(catalog)
    expected = sorted(
        (track, segment) for segment, track in zip(ids, tracks, strict=True) if track in (2, 5, 7)
    )
    assert list(zip(owners.tolist(), segment_ids.tolist(), strict=True)) == expected


def test_changed_vectors_make_it_stale(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    with catalog.transaction() as session:
        session.get(Track, 4).missing = True
        renew_vectors_token(session)
    assert state(catalog, folder, TRUNK) == "stale"
    index, sentence = open_index(catalog, folder, TRUNK)
    assert sentence == SENTENCE.format("stale", 16)
    assert 4 not in index.track_ids
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


def damaged_by(folder: Path, suffix: str) -> Path:
    (path,) = folder.glob(f"segments*{suffix}")
    return path


@pytest.mark.parametrize("suffix", [".faiss", ".tracks", ".json"])
@pytest.mark.parametrize("how", ["truncated", "emptied", "deleted", "garbage"])
def test_damaged_file_is_noticed_and_replaced(catalog: Catalog, folder: Path, suffix: str, how: str) -> None:
    open_index(catalog, folder, TRUNK)
    path = damaged_by(folder, suffix)
    raw = path.read_bytes()
    if how == "deleted":
        path.unlink()
    else:
        kept = {"truncated": raw[: len(raw) // 2], "emptied": b"", "garbage": b"\xff\x00{[" * 50}
        path.write_bytes(kept[how])
    expected = "absent" if (suffix, how) == (".json", "deleted") else "damaged"
    assert state(catalog, folder, TRUNK) == expected

    index, sentence = open_index(catalog, folder, TRUNK)

    assert sentence == SENTENCE.format(expected, 18)
    assert_right(index, catalog)
    assert path.read_bytes() == raw


@pytest.mark.parametrize(
    "text", ["[]", "null", "{}", '"segments"', "3", '{"trunk_id": "trunk-a"}', '{"unknown": 1}', "{", ""]
)
def test_sidecar_of_another_shape_is_damaged(catalog: Catalog, folder: Path, text: str) -> None:
    open_index(catalog, folder, TRUNK)
    (folder / "segments.json").write_text(text)
    index, sentence = open_index(catalog, folder, TRUNK)
    assert sentence == SENTENCE.format("damaged", 18)
    assert_right(index, catalog)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("file", None),
        ("file", 7),
        ("file", ""),
        ("file", "../catalog.sqlite"),
        ("fingerprint", None),
        ("fingerprint", "0" * 32),
    ],
)
def test_sidecar_that_names_other_files_or_vectors_is_damaged(
    catalog: Catalog, folder: Path, name: str, value: object
) -> None:
    open_index(catalog, folder, TRUNK)
    path = folder / "segments.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    index, sentence = open_index(catalog, folder, TRUNK)
    assert sentence == SENTENCE.format("damaged", 18)
    assert_right(index, catalog)


def assert_believed_only_where_right(catalog: Catalog, folder: Path, path: Path, flip: int) -> int:
    """Flip each byte of a file in turn; return how many of these changes were noticed."""
    raw = path.read_bytes()
    noticed = 0
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= flip
        path.write_bytes(changed)
        if state(catalog, folder, TRUNK) != "current":
            noticed += 1
            continue
        index, _ = open_index(catalog, folder, TRUNK)
        try:
            assert_right(index, catalog)
        except (AssertionError, IndexError) as error:
            raise AssertionError(f"byte {place} of {len(raw)} in {path.suffix} ^ {flip:#x}") from error
    path.write_bytes(raw)
    assert state(catalog, folder, TRUNK) == "current"
    return noticed


@pytest.mark.parametrize("suffix", [".faiss", ".tracks"])
@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_no_flipped_byte_ever_gives_a_wrong_index(
    catalog: Catalog, folder: Path, suffix: str, flip: int
) -> None:
    open_index(catalog, folder, TRUNK)
    path = damaged_by(folder, suffix)
    assert assert_believed_only_where_right(catalog, folder, path, flip) > path.stat().st_size // 2


def test_text_of_the_sidecar_changed_in_any_byte(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    assert assert_believed_only_where_right(catalog, folder, folder / "segments.json", 0x02) > 100


def two_generations(catalog: Catalog, tmp_path: Path) -> tuple[Path, Path]:
    """Return folders with the index before and after a change of the catalogue."""
    old, new = tmp_path / "old", tmp_path / "new"
    open_index(catalog, old, TRUNK)
    with catalog.transaction() as session:
        vectors = np.random.default_rng(9).standard_normal((2, DIMENSIONS)).astype(np.float32)
        store_embeddings(session, session.get(Track, 3), vectors)
    open_index(catalog, new, TRUNK)
    return old, new


@pytest.mark.parametrize("n_new", range(4))
def test_killed_while_saving_the_index_is_the_old_or_the_new_one(
    catalog: Catalog, tmp_path: Path, folder: Path, n_new: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends before the file number `n_new` (or, at 3, the tidying up) is written."""
    _, new = two_generations(catalog, tmp_path)
    shutil.copytree(tmp_path / "old", folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    written: list[Path] = []

    class KilledError(BaseException):
        pass

    def until(path: Path, content: bytes) -> None:
        if len(written) == n_new:
            path.with_name(f".{path.name}.part-1").write_bytes(content[:10])
            raise KilledError
        written.append(path)
        path.write_bytes(content)

    monkeypatch.setattr(index_module, "replace_file", until)
    if n_new == 3:
        monkeypatch.setattr(Path, "iterdir", lambda _self: (_ for _ in ()).throw(KilledError()))
    with pytest.raises(KilledError):
        save(*build(catalog, TRUNK), folder)
    monkeypatch.undo()

    if n_new < 3:
        assert {name: (folder / name).read_bytes() for name in before} == before
        assert state(catalog, folder, TRUNK) == "stale"
    else:
        assert state(catalog, folder, TRUNK) == "current"
    index, _ = open_index(catalog, folder, TRUNK)
    assert_right(index, catalog)
    if n_new < 3:
        assert sorted(p.name for p in folder.iterdir()) == sorted(p.name for p in new.iterdir())


def test_sidecar_of_one_generation_with_files_of_another(
    catalog: Catalog, tmp_path: Path, folder: Path
) -> None:
    old, new = two_generations(catalog, tmp_path)
    for sidecar, files, expected in ((old, new, "stale"), (new, old, "damaged")):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(files, folder)
        shutil.copy(sidecar / "segments.json", folder)
        assert state(catalog, folder, TRUNK) == expected
        index, _ = open_index(catalog, folder, TRUNK)
        assert_right(index, catalog)


def test_files_of_another_generation_under_the_right_names(
    catalog: Catalog, tmp_path: Path, folder: Path
) -> None:
    old, new = two_generations(catalog, tmp_path)
    for suffix in (".faiss", ".tracks"):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(new, folder)
        shutil.copy(damaged_by(old, suffix), damaged_by(folder, suffix))
        assert state(catalog, folder, TRUNK) == "damaged"
        index, _ = open_index(catalog, folder, TRUNK)
        assert_right(index, catalog)


def test_saving_leaves_only_its_own_files(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    first = {path.name for path in folder.iterdir()}
    (folder / ".segments.json.part-4711").write_bytes(b"left by a process that was killed")
    with catalog.transaction() as session:
        store_embeddings(session, session.get(Track, 1), np.eye(3, DIMENSIONS, dtype=np.float32))
    open_index(catalog, folder, TRUNK)
    second = {path.name for path in folder.iterdir()}
    assert len(second) == 3
    assert second & first == {"segments.json"}


def test_read_sidecar_gives_back_what_was_saved(catalog: Catalog, folder: Path) -> None:
    index, sidecar = build(catalog, TRUNK)
    sidecar = save(index, sidecar, folder)
    assert asdict(read_sidecar(folder)) == asdict(sidecar)
    assert replace(sidecar, count=1) != sidecar
    assert read_sidecar(folder / "nowhere") is None


def test_index_that_cannot_be_written_still_answers(catalog: Catalog, tmp_path: Path) -> None:
    place = tmp_path / "a file where the folder should be"
    place.write_bytes(b"")
    index, sentence = open_index(catalog, place / "index", TRUNK)
    assert sentence == SENTENCE.format("absent", 18)
    assert_right(index, catalog)
    assert os.path.getsize(place) == 0
