"""What a radio plays: nothing twice, artists apart, as far as asked, and what the listener takes to."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import pytest

from classifier.arrays import Array, Ints
from recommender.radio import choosing
from recommender.radio.choosing import SPACING, Chooser, Course, Library, Names, most_alike
from tests.recommender.retrieval.brute_force import unit

N, GENRES, AT_ONCE = 200, 4, 3


@dataclass
class Songs:
    """What the tests know of made songs."""

    vectors: Array
    artists: Ints
    songs: Ints
    genres: Array
    rarity: Array

    def first(self, n: int) -> "Songs":
        return Songs(*(getattr(self, one.name)[:n] for one in fields(self)))

    def names(self, row: int) -> Names:
        artist = int(self.artists[row])
        return Names(None if artist < 0 else artist, int(self.songs[row]))

    def library(self, gone: Sequence[int] = ()) -> Library:
        return Library(
            vectors=self.vectors,
            offsets=np.zeros(len(self.vectors), np.float32),
            rarity=self.rarity,
            read_genres=lambda: self.genres,
            read_names=lambda rows: [None if row in gone else self.names(row) for row in rows],
        )


@pytest.fixture(scope="module")
def library() -> Songs:
    random = np.random.default_rng(1)
    genre = random.integers(GENRES, size=N)
    vectors = unit(random.standard_normal((GENRES, 16))[genre] + 1.2 * random.standard_normal((N, 16)))
    songs = np.arange(N)
    songs[[50, 51, 52]] = 7
    return Songs(
        vectors=vectors.astype(np.float32),
        artists=np.where(random.random(N) < 0.1, -1, random.integers(30, size=N)),
        songs=songs,
        genres=np.eye(GENRES, dtype=np.float32)[genre],
        rarity=np.where(random.random(N) < 0.3, 1, 0.2).astype(np.float32),
    )


def play(
    songs: Songs, n: int, far: float = 0.3, value: object = None, gone: Sequence[int] = (), **course: object
) -> Course:
    """Return what a radio plays, chosen three at a time: what is learnt counts from the next three on."""
    made, library = Course(**course), songs.library(gone)  # type: ignore[arg-type]
    while len(made.played) < n:
        chooser, before = Chooser(library, np.array([0]), made, far, 0.0), len(made.played)
        for _ in range(min(AT_ONCE, n - before)):
            assert chooser.next() is not None
        if value is not None:
            made.values[before:] = [value(row) for row in made.played[before:]]  # type: ignore[operator]
    return made


@pytest.mark.parametrize("far", [0.0, 0.5, 1.0])
def test_no_song_or_version_comes_twice_and_artists_are_apart(library: Songs, far: float) -> None:
    played = play(library, 60, far).played
    assert 0 not in played  # the seed itself
    assert len({int(library.songs[row]) for row in played}) == len(played)
    artists = [int(library.artists[row]) for row in played]
    for place, artist in enumerate(artists):
        assert artist < 0 or artist not in artists[max(0, place - SPACING) : place]
    assert played == play(library, 60, far).played  # the same again


def test_the_farther_it_may_go_the_less_it_sounds_like_the_seed(library: Songs) -> None:
    def likeness(far: float) -> float:
        return float((library.vectors[play(library, 30, far).played] @ library.vectors[0]).mean())

    near, between, away = (likeness(far) for far in (0.0, 0.7, 1.0))
    assert near > between > away


def test_a_genre_that_is_skipped_is_heard_less(library: Songs) -> None:
    disliked = int(library.genres[0].argmax())
    genre = library.genres.argmax(axis=1)
    plain = play(library, 45, value=lambda _: 1.0).played
    skips = play(library, 45, value=lambda row: -1.0 if genre[row] == disliked else 1.0).played
    shares = [np.mean(genre[played[30:]] == disliked) for played in (plain, skips)]
    assert shares[1] < shares[0] / 2


def test_who_likes_the_rarely_played_hears_more_of_it(library: Songs) -> None:
    rare = library.rarity == 1
    plain = play(library, 45, value=lambda _: 1.0).played
    likes = play(library, 45, value=lambda row: 1.0 if rare[row] else -1.0).played
    assert rare[likes[30:]].mean() > 1.5 * rare[plain[30:]].mean()


def test_less_is_played_like_what_is_unwanted(library: Songs) -> None:
    unwanted = play(library, 1).played[0]
    found = play(library, 20, unwanted=(unwanted,)).played
    assert unwanted not in found
    plain = play(library, 20).played
    alike = [float((library.vectors[played] @ library.vectors[unwanted]).mean()) for played in (found, plain)]
    assert alike[0] < alike[1]


def test_what_the_player_does_not_have_is_never_played(library: Songs) -> None:
    played = play(library, 60, closed=range(30, N)).played
    assert max(played) < 30
    assert sorted(played[:29]) == list(range(1, 30))  # all but the seed, before any comes again


def test_a_list_is_played_among_songs_like_it_and_not_before_them(library: Songs) -> None:
    """Each of several seeds is judged by the others, as any song is."""
    likeness = library.vectors @ library.vectors.T
    np.fill_diagonal(likeness, -1)
    seeds = np.argsort(-likeness[5])[:12]
    chooser = Chooser(library.library(), seeds, Course(), 0.0, 0.0)
    found = [chooser.next() for _ in range(24)]
    played = [choice.row for choice in found if choice is not None]
    assert 0 < len({*played[:12]} & {*seeds.tolist()}) < 12
    assert all(choice is not None and seeds[choice.seed] != choice.row for choice in found)
    near = np.maximum.reduce([likeness[seed] for seed in seeds])
    assert near[played].mean() > np.sort(near)[-60:].mean()


def test_versions_come_before_any_song_comes_again(library: Songs) -> None:
    few = [7, *range(50, 60)]
    played = play(library, 22, closed=[row for row in range(N) if row not in few]).played
    assert {*played[:8]} >= {*range(53, 60)}  # one of each song
    assert sorted(played[:11]) == few


def test_it_never_ends(library: Songs) -> None:
    played = play(library.first(12), 40).played
    assert len(set(played)) >= 11
    assert all(one != other for one, other in pairwise(played))


def test_what_is_gone_is_not_played(library: Songs) -> None:
    plain = play(library, 30).played
    gone = plain[4:20:3]
    assert not set(play(library, 30, gone=gone).played) & set(gone)


@pytest.mark.parametrize("looked_at", [1, 7])
def test_names_are_read_of_few_and_change_nothing(
    library: Songs, looked_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = play(library, 60).played
    monkeypatch.setattr(choosing, "LOOKED_AT", looked_at)
    assert play(library, 60).played == plain


def test_blocks_of_songs_make_no_difference(library: Songs, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, weights = np.array([3, 77, 150]), np.array([1.0, 2.0, 0.5])
    most, which = most_alike(library.vectors, rows, weights)
    each = library.vectors @ library.vectors[rows].T * weights
    assert np.allclose(most, each.max(axis=1), atol=1e-6)
    assert which.tolist() == each.argmax(axis=1).tolist()
    monkeypatch.setattr(choosing, "ROWS_AT_ONCE", 9)
    again = most_alike(library.vectors, rows, weights)
    assert np.allclose(again[0], most, atol=1e-6) and again[1].tolist() == which.tolist()
