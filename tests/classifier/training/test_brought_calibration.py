"""What labelled songs and other sounds say of a network that learned from none of them."""

from dataclasses import replace

import numpy as np
import pytest

from classifier.datasets.songs import TrunkSong
from classifier.errors import TrainingDataError
from classifier.genres.taxonomy import Taxonomy
from classifier.model.bundle import Bundle
from classifier.model.linear_head import LinearHead
from classifier.training import brought_calibration
from classifier.training.brought_calibration import calibrate_genres, labels_within, learn_detector
from classifier.training.fit_detector import Sounds, held_out_scores

LEAVES = ("electronic/house", "electronic/ambient", "rock/punk", "soul")
TOO_SURE = 3.0


def bundle_of(shipped: Bundle, too_sure: float) -> Bundle:
    """Return a bundle whose scores are its embeddings, so many times as large as they ought to be."""
    kernel = np.eye(4, dtype=np.float32) * np.float32(too_sure)
    head = LinearHead("embedding", kernel, np.zeros(4, np.float32))
    return replace(shipped, head=head, labels=LEAVES, taxonomy=Taxonomy.from_labels(LEAVES), calibration=None)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def songs_of(n: int, seed: int = 0, tops: bool = False) -> list[TrunkSong]:
    """Return songs, their embeddings being log-odds by which their labels were drawn."""
    random = np.random.default_rng(seed)
    z = random.normal(0, 1.2, (n, 4)).astype(np.float32)
    drawn = [LEAVES[random.choice(4, p=p / p.sum())] for p in softmax(z.astype(float))]
    labels = [label.split("/")[0] if tops else label for label in drawn]
    return [
        TrunkSong(f"{i:04}", label, f"artist {i // 2}", z[i : i + 1], np.zeros((1, 50), np.float32), [30.0])
        for i, label in enumerate(labels)
    ]


def test_a_label_means_a_genre_all_below_it_or_the_last_word_of_one() -> None:
    def meant(label: str) -> list[str]:
        return [leaf for leaf, is_it in zip(LEAVES, labels_within(label, LEAVES), strict=True) if is_it]

    assert meant("Electronic") == ["electronic/house", "electronic/ambient"]
    assert meant("electronic/other") == meant("electronic")
    assert meant("rock/Punk") == meant("PUNK") == ["rock/punk"]
    assert meant("rock/punk/oi") == meant("electro") == meant("") == []


@pytest.mark.parametrize("tops", [False, True])
def test_the_temperature_is_that_at_which_labels_are_likeliest(shipped: Bundle, tops: bool) -> None:
    """Against a search of our own over a grid; labels of the top level stand for all that is below."""
    songs = songs_of(400, tops=tops)
    found = calibrate_genres(bundle_of(shipped, TOO_SURE), songs)
    z = np.concatenate([song.embeddings for song in songs]).astype(float) * TOO_SURE
    truth = np.array([[leaf.startswith(song.label) for leaf in LEAVES] for song in songs])

    def loss(temperature: float) -> float:
        return float(-np.log((softmax(z / temperature) * truth).sum(axis=1)).mean())

    grid = np.linspace(1, 6, 501)
    assert found.temperature == pytest.approx(grid[np.argmin([loss(t) for t in grid])], rel=0.03)
    assert found.temperature == pytest.approx(TOO_SURE, rel=0.25), "they were drawn at a third of the scores"
    assert found.loss_before == pytest.approx(loss(1.0), rel=1e-4)
    assert loss(found.temperature) <= found.loss_after < found.loss_before
    at_it = softmax(z / found.temperature)
    assert found.least_confidence == pytest.approx(np.percentile(at_it.max(axis=1), 1), rel=1e-4)
    top = np.stack([at_it[:, :2].sum(axis=1), at_it[:, 2], at_it[:, 3]], axis=1).argmax(axis=1)
    names = np.array(["electronic", "rock", "soul"])[top]
    right = np.mean([song.label.split("/")[0] == name for song, name in zip(songs, names, strict=True)])
    assert found.accuracy == pytest.approx(right)
    assert (found.songs, found.genres) == (400, 3 if tops else 4)


