"""Held-out songs: no model judges a song that it saw, and a stopped run goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.datasets.folds import folds_of, split_validation
from classifier.datasets.songs import TrunkSong
from classifier.errors import TrainingDataError
from classifier.training.cross_validation import EpochCount, Split, held_out, run_key
from classifier.training.held_out import HeldOut

LABELS = ("jazz", "rock")


def song(number: int, label: str, group: str | None = None, n_segments: int = 1) -> TrunkSong:
    embeddings = np.full((n_segments, 1), number, np.float32)
    tags = np.zeros((n_segments, 1), np.float32)
    return TrunkSong(f"{label}/{number:03d}.mp3", label, group, embeddings, tags, [30.0] * n_segments)


def songs_of(n: int) -> list[TrunkSong]:
    """Twice n songs, alternating between two genres."""
    return [song(number, LABELS[number % 2]) for number in range(2 * n)]


@dataclass
class Spy:
    """Fits by remembering, and fails once a model judges what it was trained on."""

    trained: list[list[str]] = field(default_factory=list)
    judged: list[str] = field(default_factory=list)
    folders: list[Path | None] = field(default_factory=list)
    stop_after: int | None = None

    def __call__(self, songs: Sequence[TrunkSong], folder: Path | None) -> "Remembered":
        if self.stop_after is not None and len(self.trained) == self.stop_after:
            raise KeyboardInterrupt
        self.trained.append([s.name for s in songs])
        self.folders.append(folder)
        if folder is not None:
            folder.mkdir(parents=True)
            (folder / "half a fit").write_text("what lets a fit resume")
        return Remembered(self, frozenset(s.name for s in songs), len(self.trained))


@dataclass
class Remembered:
    """Says by its probabilities which fit it came from and which song it judged."""

    spy: Spy
    seen: frozenset[str]
    number: int

    def __call__(self, song: TrunkSong) -> np.ndarray:
        assert song.name not in self.seen, f"{song.name} was trained on"
        self.spy.judged.append(song.name)
        first = np.full(len(song.durations_s), 0.1 * self.number + 0.001 * song.embeddings[0, 0], np.float32)
        return np.stack([first, 1 - first], axis=1)


def run(
    songs: list[TrunkSong],
    spy: Spy,
    folds: np.ndarray | None = None,
    only: list[int] | None = None,
    **more: object,
) -> HeldOut:
    folds = folds_of(songs, 3) if folds is None else folds
    return held_out(songs, Split(LABELS, folds, only or np.unique(folds).tolist()), spy, **more)


@settings(max_examples=60, deadline=None)
@given(
    groups=st.lists(st.sampled_from([None, "Ann", "Bob", "Cid", "Dora"]), min_size=6, max_size=24),
    n_folds=st.integers(2, 5),
)
def test_no_song_is_judged_by_a_model_that_saw_it_or_its_group(
    groups: list[str | None], n_folds: int
) -> None:
    songs = [song(n, LABELS[n % 2], group) for n, group in enumerate(groups)]
    try:
        folds = folds_of(songs, n_folds)
    except TrainingDataError:
        assert len(set(groups)) == 1
        assert groups[0] is not None
        return
    spy = Spy()
    said = run(songs, spy, folds)
    assert sorted(spy.judged) == sorted(s.name for s in songs) == sorted(said.names)
    group_of = {s.name: s.group for s in songs}
    for names in spy.trained:
        there = {group_of[name] for name in names} - {None}
        outside = {group_of[s.name] for s in songs if s.name not in names} - {None}
        assert not there & outside


def test_everything_stays_with_its_song() -> None:
    songs = songs_of(6)
    said = run(songs, Spy())
    folds = folds_of(songs, 3)
    assert said.names == tuple(s.name for s in songs)
    assert said.truth.tolist() == [LABELS.index(s.label) for s in songs]
    assert said.folds.tolist() == folds.tolist()
    for position, (one, fold) in enumerate(zip(songs, folds, strict=True)):
        assert said.segments[position][0, 0] == pytest.approx(0.1 * (fold + 1) + 0.001 * one.embeddings[0, 0])
    assert len(said.fit_s) == 3
    assert min(said.fit_s) >= 0


def test_progress_counts_folds() -> None:
    seen: list[tuple[int, int]] = []
    run(songs_of(6), Spy(), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_fit_that_stops_early_counts_as_whole() -> None:
    """Three fits of at most two epochs, of which each runs one; and the same counted in fits alone."""
    for per_fit, expected in ((2, [0, 1, 2, 3, 4, 5, 6]), (1, [0, 0, 1, 1, 2, 2, 3])):
        seen: list[tuple[int, int]] = []
        count = EpochCount(lambda *step, seen=seen: seen.append(step), 3, per_fit)
        for fit in range(3):
            count.fits_done(fit, 3)
            count.within_fit(1, 2)
        count.fits_done(3, 3)
        assert seen == [(done, 3 * per_fit) for done in expected]


@pytest.mark.parametrize("only", [[2], [0, 2]])
def test_only_some_folds(only: list[int]) -> None:
    songs, spy = songs_of(6), Spy()
    folds = folds_of(songs, 3)
    said = run(songs, spy, only=only)
    assert len(spy.trained) == len(said.fit_s) == len(only)
    outside = [s.name for s, fold in zip(songs, folds, strict=True) if fold in only]
    assert list(said.names) == outside
    assert set(said.folds.tolist()) == set(only)
    assert len(said.fold_accuracies()) == len(only)


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    songs, folder = songs_of(6), tmp_path / "runs"
    with pytest.raises(KeyboardInterrupt):
        run(songs, Spy(stop_after=2), folder=folder)
    assert sorted(path.name for path in folder.iterdir()) == ["fold-0.npz", "fold-1.npz"]
    later = Spy(trained=[[], []])  # whose next fit is the third
    said = run(songs, later, folder=folder)
    assert len(later.trained) == 3
    assert later.folders == [folder / "fold-2"]
    whole = run(songs, Spy())
    assert said.names == whole.names
    for found, expected in zip(said.segments, whole.segments, strict=True):
        np.testing.assert_array_equal(found, expected)
    again = Spy(stop_after=0)
    np.testing.assert_array_equal(
        run(songs, again, folder=folder).song_probabilities(), whole.song_probabilities()
    )


def test_what_a_fit_keeps_is_removed_once_its_fold_is_done(tmp_path: Path) -> None:
    class Stops(Spy):
        def __call__(self, songs: Sequence[TrunkSong], folder: Path | None) -> Remembered:
            fitted = super().__call__(songs, folder)
            if len(self.trained) == 2:
                raise KeyboardInterrupt
            return fitted

    with pytest.raises(KeyboardInterrupt):
        run(songs_of(6), Stops(), folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fold-0.npz", "fold-1"]
    assert (tmp_path / "fold-1/half a fit").exists()


def test_without_a_folder_nothing_is_kept() -> None:
    spy = Spy()
    run(songs_of(6), spy)
    assert spy.folders == [None] * 3


def hand_made() -> HeldOut:
    """Two songs: one of 30 s and 10 s, right by its weighted mean alone; one of a single segment, wrong."""
    return HeldOut(
        labels=LABELS,
        names=("a", "b"),
        truth=np.array([0, 1]),
        folds=np.array([0, 1]),
        segments=[np.array([[0.7, 0.3], [0.1, 0.9]], np.float32), np.array([[0.6, 0.4]], np.float32)],
        durations_s=[[30.0, 10.0], [30.0]],
        fit_s=[1.0, 1.0],
    )


def test_figures_by_hand() -> None:
    said = hand_made()
    np.testing.assert_allclose(said.song_probabilities(), [[0.55, 0.45], [0.6, 0.4]], rtol=1e-6)
    assert (said.songs().n, said.songs().accuracy) == (2, 0.5)
    assert said.by_segment().n == 3
    assert said.by_segment().accuracy == pytest.approx(1 / 3)
    assert said.fold_accuracies() == [1.0, 0.0]
    assert len(said.levels()) == 1
    expected = -(np.log(0.55) + np.log(0.4)) / 2
    assert said.songs().cross_entropy == pytest.approx(expected, rel=1e-5)


def test_folds_of_two_at_least() -> None:
    with pytest.raises(TrainingDataError, match="at least 2 folds"):
        folds_of(songs_of(4), 1)
    with pytest.raises(TrainingDataError, match="all songs are by one artist"):
        folds_of([song(n, LABELS[n % 2], "Ann") for n in range(6)], 3)


def test_folds_are_five_or_as_many_as_the_rarest_genre_fills() -> None:
    assert len(np.unique(folds_of(songs_of(9), None))) == 5
    assert len(np.unique(folds_of(songs_of(3), None))) == 3
    assert len(np.unique(folds_of(songs_of(9), 7))) == 7


def test_run_keys_depend_on_recipe_songs_and_seed() -> None:
    songs = songs_of(3)
    keys = {
        run_key({"arch": "cnn"}, songs, 0),
        run_key({"arch": "cnn", "limits": (1, 2)}, songs, 0),
        run_key({"arch": "cnn"}, songs, 1),
        run_key({"arch": "cnn"}, songs[1:], 0),
        run_key({"arch": "cnn"}, [*songs[:-1], song(5, "jazz")], 0),
        run_key({"arch": "cnn"}, [*songs[:-1], song(5, "rock", "Ann")], 0),
    }
    assert len(keys) == 6
    assert run_key({"a": (1, 2)}, songs, 0) == run_key({"a": [1, 2]}, songs, 0)


@pytest.mark.parametrize(
    ("groups", "labels", "apart"),
    [
        # Ten songs a genre without groups: the last block of each, a fifth.
        ([None] * 20, "jr" * 10, {16, 17, 18, 19}),
        # Four songs a genre, as many as a fold of 60 clips leaves: one of each.
        ([None] * 8, "jr" * 4, {0, 1}),
        # Seven and two: a block that has both.
        ([None] * 9, "jjjjjjjrr", {0, 1, 7}),
        # Two artists a genre: no fifth has both genres; an artist of one of them.
        (["a", "b", "c", "d"] * 4, "jjrr" * 4, None),
        # Two artists who play both: the one with fewer songs.
        (["a"] * 6 + ["b"] * 2, "jr" * 4, {6, 7}),
        # One song a genre, or one artist: none can be spared.
        ([None] * 2, "jr", set()),
        (["a"] * 8, "jr" * 4, set()),
    ],
    ids=["blocks", "four", "uneven", "artists", "both", "one song", "one artist"],
)
def test_the_songs_that_say_when_to_stop(
    groups: list[str | None], labels: str, apart: set[int] | None
) -> None:
    names = {"j": "jazz", "r": "rock"}
    songs = [
        song(n, names[label], group) for n, (label, group) in enumerate(zip(labels, groups, strict=True))
    ]
    inside, outside = split_validation(songs)
    assert sorted(s.name for s in [*inside, *outside]) == sorted(s.name for s in songs)
    assert {s.label for s in inside} == set(LABELS)
    assert not {s.group for s in inside} & {s.group for s in outside} - {None}
    if apart is not None:
        assert {int(s.embeddings[0, 0]) for s in outside} == apart
