"""Measuring beside the network, and alone."""

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from classifier.errors import SilentError
from classifier.features.frontend import FrontEnd, mel_filters
from classifier.features.measured import MeasuredFrontEnd, measure_file
from classifier.features.segments import AudioSegment
from classifier.measures.measure import UNKNOWN, measures_of
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from tests import synth

RATE_HZ = 16_000


def close(found: tuple[object, ...], expected: tuple[object, ...], rel: float = 1e-5) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one == (pytest.approx(other, rel=rel) if isinstance(other, float) else other)


def test_measuring_alone_gives_what_an_analysis_gives(shipped: Bundle, tmp_path: Path) -> None:
    sound = np.concatenate(
        [synth.music_like(40, 3), np.zeros(20 * synth.RATE_HZ, np.float32), synth.clicks(20)]
    )
    path = synth.write(tmp_path / "song.flac", sound)
    analysed = Trunk(shipped, threads=1).analyse_file(path)
    alone = measure_file(path, shipped.mel_filters, shipped.front_end)
    close(astuple(alone.song), astuple(analysed.measures))
    for found, segment in zip(alone.segments, analysed.segments, strict=True):
        close(astuple(found), astuple(segment.measures))
    assert analysed.measures.tempo_bpm is not None
    assert len({segment.measures.loudness_lufs for segment in analysed.segments}) == len(analysed.segments)


def test_a_silent_segment_has_no_measures(shipped: Bundle, tmp_path: Path) -> None:
    sound = np.concatenate([synth.music_like(30, 3), np.zeros(30 * synth.RATE_HZ, np.float32)])
    found = measure_file(synth.write(tmp_path / "song.flac", sound), shipped.mel_filters, shipped.front_end)
    assert found.segments[1] == UNKNOWN
    close(astuple(found.song), astuple(found.segments[0]), rel=0.05)
    silent = synth.write(tmp_path / "silent.flac", np.zeros(5 * synth.RATE_HZ, np.float32))
    with pytest.raises(SilentError):
        measure_file(silent, shipped.mel_filters, shipped.front_end)


@pytest.mark.parametrize("factor", [0.1, 3.0])
def test_only_loudness_and_energy_know_the_level(shipped: Bundle, factor: float) -> None:
    reader = MeasuredFrontEnd(shipped.mel_filters, shipped.front_end)
    samples = synth.music_like(20, 7, RATE_HZ) / 4
    plain, louder = (
        reader.sound(AudioSegment(0.0, 20.0, (samples * by).astype(np.float32))) for by in (1.0, factor)
    )
    assert plain is not None
    assert louder is not None
    one, other = measures_of([plain]), measures_of([louder])
    assert other.loudness_lufs == pytest.approx(one.loudness_lufs + 20 * np.log10(factor), abs=0.01)
    assert (other.tempo_bpm, other.key) == (pytest.approx(one.tempo_bpm, rel=1e-3), one.key)
    assert (other.energy > one.energy) == (factor > 1)


def test_another_front_end_measures_alike(shipped: Bundle) -> None:
    samples = synth.music_like(20, 9, RATE_HZ)
    segment = AudioSegment(0.0, 20.0, samples)
    front_end = FrontEnd(scale="db", reference_rms=None, n_mels=64)
    ours = MeasuredFrontEnd(shipped.mel_filters, shipped.front_end).sound(segment)
    theirs = MeasuredFrontEnd(mel_filters(front_end), front_end).sound(segment)
    assert ours is not None
    assert theirs is not None
    one, other = measures_of([ours]), measures_of([theirs])
    assert other.loudness_lufs == pytest.approx(one.loudness_lufs, abs=0.05)
    assert other.tempo_bpm == pytest.approx(one.tempo_bpm, rel=0.01)
    assert other.key == one.key
    assert other.energy == pytest.approx(one.energy, abs=0.05)
