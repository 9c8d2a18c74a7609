"""What a server knows of its songs, taken in: once, and what is another there than the last time."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from db.connections import get_connection, known_songs_of, remove_connection
from db.listening.favourites import favourites, rate, star
from db.models import Track
from db.session import Catalog
from db.values import utc_now
from recommender.connections import params
from recommender.connections.taking import SyncReport, read_songs, take_in
from recommender.connections.values import RemoteSong, SongState
from recommender.errors import ConnectionFailedError
from tests.recommender.connections.fakes import SONGS, FakeRemote, fill, song

WHEN = datetime(2026, 1, 2, 3, 4, 5)


@pytest.fixture
def ids(catalog: Catalog) -> dict[str, int]:
    return fill(catalog)


def taken(catalog: Catalog, *songs: RemoteSong) -> SyncReport:
    """Take in all songs: those given as they are, of the others nothing is said."""
    given = {one.id: one for one in songs}
    return take_in(catalog, "nas", [given.get(f"r{name}", song(name)) for name in SONGS])


def state(**more: object) -> RemoteSong:
    return song("a", state=SongState(**more))  # type: ignore[arg-type]


def plays(catalog: Catalog, track_id: int) -> tuple[int, datetime | None]:
    with catalog.transaction() as session:
        track = session.get_one(Track, track_id)
        return track.plays, track.last_played


def add_plays(catalog: Catalog, track_id: int, more: int) -> None:
    with catalog.transaction() as session:
        session.get_one(Track, track_id).plays += more


def rating(catalog: Catalog, track_id: int) -> int | None:
    with catalog.transaction() as session:
        found = favourites(session, {str(track_id)})
        return found[str(track_id)].rating if found else None


def test_plays_of_both_sides_are_each_counted_once(catalog: Catalog, ids: dict[str, int]) -> None:
    add_plays(catalog, ids["a"], 4)
    for said, here, total in ((3, 0, 4), (3, 0, 4), (5, 0, 6), (5, 2, 8), (6, 1, 10), (6, 0, 10)):
        add_plays(catalog, ids["a"], here)
        taken(catalog, state(plays=said))
        assert plays(catalog, ids["a"])[0] == total


def test_a_counter_that_begins_anew_takes_nothing_away(catalog: Catalog, ids: dict[str, int]) -> None:
    for said, total in ((9, 9), (0, 9), (2, 11), (2, 11)):
        taken(catalog, state(plays=said))
        assert plays(catalog, ids["a"])[0] == total


def test_a_clock_that_goes_wrong_there_is_not_believed(catalog: Catalog, ids: dict[str, int]) -> None:
    taken(catalog, state(plays=1, last_played=WHEN))
    report = taken(catalog, state(plays=2, last_played=utc_now() + timedelta(days=400)))
    assert report.plays == 1
    assert plays(catalog, ids["a"]) == (2, WHEN)
    assert taken(catalog, state(plays=2, last_played=WHEN)).plays == 0


def test_a_rating_that_is_new_there_is_taken_over_one_that_is_here(
    catalog: Catalog, ids: dict[str, int]
) -> None:
    with catalog.transaction() as session:
        rate(session, str(ids["a"]), 3)
    assert taken(catalog, state(rating=5)).rated == 0  # the first time, what is here stays
    with catalog.transaction() as session:
        rate(session, str(ids["b"]), 2)
    changed = song("b", state=SongState(rating=4))  # it had none there
    assert taken(catalog, state(rating=5), changed).rated == 1
    assert (rating(catalog, ids["a"]), rating(catalog, ids["b"])) == (3, 4)
    assert taken(catalog, state(), changed).rated == 1  # and it was taken away
    assert rating(catalog, ids["a"]) is None
    assert taken(catalog, state(), changed).rated == 0


def test_a_star_that_is_taken_away_here_does_not_come_back(catalog: Catalog, ids: dict[str, int]) -> None:
    assert taken(catalog, state(starred=WHEN)).starred == 1
    with catalog.transaction() as session:
        star(session, str(ids["a"]), None)
    assert taken(catalog, state(starred=WHEN)).starred == 0
    assert taken(catalog, state()).starred == 0
    assert taken(catalog, state(starred=WHEN)).starred == 1  # starred there anew


def test_a_server_without_its_music_changes_nothing(catalog: Catalog, ids: dict[str, int]) -> None:
    taken(catalog)
    with pytest.raises(ConnectionFailedError, match="lists no song, where it had 4"):
        take_in(catalog, "nas", [])
    with catalog.transaction() as session:
        assert len(known_songs_of(session, "nas")) == 4


def test_a_connection_that_is_gone_meanwhile_is_said(catalog: Catalog, ids: dict[str, int]) -> None:
    with catalog.transaction() as session:
        found = get_connection(session, "nas")
        assert found is not None
        remove_connection(session, found)
    with pytest.raises(ConnectionFailedError, match="disconnected meanwhile"):
        taken(catalog)


def test_another_catalogue_may_have_the_same_ids(catalog: Catalog, ids: dict[str, int]) -> None:
    """It is this very one if it added each song at the same moment, too."""
    with catalog.transaction() as session:
        added = {name: session.get_one(Track, track_id).added for name, track_id in ids.items()}
    served = [replace(song(name), id=str(ids[name]), added=added[name]) for name in SONGS]
    with pytest.raises(ConnectionFailedError, match="this very catalogue"):
        take_in(catalog, "nas", served)
    others = [replace(one, added=WHEN) for one in served]
    assert take_in(catalog, "nas", others).matched == {"path": 4}


def test_a_server_that_comes_to_no_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "MOST_SONGS", 3)
    with pytest.raises(ConnectionFailedError, match="no end"):
        read_songs(FakeRemote())
