"""Which patches count, for analysis and for training."""

from pathlib import Path

import numpy as np

from classifier.datasets.dataset import patches_of
from classifier.features.frontend import FrontEnd, mel_filters, segment_patches
from classifier.features.heard import heard_by
from classifier.features.segments import AudioSegment, iter_segments
from tests import synth

RATE_HZ = 16_000


def song() -> np.ndarray:  # type: ignore[type-arg]
    """Return 24 s: music, nine seconds of nothing, music."""
    music = synth.music_like(24, 5, RATE_HZ)
    music[8 * RATE_HZ : 17 * RATE_HZ] = 0
    return music


def test_as_many_as_patches_are_made() -> None:
    for front_end in (FrontEnd(), FrontEnd(padding="silence"), FrontEnd(patch_frames=128, patch_hop=62)):
        for seconds in (1.0, 3.0, 5.3, 30.0):
            samples = synth.music_like(seconds, 1, RATE_HZ)
            segment = AudioSegment(0.0, seconds, samples)
            made = segment_patches(samples, segment.rms, mel_filters(front_end), front_end)
            heard, rms = heard_by(segment, front_end)
            assert len(heard) == len(made)
            assert heard.all()
            assert rms == segment.rms


def test_a_silent_segment_has_none() -> None:
    segment = AudioSegment(0.0, 9.0, np.zeros(9 * RATE_HZ, np.float32))
    assert not heard_by(segment, FrontEnd())[0].any()


def test_training_reads_what_is_heard_at_the_level_of_that(tmp_path: Path) -> None:
    front_end = FrontEnd()
    filters = mel_filters(front_end)
    path = synth.write(tmp_path / "song.wav", song(), RATE_HZ)
    found = patches_of(path, front_end, filters)
    ((segment),) = iter_segments(iter([song()]), RATE_HZ)
    heard, rms = heard_by(segment, front_end)
    assert 0 < heard.sum() < len(heard)
    assert rms > 1.15 * segment.rms
    wanted = segment_patches(segment.samples, rms, filters, front_end)[heard]
    assert found["patches"].shape == wanted.shape
    np.testing.assert_allclose(found["patches"].astype(np.float32), wanted, rtol=0, atol=2e-2)
    assert found["segments"].tolist() == [0] * int(heard.sum())
