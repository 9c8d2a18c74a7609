"""What a file may claim to be before it is believed, and how much of it is decoded."""

from collections.abc import Iterator

from classifier import params
from classifier.audio.report import Samples
from classifier.errors import LimitError
from classifier.progress import made_progress


def check_form(rate_hz: int, channels: int) -> None:
    """Refuse a sampling rate or a number of channels that nothing must be computed from.

    Parameters
    ----------
    rate_hz, channels
        As a file's header, or one of its frames, claims them.

    Raises
    ------
    LimitError
    """
    if channels > params.MOST_CHANNELS:
        raise LimitError(f"it claims {channels:,} channels; at most {params.MOST_CHANNELS} are read")
    # Not what it claims: libsndfile makes other numbers of the wildest.
    if rate_hz < params.LOWEST_RATE_HZ:
        lowest = f"{params.LOWEST_RATE_HZ:,} Hz, the lowest that is read"
        raise LimitError(f"it claims a sampling rate under {lowest}")
    if rate_hz > params.HIGHEST_RATE_HZ:
        highest = f"{params.HIGHEST_RATE_HZ:,} Hz, the highest that is read"
        raise LimitError(f"it claims a sampling rate over {highest}")


def block_frames(rate_hz: int, channels: int) -> int:
    """Return how many frames are decoded at a time: about a second's, and never many samples."""
    return max(1, min(int(params.BLOCK_S * rate_hz), params.MOST_BLOCK_SAMPLES // channels))


def within_length(blocks: Iterator[Samples], rate_hz: int) -> Iterator[Samples]:
    """Yield a file's blocks, of whatever it claims to be, until they are longer than any file may be.

    Raises
    ------
    LimitError
        Then.
    """
    frames, most = 0, params.LONGEST_AUDIO_S * rate_hz
    for block in blocks:
        frames += len(block)
        if frames > most:
            hours = params.LONGEST_AUDIO_S / 3600
            raise LimitError(f"it is longer than {hours:g} hours, the most that is read")
        made_progress()
        yield block