def test_where_no_temperature_helps_other_artists_songs_none_is_used(shipped: Bundle) -> None:
    """Of 40 songs, each half by one artist, whose answers ask for opposite things."""
    sure = np.array([[4.0, 0, 0, 0]], np.float32)
    tags = np.zeros((1, 50), np.float32)
    right = [TrunkSong(f"a{i}", "house", "a", sure, tags, [30.0]) for i in range(20)]
    wrong = [TrunkSong(f"b{i}", "soul", "b", sure, tags, [30.0]) for i in range(20)]
    found = calibrate_genres(bundle_of(shipped, 1.0), [*right, *wrong])
    assert found.loss_after >= found.loss_before
    assert found.temperature == 1.0


def test_labels_that_it_has_no_genre_for_are_left_out(shipped: Bundle) -> None:
    songs = songs_of(60)
    strange = [replace(song, label="polka", name=f"p{i}") for i, song in enumerate(songs[:7])]
    found = calibrate_genres(bundle_of(shipped, 2.0), [*songs, *strange])
    assert (found.songs, found.left_out) == (60, {"polka": 7})
    assert found == replace(calibrate_genres(bundle_of(shipped, 2.0), songs), left_out={"polka": 7})


def test_too_few_songs_or_artists_are_a_line(shipped: Bundle) -> None:
    bundle, songs = bundle_of(shipped, 2.0), songs_of(60)
    with pytest.raises(TrainingDataError, match=r"takes 10 labelled songs of two genres.* there are 9 of"):
        calibrate_genres(bundle, songs[:9])
    with pytest.raises(TrainingDataError, match="there are 0 of 0"):
        calibrate_genres(bundle, [replace(song, label="polka") for song in songs])
    with pytest.raises(TrainingDataError, match="by two artists"):
        calibrate_genres(bundle, [replace(song, group="one") for song in songs])


def cloud(n: int, centre: float, label: str, seed: int) -> list[TrunkSong]:
    random = np.random.default_rng(seed)
    means = random.normal(centre, 1.0, (n, 6)).astype(np.float32)
    return [
        TrunkSong(f"{label} {i:03}", label, None, mean[None], np.zeros((1, 50), np.float32), [5.0])
        for i, mean in enumerate(means)
    ]


def test_a_detector_tells_sounds_of_kinds_that_it_did_not_learn() -> None:
    music = cloud(200, 0.0, "music", 1)
    found = learn_detector(music, [*cloud(30, 3.0, "rain", 2), *cloud(30, 3.5, "sea", 3)])
    assert (found.sounds, found.kinds, found.music) == (60, 2, 200)
    assert found.told > 0.95
    assert found.wrong <= 0.01
    assert (found.detector.score(np.full((1, 6), 3.2, np.float32)) > 0).all()
    assert (found.detector.score(np.zeros((1, 6), np.float32)) < 0).all()


def test_of_many_kinds_some_are_held_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    folds = []

    def held_out(music: Sounds, others: Sounds):
        folds.append(others.folds)
        return held_out_scores(music, others)

    monkeypatch.setattr(brought_calibration, "held_out_scores", held_out)
    sounds = [one for kind in range(12) for one in cloud(2, 3.0, f"kind {kind:02}", kind)]
    assert learn_detector(cloud(40, 0.0, "music", 1), sounds).kinds == 12
    assert folds[0].tolist() == [kind % 10 for kind in range(12) for _ in range(2)]


def test_a_detector_that_tells_too_little_is_not_made() -> None:
    music = cloud(60, 0.0, "music", 1)
    alike = [*cloud(20, 0.0, "rain", 2), *cloud(20, 0.0, "sea", 3)]
    with pytest.raises(TrainingDataError, match=r"only .* are told from music"):
        learn_detector(music, alike)
    with pytest.raises(TrainingDataError, match=r"there are 20 of 1, and 60 songs"):
        learn_detector(music, alike[:20])
    with pytest.raises(TrainingDataError, match=r"there are 40 of 2, and 19 songs"):
        learn_detector(music[:19], alike)
