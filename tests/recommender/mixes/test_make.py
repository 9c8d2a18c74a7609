"""Mixes of a catalogue whose truth is known: what they hold, and that they stay the same ones."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pytest

from db.listening.favourites import star
from db.listening.mixes import SOUND, all_mixes, members_of, mix_track_ids
from db.listening.playlists import all_playlists, get_playlist, playlist_tracks
from db.listening.radios import less_like
from db.models import Track
from db.tracks import search_key
from recommender.mixes.listened import DEEP_CUTS, FORGOTTEN, LEAST_SONGS, NEW
from recommender.mixes.listening_order import PER_ARTIST, SONGS
from recommender.mixes.make import keep_mixes
from recommender.mixes.save import save_mixes
from recommender.retrieval.index.unit_vectors import track_means, unit_rows
from recommender.song_titles import song_named
from tests.databases import KINDS
from tests.recommender.random_catalog import Made, make_songs, store

NOW = datetime(2026, 3, 10, 12)
pytestmark = pytest.mark.databases(*KINDS)


@pytest.fixture
def made(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    found = store(tmp_path_factory.mktemp("mixes"), make_songs())
    yield found
    found.catalog.close()


def keep(made: Made, now: datetime = NOW, *, again: bool = True) -> bool:
    return keep_mixes(made.catalog, made.index, made.bundle, now, again=again)


def names(made: Made, kind: str = SOUND) -> dict[int, str]:
    with made.catalog.transaction() as session:
        return {mix.id: mix.name for mix in all_mixes(session) if mix.kind == kind}


def test_every_song_is_of_one_mix_and_no_recording_is_in_one_twice(made: Made) -> None:
    assert keep(made, again=False)
    with made.catalog.transaction() as session:
        mixes = [mix for mix in all_mixes(session) if mix.kind == SOUND]
        songs = mix_track_ids(session)
        members = np.concatenate([members_of(mix) for mix in mixes])
        assert sorted(members.tolist()) == sorted(made.songs)
        assert len({mix.name.casefold() for mix in mixes}) == len(mixes) >= 2
        for mix in mixes:
            listed = [made.songs[i] for i in songs[mix.id]]
            assert set(songs[mix.id]) <= set(members_of(mix).tolist())
            assert mix.reason.startswith(f"{len(members_of(mix))} songs")
            assert songs[mix.id][0] == members_of(mix)[0], "the most typical is the first"
            assert len(listed) <= SONGS
            for key in (lambda s: s.content, lambda s: s.recording):
                assert len({key(song) for song in listed}) == len(listed)
            named = [song_named(song.artist, song.named) for song in listed]
            assert max(Counter(name for name in named if name).values(), default=1) == 1
            if len(listed) > SONGS // 4:
                artists = Counter(search_key(song.artist) for song in listed if song.artist)
                assert max(artists.values()) <= PER_ARTIST
    assert not keep(made, again=False), "they are those of today"
    assert keep(made, NOW + timedelta(days=1), again=False)


def test_no_mix_holds_what_less_is_wanted_like(made: Made) -> None:
    keep(made)
    with made.catalog.transaction() as session:
        first = next(iter(mix_track_ids(session).values()))[0]
        less_like(session, first, wanted=True)
    keep(made)
    with made.catalog.transaction() as session:
        assert all(first not in songs for songs in mix_track_ids(session).values())


def test_mixes_leave_out_what_sounds_like_a_song_that_is_unwanted(made: Made) -> None:
    """A song goes that is more like it than like the middle of its mix, and the others stay."""
    keep(made)
    ids, vectors = track_means_of(made)
    with made.catalog.transaction() as session:
        songs = mix_track_ids(session)
        mix = next(mix for mix in all_mixes(session) if mix.kind == SOUND and len(songs[mix.id]) > 6)
        before = songs[mix.id]
        rows = np.searchsorted(ids, members_of(mix))
        middle = vectors[rows].mean(axis=0) / np.linalg.norm(vectors[rows].mean(axis=0))
        of = {int(i): vectors[np.searchsorted(ids, i)] for i in before}
        near = {i: [j for j in before if of[j] @ of[i] > of[j] @ middle] for i in before}
        unwanted = max(before[1:], key=lambda i: (0 < len(near[i]) < len(before), len(near[i])))
        less_like(session, unwanted, wanted=True)
    assert 1 < len(near[unwanted]) < len(before)
    assert keep(made, again=False), "what is wanted less makes them anew"
    with made.catalog.transaction() as session:
        after = mix_track_ids(session)[mix.id]
    assert not {*after} & {unwanted, *near[unwanted]}
    assert {*before} - {*near[unwanted]} <= {*after}
    assert not keep(made, again=False)


def track_means_of(made: Made) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of all tracks, and their mean directions around the middle of all."""
    with made.catalog.transaction() as session:
        ids, vectors = track_means(session, made.bundle.trunk_id, lambda rows: unit_rows(rows.embeddings))
    return ids, unit_rows(vectors - vectors.mean(axis=0))


