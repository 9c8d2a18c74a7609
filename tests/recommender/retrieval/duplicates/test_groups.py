"""Duplicates of a catalogue: found as a comparison of every pair finds them, and joined to sets."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sqlalchemy.orm import Session

from db.models import Root, Track
from db.sound.features import SegmentRow, store_segments
from db.sound.patches import Patches, track_patches
from recommender.retrieval.duplicates.evidence import is_same_recording
from recommender.retrieval.duplicates.groups import (
    Pair,
    find_duplicates,
    grouped,
    mean_embeddings,
    same_recording,
)
from recommender.song_titles import same_recording_named, song_named
from tests.databases import open_catalog
from tests.recommender.retrieval.duplicates.test_evidence import PATCH_S, excerpt, sound

pytestmark = pytest.mark.databases("sqlite", "postgresql")

TRUNK = "trunk-test"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    catalog = open_catalog(tmp_path / "catalog.sqlite")
    with catalog.transaction() as opened:
        yield opened
    catalog.close()


def add(session: Session, patches: Patches | None, duration_s: float | None, **facts: object) -> int:
    """Store a track of one segment and return its id."""
    root = session.query(Root).first() or Root(path="/music")
    number = session.query(Track).count()
    track = Track(root=root, rel_path=f"{number}.flac", size=1, mtime_ns=1, duration_s=duration_s, **facts)
    track.content_hash = track.content_hash or f"audio {number}"
    session.add(track)
    session.flush()
    if patches is not None:
        mean, tags = patches.embeddings.mean(axis=0), np.zeros(1, np.float32)
        end_s = float(patches.starts_s[-1] + PATCH_S + 0.1)
        row = SegmentRow(0.0, end_s, -10.0, mean, tags, patches.embeddings, None)
        store_segments(session, track, [row], TRUNK, "bundle-test")
    return track.id


def test_pairs_are_those_that_a_comparison_of_all_finds(session: Session) -> None:
    random = np.random.default_rng(0)
    for number in range(36):
        seed, length = number % 9, float(random.choice([60, 61, 90]))
        patches = excerpt(sound(seed, 110, base_seed=seed % 3), random.uniform(0, 1), length, 0.2, number)
        title = f"{'ABC'[seed % 3]}{random.choice(['', ' (Live)', ' (Remastered)'])}"
        add(session, patches, length, artist=str(random.choice(["", "Ann"])), title=title)
    tracks = session.query(Track).order_by(Track.id).all()
    stored = track_patches(session, [t.id for t in tracks], TRUNK, PATCH_S)
    expected = set()
    for one, other in combinations(tracks, 2):
        names = (one.artist, one.title), (other.artist, other.title)
        files = (stored[one.id], one.duration_s, stored[other.id], other.duration_s)
        if is_same_recording(*files, same_recording_named(*names)):
            expected.add((one.id, other.id, "same recording"))
        elif song_named(*names[0]) is not None and song_named(*names[0]) == song_named(*names[1]):
            expected.add((one.id, other.id, "other version"))
    found = find_duplicates(session, TRUNK, PATCH_S)
    assert [(p.one, p.other) for p in found] == sorted((p.one, p.other) for p in found)
    assert {(p.one, p.other, p.kind) for p in found} == expected
    assert {kind for _, _, kind in expected} == {"same recording", "other version"}
    for track in tracks:
        same = same_recording(session, TRUNK, PATCH_S, track.id, [t.id for t in tracks])
        pairs = {p for p in found if p.kind == "same recording" and track.id in (p.one, p.other)}
        assert same == {i for p in pairs for i in (p.one, p.other)} - {track.id}


def test_identical_audio_is_found_without_features_and_compared_once(session: Session) -> None:
    song = sound(1, 100)
    first = add(session, excerpt(song, 0, 90), 90.0, content_hash="x")
    copies = [add(session, None, 90.0, content_hash="x") for _ in range(2)]
    again = add(session, excerpt(song, 0, 90, 0.05), 90.0)
    found = find_duplicates(session, TRUNK, PATCH_S)
    assert {(p.one, p.other, p.kind) for p in found} == {
        (first, copies[0], "identical"),
        (first, copies[1], "identical"),
        (first, again, "same recording"),
    }
    (group,) = grouped(found)
    assert (group.kind, group.tracks) == ("same recording", [first, *copies, again])
    assert same_recording(session, TRUNK, PATCH_S, copies[0], [first, copies[1], again]) == {first, copies[1]}
    assert same_recording(session, TRUNK, PATCH_S, first, [copies[0], again, 99]) == {copies[0], again}
    assert same_recording(session, TRUNK, PATCH_S, 99, [first]) == set()


def test_missing_failed_and_lengthless_tracks_are_left_alone(session: Session) -> None:
    patches = excerpt(sound(1, 100), 0, 90)
    names = {"artist": "Ann", "title": "A", "content_hash": "x"}
    add(session, patches, 90.0, **names)
    add(session, patches, 90.0, missing=True, **names)
    add(session, patches, 90.0, error_kind="unreadable", **names)
    add(session, patches, None)
    assert find_duplicates(session, TRUNK, PATCH_S) == []
    assert find_duplicates(session, "another trunk", PATCH_S) == []


def test_mean_embeddings_weigh_segments_by_their_seconds(session: Session) -> None:
    patches = excerpt(sound(1, 100), 0, 90)
    tracks = [session.get(Track, add(session, patches, 90.0)) for _ in range(3)]
    random = np.random.default_rng(0)
    expected = []
    for track, lengths in zip(tracks, ([30, 30, 6], [30], [30, 34]), strict=True):
        assert track is not None
        vectors = random.standard_normal((len(lengths), 24)).astype(np.float32)
        starts = np.cumsum([0, *lengths[:-1]])
        rows = [
            SegmentRow(float(a), float(a + n), -10.0, v, np.zeros(1, np.float32), v[None], None)
            for a, n, v in zip(starts, lengths, vectors, strict=True)
        ]
        store_segments(session, track, rows, TRUNK, "bundle-test")
        mean = (vectors * np.array(lengths)[:, None]).sum(axis=0)
        expected.append(mean / np.linalg.norm(mean))
    some = {t.id: t for t in tracks if t is not None}
    ids, means = mean_embeddings(session, TRUNK, some)
    assert ids.tolist() == list(some)
    assert_allclose(means, expected, atol=1e-5)
    del some[int(ids[1])]
    assert mean_embeddings(session, TRUNK, some)[0].tolist() == list(some)


def test_a_catalogue_of_one_or_none_has_no_duplicates(session: Session) -> None:
    assert find_duplicates(session, TRUNK, PATCH_S) == []
    add(session, excerpt(sound(1, 100), 0, 90), 90.0, content_hash="x")
    assert find_duplicates(session, TRUNK, PATCH_S) == []


KINDS = st.sampled_from(["identical", "same recording", "other version"])
PAIRS = st.dictionaries(
    st.tuples(st.integers(1, 9), st.integers(1, 9)).filter(lambda ends: ends[0] < ends[1]), KINDS, max_size=10
).map(lambda found: [Pair(*ends, kind, None, kind) for ends, kind in sorted(found.items())])


def reached(start: int, pairs: list[Pair]) -> set[int]:
    """What can be reached by pairs, by following them until nothing is new."""
    found = {start}
    while True:
        more = {i for p in pairs if {p.one, p.other} & found for i in (p.one, p.other)}
        if more <= found:
            return found
        found |= more


@given(PAIRS)
def test_only_the_same_recording_joins_to_sets(pairs: list[Pair]) -> None:
    groups = grouped(pairs)
    same = [pair for pair in pairs if pair.kind != "other version"]
    sets = {tuple(sorted(reached(i, same))) for pair in same for i in (pair.one, pair.other)}
    merged = [group for group in groups if group.kind != "other version"]
    assert sorted(tuple(group.tracks) for group in merged) == sorted(sets)
    assert sum(len(group.pairs) for group in merged) == len(same)
    for group in merged:
        kinds = {pair.kind for pair in group.pairs}
        assert group.kind == ("identical" if kinds == {"identical"} else "same recording")
    others = [group for group in groups if group.kind == "other version"]
    for group in others:
        assert len(group.tracks) > 1
        assert {pair.kind for pair in group.pairs} == {"other version"}
        assert not any(len({*ids} & {*group.tracks}) > 1 for ids in sets)  # one stands for a recording
        ends = [frozenset(min(reached(i, same)) for i in (p.one, p.other)) for p in group.pairs]
        assert len(set(ends)) == len(ends)
        assert {i for pair in ends for i in pair} == {*group.tracks}
    assert len({i for group in others for i in group.tracks}) == sum(len(group.tracks) for group in others)
    for pair in pairs:
        ends = [min(reached(i, same)) for i in (pair.one, pair.other)]
        together = any({*ends} <= {*group.tracks} for group in others)
        assert pair.kind != "other version" or together or ends[0] == ends[1]
    assert [group.tracks[0] for group in groups] == sorted(group.tracks[0] for group in groups)
