"""Blocks of samples at another rate."""

import math
from collections.abc import Iterator

import numpy as np

from classifier.audio.report import Samples


def resample(blocks: Iterator[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
    """Yield blocks of (samples,) or of (samples, channels) at another rate, as soxr's HQ makes them."""
    if from_hz == to_hz:
        yield from (block.copy() for block in blocks)  # a decoder may use a block's memory again
        return
    import soxr

    stream, rest = None, np.zeros(0, np.float32)
    for block in blocks:
        if stream is None:
            rest = np.zeros((0, *block.shape[1:]), np.float32)
            channels = math.prod(block.shape[1:])
            stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality="HQ")
        yield stream.resample_chunk(block)
    if stream is not None:
        yield stream.resample_chunk(rest, last=True)
