"""Cutting a stream of samples into segments and patches."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.errors import TooShortError
from classifier.features.frontend import FrontEnd
from classifier.features.segments import (
    AudioSegment,
    heard_patches,
    iter_segments,
    patch_starts,
    without_offset,
)
from db.sound.patches import heard, patch_starts_s
from tests import synth

RATE_HZ = 100  # segments are cut by length alone: a low rate keeps the examples small
SEGMENT_N = 30 * RATE_HZ


def ramp(n: int) -> np.ndarray:
    """Samples that name their own position, without an offset."""
    return np.arange(n, dtype=np.float32) * np.where(np.arange(n) % 2, 1, -1).astype(np.float32)


def cut(samples: np.ndarray, sizes: list[int]) -> Iterator[np.ndarray]:
    """Cut samples into blocks, going round the sizes."""
    start = turn = 0
    while start < len(samples):
        yield samples[start : start + sizes[turn % len(sizes)]]
        start += sizes[turn % len(sizes)]
        turn += 1


def segments_of(n: int, sizes: list[int]) -> list[AudioSegment]:
    return list(iter_segments(cut(ramp(n), sizes), RATE_HZ))


@settings(max_examples=200, deadline=None)
@given(
    n=st.integers(3 * RATE_HZ, 130 * RATE_HZ),
    sizes=st.lists(st.integers(1, 50 * RATE_HZ), min_size=1, max_size=5),
)
def test_segments_tile_the_track(n: int, sizes: list[int]) -> None:
    segments = segments_of(n, sizes)
    np.testing.assert_array_equal(np.concatenate([s.samples for s in segments]), ramp(n))
    position = 0
    for segment in segments:
        assert segment.start_s == pytest.approx(position / RATE_HZ)
        position += len(segment.samples)
        assert segment.end_s == pytest.approx(position / RATE_HZ)
    assert all(len(s.samples) == SEGMENT_N for s in segments[:-1])
    last_n = len(segments[-1].samples)
    assert last_n < 35 * RATE_HZ
    if len(segments) > 1:
        assert last_n >= 5 * RATE_HZ


@settings(max_examples=50, deadline=None)
@given(n=st.integers(3 * RATE_HZ, 130 * RATE_HZ), sizes=st.lists(st.integers(1, 5000), min_size=1))
def test_block_sizes_do_not_matter(n: int, sizes: list[int]) -> None:
    in_one = [(s.start_s, s.end_s) for s in segments_of(n, [n])]
    assert [(s.start_s, s.end_s) for s in segments_of(n, sizes)] == in_one


@pytest.mark.parametrize(
    ("seconds", "lengths_s"),
    [
        (3, [3]),
        (30, [30]),
        (34.99, [34.99]),
        (35, [30, 5]),
        (60, [30, 30]),
        (64.99, [30, 34.99]),
        (65, [30, 30, 5]),
        (94, [30, 30, 34]),
    ],
)
def test_lengths(seconds: float, lengths_s: list[float]) -> None:
    found = [s.end_s - s.start_s for s in segments_of(round(seconds * RATE_HZ), [70])]
    assert found == pytest.approx(lengths_s)


def test_empty_blocks_are_harmless() -> None:
    empty = np.zeros(0, np.float32)
    blocks = [empty, ramp(400), empty, empty]
    assert [len(s.samples) for s in iter_segments(iter(blocks), RATE_HZ)] == [400]


@given(n=st.integers(0, 3 * RATE_HZ - 1))
def test_less_than_three_seconds_is_too_short(n: int) -> None:
    with pytest.raises(TooShortError, match=rf"{n / RATE_HZ:.1f} s"):
        segments_of(n, [7])


@pytest.mark.parametrize(
    ("amplitude", "level_dbfs"), [(1.0, -3.0103), (0.5, -9.0309), (0.001, -63.0103), (0.0, -120.0)]
)
def test_level_of_a_sine(amplitude: float, level_dbfs: float) -> None:
    segment = AudioSegment(0.0, 3.0, synth.sine(3, 100, 16_000, amplitude))
    assert segment.level_dbfs == pytest.approx(level_dbfs, abs=1e-3)
    assert segment.rms == pytest.approx(amplitude / math.sqrt(2), rel=1e-4)


@pytest.mark.parametrize(("level_dbfs", "silent"), [(-61, True), (-60.1, True), (-59.9, False), (-59, False)])
def test_silence_threshold(level_dbfs: float, silent: bool) -> None:
    amplitude = math.sqrt(2) * 10 ** (level_dbfs / 20)
    assert AudioSegment(0.0, 3.0, synth.sine(3, 100, 16_000, amplitude)).silent is silent


@given(n_frames=st.integers(0, 3000), patch_frames=st.integers(1, 300), min_rest_frames=st.integers(1, 300))
def test_patches_cover_all_but_a_short_rest(n_frames: int, patch_frames: int, min_rest_frames: int) -> None:
    starts = patch_starts(n_frames, patch_frames, min_rest_frames)
    assert all(0 <= start <= n_frames - patch_frames for start in starts)
    whole = n_frames // patch_frames
    assert starts[:whole] == [patch_frames * k for k in range(whole)]
    rest = n_frames - whole * patch_frames
    if whole and rest >= min_rest_frames:
        assert starts[whole:] == [n_frames - patch_frames]
    else:
        assert len(starts) == whole


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [
        (3.0, [0]),  # 188 frames: one is left over
        (4.4, [0]),  # a rest of 89 frames, 1.4 s
        (4.6, [0, 101]),  # a rest of 101 frames, 1.6 s: aligned to the end, 288 − 187
        (6.0, [0, 187]),
        (30.0, [187 * k for k in range(10)]),
    ],
)
def test_patches_of_the_shipped_front_end(shipped, seconds: float, starts: list[int]) -> None:
    front_end = shipped.front_end
    n_frames = 1 + round(seconds * front_end.rate_hz) // front_end.hop_length
    assert patch_starts(n_frames, front_end.patch_frames, front_end.min_rest_frames) == starts


@pytest.mark.parametrize(
    ("seconds", "starts", "kept_s"),
    [
        (30.0, [62 * k for k in range(29)], [1.984 * k for k in range(15)]),  # 1876 frames: 12 are left over
        (6.0, [0, 62, 124, 186, 248], [0.0, 1.984, 3.968]),  # 376 frames: none is left over
        (2.2, [0], [0.0]),
    ],
)
def test_patches_that_overlap_as_essentia_has_them(
    seconds: float, starts: list[int], kept_s: list[float]
) -> None:
    """An incomplete patch is left out; of those that overlap every second is kept, 124 frames apart."""
    front_end = FrontEnd(patch_frames=128, patch_hop=62)
    n_frames = 1 + int(seconds * front_end.rate_hz) // front_end.hop_length
    found = patch_starts(n_frames, 128, front_end.min_rest_frames, front_end.patch_hop)
    assert found == starts
    assert front_end.kept_every == 2
    assert front_end.read_s == 2.048
    kept = patch_starts_s(0.0, seconds, len(starts[:: front_end.kept_every]), front_end.patch_s)
    assert kept.tolist() == pytest.approx(kept_s)
    assert kept.tolist() == pytest.approx([s * 0.016 for s in starts[::2]]), "where the network read them"


def test_an_offset_is_taken_out_and_music_left_alone() -> None:
    music = synth.music_like(20, 3, 16_000)
    assert without_offset(music, 16_000) is music
    (segment,) = iter_segments(iter([music * np.float32(0.02) + np.float32(0.1)]), 16_000)
    inner = slice(800, -800)
    wanted = (music - music.mean()) * 0.02
    np.testing.assert_allclose(segment.samples[inner], wanted[inner], rtol=0, atol=1e-6)
    assert segment.rms == pytest.approx(float(np.sqrt(np.mean(wanted**2))), rel=0.01)


@pytest.mark.parametrize("constant", [0.0, 1e-3, -0.5, 1.0])
def test_a_constant_is_silence(constant: float) -> None:
    (segment,) = iter_segments(iter([np.full(20 * 16_000, constant, np.float32)]), 16_000)
    assert segment.silent


def test_silent_patches_are_told_and_do_not_lower_the_level() -> None:
    sound = np.concatenate([np.full(500, 0.1), np.full(700, 1e-5), np.full(300, 0.1)]).astype(np.float32)
    sound *= np.where(np.arange(1500) % 2, 1, -1).astype(np.float32)
    found, rms = heard_patches(AudioSegment(0, 15, sound), range(0, 1500, 250), 250)
    assert found.tolist() == [True, True, False, False, True, True]  # the fifth is half silent
    assert rms == pytest.approx(0.1 * math.sqrt(800 / 1000), rel=1e-4)
    quiet = AudioSegment(0, 15, sound * np.float32(0.02))  # little louder than silence itself
    assert heard_patches(quiet, [0, 500], 500)[0].tolist() == [True, False]
    even = np.tile(np.array([7e-4, -7e-4], np.float32), 500)
    assert heard_patches(AudioSegment(0, 10, even), [0, 500], 500)[0].tolist() == [True, True]


def test_zeros_stand_for_silent_patches() -> None:
    starts, rows = np.arange(4, dtype=np.float32), np.eye(4, 3, dtype=np.float32)
    kept_starts, kept = heard(starts, rows)
    assert kept_starts.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(kept, np.eye(3))
    assert len(heard(starts, np.zeros_like(rows))[1]) == 4


@pytest.mark.parametrize("share", [0.025, 0.1, 0.3])
@pytest.mark.parametrize("seconds", [3.2, 20])
def test_a_constant_is_taken_out_and_slow_movements_are_not(share: float, seconds: float) -> None:
    music = synth.music_like(seconds, 3, 16_000)
    music = music - music.mean()
    power = float(np.mean(music**2))
    constant = math.sqrt(share / (1 - share) * power)
    moved = without_offset(music + np.float32(constant), 16_000)
    np.testing.assert_allclose(moved[800:-800], music[800:-800], rtol=0, atol=1e-6)
    # As much of the energy, by seconds that differ: it is how the music is.
    slow = np.where(np.arange(len(music)) // 16_000 % 3 == 0, 1.6, 0.7).astype(np.float32)
    drifting = music + slow * np.float32(constant)
    assert without_offset(drifting, 16_000) is drifting


def test_a_small_constant_stays() -> None:
    music = synth.music_like(20, 3, 16_000)
    music = music - music.mean() + np.float32(math.sqrt(0.016 * float(np.mean(music**2))))
    assert without_offset(music, 16_000) is music
