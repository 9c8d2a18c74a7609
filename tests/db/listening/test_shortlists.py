"""Shortlists in the catalogue."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from db.listening import shortlists
from db.listening.shortlists import NewEntry
from db.listening.tables import Shortlist, ShortlistEntry
from db.models import LARGEST, Track
from db.session import Catalog
from db.values import utc_now
from tests.db.listening.five_tracks import N, fill


def made(catalog: Catalog, *track_ids: int, name: str = "Dinner scene") -> int:
    with catalog.transaction() as session:
        shortlist = shortlists.create_shortlist(session, name)
        shortlists.add_entries(session, shortlist, [NewEntry(i) for i in track_ids])
        return shortlist.id


def found(session: Session, shortlist_id: int) -> Shortlist:
    shortlist = shortlists.get_shortlist(session, shortlist_id)
    assert shortlist is not None
    return shortlist


def held(catalog: Catalog, shortlist_id: int) -> list[tuple[int, int]]:
    """Return (entry id, track id) of what is shown."""
    with catalog.transaction() as session:
        entries = shortlists.shortlist_entries(session, found(session, shortlist_id))
        return [(entry.id, entry.track_id) for entry in entries]


def tracks(catalog: Catalog, shortlist_id: int) -> list[int]:
    return [track_id for _, track_id in held(catalog, shortlist_id)]


def test_what_is_said_of_a_song_is_kept(five: Catalog) -> None:
    whole = NewEntry(2, 1, "Song ü", 10.0, 40.5, 0.1, 30.25, 0.875, "a\0b: quiet, no voice")
    at = utc_now()
    with five.transaction() as session:
        shortlist = shortlists.create_shortlist(session, "Ä\0b", owner="ann")
        assert (shortlist.name, shortlist.owner) == ("Äb", "ann")
        shortlists.add_entries(session, shortlist, [NewEntry(5), whole])
    with five.transaction() as session:
        first, second = shortlists.shortlist_entries(session, found(session, 1))
        assert (first.track_id, first.query_track_id, first.query_name, first.note) == (5, None, "", "")
        assert (first.query_start_s, first.match_end_s, first.similarity) == (None, None, None)
        kept = {name: getattr(second, name) for name in NewEntry.__dataclass_fields__}
        assert NewEntry(**kept) == NewEntry(
            2, 1, "Song ü", 10.0, 40.5, 0.1, 30.25, 0.875, "ab: quiet, no voice"
        )
        assert at <= first.added <= at + timedelta(minutes=1)


def test_several_by_name_with_what_is_present(five: Catalog) -> None:
    for name, ids in (("b", (1, 3, 2, 2)), ("C", ()), ("A", (3,))):
        made(five, *ids, name=name)
    with five.transaction() as session:
        assert [(one.name, songs) for one, songs in shortlists.all_shortlists(session)] == [
            ("A", 0),
            ("b", 3),
            ("C", 0),
        ]
        assert shortlists.count_entries(session, found(session, 1)) == 4


def test_renamed(five: Catalog) -> None:
    shortlist_id = made(five, 1)
    with five.transaction() as session:
        shortlist = found(session, shortlist_id)
        before, created = shortlist.changed, shortlist.created
        shortlists.rename_shortlist(session, shortlist, "Titles\0")
        assert (shortlist.name, shortlist.created) == ("Titles", created)
        assert shortlist.changed > before


def test_added_again_behind_what_is_there(five: Catalog) -> None:
    shortlist_id = made(five, 5, 1, 5)
    with five.transaction() as session:
        shortlists.add_entries(session, found(session, shortlist_id), [NewEntry(2), NewEntry(1)])
    assert tracks(five, shortlist_id) == [5, 1, 5, 2, 1]


@pytest.mark.parametrize("entry", [NewEntry(99), NewEntry(1, 99)], ids=["song", "query"])
def test_an_unknown_track_changes_nothing(five: Catalog, entry: NewEntry) -> None:
    shortlist_id = made(five, 1)
    with pytest.raises(KeyError, match="99"), five.transaction() as session:
        shortlists.add_entries(session, found(session, shortlist_id), [NewEntry(2), entry])
    assert tracks(five, shortlist_id) == [1]


@pytest.mark.parametrize("shortlist_id", [0, -1, 2, LARGEST, LARGEST + 1])
def test_no_shortlist_of_an_id(five: Catalog, shortlist_id: int) -> None:
    made(five, 1)
    with five.transaction() as session:
        assert shortlists.get_shortlist(session, shortlist_id) is None


def test_an_entry_belongs_to_one_shortlist(five: Catalog) -> None:
    one, other = made(five, 1), made(five, 2)
    ((its, _),) = held(five, other)
    with five.transaction() as session:
        assert shortlists.get_entry(session, found(session, other), its) is not None
        for entry_id in (its, 0, -1, LARGEST + 1):
            assert shortlists.get_entry(session, found(session, one), entry_id) is None
        assert shortlists.remove_entries(session, found(session, one), [its]) == 0
    assert tracks(five, other) == [2]


def test_a_note_is_changed(five: Catalog) -> None:
    shortlist_id = made(five, 1, 2)
    with five.transaction() as session:
        shortlist = found(session, shortlist_id)
        before = shortlist.changed
        entry = shortlists.shortlist_entries(session, shortlist)[1]
        shortlists.note_entry(session, shortlist, entry, "too\0 fast")
        assert (entry.note, shortlist.changed > before) == ("too fast", True)
    with five.transaction() as session:
        entries = shortlists.shortlist_entries(session, found(session, shortlist_id))
        assert [entry.note for entry in entries] == ["", "too fast"]


@pytest.mark.parametrize(
    ("moved", "place", "expected"),
    [(0, 2, [2, 4, 1, 5]), (3, 0, [5, 1, 2, 4]), (1, 1, [1, 2, 4, 5]), (0, 99, [2, 4, 5, 1])],
)
def test_a_song_is_moved_among_those_that_are_shown(
    five: Catalog, moved: int, place: int, expected: list[int]
) -> None:
    shortlist_id = made(five, 1, 3, 2, 4, 5)
    with five.transaction() as session:
        shortlist = found(session, shortlist_id)
        entry = shortlists.shortlist_entries(session, shortlist)[moved]
        shortlists.move_entry(session, shortlist, entry, place)
    assert tracks(five, shortlist_id) == expected


def test_a_file_that_is_gone_keeps_its_place(five: Catalog) -> None:
    shortlist_id = made(five, 1, 3, 2, 4)
    with five.transaction() as session:
        ids = [entry_id for entry_id, _ in held(five, shortlist_id)]
        shortlists.order_entries(session, found(session, shortlist_id), ids[::-1])
    assert tracks(five, shortlist_id) == [4, 2, 1]
    with five.transaction() as session:
        session.get_one(Track, 3).missing = False
    assert tracks(five, shortlist_id) == [4, 3, 2, 1]


def test_some_change_places_among_themselves(five: Catalog) -> None:
    shortlist_id = made(five, 1, 2, 4, 5)
    a, b, c, d = (entry_id for entry_id, _ in held(five, shortlist_id))
    with five.transaction() as session:
        shortlists.order_entries(session, found(session, shortlist_id), [d, a])
    assert [entry_id for entry_id, _ in held(five, shortlist_id)] == [d, b, c, a]
    for wrong in ([a, a], [a, 99]):
        with pytest.raises(KeyError), five.transaction() as session:
            shortlists.order_entries(session, found(session, shortlist_id), wrong)
    assert [entry_id for entry_id, _ in held(five, shortlist_id)] == [d, b, c, a]


def test_ids_are_never_used_again(five: Catalog) -> None:
    used: set[tuple[int, int]] = set()
    for _ in range(3):
        shortlist_id = made(five, 1)
        ((entry_id, _),) = held(five, shortlist_id)
        assert all(shortlist_id != one and entry_id != other for one, other in used)
        used.add((shortlist_id, entry_id))
        with five.transaction() as session:
            shortlists.remove_entries(session, found(session, shortlist_id), [entry_id])
            shortlists.delete_shortlist(session, found(session, shortlist_id))


def test_a_deleted_shortlist_leaves_no_entry_and_every_track(five: Catalog) -> None:
    kept, gone = made(five, 1), made(five, 1, 2)
    with five.transaction() as session:
        shortlists.delete_shortlist(session, found(session, gone))
    with five.transaction() as session:
        assert {row.shortlist_id for row in session.query(ShortlistEntry)} == {kept}
        assert session.query(Track).count() == N


def test_a_deleted_track_leaves_its_shortlists_and_is_no_query_any_more(five: Catalog) -> None:
    shortlist_id = made(five, 1)
    with five.transaction() as session:
        shortlists.add_entries(session, found(session, shortlist_id), [NewEntry(2, 1, "One")])
        session.delete(session.get(Track, 1))
    with five.transaction() as session:
        (left,) = shortlists.shortlist_entries(session, found(session, shortlist_id))
        assert (left.track_id, left.query_track_id, left.query_name) == (2, None, "One")


steps = st.lists(
    st.tuples(st.just("add"), st.lists(st.sampled_from([1, 2, 4, 5]), min_size=1, max_size=4))
    | st.tuples(st.just("remove"), st.lists(st.integers(0, 8), max_size=3))
    | st.tuples(st.just("move"), st.lists(st.integers(0, 8), min_size=2, max_size=2))
    | st.tuples(st.just("order"), st.permutations(range(8))),
    max_size=10,
)


@settings(max_examples=15, deadline=None)
@given(steps=steps)
def test_a_shortlist_is_a_list(shared_catalog: Catalog, steps: list[tuple[str, list[int]]]) -> None:
    with shared_catalog.transaction() as session:
        known = session.get(Track, 1) is not None
    if not known:
        fill(shared_catalog)
    shortlist_id = made(shared_catalog)
    expected: list[int] = []
    for change, chosen in steps:
        with shared_catalog.transaction() as session:
            shortlist = found(session, shortlist_id)
            if change == "add":
                new = shortlists.add_entries(session, shortlist, [NewEntry(i) for i in chosen])
                expected += [entry.id for entry in new]
            elif change == "remove":
                gone = [expected[i] for i in chosen if i < len(expected)]
                assert shortlists.remove_entries(session, shortlist, gone) == len(set(gone))
                expected = [i for i in expected if i not in gone]
            elif change == "move" and chosen[0] < len(expected):
                moved = expected.pop(chosen[0])
                entry = shortlists.get_entry(session, shortlist, moved)
                assert entry is not None
                shortlists.move_entry(session, shortlist, entry, chosen[1])
                expected.insert(chosen[1], moved)
            elif change == "order":
                expected = [expected[i] for i in chosen if i < len(expected)] + expected[8:]
                shortlists.order_entries(session, shortlist, expected)
        assert [entry_id for entry_id, _ in held(shared_catalog, shortlist_id)] == expected
