"""The index: equal to an exact search, and never trusted where it does not fit the catalogue."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from db.features import renew_vectors_token
from db.models import Track
from db.session import Catalog, open_catalog
from db.tracks import root_for
from recommender import params
from recommender.retrieval import index as index_module
from recommender.retrieval.exact import nearest, unit_rows
from recommender.retrieval.index import FORMAT, build, open_index, read_sidecar, save, state
from recommender.retrieval.segment_index import PASSAGE, PLAIN, SONG, SegmentIndex
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
            "JOIN track ON track.id = track_id WHERE NOT missing ORDER BY track_id, start_s"
        ).all()
    matrix = np.stack([np.frombuffer(row[2], "<f4") for row in rows]).astype(np.float64)
    return [r[0] for r in rows], [r[1] for r in rows], matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def assert_right(index: SegmentIndex, catalog: Catalog) -> None:
    """Hold an index to the tables, and its search to one written here, in double precision."""
    ids, owners, matrix = vectors(catalog)
    rows, tracks = index.rows, sorted(set(owners))
    assert len(index) == len(ids)
    assert_array_equal(rows.segment_ids, ids)
    assert_array_equal(rows.track_ids, tracks)
    assert_array_equal(rows.starts, [owners.index(track) for track in tracks])
    centred = matrix - index.reference.centre
    assert_allclose(rows.lengths, np.linalg.norm(centred, axis=1), atol=1e-6)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    found, starts, places = index.vectors_of(None)
    assert_allclose(found, centred, atol=1e-6)
    assert_array_equal(starts, rows.starts)
    assert_allclose(index.uncentred(found, places), matrix, atol=1e-6)

    queries = np.random.default_rng(3).standard_normal((5, DIMENSIONS))
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    none = np.zeros(len(tracks))
    for kind, offsets in ((PLAIN, none), (SONG, rows.song_offsets), (PASSAGE, rows.passage_offsets)):
        worth = queries @ centred.T - np.repeat(offsets, np.bincount(owners)[tracks])
        for reach in (1, 4, len(ids)):
            nearest_owners = {owners[i] for row in worth for i in np.argsort(-row)[:reach]}
            reached = index.nearest_tracks(queries.astype(np.float32), kind, reach)
            assert [tracks[place] for place in reached] == sorted(nearest_owners)


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
    assert sidecar["format"] == FORMAT
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["segments.json", sidecar["file"], sidecar["file"].replace(".faiss", ".npz")]
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


@pytest.mark.parametrize("places", [[1, 4, 6], [6, 1, 4], [3], [], [*range(9)], [8, 0, *range(1, 8)]])
def test_vectors_of_tracks_come_in_the_order_asked_for(catalog: Catalog, places: list[int]) -> None:
    index, _ = build(catalog, TRUNK)
    ids, owners, matrix = vectors(catalog)
    wanted = [i for place in places for i, owner in enumerate(owners) if owner == index.rows.track_ids[place]]
    found, starts, rows = index.vectors_of(np.array(places, np.int64))
    assert_array_equal(rows, wanted)
    assert_array_equal(index.rows.segment_ids[rows], [ids[i] for i in wanted])
    assert_allclose(index.uncentred(found, rows), matrix[wanted], atol=1e-6)
    lengths = [owners.count(int(index.rows.track_ids[place])) for place in places]
    assert_array_equal(starts, [sum(lengths[:i]) for i in range(len(places))])
    means = index.mean_vectors(np.array(places, np.int64))
    for place, mean in zip(places, means, strict=True):
        sums = index.block(place).astype(np.float64).sum(axis=0)
        assert_allclose(mean, sums / np.linalg.norm(sums), atol=1e-6)


def test_only_allowed_tracks_are_found_however_near_the_others_are(catalog: Catalog) -> None:
    index, _ = build(catalog, TRUNK)
    query = index.block(4)[:1]
    assert 4 in index.nearest_tracks(query, PLAIN, 1)
    assert_array_equal(index.nearest_tracks(query, PLAIN, 500, np.array([2, 7])), [2, 7])
    assert not set(index.nearest_tracks(query, PLAIN, 2, np.array([1, 2, 7]))) - {1, 2, 7}
    assert_array_equal(index.track_places(np.array([9, 100, 2])), [1, 8])


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


def damaged_by(folder: Path, suffix: str) -> Path:
    (path,) = folder.glob(f"segments*{suffix}")
    return path


@pytest.mark.parametrize("suffix", [".faiss", ".npz", ".json"])
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


DAMAGED = ["[]", "null", '"segments"', "3", "{", "", '{"format": 2}', '{"format": 2, "unknown": 1}']
OLDER = ["{}", '{"trunk_id": "trunk-a", "file": "segments-0.faiss"}', '{"format": 1}', '{"format": 99}']


@pytest.mark.parametrize(
    ("text", "called"), [*((t, "damaged") for t in DAMAGED), *((t, "stale") for t in OLDER)]
)
def test_sidecar_of_another_shape_or_version_is_built_again(
    catalog: Catalog, folder: Path, text: str, called: str
) -> None:
    open_index(catalog, folder, TRUNK)
    (folder / "segments.json").write_text(text)
    assert state(catalog, folder, TRUNK) == called
    index, sentence = open_index(catalog, folder, TRUNK)
    assert sentence == SENTENCE.format(called, 18)
    assert_right(index, catalog)


def test_index_of_another_format_is_stale(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    path = folder / "segments.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": FORMAT - 1}))
    index, sentence = open_index(catalog, folder, TRUNK)
    assert sentence == SENTENCE.format("stale", 18)
    assert_right(index, catalog)
    assert state(catalog, folder, TRUNK) == "current"


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


def assert_believed_only_where_right(
    catalog: Catalog, folder: Path, path: Path, flip: int, step: int = 1
) -> int:
    """Flip bytes of a file in turn; return how many of these changes were noticed."""
    raw = path.read_bytes()
    noticed = 0
    for place in range(0, len(raw), step):
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


@pytest.mark.parametrize("suffix", [".faiss", ".npz"])
@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_no_flipped_byte_ever_gives_a_wrong_index(
    catalog: Catalog, folder: Path, suffix: str, flip: int
) -> None:
    open_index(catalog, folder, TRUNK)
    path = damaged_by(folder, suffix)
    step = 1 + path.stat().st_size // 500
    assert assert_believed_only_where_right(catalog, folder, path, flip, step) > 250


def test_text_of_the_sidecar_changed_in_any_byte(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    assert assert_believed_only_where_right(catalog, folder, folder / "segments.json", 0x02) > 100


def two_generations(catalog: Catalog, tmp_path: Path) -> tuple[Path, Path]:
    """Return folders with the index before and after a change of the catalogue."""
    old, new = tmp_path / "old", tmp_path / "new"
    open_index(catalog, old, TRUNK)
    shutil.copytree(old, new)
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
    for sidecar, files in ((old, new), (new, old)):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(files, folder)
        shutil.copy(sidecar / "segments.json", folder)
        assert state(catalog, folder, TRUNK) == "damaged"
        index, _ = open_index(catalog, folder, TRUNK)
        assert_right(index, catalog)


def test_files_of_another_generation_under_the_right_names(
    catalog: Catalog, tmp_path: Path, folder: Path
) -> None:
    old, new = two_generations(catalog, tmp_path)
    for suffix in (".faiss", ".npz"):
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


# What is frozen from one build to the next.


def add_tracks(catalog: Catalog, n: int) -> None:
    """Add tracks of two segments."""
    random = np.random.default_rng(n)
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        for number in range(n):
            track = new_track(session, root, f"new {n} {number}.mp3")
            store_embeddings(session, track, random.standard_normal((2, DIMENSIONS)).astype(np.float32))


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
    (place,) = before.track_places(np.array([5]))
    with catalog.transaction() as session:
        n_segments = len(session.get(Track, 5).segments)
        changed = np.random.default_rng(77).standard_normal((n_segments, DIMENSIONS)).astype(np.float32)
        store_embeddings(session, session.get(Track, 5), changed)
    after = build(catalog, TRUNK, before)[0]
    others = np.arange(9) != place
    for name in ("song_offsets", "passage_offsets"):
        old, new = getattr(before.rows, name), getattr(after.rows, name)
        assert_array_equal(old[others], new[others])
        assert old[place] != new[place]


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
        assert build(catalog, TRUNK, whole)[0].reference.n_tracks == frozen


def test_single_segments_are_found_in_the_order_of_their_corrected_scores(tmp_path: Path) -> None:
    """That the two dimensions that FAISS has more really hold the offsets."""
    catalog = open_catalog(tmp_path / "single.sqlite")
    random = np.random.default_rng(5)
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        hub = random.standard_normal(DIMENSIONS)
        for number in range(60):
            vector = random.standard_normal(DIMENSIONS) + hub * (number % 3)
            store_embeddings(session, new_track(session, root, f"{number}.mp3"), [vector.astype(np.float32)])
    index, _ = build(catalog, TRUNK)
    matrix = index.vectors_of(None)[0].astype(np.float64)
    query = np.array([[0.6, -0.8, *[0.0] * 6]], np.float32)
    orders = {tuple(np.argsort(-(matrix @ query[0])).tolist())}
    for kind, offsets in ((SONG, index.rows.song_offsets), (PASSAGE, index.rows.passage_offsets)):
        corrected = matrix @ query[0] - offsets
        order = [int(i) for i in np.argsort(-corrected)]
        for reach in (1, 2, 5, 20, 60):
            assert_array_equal(index.nearest_tracks(query, kind, reach), sorted(order[:reach]))
        orders.add(tuple(order))
    assert len(orders) == 2  # the offsets matter; those of a song and of its only passage are the same
    assert np.abs(index.rows.song_offsets).max() <= params.HUB_LIMIT
    catalog.close()
