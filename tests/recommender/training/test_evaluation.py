"""Ways of training compared on held-out songs, and bundles judged as they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.datasets.examples import SpectralSong
from classifier.datasets.songs import TrunkSong
from classifier.errors import TrainingDataError
from classifier.features.frontend import FrontEnd
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from classifier.networks.recipes import recipe_of
from classifier.training.held_out import HeldOut
from recommender.home import Home
from recommender.training import evaluation as quality
from recommender.training.data import TrainingData
from recommender.training.evaluation import RecipeResult, judge_bundle, run, summarise

SIZE = 200


def head_songs(n: int = 4) -> list[TrunkSong]:
    made = []
    for g, label in enumerate(("jazz", "polka", "rock")):
        centre = np.random.default_rng(g).standard_normal(SIZE)
        for i in range(n):
            embeddings = centre + 0.1 * np.random.default_rng(10 * g + i).standard_normal((1, SIZE))
            tags = np.full((1, 50), 0.5, np.float32)
            made.append(TrunkSong(f"{label}/{i}", label, None, embeddings.astype(np.float32), tags, [30.0]))
    return made


def spectral(name: str, label: str, patches: np.ndarray) -> SpectralSong:
    """Three patches, the last one of a segment of its own."""
    return SpectralSong(name, label, None, patches, np.array([0, 0, 1]), [30.0, 10.0])


def network_songs(n: int = 4) -> list[SpectralSong]:
    zeros = np.zeros((3, 4, 4), np.float32)
    return [spectral(f"{label}/{i}", label, zeros) for label in ("jazz", "rock") for i in range(n)]


@pytest.fixture
def data(tmp_path: Path, shipped: Bundle) -> TrainingData:
    return TrainingData(Home(tmp_path / "home"), shipped, tmp_path)


# Running


def test_a_head_is_judged_on_every_song_once(data: TrainingData) -> None:
    steps: list[tuple[int, int]] = []
    said = run(data, head_songs(), recipe_of("musicnn"), 0, 2, progress=lambda *step: steps.append(step))
    assert sorted(said.names) == sorted(song.name for song in head_songs())
    assert [said.folds.tolist().count(fold) for fold in (0, 1)] == [6, 6]
    assert said.songs().accuracy >= 11 / 12
    assert steps == [(0, 2), (1, 2), (2, 2)]


def test_one_fold_is_the_last_of_the_same_folds(data: TrainingData) -> None:
    every = run(data, head_songs(), recipe_of("musicnn"), 0, 4)
    last = run(data, head_songs(), recipe_of("musicnn"), 0, 4, one_fold=True)
    expected = {n for n, fold in zip(every.names, every.folds, strict=True) if fold == 3}
    assert set(last.names) == expected == {"jazz/3", "polka/3", "rock/3"}
    assert set(last.folds.tolist()) == {3}


@dataclass
class Fake:
    """A network that says the first label, in place of one that is fitted; and how often it was fitted."""

    fits: list[set[str]] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)

    def fitter(self, _recipe: Any, _labels: Any, seed: int, *_others: Any) -> Callable[..., "Fake"]:
        def fit(songs: Sequence[SpectralSong], unfinished: Path | None) -> "Fake":
            self.fits.append({song.name for song in songs})
            self.seeds.append(seed)
            if unfinished is not None:
                unfinished.mkdir(parents=True)
            return self

        return fit

    def __call__(self, song: SpectralSong) -> np.ndarray:
        return np.tile(np.array([0.75, 0.25], np.float32), (len(song.durations_s), 1))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    made = Fake()
    monkeypatch.setattr(quality, "fitter_of", made.fitter)
    return made


def test_a_stopped_evaluation_goes_on(data: TrainingData, fake: Fake) -> None:
    """Finished folds are kept in the home's cache, one run's apart from another's."""
    recipe, watched = recipe_of("cnn-mel"), list[Path]()

    def stop_at_the_second(done: int, _total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(data, network_songs(), recipe, 5, 2, progress=stop_at_the_second)
    assert len(fake.fits) == 1
    said = run(data, network_songs(), recipe, 5, 2, watch=lambda folder, network: watched.append(folder))
    assert len(fake.fits) == 2
    assert not fake.fits[0] & fake.fits[1]
    assert [folder.name for folder in watched] == ["fold-1"]
    assert watched[0].parent.parent == data.home.cache_dir / "evaluations"
    np.testing.assert_array_equal(said.segments[0], [[0.75, 0.25], [0.75, 0.25]])
    assert said.songs().accuracy == 0.5
    run(data, network_songs(), recipe, 5, 2)
    assert len(fake.fits) == 2, "nothing is fitted again"
    run(data, network_songs(), recipe, 6, 2)
    assert fake.seeds == [5, 5, 6, 6], "another seed is another run"
    run(data, network_songs()[1:], recipe, 6, 2)
    assert len(fake.fits) == 6, "and so are other songs"


def test_where_folds_are_kept_may_be_chosen(data: TrainingData, fake: Fake, tmp_path: Path) -> None:
    run(data, network_songs(), recipe_of("cnn-mel"), 0, 2, folder=tmp_path / "here")
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["fold-0.npz", "fold-1.npz"]
    assert not (data.home.cache_dir / "evaluations").exists()


def test_too_few_songs_are_refused(data: TrainingData) -> None:
    with pytest.raises(TrainingDataError, match="only one of: jazz, polka, rock"):
        run(data, head_songs(1), recipe_of("musicnn"), 0, 2)


# Summaries


def result(
    seed: int, answers: list[int], folds: list[int], fit_s: list[float], sure: float = 0.72
) -> RecipeResult:
    """Songs of truth 0, 0, 1, 1, each of two segments, of which the second says label 0."""
    rest = 1 - sure
    segments = [
        np.array([[sure, rest] if answer == 0 else [rest, sure], [sure, rest]], np.float32)
        for answer in answers
    ]
    return RecipeResult(
        "recipe",
        seed,
        HeldOut(
            labels=("jazz", "rock"),
            names=tuple("abcd"),
            truth=np.array([0, 0, 1, 1]),
            folds=np.array(folds),
            segments=segments,
            durations_s=[(30.0, 10.0)] * 4,
            fit_s=fit_s,
        ),
    )


def test_a_summary_by_hand() -> None:
    """Seed 0 has three of four songs right (folds: 1 and 0.5), seed 1 two (folds: 1 and 0)."""
    first = result(0, [0, 0, 1, 0], [0, 1, 0, 1], [1.0, 3.0])
    second = result(1, [0, 1, 1, 0], [0, 1, 0, 1], [5.0, 7.0])
    found = summarise([first, second])
    assert (found.recipe, found.seeds, found.songs, found.top_3) == ("recipe", 2, 4, None)
    accuracies = [3 / 4, 2 / 4]
    assert found.accuracy == pytest.approx(np.mean(accuracies))
    assert found.accuracy_spread == pytest.approx(np.std(accuracies, ddof=1))
    by_fold = [[2 / 2, 1 / 2], [2 / 2, 0 / 2]]
    assert found.fold_spread == pytest.approx(np.mean([np.std(f) for f in by_fold]))
    # Segments: the second of each song says jazz, which is right twice.
    assert found.segment_accuracy == pytest.approx(np.mean([(3 + 2) / 8, (2 + 2) / 8]))
    f1 = [np.mean([2 * 2 / (2 + 3), 2 * 1 / (2 + 1)]), np.mean([2 * 1 / (2 + 2), 2 * 1 / (2 + 2)])]
    assert found.macro_f1 == pytest.approx(np.mean(f1))
    assert found.fit_s == pytest.approx(4.0)
    # A song says its own answer for 30 s and jazz for 10: 0.72 of jazz, or 0.61 of rock.
    apart = [
        3 / 4 * abs(0.72 - 2 / 3) + 1 / 4 * abs(0.61 - 1),
        2 / 4 * abs(0.72 - 1 / 2) + 2 / 4 * abs(0.61 - 1 / 2),
    ]
    assert found.calibration_error == pytest.approx(np.mean(apart), abs=1e-6)


def test_a_single_seed_has_no_spread() -> None:
    found = summarise([result(0, [0, 0, 1, 0], [0, 1, 0, 1], [2.0])])
    assert (found.seeds, found.accuracy_spread) == (1, 0.0)
    assert found.accuracy == pytest.approx(0.75)


# Bundles as they are


@dataclass
class Given:
    """Songs in place of a folder."""

    songs: list[SpectralSong]
    asked: list[FrontEnd] = field(default_factory=list)

    def spectral_songs(self, front_end: FrontEnd) -> list[SpectralSong]:
        self.asked.append(front_end)
        return self.songs


def test_a_bundle_says_of_segments_what_serving_says(shipped: Bundle, trunk: Trunk) -> None:
    random = np.random.default_rng(2)
    patches = random.uniform(0, 2, (3, 187, 96)).astype(np.float32)
    given: Any = Given([spectral("a", "rock", patches), spectral("b", "polka", patches * 2)])
    result = judge_bundle(given, shipped)
    assert given.asked == [shipped.front_end]
    said = result.held_out
    assert (result.recipe, said.names, said.labels) == (shipped.bundle_id, ("a",), shipped.labels)
    assert said.truth.tolist() == [shipped.labels.index("rock")]
    tags, embeddings = trunk.run(patches)
    for segment, rows in ((0, slice(0, 2)), (1, slice(2, 3))):
        expected = shipped.genres(tags[rows].mean(0)[None], embeddings[rows].mean(0)[None])[0]
        np.testing.assert_allclose(said.segments[0][segment], expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(
        said.song_probabilities()[0], (3 * said.segments[0][0] + said.segments[0][1]) / 4, atol=1e-6
    )


def test_a_bundle_that_knows_no_label_is_named(shipped: Bundle) -> None:
    given: Any = Given([spectral("b", "polka", np.zeros((3, 187, 96), np.float32))])
    with pytest.raises(TrainingDataError, match=f"{shipped.bundle_id} knows: ambient, blues"):
        judge_bundle(given, shipped)
