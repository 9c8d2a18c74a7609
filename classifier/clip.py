"""The features of a stretch of a file, as pictures show them."""

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from classifier.decode import DecodeReport, stream_mono
from classifier.errors import TooShortError
from classifier.frontend import FrontEnd, cosine_transform, log_mel, mel_filters
from classifier.recipes import study_front_end
from classifier.segments import Samples

Array = npt.NDArray[np.float32]


def read_clip(path: Path, rate_hz: int, start_s: float, seconds: float) -> Samples:
    """Decode a stretch of a file to mono.

    Parameters
    ----------
    path
        An audio file; nothing after the stretch is decoded.
    rate_hz
        Sampling rate to resample to, in Hz.
    start_s, seconds
        Where it begins and how long it is at most: it ends where the audio does.

    Raises
    ------
    AudioError
        A subclass that names the reason; `TooShortError` where the audio ends before the stretch begins.
    """
    first, last = round(start_s * rate_hz), round((start_s + seconds) * rate_hz)
    blocks: list[Samples] = []
    decoded = 0
    for block in stream_mono(path, rate_hz, DecodeReport()):
        blocks.append(block[max(0, first - decoded) : max(0, last - decoded)])
        decoded += len(block)
        if decoded >= last:
            break
    if decoded <= first:
        raise TooShortError(f"too short: it ends after {decoded / rate_hz:.1f} s, before {start_s:g} s")
    return np.concatenate(blocks)


def clip_features(
    path: Path, kind: Literal["mel", "mfcc"], start_s: float, seconds: float
) -> tuple[Array, FrontEnd]:
    """Return a stretch's mel spectrogram in dB, or its MFCCs, with the study's numbers.

    Parameters
    ----------
    path, start_s, seconds
        As `read_clip` takes them.

    Returns
    -------
    tuple
        (frames, 128) dB, or (frames, 40) coefficients, float32; and the front end.
    """
    front_end = study_front_end(kind, published=False)
    samples = read_clip(path, front_end.rate_hz, start_s, seconds)
    features = log_mel(samples, mel_filters(front_end), front_end)
    if kind == "mfcc":
        features = features @ cosine_transform(front_end.n_mels, front_end.n_mfcc)
    return features, front_end
