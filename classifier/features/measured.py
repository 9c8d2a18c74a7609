"""One spectrum of a segment for both: what the network reads, and what is measured."""

from pathlib import Path

import numpy as np

from classifier import params
from classifier.arrays import Array
from classifier.audio.decode import DecodeReport, whole_mono
from classifier.errors import SilentError
from classifier.features.frontend import FrontEnd, mel_patches, on_scale, power_mel, reference_gain
from classifier.features.heard import heard_by
from classifier.features.segments import AudioSegment, Flags, iter_segments
from classifier.measures.loudness import ChannelPassages, band_weights
from classifier.measures.measure import MeasuredTrack, SegmentSound, measure_segment, measured_track
from classifier.progress import made_progress


class MeasuredFrontEnd:
    """A bundle's front end, which measures what it reads.

    Parameters
    ----------
    mel_filters, front_end
        Of the bundle.
    """

    def __init__(self, mel_filters: Array, front_end: FrontEnd) -> None:
        self._filters, self._front_end = mel_filters, front_end
        self._weights = band_weights(mel_filters, front_end.rate_hz)

    def heard(self, segment: AudioSegment) -> tuple[Flags, float]:
        """Return which patches of a segment are more than silence, and the level of its other samples."""
        return heard_by(segment, self._front_end)

    def patches(self, segment: AudioSegment, rms: float) -> tuple[Array, SegmentSound]:
        """Return what the network reads of a segment, (n, patch_frames, n_bands), and its sound."""
        mel, sound = self._measure(segment, rms)
        return mel_patches(mel, self._front_end), sound

    def sound(self, segment: AudioSegment) -> SegmentSound | None:
        """Return the sound of a segment alone; None where it is silent."""
        made_progress()
        heard, rms = self.heard(segment)
        if segment.silent or not (heard.any() or not len(heard)):
            return None
        return self._measure(segment, rms)[1]

    def _measure(self, segment: AudioSegment, rms: float) -> tuple[Array, SegmentSound]:
        """Return the spectrogram on the front end's scale, and what is measured of it."""
        front_end = self._front_end
        gain = reference_gain(rms, front_end)
        power = power_mel(segment.samples, self._filters, front_end, gain)
        frame_powers = (power @ self._weights) / gain**2
        shared = front_end.scale == "log10" and front_end.log_scale == params.LOG_SCALE
        shared = shared and front_end.reference_rms == params.REFERENCE_RMS
        level = 1.0 if shared or rms <= 0 else (params.REFERENCE_RMS / rms / gain) ** 2
        own = None if shared else np.log10(1 + params.LOG_SCALE * level * power)
        mel = on_scale(power, front_end)
        frame_hz = front_end.rate_hz / front_end.hop_length
        measured = mel if own is None else own
        return mel, measure_segment(segment.samples, front_end.rate_hz, measured, frame_powers, frame_hz)


def measure_file(path: Path, mel_filters: Array, front_end: FrontEnd) -> MeasuredTrack:
    """Decode a file and measure it, segment by segment, as an analysis does.

    Raises
    ------
    AudioError
        As of `classifier.model.inference.Trunk.analyse_file`.
    """
    passages = ChannelPassages(front_end.rate_hz)
    reader = MeasuredFrontEnd(mel_filters, front_end)
    blocks = whole_mono(path, front_end.rate_hz, DecodeReport(passages=passages))
    sounds = [reader.sound(segment) for segment in iter_segments(blocks, front_end.rate_hz)]
    if all(sound is None for sound in sounds):
        raise SilentError("silent throughout")
    return measured_track(sounds, passages.louder())
