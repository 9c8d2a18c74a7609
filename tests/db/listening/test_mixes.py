"""Mixes, and the places of the map, in the catalogue."""

import numpy as np
import pytest
from sqlalchemy.orm import Session

from db.listening import map_places, mixes, playlists
from db.listening.map_places import Place
from db.listening.mixes import SOUND, NewMix
from db.models import LARGEST, Track
from db.session import Catalog
from db.tracks import root_for
from tests.db.rows import new_track

N = 6


@pytest.fixture
def six(catalog: Catalog) -> Catalog:
    """Tracks 1 to 6; the third's file is gone."""
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        for number in range(1, N + 1):
            new_track(session, root, str(number), missing=number == 3, analysed_hash=f"audio {number}")
    return catalog


def cluster(name: str, track_ids: list[int], members: list[int], mix_id: int | None = None) -> NewMix:
    return NewMix(
        SOUND,
        name,
        f"why {name}",
        track_ids,
        mix_id,
        "trunk",
        np.array(members),
        np.ones(3, np.float32) * 0.5,
    )


def put(catalog: Catalog, *wanted: NewMix) -> list[int]:
    with catalog.change() as session:
        return [mix.id for mix in mixes.replace_mixes(session, wanted, {"token": "a"})]


def facts(session: Session) -> list[tuple[int, str, list[int]]]:
    return [(m.id, m.name, [t.id for t in mixes.mix_tracks(session, m)]) for m in mixes.all_mixes(session)]


def test_mixes_are_kept_with_their_songs_in_order(six: Catalog) -> None:
    a, b, day = put(
        six,
        cluster("A", [2, 1], [1, 2]),
        cluster("B", [5, 3, 4, 99], [3, 4, 5]),
        NewMix("new", "New", "", [6]),
    )
    with six.transaction() as session:
        assert facts(session) == [(day, "New", [6]), (b, "B", [5, 4]), (a, "A", [2, 1])]
        row = mixes.get_mix(session, b)
        assert row is not None
        assert mixes.members_of(row).tolist() == [3, 4, 5]
        assert mixes.centre_of(row).tolist() == [0.5] * 3
        assert (row.kind, row.reason, row.trunk_id) == (SOUND, "why B", "trunk")
        assert mixes.state_of(session) == {"token": "a"}
        assert mixes.get_mix(session, LARGEST + 1) is mixes.get_mix(session, 0) is None


def test_what_goes_on_keeps_its_id_and_playlist_and_what_ends_takes_none(six: Catalog) -> None:
    a, b = put(six, cluster("A", [1], [1]), cluster("B", [2], [2]))
    with six.change() as session:
        row = mixes.get_mix(session, a)
        assert row is not None
        first, row.playlist_id = row.changed, playlists.create_playlist(session, "A", [1]).id
    assert put(six, cluster("A", [1], [1], a))[0] == a
    with six.transaction() as session:
        row = mixes.get_mix(session, a)
        assert row is not None and row.playlist_id and row.changed == first, "nothing of it has changed"
        assert mixes.get_mix(session, b) is None
    again, new = put(six, cluster("A too", [1, 4], [1, 4], a), cluster("C", [2], [2]))
    assert again == a and new > b, "an id never becomes another's"
    with six.change() as session:
        row = mixes.get_mix(session, a)
        assert row is not None and row.changed > first and row.playlist_id
        playlist = playlists.get_playlist(session, row.playlist_id)
        assert playlist is not None
        playlists.delete_playlist(session, playlist)
    with six.change() as session:
        row = mixes.get_mix(session, a)
        assert row is not None and row.playlist_id is None, "the mix outlives its playlist"
        session.delete(session.get(Track, 4))
    with six.transaction() as session:
        assert facts(session)[0] == (a, "A too", [1])


def test_a_catalogue_without_mixes(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        assert (mixes.all_mixes(session), mixes.state_of(session)) == ([], {})
        assert (map_places.places(session), map_places.layout_state(session)) == ({}, {})


def test_places_stay_while_the_audio_does(six: Catalog) -> None:
    first = [Place(i, f"audio {i}", 0.1 * i, -0.1 * i) for i in (1, 2, 99)]
    with six.change() as session:
        map_places.put_places(session, first, {"trunk_id": "t"}, anew=True)
    with six.change() as session:
        map_places.put_places(
            session, [Place(2, "audio 2", 0.5, 0.5), Place(4, "audio 4", 0, 1)], {}, anew=False
        )
    with six.transaction() as session:
        found = map_places.places(session)
        assert found == {1: first[0], 2: Place(2, "audio 2", 0.5, 0.5), 4: Place(4, "audio 4", 0, 1)}
        assert map_places.layout_state(session) == {}
    with six.change() as session:
        session.get(Track, 1).analysed_hash = "another"
        session.delete(session.get(Track, 2))
    with six.change() as session:
        assert set(map_places.places(session)) == {4}
        map_places.put_places(session, [Place(6, "audio 6", 0, 0)], {"trunk_id": "u"}, anew=True)
    with six.transaction() as session:
        assert set(map_places.places(session)) == {6}
