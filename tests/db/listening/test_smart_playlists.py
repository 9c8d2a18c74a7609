"""Playlists that keep themselves up to date in the catalogue, on every database."""

from datetime import timedelta

from db.listening import playlists, similar_given, smart_playlists
from db.session import Catalog
from db.values import utc_now
from tests.db.conftest import Reopen

RULES = {"list": "find", "words": "mellow jazz", "n": 5}


def test_rules_are_kept_filled_and_frozen(five: Catalog, reopen: Reopen) -> None:
    with five.change() as session:
        made = playlists.create_playlist(session, "Evening", [5])
        rules = smart_playlists.set_rules(session, made, RULES)
        before = made.changed
        assert (rules.filled_from, rules.filled) == ("", None)
        assert smart_playlists.note_filled(session, made, rules, "one", [2, 1])
        assert made.changed > before
        playlist_id = made.id
    with reopen(five).change() as session:
        found = playlists.get_playlist(session, playlist_id)
        assert found is not None
        [(listed, rules)] = smart_playlists.all_smart_playlists(session).items()
        assert (listed, rules.filled_from, smart_playlists.wanted(rules)) == (playlist_id, "one", RULES)
        assert [track.id for track in playlists.playlist_tracks(session, found)] == [2, 1]
        before = found.changed
        assert not smart_playlists.note_filled(session, found, rules, "two", [2, 1])
        assert not smart_playlists.note_filled(session, found, rules, "three", None, "a song is gone")
        assert (found.changed, rules.filled_from, rules.problem) == (before, "three", "a song is gone")
        assert smart_playlists.set_rules(session, found, RULES).filled_from == "three"
        other = smart_playlists.set_rules(session, found, {**RULES, "n": 6})
        assert (other.filled_from, other.problem) == ("", "")
        assert smart_playlists.freeze(session, found)
        assert not smart_playlists.freeze(session, found)
        assert smart_playlists.smart_playlist_of(session, found) is None
        assert [track.id for track in playlists.playlist_tracks(session, found)] == [2, 1]


def test_those_filled_longest_ago_come_first_and_the_rules_go_with_its_playlist(five: Catalog) -> None:
    with five.change() as session:
        made = [playlists.create_playlist(session, name) for name in ("a", "b", "c")]
        of = [smart_playlists.set_rules(session, one, RULES) for one in made]
        for number in (1, 0):
            smart_playlists.note_filled(session, made[number], of[number], "x", [])
        assert list(smart_playlists.all_smart_playlists(session)) == [made[2].id, made[1].id, made[0].id]
        playlists.delete_playlist(session, made[1])
        session.expire_all()
        assert list(smart_playlists.all_smart_playlists(session)) == [made[2].id, made[0].id]


def test_what_was_given_is_known_for_some_hours(catalog: Catalog) -> None:
    one, other = (similar_given.key_of("ann", player, "7") for player in ("car", "phone"))
    now = utc_now()
    with catalog.change() as session:
        similar_given.note_given(session, one, [3, 1], now)
        similar_given.note_given(session, one, [3, 1, 70_000], now)
        assert similar_given.given_before(session, one, now) == [3, 1, 70_000]
        assert similar_given.given_before(session, other, now) == []
        assert similar_given.given_before(session, one, now + timedelta(hours=5)) == [3, 1, 70_000]
        late = now + timedelta(hours=7)
        assert similar_given.given_before(session, one, late) == []
        similar_given.note_given(session, other, [1], late)
        session.expire_all()
        assert similar_given.given_before(session, one, now) == []  # it is not kept for ever
