"""Training: honest figures, and refusals that name the reason."""

import numpy as np
import pytest

from classifier.errors import TrainingDataError
from classifier.linear_head import LinearHead
from classifier.training import Song, check_songs, fit_songs, song_probabilities, train

SIZE = 200


def song(
    name: str, label: str, group: str | None, centre: np.ndarray, seed: int, n_segments: int = 2
) -> Song:
    random = np.random.default_rng(seed)
    embeddings = (centre + 0.3 * random.standard_normal((n_segments, SIZE))).astype(np.float32)
    return Song(
        name, label, group, embeddings, np.full((n_segments, 50), 0.5, np.float32), [30.0] * n_segments
    )


def genre_songs(n_songs: int, groups: bool) -> list[Song]:
    """Songs whose genre can be heard, whoever the artist is."""
    songs = []
    for g, label in enumerate(("blues", "jazz", "rock")):
        centre = np.random.default_rng(100 + g).standard_normal(SIZE)
        for n in range(n_songs):
            artist = f"{label} artist {n // 2}" if groups else None
            songs.append(song(f"{label}/{n:02d}.mp3", label, artist, centre, 10 * g + n))
    return songs


def artist_songs(known: bool) -> list[Song]:
    """Songs whose artist can be heard but whose genre cannot: each artist plays one genre by chance."""
    songs = []
    for a in range(8):
        label = ("jazz", "rock")[a % 2]
        centre = np.random.default_rng(200 + a).standard_normal(SIZE)
        for n in range(6):
            # Without artists, names put songs of one artist far apart, so that every fold knows each.
            name = f"{n:02d}-{a}.mp3"
            songs.append(song(name, label, f"artist {a}" if known else None, centre, 50 * a + n))
    return songs


@pytest.mark.parametrize(("groups", "folds"), [(False, 4), (True, 2)])
def test_genres_that_can_be_heard_are_recognised(groups: bool, folds: int) -> None:
    songs = genre_songs(4, groups)
    seen: list[tuple[int, int]] = []
    trained = train(songs, penalty=1.0, progress=lambda *step: seen.append(step))
    assert trained.labels == ("blues", "jazz", "rock")
    assert (trained.songs, trained.folds, trained.notes) == (12, folds, [])
    assert trained.accuracy == 1.0
    assert [(s.label, s.songs, s.precision, s.recall, s.f1) for s in trained.per_genre] == [
        (label, 4, 1.0, 1.0, 1.0) for label in trained.labels
    ]
    assert all(trained.labels[int(song_probabilities(trained.head, s).argmax())] == s.label for s in songs)
    assert seen == [(done, folds + 1) for done in range(folds + 2)]


def test_knowing_the_artist_does_not_count_where_artists_are_kept_together() -> None:
    """A split that let an artist fall on both sides would report nearly 1."""
    leaking = train(artist_songs(known=False), n_folds=2, penalty=1.0)
    honest = train(artist_songs(known=True), n_folds=2, penalty=1.0)
    assert leaking.accuracy > 0.9
    assert honest.accuracy < 0.75


def test_accuracy_is_the_share_of_songs_and_recall_of_each_genre() -> None:
    """Half of rock sounds like jazz: 12 of 16 at best."""
    jazz, rock = (np.random.default_rng(s).standard_normal(SIZE) for s in (1, 2))
    songs = [song(f"jazz/{n}.mp3", "jazz", None, jazz, n) for n in range(8)]
    songs += [song(f"rock/{n}.mp3", "rock", None, jazz if n % 4 == 0 else rock, 20 + n) for n in range(8)]
    trained = train(songs, n_folds=2, penalty=30.0)
    assert trained.accuracy == pytest.approx(14 / 16)
    assert [s.recall for s in trained.per_genre] == pytest.approx([1.0, 6 / 8])
    assert [s.precision for s in trained.per_genre] == pytest.approx([8 / 10, 1.0])


