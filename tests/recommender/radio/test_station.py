"""A radio that the catalogue keeps, while the catalogue changes under it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from db.listening.radios import get_radio, give_songs, note_outcome
from db.models import Track
from recommender import params
from recommender.errors import QueryError
from recommender.radio.seeds import seed_tracks
from recommender.radio.station import Closed, choose, make_radio
from tests.recommender.random_catalog import Made, make_songs, store


@pytest.fixture
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    found = store(tmp_path_factory.mktemp("station"), make_songs())
    yield found
    found.catalog.close()


def radio_of(made: Made, track_id: int, far: float = 0.0) -> int:
    with made.catalog.change() as session:
        return make_radio(session, made.index, made.bundle, "song", str(track_id), far=far).id


@pytest.mark.parametrize("far", [0.0, 1.0])
def test_no_reason_names_a_song_that_is_gone(made: Made, far: float) -> None:
    ids = sorted(made.songs)
    radio_id = radio_of(made, ids[0], far)
    with made.catalog.change() as session:
        radio = get_radio(session, radio_id)
        for song in give_songs(session, radio, [(ids[1], "first")]):
            note_outcome(session, song, "finished")
        for track_id in ids[:2]:
            session.get(Track, track_id).missing = True
    with made.catalog.snapshot() as session:
        songs = choose(session, made.index, made.bundle, get_radio(session, radio_id), 8).songs
    assert len(songs) == 8
    for _, reason in songs:
        assert reason == reason.strip() and "like ," not in reason and "  " not in reason
        assert made.songs[ids[1]].named not in reason.split(" - ")


def test_taste_is_of_songs_that_are_analysed(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "SEEDS", 2)
    with made.catalog.change() as session:
        for track in session.scalars(select(Track)).all():
            track.plays = 0 if track.id in made.songs else 99
        session.get(Track, sorted(made.songs)[5]).plays = 1
    with made.catalog.snapshot() as session:
        name, ids = seed_tracks(session, made.index, made.bundle, "taste", "")
        assert (name, ids) == ("what you play most", [sorted(made.songs)[5]])
        with pytest.raises(QueryError, match="of the artist"):
            seed_tracks(session, made.index, made.bundle, "artist", "")


def test_where_there_is_no_other_song_the_seed_is_not_said_to_be_like_itself(made: Made) -> None:
    ids = sorted(made.songs)
    radio_id = radio_of(made, ids[0])
    with made.catalog.snapshot() as session:
        radio = get_radio(session, radio_id)
        found = choose(session, made.index, made.bundle, radio, 3, Closed({ids[0]}))
    assert found.songs == [(ids[0], "all others were played")]
