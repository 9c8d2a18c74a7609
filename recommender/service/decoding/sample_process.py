"""The process that decodes a song to be listened to; it loads no network, so that the song begins sooner."""

from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from classifier.audio.decode import DecodeReport, stream_mono
from classifier.audio.excerpt import open_range, two_channels
from classifier.audio.report import Samples
from classifier.audio.resampling import resample
from recommender.process_limits import allow_seconds, confine
from recommender.service.decoding.process import OPEN_FILES, Limits, send_blocks

LISTEN_HZ = 44_100


def serve_samples(
    connection: Connection,
    path: str,
    start_s: float,
    end_s: float | None,
    channels: int,
    first: int,
    limits: Limits,
) -> None:
    """Send the samples of a file, or of a range of it, 16 bits each, as fast as they are taken.

    Parameters
    ----------
    path, start_s, end_s
        The file, and from where to where in it.
    channels
        1 or 2.
    first
        How many samples of the range are left out.
    """
    confine(limits.memory, OPEN_FILES)
    allow_seconds(limits.cpu_s)
    send_blocks(connection, _samples(Path(path), start_s, end_s, channels, first))


def _samples(path: Path, start_s: float, end_s: float | None, channels: int, first: int) -> Iterator[bytes]:
    for block in _blocks(path, start_s, end_s, channels):
        samples, first = block[first:], max(0, first - len(block))
        yield np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes()


def _blocks(path: Path, start_s: float, end_s: float | None, channels: int) -> Iterator[Samples]:
    if channels == 1:
        return stream_mono(path, LISTEN_HZ, DecodeReport(), start_s, end_s)
    rate_hz, _, blocks = open_range(path, start_s, end_s)
    return resample(two_channels(blocks), rate_hz, LISTEN_HZ)
