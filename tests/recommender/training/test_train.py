"""Training: honest figures, calibrated on songs held out, and refusals that name the reason."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier.datasets.examples import SpectralSong, examples_of
from classifier.datasets.folds import split_validation
from classifier.datasets.songs import TrunkSong, check_songs
from classifier.errors import TrainingDataError
from classifier.features.frontend import FrontEnd
from classifier.model.linear_head import LinearHead
from classifier.model.predictions import song_mean
from classifier.networks.recipes import Recipe, recipe_of
from classifier.training.fitters import FittedHead, Start, fitter_of
from classifier.training.head_fitting import HeadFit, fit_head
from classifier.training.held_out import at_temperature
from recommender.training.train import Trained, TrainingPlan, train_classifier

SIZE = 200
MUSICNN = recipe_of("musicnn")


def train(songs: Sequence[TrunkSong], n_folds: int | None = None) -> Trained:
    return train_classifier(songs, TrainingPlan(MUSICNN, n_folds))


def song_probabilities(head: LinearHead, one: TrunkSong) -> np.ndarray:
    return song_mean(head.probabilities(one.tags, one.embeddings), one.durations_s)


def song(
    name: str, label: str, group: str | None, centre: np.ndarray, seed: int, n_segments: int = 2
) -> TrunkSong:
    random = np.random.default_rng(seed)
    embeddings = (centre + 0.3 * random.standard_normal((n_segments, SIZE))).astype(np.float32)
    return TrunkSong(
        name, label, group, embeddings, np.full((n_segments, 50), 0.5, np.float32), [30.0] * n_segments
    )


def genre_songs(n_songs: int, groups: bool) -> list[TrunkSong]:
    """Songs whose genre can be told, whoever the artist is."""
    songs = []
    for g, label in enumerate(("blues", "jazz", "rock")):
        centre = np.random.default_rng(100 + g).standard_normal(SIZE)
        for n in range(n_songs):
            artist = f"{label} artist {n // 2}" if groups else None
            songs.append(song(f"{label}/{n:02d}.mp3", label, artist, centre, 10 * g + n))
    return songs


def artist_songs(known: bool) -> list[TrunkSong]:
    """Songs whose artist can be told but whose genre cannot: each artist plays one genre by chance."""
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
def test_genres_that_can_be_told_apart_are_recognised(groups: bool, folds: int) -> None:
    songs = genre_songs(4, groups)
    seen: list[tuple[int, int]] = []
    trained = train_classifier(songs, TrainingPlan(MUSICNN), lambda *step: seen.append(step))
    assert trained.labels == ("blues", "jazz", "rock")
    assert (trained.songs, trained.folds, trained.notes, trained.network) == (12, folds, [], None)
    figures = trained.held_out.songs()
    assert (figures.n, figures.accuracy) == (12, 1.0)
    assert [(s.label, s.songs, s.precision, s.recall, s.f1) for s in figures.per_label] == [
        (label, 4, 1.0, 1.0, 1.0) for label in trained.labels
    ]
    assert all(trained.labels[int(song_probabilities(trained.head, s).argmax())] == s.label for s in songs)
    assert seen == [(done, folds + 1) for done in range(folds + 2)]


def test_what_is_said_of_a_song_is_by_a_head_that_did_not_see_it() -> None:
    """By value: each fold's head fitted here on the songs outside it, its strength chosen among them."""
    songs = genre_songs(4, groups=False)
    trained = train(songs, n_folds=2)
    said = trained.held_out
    assert sorted(said.names) == sorted(s.name for s in songs)
    by_name = {s.name: s for s in songs}
    for fold in (0, 1):
        inside = [by_name[n] for n, f in zip(said.names, said.folds, strict=True) if f != fold]
        assert len(inside) == 6
        fitted = fitter_of(MUSICNN, trained.labels, 0)(inside, None)
        for name, of_fold, segments in zip(said.names, said.folds, said.segments, strict=True):
            if of_fold == fold:
                one = by_name[name]
                expected = fitted.head.probabilities(one.tags, one.embeddings)
                np.testing.assert_allclose(segments, expected, rtol=0, atol=1e-6)


