"""Which tracks of a list are one recording: planted re-encodings, and what must be kept apart."""

from collections.abc import Sequence

import numpy as np
import pytest

from recommender import params
from recommender.retrieval.alignment import PatchSequence
from recommender.retrieval.same_recordings import Recording, same_recordings
from tests.recommender.retrieval.brute_force import unit

PATCH_S, DIMENSIONS = 3.0, 20


class PatchLibrary:
    """Recordings with their patches, and which patches were asked for."""

    def __init__(self) -> None:
        self.patches: dict[int, np.ndarray] = {}
        self.asked: list[tuple[int, ...]] = []

    def add(
        self,
        patches: np.ndarray,
        content: str | None = None,
        duration_s: float | None = 60.0,
        name: tuple[str, str] = ("", ""),
    ) -> Recording:
        key = len(self.patches)
        self.patches[key] = patches.astype(np.float32)
        vector = unit(patches.mean(axis=0)).astype(np.float32)
        return Recording(key, content, duration_s, vector, *name)

    def __call__(self, keys: Sequence[int]) -> dict[int, PatchSequence]:
        self.asked.append(tuple(keys))
        found = {key: self.patches[key] for key in keys if len(self.patches[key])}
        return {
            key: PatchSequence((PATCH_S * np.arange(len(p))).astype(np.float32), p, PATCH_S)
            for key, p in found.items()
        }


def song(seed: int, n: int = 20) -> np.ndarray:
    """Patches of one sound that change in their own way."""
    random = np.random.default_rng(seed)
    return 1.2 * np.ones(DIMENSIONS) + 0.6 * random.standard_normal((n, DIMENSIONS))


def again(patches: np.ndarray, seed: int = 9) -> np.ndarray:
    """The same recording, encoded once more."""
    return patches + 0.03 * np.random.default_rng(seed).standard_normal(patches.shape)


def test_files_of_one_recording_share_the_number_of_the_best() -> None:
    library = PatchLibrary()
    made = [
        library.add(p) for p in (song(1), song(2), again(song(1)), song(3), again(song(2)), again(song(1), 7))
    ]
    assert same_recordings(made, [], library).tolist() == [0, 1, 0, 3, 1, 0]


def test_files_of_the_queries_recordings_are_marked() -> None:
    library = PatchLibrary()
    queries = [library.add(song(1)), library.add(song(2))]
    made = [library.add(p) for p in (song(3), again(song(2)), again(song(3)), again(song(1)), song(4))]
    assert same_recordings(made, queries, library).tolist() == [0, -1, 0, -1, 4]


def test_what_resembles_a_file_of_the_query_is_the_querys_too() -> None:
    """Marked files pass the mark on."""
    library = PatchLibrary()
    query = library.add(song(1), "one", None)
    twin, recoded = library.add(song(1), "one"), library.add(again(song(1)), "two")
    assert same_recordings([twin, recoded], [query], library).tolist() == [-1, -1]


def test_identical_content_needs_no_comparison_and_no_length() -> None:
    library = PatchLibrary()
    a, b = library.add(song(1), "hash", None), library.add(song(1), "hash", 10.0)
    assert same_recordings([a, b], [], library).tolist() == [0, 0]
    assert library.asked == []


@pytest.mark.parametrize(("one_s", "other_s"), [(60.0, 64.0), (None, 60.0), (60.0, None), (None, None)])
def test_other_or_unknown_lengths_are_kept_apart(one_s: float | None, other_s: float | None) -> None:
    library = PatchLibrary()
    made = [library.add(song(1), None, one_s), library.add(again(song(1)), None, other_s)]
    assert same_recordings(made, [], library).tolist() == [0, 1]
    assert library.asked == []


def test_songs_of_one_sound_that_change_differently_are_kept_apart() -> None:
    library = PatchLibrary()
    made = [library.add(song(seed)) for seed in range(1, 9)]
    vectors = np.stack([one.vector for one in made])
    assert (
        vectors @ vectors.T
    ).min() > params.MAYBE_SAME  # so that only their temporal correlation tells them apart
    assert same_recordings(made, [], library).tolist() == [*range(8)]
    assert len(library.asked) == 28


def test_other_sounds_are_not_even_looked_at() -> None:
    library = PatchLibrary()
    made = [library.add(sign * song(1)) for sign in (1, -1)]
    assert same_recordings(made, [], library).tolist() == [0, 1]
    assert library.asked == []


def test_without_patches_in_doubt_both_are_kept() -> None:
    library = PatchLibrary()
    made = [library.add(song(1)), library.add(again(song(1)))]
    library.patches[1] = np.zeros((0, DIMENSIONS), np.float32)
    assert same_recordings(made, [], library).tolist() == [0, 1]


SHORT = ("Ann", "Short"), ("ann", "SHORT (Remastered 2011)")
LIVE = ("Ann", "Short"), ("Ann", "Short (live)")


@pytest.mark.parametrize(("names", "same"), [(SHORT, True), (LIVE, False), ((("", ""),) * 2, False)])
def test_of_two_patches_only_sound_and_tags_together_tell(
    names: tuple[tuple[str, str], tuple[str, str]], same: bool
) -> None:
    """They hardly change: without tags that agree, both are kept."""
    library = PatchLibrary()
    patches = song(1, 2)
    one, other = library.add(patches, None, 6.0, names[0]), library.add(again(patches), None, 6.0, names[1])
    assert same_recordings([one, other], [], library).tolist() == [0, 0 if same else 1]


def test_of_no_tracks_there_is_nothing_to_say() -> None:
    library = PatchLibrary()
    assert same_recordings([], [library.add(song(1))], library).tolist() == []
