"""What is kept of artists, albums and genres is what the rows say; a token tells when it no longer is."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from db.browsing import browse
from db.browsing.album_plays import in_order_of_plays, with_plays
from db.browsing.albums import places_on_albums
from db.browsing.song_genres import genres_of, genres_of_albums
from db.kept import KEPT, Kept
from db.known_plays import known_plays
from db.listening.plays import PlayCount, add_play, set_plays
from db.models import Root, Track
from db.plays_log import LONGEST, PLAYS_LOG, PlaysLog, read_log
from db.rows import rows_by_ids
from db.session import Catalog, open_catalog
from db.sound.copies import copies_of, ids_with_content
from db.tracks_token import TRACKS_TOKEN, tokens_of
from db.values import utc_now
from tests.db.browsing.test_browse import put, songs
from tests.db.rows import new_track


@contextmanager
def looking(catalog: Catalog, *, kept: bool) -> Iterator[Session]:
    with catalog.snapshot() as session:
        if kept:
            session.info[KEPT] = Kept(of_tracks={}, log=PlaysLog())
        yield session


def all_of(session: Session) -> dict[str, Any]:
    """Return whatever is asked of artists, albums and genres."""
    found: dict[str, Any] = {}
    for root in (None, *sorted(session.scalars(select(Root.id)))):
        found[f"artists {root}"] = list(browse.artists(session, root).items())
        found[f"album artists {root}"] = list(browse.artists(session, root, of_albums=True).items())
        found[f"albums {root}"] = browse.albums(session, root)
        unplayed = browse.albums_unplayed(session, root)
        found[f"with plays {root}"] = with_plays(session, unplayed, root)
        found[f"ids {root}"] = browse.playable_ids(session, root)
        found[f"genres {root}"] = genres_of(session, root)
    for words in ("a", "one", "a one", "b o", "song", "2", "", "%", "Ä"):
        for first in (0, 2):
            found[f"search {words} {first}"] = browse.search_ids(session, words, first, 3)
    every = browse.albums(session)
    found["of each"] = [browse.album(session, one.names) for one in every]
    found["none"] = browse.album(session, ("nobody", "nothing"))
    found["genres of some"] = genres_of_albums(session, every[:3])
    found["tracks"] = [[t.id for t in browse.album_tracks(session, one.names)] for one in every]
    found["places"] = places_on_albums(session)
    for artist in browse.artists(session):
        found[f"of {artist}"] = browse.albums_of_artist(session, artist)
        found[f"songs of {artist}"] = [track.id for track in browse.artist_tracks(session, artist, 4)]
    return found


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=st.lists(songs, max_size=12))
def test_what_is_kept_is_what_the_rows_say(catalog: Catalog, rows: Sequence[dict[str, Any]]) -> None:
    put(catalog, rows)
    with looking(catalog, kept=False) as session:
        expected = all_of(session)
    with looking(catalog, kept=True) as session:
        for _ in range(2):  # made, and found again
            found = all_of(session)
            assert found.keys() == expected.keys()
            for name, value in expected.items():
                assert found[name] == value, name


def _retitle(session: Session, track_id: int) -> None:
    session.get_one(Track, track_id).title = "Other"


def _bulk(session: Session, track_id: int) -> None:
    session.execute(update(Track).where(Track.id == track_id).values(album="Other"))


def _add(session: Session, _: int) -> None:
    new_track(session, session.get_one(Root, 1), "more", search_text="")


def _insert(session: Session, _: int) -> None:
    row = {"root_id": 1, "rel_path": "bulk", "size": 1, "mtime_ns": 1, "file_genres": [], "own_genres": []}
    session.execute(insert(Track), [row])


def _delete(session: Session, track_id: int) -> None:
    session.delete(session.get_one(Track, track_id))


@pytest.mark.parametrize("change", [_retitle, _bulk, _add, _insert, _delete])
def test_whatever_is_written_of_tracks_renews_their_token(
    catalog: Catalog, change: Callable[[Session, int], None]
) -> None:
    ids = _one_song(catalog)
    before = _token(catalog)
    with catalog.transaction() as session:
        change(session, ids)
    assert _token(catalog) != before


def test_plays_leave_it_as_it_is(catalog: Catalog) -> None:
    track_id = _one_song(catalog)
    before = _token(catalog)
    with catalog.statement() as session:
        assert add_play(session, track_id, utc_now())
    with catalog.change() as session:
        set_plays(session, {track_id: PlayCount(4, utc_now())}, add=True)
    assert _token(catalog) == before
    with catalog.transaction() as session:
        assert session.get_one(Track, track_id).plays == 5


def test_one_that_is_taken_back_renews_nothing_and_the_next_does(catalog: Catalog) -> None:
    track_id = _one_song(catalog)
    before = _token(catalog)
    with pytest.raises(ZeroDivisionError), catalog.transaction() as session:
        _retitle(session, track_id)
        session.flush()
        raise ZeroDivisionError
    assert _token(catalog) == before
    with catalog.transaction() as session:
        _retitle(session, track_id)
    assert _token(catalog) != before


def _one_song(catalog: Catalog) -> int:
    song = {"artist": "a", "album": "One", "title": "song"}
    with catalog.transaction() as session:
        session.add(Root(id=1, path="/a"))
        session.flush()
        track = new_track(session, session.get_one(Root, 1), "0", search_text="", **song)
        session.flush()
        return track.id


def _token(catalog: Catalog) -> str | None:
    with catalog.transaction() as session:
        return tokens_of(session).get(TRACKS_TOKEN)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=st.lists(songs, max_size=12))
def test_albums_in_the_order_of_their_plays(catalog: Catalog, rows: Sequence[dict[str, Any]]) -> None:
    put(catalog, rows)
    with looking(catalog, kept=True) as session:
        for root in (None, *sorted(session.scalars(select(Root.id)))):
            every, unplayed = browse.albums(session, root), browse.albums_unplayed(session, root)
            often = sorted((one for one in every if one.plays), key=lambda one: -one.plays)
            found = with_plays(session, in_order_of_plays(session, unplayed, root, last=False), root)
            assert found == often
            lately = [(one.last_played, one) for one in every if one.last_played is not None]
            lately.sort(key=lambda one: one[0], reverse=True)
            found = with_plays(session, in_order_of_plays(session, unplayed, root, last=True), root)
            assert found == [one for _, one in lately]


@given(written=st.lists(st.lists(st.integers(1, 9), max_size=3), max_size=9), number=st.integers(0, 30))
def test_a_log_tells_what_was_written_since_or_that_it_does_not_know(
    written: list[list[int]], number: int
) -> None:
    log, every = PlaysLog(), [one for some in written for one in some]
    for some in written:
        log = log.with_more(some)
    assert log.since(number) == (tuple(every[number:]) if number <= len(every) else None)
    assert read_log(f"{log.number}:{' '.join(map(str, log.last))}") == log


def test_a_log_that_has_forgotten_says_so() -> None:
    log = PlaysLog().with_more(range(LONGEST + 5))
    assert log.since(4) is None and log.since(5) == tuple(range(5, LONGEST + 5))


def test_plays_and_rows_that_are_kept_follow_what_is_written(tmp_path: Path) -> None:
    catalog = open_catalog(tmp_path / "catalog.sqlite")
    ids = _songs(catalog, 4)
    kept = _state(catalog, None)
    with catalog.snapshot() as session:
        session.info[KEPT] = kept
        assert known_plays(session) and set(rows_by_ids(session, ids)) == set(ids)
    with catalog.statement() as session:
        assert add_play(session, ids[1], utc_now())
    with catalog.change() as session:
        set_plays(session, {ids[2]: PlayCount(4, None), ids[1]: PlayCount(2, None)}, add=True)
    after = _state(catalog, kept)
    assert set(after.rows) == {ids[0], ids[3]} and after.plays is not None
    assert after.plays[0] is kept.plays[0], "only what was written is read again"
    with catalog.snapshot() as session:
        session.info[KEPT] = after
        known = known_plays(session)
        assert known is not None and known.of(ids)[0].tolist() == [0, 3, 4, 0]
        assert [row.plays for _, row in sorted(rows_by_ids(session, ids).items())] == [0, 3, 4, 0]
    again = _state(catalog, after)
    assert again.rows == after.rows and again.plays == after.plays, "nothing of a track was written since"
    catalog.close()


def _songs(catalog: Catalog, n: int) -> list[int]:
    with catalog.transaction() as session:
        session.add(Root(id=1, path="/a"))
        session.flush()
        root = session.get_one(Root, 1)
        tracks = [new_track(session, root, str(i), search_text="") for i in range(n)]
        session.flush()
        return [track.id for track in tracks]


def _state(catalog: Catalog, before: Kept | None) -> Kept:
    """Return what is known of the catalogue as it is now, from what was known before."""
    with catalog.snapshot() as session:
        kept = Kept(of_tracks={}, log=read_log(tokens_of(session).get(PLAYS_LOG)))
    if before is not None:
        kept.take_over(before)
    return kept


def test_a_root_that_moves_renews_the_token_of_its_tracks(catalog: Catalog) -> None:
    _one_song(catalog)
    before = _token(catalog)
    with catalog.transaction() as session:
        session.get_one(Root, 1).path = "/elsewhere"
    assert _token(catalog) != before


def test_copies_are_known_as_they_are_read(catalog: Catalog) -> None:
    ids, whole = _songs(catalog, 5), "b" * 40
    with catalog.transaction() as session:
        for track_id, content in zip(ids, (whole, whole, whole[:32], "c" * 40, None), strict=True):
            session.get_one(Track, track_id).content_hash = content
    with looking(catalog, kept=True) as session:
        assert sorted(copies_of(session, whole)) == ids[:3] == sorted(ids_with_content(session, whole))
        assert copies_of(session, "c" * 40) == [] and copies_of(session, "d" * 40) == []
        assert copies_of(session, whole[:32]) == [], "the others' hashes say more than that one does"
    with looking(catalog, kept=False) as session:
        assert copies_of(session, "c" * 40) == [ids[3]]
