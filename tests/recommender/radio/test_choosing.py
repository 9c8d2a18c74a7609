"""What a radio plays: nothing twice, artists apart, as far as asked, and what the listener takes to."""

from itertools import pairwise

import numpy as np
import pytest

from recommender.radio.choosing import SPACING, Course, Library, next_song
from tests.recommender.retrieval.brute_force import unit

N, GENRES = 200, 4


@pytest.fixture(scope="module")
def library() -> Library:
    random = np.random.default_rng(1)
    genre = random.integers(GENRES, size=N)
    vectors = unit(random.standard_normal((GENRES, 16))[genre] + 1.2 * random.standard_normal((N, 16)))
    songs = np.arange(N)
    songs[[50, 51, 52]] = 7
    return Library(
        vectors=vectors.astype(np.float32),
        offsets=np.zeros(N, np.float32),
        artists=np.where(random.random(N) < 0.1, -1, random.integers(30, size=N)),
        songs=songs,
        genres=np.eye(GENRES, dtype=np.float32)[genre],
        rarity=np.where(random.random(N) < 0.3, 1, 0.2).astype(np.float32),
    )


def play(library: Library, n: int, far: float = 0.3, value: object = None, **course: object) -> Course:
    made, seeds = Course(**course), np.array([0])  # type: ignore[arg-type]
    for _ in range(n):
        choice = next_song(library, seeds, made, far, 0.0)
        assert choice is not None
        made.played.append(choice.row)
        made.values.append(0.0 if value is None else value(choice.row))  # type: ignore[operator]
    return made


@pytest.mark.parametrize("far", [0.0, 0.5, 1.0])
def test_no_song_or_version_comes_twice_and_artists_are_apart(library: Library, far: float) -> None:
    played = play(library, 60, far).played
    assert 0 not in played  # the seed itself
    assert len({int(library.songs[row]) for row in played}) == len(played)
    artists = [int(library.artists[row]) for row in played]
    for place, artist in enumerate(artists):
        assert artist < 0 or artist not in artists[max(0, place - SPACING) : place]
    assert played == play(library, 60, far).played  # the same again


def test_the_farther_it_may_go_the_less_it_sounds_like_the_seed(library: Library) -> None:
    def likeness(far: float) -> float:
        return float((library.vectors[play(library, 30, far).played] @ library.vectors[0]).mean())

    near, between, away = (likeness(far) for far in (0.0, 0.7, 1.0))
    assert near > between > away


def test_a_genre_that_is_skipped_is_heard_less(library: Library) -> None:
    disliked = int(library.genres[0].argmax())
    genre = library.genres.argmax(axis=1)
    plain = play(library, 45, value=lambda _: 1.0).played
    skips = play(library, 45, value=lambda row: -1.0 if genre[row] == disliked else 1.0).played
    shares = [np.mean(genre[played[30:]] == disliked) for played in (plain, skips)]
    assert shares[1] < shares[0] / 2


def test_who_likes_the_rarely_played_hears_more_of_it(library: Library) -> None:
    rare = library.rarity == 1
    plain = play(library, 45, value=lambda _: 1.0).played
    likes = play(library, 45, value=lambda row: 1.0 if rare[row] else -1.0).played
    assert rare[likes[30:]].mean() > 1.5 * rare[plain[30:]].mean()


def test_less_is_played_like_what_is_unwanted(library: Library) -> None:
    unwanted = play(library, 1).played[0]
    found = play(library, 20, unwanted=(unwanted,)).played
    assert unwanted not in found
    plain = play(library, 20).played
    alike = [float((library.vectors[played] @ library.vectors[unwanted]).mean()) for played in (found, plain)]
    assert alike[0] < alike[1]


def test_it_never_ends(library: Library) -> None:
    few = Library(*(getattr(library, name)[:12] for name in Library.__dataclass_fields__))
    played = play(few, 40).played
    assert len(set(played)) >= 11
    assert all(one != other for one, other in pairwise(played))