def test_the_calibration_is_that_of_the_songs_held_out() -> None:
    """Not of the final head on the songs that it was fitted on."""
    jazz, rock = (np.random.default_rng(s).standard_normal(SIZE) for s in (1, 2))
    songs = [song(f"jazz/{n}.mp3", "jazz", None, jazz, n) for n in range(8)]
    songs += [song(f"rock/{n}.mp3", "rock", None, jazz if n % 4 == 0 else rock, 20 + n) for n in range(8)]
    trained = train(songs, n_folds=2)
    calibration = trained.calibration
    assert calibration.temperature == trained.held_out.temperature
    fitted_on = replace(
        trained.held_out,
        names=tuple(s.name for s in songs),
        truth=np.repeat([0, 1], 8),
        segments=[trained.head.probabilities(s.tags, s.embeddings) for s in songs],
        durations_s=[s.durations_s for s in songs],
    )
    assert calibration.temperature != pytest.approx(fitted_on.temperature, rel=0.05)
    pairs = zip(trained.held_out.segments, trained.held_out.durations_s, strict=True)
    sure = [song_mean(at_temperature(p, calibration.temperature), d).max() for p, d in pairs]
    assert min(sure) <= calibration.least_confidence <= np.percentile(sure, 10)


def test_sounds_that_are_not_music_are_unknown_to_the_calibration() -> None:
    songs = genre_songs(8, groups=False)
    noises = (np.random.default_rng(9).standard_normal((30, SIZE)) * 3).astype(np.float32)
    learned, held = noises[:20], noises[20:]
    calibration = train_classifier(songs, TrainingPlan(MUSICNN, 4, not_music=learned)).calibration
    head = train(songs, 4).head
    np.testing.assert_array_equal(calibration.examples, learned)

    def unknown(embeddings: np.ndarray) -> bool:
        tags = np.full((len(embeddings), 50), 0.5, np.float32)
        said = head.probabilities(tags, embeddings, calibration.temperature)
        return calibration.judge(embeddings, said, [30.0] * len(embeddings)).unknown

    assert sum(unknown(one[None]) for one in held) >= 9
    assert sum(unknown(s.embeddings) for s in songs) <= 1


def test_knowing_the_artist_does_not_count_where_artists_are_kept_together() -> None:
    """A split that let an artist fall on both sides would report nearly 1."""
    leaking = train(artist_songs(known=False), n_folds=2)
    honest = train(artist_songs(known=True), n_folds=2)
    assert leaking.held_out.songs().accuracy > 0.9
    assert honest.held_out.songs().accuracy < 0.75


def test_accuracy_is_the_share_of_songs_and_recall_of_each_genre() -> None:
    """Two of eight rock songs sound like jazz: 14 of 16 at best."""
    jazz, rock = (np.random.default_rng(s).standard_normal(SIZE) for s in (1, 2))
    songs = [song(f"jazz/{n}.mp3", "jazz", None, jazz, n) for n in range(8)]
    songs += [song(f"rock/{n}.mp3", "rock", None, jazz if n % 4 == 0 else rock, 20 + n) for n in range(8)]
    figures = train(songs, n_folds=2).held_out.songs()
    assert figures.accuracy == pytest.approx(14 / 16)
    assert [s.recall for s in figures.per_label] == pytest.approx([1.0, 6 / 8])
    assert [s.precision for s in figures.per_label] == pytest.approx([8 / 10, 1.0])


def test_a_genre_by_one_artist_is_noted_and_counts_as_missed() -> None:
    songs = [s for s in genre_songs(6, groups=True) if s.label != "blues"]
    only = np.random.default_rng(100).standard_normal(SIZE)
    songs += [song(f"blues/{n}.mp3", "blues", "the one", only, 90 + n) for n in range(4)]
    trained = train(songs)
    assert [note for note in trained.notes if "'blues'" in note and "one artist" in note] == trained.notes
    assert len(trained.notes) == 1
    figures = trained.held_out.songs()
    assert {s.label: s.recall for s in figures.per_label} == {"blues": 0.0, "jazz": 1.0, "rock": 1.0}
    assert figures.accuracy == pytest.approx(12 / 16)


