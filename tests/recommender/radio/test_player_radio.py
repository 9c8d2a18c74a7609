"""A radio for a player: it plays what the player has, goes on from what is played there, and learns."""

from collections.abc import Iterator

import pytest

from db.listening.radios import all_radios, radio_songs
from recommender.radio.choosing import SPACING
from recommender.radio.player_radio import BY_HAND, PlayerRadio
from tests.recommender.random_catalog import Made, make_songs, store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    found = store(tmp_path_factory.mktemp("player"), make_songs())
    yield found
    found.catalog.close()


def kept(made: Made, radio: PlayerRadio) -> list[tuple[int, str, str]]:
    with made.catalog.transaction() as session:
        [row] = [one for one, _ in all_radios(session) if one.id == radio.radio_id]
        return [(song.track_id, song.reason, song.outcome) for song in radio_songs(session, row)]


def test_it_plays_what_the_player_has_and_nothing_twice(made: Made) -> None:
    there = sorted(made.songs)[::2]
    radio = PlayerRadio(made.catalog, made.index, made.bundle, frozenset(there), 0.3, 0.0)
    assert radio.more(3, ()) == []  # nothing to begin with
    radio.begin(there[0])
    queued = [there[0], there[5]]
    heard = [track_id for _ in range(6) for track_id in radio.more(4, queued)]
    assert len({*heard, *queued}) == 26 and {*heard} <= {*there}
    assert [song[0] for song in kept(made, radio)] == [there[0], *heard]
    assert set(radio.reasons) == {*heard} and all(radio.reasons.values())


def test_it_learns_and_goes_on_from_what_is_played_by_hand(made: Made) -> None:
    ids = sorted(made.songs)
    radio = PlayerRadio(made.catalog, made.index, made.bundle, frozenset(ids), 0.0, 0.0)
    radio.begin(ids[0])
    first = list(radio.more(3, ()))
    for track_id, share in zip(first, (0.1, 0.6, 0.9), strict=True):
        radio.left(track_id, share)
    radio.left(ids[0], 0.1)  # somebody wanted that one
    outcomes = {track_id: outcome for track_id, _, outcome in kept(made, radio)}
    assert [outcomes[i] for i in (ids[0], *first)] == ["given", "skipped", "given", "finished"]
    before = radio.radio_id
    other = next(i for i in reversed(ids) if i not in first)
    radio.begin(other)
    assert radio.radio_id == before  # the same radio: what it played stays
    with made.catalog.transaction() as session:
        [row] = [one for one, _ in all_radios(session) if one.id == before]
        assert (row.kind, row.seed) == ("song", str(other))
    assert kept(made, radio)[-1] == (other, BY_HAND, "given")
    assert not {*radio.more(5, ())} & {ids[0], other, *first}


def test_artists_are_apart_from_what_was_played_by_hand_too(made: Made) -> None:
    ids = sorted(made.songs)
    artist = {song.id: song.artist.casefold() for song in made.songs.values()}
    radio = PlayerRadio(made.catalog, made.index, made.bundle, frozenset(ids), 0.3, 0.0)
    radio.begin(ids[3])
    played = [ids[3], *radio.more(10, ())]
    kinds = len({artist[i] for i in ids if artist[i]})
    apart = min(SPACING, kinds - 2)
    for place, track_id in enumerate(played):
        near = [artist[i] for i in played[max(0, place - apart // 2) : place]]
        assert not artist[track_id] or artist[track_id] not in near


def test_a_radio_that_is_deleted_ends_and_a_song_that_is_unknown_changes_nothing(made: Made) -> None:
    radio = PlayerRadio(made.catalog, made.index, made.bundle, frozenset(made.songs), 0.3, 0.0)
    radio.begin(999_999)
    assert radio.radio_id is None
    radio.begin(sorted(made.songs)[1])
    with made.catalog.change() as session:
        [row] = [one for one, _ in all_radios(session) if one.id == radio.radio_id]
        session.delete(row)
    radio.left(sorted(made.songs)[1], 1.0)
    assert radio.more(2, ()) == []