def test_a_genre_by_one_artist_is_noted_and_counts_as_missed() -> None:
    songs = [s for s in genre_songs(6, groups=True) if s.label != "blues"]
    only = np.random.default_rng(100).standard_normal(SIZE)
    songs += [song(f"blues/{n}.mp3", "blues", "the one", only, 90 + n) for n in range(4)]
    trained = train(songs, penalty=1.0)
    assert [note for note in trained.notes if "'blues'" in note and "one artist" in note] == trained.notes
    assert len(trained.notes) == 1
    assert {s.label: s.recall for s in trained.per_genre} == {"blues": 0.0, "jazz": 1.0, "rock": 1.0}
    assert trained.accuracy == pytest.approx(12 / 16)


def test_fitting_again_gives_the_same_head() -> None:
    first, second = (
        fit_songs(genre_songs(2, groups=False), ("blues", "jazz", "rock"), "embedding", 1.0, seed=3)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.kernel, second.kernel)


def test_head_of_tags_reads_tags() -> None:
    def tagged(n: int, label: str, hot: int) -> Song:
        tags = np.full((2, 50), 0.1, np.float32)
        tags[:, hot] = 0.9
        return Song(f"{label}/{n}", label, None, np.zeros((2, SIZE), np.float32), tags, [30.0, 12.0])

    songs = [tagged(n, label, hot) for n in range(4) for label, hot in (("jazz", 9), ("rock", 0))]
    labels = ("jazz", "rock")
    head = fit_songs(songs, labels, "tags", 1.0, 0)
    assert (head.input, head.kernel.shape) == ("tags", (50, 2))
    assert all(labels[int(song_probabilities(head, s).argmax())] == s.label for s in songs)


def test_song_probabilities_weight_segments_by_length() -> None:
    head = LinearHead("embedding", np.eye(2, dtype=np.float32) * 10, np.zeros(2, np.float32))
    embeddings = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    mixed = Song("a", "x", None, embeddings, np.zeros((2, 50), np.float32), [30.0, 10.0])
    np.testing.assert_allclose(song_probabilities(head, mixed), [0.75, 0.25], rtol=0, atol=1e-3)


def test_fit_songs_keeps_segments_with_their_labels() -> None:
    songs = genre_songs(3, groups=False)
    uneven = [
        Song(
            s.name, s.label, None, s.embeddings[: 1 + i % 2], s.tags[: 1 + i % 2], s.durations_s[: 1 + i % 2]
        )
        for i, s in enumerate(songs)
    ]
    labels = ("blues", "jazz", "rock")
    head = fit_songs(uneven, labels, "embedding", 1.0, 0)
    assert all(labels[int(song_probabilities(head, s).argmax())] == s.label for s in songs)


# Refusals


def test_no_songs() -> None:
    with pytest.raises(TrainingDataError, match="no labelled song"):
        check_songs([])


def test_single_genre_is_named() -> None:
    songs = [s for s in genre_songs(4, groups=False) if s.label == "jazz"]
    with pytest.raises(TrainingDataError, match="only 'jazz' is there"):
        train(songs)


def test_lonely_labels_are_named() -> None:
    songs = genre_songs(3, groups=False)
    centre = np.zeros(SIZE)
    songs += [song("polka/1.mp3", "polka", None, centre, 1), song("ska/1.mp3", "ska", None, centre, 2)]
    with pytest.raises(TrainingDataError, match=r"only one of: polka, ska$"):
        train(songs)


@pytest.mark.parametrize("n_folds", [1, -1])
def test_fewer_than_two_folds(n_folds: int) -> None:
    with pytest.raises(TrainingDataError, match="at least 2 folds"):
        train(genre_songs(3, groups=False), n_folds=n_folds)


def test_songs_all_in_one_fold_are_refused_or_noted_not_a_crash() -> None:
    """Every genre by one and the same artist: no split can tell anything."""
    songs = [song(f"{n}.mp3", ("jazz", "rock")[n % 2], "the one", np.zeros(SIZE), n) for n in range(6)]
    try:
        trained = train(songs)
    except TrainingDataError:
        return
    assert trained.accuracy == 0.0
    assert len(trained.notes) == 2
