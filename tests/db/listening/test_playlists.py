"""Playlists in the catalogue."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db import values
from db.listening.playlists import (
    add_tracks,
    all_playlists,
    create_playlist,
    delete_playlist,
    describe_playlist,
    get_playlist,
    playlist_tracks,
    remove_tracks,
    replace_tracks,
)
from db.models import LARGEST, Playlist, PlaylistTrack, Track
from db.session import Catalog
from db.tracks import root_for
from tests.db.listening.five_tracks import N, fill
from tests.db.rows import new_track


def made(catalog: Catalog, *track_ids: int, name: str = "Morning") -> int:
    with catalog.transaction() as session:
        return create_playlist(session, name, track_ids).id


def held(catalog: Catalog, playlist_id: int) -> list[int]:
    with catalog.transaction() as session:
        return [track.id for track in playlist_tracks(session, found(session, playlist_id))]


def found(session: object, playlist_id: int) -> Playlist:
    playlist = get_playlist(session, playlist_id)  # type: ignore[arg-type]
    assert playlist is not None
    return playlist


def test_tracks_stay_in_order_and_may_repeat(five: Catalog) -> None:
    assert held(five, made(five, 5, 1, 5, 2)) == [5, 1, 5, 2]


def test_what_is_said_of_a_playlist_is_kept(five: Catalog) -> None:
    before = datetime.now(UTC).replace(tzinfo=None)
    with five.transaction() as session:
        create_playlist(session, "Ä\0b", [1], comment="slow", owner="ann", public=True)
    after = datetime.now(UTC).replace(tzinfo=None)
    with five.transaction() as session:
        kept = found(session, 1)
        assert (kept.name, kept.comment, kept.owner, kept.public) == ("Äb", "slow", "ann", True)
        assert before <= kept.created == kept.changed <= after


def test_listed_by_name_with_what_is_present(five: Catalog) -> None:
    made(five, 1, 3, 2, 2, name="b")
    made(five, name="C")
    made(five, 3, name="A")
    with five.transaction() as session:
        listed = [(one.playlist.name, one.songs, one.duration_s) for one in all_playlists(session)]
    assert listed == [("A", 0, 0.0), ("b", 3, 50.0), ("C", 0, 0.0)]


def test_a_file_that_is_gone_keeps_its_place(five: Catalog) -> None:
    playlist_id = made(five, 1, 3, 2)
    assert held(five, playlist_id) == [1, 2]
    with five.transaction() as session:
        session.get(Track, 3).missing = False
    assert held(five, playlist_id) == [1, 3, 2]


def test_places_to_remove_are_those_that_are_shown(five: Catalog) -> None:
    playlist_id = made(five, 1, 3, 2, 4)
    with five.transaction() as session:
        remove_tracks(session, found(session, playlist_id), [1, 1, 7, -1])
    assert held(five, playlist_id) == [1, 4]
    with five.transaction() as session:
        add_tracks(session, found(session, playlist_id), [1, 2])
    assert held(five, playlist_id) == [1, 4, 1, 2]


def test_replaced_and_described(five: Catalog) -> None:
    playlist_id = made(five, 1, 2)
    with five.transaction() as session:
        before = found(session, playlist_id).changed
        replace_tracks(session, found(session, playlist_id), [4, 1])
    with five.transaction() as session:
        between = found(session, playlist_id).changed
        describe_playlist(session, found(session, playlist_id), name="Evening", public=True)
    with five.transaction() as session:
        after = found(session, playlist_id)
        assert (after.name, after.comment, after.public) == ("Evening", "", True)
        assert before < between < after.changed
        assert after.created == before
    assert held(five, playlist_id) == [4, 1]


def test_emptied(five: Catalog) -> None:
    playlist_id = made(five, 1, 2)
    with five.transaction() as session:
        replace_tracks(session, found(session, playlist_id), [])
    assert held(five, playlist_id) == []


@pytest.mark.parametrize("playlist_id", [0, -1, 2, LARGEST, LARGEST + 1])
def test_no_playlist_of_an_id(five: Catalog, playlist_id: int) -> None:
    made(five, 1)
    with five.transaction() as session:
        assert get_playlist(session, playlist_id) is None


@pytest.mark.parametrize("change", ["create", "add", "replace"])
def test_an_unknown_track_changes_nothing(five: Catalog, change: str) -> None:
    playlist_id = made(five, 1, 2)
    with pytest.raises(KeyError, match="99"), five.transaction() as session:
        playlist = found(session, playlist_id)
        if change == "create":
            create_playlist(session, "new", [1, 99])
        elif change == "add":
            add_tracks(session, playlist, [1, 99])
        else:
            replace_tracks(session, playlist, [1, 99])
    assert held(five, playlist_id) == [1, 2]
    with five.transaction() as session:
        assert len(all_playlists(session)) == 1


def test_deleting_a_playlist_leaves_no_place_and_every_track(five: Catalog) -> None:
    kept, gone = made(five, 1), made(five, 1, 2)
    with five.transaction() as session:
        delete_playlist(session, found(session, gone))
    with five.transaction() as session:
        assert get_playlist(session, gone) is None
        assert {row.playlist_id for row in session.query(PlaylistTrack)} == {kept}
        assert session.query(Track).count() == N


def test_a_deleted_track_leaves_its_playlists(five: Catalog) -> None:
    playlist_id = made(five, 1, 2, 1, 4)
    with five.transaction() as session:
        session.delete(session.get(Track, 1))
    assert held(five, playlist_id) == [2, 4]
    with five.transaction() as session:
        add_tracks(session, found(session, playlist_id), [5])
    assert held(five, playlist_id) == [2, 4, 5]


present = st.sampled_from([1, 2, 4, 5])
steps = st.lists(
    st.tuples(st.just("add"), st.lists(present, max_size=4))
    | st.tuples(st.just("remove"), st.lists(st.integers(-2, 8), max_size=4))
    | st.tuples(st.just("replace"), st.lists(present, max_size=6)),
    max_size=8,
)


@settings(max_examples=15, deadline=None)
@given(steps=steps)
def test_a_playlist_is_a_list(shared_catalog: Catalog, steps: list[tuple[str, list[int]]]) -> None:
    with shared_catalog.transaction() as session:
        if session.get(Track, 1) is None:
            root = root_for(session, "/music")
            for number in range(1, N + 1):
                new_track(session, root, str(number))
    playlist_id, expected = made(shared_catalog), []
    for change, chosen in steps:
        with shared_catalog.transaction() as session:
            playlist = found(session, playlist_id)
            if change == "add":
                add_tracks(session, playlist, chosen)
                expected = expected + chosen
            elif change == "replace":
                replace_tracks(session, playlist, chosen)
                expected = chosen
            else:
                remove_tracks(session, playlist, chosen)
                expected = [track for place, track in enumerate(expected) if place not in chosen]
        assert held(shared_catalog, playlist_id) == expected


def test_many_tracks_at_once(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "IDS_AT_ONCE", 2)
    fill(catalog)
    playlist_id = made(catalog, *[1, 2, 4, 5] * 50)
    with catalog.transaction() as session:
        remove_tracks(session, found(session, playlist_id), range(1, 200))
    assert held(catalog, playlist_id) == [1]
