"""The features of an excerpt of a file, as pictures show them."""

from pathlib import Path
from typing import Literal

from classifier.arrays import Array
from classifier.audio.decode import read_clip
from classifier.features.frontend import FrontEnd, cosine_transform, log_mel, mel_filters
from classifier.networks.recipes import study_front_end


def clip_features(
    path: str | Path, kind: Literal["mel", "mfcc"], start_s: float, seconds: float
) -> tuple[Array, FrontEnd]:
    """Return an excerpt's mel spectrogram in dB, or its MFCCs, with the study's numbers.

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
    samples = read_clip(Path(path), front_end.rate_hz, start_s, seconds)
    features = log_mel(samples, mel_filters(front_end), front_end)
    if kind == "mfcc":
        features = features @ cosine_transform(front_end.n_mels, front_end.n_mfcc)
    return features, front_end
