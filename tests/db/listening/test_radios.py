"""Radios in the catalogue, on every database."""

from db.listening import radios
from db.session import Catalog
from db.tracks import root_for
from tests.db.conftest import Reopen
from tests.db.rows import new_track


def songs(catalog: Catalog, n: int = 4) -> list[int]:
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        return [new_track(session, root, f"{i}.mp3").id for i in range(n)]


def test_what_a_radio_played_outlives_the_process(catalog: Catalog, reopen: Reopen) -> None:
    ids = songs(catalog)
    with catalog.change() as session:
        made = radios.create_radio(session, "song", str(ids[0]), "One", far=0.25, discover=0.5, owner="ann")
        radios.give_songs(session, made, [(ids[1], "because"), (ids[2], "so")])
        radio_id = made.id
    with catalog.change() as session:
        found = radios.get_radio(session, radio_id)
        assert found is not None
        given = radios.give_songs(session, found, [(ids[3], "then")])
        assert [one.position for one in given] == [2]
        first = radios.radio_song(session, found, 0)
        assert first is not None
        radios.note_outcome(session, first, "starred")
        radios.note_outcome(session, first, "finished")  # what is starred stays so
        radios.tune_radio(session, found, far=1.0)
    with reopen(catalog).transaction() as session:
        ((found, n),) = radios.all_radios(session)
        assert (found.kind, found.seed, found.far, found.discover, n) == ("song", str(ids[0]), 1.0, 0.5, 3)
        played = radios.radio_songs(session, found)
        assert [(one.track_id, one.reason, one.outcome) for one in played] == [
            (ids[1], "because", "starred"),
            (ids[2], "so", "given"),
            (ids[3], "then", "given"),
        ]
        radios.delete_radio(session, found)
        assert radios.all_radios(session) == []
        assert radios.get_radio(session, radio_id) is None


def test_a_change_that_fails_leaves_nothing(catalog: Catalog) -> None:
    ids = songs(catalog)
    with catalog.change() as session:
        made = radios.create_radio(session, "taste", "", "Mine", far=0.0, discover=0.0)
    try:
        with catalog.change() as session:
            radios.give_songs(session, session.merge(made), [(ids[0], "one")])
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    with catalog.transaction() as session:
        found = radios.get_radio(session, made.id)
        assert found is not None
        assert radios.radio_songs(session, found) == []
        assert radios.radio_song(session, found, 0) is None


def test_less_like(catalog: Catalog) -> None:
    ids = songs(catalog)
    with catalog.change() as session:
        for track_id in (ids[1], ids[3], ids[1]):
            radios.less_like(session, track_id, wanted=True)
    with catalog.change() as session:
        assert sorted(radios.less_like_ids(session)) == [ids[1], ids[3]]
        radios.less_like(session, ids[1], wanted=False)
        radios.less_like(session, ids[0], wanted=False)
        assert radios.less_like_ids(session) == [ids[3]]
