"""Play counts in the catalogue."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from db import values
from db.listening import plays
from db.listening.plays import (
    Changes,
    KnownSong,
    PlayCount,
    known_songs,
    most_played,
    played_ids,
    plays_of,
    set_plays,
)
from db.models import LARGEST, Track
from db.session import Catalog
from db.sound.features import vectors_token
from db.tracks import root_for
from tests.db.conftest import NewCatalog
from tests.db.rows import new_track

OLD, NEW = datetime(2019, 5, 1, 12), datetime(2024, 2, 28, 23, 59, 58)


def stored(catalog: Catalog) -> dict[str, tuple[int, datetime | None]]:
    with catalog.transaction() as session:
        return {t.rel_path: (t.plays, t.last_played) for t in session.query(Track)}


@pytest.fixture
def three(catalog: Catalog) -> Catalog:
    """Tracks 1 to 3: never played, played, and played at a known time."""
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        new_track(session, root, "a")
        new_track(session, root, "b", plays=4)
        new_track(session, root, "c", plays=7, last_played=NEW)
    return catalog


@pytest.mark.parametrize(
    ("count", "add", "expected", "changes"),
    [
        (PlayCount(9, OLD), False, (9, OLD), Changes(1, 0)),
        (PlayCount(5), False, (5, NEW), Changes(1, 1)),
        (PlayCount(7, NEW), False, (7, NEW), Changes(0, 0)),
        (PlayCount(7), False, (7, NEW), Changes(0, 0)),
        (PlayCount(0), False, (0, None), Changes(1, 1)),
        (PlayCount(2, OLD), True, (9, NEW), Changes(1, 0)),
        (PlayCount(LARGEST), True, (LARGEST, NEW), Changes(1, 0)),
        (PlayCount(0, OLD), True, (7, NEW), Changes(0, 0)),
        (PlayCount(0, NEW.replace(year=2025)), True, (7, NEW.replace(year=2025)), Changes(1, 0)),
    ],
)
def test_set_or_add(
    three: Catalog, count: PlayCount, add: bool, expected: tuple[int, datetime | None], changes: Changes
) -> None:
    with three.transaction() as session:
        token = vectors_token(session)
        assert set_plays(session, {3: count}, add) == changes
    assert stored(three) == {"a": (0, None), "b": (4, None), "c": expected}
    with three.transaction() as session:
        assert vectors_token(session) == token


def test_an_unknown_id_changes_nothing(three: Catalog) -> None:
    before = stored(three)
    with pytest.raises(KeyError), three.transaction() as session:
        set_plays(session, {1: PlayCount(5), 99: PlayCount(5)}, False)
    assert stored(three) == before


def test_most_played_first_then_last_played_then_id(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        new_track(session, root, "undated", plays=5)
        new_track(session, root, "old", plays=5, last_played=OLD)
        new_track(session, root, "new", plays=5, last_played=NEW)
        new_track(session, root, "new, too", plays=5, last_played=NEW)
        new_track(session, root, "most", plays=6)
        new_track(session, root, "gone", plays=50, missing=True)
        new_track(session, root, "never")
    with catalog.transaction() as session:
        names = [track.rel_path for track in most_played(session, 10)]
        assert names == ["most", "new", "new, too", "old", "undated"]
        assert [track.rel_path for track in most_played(session, 2)] == names[:2]
        assert played_ids(session) == {1: 5, 2: 5, 3: 5, 4: 5, 5: 6, 7: 0}


@pytest.mark.parametrize("at_once", [1, 3, 500])
def test_plays_of_some_tracks(catalog: Catalog, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(values, "IDS_AT_ONCE", at_once)
    monkeypatch.setattr(plays, "MANY", 5)
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        for number in range(8):
            new_track(session, root, str(number), plays=number % 4)
    with catalog.transaction() as session:
        assert plays_of(session, []) == {}
        assert plays_of(session, [8, 1, 3, 99]) == {8: 3, 1: 0, 3: 2}
        many = plays_of(session, range(1, 9))
        assert {i: many.get(i, 0) for i in range(1, 9)} == {i: (i - 1) % 4 for i in range(1, 9)}


def test_known_songs_hold_those_whose_file_is_gone(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        new_track(session, root, "x/a", artist="A", title="T", album="B", content_hash="h")
        new_track(session, root, "b", missing=True)
    with catalog.transaction() as session:
        assert known_songs(session) == [
            KnownSong(1, "/music/x/a", "x/a", "A", "T", "B", "h", False),
            KnownSong(2, "/music/b", "b", "", "b", "", None, True),
        ]


many_counts = st.dictionaries(
    st.integers(1, 700), st.builds(PlayCount, st.integers(0, 2**31 - 1), st.none() | st.datetimes())
)


@settings(max_examples=15, deadline=None)
@given(counts=many_counts)
def test_setting_again_changes_nothing_and_adding_adds(
    new_catalog: NewCatalog, counts: dict[int, PlayCount]
) -> None:
    catalog = new_catalog()
    with catalog.transaction() as session:
        same = {"root_id": root_for(session, "/music").id, "size": 1, "mtime_ns": 1, "title": "", "plays": 1}
        session.execute(insert(Track), [same | {"rel_path": str(n)} for n in range(1, 701)])
    with catalog.transaction() as session:
        set_plays(session, counts, False)
    with catalog.transaction() as session:
        assert set_plays(session, counts, False) == Changes(0, 0)
        assert played_ids(session) == {i: counts[i].plays if i in counts else 1 for i in range(1, 701)}
        set_plays(session, counts, True)
    with catalog.transaction() as session:
        doubled = {i: min(2 * count.plays, LARGEST) for i, count in counts.items()}
        assert played_ids(session) == {i: doubled.get(i, 1) for i in range(1, 701)}
    catalog.close()