def test_mixes_stay_the_same_ones_while_songs_go(made: Made) -> None:
    keep(made)
    first = names(made)
    with made.catalog.transaction() as session:
        for track_id in sorted(made.songs)[::10]:
            session.get(Track, track_id).missing = True
    keep(made)
    assert names(made) == first


def test_by_what_is_listened_to(made: Made) -> None:
    with made.catalog.transaction() as session:
        for number, track_id in enumerate(sorted(made.songs)):
            track = session.get(Track, track_id)
            track.plays, track.last_played, track.added = 0, None, NOW - timedelta(days=400)
            if number < 4:
                track.added = NOW - timedelta(days=number)
            elif number < 9:
                track.plays, track.last_played = 5, NOW - timedelta(days=20 if number == 8 else 300)
        star(session, str(sorted(made.songs)[20]), NOW)
        session.get(Track, sorted(made.songs)[20]).last_played = NOW - timedelta(days=200)
    keep(made)
    ids = sorted(made.songs)
    with made.catalog.transaction() as session:
        mixes, songs = {mix.kind: mix for mix in all_mixes(session)}, mix_track_ids(session)
        assert set(songs[mixes[NEW].id]) <= set(ids[:4])
        assert set(songs[mixes[FORGOTTEN].id]) == {*ids[4:8], ids[20]}
        assert not set(songs[mixes[DEEP_CUTS].id]) & set(ids[4:9])
        assert mixes[DEEP_CUTS].name == "Deep cuts of March 2026"
        month, listed = mixes[DEEP_CUTS].id, songs[mixes[DEEP_CUTS].id]
        session.get(Track, listed[0]).plays = 1
    keep(made, NOW + timedelta(days=5))
    with made.catalog.transaction() as session:
        assert mix_track_ids(session)[month] == listed, "for a month they stay"
    keep(made, NOW + timedelta(days=30))
    with made.catalog.transaction() as session:
        assert names(made, DEEP_CUTS) == {month: "Deep cuts of April 2026"}
        assert listed[0] not in mix_track_ids(session)[month]


def test_deep_cuts_say_how_many_there_are_and_are_never_hardly_any(made: Made) -> None:
    keep(made)
    [month] = names(made, DEEP_CUTS)
    with made.catalog.transaction() as session:
        listed = mix_track_ids(session)[month]
        session.get(Track, listed[0]).missing = True
    assert len(listed) > 5
    for still_there in (len(listed) - 1, 1):
        with made.catalog.transaction() as session:
            for track_id in listed[still_there:]:
                session.get(Track, track_id).missing = still_there == 1 or track_id == listed[-1]
        keep(made, NOW + timedelta(days=2))
        with made.catalog.transaction() as session:
            [mix] = [one for one in all_mixes(session) if one.id == month]
            songs = mix_track_ids(session)[month]
            assert mix.reason.startswith(f"{len(songs)} songs ") and len(songs) >= LEAST_SONGS
            assert set(songs) < set(listed) or still_there == 1


def test_a_new_song_does_not_fit_because_it_was_played_itself(made: Made) -> None:
    ids = sorted(made.songs)
    with made.catalog.transaction() as session:
        for number, track_id in enumerate(ids):
            track = session.get(Track, track_id)
            track.plays, track.last_played, track.added = 0, None, NOW - timedelta(days=400)
            if number % 15 == 0:
                track.added = NOW - timedelta(days=1)
        session.get(Track, ids[30]).plays = 7
    keep(made)
    with made.catalog.transaction() as session:
        [new] = [mix.id for mix in all_mixes(session) if mix.kind == NEW]
        found = mix_track_ids(session)[new]
    every, vectors = track_means_of(made)
    alike = vectors @ vectors[every.tolist().index(ids[30])]
    fits = {int(i): float(likeness) for i, likeness in zip(every, alike, strict=True)}
    assert found[0] == max((i for i in ids[::15] if i != ids[30]), key=lambda i: fits[i])


def test_of_a_mix_that_is_unwanted_but_for_two_songs_nothing_stays(made: Made) -> None:
    keep(made)
    with made.catalog.transaction() as session:
        mix = next(mix for mix in all_mixes(session) if mix.kind == SOUND)
        gone, members = mix.id, members_of(mix).tolist()
        for track_id in members[2:]:
            less_like(session, track_id, wanted=True)
    keep(made)
    with made.catalog.transaction() as session:
        songs = mix_track_ids(session)
        assert {mix.id for mix in all_mixes(session)} == set(songs)
        assert min(map(len, songs.values())) >= LEAST_SONGS and gone not in songs


def test_saved_they_are_playlists_that_are_filled_anew(made: Made) -> None:
    keep(made)
    for _ in range(2):
        with made.catalog.change() as session:
            saved = save_mixes(session)
    with made.catalog.transaction() as session:
        assert len(all_playlists(session)) == len(saved) == len(all_mixes(session))
        mix = next(mix for mix in all_mixes(session) if mix.kind == SOUND)
        playlist = get_playlist(session, saved[mix.id])
        assert playlist is not None and playlist.name == mix.name
        assert [t.id for t in playlist_tracks(session, playlist)] == mix_track_ids(session)[mix.id]