def test_fitting_again_gives_the_same_head() -> None:
    first, second = (train(genre_songs(2, groups=False)).head for _ in range(2))
    np.testing.assert_array_equal(first.kernel, second.kernel)


def test_head_of_tags_reads_tags() -> None:
    def tagged(n: int, label: str, hot: int) -> TrunkSong:
        tags = np.full((2, 50), 0.1, np.float32)
        tags[:, hot] = 0.9
        return TrunkSong(f"{label}/{n}", label, None, np.zeros((2, SIZE), np.float32), tags, [30.0, 12.0])

    songs = [tagged(n, label, hot) for n in range(4) for label, hot in (("jazz", 9), ("rock", 0))]
    labels = ("jazz", "rock")
    head = fit_head(examples_of(songs, labels, "tags"), 2, HeadFit("tags", 1.0))
    assert (head.input, head.kernel.shape) == ("tags", (50, 2))
    assert all(labels[int(song_probabilities(head, s).argmax())] == s.label for s in songs)


def test_a_fitted_head_says_what_it_would_serve_of_each_segment() -> None:
    head = LinearHead("embedding", np.eye(2, dtype=np.float32) * 10, np.zeros(2, np.float32))
    embeddings = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], np.float32)
    three = TrunkSong("a", "x", None, embeddings, np.zeros((3, 50), np.float32), [30.0, 10.0, 5.0])
    sure = 1 / (1 + np.exp(-10))
    expected = [[sure, 1 - sure], [1 - sure, sure], [0.5, 0.5]]
    np.testing.assert_allclose(FittedHead(head, {})(three), expected, rtol=0, atol=1e-6)


def test_fit_songs_keeps_segments_with_their_labels() -> None:
    songs = genre_songs(3, groups=False)
    uneven = [
        TrunkSong(
            s.name, s.label, None, s.embeddings[: 1 + i % 2], s.tags[: 1 + i % 2], s.durations_s[: 1 + i % 2]
        )
        for i, s in enumerate(songs)
    ]
    labels = ("blues", "jazz", "rock")
    head = fit_head(examples_of(uneven, labels, "embedding"), 3, HeadFit(penalty=1.0))
    assert all(labels[int(song_probabilities(head, s).argmax())] == s.label for s in songs)


# Networks

FRONT_END = FrontEnd(patch_frames=24, n_mels=12)


def network_recipe(arch: str = "cnn-mel", epochs: int = 2) -> Recipe:
    recipe = recipe_of(arch)
    return replace(recipe, front_end=FRONT_END, fit=replace(recipe.fit, epochs=epochs, batch_size=8))


def spectral(name: str, label: str, group: str | None = None, seed: int = 0, n: int = 3) -> SpectralSong:
    """A song of two segments, of n − 1 patches and of one."""
    random = np.random.default_rng(seed)
    patches = random.uniform(0, 1, (n, 24, 12))
    patches[:, :, : 6 if label == "a" else 12] += 2
    segments = np.array([0] * (n - 1) + [1])
    return SpectralSong(name, label, group, patches.astype(np.float16), segments, [30.0, 10.0])


def spectral_songs(n: int = 6) -> list[SpectralSong]:
    return [
        spectral(f"{label}/{i}", label, f"{label} {i // 2}", 10 * i + (label == "a"))
        for label in ("a", "b")
        for i in range(n)
    ]


def test_about_a_fifth_of_each_genre_says_when_to_stop() -> None:
    songs = [spectral(f"{label}/{i}", label) for label in ("a", "b") for i in range(10)]
    inside, held = split_validation(songs)
    assert sorted(s.name for s in held) == ["a/8", "a/9", "b/8", "b/9"]
    assert len(inside) == 16


@pytest.fixture(scope="module")
def network() -> Trained:
    return train_classifier(spectral_songs(), TrainingPlan(network_recipe(), seed=4))


