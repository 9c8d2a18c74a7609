"""Whether two files are one recording: alignment by value, and what is enough to say so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from classifier.audio.excerpt import open_frames
from classifier.model.inference import Trunk
from db.sound.patches import Patches, patch_starts_s
from recommender import params
from recommender.retrieval.duplicates.evidence import (
    Agreement,
    is_same_recording,
    lengths_agree,
    sound_agreement,
    sounds_the_same,
)
from tests import synth
from tests.processes import REPO

PATCH_S = 2.992
FRAME_S = 0.136  # 22 frames a patch
DIMENSIONS = 24
SEEDS = st.integers(0, 2**32 - 1)


def sound(seed: int, seconds: float, base_seed: int = 0, change: float = 1.0) -> np.ndarray:
    """A song as vectors, one a frame: what it sounds like all along, and how it changes."""
    n = round(seconds / FRAME_S) + 200
    base = 3 * np.random.default_rng(base_seed).standard_normal(DIMENSIONS)
    steps = np.random.default_rng(seed).standard_normal((n + 60, DIMENSIONS))
    smooth = np.stack(
        [np.convolve(steps[:, d], np.ones(60) / 60**0.5, "valid") for d in range(DIMENSIONS)], 1
    )
    return base + change * smooth


def excerpt(frames: np.ndarray, begin_s: float, seconds: float, noise: float = 0.0, seed: int = 1) -> Patches:
    """The patches of a sequence of a song: means of its frames, with some noise."""
    firsts = np.arange(int(seconds / PATCH_S)) * PATCH_S
    rows = [frames[round((begin_s + s) / FRAME_S) : round((begin_s + s + PATCH_S) / FRAME_S)] for s in firsts]
    means = np.stack([r.mean(axis=0) for r in rows])
    means += noise * np.random.default_rng(seed).standard_normal(means.shape)
    return Patches(firsts.astype(np.float32), means.astype(np.float32))


def agreed(one: Patches, other: Patches, reach_s: float = params.SAME_LENGTH_S) -> Agreement:
    found = sound_agreement(one, other, reach_s)
    assert found is not None
    return found


@given(SEEDS, st.integers(1, 40))
@settings(max_examples=30)
def test_unshifted_patches_agree_by_their_cosines_and_correlation(seed: int, n: int) -> None:
    x, y = np.random.default_rng(seed).standard_normal((2, n, DIMENSIONS)).astype(np.float32)
    starts = np.arange(n, dtype=np.float32) * np.float32(PATCH_S)
    found = agreed(Patches(starts, x), Patches(starts, y), 0.0)
    cosines = [np.dot(a, b) / (np.dot(a, a) * np.dot(b, b)) ** 0.5 for a, b in zip(x, y, strict=True)]
    means = [(v - v.mean(axis=0)).ravel() for v in (x, y)]
    correlation = np.corrcoef(*means)[0, 1] if n > 1 else 0.0
    assert (found.offset_s, found.patches) == (0.0, n)
    assert_allclose([found.cosine, found.temporal_correlation], [np.mean(cosines), correlation], atol=1e-4)
    assert found.share == pytest.approx(np.mean([c >= params.OTHER_MUSIC for c in cosines]))


def best_by_hand(one: Patches, other: Patches, reach_s: float) -> tuple[float, float]:
    """Cosine and offset of the best alignment of one file with mixtures of the other's patches."""
    found = []
    for offset_s in np.arange(-reach_s, reach_s + 0.01, params.ALIGN_STEP_S):
        cosines = []
        for start_s, x in zip(one.starts_s, one.embeddings.astype(float), strict=True):
            position = (start_s + offset_s) / PATCH_S  # patches without gaps
            if (
                -params.NEAR_PATCH_S / PATCH_S
                <= position
                <= len(other.starts_s) - 1 + params.NEAR_PATCH_S / PATCH_S
            ):
                axis = np.arange(len(other.starts_s))
                y = np.array([np.interp(position, axis, column) for column in other.embeddings.T])
                cosines.append(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
        if len(cosines) >= 0.75 * max(len(one.starts_s), len(other.starts_s)):
            found.append((float(np.mean(cosines)), float(offset_s)))
    return max(found)


@pytest.mark.parametrize("seed", range(6))
def test_the_best_alignment_is_that_of_a_search_by_hand(seed: int) -> None:
    song = sound(seed, 50)
    one, other = excerpt(song, 4, 33, 0.3, 1), excerpt(song, 4 + 0.9 * (seed - 2.5), 36, 0.3, 2)
    cosine, offset_s = best_by_hand(one, other, params.SAME_LENGTH_S)
    back_cosine, back_s = best_by_hand(other, one, params.SAME_LENGTH_S)
    found = agreed(one, other)
    assert found.cosine == pytest.approx(max(cosine, back_cosine), abs=1e-5)
    assert found.offset_s == pytest.approx(offset_s if cosine > back_cosine else -back_s)


@given(SEEDS, st.floats(-2.9, 2.9))
@settings(max_examples=40)
def test_a_shift_is_found_and_bridged(seed: int, shift_s: float) -> None:
    song = sound(seed, 70)
    one, other = excerpt(song, 4, 60), excerpt(song, 4 + shift_s, 60)
    found = agreed(one, other)
    assert found.offset_s == pytest.approx(-shift_s, abs=0.75)
    assert found.cosine > 0.9
    assert found.temporal_correlation > 0.75
    assert is_same_recording(one, 60, other, 60)


@given(SEEDS, SEEDS, st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=40)
def test_agreement_is_mutual_and_blind_to_scale(seed: int, other_seed: int, n: int, m: int) -> None:
    one = excerpt(sound(seed, 40), 0, n * PATCH_S + 0.1)
    other = excerpt(sound(other_seed, 40), 0, m * PATCH_S + 0.1)
    found, back = sound_agreement(one, other), sound_agreement(other, one)
    if found is None or back is None:
        assert found is back
        return
    assert back == replace(found, offset_s=-found.offset_s)
    assert -1 <= found.temporal_correlation <= 1 + 1e-6
    assert -1 <= found.cosine <= 1 + 1e-6
    assert 0 <= found.share <= 1
    louder = sound_agreement(Patches(one.starts_s, one.embeddings * 4), other)
    assert louder is not None
    assert_allclose(
        [louder.cosine, louder.temporal_correlation], [found.cosine, found.temporal_correlation], atol=1e-4
    )


@given(SEEDS)
@settings(max_examples=25)
def test_songs_of_one_sound_that_change_differently_are_two(seed: int) -> None:
    one = excerpt(sound(seed, 100, change=0.5), 0, 90)
    similar = excerpt(sound(seed + 1, 100, change=0.5), 0, 90)
    copy = excerpt(sound(seed, 100, change=0.5), 0, 90, noise=0.1)
    assert agreed(one, similar).cosine > 0.85  # a cosine that many a re-encoding has
    assert not is_same_recording(one, 90, similar, 90)
    assert is_same_recording(one, 90, copy, 90)


def test_a_song_with_another_middle_is_another() -> None:
    song, other = sound(3, 100, change=2), sound(4, 100, base_seed=9)
    edited = song.copy()
    edited[300:400] = 0.3 * other[300:400]
    found = agreed(excerpt(song, 0, 90), excerpt(edited, 0, 90))
    correlation, cosine = params.SAME_SOUND_BARS[None]
    assert found.temporal_correlation > correlation
    assert found.cosine > cosine
    assert 0.8 < found.share < params.SAME_SHARE
    assert not is_same_recording(excerpt(song, 0, 90), 90, excerpt(edited, 0, 90), 90, tags_agree=True)


def test_nothing_is_mixed_across_a_silence() -> None:
    whole = excerpt(sound(5, 100), 0, 90)
    kept = np.r_[0:10, 20:30]
    holed = Patches(whole.starts_s[kept], whole.embeddings[kept])
    found = agreed(whole, holed, 0.0) if len(kept) >= 0.75 * 30 else sound_agreement(whole, holed, 0.0)
    assert found is None  # a third of the patches have no counterpart
    kept = np.r_[0:12, 17:30]
    holed = Patches(whole.starts_s[kept], whole.embeddings[kept])
    for found in (agreed(whole, holed), agreed(holed, whole)):
        assert (found.offset_s, found.patches) == (0.0, len(kept))
        assert_allclose([found.cosine, found.temporal_correlation], 1, atol=1e-5)


def test_a_passage_is_not_the_whole() -> None:
    song = sound(6, 100)
    assert sound_agreement(excerpt(song, 0, 90), excerpt(song, 0, 60)) is None
    assert not is_same_recording(excerpt(song, 0, 90), 90, excerpt(song, 0, 60), 60)


def test_patches_that_are_zero_or_never_change_have_no_course() -> None:
    starts = np.arange(5, dtype=np.float32) * np.float32(PATCH_S)
    zero, even = (Patches(starts, np.full((5, 4), value, np.float32)) for value in (0, 1))
    assert (
        agreed(zero, zero).cosine
        == agreed(zero, even).temporal_correlation
        == agreed(even, even).temporal_correlation
        == 0
    )
    assert not is_same_recording(even, 15, even, 15)  # in doubt
    assert is_same_recording(even, 15, even, 15, tags_agree=True)


@pytest.mark.parametrize(
    ("one_s", "other_s", "agree"),
    [
        (200, 200, True),
        (200, 203.2, True),
        (200, 203.3, False),
        (15, 18.3, False),
        (600, 606, True),
        (600, 606.1, False),  # a part in a hundred of the longer: 6.06 s
        (None, 200, False),
        (200, None, False),
        (None, None, False),
    ],
)
def test_lengths_agree(one_s: float | None, other_s: float | None, agree: bool) -> None:
    assert lengths_agree(one_s, other_s) is agree
    assert lengths_agree(other_s, one_s) is agree


@pytest.mark.parametrize(
    ("agreement", "without_tags", "tags_agree", "tags_differ"),
    [
        (Agreement(0, 80, 0.99, 0.97, 1.0), True, True, True),  # another encoding
        (Agreement(0, 80, 0.96, 0.92, 1.0), True, True, True),  # a remaster
        (Agreement(0, 80, 0.90, 0.82, 0.95), True, True, False),
        (Agreement(0, 80, 0.90, 0.75, 0.95), False, True, False),
        (Agreement(0, 80, 0.90, 0.62, 0.95), False, False, False),  # very similar, but another song
        (Agreement(0, 80, 0.78, 0.95, 0.95), False, False, False),
        (Agreement(0, 80, 0.99, 0.97, 0.85), False, False, False),  # another middle
        (Agreement(0, 2, 0.96, 0.97, 1.0), False, False, False),  # too short to tell
        (Agreement(0, 1, 0.98, 0.0, 1.0), False, True, False),
        (Agreement(0, 80, 0.98, 0.1, 1.0), False, True, False),  # a drone
        (None, False, False, False),
    ],
)
def test_what_is_enough(
    agreement: Agreement | None, without_tags: bool, tags_agree: bool, tags_differ: bool
) -> None:
    found = [sounds_the_same(agreement, tags) for tags in (None, True, False)]
    assert found == [without_tags, tags_agree, tags_differ]


def test_without_lengths_or_with_other_ones_files_are_not_the_same() -> None:
    song = excerpt(sound(7, 100), 0, 90)
    assert is_same_recording(song, 90, song, 91)
    assert not is_same_recording(song, 90, song, 94)
    assert not is_same_recording(song, None, song, 90)
    assert not is_same_recording(song, 90, song, None)


def rough(seed: int, seconds: float) -> np.ndarray:
    """A song that changes from frame to frame, so that patches of it say little of what lies between them."""
    n = round(seconds / FRAME_S) + 200
    random = np.random.default_rng(seed)
    base = 3 * np.random.default_rng(0).standard_normal(DIMENSIONS)
    return base + np.repeat(random.standard_normal((n // 7 + 1, DIMENSIONS)), 7, axis=0)[:n]


@pytest.mark.parametrize("seed", range(5))
def test_half_a_patch_of_silence_hides_no_recording(seed: int) -> None:
    song = rough(seed, 100)
    one, other = excerpt(song, 4, 60), excerpt(song, 4 - PATCH_S / 2, 60)
    found = agreed(one, other)
    correlation, _ = params.SAME_SOUND_BARS[None]
    assert found.temporal_correlation < correlation  # which was not enough
    assert found.smooth_correlation > found.temporal_correlation + 0.05
    assert is_same_recording(one, 60, other, 61.5)
    stranger = excerpt(rough(seed + 50, 100), 4, 60)
    assert agreed(one, stranger).smooth_correlation < 0.5
    assert not is_same_recording(one, 60, stranger, 61.5)


def test_neighbours_are_averaged_by_value() -> None:
    x, y = np.random.default_rng(3).standard_normal((2, 9, DIMENSIONS)).astype(np.float32)
    starts = np.arange(9, dtype=np.float32) * np.float32(PATCH_S)
    found = agreed(Patches(starts, x), Patches(starts, y), 0.0)
    a, b = ((v[:-1].astype(float) + v[1:]) / 2 for v in (x, y))
    cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    correlation = np.corrcoef((a - a.mean(0)).ravel(), (b - b.mean(0)).ravel())[0, 1]
    assert_allclose([found.smooth_cosine, found.smooth_correlation], [cosines.mean(), correlation], atol=1e-4)


@pytest.mark.parametrize(("lead_s", "tail_s"), [(0.2, 1.5), (0.7, 0.5), (1.0, 0.2), (1.5, 1.5)])
def test_a_song_with_some_silence_around_it_is_the_same(
    trunk: Trunk, tmp_path: Path, lead_s: float, tail_s: float
) -> None:
    """MP3s and Ogg Vorbis of real songs, through the whole way from the file."""
    songs = sorted((REPO / "demo/catalog").rglob("*.ogg"))[:3]
    originals, copies = [], []
    for number, song in enumerate(songs):
        rate_hz, _, blocks = open_frames(song)
        samples = np.concatenate([block.copy() for block in blocks])[: 60 * rate_hz, :2]
        padding = [(round(s * rate_hz), samples.shape[1]) for s in (lead_s, tail_s)]
        padded = np.concatenate([np.zeros(padding[0]), samples, np.zeros(padding[1])]).astype(np.float32)
        originals.append(patches_of(trunk, synth.write(tmp_path / f"{number}.mp3", samples, rate_hz)))
        copies.append(patches_of(trunk, synth.write(tmp_path / f"{number}.ogg", padded, rate_hz)))
    same = [[is_same_recording(*one, *other) for other in copies] for one in originals]
    assert same == np.eye(len(songs), dtype=bool).tolist()


def patches_of(trunk: Trunk, path: Path) -> tuple[Patches, float]:
    analysis = trunk.analyse_file(path)
    starts, rows = [], []
    for s in analysis.segments:
        if s.patches is not None:
            starts.append(patch_starts_s(s.start_s, s.end_s, len(s.patches), PATCH_S))
            rows.append(s.patches.astype(np.float32))
    return Patches(np.concatenate(starts), np.concatenate(rows)), analysis.duration_s
