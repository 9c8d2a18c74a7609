"""What an index must hold, straight from the tables, in double precision."""

from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from db.session import Catalog
from db.tracks import root_for
from recommender.retrieval.index.segment_index import SegmentIndex
from tests.databases import open_catalog
from tests.db.rows import new_track, store_embeddings

DIMENSIONS = 8
SENTENCE = "the index was {}; built again from the catalogue ({} segments)"


def nine_tracks(path: Path) -> Catalog:
    """Make a catalogue of nine tracks of one to three segments, whose ids are not in the order of tracks."""
    made = open_catalog(path)
    random = np.random.default_rng(7)
    with made.transaction() as session:
        root = root_for(session, "/music")
        tracks = [new_track(session, root, f"{n}.mp3") for n in range(9)]
        for track in reversed(tracks):
            vectors = random.standard_normal((1 + track.id % 3, DIMENSIONS)).astype(np.float32)
            store_embeddings(session, track, vectors)
    return made


def add_tracks(catalog: Catalog, n: int) -> None:
    """Add tracks of two segments."""
    random = np.random.default_rng(n)
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        for number in range(n):
            track = new_track(session, root, f"new {n} {number}.mp3")
            store_embeddings(session, track, random.standard_normal((2, DIMENSIONS)).astype(np.float32))


def vectors(catalog: Catalog) -> tuple[list[int], list[int], np.ndarray]:
    """Return segment ids, track ids and unit vectors of all features, straight from the tables."""
    with catalog.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT segment.id, track_id, embedding FROM segment JOIN feature ON segment_id = segment.id "
            "JOIN track ON track.id = track_id WHERE NOT missing ORDER BY track_id, segment.start_s"
        ).all()
    matrix = np.stack([np.frombuffer(row[2], "<f4") for row in rows]).astype(np.float64)
    return [r[0] for r in rows], [r[1] for r in rows], matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def assert_right(index: SegmentIndex, catalog: Catalog) -> None:
    """Hold an index to the tables."""
    ids, owners, matrix = vectors(catalog)
    rows, tracks = index.rows, sorted(set(owners))
    assert len(index) == len(ids)
    assert_array_equal(rows.segment_ids, ids)
    assert_array_equal(rows.track_ids, tracks)
    assert_array_equal(rows.starts, [owners.index(track) for track in tracks])
    centred = matrix - index.reference.centre
    assert_allclose(rows.lengths, np.linalg.norm(centred, axis=1), atol=1e-6)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    found, starts, positions = index.vectors_of(None)
    assert_allclose(found, centred, atol=1e-6)
    assert_array_equal(starts, rows.starts)
    assert_allclose(index.uncentred(found, positions), matrix, atol=1e-6)