def test_the_head_is_the_networks_own_last_layer(network: Trained) -> None:
    """What serving computes of the trunk's embeddings is the network's softmax."""
    assert network.network is not None
    parts = network.network.network
    patches = np.concatenate([s.patches for s in spectral_songs()]).astype(np.float32)
    embeddings = np.asarray(
        parts.trunk(patches)[0] if isinstance(parts.trunk(patches), list) else parts.trunk(patches)
    )
    said = network.head.probabilities(np.zeros((len(patches), 0), np.float32), embeddings)
    np.testing.assert_allclose(said, np.asarray(parts.model(patches)), rtol=0, atol=1e-5)
    assert said.std(axis=0).min() > 1e-4, "it does not say the same of everything"
    assert network.head.kernel.shape == (96, 2)


def test_one_fold_of_whole_groups_is_held_out_of_a_network(network: Trained) -> None:
    said = network.held_out
    assert (network.songs, network.folds, len(said.names)) == (12, 1, 4)
    groups = {s.name: s.group for s in spectral_songs()}
    outside = {groups[name] for name in said.names}
    assert sum(group in outside for group in groups.values()) == 4
    assert [p.shape for p in said.segments] == [(2, 2)] * 4
    assert network.choices == {"best_epoch": network.network.best_epoch}
    assert {len(values) for values in network.network.history.values()} == {2}


def test_a_network_is_calibrated_on_its_held_out_songs(network: Trained) -> None:
    assert network.calibration.temperature == network.held_out.temperature
    assert network.calibration.familiarity is None
    assert "4 songs held out in 1 folds" in network.calibration.data


def test_every_fold_of_a_network_is_held_out_where_folds_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And no fit sees, or is stopped by, a song that it is then judged on."""
    fitted: list[tuple[set[str], set[str]]] = []
    fake = FakeNetwork()

    def fit_network(
        _recipe: Recipe, songs: Sequence[SpectralSong], held: Sequence[SpectralSong], *_: object, **__: object
    ) -> FakeNetwork:
        fitted.append(({s.name for s in songs}, {s.name for s in held}))
        return fake

    monkeypatch.setattr("classifier.networks.fit.fit_network", fit_network)
    steps: list[tuple[int, int]] = []
    plan = TrainingPlan(network_recipe(epochs=7), 3, folder=tmp_path)
    trained = train_classifier(spectral_songs(), plan, lambda *step: steps.append(step))
    assert trained.folds == 3
    assert sorted(trained.held_out.names) == sorted(s.name for s in spectral_songs())
    *folds, final = fitted
    seen_by = [inside | held for inside, held in folds]
    every = {s.name for s in spectral_songs()}
    assert [every - some for some in seen_by] == [
        {n for n, f in zip(trained.held_out.names, trained.held_out.folds, strict=True) if f == fold}
        for fold in (0, 1, 2)
    ]
    assert final[0] | final[1] == every
    assert (steps[0], steps[-1]) == ((0, 28), (28, 28))
    assert steps == sorted(steps)
    fitted.clear()
    train_classifier(spectral_songs(), plan)
    assert len(fitted) == 1, "finished folds are not run again"


class FakeNetwork:
    """A network that says the first label of every segment."""

    history: dict[str, list[float]] = {"loss": [1.0]}  # noqa: RUF012
    choices: dict[str, int] = {"best_epoch": 0}  # noqa: RUF012
    head = LinearHead("embedding", np.zeros((4, 2), np.float32), np.zeros(2, np.float32))

    def __call__(self, song: SpectralSong) -> np.ndarray:
        return np.tile(np.array([0.7, 0.3], np.float32), (len(song.durations_s), 1))


def test_a_tuned_trunk_starts_from_the_head_that_it_would_get_if_it_stayed() -> None:
    """That is, from one fitted on each segment's mean embedding."""

    def run(patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        means = patches.mean(axis=1)
        return np.full((len(patches), 50), 0.5, np.float32), np.asarray(means, np.float32)

    songs = spectral_songs()
    head = Start({}, run).head(songs, ("a", "b"))
    assert (head.input, head.kernel.shape) == ("embedding", (12, 2))
    for one in songs:
        means = one.patches.astype(np.float32).mean(axis=1)
        by_hand = np.stack([means[:2].mean(axis=0), means[2]])
        said = head.probabilities(np.zeros((2, 0), np.float32), by_hand)
        assert set(said.argmax(axis=1)) == {("a", "b").index(one.label)}


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
    assert trained.held_out.songs().accuracy == 0.0
    assert len(trained.notes) == 2
