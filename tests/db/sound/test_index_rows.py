"""What belongs in the index: which tracks, whether they have changed, and the arrays of their segments."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sqlalchemy import select

from db import values
from db.models import Root, Segment, Track
from db.session import Catalog
from db.sound import index_rows as index_rows_module
from db.sound.features import SegmentRow, store_segments, track_features
from db.sound.index_rows import index_rows, index_tracks
from tests.db.rows import BUNDLE, TRUNK, new_track, segment_row, stored


def test_index_holds_present_good_tracks_of_the_trunk(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_rows_module, "READ_ROWS", 2)
    random = np.random.default_rng(4)
    made = [[segment_row(random, 30.0 * i, 30.0 * (i + 1)) for i in range(3)] for _ in range(4)]
    ids = [stored(catalog, rows, f"{n}.mp3") for n, rows in enumerate(made)]
    with catalog.transaction() as session:
        session.get(Track, ids[1]).missing = True
        session.get(Track, ids[2]).error_kind = "not_audio"
        foreign = new_track(session, session.scalar(select(Root)), "foreign.mp3")
        store_segments(session, foreign, [segment_row(random)], "trunk-b", BUNDLE)
    with catalog.transaction() as session:
        parts = list(index_rows(session, TRUNK))
    assert [len(part.segment_ids) for part in parts] == [3, 3]
    assert [i for part in parts for i in part.track_ids] == [ids[0]] * 3 + [ids[3]] * 3
    segment_ids = [i for part in parts for i in part.segment_ids]
    assert segment_ids == sorted(set(segment_ids))
    expected = np.stack([row.embedding for rows in (made[0], made[3]) for row in rows])
    assert_array_equal(np.concatenate([part.embeddings for part in parts]), expected)


def test_index_rows_lie_track_by_track_in_order_of_time(
    catalog: Catalog, rows: list[SegmentRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_rows_module, "READ_ROWS", 3)
    first, second = stored(catalog, rows[:1]), stored(catalog, rows, "b.mp3")
    third = stored(catalog, rows, "c.mp3")
    with catalog.transaction() as session:  # now the first track has the latest ids
        store_segments(session, session.get(Track, first), rows, TRUNK, BUNDLE)
    with catalog.transaction() as session:
        blocks = list(index_rows(session, TRUNK))
        expected = [track_features(session, i, TRUNK) for i in (first, second, third)]
    assert [len(block.segment_ids) for block in blocks] == [2, 2, 2]
    assert np.concatenate([b.track_ids for b in blocks]).tolist() == [first] * 2 + [second] * 2 + [third] * 2
    segment_ids = [i for e in expected for i in e.segment_ids]
    assert np.concatenate([b.segment_ids for b in blocks]).tolist() == segment_ids
    assert_allclose(np.concatenate([b.durations_s for b in blocks]), [30, 12.5] * 3)
    assert_array_equal(
        np.concatenate([b.embeddings for b in blocks]), np.concatenate([e.embeddings for e in expected])
    )
    assert_array_equal(np.concatenate([b.tags for b in blocks]), np.concatenate([e.tags for e in expected]))


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_rows_of_some_tracks(
    catalog: Catalog, rows: list[SegmentRow], monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(values, "IDS_AT_ONCE", at_once)
    ids = [stored(catalog, rows, f"{n}.mp3") for n in range(5)]
    with catalog.transaction() as session:
        asked = np.array([ids[4], ids[1], ids[2], 999])
        found = [i for block in index_rows(session, TRUNK, asked) for i in block.track_ids.tolist()]
        assert list(index_rows(session, TRUNK, asked[:0])) == []
    assert found == [ids[1]] * 2 + [ids[2]] * 2 + [ids[4]] * 2


def test_tracks_are_counted_without_their_silent_segments(catalog: Catalog, rows: list[SegmentRow]) -> None:
    ids = [stored(catalog, rows[: 1 + n], f"{n}.mp3") for n in range(3)]
    gone = stored(catalog, rows, "gone.mp3")
    with catalog.transaction() as session:
        session.get(Track, gone).missing = True
    with catalog.transaction() as session:
        held = index_tracks(session, TRUNK)
        assert not len(index_tracks(session, "trunk-b").track_ids)
    assert_array_equal(held.track_ids, ids)
    assert_array_equal(held.counts, [1, 2, 2])
    assert len(set(held.stamps.tolist()) | {0}) == 4


@pytest.mark.parametrize(
    ("how", "told"),
    [("nothing", False), ("title", False), ("content", True), ("analysed again", True), ("unknown", True)],
)
def test_stamp_tells_a_track_that_was_analysed_again(
    catalog: Catalog, rows: list[SegmentRow], how: str, told: bool
) -> None:
    changed, other = stored(catalog, rows, "a.mp3"), stored(catalog, rows, "b.mp3")
    with catalog.transaction() as session:
        before = index_tracks(session, TRUNK).stamps
    with catalog.transaction() as session:
        track = session.get(Track, changed)
        if how == "title":
            track.title = "new"
        elif how == "content":
            track.analysed_hash = "another"
        elif how == "unknown":
            track.analysed_hash = None
        elif how == "analysed again":
            store_segments(session, track, rows, TRUNK, BUNDLE)
            assert session.scalars(select(Segment.track_id).where(Segment.track_id == other)).all()
    with catalog.transaction() as session:
        after = index_tracks(session, TRUNK).stamps
    assert (before[0] != after[0]) == told
    assert before[1] == after[1] != 0
    assert (after[0] == 0) == (how == "unknown")


def test_a_snapshot_stays_as_it_was_at_its_first_query(catalog: Catalog, rows: list[SegmentRow]) -> None:
    stored(catalog, rows, "a.mp3")
    with catalog.snapshot() as session:
        before = index_tracks(session, TRUNK)
        late = stored(catalog, rows, "late.mp3")
        assert late not in before.track_ids
        assert_array_equal(index_tracks(session, TRUNK).track_ids, before.track_ids)
        blocks = list(index_rows(session, TRUNK))
        assert len(np.concatenate([block.track_ids for block in blocks])) == before.counts.sum()
    with catalog.snapshot() as session:
        assert late in index_tracks(session, TRUNK).track_ids
