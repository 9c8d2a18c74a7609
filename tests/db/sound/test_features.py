"""Segments, features and predictions by value, in and out."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sqlalchemy import func, select

from db.models import Feature, Prediction, Root, Segment, Track
from db.session import Catalog
from db.sound import predictions
from db.sound.features import (
    SegmentRow,
    copy_segments,
    count_segments,
    count_waiting,
    features_of,
    has_features,
    renew_vectors_token,
    store_segments,
    track_features,
    tracks_with_features,
    vectors_token,
)
from db.sound.index_rows import index_rows
from db.sound.patches import patch_starts_s, track_patches
from db.sound.predictions import (
    add_predictions,
    drop_other_predictions,
    features_without_predictions,
    song_predictions,
    track_predictions,
)
from db.values import unpack
from tests.db.rows import BUNDLE, TRUNK, segment_row, stored


def test_features_come_back_in_order_of_time(catalog: Catalog, rows: list[SegmentRow]) -> None:
    track_id = stored(catalog, rows)
    late, early, _ = rows
    with catalog.transaction() as session:
        found = track_features(session, track_id, TRUNK)
        assert found.durations_s == [30.0, 12.5]
        assert_array_equal(found.embeddings, np.stack([early.embedding, late.embedding]))
        assert_array_equal(found.tags, np.stack([early.tags, late.tags]))
        assert found.embeddings.dtype == found.tags.dtype == np.float32
        starts = [session.get(Segment, i).start_s for i in found.segment_ids]
        assert starts == [0.0, 60.0]


def test_predictions_come_back_in_order_of_time(catalog: Catalog, rows: list[SegmentRow]) -> None:
    track_id = stored(catalog, rows)
    with catalog.transaction() as session:
        durations_s, genres = track_predictions(session, track_id, BUNDLE)
        assert durations_s == [30.0, 12.5]
        assert_array_equal(genres, np.stack([rows[1].genres, rows[0].genres]))


def test_patches_are_stored_as_half_floats(catalog: Catalog, rows: list[SegmentRow]) -> None:
    track_id = stored(catalog, rows)
    with catalog.transaction() as session:
        first = session.get(Track, track_id).segments[0].features[0]
        assert len(first.patches) == 9 * 200 * 2
        expected = rows[1].patches.astype(np.float16).astype(np.float32)
        assert_array_equal(unpack(first.patches, "<f2").reshape(9, 200), expected)


def test_silent_segment_is_kept_without_features(catalog: Catalog, rows: list[SegmentRow]) -> None:
    track_id = stored(catalog, rows)
    with catalog.transaction() as session:
        segments = session.get(Track, track_id).segments
        facts = [(s.start_s, s.end_s, s.silent, s.level_dbfs, len(s.features)) for s in segments]
        assert facts == [(0, 30, False, -14.5, 1), (30, 60, True, -90, 0), (60, 72.5, False, -14.5, 1)]
        assert count_segments(session) == (3, 1)
        assert session.scalar(select(func.count()).select_from(Prediction)) == 2


def test_nothing_is_told_of_another_trunk_or_bundle(catalog: Catalog, rows: list[SegmentRow]) -> None:
    track_id = stored(catalog, rows)
    with catalog.transaction() as session:
        assert track_features(session, track_id, "trunk-b") is None
        assert track_predictions(session, track_id, "bundle-b") is None
        assert track_features(session, track_id + 1, TRUNK) is None
        assert has_features(session, track_id, TRUNK)
        assert not has_features(session, track_id, "trunk-b")
        assert tracks_with_features(session, TRUNK) == {track_id}
        assert tracks_with_features(session, "trunk-b") == set()
        assert (count_waiting(session, TRUNK), count_waiting(session, "trunk-b")) == (0, 1)


def test_what_is_gone_or_failed_does_not_wait_for_a_trunk(catalog: Catalog, rows: list[SegmentRow]) -> None:
    ids = [stored(catalog, rows, str(number)) for number in range(4)]
    with catalog.transaction() as session:
        session.get(Track, ids[0]).missing = True
        session.get(Track, ids[1]).error_kind = "damaged"
        assert count_waiting(session, "trunk-b") == 2


def test_features_of_many_tracks_are_those_of_each(catalog: Catalog) -> None:
    random = np.random.default_rng(4)
    made = [[segment_row(random, 30.0 * i, 30.0 * i + 20 + i) for i in range(n)] for n in (3, 1, 2)]
    ids = [stored(catalog, rows, str(number)) for number, rows in enumerate(made)]
    with catalog.transaction() as session:
        found = features_of(session, [ids[2], *range(1000, 70_000), ids[0], ids[1]], TRUNK)
        assert set(found) == set(ids)
        for track_id, rows in zip(ids, made, strict=True):
            assert found[track_id].starts_s == [row.start_s for row in rows]
            assert_array_equal(found[track_id].embeddings, np.stack([row.embedding for row in rows]))
            assert_array_equal(found[track_id].tags, np.stack([row.tags for row in rows]))
            owners = {session.get(Segment, i).track_id for i in found[track_id].segment_ids}
            assert owners == {track_id}
        assert features_of(session, ids, "trunk-b") == {}
        assert features_of(session, [], TRUNK) == {}


def test_storing_again_replaces(catalog: Catalog, rows: list[SegmentRow]) -> None:
    track_id = stored(catalog, rows)
    newer = segment_row(np.random.default_rng(2), 0.0, 20.0)
    with catalog.transaction() as session:
        store_segments(session, session.get(Track, track_id), [newer], TRUNK, BUNDLE)
    with catalog.transaction() as session:
        assert_array_equal(track_features(session, track_id, TRUNK).embeddings, newer.embedding[None])
        totals = [session.scalar(select(func.count()).select_from(t)) for t in (Segment, Feature, Prediction)]
        assert totals == [1, 1, 1]


@pytest.mark.parametrize("by", ["track", "root"])
def test_deleting_takes_everything_below(catalog: Catalog, rows: list[SegmentRow], by: str) -> None:
    track_id, other = stored(catalog, rows), stored(catalog, rows, "b.mp3")
    with catalog.transaction() as session:
        track = session.get(Track, track_id)
        if by == "root":
            session.get(Track, other).root = Root(path="/other")
            session.flush()
        session.delete(track if by == "track" else track.root)
    with catalog.transaction() as session:
        assert list(session.scalars(select(Track.id))) == [other]
        assert set(session.scalars(select(Segment.track_id))) == {other}
        totals = [session.scalar(select(func.count()).select_from(t)) for t in (Segment, Feature, Prediction)]
        assert totals == [3, 2, 2]


def test_copy_has_the_same_values_and_its_own_rows(catalog: Catalog, rows: list[SegmentRow]) -> None:
    source_id = stored(catalog, rows)
    older = segment_row(np.random.default_rng(3))
    target_id = stored(catalog, [older], "b.mp3")
    with catalog.transaction() as session:
        before = vectors_token(session)
        copy_segments(session, session.get(Track, source_id), session.get(Track, target_id))
        assert vectors_token(session) != before
    with catalog.transaction() as session:
        source, target = (track_features(session, i, TRUNK) for i in (source_id, target_id))
        assert_array_equal(source.embeddings, target.embeddings)
        assert_array_equal(source.tags, target.tags)
        assert not set(source.segment_ids) & set(target.segment_ids)
        copied = track_predictions(session, target_id, BUNDLE)
        assert copied[0] == [30.0, 12.5]
        assert_array_equal(copied[1], track_predictions(session, source_id, BUNDLE)[1])
        facts = [
            [
                (s.start_s, s.end_s, s.level_dbfs, s.silent, [f.patches for f in s.features])
                for s in t.segments
            ]
            for t in (session.get(Track, source_id), session.get(Track, target_id))
        ]
        assert facts[0] == facts[1]


def test_token_changes_with_every_change_of_the_vectors(catalog: Catalog, rows: list[SegmentRow]) -> None:
    tokens = []
    with catalog.transaction() as session:
        tokens.append(vectors_token(session))
    track_id = stored(catalog, rows)
    for change in (
        lambda session: None,
        lambda session: store_segments(session, session.get(Track, track_id), rows, TRUNK, BUNDLE),
        renew_vectors_token,
        renew_vectors_token,
    ):
        with catalog.transaction() as session:
            change(session)
        with catalog.transaction() as session:
            tokens.append(vectors_token(session))
    assert tokens[0] is None
    assert len(set(tokens)) == 5


def test_predictions_of_a_new_bundle_are_added_batch_by_batch(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "READ_ROWS", 2)
    random = np.random.default_rng(5)
    rows = [segment_row(random, 30.0 * i, 30.0 * (i + 1)) for i in range(5)]
    track_id = stored(catalog, rows)
    with catalog.transaction() as session:
        assert features_without_predictions(session, TRUNK, BUNDLE) is None
        assert features_without_predictions(session, "trunk-b", "bundle-b") is None
    sizes, seen = [], []
    while True:
        with catalog.transaction() as session:
            batch = features_without_predictions(session, TRUNK, "bundle-b")
            if batch is None:
                break
            segment_ids, tags, embeddings = batch
            sizes.append(len(segment_ids))
            seen.append((tags, embeddings))
            add_predictions(session, "bundle-b", segment_ids, tags[:, :3])
    assert sizes == [2, 2, 1]
    assert_array_equal(np.concatenate([t for t, _ in seen]), np.stack([r.tags for r in rows]))
    assert_array_equal(np.concatenate([e for _, e in seen]), np.stack([r.embedding for r in rows]))
    with catalog.transaction() as session:
        assert_array_equal(
            track_predictions(session, track_id, "bundle-b")[1], np.stack([r.tags[:3] for r in rows])
        )
        assert_array_equal(
            track_predictions(session, track_id, BUNDLE)[1], np.stack([r.genres for r in rows])
        )
        drop_other_predictions(session, ["bundle-b", "bundle-c"])
        assert track_predictions(session, track_id, BUNDLE) is None
        assert len(track_predictions(session, track_id, "bundle-b")[1]) == 5


# Several trunks


def another_trunks(rows: list[SegmentRow], shift_s: float = 0.0) -> list[SegmentRow]:
    """The same segments as a trunk of 96 dimensions and no tags sees them."""
    random = np.random.default_rng(11)
    return [
        row
        if row.embedding is None
        else replace(
            row,
            start_s=row.start_s + shift_s,
            embedding=random.standard_normal(96).astype(np.float32),
            tags=np.zeros(0, np.float32),
            patches=random.standard_normal((2, 96)).astype(np.float32),
            genres=random.dirichlet(np.ones(3)).astype(np.float32),
        )
        for row in rows
    ]


def store_again(
    catalog: Catalog, track_id: int, rows: list[SegmentRow], trunk: str, bundle: str, *, same_audio: bool
) -> None:
    with catalog.transaction() as session:
        track = session.get(Track, track_id)
        store_segments(session, track, rows, trunk, bundle, same_audio=same_audio)


def segment_ids(catalog: Catalog) -> list[int]:
    with catalog.transaction() as session:
        return list(session.scalars(select(Segment.id).order_by(Segment.id)))


@pytest.fixture
def in_order(rows: list[SegmentRow]) -> list[SegmentRow]:
    return sorted(rows, key=lambda row: row.start_s)


@pytest.mark.parametrize("shift_s", [0.0, 0.04, -0.04])
def test_another_trunk_on_the_same_audio_leaves_what_the_first_one_said(
    catalog: Catalog, in_order: list[SegmentRow], shift_s: float
) -> None:
    track_id = stored(catalog, in_order)
    ids = segment_ids(catalog)
    others = another_trunks(in_order, shift_s)  # cut by samples of another rate
    store_again(catalog, track_id, others, "trunk-b", "bundle-b", same_audio=True)
    assert segment_ids(catalog) == ids
    with catalog.transaction() as session:
        for trunk, bundle, expected in ((TRUNK, BUNDLE, in_order), ("trunk-b", "bundle-b", others)):
            heard = [row for row in expected if row.embedding is not None]
            found = track_features(session, track_id, trunk)
            assert found.segment_ids == [ids[0], ids[2]]
            assert_array_equal(found.embeddings, np.stack([row.embedding for row in heard]))
            assert_array_equal(found.tags, np.stack([row.tags for row in heard]))
            _, genres = track_predictions(session, track_id, bundle)
            assert_array_equal(genres, np.stack([row.genres for row in heard]))
        totals = [session.scalar(select(func.count()).select_from(t)) for t in (Segment, Feature, Prediction)]
        assert totals == [3, 4, 4]
        assert session.get(Segment, ids[1]).silent


def test_the_same_trunk_on_the_same_audio_replaces_its_own_alone(
    catalog: Catalog, in_order: list[SegmentRow]
) -> None:
    track_id = stored(catalog, in_order)
    store_again(catalog, track_id, another_trunks(in_order), "trunk-b", "bundle-b", same_audio=True)
    newer = [
        row if row.embedding is None else replace(row, embedding=row.embedding + 1, genres=row.genres[::-1])
        for row in in_order
    ]
    store_again(catalog, track_id, newer, TRUNK, BUNDLE, same_audio=True)
    with catalog.transaction() as session:
        heard = [row for row in newer if row.embedding is not None]
        found = track_features(session, track_id, TRUNK)
        assert_array_equal(found.embeddings, np.stack([row.embedding for row in heard]))
        _, genres = track_predictions(session, track_id, BUNDLE)
        assert_array_equal(genres, np.stack([row.genres for row in heard]))
        others = track_features(session, track_id, "trunk-b")
        expected = [row for row in another_trunks(in_order) if row.embedding is not None]
        assert_array_equal(others.embeddings, np.stack([row.embedding for row in expected]))
        totals = [session.scalar(select(func.count()).select_from(t)) for t in (Feature, Prediction)]
        assert totals == [4, 4]


@pytest.mark.parametrize(
    "change",
    ["other audio", "a segment later", "an end moved", "one segment fewer", "another silent"],
)
def test_other_audio_or_other_cuts_replace_everything(
    catalog: Catalog, in_order: list[SegmentRow], change: str
) -> None:
    track_id = stored(catalog, in_order)
    others = another_trunks(in_order, shift_s=0.06 if change == "a segment later" else 0.0)
    if change == "an end moved":
        others[2] = replace(others[2], end_s=others[2].end_s - 0.06)
    elif change == "one segment fewer":
        others.pop(1)
    elif change == "another silent":
        others[1] = replace(others[0], start_s=30.0, end_s=60.0)
    store_again(catalog, track_id, others, "trunk-b", "bundle-b", same_audio=change != "other audio")
    with catalog.transaction() as session:
        assert track_features(session, track_id, TRUNK) is None
        assert track_predictions(session, track_id, BUNDLE) is None
        heard = [row for row in others if row.embedding is not None]
        found = track_features(session, track_id, "trunk-b")
        assert_array_equal(found.embeddings, np.stack([row.embedding for row in heard]))
        totals = [session.scalar(select(func.count()).select_from(t)) for t in (Segment, Feature, Prediction)]
        assert totals == [len(others), len(heard), len(heard)]


def test_a_copy_takes_what_every_trunk_said(catalog: Catalog, in_order: list[SegmentRow]) -> None:
    source_id = stored(catalog, in_order)
    store_again(catalog, source_id, another_trunks(in_order), "trunk-b", "bundle-b", same_audio=True)
    target_id = stored(catalog, in_order[:1], "b.mp3")
    with catalog.transaction() as session:
        copy_segments(session, session.get(Track, source_id), session.get(Track, target_id))
    with catalog.transaction() as session:
        for trunk, bundle in ((TRUNK, BUNDLE), ("trunk-b", "bundle-b")):
            source, target = (track_features(session, i, trunk) for i in (source_id, target_id))
            assert_array_equal(source.embeddings, target.embeddings)
            one, other = (track_predictions(session, i, bundle) for i in (source_id, target_id))
            assert_array_equal(one[1], other[1])


def test_the_index_of_a_trunk_holds_its_own_vectors_alone(
    catalog: Catalog, in_order: list[SegmentRow]
) -> None:
    track_id = stored(catalog, in_order)
    store_again(catalog, track_id, another_trunks(in_order), "trunk-b", "bundle-b", same_audio=True)
    with catalog.transaction() as session:
        for trunk, size in ((TRUNK, 200), ("trunk-b", 96)):
            (found,) = index_rows(session, trunk)
            assert (found.track_ids.tolist(), found.embeddings.shape) == ([track_id] * 2, (2, size))


# What retrieval reads.


@pytest.mark.parametrize(
    ("start_s", "end_s", "n", "expected"),
    [
        (0.0, 30.0, 10, [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]),
        (60.0, 71.0, 4, [60, 63, 66, 68]),  # the last one ends where the segment does
        (60.0, 71.0, 3, [60, 63, 66]),  # a rest that was too short for one
        (30.0, 33.0, 1, [30]),
        (30.0, 32.0, 1, [30]),
        (0.0, 30.0, 0, []),
    ],
)
def test_patches_follow_each_other_and_end_with_their_segment(
    start_s: float, end_s: float, n: int, expected: list[float]
) -> None:
    found = patch_starts_s(start_s, end_s, n, 3.0)
    assert found.dtype == np.float32
    assert_allclose(found, expected, atol=1e-6)


def test_patches_of_tracks_come_in_order_of_time(catalog: Catalog, rows: list[SegmentRow]) -> None:
    one, other = stored(catalog, rows), stored(catalog, rows[:2][::-1], "b.mp3")
    late, early, _ = rows
    with catalog.transaction() as session:
        found = track_patches(session, [other, one, 999], TRUNK, 3.0)
        assert track_patches(session, [one], "trunk-b", 3.0) == {}
        assert track_patches(session, [], TRUNK, 3.0) == {}
    assert set(found) == {one, other}
    for track_id in (one, other):
        starts = [3.0 * i for i in range(9)] + [*(60 + 3.0 * i for i in range(4)), *[69.5] * 5]
        assert_allclose(found[track_id].starts_s, starts, atol=1e-4)
        patches = np.concatenate([early.patches, late.patches])
        assert_array_equal(found[track_id].embeddings, patches.astype(np.float16).astype(np.float32))


def test_patches_have_the_dimensions_of_their_trunk(catalog: Catalog, in_order: list[SegmentRow]) -> None:
    track_id = stored(catalog, in_order)
    others = another_trunks(in_order)
    store_again(catalog, track_id, others, "trunk-b", "bundle-b", same_audio=True)
    with catalog.transaction() as session:
        found = track_patches(session, [track_id], "trunk-b", 3.0)[track_id]
    expected = np.concatenate([row.patches for row in others if row.embedding is not None])
    assert_array_equal(found.embeddings, expected.astype(np.float16).astype(np.float32))
    assert found.embeddings.shape == (4, 96)


def test_song_predictions_are_means_weighted_by_seconds(
    catalog: Catalog, rows: list[SegmentRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "READ_ROWS", 2)
    ids = [stored(catalog, rows, f"{n}.mp3") for n in range(3)]
    other = segment_row(np.random.default_rng(9), 0.0, 7.0)
    ids.append(stored(catalog, [other], "d.mp3"))
    late, early, _ = rows
    mean = (30.0 * early.genres.astype(np.float64) + 12.5 * late.genres) / 42.5
    asked = np.array([ids[0], ids[2], ids[3], 999])
    with catalog.transaction() as session:
        found = song_predictions(session, BUNDLE, asked, 10)
        assert not song_predictions(session, "bundle-b", asked, 10).any()
        assert song_predictions(session, BUNDLE, asked[:0], 10).shape == (0, 10)
    assert_allclose(found, [mean, mean, other.genres, np.zeros(10)], atol=1e-6)
